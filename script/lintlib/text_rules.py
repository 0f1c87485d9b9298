# SPDX-License-Identifier: Apache-2.0
"""Rules that read the sources as text: quick, and they need no build."""

import os
import re
import subprocess

from . import house
from .house import COLUMNS_MAX, HOMES, LINES_MAX, LONG, ONE_FILE, c_files, lines, room_of, sources

BANNED = re.compile(
    r"\b(strcpy|stpcpy|strcat|sprintf|vsprintf|strtok|gets|ato[ifl]|atoll|strto(?:u?ll?|[dfi]max|umax|[dfl]|ld)"
    r"|s?scanf|fscanf|mktemp|tmpnam|tempnam|system|alloca|popen)\s*\("
)
# A header of ours with such a name would be found in place of the system's.
SYSTEM = set(
    "aio ar argp assert complex cpio crypt ctype dirent dlfcn elf endian envz err errno error fcntl features fenv"
    " float fnmatch fts ftw getopt glob grp iconv inttypes langinfo libgen limits link locale malloc math"
    " memory mntent monetary mqueue netdb nl_types paths poll pthread pty pwd regex resolv sched search"
    " semaphore setjmp shadow signal spawn stab stdatomic stdbool stdint stdio stdlib string strings"
    " stropts syscall sysexits syslog tar termio termios tgmath threads time ttyent uchar ucontext"
    " unistd ustat utime utmp values wait wchar wctype wordexp".split()
)


def include_faults(where, path, quote, what, headers, users):
    own = room_of(path)
    if ".." in what.split("/"):
        yield f"{where}: {what}: no .. in an include"
    if quote == '"':
        if "/" in what:
            yield f"{where}: {what}: rooms are include paths, give the name alone"
        home = room_of(headers[what]) if what in headers else None
        if home and home not in house.visible(own):
            yield f"{where}: {what}: {own} may not see {home}"
    for header, homes in HOMES.items():
        if own != "tests" and (what == header or (header.endswith("/") and what.startswith(header))):
            users.setdefault(header, set()).add(path)
            if not path.startswith(homes):
                yield f"{where}: {what} belongs in {' or '.join(homes)}"


def rule_includes():
    """a room includes downwards only, third-party headers have one home, no name shadows a system header"""
    found, users = [], {}
    headers = {os.path.basename(p): p for p in c_files() if p.endswith(".h")}
    for path in c_files():
        name = os.path.basename(path)
        if name.endswith(".h") and name[:-2] in SYSTEM:
            found.append(f"{path}: shadows <{name}>")
        for n, line in enumerate(lines(path), 1):
            if m := re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line):
                found += include_faults(f"{path}:{n}", path, m.group(1), m.group(2), headers, users)
    for header in ONE_FILE:
        if len(users.get(header, ())) > 1:
            found.append(f"{header}: has one home, not {', '.join(sorted(users[header]))}")
    return found


def rule_banned():
    """no call that can't be bounded, or that hides an error"""
    return [f"{p}:{n}: {m.group(1)}()" for p in c_files()
            for n, line in enumerate(house.code_of(p).splitlines(), 1) for m in [BANNED.search(line)] if m]


def rule_spdx():
    """every source names its licence in its first lines"""
    return [p for p in sources() if not any("SPDX-License-Identifier: Apache-2.0" in l for l in lines(p)[:3])]


def rule_size():
    """no source is longer than 500 lines"""
    found = [f"{p}: {len(lines(p))} lines" for p in sources() if len(lines(p)) > LINES_MAX and p not in LONG]
    return found + [f"{p}: needs no exception in house.LONG" for p in LONG
                    if not os.path.exists(p) or len(lines(p)) <= LINES_MAX]


def rule_width():
    """no line of C is wider than 96 columns"""
    return [f"{p}:{n}: {len(line.expandtabs(8))} columns" for p in c_files()
            for n, line in enumerate(lines(p), 1) if len(line.expandtabs(8)) > COLUMNS_MAX]


def rule_purpose():
    """each file of the rooms begins with what it is for, or its own header does"""
    return [f"{p}: no comment after the SPDX line says what the file is for"
            for p in house.room_sources() if not house.purpose(p)]


def duplicates(pairs):
    """{name: its places} of (name, place) pairs, for names with two places or more."""
    places = {}
    for name, place in pairs:
        places.setdefault(name, set()).add(place)
    return {name: tuple(sorted(found)) for name, found in sorted(places.items()) if len(found) > 1}


def rule_names():
    """a file name is used once in rooms, tests and scripts, and a function name in one file of the rooms"""
    files = [p for p in house.tracked() if (room_of(p) or p.startswith(("script/", "bench/")))
             and "/corpus/" not in p and os.path.basename(p) not in house.COMMON_NAMES]
    found = [f"{' and '.join(places)}: one file name, {len(places)} files"
             for places in duplicates((os.path.basename(p), p) for p in files).values()]
    homes = ((name, p) for p in house.room_sources() for name in house.functions(p) if name != "main")
    return found + [f"{name}(): defined in {' and '.join(places)}" for name, places in duplicates(homes).items()
                    if places not in house.TWINS]


def rule_scripts():
    """scripts parse, and those with an interpreter line can be run"""
    found = []
    for path in sources():
        if path.endswith((".c", ".h", ".go")):
            continue
        first = lines(path)[0] if lines(path) else ""
        if first.startswith("#!") and not os.access(path, os.X_OK):
            found.append(f"{path}: has an interpreter but not the execute bit")
        if "python" in first or path.endswith(".py"):
            try:
                compile(house.text_of(path), path, "exec")
            except SyntaxError as e:
                found.append(f"{path}: {e}")
        elif first.startswith("#!") and first.endswith("sh"):
            r = subprocess.run([first[2:].split()[-1], "-n", path], capture_output=True, text=True)
            found += [r.stderr.strip()] if r.returncode else []
    return found


# Commits before this one were not held to the form.
COMMITS_SINCE = "4d64d43100cdc2d8db2b58d00e938be5445da4cd"
SUBJECT = re.compile(r"(?:Merge |Revert |[\w.][\w./-]*(?:, [\w.][\w./-]*)*: \S)")


def commit_faults(name, message):
    subject, *body = message.rstrip("\n").split("\n")
    # Git writes these subjects itself, with the whole of another subject or hash.
    if len(subject) > 60 and not subject.startswith(("Merge ", "Revert ")):
        yield f"{name}: the subject has {len(subject)} characters, 60 is the most: {subject}"
    if not SUBJECT.match(subject) or subject.endswith("."):
        yield f"{name}: the subject is not `room: imperative`: {subject}"
    if body and body[0]:
        yield f"{name}: no empty line after the subject"
    for line in body:
        # A quoted line or an address is not broken.
        if len(line) > 76 and not line.startswith((" ", "\t", ">")) and " " in line:
            yield f"{name}: a line of {len(line)} columns, 76 is the most: {line}"


def message_faults(path):
    """Of a message that is being written: git's comments and what comes after the scissors are not of it."""
    text = open(path, errors="replace").read().split("# ------------------------ >8")[0]
    message = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    if message.startswith(("fixup! ", "squash! ")) or not message.strip():
        return []
    return list(commit_faults("message", message.strip("\n")))


def rule_commits():
    """the subjects of commits are `room: imperative` of at most 60 characters, bodies are 76 columns wide"""
    # Without merges: CI checks out a pull request as a merge commit of its own making.
    log = ["git", "-c", "safe.directory=*", "log", "-z", "--no-merges", "--format=%H%n%B", f"{COMMITS_SINCE}..HEAD"]
    r = subprocess.run(log, capture_output=True, text=True)
    if r.returncode:
        print("# commits: not checked: a tarball or a shallow clone has no history")
        return []
    found = []
    for commit in r.stdout.split("\0"):
        if commit.strip():
            name, message = commit.strip("\n").split("\n", 1)
            found += commit_faults(name[:12], message)
    return found
