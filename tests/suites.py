# SPDX-License-Identifier: Apache-2.0
"""The suites of script/test: what runs, which promise of the README it guards, and its limits.

Every suite of this list must exist and report: a missing program is a failure, not a smaller sum.
A command is run in the top directory and prints TAP; `tally` ones end in `N passed, N failed`.
"""

import glob
import json
import os
import pathlib
from dataclasses import dataclass, field

BUILD, SAN, TSAN = "build", "build-san", "build-tsan"
# What fetches from registries runs where it must: in CI, with --full, and when it is named.
CI = bool(os.environ.get("CI"))
# The C test programs of tests/meson.build, by name: build/tests/test-NAME. list_faults() compares
# the two lists, so that none can be lost.
UNIT = [
    "base", "ustar", "formats", "ignore",
    "dockerfile-parse", "line", "directive", "heredoc", "instruction", "json-form", "words",
    "expand", "lex", "read-pattern",
    "reads", "base-images", "run-mounts", "scope", "sources", "stages", "target", "follow", "pivots", "rewrite",
    "rewrite-filter", "select",
    "recipe", "recipe-cook", "scrub",
    "tree", "db", "db-damage", "db-unusable", "db-others",
    "stream", "body", "carry", "chunks", "content", "context-digest", "control", "entries", "hide", "learn",
    "missing", "pack", "plan", "rules", "skeleton", "tar-header", "voiding", "writer",
    "store", "store-dir", "store-seen", "store-sweep", "warm", "warm-chunks", "warm-memory",
    "warm-upkeep",
    "proto", "proto-answer", "http-listen", "http-parse", "http-peer", "metrics-text", "url", "urls",
    "mounts", "places", "wake", "watch", "watch-drain", "watch-mounts",
    "options", "option-help", "option-parse", "bases", "output", "progress", "report",
]
# The rooms that the C test programs belong to, by name: tests/ROOM/test-NAME.c.
TOP = pathlib.Path(__file__).resolve().parents[1]
ROOMS = {path.stem.removeprefix("test-"): path.parent.name for path in TOP.glob("tests/*/test-*.c")}
# The vectors of promise 1 in the repository.
VECTORS = ["tests/vectors/match.tsv.gz", "tests/vectors/walk.tsv.gz"]
# A directory of further vectors, *.gz in the format of tests/vectors/README.md, which need not be ours to copy.
MORE_VECTORS = os.environ.get("CTXD_VECTORS")
# What script/test --quick runs: no engine, no registry, no sanitizer build. Programs that take more
# than five seconds are left out; tests/meson.build has the same list.
SLOW = ["db-others", "db-unusable", "ignore", "warm", "watch-drain"]
QUICK = ["lint", "lint-self", *(f"unit/{name}" for name in UNIT if name not in SLOW), "vectors", "cli"]


@dataclass
class Suite:
    name: str
    guards: str
    command: list
    seconds: int = 300  # killed after; several times what it takes alone on 2 cores
    tally: bool = False
    alone: bool = False  # measures time, or uses both cores by itself
    full: bool = False  # only with --full, or when named
    long: bool = False  # not with the others of its directory, but by its own name
    random: bool = False  # what it tries depends on a seed: a fixed one, with --full another one each time
    env: dict = field(default_factory=dict)
    room: str = ""  # names the suite, too


def list_faults():
    """Where UNIT and SLOW differ from what meson builds and tests."""
    with open(f"{BUILD}/meson-info/intro-targets.json") as f:
        built = {t["name"].removeprefix("test-") for t in json.load(f)
                 if t["type"] == "executable" and t["name"].startswith("test-")}
    with open(f"{BUILD}/meson-info/intro-tests.json") as f:
        slow = {t["name"].removeprefix("test-") for t in json.load(f) if t["suite"][0].endswith(":slow")}
    return ([f"test-{name} is listed in tests/suites.py, but not built" for name in UNIT if name not in built]
            + [f"test-{name} is built, but not listed in tests/suites.py" for name in sorted(built - set(UNIT))]
            + [f"test-{name} is slow in one of tests/suites.py and tests/meson.build" for name in slow ^ set(SLOW)])


def unit_suites(seed):
    for name in UNIT:
        guards = "6 deterministic, and the room's own claims" if name == "stream" else "the rooms' own claims"
        env = {"SEED": str(seed)} if name == "db-others" else {}  # kills at random moments
        yield Suite(f"unit/{name}", guards, [f"{BUILD}/tests/test-{name}"], room=ROOMS.get(name, ""), env=env,
                    random=bool(env))
        yield Suite(f"san/{name}", "the same under ASan and UBSan", [f"{SAN}/tests/test-{name}"], 600, env=env)
    # By themselves these run the fixed seeds of their own lists.
    for name in ("warm", "chunks"):
        yield Suite(f"seed/{name}", "the same with a seed that no run had before", [f"{BUILD}/tests/test-{name}"], 600,
                    full=True, random=True, env={"SEED": str(seed), **({"STEPS": "2000"} if name == "warm" else {})})


# What runs under ThreadSanitizer and valgrind: programs of the daemon and of what it stands on. False:
# takes valgrind more than three minutes, and runs under it only with --full.
DYNAMIC = {"tree": False, "wake": True, "proto": True, "http-listen": True, "http-parse": True, "http-peer": True,
           "url": True, "urls": True, "store": True, "watch": True, "watch-drain": False, "watch-mounts": True,
           "warm": False, "learn": True, "warm-upkeep": True, "voiding": True, "store-dir": True, "store-seen": True,
           "store-sweep": False, "db": False, "db-damage": False, "db-unusable": False, "db-others": False}


def dynamic_suites():
    # Tests fork children that open a database of their own, which TSan would end.
    tsan = {"TSAN_OPTIONS": "die_after_fork=0"}
    for name, quick in DYNAMIC.items():
        # Its user namespaces are for processes of one thread, and TSan has a second.
        if name != "watch-mounts":
            yield Suite(f"tsan/{name}", "the same under ThreadSanitizer", [f"{TSAN}/tests/test-{name}"], 900,
                        env={**tsan, "STEPS": "60"})
        # It kills children after so many milliseconds, in which valgrind has just begun.
        if name != "db-others":
            yield Suite(f"valgrind/{name}", "the same under valgrind's memcheck",
                        ["tests/valgrind", f"{BUILD}/tests/test-{name}"], 1200, full=not quick, env={"STEPS": "20"})
    yield Suite("tsan/daemon-http", "ctxd over HTTP under ThreadSanitizer", ["tests/daemon/http", TSAN], 600)
    yield Suite("tsan/daemon", "ctxd's sessions under ThreadSanitizer", ["tests/daemon/run", TSAN], 900, full=True)
    yield Suite("tsan/fresh", "writers and accidents against a ctxd under ThreadSanitizer",
                [f"{BUILD}/tests/torture", f"{TSAN}/ctxd"], 900, full=True, env={"SEED": "1", "OPS": "600"})
    yield Suite("valgrind/daemon-http", "ctxd over HTTP under valgrind's memcheck",
                ["tests/valgrind", "tests/daemon/http", "answers", "metrics", "life", "real"], 600)
    yield Suite("valgrind/daemon", "ctxd's sessions under valgrind's memcheck",
                ["tests/valgrind", "tests/daemon/run", "same", "refuse"], 1200, alone=True, full=True)


def vector_suites():
    for kind, where in (("", BUILD), ("-san", SAN)):
        yield Suite(f"vectors{kind}", "1 same verdicts", [f"{where}/tests/ignore-vectors", *VECTORS], 120, tally=True)
    if MORE_VECTORS:
        # An empty directory is a failure, too: the program is given a file that does not exist.
        more = sorted(glob.glob(f"{MORE_VECTORS}/*.gz")) or [f"{MORE_VECTORS}/*.gz"]
        yield Suite("vectors-more", "1 same verdicts", [f"{BUILD}/tests/ignore-vectors", *more], 120, tally=True)


# What runs against a real engine: its name with Docker 20.10, that with the newest one, the program.
LIVE = [("images", "images", "2 same image, 3 never less"), ("control", "control", "1 same verdicts"),
        ("cut", "cut", "5 never torn: no cut stream builds"),
        ("live-daemon", "daemon", "2 same image, 4 never stale, 5 never torn: by URL and by the daemon"),
        ("live-recipe", "recipe", "recipes in a stream: dependencies stay cached until one changes")]


def newest_suites(seeded, full):
    """The same with the newest engine: in CI with its own image store, and some images also with the other one."""
    few = {} if full else {"FEW": "4"}
    for name, program, guards in LIVE:
        for store in ("containerd", "graph"):
            yield Suite(f"{name}-{store}", f"{guards}: newest engine, {store}", [f"tests/live/{program}"], 1800,
                        full=store == "graph" and name != "images",
                        env={"ENGINE": f"--newest --store={store}", **seeded, **(few if store == "graph" else {})},
                        random=name in ("cut", "live-daemon"))
    yield Suite("images-classic", "2 same image, 3 never less: newest engine, its classic builder, too",
                ["tests/live/images"], 2400, full=True, env={"ENGINE": "--newest", "CLASSIC": "1"})
    yield Suite("images-28", "2 same image, 3 never less: newest engine, a client 28", ["tests/live/images"], 1800,
                full=True, env={"ENGINE": "--newest --client=docker-28"})


# A newcomer's run must not fail by chance: without --full every suite tries the same as in every run before.
FIXED_SEED = 1


def all_suites(full=False, seed=FIXED_SEED):
    """The seed is of what the suites marked `random` make up."""
    more = 10 if full else 1
    # Nine targets, two at a time: five rounds.
    fuzz_seconds = 400
    fuzz = ["--seconds", str(fuzz_seconds), "--seed", str(seed)] if full else ["--fixed"]
    seeded = {"SEED": str(seed)}
    return [
        Suite("lint", "the rules of the house", ["script/lint", "--quick"], 600, alone=True),
        Suite("lint-self", "the rules of the house find a planted fault", ["script/lint", "--self-check"], 300),
        Suite("lint-tidy", "the rules of the house, by clang-tidy", ["script/lint", "tidy"], 1800, alone=True),
        *unit_suites(seed),
        *dynamic_suites(),
        *vector_suites(),
        Suite("oracle", "1 same verdicts, against moby/patternmatcher",
              ["tests/oracle/run", "--n", str(200000 * more), "--seed", str(seed)], 900 * more, random=True),
        Suite("oracle-dockerfile", "3 never less, against BuildKit's parser",
              ["tests/oracle-dockerfile/run", "--seed", str(seed)], 900, random=True),
        Suite("oracle-toml", "recipes: manifests are read as TOML says", ["tests/oracle-toml/run"], 300),
        Suite("recipe", "recipes change when dependencies do, and hold nothing else", ["tests/recipe/run", BUILD], 300),
        Suite("recipe-san", "the same under ASan and UBSan", ["tests/recipe/run", SAN], 900),
        Suite("recipe-installs", "installers take a skeleton, and the project works",
              ["tests/recipe/run", BUILD, "installs"], 900, full=not CI),
        Suite("recipe-builds", "a cooked skeleton is compiled once, and never shipped",
              ["tests/recipe/run", BUILD, "builds"], 900, full=not CI),
        Suite("recipe-chef", "cargo-chef and we, by real builds", ["tests/recipe/run", BUILD, "chef"], 1800, full=not CI),
        Suite("replay", "3 never less, by made-up builds",
              ["tests/replay", BUILD, "--cases", str(5000 * more), "--seed", str(seed)], 900 * more, random=True),
        Suite("replay-san", "the same under ASan and UBSan", ["tests/replay", SAN, "--cases", "1000", "--seed", str(seed)], 400),
        Suite("cli", "one clear error; help, man page and completions agree", ["tests/cli/run", BUILD], 300),
        Suite("cli-san", "the same under ASan and UBSan", ["tests/cli/run", SAN], 600),
        Suite("daemon", "4 never stale, 6 deterministic, 7 bounded, 8 private: ctxd's sessions, and ctx",
              ["tests/daemon/run", BUILD], 300, alone=True),
        Suite("daemon-san", "the same under ASan and UBSan", ["tests/daemon/run", SAN], 600, alone=True),
        Suite("http", "8 private, 7 bounded, 5 never torn: over HTTP", ["tests/daemon/http", BUILD], 300),
        Suite("http-san", "the same under ASan and UBSan", ["tests/daemon/http", SAN], 600),
        Suite("race", "5 never torn", ["tests/cli/race", BUILD], 480, alone=True, env=seeded, random=True),
        Suite("fresh", "4 never stale", [f"{BUILD}/tests/torture", f"{BUILD}/ctxd"], 900, alone=True),
        Suite("seed/fresh", "4 never stale, with a seed that no run had before",
              [f"{BUILD}/tests/torture", f"{BUILD}/ctxd"], 900, full=True, env=seeded, random=True),
        Suite("soak-clients", "4 never stale, 7 bounded: half an hour of clients that die and contexts that change",
              ["tests/daemon/soak", BUILD], 2700, full=True, long=True, env=seeded, random=True),
        Suite("readers", "2 same image: every reader agrees", ["tests/live/readers"], 600),
        Suite("images", "2 same image, 3 never less", ["tests/live/images"], 1200, env={} if full else {"FEW": "2"}),
        Suite("control", "1 same verdicts: which files decide", ["tests/live/control"], 600),
        Suite("cut", "5 never torn: no cut stream builds", ["tests/live/cut"], 1200, env=seeded,
              random=True),
        Suite("checks", "2 same image: today's builder finds the same in a rewritten Dockerfile", ["tests/live/checks"], 1200,
              env={"ENGINE": "--newest"}),
        Suite("pivot", "2 same image: what else is in the context changes nothing", ["tests/live/pivot"], 900,
              env={"ENGINE": "--newest"}),
        Suite("others", "2 same image: other builders", ["tests/live/others"], 600),
        Suite("live-daemon", "2 same image, 4 never stale, 5 never torn: by URL and by the daemon",
              ["tests/live/daemon"], 1200, env=seeded, random=True),
        Suite("live-recipe", "recipes in a stream: dependencies stay cached until one changes, in real builds",
              ["tests/live/recipe"], 1200),
        *newest_suites(seeded, full),
        Suite("corpora", "7 bounded: every hostile input kept so far", ["script/fuzz", "--corpora"], 400),
        Suite("fuzz", "7 bounded: hostile input", ["script/fuzz", *fuzz],
              5 * fuzz_seconds + 240, alone=True, random=True),
        Suite("release", "a tarball that builds, the same twice", ["script/release", "--check"], 300),
    ]
