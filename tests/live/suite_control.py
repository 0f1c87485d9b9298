# SPDX-License-Identifier: Apache-2.0
"""Which file is the Dockerfile, which is the ignore file, and which sources are missing: as Docker has it.

cases_missing.py: ctx-send warns of a missing source if and only if Docker fails. cases_control.py:

for each row `docker build DIR` must answer what the row says, and the stream must give the image of today's
engine, or of the classic builder with --builder=classic.
"""

import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import cases_missing
from cases_control import ROWS
from engine import BUILDERS, Request
from fixture import Case, file, link
from sender import build_sent, send
from tap import Claims


def run(tap, engine):
    kinds = ("today",) if has_buildx(engine) else ("old", "classic")
    rows = [row for row in ROWS if re.search(os.environ.get("ONLY", ""), row.title)]
    with tempfile.TemporaryDirectory(prefix="live.") as top, ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(claims_of, engine, row, kinds, os.path.join(top, str(number)))
                for number, row in enumerate(rows)]
        jobs += [pool.submit(missing_claims, engine, row, kinds[0], os.path.join(top, f"m{number}"))
                 for number, row in enumerate(cases_missing.ROWS) if re.search(os.environ.get("ONLY", ""), row[0])]
        for job in jobs:
            tap.state(job.result())


def has_buildx(engine):
    return subprocess.run([engine.docker, "buildx", "version"], env=engine.env, check=False,
                          capture_output=True).returncode == 0


def claims_of(engine, row, kinds, home):
    claims, case = Claims(), row.case()
    os.mkdir(home)
    case.make(home)
    for kind in kinds:
        builder = BUILDERS[kind == "classic"]
        own = "classic" if kind == "classic" else None
        built = answer(engine, engine.build_dir("ctx", case.request, builder, cwd=home))
        state(claims, built, row.from_engine(kind), f"{kind}: the directory: {row.title}")
        sent = send("ctx", case.request, home, f"{kind}.tar", engine.env, own)
        want = row.want if own is None else "fails" if row.refused else row.from_engine(kind)
        state(claims, sent.crashed or answer(engine, build_sent(engine, sent, case.request, builder)), want,
              f"{kind}: the stream: {row.title}")
        claims.check(None if (sent.status == 0) == bool(sent.path and os.path.getsize(sent.path)) else "bytes",
                     f"{kind}: a stream that is refused has no bytes: {row.title}")
    return claims


# What Docker 20.10 doesn't know yet.
NEWER = ("--parents", "--exclude", "<<", "$S")


def missing_claims(engine, row, kind, home):
    title, dockerfile, ignore, says, options = row
    claims = Claims()
    target = next((option.split("=")[1] for option in options if option.startswith("--target=")), None)
    case = Case(title, dockerfile, ["d/f d/e/g", file("a"), link("dang", "nothing"), link("ld", "d"), link("la", "a")],
                ignore=ignore, request=Request(target=target,
                                               send=tuple(o for o in options if not o.startswith("--target"))))
    os.mkdir(home)
    case.make(home)
    sent = send("ctx", case.request, home, "s.tar", engine.env)
    told = [line for line in sent.err.splitlines() if "docker build" in line and " fails" in line]
    if says is None:
        claims.check("\n".join(told), f"no warning: {title}")
    else:
        claims.check(None if len(told) == 1 and re.search(says, told[0]) else f"{told} instead of {says}",
                     f"a warning: {title}")
    if kind == "today" or not any(word in dockerfile for word in NEWER):
        built = engine.build_dir("ctx", case.request, "buildkit", cwd=home)
        claims.check(None if (built.image is None) == bool(says) else built.log or "it builds",
                     f"{kind}: {'it fails' if says else 'it builds'}: {title}")
    return claims


def state(claims, have, want, sentence):
    claims.check(None if have == want else f"{have!r} instead of {want!r}", sentence)


def answer(engine, built):
    """What was built, in the words of the rows."""
    if built.image is None:
        return "fails"
    config, _ = engine.config(built.image)
    tree = engine.tree(built.image)
    names = [name for name in "abs" if f"x/{name}" in tree]
    return " ".join([config["Labels"]["which"], *names])
