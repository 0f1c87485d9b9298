# SPDX-License-Identifier: Apache-2.0
"""Who calls whom, from the symbols of the objects in build/.

A file calls another if its object needs a symbol that the other's object defines; tables count like
functions. Calls through a pointer are not seen.
"""

import functools
import json
import os
import re
import subprocess
from dataclasses import dataclass, field

from . import house

DATABASE = "build/compile_commands.json"


@dataclass
class Unit:
    path: str  # of the source, from the top
    program: str  # "base/libbase.a", "ctx", "tests/test-warm"
    defined: set = field(default_factory=set)
    needed: set = field(default_factory=set)


def read_symbols(objects):
    """{object: (defined, needed)} as nm tells. Only global names: static ones have no other file."""
    out = subprocess.run(["nm", "-A", "-g", *objects], capture_output=True, text=True, check=True).stdout
    found = {o: (set(), set()) for o in objects}
    for m in re.finditer(r"^(.*?): *(?:[0-9a-f]+)? ([A-Za-z]) (\S+)$", out, re.M):
        found[m.group(1)][m.group(2) in "Uw"].add(m.group(3))
    return found


@functools.cache
def units():
    """Every C file that build/ has compiled, once for each program or library it is in."""
    if not os.path.exists(DATABASE):
        raise FileNotFoundError(f"{DATABASE} is missing: script/build")
    compiled = {}
    for entry in json.load(open(DATABASE)):
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), house.TOP)
        compiled[os.path.join("build", entry["output"])] = Unit(path, entry["output"].split(".p/")[0])
    if missing := [o for o in compiled if not os.path.exists(o)]:
        raise FileNotFoundError(f"{missing[0]} is missing: script/build")
    for name, (defined, needed) in read_symbols(list(compiled)).items():
        compiled[name].defined, compiled[name].needed = defined, needed
    return list(compiled.values())


@functools.cache
def calls():
    """{file: {file it calls}} for the .c files of the rooms."""
    rooms = [u for u in units() if house.room_of(u.path) not in (None, "tests")]
    homes = {}
    for u in rooms:
        for symbol in u.defined:
            homes.setdefault(symbol, set()).add(u.path)
    graph = {u.path: set() for u in rooms}
    for u in rooms:
        for symbol in u.needed:
            graph[u.path] |= homes.get(symbol, set()) - {u.path}
    graph.pop("proto/build-id.c", None)
    return graph


def within(graph, room):
    inside = {p for p in graph if house.room_of(p) == room}
    return {p: graph[p] & inside for p in sorted(inside)}


def between(graph):
    """{room: {room it calls}}"""
    found = {}
    for path, called in graph.items():
        own = house.room_of(path)
        found.setdefault(own, set()).update(house.room_of(c) for c in called)
    return {room: called - {room} for room, called in found.items()}


def reachable(graph, start):
    seen, left = set(), [start]
    while left:
        for following in graph.get(left.pop(), ()):
            if following not in seen:
                seen.add(following)
                left.append(following)
    return seen


def circles(graph):
    """The sets of two files or more of which each reaches each."""
    reach = {p: reachable(graph, p) for p in graph}
    found = {frozenset({p} | {q for q in reach[p] if p in reach.get(q, ())}) for p in graph if p in reach[p]}
    return sorted(tuple(sorted(f)) for f in found)


def ranks(graph):
    """{file: rank}: 0 is called by no other file, and a file is below all its callers. The files of
    a circle share their rank."""
    together = {p: circle for circle in circles(graph) for p in circle}
    group = {p: together.get(p, (p,)) for p in graph}
    above = {g: set() for g in group.values()}
    for p, called in graph.items():
        for q in called:
            if group[q] != group[p]:
                above[group[q]].add(group[p])

    @functools.cache
    def rank(g):
        return 1 + max((rank(a) for a in above[g]), default=-1)
    return {p: rank(group[p]) for p in graph}


def reduced(graph):
    """The graph without the arrows that follow from others, for a drawing that can be read."""
    kept = {}
    for p, called in graph.items():
        ways = [reachable(graph, other) for other in called if p not in reachable(graph, other)]
        kept[p] = {q for q in called if not any(q in way for way in ways)}
    return kept
