# SPDX-License-Identifier: Apache-2.0
"""Instructions whose result depends on what else is in the context.

`docker build .` transfers what the instructions of one target read; a stream contains what any target may
read, and the Dockerfile. BuildKit looks the sources of COPY --parents with a pivot up in all of that. The
cases and a number of made-up contexts are built both ways. If the stream can't know which image is wanted,
because it depends on the target or on a build argument, a warning must name the line.

Docker 20.10 has no --parents without a frontend from a registry, so this needs ENGINE=--newest.

  SEED=N COUNT=N  made-up contexts from another seed, or more of them
"""

import os
import random
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor

from compare import image_differences
from engine import Request
from fixture import Case, directory, file, link
from sender import build_sent, send

SEED = int(os.environ.get("SEED", "7"))
COUNT = int(os.environ.get("COUNT", "300" if os.environ.get("FULL") else "14"))
WORKERS = 3

PKGS = "pkgs/one/package.json pkgs/two/package.json pkgs/two/more.txt pkgs/README.md root.txt"
PIVOT = "COPY --parents pkgs/*/./package.json /w/\n"
PROBE = "FROM scratch\nCOPY --parents a.txt /x/\n"


def pivot(title, dockerfile, tree=PKGS, **more):
    tree = [tree] if isinstance(tree, str) else tree
    return Case(title, "FROM scratch\n" + dockerfile, tree, **more)


CASES = [
    pivot("the Dockerfile of the stream is not seen", "COPY --parents */./one/package.json /w/\n"),
    pivot("… nor if it is part of the context", "COPY --parents */./one/package.json /w/\nCOPY Dockerfile /y/\n"),
    Case("… nor if it comes from elsewhere", None, [PKGS], request=Request(file="my.docker"),
         outside=[file("my.docker", "FROM scratch\nCOPY --parents */./one /w/\n")]),
    pivot("… nor if it is ignored", "COPY --parents *ile/./x */./one /w/\n", ignore="Dockerfile\n"),
    pivot("what a variable widens is not seen", "ARG X=root.txt\nCOPY $X /y/\n" + PIVOT),
    pivot("… and nothing is, if the value is final", "ARG X=root.txt\nCOPY $X /y/\n" + PIVOT,
          request=Request(send=("--args-final",))),
    pivot("what another instruction reads is seen", "COPY pkgs/README.md /y/\n" + PIVOT),
    Case("a mount of the whole context shows all of it", "FROM busybox\n"
         "RUN --network=none --mount=target=/m true\n" + PIVOT, [PKGS]),
    pivot("what another stage reads is not seen", "COPY pkgs /y/\nFROM scratch\n" + PIVOT),
    pivot("… but if the target needs it", "COPY pkgs /y/\nFROM scratch\nCOPY --from=0 /y/README.md /z/\n" + PIVOT),
    pivot("… nor if only the stage of the pivot is the target", PIVOT + "FROM scratch\nCOPY pkgs /y/\n"),
    pivot("a directory that is read elsewhere makes no destination",
          "COPY pkgs/README.md /y/\nARG X=root.txt\nCOPY $X /y/\nCOPY --parents pkgs/*/./nothing /w/\n"),
    pivot("a directory that nothing is read of is missing", "ARG X=root.txt\nCOPY $X /y/\n"
          "COPY --parents pkgs/two/./none* /w/\n", fails=True),
    pivot("… also above a wildcard", "ARG X=root.txt\nCOPY $X /y/\nCOPY --parents pkgs/*/./none* /w/\n", fails=True),
    pivot("two stars before the pivot are one star", "ARG X=root.txt\nCOPY $X /y/\nCOPY --parents **/./x /w/\n",
          ["a/b/x b/x x root.txt"]),
    pivot("two sources, and each hides its own", "ARG X=root.txt\nCOPY $X /y/\n"
          "COPY --parents pkgs/*/./package.json */./one /w/\nCOPY --parents pkgs/two/./* /v/\n"),
    pivot("a link to a file that is read elsewhere", "COPY root.txt /y/\nCOPY --parents pkgs/*/./package.json /w/\n",
          [PKGS, link("pkgs/l", "../root.txt")]),
    pivot("a link at the first wildcard asks for all that it matches", PIVOT, [PKGS, link("pkgs/l", "one")]),
    pivot("… at the top, too", "COPY --parents */./package.json /w/\n", [PKGS, link("l", "pkgs/one")]),
    pivot("a link before the wildcard", "ARG X=root.txt\nCOPY $X /y/\nCOPY --parents l/*/./package.json /w/\n",
          [PKGS, link("l", "pkgs")]),
    pivot("names that need quotes", "ARG X=root.txt\nCOPY $X /y/\n" + PIVOT,
          [PKGS, file("pkgs/a b"), file("pkgs/$x'\"\\"), file("pkgs/!ü"), file("pkgs/#*[")]),
    pivot("the same names as others but for one character", "ARG X=root.txt\nCOPY $X pkgs/a-b /y/\n" + PIVOT,
          [PKGS, file("pkgs/a b"), file("pkgs/a-b")]),
    Case("an escape directive", "# escape=`\nFROM scratch\nARG X=root.txt\nCOPY $X /y/\n"
         "COPY --parents pkgs/*/./package.json `\n /w/\n", [PKGS]),
    pivot("numbers of stages", "COPY root.txt /r\nFROM scratch\nARG X=root.txt\nCOPY $X /y/\n"
          "COPY --from=0 /r /s\n" + PIVOT),
    pivot("ADD of context files beside it", "ARG X=root.txt\nADD $X /y/\n" + PIVOT),
    pivot("a recipe beside it", "COPY --parents */./one/package.json /w/\n", request=Request(send=("--recipe",))),
    Case("a base that may have triggers", "FROM with-env\n" + PIVOT, [PKGS],
         request=Request(send=("--base-config=none",))),
    Case("a trigger with a pivot is refused or the same", "FROM scratch AS base\nONBUILD COPY --parents pkgs/*/./package.json /w/\n"
         "FROM base\nARG X=root.txt\nCOPY $X /y/\n", [PKGS]),
    pivot("a link in a directory to the ignored Dockerfile", "COPY root.txt */l /x/\n",
          [PKGS, link("s/l", "../Dockerfile")], ignore="Dockerfile\n", request=Request(send=("--builder=buildkit",)),
          fails=True),
    pivot("… and to one that nothing reads", "COPY root.txt */l /x/\n", [PKGS, link("s/l", "../Dockerfile")],
          request=Request(send=("--builder=buildkit",)), fails=True),
    pivot("everything is sent", PIVOT, request=Request(send=("--full",))),
]


# ---- made-up contexts ----------------------------------------------------------------------


class Maker:
    """A context and a Dockerfile, made of a few names, so that instructions touch the same files."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seed = seed

    def case(self):
        rng = self.rng
        tree = self.tree()
        self.paths = [node.path for node in tree] + ["Dockerfile"]
        text, send_options = self.dockerfile(), []
        if rng.random() < 0.25:
            send_options.append("--args-final")
        if rng.random() < 0.25:
            send_options.append("--builder=buildkit")
        names = re.findall(r"AS (\w+)", text)
        target = rng.choice(names) if rng.random() < 0.2 else None
        case = Case(f"made up, seed {self.seed}", text, tree, ignore=rng.choice([None, None, "Dockerfile\n", "p/r\n"]),
                    request=Request(target=target, send=tuple(send_options)))
        if target is None and len(names) > 1 and rng.random() < 0.3:
            case.vary.append(Request(target=names[0]))
        if "ARG X" in text and not send_options and rng.random() < 0.4:
            case.vary.append(Request(target=target, args=(("X", rng.choice(self.paths)),)))
        return case

    def tree(self):
        """Files a to c in each directory of two levels, and a few links among them."""
        rng, nodes = self.rng, []
        for folder in ("", "p/", "q/", "p/a/", "p/b/", "q/a/"):
            for name in "xyz":
                if rng.random() < 0.7:
                    nodes.append(file(folder + name))
            if rng.random() < 0.12:
                up = "../" * folder.count("/")
                nodes.append(link(folder + "l", up + rng.choice(["p", "q", "x", "p/a", "q/a/x", "Dockerfile", "p/y"])))
        return nodes or [file("x")]

    def pattern(self, share=0.5):
        """A path of the context in which some names became wildcards."""
        names = self.rng.choice(self.paths).split("/")
        return [self.rng.choice(["*", "*", "?", f"[{name[0]}xy]", f"{name}*"]) if self.rng.random() < share else name
                for name in names]

    def pivot(self):
        names = self.pattern()
        at = self.rng.randint(1, len(names))
        below = names[at:] or [self.rng.choice(["x", "*", "a"])]
        return "/".join([*names[:at], ".", *below])

    def instruction(self):
        rng, kind = self.rng, self.rng.random()
        if kind < 0.5:
            return f"COPY --parents {' '.join(self.pivot() for _ in range(rng.choice([1, 1, 2])))} /{rng.choice('wv')}/"
        if kind < 0.6:
            return f"COPY --parents {'/'.join(self.pattern())} /{rng.choice('wv')}/"
        if kind < 0.85:
            return f"COPY {'/'.join(self.pattern(0.2))} /y/"
        return f"ARG X={rng.choice(self.paths)}\nCOPY $X /z/"

    def dockerfile(self):
        rng, lines = self.rng, []
        for stage in range(rng.choice([1, 1, 2, 3])):
            lines.append(f"FROM scratch AS s{stage}")
            if stage and rng.random() < 0.3:
                lines[-1] = f"FROM s{rng.randrange(stage)} AS s{stage}"
            lines += [self.instruction() for _ in range(rng.randint(1, 3))]
            if stage and rng.random() < 0.4:
                lines.append(f"COPY --from=s{stage - 1} / /f/")
        return "\n".join(lines) + "\n"


# ---- the comparison ------------------------------------------------------------------------


def run(tap, engine):
    with tempfile.TemporaryDirectory(prefix="live.") as top, ThreadPoolExecutor(WORKERS) as pool:
        reason = unable(engine, os.path.join(top, "probe"))
        if reason:
            tap.skip(reason, "instructions whose result depends on what else is in the context")
            return
        only = os.environ.get("ONLY", "")
        cases = [case for case in (*CASES, *(Maker(SEED * 100_000 + n).case() for n in range(COUNT)))
                 if re.search(only, case.title)]
        jobs = [pool.submit(one_case, engine, case, os.path.join(top, str(n))) for n, case in enumerate(cases)]
        for job in jobs:
            for why, sentence in job.result():
                tap.check(why, sentence)


def unable(engine, home):
    """Why this engine can't be asked: its BuildKit has no --parents. Else None."""
    Case("probe", PROBE, ["a.txt"]).make(home)
    built = engine.build_dir("ctx", Request(), "buildkit", cwd=home)
    return None if built.image else "the engine's BuildKit has no COPY --parents"


def one_case(engine, case, home):
    """[(why, sentence)]: the stream's image is that of the directory, or the stream says why it may not be."""
    os.mkdir(home)
    try:
        case.make(home)
        sent = send(case.context, case.request, home, "out.tar", engine.env)
        if sent.crashed:
            return [(sent.crashed, case.title)]
        return [one_build(engine, case, home, sent, request) for request in (case.request, *case.vary)]
    finally:
        shutil.rmtree(home, ignore_errors=True)


# docker build . has such a link without what it leads to, and fails; a stream has the target if another builder,
# target or value reads it, and builds: docs/dockerfile.md.
LINK_BELOW = re.compile(r"[*?\]][^ ]*/l\b")


def one_build(engine, case, home, sent, request):
    sentence = case.title if request is case.request else f"{case.title}, with {request.docker_options()}"
    want = engine.build_dir(case.context, request, "buildkit", cwd=home)
    have = build_sent(engine, sent, request, "buildkit")
    lines = image_differences(engine, want, have, history=True)
    if want.image is None and have.image and case.title.startswith("made up") and LINK_BELOW.search(case.dockerfile):
        lines = []
    if lines and tells(sent, request is case.request, want, have):
        lines = []
    if case.fails and want.image:
        lines.append("`docker build` of the directory was expected to fail")
    if lines:
        lines += ["Dockerfile:", *(case.dockerfile or "").splitlines(), f"options {case.request}", sent.err]
        lines += [f"{node.kind} {node.path} {node.target}" for node in case.tree if not isinstance(node, str)]
    return "\n".join(lines), sentence


def tells(sent, same_request, want, have):
    """Whether the stream said that this may happen."""
    if sent.status == 1:
        return "that can't be hidden" in sent.err
    if not same_request:
        return re.search(r"Dockerfile:\d+: COPY --parents .* settle that", sent.err)
    return want.image is None and have.image and re.search(r"Dockerfile:\d+: .*docker build \. fails", sent.err)
