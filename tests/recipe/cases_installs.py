# SPDX-License-Identifier: Apache-2.0
"""Real installs from the skeleton alone. Then the sources are copied over it, and the project must work.

Each needs its tool and its registry, so this group runs in CI, when it is named, and with --full.
npx and pip fetch pnpm, yarn, uv and poetry. On two cores the group takes a minute and a half.
"""

import os
import shutil
import subprocess
import sys

from box import command

NODE_MEMBERS = {
    "packages/lib/package.json": '{"name": "@r/lib", "version": "1.2.0", "main": "index.js", "bin": {"say": "bin/say.js"}, '
                                 '"dependencies": {"is-number": "7.0.0"}}',
    "packages/lib/index.js": "module.exports = require('is-number')(7);\n",
    "packages/lib/bin/say.js": ("exec", "#!/usr/bin/env node\nconsole.log('said');\n"),
}


def node_tree(protocol, **more):
    return {"package.json": '{"name": "root", "version": "3.0.0", "private": true, "workspaces": ["packages/*"], "scripts": '
                            '{"postinstall": "node scripts/post.js", "test": "x"}, "dependencies": {"is-odd": "3.0.1"}}',
            "packages/app/package.json": '{"name": "@r/app", "version": "0.1.0", "dependencies": {"@r/lib": "%s", '
            '"is-odd": "3.0.1"}}' % protocol,
            "packages/app/index.js": "console.log(require('@r/lib'), require('is-odd')(3));\n",
            "scripts/post.js": "require('fs').writeFileSync('post.txt', 'ran');\n", **NODE_MEMBERS, **more}


def cook_and_cover(box, source, install, after=(), env=None, prepare=()):
    """Prepares, cooks with the installer, copies the sources over, runs `after`. None, or what failed."""
    run = box.run("prepare", "-q", "-o", box.path("r.json"), *prepare, source)
    if run.status:
        return f"prepare: {run.err}"
    target = box.empty("image")
    run = box.run("cook", "-r", box.path("r.json"), "-C", target)
    if run.status:
        return f"cook: {run.err}"
    for step in install:
        status, text = command(*step, cwd=target, env=env)
        if status:
            return f"{' '.join(step)}: {text[-3000:]}"
    shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True,
                    ignore=shutil.ignore_patterns("node_modules", ".venv", "target"))
    for step, wanted in after:
        status, text = command(*step, cwd=target, env=env)
        if status or wanted not in text:
            return f"{' '.join(step)}: status {status}: {text[-3000:]}"
    return None


RUNS = [(["node", "packages/app/index.js"], "true true"), (["node", "-p", "require('fs').readFileSync('post.txt', 'utf8')"], "ran")]


def node(tap, box):
    if not shutil.which("npm"):
        tap.skip("no npm", "node installs")
        return
    managers = [
        ("npm", "*", [["npm", "install", "--package-lock-only"]], [["npm", "ci", "--no-audit", "--no-fund"]], ["npx"], {}),
        ("pnpm", "workspace:*", [["npx", "-y", "pnpm@10", "install", "--lockfile-only"]],
         [["npx", "-y", "pnpm@10", "install", "--frozen-lockfile"]], ["npx", "-y", "pnpm@10", "exec"],
         {"pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n"}),
        ("yarn 1", "1.2.0", [["npx", "-y", "yarn@1.22.22", "install", "--ignore-scripts"]],
         [["npx", "-y", "yarn@1.22.22", "install", "--frozen-lockfile"]], ["npx"], {}),
        ("yarn berry", "workspace:*", [["npx", "-y", "@yarnpkg/cli-dist@4.9.1", "install", "--mode=update-lockfile"]],
         [["npx", "-y", "@yarnpkg/cli-dist@4.9.1", "install", "--immutable"]], ["npx"],
         {".yarnrc.yml": "nodeLinker: node-modules\nenableTelemetry: false\n"}),
    ]
    for name, protocol, lock, install, _, more in managers:
        source = box.tree("src", node_tree(protocol, **more))
        why = None
        for step in lock:
            status, text = command(*step, cwd=source, env={"CI": "", "YARN_ENABLE_IMMUTABLE_INSTALLS": "0"})
            why = why or (f"{step}: {text[-2000:]}" if status else None)
        shutil.rmtree(source / "node_modules", ignore_errors=True)
        before = box.prepare_bytes("src")
        tap.check(why or cook_and_cover(box, source, install, RUNS), f"{name}: installs from the skeleton, and the project works")
        linked = [p for p in box.path("image").rglob(".bin/say") if p.exists()]
        tap.check(None if linked and "said" in command(linked[0], cwd=box.path("image"))[1] else f"not linked: {linked}",
                  f"{name}: a member's command is linked, and is the real one")
        tap.check(None if box.prepare_bytes("src") == before else "changed", f"{name}: installing changed nothing in the sources")
    plug_and_play(tap, box, managers[-1])


def plug_and_play(tap, box, berry):
    """yarn's Plug'n'Play: instead of node_modules, the install makes a map."""
    _, protocol, lock, install, _, _ = berry
    source = box.tree("src", node_tree(protocol, **{".yarnrc.yml": "nodeLinker: pnp\nenableTelemetry: false\n"}))
    status, text = command(*lock[0], cwd=source, env={"CI": "", "YARN_ENABLE_IMMUTABLE_INSTALLS": "0"})
    yarn = lock[0][:3]
    why = text if status else cook_and_cover(box, source, install, [
        ([*yarn, "node", "packages/app/index.js"], "true true"), ([*yarn, "workspace", "@r/app", "exec", "say"], "said")])
    tap.check(why, "yarn berry with Plug'n'Play: installs from the skeleton, and the project works")


def pip(tap, box):
    source = box.tree("src", {"requirements.txt": "-r base.txt\n-e .\n", "base.txt": "six==1.16.0\n", "setup.py":
                              "from setuptools import setup\nsetup(name='app', py_modules=['app'])\n",
                              "app.py": "import six\nprint('six', six.__version__)\n"})
    why = cook_and_cover(box, source, [[sys.executable, "-m", "venv", ".venv"],
                                       [".venv/bin/pip", "install", "-q", "-r", "requirements.txt"]],
                         [([".venv/bin/python", "app.py"], "six 1.16.0")])
    tap.check(why, "pip: installs from the skeleton, and the project works")


def python_tools(box):
    """An environment with uv and poetry, or None."""
    venv = box.path("tools")
    steps = ([sys.executable, "-m", "venv", venv], [f"{venv}/bin/pip", "install", "-q", "uv", "poetry"])
    for step in steps:
        status, text = command(*step, cwd=box.top)
        if status:
            print("# " + text.replace("\n", "\n# "))
            return None
    return {"PATH": f"{venv}/bin:{os.environ['PATH']}", "POETRY_VIRTUALENVS_IN_PROJECT": "true", "VIRTUAL_ENV": ""}


def uv_and_poetry(tap, box):
    env = python_tools(box)
    if not env:
        tap.skip("they can't be installed", "uv and poetry")
        return
    uv(tap, box, env)
    poetry(tap, box, env)


def uv(tap, box, env):
    build = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    source = box.tree("src", {
        "pyproject.toml": '[project]\nname = "app"\nversion = "1.4.0"\ndescription = "d"\nreadme = "README.md"\n'
        'requires-python = ">=3.9"\ndependencies = ["core", "idna==3.7"]\n[tool.uv.workspace]\nmembers = ["libs/*"]\n'
        "[tool.uv.sources]\ncore = { workspace = true }\n" + build, "README.md": "r", "src/app/__init__.py":
        "import core, idna\nprint(core.ANSWER, idna.__name__)\n", "libs/core/src/core/__init__.py": "ANSWER = 42\n",
        "libs/core/pyproject.toml": '[project]\nname = "core"\nversion = "0.3.0"\nrequires-python = ">=3.9"\n'
        'dependencies = ["six>=1.16"]\n' + build})
    status, text = command("uv", "lock", cwd=source, env=env)
    why = text if status else cook_and_cover(
        box, source, [["uv", "sync", "--locked", "--no-install-workspace"]],
        [(["uv", "sync", "--locked"], ""), ([".venv/bin/python", "-c", "import app"], "42 idna")], env)
    tap.check(why, "uv: a workspace syncs --locked from the skeleton, and the project works")


def poetry(tap, box, env):
    """A package of the repository itself is left out until its sources are there."""
    build = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
    source = box.tree("src", {
        "libs/core/pyproject.toml": '[tool.poetry]\nname = "core"\nversion = "0.3.0"\ndescription = "c"\nauthors = ["A <a@b.c>"]\n'
        '[tool.poetry.dependencies]\npython = "^3.9"\n' + build, "libs/core/core/__init__.py": "ANSWER = 42\n",
        "pyproject.toml": '[tool.poetry]\nname = "app"\nversion = "1.4.0"\ndescription = "d"\nauthors = ["A <a@b.c>"]\n'
        'readme = "README.md"\n[[tool.poetry.source]]\nname = "simple"\nurl = "https://pypi.org/simple/"\n'
        'priority = "primary"\n[tool.poetry.dependencies]\npython = "^3.9"\nidna = "3.7"\ncore = { path = "libs/core", develop = true }\n[tool.poetry.group.dev.dependencies]\n'
        'six = "1.17.0"\n[tool.black]\nline-length = 99\n' + build, "README.md": "r",
        "app/__init__.py": "import core, idna, six\nprint(core.ANSWER, 'fine')\n"})
    status, text = command("poetry", "lock", cwd=source, env=env)
    why = text if status else cook_and_cover(
        box, source, [["poetry", "install", "--no-root", "--no-directory", "-n"]],
        [(["poetry", "check", "--lock"], ""), (["poetry", "install", "-n"], ""),
         ([".venv/bin/python", "-c", "import app"], "42 fine")], env)
    tap.check(why, "poetry: installs from the skeleton, and the project works")


def go(tap, box):
    if not shutil.which("go"):
        tap.skip("no go", "go downloads and builds")
        return
    source = box.tree("src", {
        "go.mod": "module example.com/app\n\ngo 1.21\n\nrequire (\n\texample.com/lib v0.0.0\n\trsc.io/quote v1.5.2\n)\n\n"
        "replace example.com/lib => ./lib\n", "lib/go.mod": "module example.com/lib\n\ngo 1.21\n",
        "lib/l.go": "package lib\n\nfunc F() int { return 42 }\n", "cmd/main.go":
        'package main\n\nimport (\n\t"fmt"\n\n\t"example.com/lib"\n\tq "rsc.io/quote"\n)\n\n'
        "func main() { fmt.Println(lib.F(), len(q.Glass()) > 0) }\n"})
    status, text = command("go", "mod", "tidy", cwd=source)
    env = {"GOFLAGS": "-mod=readonly", "GOCACHE": str(box.empty("gocache"))}
    warm = [["go", "mod", "download"], ["go", "build", "-tags", "ctxwarm", "./.ctx-stub/gowarm"]]
    why = text if status else cook_and_cover(box, source, warm, [(["go", "build", "-v", "-o", "app", "./cmd"], "")], env,
                                             ["--go-warm"])
    tap.check(why, "go: downloads and compiles from the skeleton")
    shutil.copytree(source, box.empty("again"), dirs_exist_ok=True)
    status, text = command("go", "build", "-v", "-o", "app", "./cmd", cwd=box.path("image"), env=env)
    tap.check(None if "rsc.io/quote" not in text and command("./app", cwd=box.path("image"))[1] == "42 true\n" else text,
              "go: what was compiled is not compiled again, and the program works")


def maven(tap, box):
    if not shutil.which("mvn"):
        tap.skip("no mvn", "a Maven reactor")
        return
    parent = "<parent><groupId>x</groupId><artifactId>root</artifactId><version>1.5.0</version></parent>"
    module = "<project><modelVersion>4.0.0</modelVersion>%s<artifactId>%s</artifactId><dependencies>%s</dependencies></project>"
    local = "<dependency><groupId>x</groupId><artifactId>%s</artifactId><version>1.5.0</version></dependency>"
    external = ("<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version><scope>%s</scope>"
                "</dependency>")
    source = box.tree("src", {
        "pom.xml": "<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>root</artifactId>"
        "<version>1.5.0</version><packaging>pom</packaging><description>d</description><properties>"
        "<maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target>"
        "</properties><modules><module>core</module><module>mid</module><module>app</module></modules></project>",
        "core/pom.xml": module % (parent, "core", external % ("org.slf4j", "slf4j-api", "1.7.36", "compile") +
                                  external % ("junit", "junit", "4.13.2", "test")),
        "core/src/test/java/x/CTest.java": "package x; public class CTest { @org.junit.Test public void t() "
        "{ org.junit.Assert.assertEquals(42, C.f()); } }\n",
        "mid/pom.xml": module % (parent, "mid", local % "core"), "app/pom.xml": module % (parent, "app", local % "mid"),
        "core/src/main/java/x/C.java": "package x; public class C { public static int f() { return 42; } }\n",
        "mid/src/main/java/x/M.java": "package x; public class M { public static int f() { return C.f(); } }\n",
        "app/src/main/java/x/A.java": "package x; public class A { public static void main(String[] a) "
        "{ System.out.println(M.f()); } }\n"})
    mvn = ["mvn", "-q", "-B", "-ntp", "-DskipTests", f"-Dmaven.repo.local={box.path('m2')}"]
    clean = ["find", ".", "-name", "target", "-prune", "-exec", "rm", "-rf", "{}", "+"]
    run = ["java", "-cp", ":".join(f"{m}/target/{m}-1.5.0.jar" for m in ("core", "mid", "app")), "x.A"]
    why = cook_and_cover(box, source, [[*mvn, "-Dmaven.main.skip", "-Dspring-boot.repackage.skip", "package"], clean],
                         [([*mvn, "-o", "package"], ""), (run, "42")])
    tap.check(why, "maven: a reactor of three modules builds offline after the skeleton did")
    compiled = box.path("image/core/target/test-classes/x/CTest.class")
    tap.check(None if compiled.exists() else "no class", "maven: its tests are compiled offline, too")
    # Maven fetches what runs tests only if there are tests, and the skeleton has none.
    status, text = command(*[w for w in mvn if w not in ("-q", "-DskipTests")], "package", cwd=box.path("image"))
    tap.check(None if status == 0 and "Tests run: 1, Failures: 0" in text else text[-3000:], "maven: and they pass")


def cases(tap, box):
    for case in (node, pip, uv_and_poetry, go, maven):
        try:
            case(tap, box)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            tap.check(repr(error)[:2000], f"{case.__name__} runs to its end")
