# SPDX-License-Identifier: Apache-2.0
"""The image of the stream is the image of `docker build .`, with each builder of the engine.

For every case the tree of `docker build DIR` is compared with that of `ctx-send DIR | docker build -`. A
build of the pruned stream after the full one must hit the cache in every step. And the same stream must
serve every other target and build argument as the directory does.
"""

import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import cases_copy
import cases_ignore
import cases_real
import cases_stage
import cases_tree
from compare import image_differences, unsteady_names
from engine import TIMEOUT, Request
from sender import build_sent, send

WORKERS = 3  # for two cores, because the engine sometimes waits for its disk


def all_cases():
    modules = (cases_real, cases_copy, cases_ignore, cases_stage, cases_tree)
    cases = [case for module in modules for case in module.CASES]
    only = os.environ.get("ONLY")
    if only:
        return [case for case in cases if re.search(only, case.title)]
    few = int(os.environ.get("FEW", 1))
    if few > 1:
        return [case for case in cases if not case.slow][::few]
    return [case for case in cases if os.environ.get("FULL") or not case.slow]


def run(tap, engine):
    with tempfile.TemporaryDirectory(prefix="live.") as top, ThreadPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(one_case, engine, case, os.path.join(top, str(number)))
                for number, case in enumerate(all_cases())]
        for job in jobs:
            for kind, why, sentence in job.result():
                (tap.skip if kind == "skip" else tap.check)(why, sentence)


def one_case(engine, case, home):
    """All claims about one case: [("check" | "skip", why, sentence)]."""
    try:
        if case.in_place and not os.path.isdir(case.in_place):
            return [("skip", f"{case.in_place} is missing", case.title)]
        os.mkdir(home)
        case.make(home)
        return list(Trial(engine, case, home).claims())
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as why:
        return [("check", f"{type(why).__name__}: {why}", case.title)]
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Trial:
    """One case, built in every way that it must build."""

    def __init__(self, engine, case, home):
        self.engine, self.case, self.home = engine, case, home

    def claims(self):
        case = self.case
        sent = self.send("any")
        if sent.crashed:
            yield "check", sent.crashed, case.title
            return
        if "buildkit" in case.builders and sent.status == 0:
            # This comes first, before another build of this case fills the cache.
            yield from self.cache_claim(sent)
        for builder in self.engine.builders(case.builders):
            apart = builder == "classic" and bool(case.classic_apart or case.differs)
            want = self.build_dir(case.request, builder)
            if not apart:
                yield self.same(builder, want, sent, case.request, "")
            own = self.send(builder, f"{builder}.tar")
            if apart or own.status != sent.status or own.bytes() != sent.bytes():
                yield self.same(builder, want, own, case.request, f", sent with --builder={builder}")
            if want.image is None:
                continue
            for request in self.other_requests():
                other = self.build_dir(request, builder)
                named = " ".join(request.docker_options(with_file=False))
                yield self.same(builder, other, own if apart else sent, request, f", the same stream with {named}")

    def send(self, builder, name="any.tar", full=False):
        return send(self.case.context, self.case.request, self.home, name, self.engine.env,
                    None if builder == "any" else builder, full)

    def build_dir(self, request, builder):
        return self.engine.build_dir(self.case.context, request, builder, cwd=self.home)

    def same(self, builder, want, sent, request, how):
        case = self.case
        have = build_sent(self.engine, sent, request, builder)
        sentence = f"{builder}: {case.title}{how}"
        if builder == "buildkit" and (bug := self.engine_bug(request)):
            claims = [(want.image is None, f"the directory builds: this engine no longer {bug}"),
                      (have.image is not None, f"the stream doesn't build\n{have.log}")]
            return "check", "\n".join(text for holds, text in claims if not holds), sentence
        lines = image_differences(self.engine, want, have, history=builder == "buildkit",
                                  ignore=unsteady_names(builder, self.case))
        if sent.crashed:
            lines = [sent.crashed]
        elif case.fails and want.image is not None:
            lines.append("`docker build` of the directory was expected to fail")
        elif builder == "buildkit" and case.gains and "may gain" not in sent.err:
            lines.append(f"no warning that the image may gain a file: {sent.err!r}")
        if builder == "buildkit":
            lines = self.known_differences(lines, request == case.request)
        return "check", "\n".join(lines), sentence

    def engine_bug(self, request):
        """Why the engine can't build the directory for this request, or an empty text."""
        case = self.case
        if case.engine_bug or not self.engine.newest:
            return case.engine_bug
        return case.newest_bug if request in (case.newest_vary or (case.request,)) else ""

    def known_differences(self, lines, all_of_them):
        """The lines without the differences that the case names. All that it names must be there, or else the
        case is out of date."""
        case = self.case
        known = [] if self.engine.newest else [("too much", case.more), ("missing", case.less)]
        expected = [f"{what}: {path!r}" for what, paths in [*known, ("too much", case.gains)] for path in paths]
        return [line for line in lines if line not in expected] + [
            f"expected, and not found: {line}; {self.case.differs}" for line in expected
            if all_of_them and line not in lines]

    def other_requests(self):
        """Requests that a stream without a target must serve too: each stage, and `vary`."""
        for request in self.case.vary:
            yield Request(self.case.request.file, self.case.request.stdin, request.target, request.args)
        if self.case.request.target is None and not self.case.request.args:
            for name in re.findall(r"(?im)^FROM .* AS (\S+)", self.dockerfile()):
                yield Request(self.case.request.file, self.case.request.stdin, name)

    def dockerfile(self):
        name = self.case.request.file
        if name == "-":
            return self.case.request.stdin
        path = os.path.join(self.home, name or "ctx/Dockerfile")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()

    def cache_claim(self, pruned):
        """A build of the pruned stream after the full one hits the cache in every step."""
        full = self.send("any", "full.tar", full=True)
        if full.status == 0 and full.bytes() == pruned.bytes():
            return
        if build_sent(self.engine, full, self.case.request, "buildkit", cache=True).image is None:
            return
        words = self.engine.command("buildkit", "--progress=plain",
                                    *self.case.request.docker_options(with_file=False), "-", cache=True)
        with open(pruned.path, "rb") as data:
            done = subprocess.run(words, stdin=data, env=self.engine.client_env("buildkit"), timeout=TIMEOUT,
                                  capture_output=True, text=True, errors="backslashreplace")
        lines = uncached_steps(done.stdout + done.stderr)
        yield "check", "\n".join(lines), f"buildkit: {self.case.title}, cached after the full stream"


def uncached_steps(log):
    """The COPY, ADD and RUN steps of a plain progress log that were not taken from the cache."""
    steps = dict(re.findall(r"(?m)^#(\d+) (\[.*?\] (?:COPY|ADD|RUN) .*)$", log))
    cached = set(re.findall(r"(?m)^#(\d+) CACHED", log))
    # The step that unpacks the inner archive of a rewritten stream is not cached if the archive is new.
    return [text for number, text in steps.items() if number not in cached and not is_inner(text)]


def is_inner(text):
    return re.search(r"\] ADD \S+ /$", text) is not None and "ctx" in text
