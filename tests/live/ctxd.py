# SPDX-License-Identifier: Apache-2.0
"""A private ctxd beside the private engine, its addresses, and what it counts.

    with Ctxd(engine) as ctxd:
        url = ctxd.url("ctx", Request(), cwd=home)           # ctx url ctx
        with ctxd.counting() as spent:
            engine.build_dir(url, Request(), "buildkit")     # docker build $(ctx url)
        spent.bytes, spent.answers                           # what the build transferred
        ctxd.get(url).body
"""

import contextlib
import http.client
import json
import os
import re
import signal
import sys
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field

from engine import REPO, TIMEOUT
from sender import CTX_SEND, options_of

sys.path.append(str(REPO / "tests" / "daemon"))
from daemon import Box, until  # noqa: E402

BUILD = os.path.dirname(CTX_SEND)
PROGRAMS = ("ctx", "ctxd")


def missing():
    """The name of a program that is not built, or None."""
    return next((name for name in PROGRAMS if not os.access(os.path.join(BUILD, name), os.X_OK)), None)


@dataclass
class Answer:
    status: int
    etag: str | None
    length: int
    body: bytes

    def fault(self, want=None):
        """None if the body is complete and consists of the bytes `want`; else what is wrong."""
        if self.status != 200:
            return f"status {self.status}: {self.body[:200]!r}"
        if len(self.body) != self.length:
            return f"{len(self.body)} of {self.length} bytes"
        if not re.fullmatch(r'"sha256-[0-9a-f]{64}"', self.etag or ""):
            return f"ETag {self.etag}"
        return None if want in (None, self.body) else f"{self.length} bytes, and not the {len(want)} wanted ones"


@dataclass
class Spent:
    """What the daemon sent for builds, without the requests for its metrics."""

    bytes: int = 0
    answers: Counter = field(default_factory=Counter)  # by HTTP status
    cut: int = 0

    def __str__(self):
        return f"{self.bytes} bytes, answers {dict(self.answers)}, {self.cut} cut"


class Ctxd:
    def __init__(self, engine):
        self.env = {k: v for k, v in engine.env.items() if k.startswith("DOCKER")}
        self.box = Box(BUILD)
        self.daemon = self.port = None

    def __enter__(self):
        self.box.__enter__()
        self.start()
        return self

    def __exit__(self, *_):
        self.box.__exit__()

    def start(self):
        self.daemon = self.box.daemon("--log-level=info", env=self.env, http="auto")
        self.port = int(self.daemon.status()["http"].rsplit(":", 1)[1])

    def kill(self):
        self.daemon.end(signal.SIGKILL)

    @contextlib.contextmanager
    def stopped(self):
        """Stops the daemon. Whatever happens meanwhile happens in the middle of its work."""
        pid = self.daemon.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda: state_of(pid) == "T")
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    # -- clients ------------------------------------------------------------------------------

    def run(self, program, *args, cwd=None, stdin=b""):
        return self.box.run(program, *args, env=self.env, cwd=cwd, stdin=stdin, timeout=TIMEOUT)

    def url(self, context, request, *more, cwd):
        """What `ctx url` prints for a request and further options."""
        done = self.run("ctx", "url", *options_of(request), *more, context, cwd=cwd)
        if done.status:
            raise RuntimeError(f"ctx url: exit {done.status}: {done.err}")
        return done.out.decode().strip()

    def send(self, how, context, request, *more, cwd):
        """Runs `ctx-send --daemon=HOW` with the Dockerfile of the request on its standard input."""
        return self.run("ctx-send", f"--daemon={how}", *options_of(request), *more, context, cwd=cwd,
                        stdin=(request.stdin or "").encode())

    def sending(self, how, context, request, *more, cwd, **pipes):
        """Starts the same, and doesn't wait for it. The caller says where its stdout goes."""
        return self.box.popen("ctx-send", f"--daemon={how}", *options_of(request), *more, context, cwd=cwd,
                              env=self.env, **pipes)

    # -- HTTP ---------------------------------------------------------------------------------

    def get(self, url, method="GET"):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
        try:
            connection.request(method, parts.path)
            answer = connection.getresponse()
            try:
                body = answer.read()
            except http.client.IncompleteRead as cut:
                body = cut.partial
            return Answer(answer.status, answer.getheader("ETag"), int(answer.getheader("Content-Length") or 0), body)
        finally:
            connection.close()

    def metrics(self):
        text = self.get(f"http://127.0.0.1:{self.port}/metrics").body.decode()
        return {name: float(value) for name, value in re.findall(r"(?m)^(\w+(?:\{[^}]*\})?) (\S+)$", text)}

    def bytes_out(self):
        return int(self.metrics()["ctxd_bytes_out_total"])

    @contextlib.contextmanager
    def counting(self):
        spent, before = Spent(), self.metrics()
        yield spent
        after = self.metrics()
        grown = Counter({name: int(after[name] - before.get(name, 0)) for name in after})
        spent.bytes, spent.cut = grown["ctxd_bytes_out_total"], grown["ctxd_http_cut_total"]
        for name, number in grown.items():
            if code := re.fullmatch(r'ctxd_http_responses_total\{code="(\d+)"\}', name):
                # A page of metrics counts the answers before it. So the second page counts the first
                # one, which is no answer to a build.
                spent.answers[int(code[1])] = number - (code[1] == "200")

    def status(self):
        return json.loads(self.run("ctx", "status", "--json").out)


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]
