# SPDX-License-Identifier: Apache-2.0
"""Rules that ask a compiler or its kin, or read what script/build made."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from . import graph, house
from .house import ROOMS, TOP, c_files, room_of


def rule_alone():
    """each header compiles by itself, with the rooms that its own may see"""
    def compile_one(path):
        rooms = [r for r in ROOMS if r in house.visible(room_of(path))]
        r = subprocess.run(
            ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-x", "c",
             *(f"-I{r}" for r in rooms), "-include", path, "/dev/null"],
            capture_output=True, text=True)
        return [f"{path}: {r.stderr.strip()}"] if r.returncode or r.stderr else []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(compile_one, [p for p in c_files() if p.endswith(".h")]), [])


def symbol_faults(units):
    found = {}
    for unit in units:
        if unit.program.endswith(".a") and not unit.program.endswith("/libsha256-low.a") and room_of(unit.path):
            for symbol in unit.defined:
                found.setdefault(symbol, set()).add(unit.path)
    return [f"{name}: defined in {' and '.join(sorted(where))}" for name, where in sorted(found.items())
            if len(where) > 1]


def rule_symbols():
    """no two rooms define the same name: a linker would silently take either"""
    return symbol_faults(graph.units())


def call_faults(calls):
    for room in ROOMS:
        for circle in graph.circles(graph.within(calls, room)):
            if circle not in house.CIRCLES:
                inside = set(circle)
                arrows = "; ".join(f"{p} -> {', '.join(sorted(calls[p] & inside))}" for p in circle)
                yield f"{room}: {len(circle)} files call each other in a circle: {arrows}"
    for room, called in graph.between(calls).items():
        for other in called - house.visible(room):
            yield f"{room} calls {other}, which it may not see"


def rule_circles():
    """inside a room callers are above and helpers below: no circle of calls between files"""
    return list(call_faults(graph.calls()))


def rule_format():
    """clang-format would change nothing"""
    r = subprocess.run(["clang-format", "--dry-run", "-Werror", "-ferror-limit=1", *c_files()],
                       capture_output=True, text=True)
    return [l for l in r.stderr.splitlines() if "error:" in l]


def rule_tidy():
    """clang-tidy is content: bugprone, the analyzer, functions of at most 80 lines and complexity 25"""
    database = TOP / "build-san/compile_commands.json"
    if not database.exists():
        return ["build-san/compile_commands.json is missing: script/build san"]
    # A unit is remembered as clean by its text, the rules and all headers.
    seen = TOP / "build-san/.tidy"
    seen.mkdir(exist_ok=True)
    rules = pathlib.Path(".clang-tidy").read_bytes()
    headers = b"".join(pathlib.Path(p).read_bytes() for p in c_files() if p.endswith(".h"))

    def tidy(path):
        key = hashlib.sha256(rules + headers + pathlib.Path(path).read_bytes()).hexdigest()
        if (seen / key).exists():
            return []
        r = subprocess.run(["clang-tidy", "--quiet", "-p", database.parent, path], capture_output=True, text=True)
        text = [l for l in r.stdout.splitlines() if re.search(r": (error|warning): ", l)]
        if r.returncode == 0:
            (seen / key).touch()
        return text or ([f"{path}: clang-tidy: {r.stderr[-500:]}"] if r.returncode else [])

    built = {os.path.relpath(os.path.join(u["directory"], u["file"]), TOP) for u in json.loads(database.read_text())}
    units = [p for p in c_files() if p.endswith(".c")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = sum(pool.map(tidy, [p for p in units if p in built]), [])
    return sorted(set(found)) + [f"{p}: is not built" for p in units if p not in built]
