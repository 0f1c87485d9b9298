# SPDX-License-Identifier: Apache-2.0
"""Helpers of the cases in tests/cli: a private directory, runs of ctx-send in it, and their checks.

    with Sandbox(build) as box:
        box.tree({"Dockerfile": "FROM scratch\\nCOPY a /\\n", "a": "1"})
        run = box.send(".")                       # .status .out .err
        why = run.fault(1, r"no Dockerfile in")   # None, or what is wrong with that
"""

import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))
from tap import Tap  # noqa: E402, F401

TIMEOUT = 60  # seconds for a send that takes milliseconds; a hang fails one case, not the suite
NOBODY = 65534
CRASH = re.compile(r"Sanitizer|runtime error|Assertion|Segmentation|core dumped")


@dataclass
class Run:
    status: int  # negative: the signal that ended it
    out: bytes
    err: str

    def crash(self):
        if self.status < 0:
            return f"ended by signal {-self.status}: {self.err}"
        if CRASH.search(self.err):
            return self.err
        return None

    def messages(self):
        return [line for line in self.err.splitlines() if line != "Try: ctx-send --help"]

    def fault(self, status, pattern):
        """Returns None if the run ended with that status and one line of error that matches."""
        if crash := self.crash():
            return crash
        said = [line for line in self.messages() if not line.startswith(("ctx-send: warning:", "ctx-send: note:"))]
        if self.status != status:
            return f"status {self.status} instead of {status}: {self.err}"
        if len(said) != 1:
            return f"{len(said)} lines of error instead of one: {self.err}"
        if not said[0].startswith("ctx-send: ") or not re.search(pattern, said[0]):
            return f"{said[0]!r} does not match {pattern!r}"
        if any(ord(c) < 32 or ord(c) == 127 for c in said[0]):
            return f"control bytes in {said[0]!r}"
        return None

    def success(self, names=None, err=""):
        """Returns None if the run succeeded; `names` are its entries without the Dockerfile, `err` is a pattern."""
        if crash := self.crash():
            return crash
        if self.status != 0:
            return f"status {self.status}: {self.err}"
        if names is not None and (got := self.names()) != sorted(names):
            return f"sent {got} instead of {sorted(names)}"
        if err is not None and not re.search(err, self.err) or (err == "" and self.err):
            return f"standard error is {self.err!r} instead of {err!r}"
        return None

    def members(self):
        with tarfile.open(fileobj=io.BytesIO(self.out)) as tar:
            return {m.name: tar.extractfile(m).read() if m.isreg() else None for m in tar}

    def names(self):
        # "." comes first if the first entry would otherwise need more than a plain header.
        return sorted(n for n in self.members() if n not in ("Dockerfile", "."))


class Sandbox:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()

    def __enter__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="ctx-cli-"))
        # Other users must reach the program, and a checkout may lie in a home that they can't enter.
        os.chmod(self.top, 0o755)
        self.programs = self.top / "bin"
        self.programs.mkdir()
        for name in ("ctx-send", "ctx-engine-config"):
            shutil.copy2(self.build / name, self.programs / name)
            os.chmod(self.programs / name, 0o755)
        self.program = str(self.programs / "ctx-send")
        self.clear()
        return self

    def __exit__(self, *_):
        self.remove(self.top)

    @staticmethod
    def remove(path):
        # The tree may be deeper than a path can name, with directories that can't be entered.
        subprocess.run(["chmod", "-R", "u+rwx", path], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", path], check=True)

    def clear(self):
        self.root = self.top / "context"
        if self.root.exists():
            self.remove(self.root)
        self.root.mkdir(mode=0o755)

    def tree(self, files):
        """Replaces the context. Values: text or bytes of a file, None for a directory."""
        self.clear()
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.root

    def environment(self, extra=None):
        # No engine, no daemon and no SOURCE_DATE_EPOCH, whatever the machine has.
        env = {"CTXD_SOCKET": f"{self.top}/no-ctxd.sock", "PATH": os.environ["PATH"],
               "DOCKER_HOST": f"unix://{self.top}/none.sock", "TERM": "xterm",
               "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
        return {**env, **(extra or {})}

    def send(self, *args, env=None, stdin=b"", nobody=False, stdout=subprocess.PIPE, **popen):
        command = [self.program, *args]
        if nobody and os.geteuid() == 0:
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
        r = subprocess.run(command, cwd=popen.pop("cwd", self.root), env=self.environment(env), input=stdin,
                           stdout=stdout, stderr=subprocess.PIPE, timeout=TIMEOUT, **popen)
        return Run(r.returncode, r.stdout or b"", r.stderr.decode(errors="replace"))
