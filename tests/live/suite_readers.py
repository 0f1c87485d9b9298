# SPDX-License-Identifier: Apache-2.0
"""Every reader of archives reads the same from a stream.

GNU tar, bsdtar, busybox tar and Python's tarfile extract the stream of each made context. Go's
archive/tar, which Docker, buildah and kaniko use, lists it with the digests of the contents. The gzip
and zstd forms contain the same bytes.
"""

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor

import cases_copy
import cases_ignore
import cases_real
import cases_stage
import cases_tree
from compare import tree_differences
from engine import REPO, TIMEOUT, Entry, add_twins, entries_below, entries_of
from sender import send

NEEDS_ENGINE = False
PLAIN = re.compile(r"[\w./+=,@%-]+\Z", re.ASCII)  # names that every `tar -t` prints without escapes


def run(tap, engine):
    cases = [case for module in (cases_tree, cases_ignore, cases_stage, cases_copy, cases_real)
             for case in module.CASES if not case.fails and (os.environ.get("FULL") or not case.slow)
             and not case.request.send]  # these choose a form; here each stream is read in all forms
    only = os.environ.get("ONLY")
    with tempfile.TemporaryDirectory(prefix="live.") as top, ThreadPoolExecutor(2) as pool:
        readers = dict(available(tap, top))
        jobs = [pool.submit(one_case, engine, readers, case, os.path.join(top, str(number)))
                for number, case in enumerate(cases) if not only or re.search(only, case.title)]
        for job in jobs:
            why, sentence = job.result()
            tap.check(why, sentence)


def available(tap, top):
    """(name, function that reads) of each reader on this machine."""
    for name, options in (("tar", ["--numeric-owner"]), ("bsdtar", []), ("busybox tar", [])):
        if shutil.which(name.split()[0]) is None:
            tap.skip(f"{name} is missing", f"{name} extracts every stream alike")
        else:
            yield name, Extractor(name.split(), options)
    yield "Python", extract_in_python
    if shutil.which("go") is None:
        tap.skip("go is missing", "Go's archive/tar lists every stream alike")
        return
    program = os.path.join(top, "tarread")
    env = os.environ | {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    built = subprocess.run(["go", "build", "-o", program, "."], cwd=REPO / "tests/oracle/tarread", env=env,
                           capture_output=True, text=True)
    if tap.check(built.returncode and built.stderr, "the Go reader builds"):
        yield "Go", GoReader(program)


def one_case(engine, readers, case, home):
    """(why the claim doesn't hold or None, the claim)."""
    sentence = f"all readers agree on: {case.title}"
    if case.in_place and not os.path.isdir(case.in_place):
        return None, f"{sentence}, which this machine lacks"
    try:
        os.mkdir(home)
        case.make(home)
        sent = send(case.context, case.request, home, "s.tar", engine.env)
        if sent.status != 0:
            return f"ctx-send: exit {sent.status}: {sent.err}", sentence
        lines = stream_lines(sent.path)
        with tarfile.open(sent.path) as tar:
            want = entries_of(tar)
        want.pop(".", None)
        for name, read in readers.items():
            out = os.path.join(home, "out")
            os.mkdir(out)
            try:
                lines += [f"{name}: {line}" for line in read(sent.path, out, want)]
            except (OSError, tarfile.TarError, subprocess.SubprocessError) as why:
                lines.append(f"{name}: {why}")
            shutil.rmtree(out)
        lines += squeezed_lines(engine, case, home, sent.bytes())
        return "\n".join(lines), sentence
    except (OSError, tarfile.TarError) as why:
        return f"{type(why).__name__}: {why}", sentence
    finally:
        shutil.rmtree(home, ignore_errors=True)


def stream_lines(path):
    """What is wrong with a stream by the rules for every stream, whatever it contains."""
    with tarfile.open(path) as tar:
        members = tar.getmembers()
    names = [member.name for member in members]
    seen, lines = {""}, []
    for member in members:
        parent = member.name.rpartition("/")[0]
        if parent not in seen:
            lines.append(f"comes before its directory: {member.name!r}")
        seen.add(member.name)
        if (member.uid, member.gid, member.uname, member.gname) != (0, 0, "", ""):
            lines.append(f"an owner: {member.name!r}")
        if member.mtime != int(member.mtime):
            lines.append(f"a fraction of a second: {member.name!r}")
        if member.type not in (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            lines.append(f"type {member.type!r}: {member.name!r}")
    if len(names) != len(set(names)):
        lines.append("a name twice")
    if not names or names[-1] not in ("Dockerfile", "dockerfile"):
        lines.append(f"the last entry is not the Dockerfile: {names[-1:]}")
    if members[0].offset_data - members[0].offset != 512:
        lines.append(f"the first header is not a plain one: {names[0]!r}")
    key = [os.fsencode(name).split(b"/") for name in names[:-1] if name != "."]
    if key != sorted(key):
        lines.append("not in byte order, directory by directory")
    return lines


class Extractor:
    """A tar program, which must extract what Python reads, and list the plain names."""

    def __init__(self, words, options):
        self.words, self.options = words, options

    def __call__(self, path, out, want):
        with open(path, "rb") as data:
            done = subprocess.run([*self.words, *self.options, "-xpf", "-"], cwd=out, stdin=data,
                                  capture_output=True, timeout=TIMEOUT)
        # GNU tar sets times in the future and before 1970, but complains about them.
        said = [line for line in done.stderr.decode(errors="backslashreplace").splitlines() if "time stamp" not in line]
        if done.returncode or said:
            yield f"-x: exit {done.returncode}: {said[:3]}"
        have = entries_below(out)
        if self.words[0] == "busybox":
            forget_link_times(have, want)
            forget_early_times(have, want)
        yield from tree_differences(want, have, since=float("inf"))
        done = subprocess.run([*self.words, "-tf", path], capture_output=True, timeout=TIMEOUT)
        listed = {os.fsdecode(line).rstrip("/") for line in done.stdout.splitlines()}
        plain = {name for name in want if PLAIN.match(name)}
        if done.returncode or plain - listed:
            yield f"-t: exit {done.returncode}, not listed: {sorted(plain - listed)[:3]}"


def extract_in_python(path, out, want):
    if any(entry.kind == "l" and entry.twins for entry in want.values()):
        return []  # if a symbolic link has a second name, tarfile sets the mode and time of its target
    with tarfile.open(path) as tar:
        tar.extraction_filter = lambda member, _: member  # a context may contain absolute links
        tar.extractall(out, numeric_owner=True)
    have = entries_below(out)
    forget_link_times(have, want)
    return tree_differences(want, have, since=float("inf"))


def forget_link_times(have, want):
    """For readers that don't set the time of a symbolic link."""
    for path, entry in have.items():
        if entry.kind == "l" and path in want:
            entry.mtime = want[path].mtime


def forget_early_times(have, want):
    """For a reader that reads 1970 for any time before it, because it doesn't know the extended header."""
    for path, entry in have.items():
        if path in want and want[path].mtime < 0 and entry.mtime == 0:
            entry.mtime = want[path].mtime


class GoReader:
    def __init__(self, program):
        self.program = program

    def __call__(self, path, out, want):
        with open(path, "rb") as data:
            done = subprocess.run([self.program], stdin=data, capture_output=True, timeout=TIMEOUT)
        found, first_of = {}, {}
        for line in done.stdout.splitlines():
            header = json.loads(line)
            name, link = (os.fsdecode(base64.b64decode(header[key] or "")) for key in ("name", "link"))
            name, kind = name.removeprefix("./").rstrip("/"), {"0": "f", "5": "d", "2": "l", "6": "p"}.get(header["type"], header["type"])
            if kind == "1":
                first_of[name] = first_of.get(link, link)
                continue
            found[name] = Entry(kind, header["mode"], header["uid"], header["gid"], header["size"], header["mtime"],
                                header["digest"] if kind == "f" else "", link)
        found.pop("", None)
        add_twins(found, first_of)
        lines = [f"exit {done.returncode}: {done.stderr.decode()}"] if done.returncode else []
        return lines + tree_differences(want, found, since=float("inf"))


def squeezed_lines(engine, case, home, plain):
    squeezed = send(case.context, case.request, home, "s.gz", engine.env, extra=("-z",))
    try:
        if squeezed.status or gzip.decompress(squeezed.bytes()) != plain:
            yield f"-z: other bytes {squeezed.err}"
    except (OSError, EOFError) as why:
        yield f"-z: {why}"
    if shutil.which("zstd") is None:
        return
    squeezed = send(case.context, case.request, home, "s.zst", engine.env, extra=("--zstd",))
    done = subprocess.run(["zstd", "-dcq", squeezed.path], capture_output=True, timeout=TIMEOUT)
    if squeezed.status or done.returncode or done.stdout != plain:
        yield f"--zstd: other bytes {squeezed.err}{done.stderr.decode()}"
