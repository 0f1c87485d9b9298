# SPDX-License-Identifier: Apache-2.0
"""No credential leaves a context: a canary in each place of each format where its tool takes one, by the
documentation of that tool. The places are named in docs/recipes.md.

A row of CORPUS is (format, place, path, text with {C}): the canary must not appear in the recipe, its blobs, the
skeleton, the stream or a message, and a message must name the file. A row of STAYS must come through byte for byte:
variables in place of a credential, placeholders, and names that only look like those of credentials.
"""

import json
import os
import random
import re
import subprocess

from box import contents, environment

CANARY = "C4n4ryQ7w9Zx2Lm5Kp8T"
ROTATED = "R0t4t3dB6v3Ny1Hj9Gf2S"

# What makes a unit, so that the file of a row is read.
NPM = {"package.json": '{"name":"x","scripts":{"postinstall":"sh setup.sh && node a.js && cat .env .netrc x.env conf.ini"}}',
       "package-lock.json": "{}"}
YARN = {"package.json": '{"name":"x"}', "yarn.lock": "__metadata:\n"}
PNPM = {"package.json": '{"name":"x"}', "pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}
BUN = {"package.json": '{"name":"x"}', "bun.lock": "{}"}
CARGO = {"Cargo.toml": '[package]\nname = "a"\nversion = "1.0.0"\n', "src/main.rs": "", "Cargo.lock": "version = 4\n"}
PYTHON = {"pyproject.toml": '[project]\nname = "a"\nversion = "1"\n', "requirements.txt": "six\n"}
MAVEN = {"pom.xml": "<project/>"}
GRADLE = {"settings.gradle": "", "build.gradle": ""}
DOTNET = {"a.csproj": "<Project/>"}
PHP = {"composer.json": "{}"}
RUBY = {"Gemfile": 'gem "x"\n'}
ELIXIR = {"mix.exs": ""}
GO = {"go.mod": "module a\n"}


def pom(inner):
    return f"<project>{inner}</project>"


def package(**more):
    return json.dumps({"name": "x", **more})


CORPUS = [
    # npm: docs.npmjs.com, .npmrc and package.json
    ("npm", "_authToken of a registry", NPM, ".npmrc", "//h/:_authToken={C}\n"),
    ("npm", "_authToken after a comment", NPM, ".npmrc", "; c\n//h/:_authToken = {C}\nsave-exact=true\n"),
    ("npm", "_authToken in quotes", NPM, ".npmrc", '//h/:_authToken="{C}"\n'),
    ("npm", "_auth", NPM, ".npmrc", "_auth={C}\n"),
    ("npm", "_auth of a registry", NPM, ".npmrc", "//h/:_auth={C}\n"),
    ("npm", "_password", NPM, ".npmrc", "//h/:username=me\n//h/:_password={C}\n"),
    ("npm", "key", NPM, ".npmrc", 'key="-----BEGIN PRIVATE KEY-----\\n{C}\\n-----END PRIVATE KEY-----"\n'),
    ("npm", "cert", NPM, ".npmrc", 'cert="-----BEGIN CERTIFICATE-----\\n{C}\\n-----END CERTIFICATE-----"\n'),
    ("npm", "otp", NPM, ".npmrc", "otp={C}\n"),
    ("npm", "login of registry=", NPM, ".npmrc", "registry=https://u:{C}@h/\n"),
    ("npm", "login of a scope's registry", NPM, ".npmrc", "@a:registry=https://{C}@h/\n"),
    ("npm", "login of proxy=", NPM, ".npmrc", "https-proxy=http://u:{C}@h:1/\n"),
    ("npm", "login of proxy= without a scheme", NPM, ".npmrc", "proxy=u:{C}@h:3128\n"),
    ("npm", "fallback of a variable", NPM, ".npmrc", "//h/:_authToken=${NPM_TOKEN-{C}}\n"),
    ("npm", "login of a dependency", NPM, "package.json", package(dependencies={"a": "git+https://u:{C}@h/a.git"})),
    ("npm", "token as the user of a dependency", NPM, "package.json",
     package(dependencies={"a": "git+https://{C}:x-oauth-basic@github.com/a/a.git"})),
    ("npm", "an override", NPM, "package.json", package(overrides={"a": "https://u:{C}@h/a.tgz"})),
    ("npm", "a variable in a lifecycle script", NPM, "package.json", package(scripts={"postinstall": "NPM_TOKEN={C} node -v"})),
    ("npm", "an option in a lifecycle script", NPM, "package.json", package(scripts={"postinstall": "x --token={C}"})),
    ("npm", "a header in a lifecycle script", NPM, "package.json",
     package(scripts={"postinstall": "curl -H 'Authorization: Bearer {C}' https://h"})),
    ("npm", "curl -u in a lifecycle script", NPM, "package.json", package(scripts={"postinstall": "curl -u me:{C} https://h"})),
    ("npm", "config of package.json", NPM, "package.json", package(config={"authToken": "{C}"})),
    ("npm", "a lock's resolved login", NPM, "package-lock.json",
     '{"packages":{"node_modules/a":{"version":"1.0.0","resolved":"https://u:{C}@h/a.tgz"}}}'),
    ("npm", "a lock's resolved token", NPM, "package-lock.json",
     '{"packages":{"node_modules/a":{"version":"1.0.0","resolved":"https://h/a.tgz?token={C}"}}}'),
    ("npm", "a lock that is no JSON", NPM, "package-lock.json", '{"resolved": "https://u:{C}@h/a.tgz",'),
    ("npm", "a manifest that is no JSON", NPM, "package.json", '{"config": {"token": "{C}"},,'),
    ("npm", "an unquoted value in JSON", NPM, "package.json", '{"token": {C}}'),
    ("npm", ".env of a lifecycle script", NPM, ".env", "A={C}\n"),
    ("npm", "a named .env of a lifecycle script", NPM, "x.env", "export DATABASE_URL='{C}'\n# {C}\n"),
    ("npm", ".netrc of a lifecycle script", NPM, ".netrc", "machine h login u password {C}\n"),
    ("npm", "INI of a lifecycle script", NPM, "conf.ini", "[a]\npassword = {C}\n"),
    ("npm", "a variable in a shell script", NPM, "setup.sh", "export NPM_TOKEN={C}\n"),
    ("npm", "an option in a shell script", NPM, "setup.sh", "npm config set //h/:_authToken={C}\n"),
    ("npm", "a private key in a shell script", NPM, "setup.sh",
     "cat <<E\n-----BEGIN RSA PRIVATE KEY-----\n{C}\n-----END RSA PRIVATE KEY-----\nE\n"),
    ("npm", "a string in a script", NPM, "a.js", "const token = '{C}'\n"),
    ("npm", "a header in a script", NPM, "a.js", "h = {'Authorization': 'Bearer {C}'}\n"),
    ("npm", "a fallback in a script", NPM, "a.js", "t = process.env.NPM_TOKEN || '{C}'\n"),
    ("npm", "a well-known token in a script", NPM, "a.js", "f('ghp_{C}0123456789abcdef')\n"),
    # yarn: yarnpkg.com/configuration/yarnrc, classic .yarnrc
    ("yarn", "npmAuthToken", YARN, ".yarnrc.yml", "npmAuthToken: {C}\n"),
    ("yarn", "npmAuthIdent", YARN, ".yarnrc.yml", 'npmAuthIdent: "u:{C}"\n'),
    ("yarn", "npmAuthToken of a scope", YARN, ".yarnrc.yml", "npmScopes:\n  a:\n    npmAuthToken: {C}\n"),
    ("yarn", "npmAuthToken in flow style", YARN, ".yarnrc.yml", "npmScopes: {a: {npmAuthToken: {C}, npmAlwaysAuth: true}}\n"),
    ("yarn", "npmAuthToken of a registry", YARN, ".yarnrc.yml", "npmRegistries:\n  '//h':\n    npmAuthIdent: u:{C}\n"),
    ("yarn", "fallback of a variable", YARN, ".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN:-{C}}"\n'),
    ("yarn", "login of npmRegistryServer", YARN, ".yarnrc.yml", "npmRegistryServer: https://u:{C}@h/\n"),
    ("yarn", "login of httpsProxy", YARN, ".yarnrc.yml", "httpsProxy: http://u:{C}@h:1\n"),
    ("yarn", "a comment", YARN, ".yarnrc.yml", "# npmAuthToken: {C}\nnodeLinker: pnp\n"),
    ("yarn", "yarn 1's token", YARN, ".yarnrc", '"//h/:_authToken" "{C}"\n'),
    ("yarn", "yarn 1's registry", YARN, ".yarnrc", 'registry "https://u:{C}@h/"\n'),
    ("yarn", "a lock's login", YARN, "yarn.lock", '__metadata:\n"a@1":\n  resolved "https://u:{C}@h/a.tgz#1"\n'),
    ("yarn", "a lock's token", YARN, "yarn.lock", '__metadata:\n"a@1":\n  resolution: "a@https://h/a.tgz?token={C}"\n'),
    # pnpm: pnpm.io
    ("pnpm", "login of an override", PNPM, "pnpm-workspace.yaml", "overrides:\n  a: https://u:{C}@h/a.tgz\n"),
    ("pnpm", "_authToken", PNPM, "pnpm-workspace.yaml", 'packages: []\n"//h/:_authToken": {C}\n'),
    ("pnpm", "a lock's tarball", PNPM, "pnpm-lock.yaml", "packages:\n  a@1.0.0:\n    resolution: {tarball: https://u:{C}@h/a.tgz}\n"),
    ("pnpm", "a string in a hook", PNPM, ".pnpmfile.cjs", "const authToken = '{C}'\n"),
    # bun: bun.sh/docs/runtime/bunfig
    ("bun", "install.registry.token", BUN, "bunfig.toml", '[install.registry]\nurl = "https://h"\ntoken = "{C}"\n'),
    ("bun", "install.registry in one line", BUN, "bunfig.toml", '[install]\nregistry = { url = "https://h", token = "{C}" }\n'),
    ("bun", "install.registry with a login", BUN, "bunfig.toml", '[install]\nregistry = "https://u:{C}@h"\n'),
    ("bun", "install.scopes token", BUN, "bunfig.toml", '[install.scopes]\na = { token = "{C}", url = "https://h" }\n'),
    ("bun", "install.scopes password", BUN, "bunfig.toml", '[install.scopes]\na = { username = "u", password = "{C}", url = "https://h" }\n'),
    ("bun", "a comment", BUN, "bunfig.toml", '# token = "{C}"\n'),
    ("bun", "a lock's login", BUN, "bun.lock", '{"packages": {"a": ["a@https://u:{C}@h/a.tgz", {}],},}'),
    # cargo: doc.rust-lang.org/cargo/reference/config.html
    ("cargo", "registries.token", CARGO, ".cargo/config.toml", '[registries.a]\nindex = "https://h"\ntoken = "{C}"\n'),
    ("cargo", "registry.token", CARGO, ".cargo/config.toml", '[registry]\ntoken = "{C}"\n'),
    ("cargo", "registries.secret-key", CARGO, ".cargo/config.toml", '[registries.a]\nsecret-key = "{C}"\n'),
    ("cargo", "a dotted key", CARGO, ".cargo/config.toml", 'registries.a.token = "{C}"\n'),
    ("cargo", "a value without quotes", CARGO, ".cargo/config.toml", "[registry]\ntoken = {C}\n"),
    ("cargo", "login of registries.index", CARGO, ".cargo/config.toml", '[registries.a]\nindex = "sparse+https://u:{C}@h/"\n'),
    ("cargo", "login of source.registry", CARGO, ".cargo/config.toml", '[source.a]\nregistry = "https://{C}@h/"\n'),
    ("cargo", "login of http.proxy", CARGO, ".cargo/config.toml", '[http]\nproxy = "u:{C}@h:1"\n'),
    ("cargo", "env", CARGO, ".cargo/config.toml", '[env]\nMY_TOKEN = "{C}"\n'),
    ("cargo", "env with force", CARGO, ".cargo/config.toml", '[env]\nMY_TOKEN = { value = "{C}", force = true }\n'),
    ("cargo", "login of a URL in env", CARGO, ".cargo/config.toml", '[env]\nDATABASE_URL = "postgres://u:{C}@h/d"\n'),
    ("cargo", "an old name", CARGO, ".cargo/config", '[registry]\ntoken = "{C}"\n'),
    ("cargo", "login of a git dependency", CARGO, "Cargo.toml",
     '[package]\nname = "a"\nversion = "1.0.0"\n[dependencies]\nb = { git = "https://u:{C}@h/b" }\n'),
    ("cargo", "a lock's source", CARGO, "Cargo.lock",
     'version = 4\n[[package]]\nname = "b"\nversion = "1.0.0"\nsource = "git+https://u:{C}@h/b#0123"\n'),
    ("cargo", "a lock that is no TOML", CARGO, "Cargo.lock", 'version = \nsource = "git+https://u:{C}@h/b"\n'),
    # python: pip, uv, poetry, pdm, pipenv, conda
    ("pip", "--index-url", PYTHON, "requirements.txt", "--index-url https://u:{C}@h/simple\n"),
    ("pip", "--extra-index-url", PYTHON, "requirements.txt", "--extra-index-url=https://{C}@h/simple\n"),
    ("pip", "--find-links", PYTHON, "requirements.txt", "-f https://u:{C}@h/\n"),
    ("pip", "--proxy", PYTHON, "requirements.txt", "--proxy u:{C}@h:1\n"),
    ("pip", "a direct reference", PYTHON, "requirements.txt", "a @ https://u:{C}@h/a.whl\n"),
    ("pip", "an editable one", PYTHON, "requirements.txt", "-e git+https://{C}@h/a.git#egg=a\n"),
    ("pip", "a signed URL", PYTHON, "requirements.txt", "a @ https://h/a.whl?X-Amz-Date=1&X-Amz-Signature={C}\n"),
    ("pip", "--config-settings", PYTHON, "requirements.txt", "a --config-settings=token={C}\n"),
    ("uv", "an index in pyproject.toml", PYTHON, "pyproject.toml",
     '[project]\nname = "a"\nversion = "1"\n[[tool.uv.index]]\nurl = "https://u:{C}@h/"\n'),
    ("uv", "an index in uv.toml", PYTHON, "uv.toml", '[[index]]\nname = "a"\nurl = "https://u:{C}@h/"\n'),
    ("uv", "extra-index-url", PYTHON, "uv.toml", 'extra-index-url = ["https://{C}@h/"]\n'),
    ("uv", "a source", PYTHON, "pyproject.toml",
     '[project]\nname = "a"\nversion = "1"\n[tool.uv.sources]\nb = { git = "https://u:{C}@h/b" }\n'),
    ("uv", "a lock's URL", PYTHON, "uv.lock", 'version = 1\n[[package]]\nname = "b"\nversion = "1"\nsource = { registry = "https://u:{C}@h/" }\n'),
    ("poetry", "http-basic", PYTHON, "poetry.toml", '[http-basic.a]\nusername = "u"\npassword = "{C}"\n'),
    ("poetry", "http-basic's user", PYTHON, "poetry.toml", '[http-basic.a]\nusername = "{C}"\npassword = "x"\n'),
    ("poetry", "http-basic in one line", PYTHON, "poetry.toml", '[http-basic]\na = { username = "u", password = "{C}" }\n'),
    ("poetry", "pypi-token", PYTHON, "poetry.toml", '[pypi-token]\npypi = "{C}"\n'),
    ("poetry", "repositories", PYTHON, "poetry.toml", '[repositories.a]\nurl = "https://u:{C}@h/"\n'),
    ("poetry", "a source", PYTHON, "pyproject.toml", '[tool.poetry]\nname = "a"\n[[tool.poetry.source]]\nname = "b"\nurl = "https://u:{C}@h/"\n'),
    ("poetry", "a lock's source", PYTHON, "poetry.lock", '[[package]]\nname = "b"\n[package.source]\nurl = "https://u:{C}@h/"\n'),
    ("pdm", "a source's password", PYTHON, "pyproject.toml",
     '[project]\nname = "a"\nversion = "1"\n[[tool.pdm.source]]\nurl = "https://h/"\nusername = "u"\npassword = "{C}"\n'),
    ("pdm", "a source's URL", PYTHON, "pyproject.toml",
     '[project]\nname = "a"\nversion = "1"\n[[tool.pdm.source]]\nurl = "https://u:{C}@h/"\n'),
    ("hatch", "a variable of an environment", PYTHON, "pyproject.toml",
     '[project]\nname = "a"\nversion = "1"\n[tool.hatch.envs.default.env-vars]\nMY_TOKEN = "{C}"\n'),
    ("pipenv", "a source", PYTHON, "Pipfile", '[[source]]\nurl = "https://u:{C}@h/"\nname = "a"\n'),
    ("pipenv", "a lock's source", PYTHON, "Pipfile.lock", '{"_meta": {"sources": [{"url": "https://u:{C}@h/"}]}}'),
    ("pylock", "an archive", PYTHON, "pylock.toml", '[[packages]]\nname = "a"\narchive = { url = "https://u:{C}@h/a.zip" }\n'),
    ("conda", "/t/TOKEN/", PYTHON, "environment.yml", "channels:\n  - https://conda.anaconda.org/t/{C}/me\n"),
    ("conda", "a login", PYTHON, "environment.yml", "channels:\n  - https://u:{C}@h/c\n"),
    ("conda", "variables", PYTHON, "environment.yml", "name: a\nvariables:\n  MY_TOKEN: {C}\n"),
    ("conda", "pip", PYTHON, "environment.yml", "dependencies:\n  - pip:\n    - --extra-index-url https://u:{C}@h/\n"),
    ("conda", "a lock's URL", PYTHON, "conda-lock.yml", "package:\n- url: https://h/t/{C}/c/a.conda\n"),
    # maven: maven.apache.org/settings.html, configure.html, wrapper
    ("maven", "login of a repository", MAVEN, "pom.xml", pom("<repositories><repository><url>https://u:{C}@h/</url></repository></repositories>")),
    ("maven", "a property", MAVEN, "pom.xml", pom("<properties><github.token>{C}</github.token><a>1</a></properties>")),
    ("maven", "a plugin's password", MAVEN, "pom.xml",
     pom("<build><plugins><plugin><configuration><password>{C}</password></configuration></plugin></plugins></build>")),
    ("maven", "an argument of a plugin", MAVEN, "pom.xml",
     pom("<build><plugins><plugin><configuration><argLine>-Dtoken={C}</argLine></configuration></plugin></plugins></build>")),
    ("maven", "a pom that is no XML", MAVEN, "pom.xml", "<project><password>{C}</password>"),
    ("maven", "-D in maven.config", MAVEN, ".mvn/maven.config", "-T1C\n-Dtoken={C}\n"),
    ("maven", "-D in one line of maven.config", MAVEN, ".mvn/maven.config", "-B -Drepo.password={C} -T1C\n"),
    ("maven", "-D in jvm.config", MAVEN, ".mvn/jvm.config", "-Xmx1g -Dhttp.proxyPassword={C}\n"),
    ("maven", "a server's password", MAVEN, ".mvn/settings.xml", "<settings><servers><server><id>a</id><password>{C}</password></server></servers></settings>"),
    ("maven", "a server's passphrase", MAVEN, ".mvn/settings.xml",
     "<settings><servers><server><privateKey>k</privateKey><passphrase>{C}</passphrase></server></servers></settings>"),
    ("maven", "a server's header", MAVEN, ".mvn/settings.xml",
     "<settings><servers><server><configuration><httpHeaders><property><name>Private-Token</name><value>{C}</value></property>"
     "</httpHeaders></configuration></server></servers></settings>"),
    ("maven", "a server's user beside its password", MAVEN, ".mvn/settings.xml",
     "<settings><servers><server><username>{C}</username><password>x</password></server></servers></settings>"),
    ("maven", "a proxy's password", MAVEN, ".mvn/settings.xml", "<settings><proxies><proxy><password>{C}</password></proxy></proxies></settings>"),
    ("maven", "a mirror's login", MAVEN, ".mvn/settings.xml", "<settings><mirrors><mirror><url>https://u:{C}@h/</url></mirror></mirrors></settings>"),
    ("maven", "a profile's property", MAVEN, ".mvn/settings.xml",
     "<settings><profiles><profile><properties><api.key>{C}</api.key></properties></profile></profiles></settings>"),
    ("maven", "the master password", MAVEN, ".mvn/settings-security.xml", "<settingsSecurity><master>{C}</master></settingsSecurity>"),
    ("maven", "the wrapper's URL", MAVEN, ".mvn/wrapper/maven-wrapper.properties", "distributionUrl=https://u:{C}@h/m.zip\n"),
    ("maven", "an access key of the build scans", MAVEN, ".mvn/gradle-enterprise.xml", "<gradleEnterprise><accessKey>{C}</accessKey></gradleEnterprise>"),
    ("maven", "the keys of the build scans", MAVEN, ".mvn/.develocity/keys.properties", "h={C}\n"),
    ("maven", "a comment", MAVEN, ".mvn/extensions.xml", "<!-- token={C} --><extensions/>"),
    # gradle: docs.gradle.org, declaring repositories, build environment
    ("gradle", "a property", GRADLE, "gradle.properties", "nexusPassword={C}\n"),
    ("gradle", "a property with a colon", GRADLE, "gradle.properties", "nexusPassword : {C}\n"),
    ("gradle", "the wrapper's password", GRADLE, "gradle.properties", "systemProp.gradle.wrapperPassword={C}\n"),
    ("gradle", "an argument of the JVM", GRADLE, "gradle.properties", "org.gradle.jvmargs=-Xmx1g -Dtoken={C}\n"),
    ("gradle", "the wrapper's URL", GRADLE, "gradle/wrapper/gradle-wrapper.properties", "distributionUrl=https\\://u:{C}@h/g.zip\n"),
    ("gradle", "password = in Groovy", GRADLE, "build.gradle", 'repositories { maven { credentials { password = "{C}" } } }\n'),
    ("gradle", "password without a sign", GRADLE, "build.gradle", "credentials {\n  username 'u'\n  password '{C}'\n}\n"),
    ("gradle", "password = in Kotlin", GRADLE, "settings.gradle.kts", 'credentials { password = "{C}" }\n'),
    ("gradle", "a header's value", GRADLE, "build.gradle",
     'credentials(HttpHeaderCredentials) { name = "Private-Token"; value = "{C}" }\n'),
    ("gradle", "AWS's key", GRADLE, "build.gradle", "credentials(AwsCredentials) {\n  accessKey 'a'\n  secretKey '{C}'\n}\n"),
    ("gradle", "a variable of a script", GRADLE, "build.gradle", "def apiToken = '{C}'\n"),
    ("gradle", "an extra property", GRADLE, "build.gradle", 'ext["signing.password"] = "{C}"\n'),
    ("gradle", "a fallback", GRADLE, "build.gradle", 'password = findProperty("p") ?: "{C}"\n'),
    ("gradle", "a provider", GRADLE, "build.gradle.kts", 'password.set("{C}")\n'),
    ("gradle", "a URL", GRADLE, "build.gradle", 'maven { url "https://u:{C}@h/" }\n'),
    ("gradle", "buildSrc", GRADLE, "buildSrc/src/main/kotlin/a.kt", 'val password = "{C}"\n'),
    ("gradle", "the catalog", GRADLE, "gradle/libs.versions.toml", '# token = "{C}"\n[versions]\na = "1"\n'),
    ("gradle", "the verification metadata", GRADLE, "gradle/verification-metadata.xml",
     '<m><key-servers><key-server uri="https://u:{C}@h/"/></key-servers></m>'),
    # .NET: learn.microsoft.com/nuget/reference/nuget-config-file
    ("nuget", "ClearTextPassword", DOTNET, "nuget.config",
     '<configuration><packageSourceCredentials><a><add key="Username" value="u"/><add key="ClearTextPassword" value="{C}"/></a>'
     "</packageSourceCredentials></configuration>"),
    ("nuget", "Password", DOTNET, "NuGet.Config",
     '<configuration><packageSourceCredentials><a><add key="Password" value="{C}"/></a></packageSourceCredentials></configuration>'),
    ("nuget", "apikeys", DOTNET, "nuget.config", '<configuration><apikeys><add key="https://h" value="{C}"/></apikeys></configuration>'),
    ("nuget", "a source's login", DOTNET, "nuget.config",
     '<configuration><packageSources><add key="a" value="https://u:{C}@h/v3"/></packageSources></configuration>'),
    ("nuget", "a source's token in the path", DOTNET, "nuget.config",
     '<configuration><packageSources><add key="a" value="https://www.myget.org/F/f/auth/{C}/api/v3/index.json"/></packageSources></configuration>'),
    ("nuget", "the proxy's password", DOTNET, "nuget.config", '<configuration><config><add key="http_proxy.password" value="{C}"/></config></configuration>'),
    ("nuget", "a client certificate's password", DOTNET, "nuget.config",
     '<configuration><clientCertificates><fileCert packageSource="a" path="p" clearTextPassword="{C}"/></clientCertificates></configuration>'),
    ("msbuild", "a property", DOTNET, "a.csproj", "<Project><PropertyGroup><NuGetApiKey>{C}</NuGetApiKey><A>1</A></PropertyGroup></Project>"),
    ("msbuild", "RestoreSources", DOTNET, "Directory.Build.props",
     "<Project><PropertyGroup><RestoreSources>https://u:{C}@h/</RestoreSources></PropertyGroup></Project>"),
    ("msbuild", "an argument", DOTNET, "Directory.Build.rsp", "-p:ApiToken={C}\n"),
    ("msbuild", "a project that is no XML", DOTNET, "a.csproj", "<Project><Password>{C}</Password>"),
    ("nuget", "UTF-16", DOTNET, "nuget.config", "UTF-16:<configuration><packageSources><add key=\"a\" value=\"https://u:{C}@h/v3\"/></packageSources></configuration>"),
    # PHP: getcomposer.org/doc/articles/authentication-for-private-packages.md
    *[("composer", key, PHP, "composer.json", json.dumps({"config": {key: {"h": value}}})) for key, value in {
        "http-basic": {"username": "u", "password": "{C}"}, "github-oauth": "{C}", "gitlab-token": "{C}", "gitlab-oauth": "{C}",
        "bitbucket-oauth": {"consumer-key": "k", "consumer-secret": "{C}"}, "bearer": "{C}", "forgejo-token": {"username": "u", "token": "{C}"},
        "custom-headers": ["API-TOKEN: {C}"]}.items()],
    ("composer", "a repository's login", PHP, "composer.json", json.dumps({"repositories": [{"type": "composer", "url": "https://u:{C}@h/"}]})),
    ("composer", "a login with escaped slashes", PHP, "composer.json", '{"repositories": [{"url": "https:\\/\\/u:{C}@h\\/"}]}'),
    ("composer", "a repository's header", PHP, "composer.json",
     json.dumps({"repositories": [{"type": "composer", "url": "https://h", "options": {"http": {"header": ["API-TOKEN: {C}"]}}}]})),
    ("composer", "a repository's bearer", PHP, "composer.json",
     json.dumps({"repositories": [{"url": "https://h", "options": {"http": {"header": ["Authorization: Bearer {C}"]}}}]})),
    ("composer", "a repository's SSH password", PHP, "composer.json",
     json.dumps({"repositories": [{"url": "h", "options": {"ssh2": {"username": "u", "password": "{C}"}}}]})),
    ("composer", "a repository's certificate", PHP, "composer.json",
     json.dumps({"repositories": [{"url": "h", "options": {"ssl": {"local_cert": "c", "passphrase": "{C}"}}}]})),
    ("composer", "extra", PHP, "composer.json", json.dumps({"extra": {"api-key": "{C}"}})),
    ("composer", "a lock's archive", PHP, "composer.lock", json.dumps({"packages": [{"name": "a", "dist": {"url": "https://u:{C}@h/a.zip"}}]})),
    ("composer", "a lock's header", PHP, "composer.lock",
     json.dumps({"packages": [{"name": "a", "transport-options": {"http": {"header": ["PRIVATE-TOKEN: {C}"]}}}]})),
    # Ruby: bundler.io, bundle config
    ("bundler", "a source's login", RUBY, "Gemfile", 'source "https://u:{C}@h/"\ngem "x"\n'),
    ("bundler", "a token as the user", RUBY, "Gemfile", 'gem "x", git: "https://{C}:x-oauth-basic@github.com/a/b"\n'),
    ("bundler", "a variable", RUBY, "Gemfile", 'ENV["BUNDLE_GEMS__TOKEN"] = "{C}"\n'),
    ("bundler", "a fallback", RUBY, "Gemfile", 'token = ENV.fetch("GEM_TOKEN", "{C}")\n'),
    ("bundler", "a login of a server", RUBY, ".bundle/config", '---\nBUNDLE_GEMS__H__COM: "u:{C}"\n'),
    ("bundler", "a mirror's login", RUBY, ".bundle/config", '---\nBUNDLE_MIRROR__ALL: "https://u:{C}@h/"\n'),
    ("bundler", "a lock's remote", RUBY, "Gemfile.lock", "GEM\n  remote: https://u:{C}@h/\n  specs:\n"),
    # Elixir: hexdocs.pm/hex, mix deps
    ("mix", "a git dependency", ELIXIR, "mix.exs", '{:a, git: "https://u:{C}@h/a.git"}\n'),
    ("mix", "auth_key", ELIXIR, "mix.exs", '[auth_key: "{C}"]\n'),
    ("mix", "api_key", ELIXIR, "config/config.exs", 'config :hex, api_key: "{C}"\n'),
    ("mix", "secret_key_base", ELIXIR, "config/prod.exs", 'config :a, secret_key_base: "{C}"\n'),
    ("mix", "a variable's fallback", ELIXIR, "config/config.exs", 'System.get_env("HEX_API_KEY") || "{C}"\n'),
    ("mix", "a lock's URL", ELIXIR, "mix.lock", '%{"a": {:git, "https://u:{C}@h/a.git", "01", []}}\n'),
    # Go has no place for one but comments
    ("go", "a comment", GO, "go.mod", "module a\n\nrequire b v1.0.0 // https://u:{C}@h/\n"),
    ("go", "go.work", {"go.work": "go 1.22\nuse ./a\n", "a/go.mod": "module a\n"}, "go.work", "go 1.22\nuse ./a // https://u:{C}@h\n"),
]

STAYS = [
    (NPM, ".npmrc", "//h/:_authToken=${NPM_TOKEN}\n//h/:_password=${NPM_PASSWORD-}\nregistry=https://${U}:${P}@h/\nalways-auth=true\n"
                    "//h/:username=me\nauth-type=legacy\n"),
    (NPM, "setup.sh", "#!/bin/sh\n# usage: setup.sh --token TOKEN https://user:pass@host\necho 'https://user:password@host --password <password>'\n"
                      'TOKEN=$1\nPASSWORD="${PASSWORD:?}"\n: "${NPM_TOKEN:=$(cat f)}"\ncurl -u "$U:$P" https://h\ndocker run -u 1000:1000 x\n'),
    (NPM, "a.js", "const token = process.env.NPM_TOKEN\nconst password = read('password')\nconst x = {token: 'name'}\n"),
    (YARN, ".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN}"\nnpmScopes:\n  a:\n    npmAuthToken: "${NPM_TOKEN:-}"\n'),
    (BUN, "bunfig.toml", '[install.scopes]\na = { token = "$NPM_TOKEN", url = "https://h" }\n'),
    (PNPM, "pnpm-workspace.yaml", "catalog:\n  jsonwebtoken: ^9.0.0\n  auth-token: 1.0.0\n"),
    (PYTHON, "requirements.txt", "--extra-index-url https://${U}:${P}@h/simple\npassword==1.0\npytest-secrets==2\n"),
    (PYTHON, "poetry.toml", '[http-basic.a]\nusername = "u"\npassword = "${P}"\n[virtualenvs]\ncreate = true\n'),
    (PYTHON, "environment.yml", "channels:\n  - https://u:$TOKEN@h/c\n  - conda-forge\n"),
    (MAVEN, ".mvn/maven.config", "-Dtoken=${env.TOKEN}\n-T1C\n"),
    (GRADLE, "build.gradle", 'password = System.getenv("P")\npassword = project.findProperty("repoPassword")\ntoken "x"\n'),
    (GRADLE, "gradle.properties", "org.gradle.caching=true\nkotlin.code.style=official\n"),
    (RUBY, "Gemfile", 'source "https://#{ENV["T"]}:@h/"\ngem "devise-token_auth"\ngem "x", token: ENV["T"]\n'),
    (ELIXIR, "mix.exs", '{:guardian_token, "~> 1.0"}\n[auth_key: System.get_env("K"), git: "ssh://git@h/a.git"]\n'),
    (PHP, "composer.lock", '{"packages": [{"name": "a/token", "dist": {"url": "https://h/a.zip"}, "require": {"a/api-key": "^1"}}]}'),
]


def write(box, name, unit, path, text):
    data = text[7:].encode("utf-16") if text.startswith("UTF-16:") else text
    box.tree(name, {**unit, path: data})


def leaks(box, name, canary):
    """Everything that ctx-recipe writes for a tree: the recipe and its blobs, a skeleton, each message."""
    out = box.empty(f"{name}-out")
    runs = [box.run("prepare", box.path(name), "-o", out / "recipe.json"),
            box.run("prepare", "-v", box.path(name)), box.run("digest", "--units", box.path(name)),
            box.run("skeleton", "-r", out / "recipe.json", out / "skeleton"),
            box.run("verify", out / "recipe.json", box.path(name)),
            box.run("diff", out / "recipe.json", box.path(name))]
    found = [f"{run.status}: {text}" for run in runs for text in (run.out.decode(errors="replace"), run.err) if canary in text]
    for at, _, files in os.walk(out):
        found += [f for f in files if canary.encode() in open(os.path.join(at, f), "rb").read() or canary in f]
    return runs, found


def cases(tap, box):
    for i, (tool, place, unit, path, text) in enumerate(CORPUS):
        write(box, "s", unit, path, text.replace("{C}", CANARY))
        runs, found = leaks(box, "s", CANARY)
        message = re.search(re.escape(path) + '"? (holds a credential, which was left out|is left out)', runs[0].err)
        recipe = (box.path("s-out") / "recipe.json").read_bytes() if runs[0].status == 0 else b""
        write(box, "s", unit, path, text.replace("{C}", ROTATED))
        again = box.run("prepare", box.path("s"))
        tap.check(runs[0].fault(0) or (f"it is in: {found[:3]}" if found else None) or
                  (None if message else f"no message: {runs[0].err}") or
                  (None if again.out == recipe else "the recipe changes with the credential"),
                  f"{tool}: no credential leaves {path}: {place}")
    for unit, path, text in STAYS:
        box.tree("s", {**unit, path: text})
        have = contents(box.prepare("s")).get(path, "")
        fault = None if all(line in have for line in text.splitlines()) else f"{have!r} instead of {text!r}"
        err = box.run("prepare", box.path("s")).err
        tap.check(fault or ("a warning" if "credential" in err else None),
                  f"variables, placeholders and names stay in {path}")
    lines(tap, box)
    streams(tap, box)
    random_places(tap, box)


def lines(tap, box):
    box.tree("s", {**NPM, ".npmrc": "a=1\n\n//h/:_authToken=x1\nregistry=https://u:p1@h/\n"})
    run = box.run("prepare", box.path("s"))
    tap.check(run.fault(0, r"line 3: .*_authToken.*; line 4: .*a login in a URL"), "a message names the lines and what was left out")
    tap.check(None if b"line 3" not in run.out else "a line number", "the recipe's note has no line, which would change with others")
    box.tree("s", {**GRADLE, "build.gradle": 'password = "x1y2z3w4"\n'})
    tap.check(box.run("prepare", box.path("s")).fault(0, "it is a program, in which only what is written"),
              "a program's message says that it may compute others")
    box.tree("s", {**CARGO, ".cargo/config.toml": f"[a]\nb = {CANARY}\n"})
    run = box.run("prepare", box.path("s"))
    tap.check(run.fault(0) or (run.err if CANARY in run.err else None), "a message about a value that can't be parsed doesn't quote it")


def streams(tap, box):
    """The stream, and what ctxd keeps."""
    build = os.path.dirname(box.program)
    files = {}
    for tool, place, unit, path, text in CORPUS:
        top = f"{tool}-{len(files)}"
        files.update({f"{top}/{p}": t for p, t in unit.items()})
        files[f"{top}/{path}"] = text.replace("{C}", CANARY) if not text.startswith("UTF-16:") else ""
    ignored = "FROM scratch\nCOPY .ctx /\n"
    box.tree("s", {**files, "Dockerfile": ignored})
    run = subprocess.run([f"{build}/ctx-send", "--no-daemon", "--recipe", box.path("s")], capture_output=True, env=environment(None))
    err = run.stderr.decode(errors="replace")
    tap.check((f"status {run.returncode}: {err}" if run.returncode else None) or
              ("in the stream" if CANARY.encode() in run.stdout else None) or (err if CANARY in err else None) or
              (None if len(run.stdout) > 100_000 else "an empty stream"), "no credential is in a stream with .ctx")
    kept = box.empty("ctxd")
    private = environment({"XDG_RUNTIME_DIR": str(kept), "XDG_CACHE_HOME": str(kept), "XDG_STATE_HOME": str(kept), "HOME": str(kept)})
    os.chmod(kept, 0o700)
    said = b""
    for words in (["ctx", "start"], ["ctx-send", "--recipe", "-z1", box.path("s")], ["ctx-send", "--recipe", box.path("s")],
                  ["ctx", "digest", "--recipe", box.path("s")], ["ctx", "status"], ["ctx", "stop"]):
        words = [f"{build}/{words[0]}", *map(str, words[1:])]
        done = subprocess.run(words, capture_output=True, env=private, timeout=120)
        said += done.stdout + done.stderr
        if done.returncode:
            tap.check(f"{words}: {done.stderr}", "ctxd serves a recipe")
    stored = [os.path.join(at, f) for at, _, files in os.walk(kept) for f in files]
    held = [path for path in stored if os.path.isfile(path) and CANARY.encode() in open(path, "rb").read()]
    tap.check((f"in {held}" if held else None) or ("in what it said" if CANARY.encode() in said else None) or
              (None if stored else "ctxd stored nothing"), "no credential is in ctxd's database, chunks or log")


# Pieces of a random file: a form of a credential, in the formats where it is one.
FORMS = {
    "json": ['"token": "{C}"', '"a": "https://u:{C}@h/"', '"config": {"password": "{C}"}', '"l": ["https://{C}@h"]'],
    "toml": ['token = "{C}"', "password = '{C}'", 'a = { b = 1, api-key = "{C}" }', 'u = "https://u:{C}@h/"', '"secret" = """{C}"""'],
    "yml": ["token: {C}", 'password: "{C}"', "a: {b: 1, apiKey: '{C}'}", "u: https://u:{C}@h/", "secret: |\n  {C}", "authToken:\n  {C}"],
    "xml": ["<password>{C}</password>", "<u>https://u:{C}@h/</u>", '<add key="token" value="{C}"/>', "<t apiKey='{C}'/>"],
    "properties": ["token={C}", "repoPassword = {C}", "u=https://u:{C}@h/", "a.token=\\\n  {C}"],
    "gradle": ['password = "{C}"', "token '{C}'", 'url = "https://u:{C}@h/"', 'apiKey.set("{C}")'],
    "sh": ["export API_TOKEN={C}", 'PASSWORD="{C}"', "x --token={C}", "curl https://u:{C}@h/"],
}
NOISE = {
    "json": ['"a{i}": 1', '"b{i}": [1, {"c": "x,}"}]', '"d{i}": "\\"]{"'],
    "toml": ["a{i} = 1", "[t{i}]", 'b{i} = [1, "]", { c = "}" }]', "# c", "s{i} = '''\n[x]\n'''"],
    "yml": ["a{i}: 1", "b{i}:\n  - x\n  - y: 1", "c{i}: [1, {d: 'e, f'}]", "# c", "s{i}: |\n  x: y"],
    "xml": ["<a>1</a>", "<b c='>'/>", "<!-- <d> -->", "<e><![CDATA[<f>]]></e>"],
    "properties": ["a{i}=1", "# c", "b{i}=x\\\n  y", ""],
    "gradle": ["a{i} = 'b'", "// don't", "foo {{ bar \"x\" }}", "/* ' */"],
    "sh": ["a{i}=1", "# don't", "echo \"x 'y\"", "if true; then :; fi"],
}
JOIN = {"json": (",\n", "{{\n{}\n}}"), "xml": ("\n", "<r>\n{}\n</r>")}
RANDOM_UNITS = {
    "json": (PHP, "composer.json", lambda body: '{"extra": ' + body + "}"), "toml": (PYTHON, "uv.toml", None), "yml": (YARN, ".yarnrc.yml", None),
    "xml": (DOTNET, "nuget.config", None), "properties": (GRADLE, "gradle.properties", None), "gradle": (GRADLE, "build.gradle", None),
    "sh": (NPM, "setup.sh", None),
}


def random_places(tap, box, rounds=40, seed=9):
    """Canaries at random places of random files, from a fixed seed."""
    dice = random.Random(seed)
    for kind, (unit, path, wrap) in RANDOM_UNITS.items():
        fault = None
        for turn in range(rounds):
            parts = [dice.choice(NOISE[kind]).replace("{i}", str(i)).replace("{{", "{").replace("}}", "}")
                     for i in range(dice.randrange(6))]
            form = dice.choice(FORMS[kind])
            parts.insert(dice.randrange(len(parts) + 1), form.replace("{C}", CANARY))
            between, around = JOIN.get(kind, ("\n", "{}\n"))
            body = around.format(between.join(parts)) if kind in JOIN else between.join(parts) + "\n"
            body = wrap(body) if wrap else body
            ends = dice.choice(["\n", "\r\n"])
            box.tree("r", {**unit, path: body.replace("\n", ends)})
            run = box.run("prepare", box.path("r"))
            if run.fault(0) or CANARY.encode() in run.out or CANARY in run.err:
                fault = fault or f"turn {turn}: {run.fault(0) or 'a leak'}: {body!r}"
        tap.check(fault, f"{rounds} canaries at random places of {path}")
