# SPDX-License-Identifier: Apache-2.0
"""What the cases of tests/daemon/http share: a ctxd that serves HTTP alone, a whole ctxd, and raw sockets.

    s = Standin(build)
    r = s.get(s.path("size=5000"))       # .status .body r["ETag"]
    why = whole(r, 5000)                 # None, or what is wrong with that
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))
from tap import Tap  # noqa: E402, F401

TIMEOUT = 30  # seconds, for what takes milliseconds: a hang is a failure, not the end of the suite
NOBODY = 65534
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable  # the user nobody may run it
HOST = "Host: 127.0.0.1\r\n"


class Client:
    """Asks the server at self.port."""

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT)

    def raw(self, request, wait=TIMEOUT):
        """Sends a request, and reads until the other end closes."""
        with self.connect() as s:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.sendall(request.encode("latin-1") if isinstance(request, str) else request)
            return read_all(s, wait)

    def get(self, path, method="GET", **headers):
        lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        return Response(self.raw(f"{method} {path} HTTP/1.1\r\n{HOST}{lines}Connection: close\r\n\r\n"))


class Standin(Client):
    """A ctxd that serves HTTP alone, its directory, and a context in it."""

    def __init__(self, build, lanes=2, clients=32, directory=None):
        self.program = os.path.join(build, "tests", "http-standin")
        self.directory = directory or tempfile.mkdtemp(prefix="ctxd-http-")
        self.context = os.path.join(self.directory, "context")
        os.makedirs(self.context, exist_ok=True)
        self.write("FROM scratch\n")
        os.makedirs(os.path.join(self.directory, "db"), exist_ok=True)
        self.start(lanes, clients)

    def start(self, lanes=2, clients=32, port=0):
        self.log = open(os.path.join(self.directory, "log"), "ab")
        self.process = subprocess.Popen(
            [self.program, os.path.join(self.directory, "db"), str(port), str(lanes), str(clients)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, bufsize=1)
        self.address = self.process.stdout.readline().strip()
        self.port = int(self.address.split(":")[1])

    def write(self, text):
        with open(os.path.join(self.context, "Dockerfile"), "w") as f:
            f.write(text)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline().strip()

    def url(self, target, codec="tar", level=0, bare=False):
        return self.ask(f"url {self.context} {target} {codec} {level} {'bare' if bare else 'whole'}")

    def path(self, *args, **more):
        return "/" + self.url(*args, **more).split("/", 3)[3]

    def idle(self):
        return {k: int(v) for k, v in (word.split("=") for word in self.ask("idle").split())}

    def wait_idle(self, want, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = self.idle()
            if all(now[k] == v for k, v in want.items()):
                return None
            time.sleep(0.02)
        return f"{now} instead of {want}"

    def said(self):
        with open(os.path.join(self.directory, "log"), errors="replace") as f:
            return f.read()

    def kilobytes(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        """Ends it; returns the exit status, and the seconds that the end took."""
        began = time.monotonic()
        self.process.stdin.close()
        try:
            status = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log.close()
        return status, time.monotonic() - began

    def fault(self):
        """None if it still runs and no sanitizer has complained."""
        if self.process.poll() is not None:
            return f"it ended with {self.process.returncode}: {self.said()[-2000:]}"
        if m := re.search(r"(Sanitizer|runtime error|Assertion|panic).*", self.said()):
            return m[0]
        return None

    def close(self):
        status, _ = self.stop() if self.process.poll() is None else (self.process.returncode, 0)
        shutil.rmtree(self.directory)
        return status


def read_all(s, wait=TIMEOUT, pause=0):
    """Reads to the end, with a pause after each megabyte."""
    got = b""
    s.settimeout(wait)
    with contextlib.suppress(ConnectionResetError):
        while piece := s.recv(1 << 20):
            got += piece
            time.sleep(pause)
    return got


class Ctxd(Client):
    """A whole ctxd, its socket and cache, and a context."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.directory = tempfile.mkdtemp(prefix="ctxd-http-")
        self.context = self.inside("context")
        for name in ("context/src", "socket", "cache"):
            os.makedirs(self.inside(name), 0o700)
        self.env = {**os.environ, "CTXD_SOCKET": self.inside("socket/s"), "XDG_CACHE_HOME": self.inside("cache"),
                    "XDG_CONFIG_HOME": self.inside("none")}
        self.start()

    def inside(self, name):
        return os.path.join(self.directory, name)

    def start(self):
        with open(self.inside("log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(self.build, "ctxd")], env=self.env, stderr=log)
        end = time.monotonic() + TIMEOUT
        while subprocess.run([os.path.join(self.build, "ctx"), "status"], env=self.env, capture_output=True).returncode:
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit(f"no ctxd: {self.said()}")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        return self.process.wait(TIMEOUT)

    def write(self, name, content):
        with open(os.path.join(self.context, name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())

    def run(self, program, *args):
        r = subprocess.run([os.path.join(self.build, program), *args], cwd=self.context, env=self.env,
                           capture_output=True, timeout=TIMEOUT)
        return r.stdout if r.returncode == 0 else r.stderr

    def path(self, *args):
        url = self.run("ctx", "url", *args).decode().strip()
        self.port = int(url.split(":")[2].split("/")[0])
        return "/" + url.split("/", 3)[3]

    said = Standin.said
    fault = Standin.fault

    def close(self):
        status = self.stop() if self.process.poll() is None else self.process.returncode
        shutil.rmtree(self.directory)
        return status


class Response:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/") else 0
        self.head = [tuple(line.split(": ", 1)) for line in lines[1:]]

    def __getitem__(self, name):
        found = [v for k, v in self.head if k.lower() == name.lower()]
        return found[0] if len(found) == 1 else found or None


def made_up(etag, length):
    """The body that http-fakes.c makes up for an ETag."""
    seed = int(etag[8:10], 16)
    period = bytes((i * 31 + seed) & 255 for i in range(256))
    return (period * (length // 256 + 1))[:length]


def whole(r, length):
    """None if r is a whole context of that length; else what is wrong."""
    if r.status != 200:
        return f"status {r.status}: {r.body[:200]}"
    if not re.fullmatch(r'"sha256-[0-9a-f]{64}"', r["ETag"] or ""):
        return f"ETag {r['ETag']}"
    if r["Content-Length"] != str(length):
        return f"Content-Length {r['Content-Length']} instead of {length}"
    if r.body != made_up(r["ETag"], length):
        return f"{len(r.body)} bytes that are not the ones made up"
    return None


def differ(got, want):
    return None if got == want else f"{got!r} instead of {want!r}"


