# SPDX-License-Identifier: Apache-2.0
"""Suites of whole programs that reach a file, which no symbol tells: (pattern of files, suites).

The C programs that call a file by name need no line here; docs/tests.md finds them by itself.
"""

HINTS = [
    ("ignore/*.c", ["tests/oracle/run"]),
    ("ignore/classic.c", ["tests/live/images"]),
    ("dockerfile/*.c", ["tests/oracle-dockerfile/run", "tests/replay"]),
    ("formats/toml*.c", ["tests/oracle-toml/run"]),
    ("recipe/*.c", ["tests/recipe/run"]),
    ("recipe/cargo*.c", ["tests/recipe/run build cargo"]),
    ("recipe/cook.c", ["tests/recipe/run build cook"]),
    ("stream/tar*.c", ["tests/live/readers"]),
    ("stream/skeleton*.c", ["tests/live/recipe"]),
    ("daemon/*.c", ["tests/daemon/run"]),
    ("daemon/http*.c", ["tests/daemon/http"]),
    ("daemon/watch*.c", ["tests/daemon/torture.c"]),
    ("daemon/lanes.c", ["tests/daemon/soak"]),
    ("daemon/session.c", ["tests/daemon/soak"]),
    ("client/relay.c", ["tests/daemon/soak"]),
    ("proto/*.c", ["tests/daemon/run"]),
    ("client/*.c", ["tests/cli/run"]),
    ("client/ctx-*.c", ["tests/daemon/run build ctx"]),
    ("client/recipe-*.c", ["tests/recipe/run"]),
]
