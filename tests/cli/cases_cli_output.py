# SPDX-License-Identifier: Apache-2.0
"""The output: full disks, readers that end early, terminals, -o, the progress line and --stats."""

import fcntl
import json
import os
import pty
import random
import signal
import struct
import subprocess
import tarfile
import termios
import time

BIG = 8 << 20  # bytes: more than any pipe holds, so that a send waits for its reader


def read_pty(fd):
    seen = b""
    while True:
        try:
            block = os.read(fd, 65536)
        except OSError:  # EIO: the last writer has closed the terminal
            block = b""
        if not block:
            return seen
        seen += block


def failing_cases(tap, box):
    box.tree({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "x" * BIG})
    with open("/dev/full", "wb") as full:
        tap.check(box.send(stdout=full).fault(1, r"No space left on device"), "a full disk is an error")
        tap.check(box.send("-z", stdout=full).fault(1, r"No space left on device"), "the same with gzip")
    tap.check(box.send("-o", "/dev/full").fault(1, r"No space left on device"),
              "the same with -o, which does not replace the device")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        tap.check(box.send(stdout=gone).fault(1, r"reader"), "a reader that has ended is an error with a message")
    child = subprocess.Popen([box.program], cwd=box.root, env=box.environment(), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    child.stdout.read(100_000)
    child.stdout.close()
    err = child.stderr.read().decode()
    child.stderr.close()
    tap.check(None if child.wait() == 1 and "reader" in err else f"{child.returncode} {err}",
              "a reader that ends in the middle is an error")
    closed = lambda: os.close(1)
    run = box.send(stdout=None, preexec_fn=closed)
    tap.check(run.fault(1, r"Bad file descriptor"), "a closed standard output is an error")
    r = subprocess.run([box.program, "-v"], cwd=box.root, env=box.environment(), stdout=subprocess.PIPE,
                       preexec_fn=lambda: os.close(2))
    tap.check(None if r.returncode == 0 and r.stdout == box.send().out else "other bytes",
              "a closed standard error does not change the stream")

    for number in (signal.SIGINT, signal.SIGTERM):
        child = subprocess.Popen([box.program], cwd=box.root, env=box.environment(), stdout=subprocess.PIPE)
        child.stdout.read(100_000)
        child.send_signal(number)
        rest = child.stdout.read()
        child.stdout.close()
        why = None if child.wait() == -number else f"status {child.returncode}"
        tap.check(why or (rest.endswith(bytes(1024)) and "the stream has its end"),
                  f"{number.name} ends it in the usual way, and the stream is cut")


def terminal_cases(tap, box):
    box.tree({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "1"})
    main, terminal = pty.openpty()
    run = box.send(stdout=terminal)
    os.close(terminal)
    shown = read_pty(main)
    os.close(main)
    tap.check(run.fault(2, r"standard output is a terminal.*ctx-send \| docker build -"),
              "a terminal as standard output is refused, and the message shows what to type")
    tap.check(shown and f"{shown!r} was written", "and nothing is written to it")

    def on_terminal(content, delay, *words, width=80, env=None):
        box.tree({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": content})
        main, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        child = subprocess.Popen([box.program, *words], cwd=box.root, env=box.environment(env),
                                 stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        time.sleep(delay)  # a slow reader makes a send long
        child.stdout.read()
        child.stdout.close()
        child.wait()
        shown = read_pty(main).decode()
        os.close(main)
        return shown

    shown = on_terminal("1", 0)
    tap.check(shown and repr(shown), "a short send shows no progress")
    shown = on_terminal("x" * BIG, 1.3)
    lines = [part for part in shown.split("\r") if part.strip("\x1b[K")]
    why = None
    if not lines or "entries" not in lines[0]:
        why = f"no progress in {shown!r}"
    elif not shown.endswith("\r\x1b[K") or "\n" in shown:
        why = f"it is not erased: {shown!r}"
    elif len(lines) > 10:
        why = f"{len(lines)} updates in 0.8 s"
    tap.check(why, "a long send shows its progress, ten times a second at most, and erases it")
    shown = on_terminal("x" * BIG, 0.9, width=20)
    longest = max((len(part.replace("\x1b[K", "")) for part in shown.split("\r")), default=99)
    tap.check(f"{longest} columns" if longest >= 20 else None, "a narrow terminal gets a line that fits")
    shown = on_terminal("x" * BIG, 0.9, "-q")
    tap.check(shown and repr(shown), "--quiet shows no progress")
    shown = on_terminal("x" * BIG, 0.9, env={"TERM": "dumb"})
    tap.check(shown and repr(shown), "a dumb terminal shows no progress")


def file_cases(tap, box):
    def fresh():
        box.tree({"Dockerfile": "FROM scratch\nCOPY . /\n", "a": "1", ".dockerignore": "Dockerfile\nout*\n"})
        out = box.top / "out.tar"
        out.unlink(missing_ok=True)
        return out

    def leftovers():
        return [n for n in os.listdir(box.top) if "ctx-send" in n]

    out = fresh()
    plain = box.send().out
    run = box.send("-o", str(out))
    tap.check(run.success() or (out.read_bytes() != plain and "other bytes"), "-o FILE has the same bytes as a pipe")
    tap.check(leftovers() and str(leftovers()), "and no other file is left beside it")
    out.write_text("old")
    os.link(out, box.top / "other-name")
    run = box.send("--output", str(out))
    tap.check(run.success() or (out.read_bytes() != plain and "other bytes")
              or ((box.top / "other-name").read_text() != "old" and "it was written through"),
              "-o replaces a file, and does not write through its other names")
    os.unlink(box.top / "other-name")
    out.write_text("old")
    run = box.send("-o", str(out), "--max-files=1", "--full")
    tap.check(run.fault(3, "max-files") or (out.read_text() != "old" and "it is gone")
              or (leftovers() and str(leftovers())),
              "a failed -o leaves the old file, and no other file")
    os.symlink("out.tar", box.top / "alias")
    run = box.send("-o", str(box.top / "alias"))
    tap.check(run.success() or (not os.path.islink(box.top / "alias") and "the link is gone")
              or (out.read_bytes() != plain and "other bytes"), "-o through a link replaces the target of the link")
    os.unlink(box.top / "alias")
    run = box.send("-o", str(box.top / "no/where.tar"))
    tap.check(run.fault(1, r"can't write to .*No such file"), "-o into a missing directory is an error")
    tap.check(box.send("-o", str(box.top)).fault(1, r"[Ii]s a directory"), "-o to a directory is an error")
    fresh()
    run = box.send("-o", "out.tar")
    with tarfile.open(box.root / "out.tar") as tar:
        names = tar.getnames()
    tap.check(run.success() or (any("out" in n or "ctx-send" in n for n in names) and str(names)),
              "-o inside the context does not send its own file")
    tap.check(box.send("-o", "/dev/null").success() or (not os.path.exists("/dev/null") and "gone"),
              "-o /dev/null writes to the device")

    fresh()
    os.mkfifo(box.root / "slow")  # skipped, so never opened
    (box.root / "big").write_bytes(random.Random(1).randbytes(BIG))
    child = subprocess.Popen([box.program, "--zstd=19", "-o", str(out)], cwd=box.root, env=box.environment(),
                             stderr=subprocess.DEVNULL)
    time.sleep(0.1)
    child.terminate()
    child.wait()
    tap.check(None if child.returncode == -signal.SIGTERM and not leftovers() else f"{child.returncode} {leftovers()}",
              "SIGTERM during -o leaves no other file beside FILE")


def stats_cases(tap, box):
    box.tree({"Dockerfile": "FROM scratch\nCOPY d /\n", "d/a": "x" * 1000, "d/b": "y", "other": "z"})
    # The Dockerfile is part of the stream, too.
    os.symlink("a", box.root / "d/link")
    os.link(box.root / "d/a", box.root / "d/hard")
    run = box.send("--stats=json")
    try:
        stats = json.loads(run.err.splitlines()[-1])
    except (ValueError, IndexError):
        stats = {}
    want = {"files": 3, "directories": 1, "symlinks": 1, "hardlinks": 1, "skipped": 0,
            "tar_bytes": len(run.out), "out_bytes": len(run.out), "compression": "none", "rewritten": False,
            "whole_context": False, "warnings": []}
    wrong = {k: (stats.get(k), v) for k, v in want.items() if stats.get(k) != v}
    tap.check(wrong and f"{wrong} in {run.err}", "--stats=json counts what the stream contains")
    run = box.send("--stats=json", "-q", "-z")
    tap.check(None if json.loads(run.err)["out_bytes"] == len(run.out) else run.err,
              "with --quiet, standard error contains nothing else")
    run = box.send("--stats")
    tap.check(run.success(err=r"\Asent .*files.*\nstream .*\nwalk .*\ntime .*\n\Z"), "--stats is four lines of text")


def cases(tap, box):
    failing_cases(tap, box)
    terminal_cases(tap, box)
    file_cases(tap, box)
    stats_cases(tap, box)
