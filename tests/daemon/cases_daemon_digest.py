# SPDX-License-Identifier: Apache-2.0
"""ctx digest: what must give an equal value and what must give another one, with ctxd and without.

A row is a title, a Dockerfile, and ways to ask: each a list of options, or an Ask with more. All ways of EQUAL give
one value; all ways of DIFFER give values that differ from each other. Facts of Docker [V] were measured with
buildx 0.38 and BuildKit 0.34.
"""

import contextlib
import json
import os
import shutil
import socketserver
import threading
from dataclasses import dataclass, field

V = "FROM busybox\nARG V\nRUN echo $V >/v\n"
STAGES = "FROM scratch AS one\nCOPY a /\nFROM scratch AS Two\nCOPY b /\n"
NAMED = "FROM scratch AS one\nCOPY a /\nFROM busybox AS two\nARG TARGETSTAGE\nRUN echo $TARGETSTAGE >/s\n"
CORP = "FROM corp/base:1\nCOPY a /\n"
COPY = "FROM scratch\nCOPY . /\n"


@dataclass
class Ask:
    args: list = field(default_factory=list)
    env: dict = field(default_factory=dict)
    prepare: object = None  # of the tree; what it does stays


def environment(**env):
    return Ask(env=env)


def made(prepare):
    return Ask(prepare=prepare)


def every(root, what):
    for path in [root, *root.rglob("*")]:
        what(path)


def modes(files, dirs):
    return made(lambda root: every(root, lambda p: os.chmod(p, dirs if p.is_dir() else files)))


def linked(root):
    (root / "b").unlink()
    os.link(root / "a", root / "b")


def unlinked(root):
    (root / "b").unlink()
    shutil.copy2(root / "a", root / "b")


def rewritten(name, text):
    return made(lambda root: (root / name).write_text(text))


EQUAL = [
    ("times", COPY, [[], made(lambda root: every(root, lambda p: os.utime(p, (5, 5))))]),
    ("umasks", COPY, [modes(0o644, 0o755), modes(0o600, 0o700), modes(0o664, 0o2775)]),
    ("owners", COPY, [[], made(lambda root: every(root, lambda p: os.geteuid() or os.chown(p, 1234, 1234)))]),
    ("hard links and copies", COPY, [made(linked), made(unlinked)]),
    ("a file that no instruction reads", STAGES, [[], rewritten("unread", "x")]),
    ("a file of another stage, for BuildKit", STAGES,
     [["--builder=buildkit"], Ask(["--builder=buildkit"], prepare=lambda root: (root / "a").write_text("x"))]),
    ("SOURCE_DATE_EPOCH, valid or not", V, [[], environment(SOURCE_DATE_EPOCH="7"), environment(SOURCE_DATE_EPOCH="x")]),
    ("locale, time zone, terminal", COPY, [[], environment(LC_ALL="C.UTF-8", TZ="Asia/Tokyo", TERM="xterm")]),
    ("variables that no --build-arg names", V, [[], environment(V="1", HTTP_PROXY="http://p", DOCKER_BUILDKIT="0",
                                                          BUILDKIT_SYNTAX="x/y", DOCKER_DEFAULT_PLATFORM="linux/arm64")]),
    ("the last stage, named or not, in upper or lower case", STAGES,
     [[], ["--target=two"], ["--target=TWO"], ["--target", "Two"]]),
    ("the only stage", "FROM scratch AS x\nCOPY a /\n", [[], ["--target=x"]]),
    ("a stage that is not the last", STAGES, [["--target=one"], ["--target=ONE"]]),
    ("the order of --build-arg", V, [["--build-arg=V=1", "--build-arg=W=2"], ["--build-arg=W=2", "--build-arg=V=1"]]),
    ("[V] of one name the last --build-arg", V, [["--build-arg=V=1", "--build-arg=V=2"], ["--build-arg=V=2"]]),
    ("[V] --build-arg NAME is the variable of the environment", V,
     [["--build-arg=V=1"], Ask(["--build-arg=V"], {"V": "1"}), Ask(["--build-arg=V=0", "--build-arg=V"], {"V": "1"})]),
    ("[V] --build-arg NAME of no variable has no effect", V, [[], ["--build-arg=V"]]),
    ("--args-final that narrows nothing", V, [["--build-arg=V=1"], ["--build-arg=V=1", "--args-final"]]),
    ("--trust-bases that narrows nothing", "FROM corp/base\nCOPY . /\n", [[], ["--trust-bases=corp/*"]]),
    ("who does the work", COPY, [[], ["--verify"]]),
    ("an engine that was not asked", CORP, [[], "engine", ["--base-config=none"]]),
    ("an engine that was asked and knows nothing", CORP, [[], ["--base-config=engine"]]),
]

DIFFER = [
    ("contents, names, link targets", COPY,
     [[], rewritten("a", "x"), made(lambda root: (root / "a").rename(root / "c")),
      made(lambda root: os.symlink("a", root / "a")), rewritten("b", "x"),
      made(lambda root: ((root / "a").unlink(), os.symlink("b", root / "a")))]),
    ("the owner's execute bit, set-id and sticky bits", COPY,
     [[], *(made(lambda root, mode=mode: os.chmod(root / "a", mode)) for mode in (0o755, 0o4755, 0o2755, 0o6755, 0o1755))]),
    ("the text of the Dockerfile", V, [[], rewritten("Dockerfile", V + "LABEL a=b\n"), rewritten("Dockerfile", V + "#\n")]),
    ("values of --build-arg", V, [[], ["--build-arg=V="], ["--build-arg=V=1"], ["--build-arg=V=2"],
                                  ["--build-arg=V=1", "--build-arg=W=1"], ["--build-arg=V1=1"], ["--build-arg=V=11"]]),
    ("the same with --args-final", V, [["--args-final"], ["--build-arg=V=1", "--args-final"],
                                       ["--build-arg=V=2", "--args-final"]]),
    ("the variable that --build-arg NAME asks for", V, [Ask(["--build-arg=V"], {"V": "1"}), Ask(["--build-arg=V"], {"V": "2"})]),
    ("[V] an unused --build-arg that every RUN sees", V, [[], ["--build-arg=HTTP_PROXY=p"], ["--build-arg=http_proxy=p"]]),
    ("--platform", V, [[], ["--platform=linux/amd64"], ["--platform=linux/arm64"], ["--platform=linux/arm/v6"],
                       ["--platform=linux/amd64,linux/arm64"], ["--platform=linux/amd64", "--build-arg=V=1"]]),
    ("--platform with --args-final", V, [["--args-final", "--platform=linux/amd64"], ["--args-final", "--platform=linux/arm64"]]),
    ("stages", STAGES, [[], ["--target=one"]]),
    ("stages with the same files", "FROM scratch AS one\nFROM busybox AS two\n", [[], ["--target=one"]]),
    ("[V] the spelling of a target that the file reads", NAMED, [[], ["--target=two"], ["--target=TWO"]]),
    ("the same before FROM", "ARG X=$TARGETSTAGE\nFROM base-$X AS two\n", [[], ["--target=two"], ["--target=TWO"]]),
    ("the same by an ARG whose name is put together", "FROM busybox AS two\nARG X=STAGE\nARG TARGET${X}\nRUN env\n",
     [[], ["--target=two"], ["--target=TWO"]]),
    ("the same in a trigger", "FROM scratch AS one\nONBUILD ARG TARGETSTAGE\nFROM one AS two\n",
     [[], ["--target=two"], ["--target=TWO"]]),
    ("the same in a foreign syntax", "# syntax=example.com/other\nTAKE .\n", [[], ["--target=two"], ["--target=TWO"]]),
    ("the target of two stages with one name", "FROM scratch AS x\nCOPY a /\nFROM scratch AS x\nCOPY a /\n",
     [[], ["--target=x"], ["--target=x", "--builder=classic"]]),
    ("builders", V, [[], ["--builder=classic"]]),
    ("the recipe", "FROM scratch\nCOPY .ctx/go /\nCOPY . /\n", [[], ["--recipe"]]),
    ("what an engine that was asked tells", CORP,
     [[], "known", "known, with another variable", "known, with a trigger"]),
]

IMAGE = {"RepoTags": ["corp/base:1"], "Config": {"Env": ["PATH=/bin", "W=1"], "OnBuild": None}}
KNOWN = {
    "engine": (IMAGE, []),
    "known": (IMAGE, ["--base-config=engine"]),
    "known, with another variable": ({"Config": {"Env": ["PATH=/bin", "W=2"]}}, ["--base-config=engine"]),
    "known, with a trigger": ({"Config": {"Env": ["PATH=/bin", "W=1"], "OnBuild": ["RUN x"]}}, ["--base-config=engine"]),
}


@contextlib.contextmanager
def engine(box, image):
    """An engine that has one image. Yields its environment."""
    body = json.dumps(image).encode()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while (line := self.rfile.readline()) not in (b"", b"\r\n"):
                del line
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    path = box.top / "engine.sock"
    path.unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield {"DOCKER_HOST": f"unix://{path}"}
        finally:
            server.shutdown()


def tree(box, name, dockerfile):
    root = box.top / name
    root.mkdir()
    for path, text in (("a", "1"), ("b", "2"), ("d/e", "3"), ("go.mod", "module m\n"), ("Dockerfile", dockerfile)):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    return root


def values_of(box, root, way):
    """The values of one way to ask, with and without ctxd; or the fault."""
    if isinstance(way, str):
        image, args = KNOWN[way]
        with engine(box, image) as env:
            return values_of(box, root, Ask(args, env))
    ask = Ask(way) if isinstance(way, list) else way
    if ask.prepare:
        with contextlib.suppress(FileExistsError):
            ask.prepare(root)
    runs = [box.ctx("digest", mode, *ask.args, root, env=ask.env) for mode in ("--daemon=require", "--no-daemon")]
    faults = [fault for run in runs if (fault := run.fault())]
    return faults[0] if faults else [run.out.decode().strip() for run in runs]


def fault_of(box, root, ways, equal):
    seen = []
    for way in ways:
        values = values_of(box, root, way)
        if isinstance(values, str):
            return f"{way}: {values}"
        if len(set(values)) != 1:
            return f"{way}: ctxd gives {values[0]}, and ctx alone {values[1]}"
        seen.append(values[0])
    if equal:
        return None if len(set(seen)) == 1 else f"values differ: {seen}"
    return None if len(set(seen)) == len(seen) else f"values are equal: {seen}"


def places(tap, box):
    one = tree(box, "here", COPY)
    other = box.top / "elsewhere" / "deep"
    other.parent.mkdir()
    shutil.copytree(one, other)
    values = {values_of(box, root, [])[0] for root in (one, other)} | {
        box.ctx("digest", cwd=one).out.decode().strip(),
        box.ctx("digest", "-f", other / "Dockerfile", one).out.decode().strip(),
        box.ctx("digest", "-f", "-", one, stdin=COPY.encode()).out.decode().strip()}
    tap.check(None if len(values) == 1 else str(values), "equal: wherever the tree lies, and however it is named")
    (one / "Dockerfile").rename(box.top / "Elsewhere.Dockerfile")
    (other / "Dockerfile").rename(box.top / "Other.Dockerfile")
    values = {box.ctx("digest", "-f", box.top / name, one).out for name in ("Elsewhere.Dockerfile", "Other.Dockerfile")}
    tap.check(None if len(values) == 1 else str(values), "equal: one Dockerfile under two names outside the context")
    if os.cpu_count() > 1:
        runs = [box.run("ctx", "digest", "--no-daemon", one, before=before) for before in ((), ("taskset", "-c", "0"))]
        tap.check(None if runs[0].out == runs[1].out else str(runs), "equal: one processor or several")
    for target in ("0", "1", "nope"):
        root = box.top / "numbers" if (box.top / "numbers").exists() else tree(box, "numbers", STAGES)
        tap.check(box.ctx("digest", f"--target={target}", root).fault(1, f'has no stage "{target}"; its stages are one, two'),
                  f"[V] --target={target} is no stage: a number is no target")


def streams(tap, box):
    """Promise 6: what an engine holds doesn't change the stream either, unless the request asks."""
    root = tree(box, "stream", CORP)
    with engine(box, IMAGE) as env:
        plain, with_engine, asked = (box.send(*args, root, env=more) for args, more in (
            ([], {}), ([], env), (["--base-config=engine"], env)))
    tap.check(None if plain.out == with_engine.out else "other bytes", "equal: a stream beside an engine that was not asked")
    tap.check(None if len(asked.out) < len(plain.out) else "nothing is narrowed", "a stream is narrower if the engine is asked")
    tap.check(plain.fault(0, "--base-config=engine asks the engine"), "the warning names the option")


def cases(tap, box):
    box.daemon()
    for equal, rows in ((True, EQUAL), (False, DIFFER)):
        for i, (title, dockerfile, ways) in enumerate(rows):
            root = tree(box, f"{'equal' if equal else 'differ'}{i}", dockerfile)
            tap.check(fault_of(box, root, ways, equal), f"{'equal' if equal else 'another value'}: {title}")
    places(tap, box)
    streams(tap, box)
