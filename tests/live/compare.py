# SPDX-License-Identifier: Apache-2.0
"""Compares two trees, or two images, and returns the differences that count.

Each path must have the same type, mode, owner, size, content, link target and set of hard links. Its
time of modification must be the same too, unless it is a directory: two runs of `docker build .`
disagree on the times of directories. A file that a RUN step wrote has the time of its build, so two
times that are both later than the beginning of the run count as equal.
"""

import itertools
import re
import time

BEGAN = int(time.time())


def tree_differences(want, have, since=BEGAN, ignore=None):
    """The differences as lines of text; none if the trees are equal. Paths that `ignore` matches are left out."""
    lines = []
    for path in sorted(want.keys() | have.keys()):
        if ignore and ignore.search(path):
            continue
        a, b = want.get(path), have.get(path)
        if b is None:
            lines.append(f"missing: {path!r}")
        elif a is None:
            lines.append(f"too much: {path!r}")
        else:
            for name in ("kind", "mode", "uid", "gid", "size", "digest", "link", "twins", "mtime"):
                x, y = getattr(a, name), getattr(b, name)
                if x == y:
                    continue
                if name == "mtime" and (a.kind == "d" or min(x, y) >= since):
                    continue
                show = (lambda v: f"{v:04o}") if name == "mode" else repr
                lines.append(f"{name} {show(y)} instead of {show(x)}: {path!r}")
    return lines


def image_differences(engine, want, have, history, ignore=None):
    """`want` is what `docker build .` built, `have` what the stream built. An image of None: the build failed."""
    if (want.image is None) != (have.image is None):
        side = "the directory builds, the stream does not" if have.image is None else \
            "the stream builds, the directory does not"
        failed = have if have.image is None else want
        return [side, *failed.log.strip().splitlines()[-12:]]
    if want.image is None or want.image == have.image:
        return []
    lines = tree_differences(engine.tree(want.image), engine.tree(have.image), ignore=ignore)
    (config_a, past_a), (config_b, past_b) = engine.config(want.image), engine.config(have.image)
    for name in sorted(config_a.keys() | config_b.keys()):
        if config_a.get(name) != config_b.get(name):
            lines.append(f"config {name}: {config_b.get(name)!r} instead of {config_a.get(name)!r}")
    if history and past_a != past_b:
        for a, b in itertools.zip_longest(past_a, past_b):
            if a != b:
                lines.append(f"history {b!r} instead of {a!r}")
    return lines


def unsteady_names(builder, case):
    """The paths in which two runs of `docker build` with the classic builder differ. A file .wh.NAME of
    the context becomes a whiteout in the layer, and is there only if BuildKit has made the same layer
    before. And if the Dockerfile comes from outside the context, the client adds a line with a random
    name to the ignore file."""
    if builder != "classic":
        return None
    inside = (case.request.file or "ctx").startswith("ctx")
    return re.compile(r"(^|/)\.wh\." if inside else r"(^|/)\.wh\.|^x/\.dockerignore$")
