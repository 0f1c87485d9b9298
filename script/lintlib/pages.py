# SPDX-License-Identifier: Apache-2.0
"""The pages that are made from the code: docs/rooms.md (the drawing) and docs/tests.md (the table).

script/draw writes them; the rule `drawing` of script/lint fails if one is not what the code gives.
"""

import fnmatch
import os
import pathlib
import re

from . import graph, house, test_hints

HEAD = """<!-- Made by script/draw from the code. Change the code, then run script/draw. -->
"""


# The table stays readable: files of base/ are called by nearly all programs.
NAMES_SHOWN = 6


def stem(path):
    return path.split("/", 1)[1]


def flowchart(arrows, label):
    """A mermaid flowchart of {name: names}; files of no arrow are left to the list."""
    drawn = graph.reduced(arrows)
    names = sorted(p for p in drawn if drawn[p] or any(p in called for called in drawn.values()))
    if not names:
        return []
    ids = {p: re.sub(r"\W", "_", p) for p in names}
    rows = [f'    {ids[p]}["{label(p)}"]' for p in names]
    rows += [f"    {ids[p]} --> {ids[q]}" for p in names for q in sorted(drawn[p])]
    return ["```mermaid", "flowchart TD", *rows, "```", ""]


def room_section(room, calls):
    inside = graph.within(calls, room)
    if not inside:
        return []
    rank = graph.ranks(inside)
    above = sorted({house.room_of(p) for p, called in calls.items()
                    if house.room_of(p) != room and any(house.room_of(q) == room for q in called)},
                   key=house.ROOMS.index)
    below = sorted(graph.between(calls)[room], key=house.ROOMS.index)
    rows = [f"## {room}/", ""]
    rows += [f"Called by {', '.join(above) or 'no other room'}. Calls {', '.join(below) or 'no other room'}.", ""]
    rows += flowchart(inside, stem)
    for level in range(max(rank.values()) + 1):
        for path in sorted(p for p in inside if rank[p] == level):
            called = ", ".join(stem(q) for q in sorted(inside[path]))
            arrow = f" -> {called}" if called else ""
            rows.append(f"{level + 1}. `{stem(path)}`{arrow}<br>{escape(house.purpose(path))}")
    return numbered(rows) + [""]


def numbered(rows):
    """Rank lists: one heading a rank, so that Markdown does not renumber them."""
    out, last = [], None
    for row in rows:
        if m := re.match(r"(\d+)\. (`.*)", row):
            if m.group(1) != last:
                last = m.group(1)
                out += ["", f"Rank {last}:", ""] if out and out[-1] else [f"Rank {last}:", ""]
            out.append(f"- {m.group(2)}")
        else:
            out.append(row)
    return out


def escape(text):
    return text.replace("<", "&lt;").replace("*", "\\*") if "`" not in text else text


def rooms_page():
    """docs/rooms.md"""
    calls = graph.calls()
    rooms = graph.between(calls)
    rows = [HEAD, "# The rooms and their files", "",
            "Each room is a folder and a static library. An arrow `a -> b` means that `a` calls `b`, or reads a table",
            "of `b`, by its name. Calls through a function pointer are not seen. The drawings leave out arrows that",
            "follow from others; the lists name them all. In each list callers come before the files that they call.",
            "[design.md](design.md) says what each room is for, [tests.md](tests.md) which test reaches which file.", ""]
    rows += ["## Between the rooms", ""] + flowchart(rooms, lambda r: f"{r}/")
    for room in reversed(house.ROOMS[:-1]):
        rows += room_section(room, calls)
    circles = "; ".join(" and ".join(c) for c in sorted(house.CIRCLES))
    rows += ["## Circles", "", f"Files that call each other, by design: {circles}. `CIRCLES` in",
             "`script/lintlib/house.py` has the reason.", ""]
    return "\n".join(rows)


def direct_tests(calls):
    """{file of a room: the C test programs whose own objects need a symbol of it}"""
    homes, found = {}, {path: set() for path in calls}
    for unit in graph.units():
        if unit.path in calls:
            for symbol in unit.defined:
                homes.setdefault(symbol, set()).add(unit.path)
    for unit in graph.units():
        if unit.program.startswith("tests/") and not unit.program.endswith("libtap.a"):
            program = os.path.basename(unit.program)
            # A test that is called after its file may reach it through another.
            named = {p for p in calls if program == f"test-{pathlib.PurePath(p).stem}"}
            for path in named.union(*(homes.get(s, set()) for s in unit.needed)):
                found[path].add(program)
    # The fuzz targets are built by script/build san only, so their text is read.
    for source in house.tracked("tests/fuzz/fuzz-*.c"):
        words = set(re.findall(r"\b\w+(?=\()", house.code_of(source))) - set(house.functions(source))
        for path in set().union(*(homes.get(w, set()) for w in words)):
            found[path].add(pathlib.PurePath(source).stem)
    return found


def hints(path):
    return [suite for pattern, suites in test_hints.HINTS for suite in suites if fnmatch.fnmatch(path, pattern)]


def nearest_tested(path, calls, direct):
    """The callers of a file that C tests call, the nearest ones; [] if there are none."""
    callers = {}
    for p, called in calls.items():
        for q in called:
            callers.setdefault(q, set()).add(p)
    seen, ring = {path}, [path]
    while ring:
        ring = sorted({c for p in ring for c in callers.get(p, ())} - seen)
        seen.update(ring)
        if tested := [p for p in ring if direct[p]]:
            return tested
    return []


def program_rooms():
    """{C test program: the room whose tests it belongs to}"""
    return {os.path.basename(u.program): u.path.split("/")[1] for u in graph.units() if u.program.startswith("tests/")}


def in_order(programs, path, rooms):
    """The test that is called after the file first, then the room's own; programs that only measure or dump last."""
    name, room = pathlib.PurePath(path).stem, house.room_of(path)
    return sorted(programs, key=lambda p: (p != f"test-{name}", not p.startswith("test-") or rooms.get(p) != room,
                                           not p.startswith("test-"), not p.startswith("fuzz-"), p))


def owned(path, programs):
    """Whether a program is called after the file, or after the room and so tests all of it."""
    return any(f"{kind}-{name}" in programs for kind in ("test", "fuzz")
               for name in (pathlib.PurePath(path).stem, house.room_of(path)))


def shortened(names):
    # Without their number: every new test would change many rows, and branches would conflict.
    more = " and more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def table_rows():
    """(file, C test programs, callers that are tested, suites of whole programs)"""
    calls = graph.calls()
    direct = direct_tests(calls)
    rooms = program_rooms()
    for path in sorted(calls, key=lambda p: (house.ROOMS.index(house.room_of(p)), p)):
        through = [] if owned(path, direct[path]) else nearest_tested(path, calls, direct)
        yield path, in_order(direct[path], path, rooms), through, hints(path)


def untested():
    return [path for path, programs, through, suites in table_rows() if not (programs or through or suites)]


def tests_page():
    """docs/tests.md"""
    rows = [HEAD, "# Which test reaches which file", "",
            "For each source file: the C programs of `tests/` that are called after it or call it by name. `test-x` is",
            "`build/tests/test-x`, made of `tests/<room>/test-x.c`; `fuzz-x` is made by `script/build san`. If none",
            "of them is called after the file or its room, `through` names the nearest callers that have a test: look up",
            "their rows. The last column has suites that run whole programs and reach the file;",
            "`script/lintlib/test_hints.py` lists them by hand. `script/test --list` names all suites.",
            ""]
    last = None
    for path, programs, through, suites in table_rows():
        room = house.room_of(path)
        if room != last:
            rows += ["", f"## {room}/", "", "| file | C tests | whole programs |", "|---|---|---|"]
            last = room
        near = [stem(p) if house.room_of(p) == room else p for p in through]
        by = [shortened(programs)] if programs else []
        by += [f"through {shortened(near)}"] if near else []
        rows.append(f"| {stem(path)} | {'; '.join(by)} | {', '.join(suites)} |")
    return "\n".join(rows) + "\n"


PAGES = {"docs/rooms.md": rooms_page, "docs/tests.md": tests_page}


def rule_drawing():
    """docs/rooms.md and docs/tests.md are what the code gives, and every source has a test"""
    found = [f"{path} is not what the code gives: run script/draw" for path, make in PAGES.items()
             if not os.path.exists(path) or pathlib.Path(path).read_text() != make()]
    found += [f"{path}: no test reaches it, and test_hints.py names no suite" for path in untested()]
    for pattern, suites in test_hints.HINTS:
        if not fnmatch.filter(graph.calls(), pattern):
            found.append(f"test_hints.py: {pattern} matches no file")
        found += [f"test_hints.py: {suite.split()[0]} does not exist" for suite in suites
                  if not os.path.exists(suite.split()[0])]
    return found
