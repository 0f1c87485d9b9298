# SPDX-License-Identifier: Apache-2.0
"""Contexts made from a short description, so that a test case is data.

    Case("a symlink in a copied directory stays a symlink",
         tree=["app/main.py app/lib/", link("app/here", "main.py")],
         dockerfile="FROM scratch\\nCOPY app /app\\n",
         source="docker-context 1.5")

A string names paths by white space: `dir/` an empty directory, anything else a regular file whose
content tells its case and its path, so that no two cases share a cache entry by chance. Times lie
in the past, differ from path to path and have nanoseconds; parents come by themselves.
"""

import os
import shutil
import subprocess
import zlib
from dataclasses import dataclass, field

from engine import Request

OLD = 1_400_000_000  # 2014: before every run, so that a file of the context is told from a new one


@dataclass(frozen=True)
class Node:
    path: str
    kind: str
    content: bytes | None = None
    mode: int | None = None
    target: str = ""
    mtime: float | None = None


def _bytes(content):
    return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content


def file(path, content=None, mode=0o644, mtime=None):
    return Node(path, "f", _bytes(content), mode, mtime=mtime)


def directory(path, mode=0o755, mtime=None):
    return Node(path, "d", None, mode, mtime=mtime)


def link(path, target, mtime=None):
    return Node(path, "l", target=target, mtime=mtime)


def hard(path, first):
    return Node(path, "h", target=first)


def fifo(path):
    return Node(path, "p", mode=0o644)


@dataclass
class Case:
    """One context, one Dockerfile, and how it is built."""

    title: str
    dockerfile: str | None = None  # written as `Dockerfile`; None: the tree has it, or Request.stdin
    tree: list = field(default_factory=list)
    copy_of: str = ""  # a directory whose copy the tree is added to
    in_place: str = ""  # a directory of this machine that is the context itself, never written to
    ignore: str | bytes | None = None  # written as `.dockerignore`
    outside: list = field(default_factory=list)  # nodes beside the context, which is `ctx`
    request: Request = Request()
    vary: list = field(default_factory=list)  # Requests that the stream made with `request` must serve
    builders: tuple = ("buildkit", "classic")
    fails: bool = False  # it must not build, on either side
    classic_apart: str = ""  # why the classic builder's own verdicts are other ones: only a stream
    # made with --builder=classic is held against it
    engine_bug: str = ""  # why this engine's BuildKit can't build the directory, but the stream
    differs: str = ""  # why this engine's BuildKit and today's rules part: exactly `more` is too much
    more: tuple = ()  # ... in the stream's image, and `less` is missing there
    less: tuple = ()
    gains: tuple = ()  # a Dockerfile that BuildKit's image gains, of which stderr warns
    source: str = ""
    slow: bool = False

    def make(self, home):
        """Writes the context to HOME/ctx and what lies beside it to HOME."""
        nodes = list(_nodes(self.tree))
        if self.dockerfile is not None:
            nodes.append(file("Dockerfile", self.dockerfile))
        if self.ignore is not None:
            nodes.append(file(".dockerignore", self.ignore))
        context = os.path.join(home, "ctx")
        if self.copy_of:
            copy_tree(self.copy_of, context)
        make_tree(context, nodes, self.title)
        make_tree(home, list(_nodes(self.outside)), self.title)

    @property
    def context(self):
        """As it is given on the command line, from HOME."""
        return self.in_place or "ctx"


def _nodes(items):
    for item in items:
        if isinstance(item, Node):
            yield item
            continue
        for word in item.split():
            yield directory(word.rstrip("/")) if word.endswith("/") else file(word)


def old_time_ns(key):
    """A time of its own for each path of each case, with a part below the second.

    Of each case, because BuildKit takes a file of the same path, size and time as in a former build
    for unchanged, and keeps former builds by the context's name as it was typed.
    """
    number = zlib.crc32(os.fsencode(key))
    return (OLD + number % 100_000_000) * 1_000_000_000 + number % 999_999_937


def make_tree(root, nodes, salt):
    root = os.fsencode(root)
    os.makedirs(root, exist_ok=True)
    late = []  # directories get their mode and time when nothing is written below them any more
    for node in nodes:
        full = os.path.join(root, os.fsencode(node.path))
        _make_parents(root, os.path.dirname(full), late)
        if node.kind == "d":
            os.makedirs(full, exist_ok=True)
        elif node.kind == "f":
            content = node.content
            with open(full, "wb") as out:
                out.write(_bytes(f"{salt}: {node.path}\n") if content is None else content)
        elif node.kind == "l":
            os.symlink(os.fsencode(node.target), full)
        elif node.kind == "h":
            os.link(os.path.join(root, os.fsencode(node.target)), full, follow_symlinks=False)
            continue
        elif node.kind == "p":
            os.mkfifo(full)
        late.append((full, node))
    for full, node in reversed(late):
        if node is not None and node.mode is not None:
            os.chmod(full, node.mode)
        when = old_time_ns(os.fsencode(salt) + full[len(root):])
        if node is not None and node.mtime is not None:
            when = int(node.mtime * 1_000_000_000)
        os.utime(full, ns=(when, when), follow_symlinks=False)


def copy_tree(source, target):
    """A copy with times of the past, so that they are compared; a git repository is cloned."""
    if os.path.exists(os.path.join(source, ".git")):
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", source, target], check=True)
    else:
        shutil.copytree(source, target, symlinks=True)
    for at, directories, files in os.walk(target):
        for name in directories + files:
            full = os.path.join(at, name)
            when = old_time_ns(full)
            os.utime(full, ns=(when, when), follow_symlinks=False)


def _make_parents(root, full, late):
    missing = []
    while not os.path.lexists(full) and len(full) > len(root):
        missing.append(full)
        full = os.path.dirname(full)
    for path in reversed(missing):
        os.mkdir(path, 0o755)
        late.append((path, None))
