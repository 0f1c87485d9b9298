# SPDX-License-Identifier: Apache-2.0
"""A ctxd that can't start, that doesn't answer, or that can't have what it needs: told, and gone around."""

import os
import re
import signal
import subprocess
import time

from daemon import NOBODY, until

INSTANCES = """
import ctypes, sys
libc = ctypes.CDLL(None)
while libc.inotify_init() >= 0:
    pass
print("all are taken", flush=True)
sys.stdin.readline()
"""


def begins(tap, box):
    """Each start-up failure is a message and status 1."""
    box.fresh()
    (box.runtime / "ctxd").symlink_to(box.top)
    tap.check(box.run("ctxd", timeout=20).fault(1, "symbolic link; remove it"),
              "a link in place of the socket's directory: status 1")
    tap.check(box.ctx("start").fault(1, "symbolic link"), "… and of ctx start")
    bad = []
    for limit in (4, 5, 6, 8, 9, 12, 13, 14, 16, 18, 24):
        box.fresh()
        process = subprocess.Popen(["prlimit", f"--nofile={limit}:{limit}", "--core=0", box.programs / "ctxd"],
                                   env=box.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(lambda: process.poll() is not None or box.ctx("status").status == 0, 30)
        begun = process.poll() is None
        process.terminate()
        err = process.communicate(timeout=30)[1]
        told = re.search(r"^ctxd: .*(open files|descriptor)|shared librar", err, re.M)
        if process.returncode != 0 and not (process.returncode in (1, 127) and told and not begun):
            bad.append(f"{limit}: {process.returncode} {err[-300:]}")
    tap.check("; ".join(bad) or None, "a limit of 4 to 24 descriptors: it runs, or ends with a message and status 1")
    box.fresh()
    daemon = box.daemon(command=["prlimit", "--fsize=100", box.programs / "ctxd", "--http=off"])
    tap.check(box.same([], box.tree("limited")), "files limited to 100 bytes: it serves without caches")
    daemon.end()


def stopped(tap, box):
    """Beside a ctxd that was stopped."""
    box.fresh()
    root = box.tree("stopped")
    daemon = box.daemon()
    out = open(box.top / "watch.out", "w+b")
    watch = box.popen("ctx", "watch", root, "--", "echo", "run", stdout=out, stderr=subprocess.STDOUT)

    def said():
        return (box.top / "watch.out").read_text()
    until(lambda: "run" in said())
    time.sleep(1)
    daemon.process.send_signal(signal.SIGSTOP)
    clients = {name: box.popen("ctx", name, *([root] if name == "url" else []), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE) for name in ("status", "url", "stop")}
    for name, client in clients.items():
        err = client.communicate(timeout=30)[1].decode()
        pid = daemon.process.pid
        tap.check(None if client.returncode == 1 and f"kill -CONT {pid}" in err else f"{client.returncode} {err}",
                  f"ctx {name} beside a stopped ctxd: it ends, and names the process and the remedy")
    (root / "d1/new").write_text("new")
    tap.check(None if until(lambda: said().count("run\n") > 1, 40) else said(),
              "ctx watch whose ctxd is stopped while it waits sees a change all the same")
    tap.check(None if "ctxd does not answer" in said() else said(), "… and says so")
    daemon.process.send_signal(signal.SIGCONT)
    watch.terminate()
    watch.wait()
    out.close()
    until(lambda: daemon.process.poll() is not None, 2)  # it reads the stop of above
    daemon.ended = True
    daemon.process.kill()


def races(tap, box):
    box.fresh()
    bad = []
    for i in range(8):
        box.ctx("start", "--", "--http=off")
        others = [box.popen("ctx", "stop", stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
        if i % 2:
            others.append(box.popen("ctx", "stop", stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            start = box.popen("ctx", "start", "--", "--http=off", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            start.communicate(timeout=40)
        for other in others:
            out, err = other.communicate(timeout=40)
            if other.returncode:
                bad.append(err.decode())
        box.ctx("stop")
    tap.check("; ".join(bad) or None, "ctx stop beside others, and beside ctx start: none fails")


def instances(tap, box):
    if os.geteuid() != 0:
        tap.skip("not root", "a root that could not be watched is watched when it can be")
        return
    box.fresh()
    box.cache.mkdir(mode=0o700)
    for path in (box.runtime, box.cache):
        os.chown(path, NOBODY, NOBODY)
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    taker = subprocess.Popen([*nobody, "prlimit", "--nofile=4096", "/usr/bin/python3", "-c", INSTANCES], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    taker.stdout.readline()
    daemon = box.daemon(command=[*nobody, box.programs / "ctxd", "--http=off", "--log-level=debug"])
    root = box.tree("instances")
    tap.check(box.ctx("digest", "--daemon=require", root, nobody=True).fault(), "no inotify instance is left: it is served")
    why = daemon.status()["roots"][0]["slow"]
    tap.check(None if "max_user_instances" in why else why, "… and status says why it is slow, and the remedy")
    taker.communicate(b"\n")
    box.ctx("digest", "--daemon=require", root, nobody=True)
    roots = until(lambda: len(r := daemon.status()["roots"]) == 1 and r)
    tap.check(None if roots and roots[0]["slow"] == "" and roots[0]["watches"] > 1 else str(roots),
              "… and it is watched as soon as there is one")
    daemon.end()


def cases(tap, box):
    begins(tap, box)
    stopped(tap, box)
    races(tap, box)
    instances(tap, box)
