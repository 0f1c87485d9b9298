# SPDX-License-Identifier: Apache-2.0
"""ctx-send, as the tests run it: its options from a Request, its stream in a file."""

import os
import subprocess
from dataclasses import dataclass

from engine import REPO, TIMEOUT, Built

CTX_SEND = os.path.abspath(os.environ.get("CTX_SEND", REPO / "build" / "ctx-send"))


@dataclass
class Sent:
    status: int
    path: str  # the file that holds the stream
    err: str

    @property
    def crashed(self):
        """Anything but the exit codes that the manual names."""
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
    """`ctx-send … CONTEXT > HOME/NAME`, from HOME, where relative names of the request begin."""
    path = os.path.join(home, name)
    words = [CTX_SEND, *options_of(request, builder, full), *extra, context]
    with open(path, "wb") as out:
        done = subprocess.run(words, cwd=home, env=env, stdout=out, stderr=subprocess.PIPE, timeout=TIMEOUT,
                              input=(request.stdin or "").encode())
    return Sent(done.returncode, path, done.stderr.decode(errors="backslashreplace"))


def build_sent(engine, sent, request, builder, cache=False):
    """The image of the stream; a stream that was refused builds nothing."""
    if sent.status != 0:
        return Built(None, f"ctx-send exit {sent.status}: {sent.err}")
    with open(sent.path, "rb") as data:
        return engine.build_tar(data, request, builder, cache)
