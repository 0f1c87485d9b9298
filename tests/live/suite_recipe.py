# SPDX-License-Identifier: Apache-2.0
"""`ctx-send --recipe . | docker build -`: the dependencies stay cached until one of them changes.

The Dockerfiles of the examples are built with real toolchains, in images that are made of the toolchains
of this machine (bases.py): as they are, then after an edit with a new file, after a change of versions,
and after a change of a dependency. The program is run each time.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bases import Unavailable
from cases_recipe import EXAMPLES
from engine import TIMEOUT, Request
from sender import send
from tap import Claims

TEXT = "Tea, tea! Cake.\n"
SOURCES = "a source is edited, another one is new"
VERSION = "a manifest changes, but no dependency"
DEPENDENCY = "a dependency changes"


def run(tap, engine):
    engine.forget_attestations()
    only = os.environ.get("ONLY")
    chosen = [example for example in EXAMPLES if not only or re.search(only, example.name)]
    with ThreadPoolExecutor(2) as pool:
        for claims, times in pool.map(lambda example: one_example(engine, example), chosen):
            tap.state(claims)
            tap.note(times)


def one_example(engine, example):
    """(Claims about one example, a text with the time that each part took)."""
    claims, times = Claims(), [example.name]

    def part(name, began):
        times.append(f"{name} {time.monotonic() - began:.0f} s")

    with tempfile.TemporaryDirectory(prefix="live-recipe.") as home:
        try:
            began = time.monotonic()
            dependency = example.bases(engine, example, home)
            part("base images", began)
            for builder in engine.builders(example.builders):
                began = time.monotonic()
                Trial(claims, engine, example, builder, home).claims(dependency)
                part(builder, began)
        except Unavailable as why:
            claims.skip(str(why), f"{example.name}: the dependencies stay cached")
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as why:
            claims.check(f"{type(why).__name__}: {why}", f"{example.name}: the trial comes to its end")
    return claims, ", ".join(times)


@dataclass
class Step:
    """An instruction of the Dockerfile, as a build ran it."""

    text: str
    cached: bool
    log: str


@dataclass
class Built:
    image: str | None
    log: str
    steps: list

    def dependencies(self):
        """The step that installs the dependencies: the first RUN after the COPY of the skeleton."""
        copied = False
        for step in self.steps:
            if copied and step.text.startswith("RUN "):
                return step
            copied = copied or re.match(r"COPY (--from=\S+ )?\.ctx/", step.text)
        return None

    def fault(self, cached):
        step = self.dependencies()
        if self.image is None or step is None:
            return self.tail()
        return None if step.cached == cached else f"{step.text}: cached: {step.cached}\n{self.tail()}"

    def tail(self):
        return "\n".join(self.log.splitlines()[-35:])


class Trial:
    """One example and one builder: a working copy, and a sequence of builds of it."""

    def __init__(self, tap, engine, example, builder, home):
        self.tap, self.engine, self.example, self.builder = tap, engine, example, builder
        self.home = os.path.join(home, builder)
        shutil.copytree(example.path, os.path.join(self.home, "ctx"))

    def check(self, why, sentence):
        return self.tap.check(why, f"{self.example.name}, {self.builder}: {sentence}")

    def claims(self, dependency):
        example = self.example
        without = self.build(recipe=False)
        self.check(None if without.image is None and ".ctx" in without.log else without.tail(),
                   "without --recipe there is no skeleton to copy, and the build fails")
        built = self.build()
        if not self.check(built.fault(cached=False), "the dependencies are installed from the skeleton"):
            return
        self.says(built, example.said, "the program is the real one")

        self.edit(example.sources)
        built = self.build()
        self.check(built.fault(cached=True), f"{SOURCES}: the dependencies are cached")
        self.says(built, example.says, f"{SOURCES}: the program is the edited one")
        if example.others and built.image:
            last = [step for step in built.steps if step.text.startswith("RUN ")][-1].log
            wrong = re.findall(example.others, last) or ([] if re.search(example.members, last) else [last])
            self.check("\n".join(wrong), f"{SOURCES}: the members are compiled, and nothing else")

        before = self.plain()
        self.edit(example.version)
        built = self.build()
        self.check(built.fault(cached=True), f"{VERSION}: the dependencies are cached")
        self.says(built, example.says, f"{VERSION}: the program is there")
        if example.asks:
            self.says(built, "0.5.0", f"{VERSION}: the program knows it", *example.asks)
        # If every step were reported as cached, the claims above would pass. This one would fail.
        self.check(before == self.plain() and "still cached", f"{VERSION}: a plain COPY of the manifest is not cached")

        self.edit(dependency)
        built = self.build()
        self.check(built.fault(cached=False), f"{DEPENDENCY}: they are installed again")
        self.says(built, example.says, f"{DEPENDENCY}: the program is the edited one")

    def says(self, built, wanted, sentence, *arguments):
        if built.image is None:
            self.check(f"no image\n{built.tail()}", sentence)
            return
        words = [self.engine.docker, "run", "-i", "--rm", "--network", "none", built.image, *arguments]
        done = subprocess.run(words, input=TEXT, env=self.engine.env, capture_output=True, text=True, timeout=TIMEOUT)
        found = done.returncode == 0 and wanted in done.stdout
        self.check(None if found else f"status {done.returncode}: {done.stdout}{done.stderr}", sentence)

    def edit(self, edits):
        for path, pattern, text in edits:
            full = os.path.join(self.home, "ctx", path)
            found = True
            if pattern is not None:
                with open(full, encoding="utf-8") as file:
                    text, found = re.subn(pattern, text, file.read())
            if not found:
                raise ValueError(f"{path} of {self.example.name} has no {pattern}: the case is out of date")
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)

    def plain(self):
        """The image of a COPY of the manifest alone, which people write without a recipe."""
        text = f"FROM busybox:latest\nCOPY {self.example.manifest} /\n"
        return self.build(recipe=False, request=Request(file="-", stdin=text)).image

    def build(self, recipe=True, request=Request()):
        sent = send("ctx", request, self.home, "s.tar", self.engine.env, extra=["--recipe"] if recipe else [])
        if sent.status:
            return Built(None, f"ctx-send: exit {sent.status}: {sent.err}", [])
        named = os.path.join(self.home, "image")
        progress = ["--progress=plain"] if self.builder == "buildkit" else []
        words = self.engine.command(self.builder, *progress, "--iidfile", named, "-", cache=True)
        with open(sent.path, "rb") as data:
            done = subprocess.run(words, stdin=data, env=self.engine.client_env(self.builder), timeout=TIMEOUT,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        log = re.sub(r"\x1b\[\d*m", "", done.stdout.decode(errors="backslashreplace"))
        if done.returncode:
            return Built(None, sent.err + log, [])
        with open(named, encoding="ascii") as file:
            image = file.read()
        self.engine.made.append(image)
        return Built(image, log, buildkit_steps(log) if progress else classic_steps(log))


def buildkit_steps(log):
    """The steps in a log of `--progress=plain`: `#7 [build 3/6] RUN make`, `#7 CACHED`, `#7 0.123 output`."""
    steps = {}
    for number, rest in re.findall(r"(?m)^#(\d+) (.*)$", log):
        if heading := re.match(r"\[(?:\S+ )?\d+/\d+\] (.*)", rest):
            steps.setdefault(number, Step(heading[1], False, ""))
        elif number in steps and rest == "CACHED":
            steps[number].cached = True
        elif number in steps:
            steps[number].log += rest + "\n"
    return list(steps.values())


def classic_steps(log):
    """The steps in a log of the classic builder: `Step 3/6 : RUN make`, ` ---> Using cache`, output."""
    parts = re.split(r"(?m)^Step \d+/\d+ : (.*)$", log)[1:]
    return [Step(text, " ---> Using cache" in printed, printed) for text, printed in zip(parts[::2], parts[1::2])]
