# SPDX-License-Identifier: Apache-2.0
"""What the cases of tests/daemon/run share: private directories, daemons in them, clients.

    with Box(build) as box:
        daemon = box.daemon("--lanes=2")          # runs, and answers
        run = box.send("--daemon=require", cwd=…) # .status .out .err
        why = box.same(["-z"], root)              # None, or how the two streams differ
        daemon.status()["counters"]["send"]
"""

import array
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))
from tap import Tap  # noqa: E402, F401

TOP = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 60
NOBODY = 65534
CRASH = re.compile(r"Sanitizer|runtime error|Assertion|Segmentation|core dumped|WARNING: Thread")


@dataclass
class Run:
    status: int
    out: bytes
    err: str

    def fault(self, status=0, pattern=None):
        if self.status < 0 or CRASH.search(self.err):
            return f"crashed: {self.status} {self.err}"
        if self.status != status:
            return f"status {self.status} instead of {status}: {self.err}"
        if pattern is not None and not re.search(pattern, self.err + self.out.decode(errors="replace")):
            return f"{self.err!r} does not match {pattern!r}"
        return None


def until(what, seconds=20):
    """Waits for what() to be true; returns its last value."""
    end = time.monotonic() + seconds
    while not (value := what()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


class Daemon:
    def __init__(self, box, process, log, path):
        self.box, self.process, self.log, self.path = box, process, log, path
        self.ended = False

    def said(self):
        return self.log.read_text(errors="replace")

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def ask(self, line, fds=(), wait=TIMEOUT):
        """Sends a raw line; the answers, parsed, until the daemon closes."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(wait)
            s.connect(str(self.path))
            data = line if isinstance(line, bytes) else (json.dumps(line) + "\n").encode()
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            try:
                sent = s.sendmsg([data], rights)
                s.sendall(data[sent:])
            except (BrokenPipeError, ConnectionResetError):
                pass
            text = b""
            try:
                while block := s.recv(65536):
                    text += block
            except ConnectionResetError:
                pass
            return [json.loads(l) for l in text.splitlines()]

    def status(self):
        return self.ask({"kind": "status", "fds": []})[-1]["status"]

    def counter(self, name):
        return self.status()["counters"][name]

    def end(self, number=signal.SIGTERM, wait=TIMEOUT):
        """Its exit status; negative: the signal that ended it."""
        self.ended = True
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(wait)

    def fault(self):
        """None, or what it must not have said, or how it must not have ended."""
        if not self.ended and self.process.poll() is not None:
            return f"ended by itself: {self.process.returncode} {self.said()[-2000:]}"
        status = self.end()
        if m := CRASH.search(self.said()):
            return self.said()[m.start() - 200 if m.start() > 200 else 0:][:6000]
        return None if status in (0, -signal.SIGKILL) else f"status {status}: {self.said()[-2000:]}"


class Box:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.daemons = []

    def __enter__(self):
        # Short: a socket's path has 107 bytes.
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="ctxd-"))
        os.chmod(self.top, 0o755)
        self.programs = self.top / "bin"
        self.programs.mkdir()
        for name in ("ctx-send", "ctx-engine-config", "ctxd", "ctx"):
            shutil.copy2(self.build / name, self.programs / name)
        self.n = 0
        self.fresh()
        return self

    def fresh(self):
        """Another runtime and cache directory: no daemon is known there."""
        self.n += 1
        self.runtime = self.top / f"run{self.n}"
        self.cache = self.top / f"cache{self.n}"
        self.runtime.mkdir(mode=0o700)

    def end(self):
        found = [fault for d in self.daemons if (fault := d.fault())]
        self.daemons = []
        return found

    def __exit__(self, *_):
        self.end()
        # One that `ctx start` began, where a case ended early.
        self.run("ctx", "stop")
        shutil.rmtree(self.top, ignore_errors=True)

    def environment(self, extra=None):
        env = {"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{self.top}/none.sock", "TERM": "dumb",
               "HOME": str(self.top), "XDG_RUNTIME_DIR": str(self.runtime), "XDG_CACHE_HOME": str(self.cache),
               "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1",
               "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1"}
        return {**env, **(extra or {})}

    @property
    def socket(self):
        return self.runtime / "ctxd/ctxd.sock"

    def daemon(self, *args, env=None, path=None, command=None, http="off"):
        log = self.top / f"log{len(self.daemons)}-{self.n}"
        with open(log, "wb") as f:
            process = subprocess.Popen(command or [self.programs / "ctxd", f"--http={http}", "--log-level=debug",
                                                   *args],
                                       env=self.environment(env), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=f)
        daemon = Daemon(self, process, log, path or self.socket)
        self.daemons.append(daemon)

        def answers():
            try:
                return process.poll() is not None or daemon.status()
            except OSError:
                return False
        until(answers)
        return daemon

    def run(self, program, *args, env=None, cwd=None, stdin=b"", nobody=False, stdout=subprocess.PIPE, timeout=TIMEOUT,
            before=()):
        command = [*before, str(self.programs / program), *map(str, args)]
        if nobody:
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
        r = subprocess.run(command, cwd=cwd or self.top, env=self.environment(env), input=stdin, stdout=stdout,
                           stderr=subprocess.PIPE, timeout=timeout)
        return Run(r.returncode, r.stdout or b"", r.stderr.decode(errors="replace"))

    def send(self, *args, **more):
        return self.run("ctx-send", *args, **more)

    def ctx(self, *args, **more):
        return self.run("ctx", *args, **more)

    def popen(self, program, *args, env=None, cwd=None, **more):
        return subprocess.Popen([str(self.programs / program), *map(str, args)], cwd=cwd or self.top,
                                env=self.environment(env), stdin=subprocess.DEVNULL, **more)

    def same(self, args, cwd, **more):
        """None where a daemon's stream is the one of no daemon."""
        want = self.send("--no-daemon", *args, cwd=cwd, **more)
        got = self.send("--daemon=require", *args, cwd=cwd, **more)
        if want.status or got.status:
            return f"status {want.status} and {got.status}: {want.err} {got.err}"
        if want.out != got.out or not want.out:
            return f"{len(got.out)} bytes, not the {len(want.out)} of --no-daemon"
        return None

    def tree(self, name, n=40, size=0, seed=1):
        """A context of n small files and, where size is given, one large of random bytes."""
        root = self.top / name
        make = random.Random(seed)
        for i in range(n):
            path = root / f"d{i % 7}" / f"f{i}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make.randbytes(make.randrange(3000)))
        if size:
            (root / "large").write_bytes(make.randbytes(size))
        (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        (root / ".dockerignore").write_text("Dockerfile\n.dockerignore\nignored\n")
        return root
