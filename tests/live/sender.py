# SPDX-License-Identifier: Apache-2.0
"""Runs ctx-send with the options of a Request, and keeps its stream in a file."""

import os
import subprocess
from dataclasses import dataclass

from engine import REPO, TIMEOUT, Built

CTX_SEND = os.path.abspath(os.environ.get("CTX_SEND", REPO / "build" / "ctx-send"))


@dataclass
class Sent:
    status: int
    path: str  # the file that contains the stream
    err: str

    @property
    def crashed(self):
        """None if the exit code is one that the manual names; else what happened."""
        return None if self.status in (0, 1, 2, 3) else f"ctx-send ended with {self.status}\n{self.err}"

    def bytes(self):
        with open(self.path, "rb") as file:
            return file.read()


def options_of(request, builder=None, full=False):
    options = request.docker_options()
    if builder is not None:
        options.append(f"--builder={builder}")
    if full:
        options.append("--full")
    return options + list(request.send)


def send(context, request, home, name, env, builder=None, full=False, extra=()):
    """Runs `ctx-send … CONTEXT > HOME/NAME` in HOME. Relative names in the request are relative to HOME."""
    path = os.path.join(home, name)
    words = [CTX_SEND, *options_of(request, builder, full), *extra, context]
    with open(path, "wb") as out:
        done = subprocess.run(words, cwd=home, env=env, stdout=out, stderr=subprocess.PIPE, timeout=TIMEOUT,
                              input=(request.stdin or "").encode())
    return Sent(done.returncode, path, done.stderr.decode(errors="backslashreplace"))


def build_sent(engine, sent, request, builder, cache=False):
    """Builds the stream. If ctx-send refused, nothing is built."""
    if sent.status != 0:
        return Built(None, f"ctx-send exit {sent.status}: {sent.err}")
    with open(sent.path, "rb") as data:
        return engine.build_tar(data, request, builder, cache)
