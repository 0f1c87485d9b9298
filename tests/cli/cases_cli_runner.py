# SPDX-License-Identifier: Apache-2.0
"""The test runner, tests/run: whatever a suite does wrong, the run fails."""

import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
# tests/run imports the module `suites`. This one, beside a copy of tests/run, takes its place.
FAKE = """
from dataclasses import dataclass, field
BUILD = {build!r}
@dataclass
class Suite:
    name: str
    guards: str
    command: list
    seconds: int = 5
    tally: bool = False
    alone: bool = False
    full: bool = False
    random: bool = False
    env: dict = field(default_factory=dict)
    room: str = ""
QUICK = []
FIXED_SEED = 1
def list_faults():
    return {unlisted!r}
def all_suites(full=False, seed=FIXED_SEED):
    return [Suite("fake", "nothing", {command!r}, seconds=1, tally={tally!r})]
"""


def cases(tap, box):
    def run(script, ci="", tally=False, command=None, unlisted=()):
        box.clear()
        fake = box.root / "suite"
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)
        (box.root / "run").write_text((TESTS / "run").read_text())
        (box.root / "suites.py").write_text(
            FAKE.format(build=str(box.root), command=command or [str(fake)], tally=tally,
                        unlisted=list(unlisted)))
        r = subprocess.run([sys.executable, box.root / "run"], cwd=box.root, capture_output=True, text=True,
                           env={**os.environ, "CI": ci, "PYTHONDONTWRITEBYTECODE": "1"}, timeout=60)
        return r.returncode, (r.stdout.splitlines() or [""])[-1]

    ok = "echo 'ok 1 - a'; echo 'ok 2 - b'"
    for what, want, arguments in [
        ("that passes is green", (0, "2 passed, 0 failed"), {"script": f"{ok}; echo 1..2"}),
        ("with a failure", (1, "1 passed, 1 failed"),
         {"script": "echo ok 1 - a; echo not ok 2 - b; echo 1..2; exit 1"}),
        ("that exits 0 in spite of a failure", (1, "0 passed, 1 failed"), {"script": "echo not ok 1 - b; echo 1..1"}),
        ("beside a program that no list names", (1, "2 passed, 1 failed"),
         {"script": f"{ok}; echo 1..2", "unlisted": ["test-x is built, but not listed"]}),
        ("without a plan", (1, "2 passed, 1 failed"), {"script": ok}),
        ("that planned more", (1, "2 passed, 1 failed"), {"script": f"echo 1..3; {ok}"}),
        ("that dies after its plan", (1, "2 passed, 1 failed"), {"script": f"echo 1..2; {ok}; kill -SEGV $$"}),
        ("that exits 1 without a reason", (1, "2 passed, 1 failed"), {"script": f"echo 1..2; {ok}; exit 1"}),
        ("that hangs", (1, "2 passed, 1 failed"), {"script": f"echo 1..2; {ok}; sleep 30"}),
        ("that is missing", (1, "0 passed, 1 failed"), {"script": "", "command": ["/nowhere/suite"]}),
        ("with a skip, by hand", (0, "1 passed, 0 failed, 1 skipped"),
         {"script": "echo 'ok 1 - a # SKIP no go'; echo ok 2 - b; echo 1..2"}),
        ("with a skip, in CI", (1, "1 passed, 1 failed"),
         {"script": "echo 'ok 1 - a # SKIP no go'; echo ok 2 - b; echo 1..2", "ci": "true"}),
        ("skipped as a whole, in CI", (1, "0 passed, 1 failed"), {"script": "echo '1..0 # SKIP no go'", "ci": "true"}),
        ("without a case", (1, "0 passed, 0 failed"), {"script": "echo 1..0"}),
        ("with a tally", (0, "7 passed, 0 failed"), {"script": "echo 7 passed, 0 failed", "tally": True}),
        ("with a red tally", (1, "7 passed, 2 failed"), {"script": "echo 7 passed, 2 failed", "tally": True}),
        ("with a tally that is not the last line", (1, "0 passed, 1 failed"),
         {"script": "echo 7 passed, 0 failed; echo bye", "tally": True}),
        ("with a tally of nothing", (1, "0 passed, 1 failed"), {"script": "echo 0 passed, 0 failed", "tally": True}),
        ("with a tally and a crash", (1, "7 passed, 1 failed"),
         {"script": "echo 7 passed, 0 failed; exit 3", "tally": True}),
    ]:
        got = run(**arguments)
        tap.check(None if got == want else f"{got} instead of {want}", f"a suite {what}: {want[1]}")

    def listed(*names):
        r = subprocess.run([TESTS / "run", "--list", *names], cwd=TESTS.parent, capture_output=True, text=True)
        return [line.split()[0] for line in r.stdout.splitlines()]

    got = listed("stream")
    tap.check(None if "unit/store" in got and "unit/url" not in got else str(got), "a room names its C test programs")
    short, unit = listed(), listed("unit")
    tap.check(None if "unit/*" in short and "unit/url" not in short and "unit/url" in unit else f"{short} {unit}",
              "--list folds the C test programs, and unfolds them by name")
