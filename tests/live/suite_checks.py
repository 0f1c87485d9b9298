# SPDX-License-Identifier: Apache-2.0
"""The checks of today's BuildKit find in a rewritten Dockerfile what they find in the original.

Each Dockerfile of cases_checks.py is excluded by the ignore file, so that its stream carries an inner tar.
`docker build --check`, `--call=outline`, `--call=targets` and a build are run for the directory and for the
stream, and compared. Then what buildx does for a directory alone: policies, labels, the ignore file.

Docker 20.10 has no checks, so the suite starts the engine of `script/engine --newest`, unless it runs in one.
"""

import base64
import contextlib
import functools
import http.server
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

from cases_checks import CHECKS, DESCRIBED, RULES, STREAM_BLIND
from engine import REPO, TIMEOUT, Engine
from sender import CTX_SEND
from tap import Claims

NEEDS_ENGINE = False  # it has its own
STAGE = re.compile(rb"(?i)from scratch as (ctxd-context[-\d]*)\nadd ctx\.tar /\n")


@contextlib.contextmanager
def newest_engine():
    if os.environ.get("CTXD_ENGINE_KIND", "").startswith("newest"):
        with Engine.for_tests() as engine:
            yield engine
        return
    script, home = str(REPO / "script" / "engine"), tempfile.mkdtemp(prefix="live-n.")
    outer = dict(os.environ)
    try:
        answer = subprocess.run([script, "--newest", "start", home], check=True, text=True, stdout=subprocess.PIPE)
        os.environ.update(word.split("=", 1) for word in shlex.split(answer.stdout)[1:])
        with Engine.for_tests() as engine:
            yield engine
    finally:
        os.environ.clear()
        os.environ.update(outer)
        # It has a session of its own: a signal to the process group of a suite must not end it.
        subprocess.run([script, "stop", home], check=False, start_new_session=True)
        shutil.rmtree(home, ignore_errors=True)


class Context:
    def __init__(self, engine, path, files):
        self.engine, self.path = engine, path
        for name, text in files.items():
            full = os.path.join(path, name)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", newline="") as out:
                out.write(text)

    def send(self, *options, env=None):
        done = subprocess.run([CTX_SEND, "--no-daemon", "--base-config=none", *options], cwd=self.path, capture_output=True,
                              env=self.engine.env | (env or {}), timeout=TIMEOUT)
        return done.stdout, done.stderr.decode()

    def build(self, *options, data=None, where=None, env=None):
        words = [self.engine.docker, "buildx", "build", "--network", "none", *options,
                 where or ("." if data is None else "-")]
        return subprocess.run(words, cwd=self.path, capture_output=True, input=data or b"",
                              env=self.engine.env | (env or {}), timeout=TIMEOUT)

    def call(self, what, data):
        """The status and what `--call` says, as JSON."""
        done = self.build(f"--call={what},format=json", data=data)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            return done.returncode, {"error": done.stderr.decode()}


def original(line, stage):
    """A line of a rewritten Dockerfile as it was; without a stage, a line of the original."""
    if not stage:
        return line
    line = line.replace(f" --from={stage}", "").replace(f",from={stage}", "")
    return re.sub(r"--from=(\+?)(\d+)", lambda m: f"--from={m[1]}{int(m[2]) - 1}", line)


def lines_at(answer, location, stage):
    """The numbers and the text of the lines of a location."""
    text = base64.b64decode(answer["sources"][0]["data"] if "sources" in answer else "").decode().split("\n")
    lines = [n for part in location.get("ranges") or [] for n in range(part["start"]["line"], part["end"]["line"] + 1)]
    return lines, [original(text[n - 1], stage) for n in lines]


def plain_error(message, stage):
    """A build error without what differs in its words: numbers of lines and stages, the order of rules."""
    words = re.sub(r"(line|index|stage-)( ?)\d+", r"\1\2N", original(message, stage))
    return " ".join(sorted(words.replace(",", "").split()))


def findings(answer, stage):
    """What --check found: (rule, its words, the text of the lines), and the numbers of these lines."""
    found, numbers = [], []
    for warning in answer.get("warnings") or []:
        lines, text = lines_at(answer, warning["location"], stage)
        found.append((warning["ruleName"], warning["detail"], text))
        numbers.append(lines)
    if "buildError" in answer:
        lines, text = lines_at(answer, answer["buildError"].get("location") or {}, stage)
        found.append(("error", plain_error(answer["buildError"]["message"], stage), text))
        numbers.append(lines)
    return found, numbers


def parts_of(answer, stage):
    """What --call=outline or targets says of stages, arguments and secrets, with the text of their lines."""
    if "error" in answer or "buildError" in answer:
        return "error"
    text = answer.get("sources") or [""]
    full = {"sources": [{"data": text[0]}]}
    found = [answer.get("name"), answer.get("description")]
    for kind in ("args", "secrets", "ssh", "targets"):
        for part in answer.get(kind) or []:
            if stage and part.get("name") == stage:
                continue
            location = part.get("location") or {}
            found.append((kind, {k: v for k, v in part.items() if k != "location"}, lines_at(full, location, stage)[1]))
    return found


def check_claims(engine, home, title, dockerfile, rules):
    tap = Claims()
    context = Context(engine, home, {"Dockerfile": dockerfile, ".dockerignore": "Dockerfile\n", "a": "1"})
    data, err = context.send()
    stage = STAGE.search(data)
    if not tap.check(None if stage else f"no inner tar: {err}", f"{title}: it is rewritten"):
        return tap, set()
    stage = stage[1].decode()
    (status, answer), (sent_status, sent) = (context.call("lint", which) for which in (None, data))
    (found, lines), (sent_found, sent_lines) = findings(answer, ""), findings(sent, stage)
    names = {name for name, _, _ in found if name != "error" or not answer.get("warnings")}
    tap.check(None if names == set(rules.split()) else f"{found} {answer.get('error')}", f"{title}: {rules or 'nothing'} is found")
    tap.check(None if (status, found) == (sent_status, sent_found) else
              f"directory {status} {found}\nstream {sent_status} {sent_found} {sent.get('error')}", f"{title}: the same in the stream")
    # Two blank lines that may go: all lines after the second are in their place.
    blank = [n for n, line in enumerate(dockerfile.split("\n"), 1) if not line.strip()]
    shifts = {new - old for olds, news in zip(lines, sent_lines) for old, new in zip(olds, news)}
    tap.check(None if shifts <= {0, 1, 2} and (len(blank) > 1 or shifts <= {1, 2}) else str(shifts),
              f"{title}: line numbers are higher by two at most")
    for what in ("outline", "targets") if title in DESCRIBED else ():
        (one, answer), (two, sent) = (context.call(what, which) for which in (None, data))
        tap.check(None if (one, parts_of(answer, "")) == (two, parts_of(sent, stage)) else f"{one} {answer}\n{two} {sent}",
                  f"{title}: the same {what}")
    if "error" not in dockerfile and rules != "error":
        return tap, names
    one, two = context.build(), context.build(data=data)
    tap.check(None if one.returncode == two.returncode else f"{one.stderr.decode()}\n{two.stderr.decode()}",
              f"{title}: the build {'fails' if one.returncode else 'succeeds'} for both")
    return tap, names


# -- what buildx does for a directory alone -----------------------------------------------------------

DOCKERFILE = "FROM busybox\nCOPY a b /x/\n"
DENY = 'package docker\ndefault allow := false\ndecision := {"allow": allow}\n'


def refused(done):
    return done.returncode and b"not allowed by policy" in done.stderr


def policy_claims(tap, engine, home):
    context = Context(engine, os.path.join(home, "policy"), {"Dockerfile": DOCKERFILE, "Dockerfile.rego": DENY, "a": "1", "b": "2"})
    data, err = context.send()
    tap.check(None if refused(context.build()) else "it builds", "a policy refuses the directory")
    tap.check(context.build(data=data).returncode and "it is refused", "… but not the stream")
    option = re.search(r'give it (--policy) "([^"]+)"', err)
    if not tap.check(None if option else f"no warning: {err}", "ctx-send warns of it, with an option of docker"):
        return
    tap.check(None if refused(context.build(*option.groups(), data=data)) else "it builds", "… that makes it refuse the stream")
    full, _ = context.send("--full")
    served = os.path.join(home, "served")
    os.mkdir(served)
    for name, what in (("part.tar", data), ("full.tar", full)):
        with open(os.path.join(served, name), "wb") as out:
            out.write(what)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=served)
    handler.func.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        tap.check(context.build(where=url + "part.tar").returncode and "refused", "a URL without the policy builds")
        tap.check(None if refused(context.build(where=url + "full.tar")) else "it builds", "a URL with the policy is refused")
        tap.check(None if refused(context.build(*option.groups(), where=url + "part.tar")) else "it builds",
                  "the option makes it refuse a URL, too")
        server.shutdown()


def label_claims(tap, engine, home):
    context = Context(engine, os.path.join(home, "labels"), {"Dockerfile": DOCKERFILE, "a": "1", "b": "2"})
    on = {"BUILDX_GIT_LABELS": "1"}
    subprocess.run("git init -q && git -c user.email=a@b -c user.name=a commit -q --allow-empty -m a", shell=True,
                   cwd=context.path, check=True)
    data, err = context.send(env=on)
    tap.check(None if "BUILDX_GIT_LABELS" in err else f"no warning: {err}", "ctx-send warns of labels")
    for title, which, want in (("the directory has", None, True), ("the stream lacks", data, False)):
        image = context.build("-q", data=which, env=on).stdout.decode().strip()
        labels = engine.config(image)[0].get("Labels") or {}
        tap.check(None if ("org.opencontainers.image.revision" in labels) == want else str(labels), f"{title} labels of git")


def platform_claims(tap, engine, home):
    """The added stage is of no platform, so it builds for any."""
    files = {"Dockerfile": "FROM --platform=$BUILDPLATFORM busybox AS a\nCOPY . /x\n\nFROM scratch\nCOPY --from=0 /x/a /\nCOPY . /y\n",
             ".dockerignore": "Dockerfile\n", "a": "1"}
    context = Context(engine, os.path.join(home, "platforms"), files)
    data, _ = context.send()
    for platform in ("linux/arm64", "linux/amd64,linux/riscv64"):
        one, two = (context.build("--check", "--platform", platform, data=which) for which in (None, data))
        tap.check(None if one.stdout == two.stdout else f"{one.stdout}\n{two.stdout}\n{two.stderr}", f"{platform}: the same checks")
        one, two = (context.build("-q", "--platform", platform, data=which) for which in (None, data))
        tap.check(one.returncode or two.returncode or not STAGE.search(data) and "not rewritten", f"{platform}: both build")


def ignore_claims(tap, engine, home):
    files = {"Dockerfile": DOCKERFILE, ".dockerignore": "b\n", "a": "1", "b": "2"}
    context = Context(engine, os.path.join(home, "ignore"), files)
    data = subprocess.run(["tar", "-c", "."], cwd=context.path, capture_output=True, check=True).stdout
    tap.check(context.build(data=data).returncode and "it fails", "an ignore file inside of a stream is not applied")
    status, answer = context.call("lint", None)
    names = {w["ruleName"] for w in answer.get("warnings") or []}
    tap.check(None if names == STREAM_BLIND else str(answer), "the check of the directory knows what is ignored")
    _, answer = context.call("lint", data)
    tap.check(answer.get("warnings") and str(answer["warnings"]), "… and that of a stream doesn't")


def import_foreign(tap, engine):
    """An image for another platform than the engine's, which an official name has, so that it has no triggers."""
    where = "/images/create?fromSrc=-&repo=alpine&tag=arm&platform=linux%2Farm64"
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a"))
    status, body = engine.call("POST", where, empty.getvalue(), "application/x-tar")
    tap.check(None if status == 200 else body, "an image for another platform is there")


def run(tap, _):
    if shutil.which("go") is None:
        tap.skip("go is missing, which builds the newest engine: apt-get install golang-go", "the suite checks")
        return
    with newest_engine() as engine, tempfile.TemporaryDirectory(prefix="live.") as top:
        import_foreign(tap, engine)
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(check_claims, engine, os.path.join(top, str(n)), *case) for n, case in enumerate(CHECKS)]
        seen = set()
        for job in jobs:
            claims, names = job.result()
            tap.state(claims)
            seen |= names
        missed = RULES - seen - STREAM_BLIND
        tap.check(None if not missed else str(missed), "every rule is found in some Dockerfile")
        for claims in (policy_claims, label_claims, platform_claims, ignore_claims):
            claims(tap, engine, top)
