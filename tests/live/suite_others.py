# SPDX-License-Identifier: Apache-2.0
"""Other builders make the same tree from the stream: Debian's buildah, from standard input.

`buildah bud -` unpacks plain, gzip and zstd streams. Its image is compared, file by file, with the image
that Docker's BuildKit makes of the directory. Files that an engine puts into every container are left
out.
"""

import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from compare import tree_differences
from engine import REPO, TIMEOUT, Request, entries_below
from cases_ignore import ALL
from cases_real import NOISE
from cases_stage import THREE
from cases_tree import NAMES
from fixture import Case, directory, file, hard, link
from sender import send

FORMS = {"plain": (), "gzip": ("-z",), "zstd": ("--zstd",)}
RUNTIME = re.compile(r"(dev|proc|sys|\.dockerenv|run)(/.*)?\Z|etc(/(hosts|hostname|resolv\.conf|mtab))?\Z")

TREE = ["app/main.py app/lib/x.py README.md e/", link("l", "app/lib"), link("gone", "/no/where"), link("app/up", "../README.md"),
        file("app/run.sh", "#!/bin/sh\n", mode=0o755), file("app/secret", mode=0o600), directory("t", 0o1777),
        file("n" * 120), file("empty", b"")]

CASES = [
    Case("files, links, modes and empty directories", ALL, TREE),
    Case("odd names", ALL, [file("d/" + name) for name in NAMES if not name.startswith(".wh.")]),
    Case("hard links", ALL, ["b/one", hard("b/two", "b/one"), hard("a", "b/one"), hard("z/deep/er", "b/one")]),
    Case("an ignore file with exceptions", ALL, TREE, ignore="app\n!app/lib\n*.md\nDockerfile\n"),
    Case("an ignore file that keeps one directory", ALL, TREE, ignore="*\n!app\n"),
    Case("the Dockerfile is ignored", ALL, TREE, ignore="Dockerfile\n.dockerignore\n"),
    Case("a kept Containerfile, which buildah would prefer", ALL, [*TREE, file("Containerfile", "FROM none\n")]),
    Case("a kept lower-case dockerfile", ALL, [*TREE, file("dockerfile", "FROM none\n")]),
    Case("-f in a directory", None, [*TREE, file("docker/api.docker", ALL)], request=Request(file="ctx/docker/api.docker")),
    Case("only some files are read", "FROM scratch\nCOPY app/lib README.md /x/\nCOPY l/x.py READ* /y/\n", TREE),
    Case("stages", THREE, ["a.txt b.txt app/lib/x.py other/z"]),
    Case("the example python-service, its runtime's files", None, NOISE, copy_of=str(REPO / "examples/python-service"),
         request=Request(stdin="FROM busybox:latest\nWORKDIR /app\nCOPY requirements.txt .\nCOPY app/ app/\n", file="-")),
]


def run(tap, engine):
    if shutil.which("buildah") is None:
        tap.skip("buildah is missing", "buildah makes the same tree from the stream")
        return
    with tempfile.TemporaryDirectory(prefix="live.") as top, ThreadPoolExecutor(2) as pool:
        buildah = Buildah(os.path.join(top, "store"))
        buildah.take_base(engine, os.path.join(top, "base.tar"))
        jobs = [pool.submit(one_case, engine, buildah, case, os.path.join(top, str(number)))
                for number, case in enumerate(CASES)]
        for job in jobs:
            for why, sentence in job.result():
                tap.check(why, sentence)
        for why, sentence in ignore_file_claims(engine, buildah, os.path.join(top, "ignore")):
            tap.check(why, sentence)


def one_case(engine, buildah, case, home):
    os.mkdir(home)
    case.make(home)
    claims = []
    made = engine.build_dir(case.context, case.request, "buildkit", cwd=home)
    want = engine.tree(made.image) if made.image else None
    for form, options in FORMS.items():
        sentence = f"buildah: {case.title}, {form}"
        sent = send(case.context, case.request, home, "s", engine.env, extra=options)
        if want is None or sent.status != 0:
            claims.append((f"{made.log}\nctx-send: exit {sent.status}: {sent.err}", sentence))
            continue
        have, log = buildah.build(sent.path)
        if have is None:
            claims.append((log, sentence))
        else:
            lines = tree_differences(*(without_runtime(tree) for tree in (want, have)))
            claims.append(("\n".join(lines), sentence))
    shutil.rmtree(home, ignore_errors=True)
    return claims


def ignore_file_claims(engine, buildah, home):
    """buildah applies a .dockerignore of the stream again, by older rules: docs/builders.md."""
    os.mkdir(home)
    for rules, want, sentence in (
            ("**\n!**/*.go\n!Dockerfile\n!.dockerignore\n", {"x", "x/Dockerfile", "x/.dockerignore"},
             "buildah: an ignore file that is sent along is applied again, by older rules"),
            ("**\n!**/*.go\n!Dockerfile\n.dockerignore\n", {"x", "x/Dockerfile", "x/app", "x/app/a.go"},
             "buildah: one that excludes itself isn't"),
    ):
        case = Case(sentence, ALL, ["app/a.go app/b.txt"], ignore=rules)
        shutil.rmtree(os.path.join(home, "ctx"), ignore_errors=True)
        case.make(home)
        sent = send(case.context, case.request, home, "s", engine.env)
        have, log = buildah.build(sent.path) if sent.status == 0 else (None, sent.err)
        got = {path for path in have or () if path.split("/")[0] == "x"}
        yield (None if got == want else f"{sorted(got)} {log}"), sentence


def without_runtime(tree):
    return {path: entry for path, entry in tree.items() if not RUNTIME.match(path)}


class Buildah:
    def __init__(self, store):
        self.base = ["buildah", "--root", store + "/root", "--runroot", store + "/run", "--storage-driver", "vfs"]
        self.env = os.environ | {"BUILDAH_ISOLATION": "chroot", "XDG_RUNTIME_DIR": store + "/xdg"}
        os.makedirs(store + "/xdg")

    def call(self, *words, **more):
        return subprocess.run([*self.base, *words], env=self.env, capture_output=True, timeout=TIMEOUT, **more)

    def take_base(self, engine, path):
        _, image = engine.call("GET", "/images/busybox:latest/get")
        with open(path, "wb") as out:
            out.write(image)
        self.call("pull", f"docker-archive:{path}", check=True)

    def build(self, stream):
        """Builds a stream: ({path: Entry} or None, what buildah printed)."""
        with open(stream, "rb") as data:
            done = self.call("bud", "--isolation", "chroot", "--no-cache", "-q", "-", stdin=data)
        if done.returncode:
            return None, done.stderr.decode(errors="backslashreplace")
        image = done.stdout.decode().split()[-1]
        container = self.call("from", "--pull-never", image, check=True).stdout.decode().strip()
        root = self.call("mount", container, check=True).stdout.decode().strip()
        tree = entries_below(root)
        self.call("rm", container)
        self.call("rmi", "--force", image)
        return tree, ""
