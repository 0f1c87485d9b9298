# SPDX-License-Identifier: Apache-2.0
"""Plants a fault for each rule but those in EXEMPT, and looks whether it is found.

A small house is made in a temporary directory, good first, then with one fault at a time.
"""

import contextlib
import os
import pathlib
import subprocess
import tempfile

from . import build_rules, graph, house, pages, suite_rules, text_rules

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
# Rules without a planted fault. tidy needs the database of build-san/, and clang-tidy knows its faults.
EXEMPT = {"tidy"}
GOOD = {
    ".clang-format": (house.TOP / ".clang-format").read_text(),
    "base/thing.h": SPDX + "/* Things: what they are for. */\n#ifndef THING_H\n#define THING_H\n#endif\n",
    "base/thing.c": SPDX + '#include "thing.h"\n\nint thing_a(int x)\n{\n    return x;\n}\n',
    "stream/other.c": SPDX + '/* Others. */\n#include "thing.h"\n\nstatic int other_b(int x)\n{\n    return x;\n}\n',
}
# rule: files that break it, and a word of the report
PLANTED = [
    ("includes", {"base/up.c": SPDX + '/* Up. */\n#include "other.h"\n', "stream/other.h": SPDX + "/* O. */\n"},
     "base may not see stream"),
    ("includes", {"http2/grpc.c": SPDX + '/* G. */\n#include "other.h"\n', "stream/other.h": SPDX + "/* O. */\n"},
     "http2 may not see stream"),
    ("includes", {"stream/loop.c": SPDX + "/* L. */\n#include <uv.h>\n"}, "uv.h belongs in daemon/"),
    ("includes", {"base/glob.h": SPDX + "/* G. */\n"}, "shadows <glob.h>"),
    ("includes", {"base/dots.c": SPDX + '/* D. */\n#include "../base/thing.h"\n'}, "no .."),
    ("banned", {"base/bad.c": SPDX + "/* B. */\nint bad(void)\n{\n    return atoi(x);\n}\n"}, "atoi()"),
    ("spdx", {"base/free.c": "/* Free. */\n"}, "base/free.c"),
    ("size", {"base/long.c": SPDX + "/* Long. */\n" + "int x;\n" * 500}, "base/long.c: 502 lines"),
    ("size", {"tests/cases_long.py": "# SPDX-License-Identifier: Apache-2.0\n" * 501}, "cases_long.py: 501 lines"),
    ("width", {"base/wide.c": SPDX + "/* " + "ü" * 94 + " */\n"}, "base/wide.c:2: 100 columns"),
    ("format", {"base/loose.c": SPDX + "/* L. */\nint loose( void )\n{\n    return 0;\n}\n"}, "base/loose.c"),
    ("alone", {"base/lone.h": SPDX + "/* L. */\nsize_t lone(void);\n"}, "base/lone.h"),
    ("purpose", {"base/mute.c": SPDX + "#include <stdio.h>\n"}, "base/mute.c"),
    ("names", {"stream/thing.c": SPDX + "/* T. */\n"}, "base/thing.c and stream/thing.c"),
    ("names", {"tests/stream/thing.c": SPDX + "/* T. */\n"}, "base/thing.c and tests/stream/thing.c"),
    ("names", {"base/again.c": SPDX + "/* A. */\nstatic __attribute__((format(printf, 1, 2))) const struct x *"
               "other_b(\n    int x, ...)\n{\n}\n"}, "other_b(): defined in base/again.c and stream/other.c"),
    ("scripts", {"script/broken.py": "# SPDX-License-Identifier: Apache-2.0\ndef (\n"}, "broken.py"),
    ("scripts", {"script/still": "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n"}, "execute bit"),
]
COMMITS = [
    ("base: " + "x" * 60, "66 characters"),
    ("Improve things", "not `room: imperative`"),
    ("base: mend it.", "not `room: imperative`"),
    ("base: mend it\nat once", "no empty line"),
    ("base: mend it\n\n" + "word " * 20, "columns"),
]
# A circle of three, one that leaves its room, and a call upwards: what the objects would tell.
SOURCES = {
    "base/a.c": "int b(void); int a(void); int a(void) { return b(); }",
    "base/b.c": "int c(void); int b(void); int b(void) { return c(); }",
    "base/c.c": "int a(void); int d(void); int c(void); int c(void) { return a() + d(); }",
    "base/d.c": "int e(void); int d(void); int d(void) { return e(); }",
    "daemon/e.c": "int e(void); int e(void) { return 0; }",
}


@contextlib.contextmanager
def small_house(files):
    """The current directory is a house of these files."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as top:
        os.chdir(top)
        try:
            subprocess.run(["git", "init", "-q"], check=True)
            for path, text in files.items():
                os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
                pathlib.Path(path).write_text(text)
            forget()
            yield
        finally:
            os.chdir(before)
            forget()


def forget():
    for remembered in (house.tracked, house.text_of, house.code_of):
        remembered.cache_clear()


def expect(found, word):
    return [] if any(word in line for line in found) else [f"{word!r} is not in the report: {found}"]


def planted_circle():
    """The graph of compiled objects, as rule_circles sees it."""
    with small_house(SOURCES):
        subprocess.run(["gcc", "-c", *SOURCES], check=True)
        objects = {os.path.basename(p)[:-2] + ".o": p for p in SOURCES}
        symbols = graph.read_symbols(list(objects))
        homes = {name: objects[o] for o, (defined, _) in symbols.items() for name in defined}
        calls = {objects[o]: {homes[n] for n in needed if n in homes} - {objects[o]}
                 for o, (_, needed) in symbols.items()}
    found = list(build_rules.call_faults(calls))
    straight = {"base/a.c": {"base/b.c"}, "base/b.c": {"base/c.c"}, "base/c.c": set()}
    return (expect(found, "3 files call each other") + expect(found, "base calls daemon")
            + list(build_rules.call_faults(straight)))


def results(rules):
    """(title, faults) of each try."""
    with small_house(GOOD):
        quiet = [f"{name}: {line}" for name in dict.fromkeys(p[0] for p in PLANTED)
                 for line in rules[name]() if "needs no exception" not in line]
    yield "a good house is not reported", quiet
    for name, files, word in PLANTED:
        with small_house({**GOOD, **files}):
            found = rules[name]()
        yield f"{name} finds: {word}", expect(found, word)
    for message, word in COMMITS:
        yield f"commits finds: {word}", expect(list(text_rules.commit_faults("0", message)), word)
    yield "commits takes a good message", list(text_rules.commit_faults("0", "base, io: mend it\n\nIt was broken.\n"))
    for message in (f"Merge {'0' * 40} into {'1' * 40}\n", f'Revert "base: {"x" * 54}"\n\nThis reverts it.\n'):
        yield f"commits takes git's own {message.split()[0]}", list(text_rules.commit_faults("0", message))
    yield "circles finds a circle of compiled objects, and a call upwards", planted_circle()
    yield "symbols finds a name that two rooms define", planted_symbol()
    yield "drawing finds a page that is out of date", stale_page()
    yield "suites finds a program that is not listed, and one that is not built", wrong_list()
    tried = {p[0] for p in PLANTED} | {"commits", "circles", "symbols", "drawing", "suites"} | EXEMPT
    yield "each rule but tidy is tried", [f"{name}: no planted fault" for name in rules if name not in tried]


def planted_symbol():
    """A name that two rooms define, compiled."""
    def units(*rooms):
        paths = [f"{room}/same.c" for room in rooms]
        with small_house({path: "int same(void); int same(void) { return 0; }" for path in paths}):
            for path in paths:
                subprocess.run(["gcc", "-c", path, "-o", path + ".o"], check=True)
            symbols = graph.read_symbols([path + ".o" for path in paths])
        return [graph.Unit(path, f"{path.split('/')[0]}/lib.a", *symbols[path + ".o"]) for path in paths]
    return (expect(build_rules.symbol_faults(units("base", "stream")), "same: defined in base/same.c and stream/same.c")
            + build_rules.symbol_faults(units("base")))


def wrong_list():
    suites = suite_rules.suites_module()
    left_out = suites.UNIT[0]
    suites.UNIT[0] = "nowhere"
    found = suites.list_faults()
    return (expect(found, f"test-{left_out} is built, but not listed") +
            expect(found, "test-nowhere is listed in tests/suites.py, but not built"))


def stale_page():
    path = "docs/rooms.md"
    right = pages.PAGES[path]
    pages.PAGES[path] = lambda: right() + "more\n"
    try:
        return expect(pages.rule_drawing(), f"{path} is not what the code gives")
    finally:
        pages.PAGES[path] = right
