# SPDX-License-Identifier: Apache-2.0
"""Real builds over a cooked skeleton: external crates are compiled once, all local ones again."""

import shutil
import subprocess

from box import command
from cases_chef import Kitchen, SMALL, says


def cases(tap, box):
    if not shutil.which("cargo"):
        tap.skip("no cargo", "builds over a skeleton")
        return
    for case in (no_recompile, sentinel):
        try:
            case(tap, box)
        except (AssertionError, OSError, subprocess.TimeoutExpired, KeyError) as error:
            tap.check(repr(error)[:2000], f"{case.__name__} runs to its end")


def host():
    """The host's target triple. When it is named, its output has a directory of its own."""
    status, text = command("rustc", "-vV", cwd=".")
    return text.split("host: ")[1].split()[0]


def no_recompile(tap, box):
    for title, prepare, args, binary in (
            ("dev", [], ["build", "--locked"], "debug/app"),
            ("release with lto", [], ["build", "--locked", "--release"], "release/app"),
            ("one package", [], ["build", "--locked", "-p", "app"], "debug/app"),
            ("another target directory", [], ["build", "--locked", "--target", host()], f"{host()}/debug/app"),
            ("all targets", ["--all-targets"], ["build", "--locked", "--all-targets"], "debug/app"),
            ("tests", ["--tests"], ["test", "--locked", "--no-run"], None)):
        kitchen = Kitchen(box, None, SMALL)
        status, text, ours = kitchen.by_us("cargo", *args, prepare=prepare)
        tap.check(None if status == 0 else text, f"{title}: ours cooks")
        kitchen.overlay(ours)
        status, text, fresh = kitchen.build(ours, *args)
        tap.check(text if status else None if fresh["external"] and all(fresh["external"]) else str(fresh),
                  f"{title}: no external crate is compiled again")
        tap.check(None if fresh["local"] and not any(fresh["local"]) else str(fresh), f"{title}: every local one is")
        if binary:
            tap.check(None if says(ours, binary) == "1.2.3 7 1.2.3\n" else says(ours, binary), f"{title}: the program is the real one")
        else:
            status, text = kitchen.cargo("test", "--locked", cwd=ours)
            tap.check(None if status == 0 and "test t ... ok" in text else text, f"{title}: they are the real ones, and pass")
    kitchen = Kitchen(box, None, SMALL)
    env = {"CARGO_TARGET_DIR": str(box.empty("td"))}
    status, text, ours = kitchen.by_us("cargo", "build", "--locked", env=env)
    kitchen.overlay(ours)
    status, text, fresh = kitchen.build(ours, "build", "--locked", env=env)
    tap.check(text if status else None if all(fresh["external"]) else str(fresh), "with CARGO_TARGET_DIR, too")


def sentinel(tap, box):
    kitchen = Kitchen(box, None, SMALL)
    status, text, ours = kitchen.by_us("cargo", "build", "--locked")
    kitchen.overlay(ours)
    status, text, _ = kitchen.build(ours, "build", "--locked", "-p", "app@1.2.3")
    tap.check(text if status else None if says(ours) == "1.2.3 7 1.2.3\n" else says(ours),
              "-p name@version, env! and a build script see the real version")
