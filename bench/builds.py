# SPDX-License-Identifier: Apache-2.0
"""Whole builds: through a pipe and by URL, with and without ctxd, compared with docker build . and tar.

All contenders of a row use the same engine: the newest, with its own image store and its own client, or
Docker 20.10. The kind "first" prunes the cache of the builder before each build, "identical" repeats the
same build, and "one file changed" edits a file before each build.
"""
import os
import statistics
import subprocess
import tempfile
import time

import trees
import warm

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENGINE = os.path.join(TOP, "script", "engine")
KINDS = ("first", "identical", "one file changed")
TREES = (("27k files", trees.real), ("300 files", trees.little))
ENGINES = {"newest": ["--newest"], "20.10": []}  # options of script/engine
NAMES = [f"build, {engine}, {size}, {kind}" for engine in ENGINES for size, _ in TREES for kind in KINDS]

CONTENDERS = (
    ("docker build .", "$DOCKER build -q ."),
    ("tar | docker build -", "tar -cf - . | $DOCKER build -q -"),
    ("ctx-send --no-daemon | docker build -", "ctx-send -q --no-daemon . | $DOCKER build -q -"),
    ("ctx-send -z --no-daemon | docker build -", "ctx-send -q -z --no-daemon . | $DOCKER build -q -"),
    ("ctx-send | docker build -, ctxd runs", "ctx-send -q --daemon=require . | $DOCKER build -q -"),
    ("ctx-send -z | docker build -, ctxd runs",
     "ctx-send -q -z --daemon=require . | $DOCKER build -q -"),
    ("docker build $(ctx url)", "$DOCKER build -q $(ctx url .)"),
    ("docker build $(ctx url -z)", "$DOCKER build -q $(ctx url -z .)"),
)


class Engine:
    """A private Docker engine (script/engine) for the time of the run."""

    def __init__(self, options):
        self.options = options

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="ctxd-bench-", dir=trees.BASE)
        subprocess.run([ENGINE, *self.options, "start", self.dir], check=True, stdout=subprocess.DEVNULL)
        self.env = subprocess.run([ENGINE, "env", self.dir], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout + "export DOCKER_BUILDKIT=1\n"
        return self

    def __exit__(self, *_):
        subprocess.run([ENGINE, "stop", self.dir], check=True, stdout=subprocess.DEVNULL)

    def shell(self, command, cwd, env=None):
        start = time.monotonic()
        subprocess.run(["bash", "-euo", "pipefail", "-c", self.env + command], cwd=cwd, check=True,
                       env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.monotonic() - start


def edit(path, n):
    """Changes one file: adds a line to the first C source of the tree."""
    for here, dirs, files in os.walk(path):
        dirs.sort()
        sources = sorted(f for f in files if f.endswith(".c"))
        if sources:
            with open(os.path.join(here, sources[0]), "a") as f:
                f.write(f"/* edit {n} {time.time_ns()} */\n")
            return


def measure(engine, daemon, kind, cwd, command, n):
    if kind == "first":
        engine.shell("$DOCKER builder prune -af && $DOCKER image prune -af", cwd)
    elif kind == "one file changed":
        edit(cwd, n)
    return engine.shell(command, cwd, daemon.env)


def run(rounds, wanted):
    """Yields (row name, {label: median seconds}, goal)."""
    for name, options in ENGINES.items():
        if any(wanted(row) for row in NAMES if row.startswith(f"build, {name},")):
            with Engine(options) as engine, warm.Daemon() as daemon:
                yield from rows_of(engine, daemon, f"build, {name}", rounds, wanted)


def rows_of(engine, daemon, title, rounds, wanted):
    for size, tree in TREES:
        cwd = tree()
        for kind in KINDS:
            name = f"{title}, {size}, {kind}"
            if not wanted(name):
                continue
            few = min(rounds, 3) if size == "27k files" else rounds
            times = {label: [] for label, _ in CONTENDERS}
            for n in range(few):
                for label, command in CONTENDERS:
                    if n == 0:
                        engine.shell(command, cwd, daemon.env)
                    times[label].append(measure(engine, daemon, kind, cwd, command, n))
            yield name, {k: statistics.median(v) for k, v in times.items()}, None
