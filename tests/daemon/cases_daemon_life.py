# SPDX-License-Identifier: Apache-2.0
"""How ctxd begins and ends: one for each socket, given sockets, settings, idle exit, audits."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

from daemon import until

LAUNCH = """
import os, socket, sys
path, program, *args = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
print("listens", flush=True)
sys.stdin.readline()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(program, [program, *args])
"""


def settings(tap, box):
    box.fresh()
    wrong = [
        (["--lanes=0"], {}, r"--lanes.*from 1 to 64"), (["--lanes=many"], {}, "--lanes"),
        (["--http=99999"], {}, "--http"),
        (["--nonsense"], {}, r'"--nonsense": no such option'), (["x"], {}, '"x": no such option'),
        (["--lanes"], {}, "needs a value"),
        (["--socket=relative"], {}, "not an absolute path"), (["--log-level=loud"], {}, "not one of error"),
        (["--max-cache=lots"], {}, "not a size"), ([], {"CTXD_MAX_ROOTS": "none"}, "CTXD_MAX_ROOTS"),
        (["--config=/nonexistent"], {}, "No such file"), (["--socket=/" + "x" * 120], {}, "longer than"),
    ]
    for args, env, pattern in wrong:
        run = box.run("ctxd", *args, env=env, timeout=20)
        tap.check(run.fault(2, pattern), f"ctxd {args} {env}: one clear error")
    config = box.top / ".config/ctxd"
    config.mkdir(parents=True, exist_ok=True)
    for text, pattern in (("lanes=0\n", r'config":1: lanes'), ("# c\n\nlane=1\n", r':3: "lane" is no setting'),
                          ("lanes\n", ":1:")):
        (config / "config").write_text(text)
        tap.check(box.run("ctxd", timeout=20).fault(2, pattern), f"the file's {text!r}: an error with its line")
    (config / "config").write_text("# ours\nlanes = 3\nmax-roots=5\nmax-clients=7\nhttp=off\n")
    daemon = box.daemon("--max-clients=9", env={"CTXD_MAX_ROOTS": "6"})
    limits = daemon.status()["limits"]
    tap.check(None if (limits["lanes"], limits["max-roots"], limits["max-clients"]) == (3, 6, 9) else str(limits),
              "the environment overrides the file, and the command line both")
    tap.check(None if daemon.status()["config_file"] == str(config / "config") else "not said",
              "status names the file")
    daemon.end()
    other = box.top / "other.config"
    other.write_text("lanes=2\n")
    daemon = box.daemon(f"--config={other}")
    tap.check(None if daemon.status()["limits"]["lanes"] == 2 else "not read", "--config names another file")
    daemon.end()
    (config / "config").unlink()


def cases(tap, box):
    root = box.tree("context")
    # As a login gives it: a soft limit far below the hard one.
    daemon = box.daemon(command=["prlimit", "--nofile=64:4096", box.programs / "ctxd", "--http=off"])
    mode = box.socket.stat().st_mode & 0o777
    tap.check(None if mode == 0o600 and box.socket.parent.stat().st_mode & 0o77 == 0 else oct(mode),
              "its socket and directory are private")
    run = box.run("ctxd", "--http=off", timeout=20)
    tap.check(run.fault(1, "another ctxd serves"), "a second ctxd at the socket ends with a message")
    tap.check(box.same([], root), "… and the first still serves")
    limit = next(l.split() for l in open(f"/proc/{daemon.process.pid}/limits") if l.startswith("Max open files"))
    tap.check(None if limit[3] == limit[4] else str(limit), "it raises its limit of open files to the maximum")
    lines = [dict(f.split("=", 1) for f in l.split(" ") if "=" in f) for l in daemon.said().splitlines()]
    tap.check(None if lines and all({"ts", "level", "event"} <= set(l) for l in lines) else daemon.said(),
              "each line of its log is logfmt")
    tap.check(daemon.end() and "another status", "SIGTERM ends it well")
    tap.check(box.socket.exists() and "it is there", "… and its socket is gone")
    tap.check(box.send(root).fault(), "a client that finds no ctxd does the work itself")

    daemon = box.daemon()
    daemon.end(signal.SIGKILL)
    tap.check(None if box.socket.exists() else "no", "a ctxd that is killed leaves its socket")
    tap.check(box.send(root).fault(), "… a client does the work itself")
    daemon = box.daemon()
    tap.check(box.same([], root), "… and the next ctxd takes its place")
    tap.check(daemon.end(signal.SIGINT) and "status", "SIGINT ends it, too")

    daemon = box.daemon("--idle-exit=1")
    box.send("--daemon=require", root)
    began = time.monotonic()
    try:
        status = daemon.process.wait(20)
    except subprocess.TimeoutExpired:
        status = "it runs on"
    daemon.ended = True
    took = time.monotonic() - began
    tap.check(None if status == 0 and took > 0.8 else f"{status} {took}",
              "--idle-exit ends a ctxd that gets no request")

    daemon = box.daemon("--max-watches=1")
    box.send("--daemon=require", root)
    slow = {r["path"]: r["slow"] for r in daemon.status()["roots"]}
    tap.check(None if "directories are not watched" in slow.get(str(root), "") else str(slow),
              "status says why a root is looked at by stat")
    daemon.end()

    daemon = box.daemon("--audit=1")
    box.send("--daemon=require", root)
    tap.check(None if until(lambda: daemon.counter("audits") >= 2) else str(daemon.status()),
              "each root is audited, again and again")
    tap.check(daemon.counter("audit_missed") and "missed some", "… and misses nothing if nothing has changed")
    tap.check(box.same([], root), "… and the bytes are the same")
    daemon.end()

    box.fresh()
    (box.runtime / "ctxd").mkdir(mode=0o700)
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCH, box.socket, box.programs / "ctxd", "--http=off"],
                                stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=box.environment())
    launcher.stdout.readline()
    with socket.socket(socket.AF_UNIX) as early:
        early.settimeout(20)
        early.connect(str(box.socket))
        early.sendall(b'{"kind":"status","fds":[]}\n')
        launcher.stdin.write(b"\n")
        launcher.stdin.flush()
        answer = early.recv(1 << 16)
    tap.check(None if b"done" in answer else str(answer),
              "a socket that is given: a client that connected before is answered")
    tap.check(box.same([], root), "… and so are later ones")
    launcher.send_signal(signal.SIGTERM)
    err = launcher.communicate(timeout=60)[1]
    tap.check(None if launcher.returncode == 0 and box.socket.exists() else f"{launcher.returncode} {err}",
              "… and it stays where it is when the daemon ends")
    for fds, pattern in (("3", "at most two"), ("1", "descriptor 3")):
        code = (f"import os,sys;os.environ.update(LISTEN_FDS='{fds}',LISTEN_PID=str(os.getpid()));os.dup2(0,3);"
                "os.set_inheritable(3,True);os.execv(sys.argv[1],sys.argv[1:])")
        r = subprocess.run([sys.executable, "-c", code, box.programs / "ctxd"], env=box.environment(),
                           capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=20)
        tap.check(None if r.returncode == 1 and pattern in r.stderr else f"{r.returncode} {r.stderr}",
                  f"a wrong LISTEN_FDS={fds} is an error")

    box.fresh()
    daemon = box.daemon()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(daemon.path))
        s.sendall(b'{"kind":')
        tap.check(daemon.end() and "status", "a client that has sent half a request doesn't delay the end")
    box.cache.chmod(0o500) if box.cache.exists() else box.cache.mkdir(mode=0o500)
    box.fresh()
    box.cache.write_text("a file where the cache should be")
    daemon = box.daemon()
    tap.check(box.same(["-z"], root), "a cache that can't be opened: the same bytes")
    status = daemon.status()
    tap.check(None if not status["store"]["usable"] and not status["hashes"]["usable"] else json.dumps(status["store"]),
              "… and status says so")
    text = box.ctx("status").out.decode()
    tap.check(None if "can't be kept, next try in" in text and "can't make the directory" in text else text,
              "… for people, too, with the reason and when it is tried again")
    box.cache.unlink()
    tap.check(None if until(lambda: daemon.status()["hashes"]["usable"]) else json.dumps(daemon.status()["hashes"]),
              "a database that can be opened later is used then")
    said = [len(re.findall(word, daemon.said())) for word in ("hashes are not kept", "hashes-gone", "hashes-back")]
    tap.check(None if said[:2] == [1, 0] else str(said), "… and the log has one line about it")
    daemon.end()
    settings(tap, box)
