# SPDX-License-Identifier: Apache-2.0
"""Many requests at once, readers that stop, clients and daemons that die in the middle."""

import io
import json
import os
import signal
import socket
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor

from daemon import until

PARKED_MAX = 64  # daemon/lanes.c
MANY = PARKED_MAX + 8


def is_whole(data):
    """Whether a reader finds the Dockerfile, without which nothing is built."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return "Dockerfile" in tar.getnames()
    except (tarfile.TarError, EOFError):
        return False


def streams(box, root, n, *args):
    """Starts n clients whose streams are not read yet."""
    started = []
    for _ in range(n):
        read_end, write_end = os.pipe()
        process = box.popen("ctx-send", "--daemon=require", *args, root, stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        started.append((process, read_end))
    return started


def finish(process, read_end):
    with open(read_end, "rb") as f:
        data = f.read()
    err = process.stderr.read().decode(errors="replace")
    process.stderr.close()
    return process.wait(60), data, err


def learns(tap, box):
    """The first stream passes most of a tree on unlearnt; the learner learns it afterwards."""
    root = box.tree("first", 3000)
    want = box.send("--no-daemon", root).out
    daemon = box.daemon()

    def kept():
        run = box.send("--daemon=require", "--stats=json", root)
        stats = json.loads(run.err)
        return run.fault() or (run.out != want and "other bytes"), stats["chunks_kept"], stats["chunks"]

    fault, n_kept, n = kept()
    tap.check(fault or (n < 40 or n_kept) and f"{n_kept} of {n} chunks kept", "a first stream is as without ctxd")
    tap.check(None if until(lambda: daemon.status()["lanes"]["learning"] == 0) else "still learning",
              "… then it is learnt")
    fault, n_kept, n = kept()
    tap.check(fault or (n_kept != n and f"{n_kept} of {n} chunks kept"), "… so that the next one reads no file")
    for n in range(3):
        (root / "d1" / f"new{n}").write_text("new")
        tap.check(box.same(["--daemon=require"], root), f"… and change {n + 1} after it is in the stream")
    daemon.end()
    box.fresh()
    daemon = box.daemon()
    run = box.send("--daemon=require", root)
    began = time.monotonic()
    fault = daemon.end()
    took = time.monotonic() - began
    tap.check(run.fault() or fault or (took > 5 and f"{took:.1f} s"), "a ctxd that is learning ends at once")


def rests(tap, box):
    """With a store that is full, the tree is not read again after each stream."""
    root = box.tree("full", 3000)
    box.fresh()
    daemon = box.daemon("--max-cache=256K", "--log-level=debug")
    for _ in range(3):
        run = box.send("--daemon=require", root)
        tap.check(run.fault(), "a stream through a ctxd whose cache is full")
        until(lambda: daemon.status()["lanes"]["learning"] == 0)
    n = daemon.said().count("event=learnt")
    tap.check(None if n == 1 else f"{n} times", "… is learnt once, and then the learner rests")
    daemon.end()
    box.fresh()


def cases(tap, box):
    learns(tap, box)
    rests(tap, box)
    daemon = box.daemon("--lanes=8", "--max-clients=300")
    roots = [box.tree(f"tree{i}", 200 + 40 * i, seed=i) for i in range(3)]
    want = {(root, *args): box.send("--no-daemon", *args, root).out for root in roots for args in ([], ["-z"])}

    def one(i):
        root, args = roots[i % 3], (["-z"] if i % 2 else [])
        run = box.send("--daemon=require", *args, root)
        return run.fault() or (run.out != want[(root, *args)] and f"client {i}: other bytes")

    with ThreadPoolExecutor(10) as pool:
        faults = [f for f in pool.map(one, range(60)) if f]
    tap.check("\n".join(faults), "ten clients at once, sixty streams: each is right")
    before = daemon.fds()
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(one, range(60)))
    tap.check(until(lambda: daemon.fds() <= before) is False and f"{daemon.fds()} after {before}",
              "the daemon has no more descriptors open than before")

    large = box.tree("large", 10, size=6 << 20)
    whole = box.send("--no-daemon", large).out
    stalled = streams(box, large, MANY)
    parked = until(lambda: daemon.status()["lanes"]["parked"] == PARKED_MAX
                   and daemon.counter("cancelled") >= MANY - PARKED_MAX)
    tap.check(not parked and str(daemon.status()["lanes"]) + str(daemon.status()["counters"]),
              f"of {MANY} readers that take nothing {PARKED_MAX} are parked, and the oldest others cancelled")
    began = time.monotonic()
    tap.check(one(0) or one(1), "a client that reads is served meanwhile")
    tap.check(time.monotonic() - began > 5 and f"{time.monotonic() - began:.1f} s", "… at once")
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda s: finish(*s), stalled))
    right = sum(status == 0 and data == whole for status, data, _ in results)
    wrong = [r for r in results if r[0] == 0 and r[1] != whole or r[0] != 0 and is_whole(r[1])]
    tap.check(None if right == PARKED_MAX and not wrong else f"{right} right, {len(wrong)} wrong",
              "those that go on reading get the rest; a cancelled stream can't be built, and says so")

    before = daemon.counter("cancelled")
    for args in ([], ["-z"]):
        victims = streams(box, large, 4, *args)
        until(lambda: daemon.status()["lanes"]["parked"] == 4)
        for process, _ in victims:
            process.kill()
        gone = until(lambda: daemon.status()["lanes"]["parked"] == 0)
        results = [finish(*v) for v in victims]
        counted = daemon.counter("cancelled") >= before + 4
        tap.check(None if gone and not any(is_whole(r[1]) for r in results) and counted
                  else f"{gone} {daemon.status()['lanes']}", f"a client that is killed cancels its stream {args}")

    victims = streams(box, large, 3)
    until(lambda: daemon.status()["lanes"]["parked"] == 3)
    daemon.end(signal.SIGKILL)
    results = [finish(*v) for v in victims]
    bad = [r for r in results if r[0] != 1 or is_whole(r[1]) or "in the middle" not in r[2]]
    tap.check(bad and str([(r[0], len(r[1]), r[2]) for r in bad]),
              "a daemon that is killed in the middle: the client fails, nothing can be built")
    daemon = box.daemon()
    tap.check(one(0), "the next daemon takes the place of the dead one's socket")

    # Its end is asked for while it sends: that stream is finished first.
    victims = streams(box, large, 1)
    until(lambda: daemon.status()["lanes"]["parked"] == 1)
    daemon.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    status, data, err = finish(*victims[0])
    tap.check(None if status == 0 and data == whole else f"{status} {len(data)} {err}",
              "SIGTERM lets a stream that runs be finished")
    tap.check(daemon.end() and "status", "… and then the daemon ends well")

    daemon = box.daemon("--max-roots=2")
    for root in [*roots, large, *roots]:
        fault = box.same([], root)
        tap.check(fault, f"two roots at most: {root.name}")
    n = until(lambda: len(daemon.status()["roots"]) <= 2)
    tap.check(None if n else str(daemon.status()["roots"]), "… and no more are kept")

    daemon.end()
    daemon = box.daemon("--max-clients=2")
    with ThreadPoolExecutor(10) as pool:
        faults = [f for f in pool.map(lambda i: box.send(roots[0]).fault(), range(20)) if f]
    tap.check("\n".join(faults), "clients past --max-clients wait, or do the work themselves")
    daemon.end()

    daemon = box.daemon(command=["prlimit", "--nofile=128:128", box.programs / "ctxd", "--http=off",
                                 "--log-level=info", "--max-clients=300"])
    idle = []
    for _ in range(160):
        idle.append(socket.socket(socket.AF_UNIX))
        idle[-1].connect(str(box.socket))
    until(lambda: "event=accept" in daemon.said())
    time.sleep(1)
    said = daemon.said().count("event=accept")
    tap.check(said > 20 and f"{said} times", "without a descriptor for another client it logs that, and waits")
    for s in idle:
        s.close()
    tap.check(one(0) or one(1), "… and serves again when there are some")
