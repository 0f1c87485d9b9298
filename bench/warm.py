# SPDX-License-Identifier: Apache-2.0
"""The daemon: warm answers, the first crawl, a restart and memory, compared with tar, find and watchman.

A function here yields (row name, {label: value}, goal, unit) for each row. As in bench/run, ratios are
to the first label. Each Daemon is private, with its own socket and cache.
"""
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import trees

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build")
SEND, CTX = os.path.join(BUILD, "ctx-send"), os.path.join(BUILD, "ctx")


class Daemon:
    """A private ctxd. With `env`, ctx-send and ctx use it."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="daemon-", dir=trees.BASE)
        runtime = os.path.join(self.dir, "run")
        os.mkdir(runtime, 0o700)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("CTXD_")} | {
            "XDG_RUNTIME_DIR": runtime, "XDG_CACHE_HOME": os.path.join(self.dir, "cache"),
            "PATH": BUILD + ":" + os.environ["PATH"]}
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self):
        subprocess.run([CTX, "start"], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        subprocess.run([CTX, "stop"], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def status(self):
        return json.loads(subprocess.run([CTX, "status", "--json"], env=self.env, check=True, text=True,
                                         stdout=subprocess.PIPE).stdout)

    def learnt(self):
        """Waits until what was sent is learnt."""
        while self.status()["lanes"]["learning"]:
            time.sleep(0.05)

    def shell(self, command, cwd):
        return seconds(command, cwd, self.env)

    def memory(self):
        """Resident anonymous memory of the daemon in bytes, without mapped files."""
        pid = self.status()["pid"]
        with open(f"/proc/{pid}/status") as f:
            words = dict(line.split(":", 1) for line in f)
        return int(words["RssAnon"].split()[0]) * 1024


def seconds(command, cwd, env=None):
    start = time.monotonic()
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=cwd, env=env, check=True,
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def in_turn(rounds, contenders, before=None):
    """Runs each of [(label, function)] once a round. Returns {label: median of what it returned}."""
    times = {label: [] for label, _ in contenders}
    for n in range(rounds):
        for label, run in contenders:
            if before:
                before(n)
            times[label].append(run())
    return {label: statistics.median(t) for label, t in times.items()}


def first_byte(daemon, cwd):
    start = time.monotonic()
    sent = subprocess.Popen([SEND, "-q", "--daemon=require", "--full", "."], cwd=cwd, env=daemon.env,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    sent.stdout.read(1)
    took = time.monotonic() - start
    while sent.stdout.read(1 << 20):
        pass
    sent.wait()
    return took


def warm_stream(rounds):
    cwd = trees.small()
    send = f"{SEND} -q --daemon=require --full . | cat"
    with Daemon() as daemon:
        daemon.shell(send, cwd)
        daemon.learnt()
        yield "warm stream, 100k small files", in_turn(rounds, [
            ("tar -cf - | cat", lambda: seconds("tar -cf - . | cat", cwd)),
            ("ctx-send | cat, ctxd runs", lambda: daemon.shell(send, cwd))]), 0.1, "s"
        yield "first byte, warm, 100k small files", in_turn(rounds, [
            ("find -size -1", lambda: seconds("find . -size -1", cwd)),
            ("ctx-send's first byte, ctxd runs", lambda: first_byte(daemon, cwd))]), 0.05, "s"


def first(rounds):
    """The first answer of a new daemon with empty caches."""
    cwd = trees.small()

    def fresh():
        with Daemon() as daemon:
            return daemon.shell(f"{SEND} -q --daemon=require --full . | cat", cwd)

    yield "first answer, 100k small files", in_turn(rounds, [
        ("ctx-send --no-daemon | cat", lambda: seconds(f"{SEND} -q --no-daemon --full . | cat", cwd)),
        ("ctx-send | cat, a new ctxd", fresh)]), 1.15, "s"


def restart(rounds):
    """From no daemon to its first digest, with the database of an earlier one."""
    cwd = trees.small()
    with Daemon() as daemon:
        daemon.shell(f"{CTX} digest --full .; {SEND} -q --full . >/dev/null", cwd)
        daemon.learnt()

        def again():
            daemon.stop()
            start = time.monotonic()
            daemon.start()
            daemon.shell(f"{CTX} digest --daemon=require --full .", cwd)
            return time.monotonic() - start

        yield "restart with its database to a digest, 100k small files", in_turn(rounds, [
            ("find -size -1", lambda: seconds("find . -size -1", cwd)),
            ("ctx start; ctx digest", again)]), 1.2, "s"


def edit(path, n):
    with open(path, "a") as f:
        f.write(f"edit {n} {time.time_ns()}\n")


def digests(rounds):
    few, many = trees.tiny(5000), trees.tiny(500000)
    ask = f"{CTX} digest --daemon=require --full ."
    with Daemon() as daemon:
        daemon.shell(ask, few)
        daemon.shell(ask, many)
        contenders = [("5k files", lambda: daemon.shell(ask, few)),
                      ("500k files", lambda: daemon.shell(ask, many))]
        yield "ctx digest, warm, nothing changed", in_turn(rounds, contenders), 2, "s"

        def touch(n):
            for tree in (few, many):
                edit(os.path.join(tree, "d0", "s0", "f0"), n)
        yield "ctx digest, warm, one file changed", in_turn(rounds, contenders, touch), 2, "s"


def crawl(rounds):
    """The time of the first walk of a tree, and the memory for each entry, compared with watchman."""
    for size, tree in (("100k", trees.small()), ("500k", trees.tiny(500000))):
        ours, theirs, memory = [], [], {}
        for _ in range(min(rounds, 3)):
            with Watchman() as watchman:
                theirs.append(watchman.crawl(tree))
                entries = watchman.count(tree)
                memory["watchman"] = watchman.memory() / entries
            with Daemon() as daemon:
                empty = daemon.memory()
                # --max-files=1 fails after the crawl: every directory is walked and watched, but nothing is
                # packed or hashed.
                ours.append(daemon.shell(f"{SEND} -q --daemon=require --full --max-files=1 . || true", tree))
                memory["ctxd"] = (daemon.memory() - empty) / entries
        yield f"first crawl, {size} files", {"watchman": statistics.median(theirs),
                                             "ctxd": statistics.median(ours)}, 0.4, "s"
        yield f"memory an entry, {size} files", memory, None, "bytes"


class Watchman:
    """A private watchman."""

    def __enter__(self):
        if not shutil.which("watchman"):
            raise SystemExit("bench: watchman is missing: apt-get install watchman")
        self.dir = tempfile.mkdtemp(prefix="watchman-", dir=trees.BASE)
        self.base = ["watchman", "--no-spawn", "--no-pretty", f"--sockname={self.dir}/sock",
                     f"--statefile={self.dir}/state"]
        self.server = subprocess.Popen(
            ["watchman", "--foreground", f"--sockname={self.dir}/sock", f"--statefile={self.dir}/state",
             f"--logfile={self.dir}/log", f"--pidfile={self.dir}/pid"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(f"{self.dir}/sock"):
                break
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def ask(self, *command):
        out = subprocess.run(["watchman", f"--sockname={self.dir}/sock", "--no-spawn", "-j"],
                             input=json.dumps(command), check=True, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        answer = json.loads(out)
        if "error" in answer:
            raise SystemExit(f"bench: watchman: {answer['error']}")
        return answer

    def crawl(self, tree):
        start = time.monotonic()
        self.ask("watch", tree)
        self.ask("query", tree, {"expression": ["name", "no such name"], "fields": ["name"]})
        return time.monotonic() - start

    def count(self, tree):
        return len(self.ask("query", tree, {"fields": ["name"]})["files"])

    def memory(self):
        with open(f"/proc/{self.server.pid}/status") as f:
            words = dict(line.split(":", 1) for line in f)
        return int(words["RssAnon"].split()[0]) * 1024


ROWS = {"warm stream": warm_stream, "first answer": first, "restart": restart, "ctx digest": digests, "first crawl": crawl}
