# SPDX-License-Identifier: Apache-2.0
"""Makes contexts from a short description, so that a test case is data.

    Case("a symlink in a copied directory stays a symlink",
         tree=["app/main.py app/lib/", link("app/here", "main.py")],
         dockerfile="FROM scratch\\nCOPY app /app\\n",
         source="docker-context 1.5")

A string contains paths separated by white space. `dir/` is an empty directory. Anything else is a
regular file, whose content names its case and its path, so that no two cases share a cache entry by
chance. Times are in the past, differ from path to path and have nanoseconds. Parents are made too.
"""

import os
import shutil
import subprocess
import zlib
from dataclasses import dataclass, field

from engine import Request

OLD = 1_400_000_000  # in 2014, before every run: a file of the context differs from one that a build makes


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
    dockerfile: str | None = None  # written as `Dockerfile`; None: it is in the tree or in Request.stdin
    tree: list = field(default_factory=list)
    copy_of: str = ""  # a directory; the tree is added to a copy of it
    in_place: str = ""  # a directory of this machine that is the context; it is never written to
    ignore: str | bytes | None = None  # written as `.dockerignore`
    outside: list = field(default_factory=list)  # nodes beside the context, whose name is `ctx`
    request: Request = Request()
    vary: list = field(default_factory=list)  # Requests that the stream of `request` must serve too
    builders: tuple = ("buildkit", "classic")
    fails: bool = False  # neither the directory nor the stream may build
    classic_apart: str = ""  # why the classic builder selects other files. Only a stream that was made with
    # --builder=classic is compared with it
    engine_bug: str = ""  # why BuildKit can build the stream, but not the directory
    newest_bug: str = ""  # the same, of the newest BuildKit alone
    newest_vary: tuple = ()  # Requests of `vary` for which newest_bug holds; none: it holds for `request`
    differs: str = ""  # why BuildKit of Docker 20.10 differs from today's rules
    more: tuple = ()  # then: exactly these paths are too much in its image of the stream
    less: tuple = ()  # then: exactly these paths are missing there
    gains: tuple = ()  # a Dockerfile that BuildKit's image contains in addition; stderr warns of it
    source: str = ""
    slow: bool = False

    def make(self, home):
        """Writes the context to HOME/ctx, and the nodes outside it to HOME."""
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
        """The argument for a command line that is run in HOME."""
        return self.in_place or "ctx"


def _nodes(items):
    for item in items:
        if isinstance(item, Node):
            yield item
            continue
        for word in item.split():
            yield directory(word.rstrip("/")) if word.endswith("/") else file(word)


def old_time_ns(key):
    """A different time for each path of each case, with a fraction of a second.

    It differs between cases too, because BuildKit keeps former builds by the name of the context as it was
    typed, and takes a file with the same path, size and time as in a former build for unchanged.
    """
    number = zlib.crc32(os.fsencode(key))
    return (OLD + number % 100_000_000) * 1_000_000_000 + number % 999_999_937


def make_tree(root, nodes, salt):
    root = os.fsencode(root)
    os.makedirs(root, exist_ok=True)
    late = []  # directories, which get mode and time when all below them is written
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
    """Makes a copy with times in the past, so that they are compared. A git repository is cloned."""
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
