# SPDX-License-Identifier: Apache-2.0
"""Base images: with an engine that is absent, slow or hostile the send succeeds, and says what it did."""

import contextlib
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import threading
import time
import urllib.parse

# A variable of the base names what is copied, and its trigger copies, too. Both must be known to send less.
DOCKERFILE = "FROM corp/base:1\nCOPY $WHAT /\n"
TREE = {"Dockerfile": DOCKERFILE, "a": "1", "b": "2", "c": "3"}
ALL = ["a", "b", "c"]
ASK = "--base-config=engine"
IMAGE = {"RepoTags": ["corp/base:1"], "Config": {"Env": ["PATH=/bin", "WHAT=a"], "OnBuild": None}}


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


@contextlib.contextmanager
def engine(box, respond):
    """Runs an engine that answers GET path by respond(handler). Yields its environment and the paths asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            with contextlib.suppress(OSError):
                respond(self)

        def address_string(self):
            return "unix"

        def log_message(self, *_):
            pass

    path = str(box.top / "engine.sock")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    server = Engine(path, Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield {"DOCKER_HOST": f"unix://{path}"}, asked
    finally:
        server.shutdown()
        server.server_close()


def answer(status, body, headers=()):
    def respond(handler):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
    return respond


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b'{"a":"' + b"x" * 65536)


def trickle(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def silent(_handler):
    time.sleep(30)


def garbage(handler):
    handler.wfile.write(b"\x00\xff\x1b[31mnot http at all\n\n")


def hostile_cases(tap, box):
    deep = b"[" * 100_000
    for what, respond, reason in [
        ("does not have the image", answer(404, {"message": "No such image"}), r"does not have that image"),
        ("refuses", answer(500, {"message": "\x1b[31mno"}), r"refused to tell"),
        ("redirects", answer(302, b"", [("Location", "http://example.com/")]), r"refused to tell"),
        ("answers with no JSON", answer(200, b"hello"), r"is not JSON"),
        ("answers with cut JSON", answer(200, b'{"Config": {"Env": ["WHAT=a"'), r"is not JSON"),
        ("answers with deep JSON", answer(200, deep), r"is not JSON"),
        ("answers with an array", answer(200, []), r"is not JSON"),
        ("answers without Config", answer(200, {"Id": "x"}), r"has no Config"),
        ("answers with Config null", answer(200, {"Config": None}), r"has no Config"),
        ("answers with Env a number", answer(200, {"Config": {"Env": 7}}), r"is no list of strings"),
        ("answers with Env of numbers", answer(200, {"Config": {"Env": ["WHAT=a", 7]}}), r"is no list of strings"),
        ("answers with OnBuild a text", answer(200, {"Config": {"OnBuild": "COPY"}}), r"is no list of strings"),
        ("answers with a NUL", answer(200, b'{"Config": {"Env": ["WHAT=a\\u0000b"]}}'), r"is not JSON"),
        ("answers without end", endless, r"larger than 1 MiB"),
        ("talks no HTTP", garbage, r"corp/base:1"),
        ("closes the connection", lambda handler: None, r"corp/base:1"),
    ]:
        with engine(box, respond) as (env, _):
            run = box.send(ASK, env=env)
        why = run.success(ALL, err=reason)
        if not why and "\x1b" in run.err:
            why = f"a control byte came through: {run.err!r}"
        tap.check(why, f"an engine that {what} is reported, and everything is sent")
    for what, respond in [("is silent", silent), ("trickles", trickle)]:
        with engine(box, respond) as (env, _):
            began = time.monotonic()
            run = box.send(ASK, env=env)
            took = time.monotonic() - began
        tap.check(run.success(ALL, err=r"did not answer within 2 seconds") or (took > 4 and f"{took:.1f} s"),
                  f"an engine that {what} is given two seconds, and everything is sent")


def honest_cases(tap, box):
    box.tree(TREE)
    run = box.send(ASK)
    tap.check(run.success(ALL, err=r'warning: .*corp/base:1.*no engine answers'),
              "without an engine the base is unknown: everything is sent, with a reason")
    run = box.send(ASK, env={"DOCKER_HOST": "ssh://somewhere"})
    tap.check(run.success(ALL, err=r"neither unix:// nor tcp://"), "a DOCKER_HOST of another kind is reported")
    with engine(box, answer(200, IMAGE)) as (env, asked):
        run = box.send(ASK, env=env)
        tap.check(run.success(["a"]), "with an engine that knows the base less is sent, and nothing is printed")
        tap.check(None if asked == ["/images/corp/base:1/json"] else str(asked),
                  "the engine is asked once, for that image")
        run = box.send("--base-config=none", env=env)
        tap.check(run.success(ALL, err=r"base-config=none") or (len(asked) != 1 and "asked all the same"),
                  "--base-config=none asks nobody")
        run = box.send(env=env)
        tap.check(run.success(ALL, err=r"--base-config=engine asks the engine") or (len(asked) != 1 and "asked all the same"),
                  "by default nobody is asked, and the warning names the option")
        run = box.send(ASK, "-f", "-", env=env, stdin=DOCKERFILE.encode())
        tap.check(run.success(["a"]), "with the Dockerfile on standard input the engine is asked all the same")
        asked.clear()
        for base, words in (("scratch", []), ("debian:12", []), ("corp/other:2", ["--trust-bases=corp/*"]),
                            ("corp/other:2", ["--trust-bases=x,corp/other"])):
            box.tree({**TREE, "Dockerfile": f"FROM {base}\nCOPY b /\n"})
            run = box.send(ASK, *words, env=env)
            tap.check(run.success(["b"]) or (asked and "it was asked"), f"FROM {base} is not asked about {words}")
        for name in ("../../containers", "a/../b", "-x", "a?b=c", "a%2fb", "a b"):
            quoted = urllib.parse.quote(name, safe="/.-?=%") if " " in name else name
            box.tree({**TREE, "Dockerfile": f"FROM {quoted}\nCOPY b /\n"})
            before = len(asked)
            run = box.send(ASK, env=env)
            tap.check(run.crash() or (len(asked) != before and f"asked {asked[before:]}"),
                      f"FROM {name} is not the name of an image, and is not asked about")
        trigger = {"Config": {"Env": [], "OnBuild": ["COPY c /c"]}}
    with engine(box, answer(200, trigger)) as (env, _):
        box.tree({**TREE, "Dockerfile": "FROM corp/base:1\nCOPY a /\n"})
        tap.check(box.send(ASK, env=env).success(["a", "c"]), "a trigger of the base reads the context, too")
    box.tree(TREE)

    def last_first(handler):
        return answer(200, IMAGE)(handler) if "base:1" in handler.path else silent(handler)
    with engine(box, last_first) as (env, _):
        box.tree({**TREE, "Dockerfile": "FROM corp/base:1 AS one\nCOPY $WHAT /\nFROM slow/base\nCOPY b /\n"})
        run = box.send(ASK, "--target=one", env=env)
        tap.check(run.success(["a"]), "bases that the target does not need are not asked about")
        run = box.send(ASK, env=env)
        tap.check(run.crash() or (run.status and run.err) or (not run.err and "nothing was said"),
                  "of two answers the one that came in time is used, and the other base is reported")
    os.unlink(box.programs / "ctx-engine-config")
    box.tree(TREE)
    tap.check(box.send(ASK).success(ALL, err=r"ctx-engine-config is not installed"),
              "without ctx-engine-config the base is unknown, with a reason")
    shutil.copy2(box.build / "ctx-engine-config", box.programs)


def file_cases(tap, box):
    box.tree(TREE)
    config = box.top / "bases.json"

    def with_config(content):
        config.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return box.send(f"--base-config={config}")

    tap.check(with_config(IMAGE).success(["a"]), "with --base-config=FILE of one image less is sent")
    other = {"RepoTags": ["other:latest"], "Config": {}}
    tap.check(with_config([other, IMAGE]).success(["a"]), "the same with an array")
    for names in (["docker.io/corp/base:1"], ["index.docker.io/corp/base:1"]):
        tap.check(with_config({**IMAGE, "RepoTags": names}).success(["a"]), f"{names[0]} is the same image")
    with_config(IMAGE)
    with subprocess.Popen(["cat", config], stdout=subprocess.PIPE) as cat:
        fd = cat.stdout.fileno()
        tap.check(box.send(f"--base-config=/dev/fd/{fd}", pass_fds=[fd]).success(["a"]),
                  "the file may be a pipe of the shell")
    tap.check(with_config([other]).success(ALL, err=r"bases.json has no image of that name"),
              "a file without the image is reported, and everything is sent")
    tap.check(with_config([]).success(ALL, err=r"has no image of that name"), "the same with an empty array")
    for what, content, pattern in [("not JSON", b"{", r"bases\.json.*:1"), ("empty", b"", r"bases\.json\" is empty"),
                                   ("of the wrong shape", {**IMAGE, "Config": {"Env": {}}}, r"no list of strings"),
                                   ("of 5 MiB", b" " * (5 << 20), r"bases\.json"),
                                   ("of 100,000 brackets", b"[" * 100_000, r"bases\.json")]:
        tap.check(with_config(content).fault(1, pattern), f"a file that is {what} is an error that names the file")
    tap.check(box.send("--base-config=nope.json").fault(1, r'"nope\.json".*No such file'), "so is a missing file")
    tap.check(box.send(f"--base-config={box.top}").fault(1, r"[Ii]s a directory"), "so is a directory")


def cases(tap, box):
    honest_cases(tap, box)
    box.tree(TREE)
    hostile_cases(tap, box)
    file_cases(tap, box)
