# SPDX-License-Identifier: Apache-2.0
"""The bytes of a recipe stay the same while dependencies stay the same, and change when they change."""

import os

from box import contents

LOCK = """# generated
version = 4

[[package]]
name = "app"
version = "1.2.3"
dependencies = [
 "lib",
 "serde",
]

[[package]]
name = "lib"
version = "1.2.3"

[[package]]
name = "serde"
version = "1.0.100"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "aaaa"
"""

CARGO = {
    "Cargo.toml": """[workspace]
members = ["app", "crates/*"]
[workspace.dependencies]
serde = { version = "1", features = ["derive"] }
[profile.release]
lto = true
""",
    "Cargo.lock": LOCK,
    "app/Cargo.toml": """[package]
name = "app"
version = "1.2.3"
edition = "2021"
description = "what it is"
[dependencies]
serde.workspace = true
lib = { path = "../crates/lib", version = "1.2" }
""",
    "app/src/main.rs": "fn main() {}\n",
    "crates/lib/Cargo.toml": '[package]\nname = "lib"\nversion = "1.2.3"\nedition = "2021"\n',
    "crates/lib/src/lib.rs": "",
}

NPM = {
    "package.json": """{"name": "root", "version": "1.0.0", "private": true, "workspaces": ["packages/*"],
"scripts": {"test": "jest", "postinstall": "node scripts/post.js"}, "jest": {}, "dependencies": {"a": "1", "b": "2"}}""",
    "package-lock.json": """{"name": "root", "version": "1.0.0", "lockfileVersion": 3, "packages": {
"": {"name": "root", "version": "1.0.0", "dependencies": {"a": "1"}},
"packages/x": {"name": "@r/x", "version": "2.0.0"},
"node_modules/a": {"version": "1.1.1", "resolved": "https://r/a", "integrity": "sha512-x"}}}""",
    "packages/x/package.json": '{"name": "@r/x", "version": "2.0.0", "bin": {"x": "cli.js"}}',
    "packages/x/cli.js": "#!/usr/bin/env node\nconsole.log(1)\n",
    "scripts/post.js": "1\n",
    "src/index.js": "1\n",
}

PNPM = {
    "package.json": '{"name": "root", "dependencies": {"a": "1.0.0"}}',
    "pnpm-workspace.yaml": "packages:\n  - 'apps/*'\n  - '!apps/old'\n",
    "pnpm-lock.yaml": "lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: x}\n",
    "apps/web/package.json": '{"name": "web", "version": "0.1.0", "description": "d", "dependencies": {"a": "1.0.0"}}',
    "apps/old/package.json": '{"name": "old"}',
    "apps/web/index.ts": "x",
}

PYTHON = {
    "pyproject.toml": """[project]
name = "app"
version = "1.0.0"
description = "d"
dependencies = ["core", "idna==3.7"]
[tool.uv.workspace]
members = ["libs/*"]
[tool.uv.sources]
core = { workspace = true }
[tool.ruff]
line-length = 99
""",
    "uv.lock": """version = 1
requires-python = ">=3.9"

[[package]]
name = "app"
version = "1.0.0"
source = { virtual = "." }

[[package]]
name = "core"
version = "0.3.0"
source = { editable = "libs/core" }

[[package]]
name = "idna"
version = "3.7"
source = { registry = "https://pypi.org/simple" }
""",
    "libs/core/pyproject.toml": '[project]\nname = "core"\nversion = "0.3.0"\n',
    "app.py": "1\n",
}

PIP = {
    "requirements.txt": "-r base.txt\nflask==3.0.0  # web\n-e .\n",
    "base.txt": "six==1.16.0 \\\n    --hash=sha256:aaaa\n",
    "setup.py": "setup()\n",
    "app.py": "1\n",
}

GO = {
    "go.mod": "module x\n\ngo 1.21\n\nrequire rsc.io/quote v1.5.2 // indirect\n\nreplace y => ./y\n",
    "go.sum": "rsc.io/quote v1.5.2 h1:x\n",
    "y/go.mod": "module y\n",
    "main.go": "package main\n\nfunc main() {}\n",
}

MAVEN = {
    "pom.xml": """<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>r</artifactId>
<version>1.0</version><description>d</description><modules><module>a</module></modules></project>""",
    "a/pom.xml": """<project><parent><groupId>g</groupId><artifactId>r</artifactId><version>1.0</version></parent>
<artifactId>a</artifactId><dependencies><dependency><groupId>o</groupId><artifactId>o</artifactId>
<version>2.0</version></dependency></dependencies></project>""",
    "a/src/main/java/A.java": "class A {}\n",
}

DOTNET = {
    "app.sln": 'Project("{F}") = "App", "src\\App\\App.csproj", "{A}"\nEndProject\n',
    "src/App/App.csproj": """<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net8.0</TargetFramework>
<Version>1.0.0</Version></PropertyGroup><ItemGroup><PackageReference Include="Serilog" Version="3.0.0" />
<ProjectReference Include="..\\Lib\\Lib.csproj" /></ItemGroup></Project>""",
    "src/Lib/Lib.csproj": '<Project Sdk="Microsoft.NET.Sdk"></Project>',
    "Directory.Build.props": "<Project><PropertyGroup><Nullable>enable</Nullable></PropertyGroup></Project>",
    "src/App/Program.cs": "class P {}\n",
}

GRADLE = {
    "settings.gradle": "include 'a'\n", "build.gradle": "plugins {}\n", "a/build.gradle": "dependencies {}\n",
    "gradle/libs.versions.toml": "[versions]\n", "a/src/main/java/A.java": "class A {}\n",
    "buildSrc/src/main/groovy/P.groovy": "1\n", "gradlew": ("exec", "#!/bin/sh\n"),
}
PHP = {
    "composer.json": '{"name": "a/b", "description": "d", "require": {"php": ">=8"}, "scripts": {"x": "y"}}',
    "composer.lock": '{"content-hash": "x", "packages": [{"name": "m/m", "version": "1.0"}]}', "src/A.php": "<?php\n",
}
RUBY = {
    "Gemfile": "source 'https://rubygems.org'\ngem 'rack'\ngem 'eng', path: 'engines/eng'\n",
    "Gemfile.lock": "GEM\n  specs:\n    rack (3.0.0)\n", "app.rb": "1\n",
    "engines/eng/eng.gemspec": "require_relative 'lib/eng/version'\n", "engines/eng/lib/eng/version.rb": "V = 1\n",
    "engines/eng/lib/eng.rb": "1\n",
}
ELIXIR = {
    "mix.exs": "defmodule A do\nend\n", "mix.lock": '%{\n  "jason": {:hex, :jason, "1.4.1", "x"},\n}\n',
    "config/config.exs": "import Config\n", "apps/a/mix.exs": "1\n", "lib/a.ex": "1\n",
}


def put(path, text):
    return lambda tree: {**tree, path: text}


def swap(path, old, new):
    def change(tree):
        assert old in tree[path], (path, old)
        return {**tree, path: tree[path].replace(old, new)}
    return change


def both(*changes):
    def change(tree):
        for one in changes:
            tree = one(tree)
        return tree
    return change


def crlf(*paths):
    return lambda tree: {k: v.replace("\n", "\r\n") if k in paths else v for k, v in tree.items()}


# title, options, tree, {what stays}, {what changes}
MATRIX = [
    ("cargo", [], CARGO, {
        "an edit": put("app/src/main.rs", "fn main() { println!(); }\n"),
        "a new module": put("app/src/x.rs", "\n"),
        "a new test": put("app/tests/t.rs", "\n"),
        "a new example and bench": both(put("app/examples/e.rs", ""), put("app/benches/b.rs", "")),
        "a version of its own": both(swap("app/Cargo.toml", '"1.2.3"', '"2.0.0"'),
                                     swap("Cargo.lock", '"app"\nversion = "1.2.3"', '"app"\nversion = "2.0.0"')),
        "a version of a local dependency": both(
            swap("app/Cargo.toml", 'version = "1.2"', 'version = "9"'),
            swap("crates/lib/Cargo.toml", "1.2.3", "9.0.0"),
            swap("Cargo.lock", '"lib"\nversion = "1.2.3"', '"lib"\nversion = "9.0.0"')),
        "a description": swap("app/Cargo.toml", "what it is", "other"),
        "metadata and lints": lambda t: swap("app/Cargo.toml", "[dependencies]",
                                             '[package.metadata.x]\ny = 1\n[lints.rust]\nz = "warn"\n[dependencies]')(t),
        "comments and order": put("app/Cargo.toml", """# a comment
[dependencies]
"lib" = { version = "1.2", path = "../crates/lib" } # another
serde = { workspace = true }
[package]
edition = "2021"
version = "1.2.3"
name = "app"
"""),
        "line ends": crlf("Cargo.toml", "Cargo.lock", "app/Cargo.toml"),
        "an order of features": swap("Cargo.toml", '["derive"]', '["derive", "derive"]'),
        "an unused workspace dependency": swap("Cargo.toml", "[profile", 'unused = "1"\n[profile'),
        "a directory that is no member": put("crates/readme/README.md", "x"),
        "an alias in the configuration, and none": put("README.md", "x"),
    }, {
        "a dependency": swap("app/Cargo.toml", "[dependencies]", '[dependencies]\nlog = "0.4"'),
        "a development dependency": swap("app/Cargo.toml", "[dependencies]", '[dev-dependencies]\nlog = "0"\n[dependencies]'),
        "a build dependency": swap("app/Cargo.toml", "[dependencies]", '[build-dependencies]\nlog = "0"\n[dependencies]'),
        "a dependency of one target": swap("app/Cargo.toml", "[dependencies]",
                                           "[target.'cfg(unix)'.dependencies]\nlog = \"0\"\n[dependencies]"),
        "a feature": swap("Cargo.toml", '["derive"]', '["derive", "rc"]'),
        "a locked version": swap("Cargo.lock", "1.0.100", "1.0.101"),
        "a checksum": swap("Cargo.lock", "aaaa", "bbbb"),
        "a profile": swap("Cargo.toml", "lto = true", "lto = false"),
        "a binary": put("app/src/bin/other.rs", "fn main() {}\n"),
        "a build script": put("app/build.rs", "fn main() {}\n"),
        "a crate type": swap("crates/lib/Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n'),
        "a toolchain": put("rust-toolchain", "1.80\n"),
        "flags": put(".cargo/config.toml", '[build]\nrustflags = ["-Ctarget-cpu=native"]\n'),
        "a member": both(put("crates/new/Cargo.toml", '[package]\nname = "new"\n'), put("crates/new/src/lib.rs", "")),
    }),
    ("npm", [], NPM, {
        "an edit": put("src/index.js", "2\n"),
        "a version": both(swap("package.json", '"1.0.0"', '"2.0.0"'), swap("package-lock.json", '"1.0.0"', '"2.0.0"')),
        "a member's version": both(swap("packages/x/package.json", "2.0.0", "3.0.0"),
                                   swap("package-lock.json", "2.0.0", "3.0.0")),
        "a script of tests": swap("package.json", "jest\"", "vitest\""),
        "a tool's configuration": swap("package.json", '"jest": {}', '"jest": {"a": 1}'),
        "an order of keys": swap("package.json", '"a": "1", "b": "2"', '"b": "2", "a": "1"'),
        "a command's text": put("packages/x/cli.js", "#!/usr/bin/env node\nconsole.log(2)\n"),
        "line ends": crlf("package.json", "package-lock.json"),
        "a new file": put("packages/x/lib.js", ""),
        "a new test": put("packages/x/test/x.test.js", "test()\n"),
        "a description": swap("package.json", '"private"', '"description": "d", "keywords": ["k"], "private"'),
    }, {
        "a dependency": swap("package.json", '"a": "1"', '"a": "1", "c": "3"'),
        "a development dependency": swap("package.json", '"jest": {}', '"devDependencies": {"c": "3"}'),
        "an optional dependency": swap("package.json", '"jest": {}', '"optionalDependencies": {"c": "3"}'),
        "a peer dependency": swap("packages/x/package.json", '"bin"', '"peerDependencies": {"c": "3"}, "bin"'),
        "an override": swap("package.json", '"jest": {}', '"overrides": {"c": "3"}'),
        "a locked version": swap("package-lock.json", "1.1.1", "1.1.2"),
        "an install script": swap("package.json", "node scripts/post.js", "node scripts/post.js x"),
        "a file that it runs": put("scripts/post.js", "2\n"),
        "a command": swap("packages/x/package.json", '"x": "cli.js"', '"y": "cli.js"'),
        "an interpreter": put("packages/x/cli.js", "#!/usr/bin/env deno\n"),
        "a member": put("packages/y/package.json", '{"name": "@r/y"}'),
        "a registry": put(".npmrc", "registry=https://r/\n"),
    }),
    ("pnpm", [], PNPM, {
        "an edit": put("apps/web/index.ts", "y"),
        "a version": swap("apps/web/package.json", "0.1.0", "0.2.0"),
        "a description": swap("apps/web/package.json", '"d"', '"e"'),
        "a new test": put("apps/web/web.test.ts", "x"),
        "an order of keys": put("apps/web/package.json", '{"dependencies": {"a": "1.0.0"}, "version": "0.1.0", "name": "web"}'),
        "an excluded package": swap("apps/old/package.json", '"old"', '"older"'),
        "line ends": crlf("pnpm-lock.yaml", "pnpm-workspace.yaml"),
    }, {
        "a locked version": swap("pnpm-lock.yaml", "a@1.0.0", "a@1.0.1"),
        "a dependency": swap("apps/web/package.json", '"a": "1.0.0"', '"a": "1.0.1"'),
        "a development dependency": swap("apps/web/package.json", '"description"', '"devDependencies": {"b": "1"}, "description"'),
        "an override": put("pnpm-workspace.yaml", PNPM["pnpm-workspace.yaml"] + "overrides:\n  a: 1.0.1\n"),
        "a hook": put(".pnpmfile.cjs", "module.exports = {}\n"),
        "the workspace": swap("pnpm-workspace.yaml", "  - 'apps/*'", "  - 'apps/*'\n  - 'x/*'"),
    }),
    ("python with uv", [], PYTHON, {
        "an edit": put("app.py", "2\n"),
        "a version": both(swap("pyproject.toml", '"1.0.0"', '"2.0.0"'), swap("uv.lock", '"1.0.0"', '"2.0.0"')),
        "a member's version": both(swap("libs/core/pyproject.toml", "0.3.0", "0.4.0"), swap("uv.lock", "0.3.0", "0.4.0")),
        "a description": swap("pyproject.toml", '"d"', '"e"'),
        "a new test": put("tests/test_app.py", "1\n"),
        "an order of keys": both(swap("pyproject.toml", 'name = "app"\nversion = "1.0.0"', 'version = "1.0.0"\nname = "app"'),
                                 swap("libs/core/pyproject.toml", 'name = "core"\nversion = "0.3.0"',
                                      'version = "0.3.0"\nname = "core"')),
        "a linter": swap("pyproject.toml", "99", "100"),
        "a comment": swap("pyproject.toml", "[project]", "# x\n[project]"),
        "line ends": crlf("pyproject.toml", "uv.lock"),
    }, {
        "a dependency": swap("pyproject.toml", "idna==3.7", "idna==3.8"),
        "a group": swap("pyproject.toml", "[tool.ruff]", '[dependency-groups]\ndev = ["six"]\n[tool.ruff]'),
        "an extra": swap("pyproject.toml", "[tool.uv.workspace]", '[project.optional-dependencies]\nx = ["six"]\n[tool.uv.workspace]'),
        "a dependency of the build": put("pyproject.toml", PYTHON["pyproject.toml"] + '[build-system]\nrequires = ["hatchling"]\n'),
        "an index": put("pyproject.toml", PYTHON["pyproject.toml"] + '[[tool.uv.index]]\nurl = "https://i/simple"\n'),
        "a member's dependency": put("libs/core/pyproject.toml", PYTHON["libs/core/pyproject.toml"] + 'dependencies = ["six"]\n'),
        "a locked version": swap("uv.lock", 'name = "idna"\nversion = "3.7"', 'name = "idna"\nversion = "3.8"'),
        "a member": put("libs/new/pyproject.toml", '[project]\nname = "new"\nversion = "1"\n'),
        "an interpreter": put(".python-version", "3.12\n"),
    }),
    ("python with pip", [], PIP, {
        "an edit": put("app.py", "2\n"),
        "a comment": swap("requirements.txt", "# web", "# the web"),
        "a new test": put("tests/test_app.py", "1\n"),
        "joined lines": put("base.txt", "six==1.16.0 --hash=sha256:aaaa\n"),
        "blank lines": swap("requirements.txt", "flask", "\n\nflask"),
        "line ends": crlf("requirements.txt", "base.txt"),
    }, {
        "a requirement": swap("requirements.txt", "flask==3.0.0", "flask==3.0.1"),
        "a requirement of an included file": swap("base.txt", "1.16.0", "1.17.0"),
        "a hash": swap("base.txt", "aaaa", "bbbb"),
        "a constraint": both(put("constraints.txt", "click<8\n"), swap("requirements.txt", "-e .", "-c constraints.txt\n-e .")),
        "an index": swap("requirements.txt", "-e .", "--extra-index-url https://i/simple\n-e ."),
    }),
    ("go", [], GO, {
        "an edit": put("main.go", "package main\n\nfunc main() { println() }\n"),
        "a new test": put("main_test.go", "package main\n"),
        "a comment": swap("go.mod", "require", "// x\nrequire"),
        "line ends": crlf("go.mod", "go.sum"),
    }, {
        "a requirement": swap("go.mod", "v1.5.2", "v1.5.1"),
        "a sum": swap("go.sum", "h1:x", "h1:y"),
        "another requirement": swap("go.mod", "replace", "require rsc.io/sampler v1.3.0\n\nreplace"),
        "a replacement": swap("go.mod", "replace y => ./y", "replace y => ./y\nreplace z => example.com/z v1.0.0"),
        "an exclusion": swap("go.mod", "replace", "exclude rsc.io/quote v1.5.1\n\nreplace"),
        "a language version": swap("go.mod", "go 1.21", "go 1.22"),
        "a workspace": put("go.work", "go 1.21\n\nuse (\n\t.\n\t./y\n)\n"),
        "a replaced module's requirement": put("y/go.mod", "module y\n\nrequire z v1.0.0\n"),
    }),
    ("go, warm", ["--go-warm"], {**GO, "main.go": 'package main\n\nimport _ "rsc.io/quote"\n\nfunc main() {}\n'}, {
        "an edit": put("main.go", 'package main\n\nimport _ "rsc.io/quote" // x\n\nfunc main() { println() }\n'),
        "an import of the standard library": put("main.go", 'package main\n\nimport (\n\t"fmt"\n\t_ "rsc.io/quote"\n)\n'),
    }, {
        "an imported package": put("main.go", 'package main\n\nimport _ "rsc.io/quote/v3"\n'),
    }),
    ("maven", [], MAVEN, {
        "an edit": put("a/src/main/java/A.java", "class A { }\n"),
        "a version": both(swap("pom.xml", "<version>1.0", "<version>1.1"), swap("a/pom.xml", "<version>1.0", "<version>1.1")),
        "a description": swap("pom.xml", "<description>d", "<description>e"),
        "a new test": put("a/src/test/java/ATest.java", "class ATest {}\n"),
        "a comment and spaces": swap("pom.xml", "<modules>", "\n  <!-- x -->\n  <modules>"),
        "line ends": crlf("pom.xml", "a/pom.xml"),
    }, {
        "a dependency's version": swap("a/pom.xml", "2.0", "2.1"),
        "a dependency": swap("a/pom.xml", "<dependencies>", "<dependencies><dependency><groupId>p</groupId><artifactId>p</artifactId>"
                             "<version>1</version></dependency>"),
        "a scope": swap("a/pom.xml", "2.0</version>", "2.0</version><scope>test</scope>"),
        "a managed version": swap("pom.xml", "<modules>", "<dependencyManagement><dependencies><dependency><groupId>o</groupId>"
                                  "<artifactId>o</artifactId><version>3</version></dependency></dependencies></dependencyManagement><modules>"),
        "a plugin": swap("pom.xml", "<modules>", "<build><plugins><plugin><artifactId>maven-jar-plugin</artifactId><version>3.3.0</version>"
                         "</plugin></plugins></build><modules>"),
        "a repository": swap("pom.xml", "<modules>", "<repositories><repository><id>r</id><url>https://r/</url></repository>"
                             "</repositories><modules>"),
        "a property": swap("pom.xml", "<modules>", "<properties><a>1</a></properties><modules>"),
        "a module": both(swap("pom.xml", "<module>a</module>", "<module>a</module><module>b</module>"),
                         put("b/pom.xml", "<project><artifactId>b</artifactId></project>")),
    }),
    ("dotnet", [], DOTNET, {
        "an edit": put("src/App/Program.cs", "class Q {}\n"),
        "a version": swap("src/App/App.csproj", "1.0.0", "2.0.0"),
        "a new test": put("src/App/AppTests.cs", "class T {}\n"),
        "a description": swap("src/App/App.csproj", "<Version>", "<Description>d</Description><Authors>a</Authors><Version>"),
        "an order of attributes": swap("src/App/App.csproj", 'Include="Serilog" Version="3.0.0"', 'Version="3.0.0" Include="Serilog"'),
        "a comment": swap("src/App/App.csproj", "<ItemGroup>", "<!-- x --><ItemGroup>"),
        "line ends": crlf("app.sln", "src/App/App.csproj", "src/Lib/Lib.csproj", "Directory.Build.props"),
    }, {
        "a package": swap("src/App/App.csproj", "3.0.0", "3.0.1"),
        "a new package": swap("src/App/App.csproj", "<ProjectReference", '<PackageReference Include="X" Version="1" /><ProjectReference'),
        "a central version": put("Directory.Packages.props", '<Project><ItemGroup><PackageVersion Include="X" Version="1" />'
                                 "</ItemGroup></Project>"),
        "a lock": put("src/App/packages.lock.json", '{"version": 1}'),
        "a source": put("nuget.config", '<configuration><packageSources><add key="a" value="https://n/" /></packageSources></configuration>'),
        "a tool": put(".config/dotnet-tools.json", '{"version": 1}'),
        "an SDK": put("global.json", '{"sdk": {"version": "8.0.100"}}'),
        "a framework": swap("src/App/App.csproj", "net8.0", "net9.0"),
        "a common property": swap("Directory.Build.props", "enable", "disable"),
        "a referenced project's package": put("src/Lib/Lib.csproj", '<Project><ItemGroup><PackageReference Include="X" '
                                              'Version="1" /></ItemGroup></Project>'),
    }),
    ("gradle", [], GRADLE, {
        "an edit": put("a/src/main/java/A.java", "class A { }\n"), "a new test": put("a/src/test/java/ATest.java", "class T {}\n"),
        "line ends": crlf("settings.gradle", "build.gradle", "a/build.gradle", "gradle/libs.versions.toml"),
    }, {
        "a module": both(swap("settings.gradle", "'a'", "'a', 'b'"), put("b/build.gradle", "\n")),
        "a plugin": swap("build.gradle", "plugins {}", "plugins { id 'java' }"),
        "a wrapper": put("gradle/wrapper/gradle-wrapper.properties", "distributionUrl=x\n"),
        "a property": put("gradle.properties", "v=1\n"),
        "a script": put("a/build.gradle", "dependencies { }\n"), "a catalogue": put("gradle/libs.versions.toml", "[x]\n"),
        "buildSrc": put("buildSrc/src/main/groovy/P.groovy", "2\n"), "a lock": put("a/gradle.lockfile", "a:b:1=x\n"),
    }),
    ("php", [], PHP, {
        "an edit": put("src/A.php", "<?php 1;\n"), "a description": swap("composer.json", '"d"', '"e"'),
        "an order of keys": put("composer.json", '{"require": {"php": ">=8"}, "scripts": {"x": "y"}, "description": "d", "name": "a/b"}'),
        "a script": swap("composer.json", '"y"', '"z"'), "a new test": put("tests/ATest.php", "<?php\n"),
        "autoloading": swap("composer.json", '"scripts"', '"autoload": {"psr-4": {"A\\\\": "src/"}}, "scripts"'),
        "line ends": crlf("composer.json", "composer.lock"),
    }, {
        "a development requirement": swap("composer.json", '"scripts"', '"require-dev": {"p/p": "1"}, "scripts"'),
        "a repository": swap("composer.json", '"scripts"', '"repositories": [{"type": "vcs", "url": "https://r/"}], "scripts"'),
        "a stability": swap("composer.json", '"scripts"', '"minimum-stability": "dev", "scripts"'),
        "a locked version": swap("composer.lock", "1.0", "1.1"), "a requirement": swap("composer.json", ">=8", ">=8.1")}),
    ("ruby", [], RUBY, {
        "an edit": put("app.rb", "2\n"), "an engine's code": put("engines/eng/lib/eng.rb", "2\n"),
        "a new test": put("test/app_test.rb", "1\n"),
        "line ends": crlf("Gemfile", "Gemfile.lock", "engines/eng/eng.gemspec"),
    }, {
        "a new gem": swap("Gemfile", "gem 'eng'", "gem 'puma', group: :test\ngem 'eng'"), "a source": swap("Gemfile", "rubygems.org", "gems/"),
        "a version of an engine": put("engines/eng/lib/eng/version.rb", "V = 2\n"), "an interpreter": put(".ruby-version", "3.3.0\n"),
        "a locked version": swap("Gemfile.lock", "3.0.0", "3.0.1"), "a gem": swap("Gemfile", "'rack'", "'rake'"),
        "an engine's gemspec": put("engines/eng/eng.gemspec", "x\n"),
    }),
    ("elixir", [], ELIXIR, {
        "an edit": put("lib/a.ex", "2\n"), "a new test": put("test/a_test.exs", "1\n"),
        "line ends": crlf("mix.exs", "mix.lock", "config/config.exs", "apps/a/mix.exs"),
    }, {
        "a dependency": swap("mix.exs", "do\nend", 'do\n  [{:jason, "~> 1.4"}]\nend'),
        "a locked version": swap("mix.lock", "1.4.1", "1.4.2"), "an app's dependency": put("apps/a/mix.exs", "2\n"),
        "configuration": put("config/config.exs", "x\n"),
    }),
]


def cases(tap, box):
    for eco, options, tree, stays, changes in MATRIX:
        box.tree("a", tree)
        before = box.prepare_bytes("a", *options)
        elsewhere(tap, box, eco, options, tree, before)
        for title, change in stays.items():
            box.tree("b", change(tree))
            after = box.prepare_bytes("b", *options)
            tap.check(None if after == before else f"{before.decode()}\n{after.decode()}",
                      f"{eco}: the recipe stays the same after {title}")
        for title, change in changes.items():
            box.tree("b", change(tree))
            after = box.prepare_bytes("b", *options)
            tap.check("the same" if after == before else None, f"{eco}: the recipe changes after {title}")
    everywhere(tap, box)


def elsewhere(tap, box, eco, options, tree, before):
    """Another place of the tree, another umask, another order of the directory entries."""
    old = os.umask(0o077)
    try:
        box.tree("deep/er/place", dict(reversed(tree.items())))
        for path in box.path("deep/er/place").rglob("*"):
            if not path.is_dir():
                path.chmod(0o700 if path.stat().st_mode & 0o100 else 0o600)
        after = box.prepare_bytes("deep/er/place", *options)
    finally:
        os.umask(old)
    tap.check(None if before == after else f"{before.decode()}\n{after.decode()}",
              f"{eco}: another directory, umask and order give the same bytes")


def everywhere(tap, box):
    """All ecosystems at once, a hundred runs, and ignored files."""
    tree = {**CARGO, **NPM, **PYTHON, **GO, **MAVEN, **DOTNET, **GRADLE, **PHP, **RUBY, **ELIXIR}
    box.tree("a", tree)
    before = box.prepare_bytes("a")
    elsewhere(tap, box, "all together", [], tree, before)
    runs = {box.prepare_bytes("a") for _ in range(100)}
    tap.check(None if runs == {before} else f"{len(runs)} kinds", "a hundred runs give the same bytes")
    box.path("a/.dockerignore").write_text("packages/\napp.py\n")
    files = contents(box.prepare("a"))
    tap.check(None if "package.json" in files and "packages/x/package.json" not in files else str(sorted(files)),
              "what the ignore file excludes is not in the recipe")
    tree = {"package.json": "{}", ".dockerignore": "kept-back\n", "kept-back/npmrc": "registry=https://secret\n",
            "kept-back/link": ("link", "../open/npmrc"), "open/npmrc": "registry=https://open\n"}
    for to, want in (("kept-back/npmrc", False), ("/kept-back/npmrc", False), ("kept-back/link", False), ("way/npmrc", True), ("way/../open/npmrc", True)):
        box.tree("a", {**tree, ".npmrc": ("link", to), "way": ("link", "open")})
        found = "registry" in str(contents(box.prepare("a")).get(".npmrc"))
        tap.check(None if found == want else f"read: {found}", f"a link to {to} shows what the ignore file keeps alone")
