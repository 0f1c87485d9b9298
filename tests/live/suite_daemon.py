# SPDX-License-Identifier: Apache-2.0
"""Builds that ctxd serves, by its address and by the pipe, give the image of `docker build .`.

An unchanged context transfers nothing, and a change transfers once. An answer is cut if a file changes
in the middle or the daemon is killed; then it builds nothing, and the next build is right. Each group
has its own daemon, because it looks at the daemon's counters. All groups share the engine, whose
BuildKit (before 0.18) offers any server the ETags of all servers.
"""

import io
import os
import random
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cases_copy
import cases_ignore
import cases_real
import cases_stage
import cases_tree
import ctxd as ctxd_module
import daemon_cut
from compare import image_differences, unsteady_names
from ctxd import Ctxd
from daemon_cut import FORMS
from engine import BUILDERS, TIMEOUT, Built, Request, entries_of
from fixture import Case, file, hard, link
from tap import Claims

FULL = bool(os.environ.get("FULL"))
ALL = "FROM scratch\nCOPY . /x/\n"

# Those cases of the suite `images` in which a daemon has different things to do. FULL takes all cases.
CHOSEN = {
    cases_tree: ["hard links stay hard links", "odd names at the top", "symbolic links keep their text",
                 "times: the epoch, before 2001, far ahead, and a fraction of a second", "many small files",
                 "a path of three thousand bytes", "a file of some megabytes", "a Dockerfile without COPY",
                 "names that are not UTF-8, at the top"],
    cases_copy: ["several files are copied into a directory", "a wildcard that matches a directory takes its contents",
                 "a path through a linked directory", "ADD unpacks a gzipped tar behind a link",
                 "ARG with a default, and other values at build time", "a variable of the base image's environment",
                 "a dangling link as source fails on both sides"],
    cases_ignore: ["the Dockerfile is ignored and the root is copied", "everything ignored but what is named",
                   "the Dockerfile is ignored, the root copied in two stages", "an exception after a rule",
                   "-f names a file in a directory", "-f names a file beside the default one", "-f outside the context",
                   "a lower-case dockerfile beside the Dockerfile, which is ignored", "a bad rule fails on both sides",
                   "a Dockerfile's own ignore file replaces the common one"],
    cases_stage: ["two stages", "a target in the middle", "ONBUILD of a base image of the engine",
                  "a bind mount of the whole context with the Dockerfile ignored"],
    cases_real: [case.title for case in cases_real.CASES if case.title.startswith("the example ")],
}


def run(tap, engine):
    if name := ctxd_module.missing():
        tap.check(f"{name} is not beside ctx-send", "the programs are built")
        return
    engine.forget_attestations()
    groups = [repeated, mixed, bare, restarted, *daemon_cut.GROUPS]
    with tempfile.TemporaryDirectory(prefix="live.") as top, ThreadPoolExecutor(3) as pool, Ctxd(engine) as ctxd:
        seen = Bodies()
        jobs = [pool.submit(one_case, Trial(engine, ctxd, case, os.path.join(top, str(number)), number, seen))
                for number, case in enumerate(chosen(tap, engine))]
        jobs += [pool.submit(one_group, engine, group, os.path.join(top, group.__name__)) for group in groups
                 if re.search(os.environ.get("ONLY") or "", group.__doc__)]
        for job in jobs:
            tap.state(job.result())
        seen.state(tap)
        tap.check(ctxd.daemon.fault(), "the daemon of the cases lived")


def chosen(tap, engine):
    only = os.environ.get("ONLY")
    for module, titles in CHOSEN.items():
        found = {case.title: case for case in module.CASES}
        if gone := set(titles) - found.keys():
            tap.check(f"no such case: {sorted(gone)}", "the chosen cases are there")
        for title, case in found.items():
            if (re.search(only, title) if only else FULL or title in titles) and usable(case, engine):
                yield case


def usable(case, engine):
    """False for a case in which an engine is known to build the directory otherwise: the suite `images` has
    those."""
    bug = case.engine_bug or engine.newest and case.newest_bug
    return not (case.differs or bug or case.gains or case.in_place)


def guarded(claims, title, work):
    try:
        work()
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError, tarfile.TarError) as why:
        claims.check(f"{type(why).__name__}: {why}", title)
    return claims


def one_case(trial):
    os.mkdir(trial.home)
    guarded(trial.claims, trial.case.title, trial.state)
    shutil.rmtree(trial.home, ignore_errors=True)
    return trial.claims


def one_group(engine, group, home):
    """The claims of a group, which gets its own daemon and directory."""
    claims = Claims()

    def work():
        os.mkdir(home)
        with Ctxd(engine) as ctxd:
            group(claims, engine, ctxd, home)
            claims.check("\n".join(ctxd.box.end()) or None, f"{group.__name__}: its daemon lived")

    guarded(claims, f"{group.__name__}: it comes to its end", work)
    shutil.rmtree(home, ignore_errors=True)
    return claims


def without_file(request):
    """The request for a build by address: the address already contains the Dockerfile."""
    return replace(request, file=None, stdin=None)


def make(case, home):
    os.mkdir(home)
    case.make(home)
    return os.path.join(home, case.context)


# -- the same image -----------------------------------------------------------------------------

class Bodies:
    """All bodies and their ETags. Two different bodies never have the same ETag, not even of two cases."""

    def __init__(self):
        self.lock, self.of, self.wrong, self.count = threading.Lock(), {}, [], 0

    def add(self, answer, title):
        if answer.status != 200:
            return
        with self.lock:
            self.count += 1
            body, first = self.of.setdefault(answer.etag, (answer.body, title))
            if body != answer.body:
                self.wrong.append(f"{answer.etag} is of {first} and of {title}")

    def state(self, tap):
        tap.check("\n".join(self.wrong) or None, f"of {self.count} bodies none shares its ETag with another")


class Trial:
    """One case: compares the bytes that all ways give, then the images."""

    def __init__(self, engine, ctxd, case, home, number, seen):
        self.engine, self.ctxd, self.case, self.home = engine, ctxd, case, home
        self.number, self.seen, self.claims = number, seen, Claims()

    def state(self):
        self.case.make(self.home)
        builders = self.engine.builders(self.case.builders)
        self.state_once("", builders)
        if self.case.copy_of or self.number % 3 == 0:
            edit_all(os.path.join(self.home, self.case.context))
            self.state_once(", edited", builders[:1])

    def state_once(self, how, builders):
        for name, form in FORMS:
            self.claims.check(self.byte_difference(form), f"{self.case.title}{how}: the bytes of {name}, three ways")
        for builder in builders:
            want = self.engine.build_dir(self.case.context, self.case.request, builder, cwd=self.home)
            if self.case.fails and want.image:
                self.claims.check("`docker build` of the directory was expected to fail", self.case.title)
            # The address and the pipe send the same bytes, so each case takes each form by one way only.
            turn = (self.number + BUILDERS.index(builder)) % 2
            for way, form in ((self.by_address, FORMS[turn]), (self.by_pipe, FORMS[1 - turn])):
                have = way(builder, form[1])
                lines = image_differences(self.engine, want, have, history=builder == "buildkit",
                                          ignore=unsteady_names(builder, self.case))
                self.claims.check("\n".join(lines), f"{builder}: {self.case.title}{how}: {form[0]} {way.__doc__}")

    def byte_difference(self, form):
        case, ctxd = self.case, self.ctxd
        alone = ctxd.send("never", case.context, case.request, *form, cwd=self.home)
        served = ctxd.send("require", case.context, case.request, *form, cwd=self.home)
        if (alone.status, alone.out, alone.err) != (served.status, served.out, served.err):
            return f"by the daemon exit {served.status}, {len(served.out)} bytes, {served.err!r}; " \
                   f"without it {alone.status}, {len(alone.out)}, {alone.err!r}"
        if case.request.file == "-":
            return None  # a Dockerfile on standard input has no address
        answer = ctxd.get(ctxd.url(case.context, case.request, *form, cwd=self.home))
        self.seen.add(answer, case.title)
        if alone.status:
            return None if answer.status == 500 else f"the address answers {answer.status}"
        return answer.fault(alone.out)

    def own_options(self, builder):
        return ("--builder=classic",) if builder == "classic" and self.case.classic_apart else ()

    def by_address(self, builder, form):
        """by its address"""
        if self.case.request.file == "-":
            return self.by_pipe(builder, form)
        url = self.ctxd.url(self.case.context, self.case.request, *form, *self.own_options(builder), cwd=self.home)
        return self.engine.build_dir(url, without_file(self.case.request), builder)

    def by_pipe(self, builder, form):
        """by the daemon's pipe"""
        with open(os.path.join(self.home, "stdin"), "w+", encoding="utf-8") as given:
            given.write(self.case.request.stdin or "")
            given.seek(0)
            with subprocess.Popen([str(self.ctxd.box.programs / "ctx-send"), "--daemon=require",
                                   *ctxd_module.options_of(self.case.request), *form, *self.own_options(builder),
                                   self.case.context], cwd=self.home, env=self.ctxd.box.environment(self.ctxd.env),
                                  stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
                built = self.engine.build_tar(child.stdout, self.case.request, builder)
                child.stdout.close()
                err = child.stderr.read().decode(errors="backslashreplace")
                status = child.wait(TIMEOUT)
        return Built(None, f"ctx-send exit {status}: {err}") if status and not built.image else built


def edit_all(context):
    """Changes the content of each file but Dockerfiles and ignore files, and adds a file at the top."""
    for at, _, files in os.walk(os.fsencode(context)):
        for name in files:
            full = os.path.join(at, name)
            if b"ocker" not in full[len(context):] and os.path.isfile(full) and not os.path.islink(full):
                with open(full, "ab") as out:
                    out.write(b"# edited\n")
    with open(os.path.join(context, "new.txt"), "w", encoding="ascii") as out:
        out.write("new\n")


# -- what is transferred --------------------------------------------------------------------------

def build_counted(engine, ctxd, url, home):
    """(Built, Spent) of `docker build URL` with BuildKit's cache."""
    iid = os.path.join(home, "iid")
    if os.path.exists(iid):
        os.unlink(iid)
    words = engine.command("buildkit", "--progress=plain", "--iidfile", iid, url, cache=True)
    with ctxd.counting() as spent:
        done = subprocess.run(words, env=engine.client_env("buildkit"), timeout=TIMEOUT, capture_output=True, text=True,
                              errors="backslashreplace")
    image = None
    if done.returncode == 0:
        with open(iid, encoding="ascii") as text:
            image = text.read().strip()
        with engine.lock:
            engine.made.append(image)
    return Built(image, done.stdout + done.stderr), spent


def uncached(log):
    """All steps of a plain progress log that were not taken from the cache."""
    steps = dict(re.findall(r"(?m)^#(\d+) (\[.*?\] (?:COPY|ADD|RUN) .*)$", log))
    cached = set(re.findall(r"(?m)^#(\d+) CACHED", log))
    return [text for number, text in steps.items() if number not in cached] if steps else ["no step at all"]


def nothing_spent(built, spent, image):
    """None if nothing was transferred, all steps were cached, and that image came out."""
    if spent.bytes or set(+spent.answers) != {304}:
        return str(spent)
    return "\n".join(uncached(built.log)) or (None if built.image == image else f"{built.image}: {built.log[-1000:]}")


def once_spent(spent, length):
    return None if spent.bytes == length and spent.answers[200] in (1, 2) else f"{spent} instead of {length} bytes"


LIST = "FROM busybox:latest\nCOPY . /x/\nRUN find /x | sort > /list && cat /x/d/b.txt >> /list\n"
TREE = ["a.txt d/b.txt d/e/c.txt ignored/x", file("s.sh", mode=0o755), link("l", "a.txt"), hard("h", "a.txt"),
        file("noise", random.Random(1).randbytes(300_000))]

REPEATED = [
    ("tar", (), Case("repeated by a tar", LIST, TREE, ignore="ignored\n")),
    ("tar.gz", ("-z",), Case("repeated by a gzip", LIST, TREE, ignore="ignored\n")),
    ("rewritten", ("-z",), Case("repeated, and the Dockerfile is ignored", LIST, TREE, ignore="ignored\nDockerfile\n")),
    ("-f", (), Case("repeated with another Dockerfile", "FROM none\n", [*TREE, file("docker/x.docker", LIST)],
                    ignore="ignored\n", request=Request(file="ctx/docker/x.docker"))),
]


def repeated(claims, engine, ctxd, home):
    """an unchanged context transfers nothing, a change once"""
    for name, form, case in REPEATED:
        where = os.path.join(home, name)
        context = make(case, where)
        url = ctxd.url(case.context, case.request, *form, cwd=where)
        state_repeats(claims, engine, ctxd, name, url, context, case)
        want = engine.build_dir(case.context, case.request, "buildkit", cwd=where)
        built, _ = build_counted(engine, ctxd, url, home)
        claims.check("\n".join(image_differences(engine, want, built, history=True)), f"{name}: the last is right")


def state_repeats(claims, engine, ctxd, name, url, context, case):
    home = os.path.dirname(context)
    victim = os.path.join(context, "d/b.txt")
    before = os.lstat(victim)
    with open(victim, "rb") as old:
        content = old.read()

    first, spent = build_counted(engine, ctxd, url, home)
    claims.check(once_spent(spent, ctxd.get(url, "HEAD").length) or (None if first.image else first.log),
                 f"{name}: the first build transfers all, once")
    claims.check(nothing_spent(*build_counted(engine, ctxd, url, home), first.image),
                 f"{name}: the second is answered by 304, transfers nothing, and all of it is cached")
    with open(os.path.join(context, "ignored/x"), "a", encoding="ascii") as out:
        out.write("other\n")
    claims.check(nothing_spent(*build_counted(engine, ctxd, url, home), first.image),
                 f"{name}: nor does one after an ignored file changed")

    with open(victim, "wb") as out:
        out.write(b"new content of " + name.encode())
    changed, spent = build_counted(engine, ctxd, url, home)
    claims.check(once_spent(spent, ctxd.get(url, "HEAD").length), f"{name}: a changed file transfers once")
    claims.check(lacks(engine, changed, "x/d/b.txt", b"new content of " + name.encode()), f"{name}: and is in the image")
    claims.check(nothing_spent(*build_counted(engine, ctxd, url, home), changed.image),
                 f"{name}: after which nothing is transferred")

    with open(victim, "r+b") as out:
        out.truncate(0)
        out.write(content)
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    claims.check(nothing_spent(*build_counted(engine, ctxd, url, home), first.image),
                 f"{name}: changed back, it is the first image again, and nothing is transferred")


def lacks(engine, built, path, content):
    """None if the image contains a file with that content at the path."""
    if not built.image:
        return built.log
    return daemon_cut.digest_difference(engine.tree(built.image).get(path), content)


# -- two projects ---------------------------------------------------------------------------------

def mixed(claims, engine, ctxd, home):
    """two projects are never taken for each other"""
    tree = ["a.txt d/b.txt", file("big", random.Random(1).randbytes(200_000))]
    cases = {"A": Case("project A", ALL, tree), "B": Case("project B", ALL, tree), "twin": Case("project A", ALL, tree)}
    for name, case in cases.items():
        make(case, os.path.join(home, name))
    for form, options in FORMS:
        urls = {name: ctxd.url("ctx", Request(), *options, cwd=os.path.join(home, name)) for name in cases}
        tags = {name: ctxd.get(url, "HEAD").etag for name, url in urls.items()}
        claims.check(None if tags["A"] == tags["twin"] != tags["B"] else str(tags),
                     f"{form}: two projects share an ETag where their bytes are equal, and only there")
        claims.check(None if len(set(urls.values())) == 3 else str(urls), f"{form}: but never an address")
        for builder in engine.builders():
            for turn, name in enumerate(("A", "B", "A", "twin", "B")):
                want = engine.build_dir("ctx", Request(), builder, cwd=os.path.join(home, name))
                have = engine.build_dir(urls[name], Request(), builder, cache=True)
                claims.check("\n".join(image_differences(engine, want, have, history=builder == "buildkit")),
                             f"{builder}: {form}: {name}, number {turn} of A B A twin B by address, is itself")
    with open(os.path.join(home, "twin/ctx/d/b.txt"), "wb") as out:
        out.write(b"no twin any more")
    for name, content in (("A", None), ("twin", b"no twin any more")):
        with open(os.path.join(home, name, "ctx/d/b.txt"), "rb") as old:
            have = engine.build_dir(urls[name], Request(), "buildkit", cache=True)
            claims.check(lacks(engine, have, "x/d/b.txt", content or old.read()), f"a twin that changed is itself: {name}")


# -- bare -----------------------------------------------------------------------------------------

BARE = [
    Case("bare, and the Dockerfile is ignored", ALL, ["a.txt d/b"], ignore="Dockerfile\n.dockerignore\n"),
    Case("bare, and the Dockerfile is elsewhere", None, ["a.txt d/b"], outside=[file("my.docker", ALL)],
         request=Request(file="my.docker")),
    Case("bare, and few files are read", "FROM scratch\nCOPY d /x/\n", ["a.txt d/b e/f"]),
    Case("bare, and the Dockerfile is copied", ALL, ["a.txt d/b"]),
]


def bare(claims, engine, ctxd, home):
    """a bare address adds no Dockerfile"""
    for number, case in enumerate(BARE):
        where = os.path.join(home, str(number))
        make(case, where)
        want = engine.build_dir(case.context, case.request, "buildkit", cwd=where)
        for form, options in FORMS:
            answer = ctxd.get(ctxd.url(case.context, case.request, "--bare", *options, cwd=where))
            with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
                names = set(entries_of(tar)) - {"."}
                out = os.path.join(where, form)
                tar.extractall(out, filter="fully_trusted")
            own = wanted_names(case)
            claims.check(answer.fault() or (names != own and f"{sorted(names)} instead of {sorted(own)}"),
                         f"{form}: {case.title}: it holds what is read, and nothing else")
            # With -f and an address, a newer client takes the Dockerfile from its own machine.
            have = engine.build_dir(out, Request(file=case.request.file or "ctx/Dockerfile"), "buildkit", cwd=where)
            claims.check("\n".join(image_differences(engine, want, have, history=True)),
                         f"{form}: {case.title}: with its Dockerfile it gives the image")


def wanted_names(case):
    if "few files" in case.title:
        return {"d", "d/b"}
    copied = {"Dockerfile"} if "is copied" in case.title else set()
    return {"a.txt", "d", "d/b"} | copied


# -- stop and start -------------------------------------------------------------------------------

def restarted(claims, engine, ctxd, home):
    """an address outlives its daemon"""
    ctxd.daemon.end()
    case = Case("restarted", LIST, TREE, ignore="ignored\nDockerfile\n")
    context = make(case, os.path.join(home, "p"))
    where = os.path.dirname(context)
    claims.check(ctxd.run("ctx", "start").fault(0, "ctxd runs"), "ctx start")
    try:
        state_restarts(claims, engine, ctxd, where, context)
    finally:
        claims.check(ctxd.run("ctx", "stop").fault(0, "has ended"), "ctx stop")


def state_restarts(claims, engine, ctxd, where, context):
    urls = [ctxd.url("ctx", Request(), *options, cwd=where) for _, options in FORMS]
    images = [build_counted(engine, ctxd, url, where)[0].image for url in urls]
    for how in ("stop and start", "kill -9 and start"):
        if how.startswith("stop"):
            claims.check(ctxd.run("ctx", "stop").fault(0, "has ended"), f"{how}: it ends")
        else:
            os.kill(ctxd.status()["pid"], 9)
        failed = engine.build_dir(urls[0], Request(), "buildkit", cache=True)
        claims.check(failed.image and "it builds", f"{how}: between them the address builds nothing")
        claims.check(ctxd.run("ctx", "start").fault(0, "ctxd runs"), f"{how}: it starts")
        for (form, options), url, image in zip(FORMS, urls, images):
            again = ctxd.url("ctx", Request(), *options, cwd=where)
            claims.check(again != url and f"{again} instead of {url}", f"{how}: the address of the {form} is the same")
            claims.check(nothing_spent(*build_counted(engine, ctxd, url, where), image),
                         f"{how}: an unchanged {form} transfers nothing")
    ctxd.run("ctx", "stop")
    with open(os.path.join(context, "a.txt"), "wb") as out:
        out.write(b"changed while none ran")
    ctxd.run("ctx", "start")
    built, spent = build_counted(engine, ctxd, urls[1], where)
    claims.check(once_spent(spent, ctxd.get(urls[1], "HEAD").length) or lacks(engine, built, "x/a.txt", b"changed while none ran"),
                 "what changed while none ran is transferred, once, and is in the image")
