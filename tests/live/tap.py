# SPDX-License-Identifier: Apache-2.0
"""Prints TAP: a line for each claim, `# ` lines for what went wrong, and the plan at the end.

    tap = Tap()
    tap.check(None, "a dangling link as source fails on both sides")     # None: the claim holds
    tap.check("mode 0644 instead of 0600: a/b", "modes are kept")        # text: why it doesn't hold
    tap.skip("bsdtar is missing", "bsdtar lists the stream")             # a failure if CI is set
    sys.exit(tap.end())
"""

import os
import sys
import time


class Claims:
    """Records the claims of one thread. A Tap states them later, so that their order is always the same."""

    def __init__(self):
        self.made = []

    def check(self, why, sentence):
        self.made.append(("check", why, sentence))
        return not why

    def skip(self, reason, sentence):
        self.made.append(("skip", reason, sentence))


class Tap:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.count = self.failed = self.skipped = 0
        self.began = time.monotonic()

    def check(self, why, sentence):
        """`why` is None or empty if the claim holds, else a text that says what was found."""
        self.count += 1
        if why:
            self.failed += 1
        self._line(f"{'not ok' if why else 'ok'} {self.count} - {sentence}")
        for line in (str(why).splitlines() if why else [])[:40]:
            self.note("  " + line)
        return not why

    def skip(self, reason, sentence):
        if os.environ.get("CI"):
            self.check(f"{reason}, and CI is set", sentence)
            return
        self.count += 1
        self.skipped += 1
        self._line(f"ok {self.count} - {sentence} # SKIP {reason}")

    def state(self, claims):
        for kind, why, sentence in claims.made:
            (self.skip if kind == "skip" else self.check)(why, sentence)

    def note(self, text):
        self._line(f"# {text}")

    def end(self):
        """Prints the plan and the sums. Returns the exit status."""
        self.note(f"{time.monotonic() - self.began:.0f} s, {self.failed} failed, {self.skipped} skipped")
        self._line(f"1..{self.count}")
        return 1 if self.failed else 0

    def _line(self, text):
        # Names in messages may contain any byte. What a terminal can't print is escaped.
        text = text.encode("utf-8", "backslashreplace").decode()
        print("".join(c if c.isprintable() else repr(c)[1:-1] for c in text), file=self.out, flush=True)
