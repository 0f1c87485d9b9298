# SPDX-License-Identifier: Apache-2.0
"""ctx: start, stop, status, digest, url, watch."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time

from daemon import TOP, until


def members(value):
    """The names of all members of parsed JSON."""
    below = value if isinstance(value, list) else value.values() if isinstance(value, dict) else []
    return set(value if isinstance(value, dict) else ()).union(*map(members, below))


class Watch:
    def __init__(self, box, root, *args, command=None):
        self.ran = box.top / f"ran{time.monotonic_ns()}"
        self.log = box.top / "watch.log"
        command = command or f"echo run >>{self.ran}"
        with open(self.log, "wb") as f:
            self.process = box.popen("ctx", "watch", "--debounce=50", *args, root, "--", "sh", "-c", command, stderr=f)

    def count(self):
        return len(self.ran.read_text().splitlines()) if self.ran.exists() else 0

    def until(self, n):
        """None when it ran n times, and not once more."""
        until(lambda: self.count() >= n)
        time.sleep(0.4)
        return None if self.count() == n else f"ran {self.count()} times, not {n}: {self.log.read_text()}"

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(20)


def watch(tap, box, how, args):
    root = box.tree(f"watched{how}", 20)
    (root / "Dockerfile").write_text("FROM scratch AS a\nCOPY d0 /\nFROM scratch AS b\nCOPY d1 /\n")
    w = Watch(box, root, "--target=a", *args)
    tap.check(w.until(1), f"{how}: it runs at the beginning")
    (root / "d0/f0").write_text("other")
    tap.check(w.until(2), f"{how}: and when a file changes that the target reads")
    (root / "d1/f1").write_text("other")
    (root / "ignored").write_text("other")
    tap.check(w.until(2), f"{how}: not when other files do")
    (root / "d0/new").mkdir()
    (root / "d0/new/file").write_text("1")
    tap.check(w.until(3), f"{how}: a new file in a new directory, once")
    (root / "Dockerfile").write_text("FROM scratch AS a\nCOPY d0 d2 /\n")
    tap.check(w.until(4), f"{how}: the Dockerfile changed")
    (root / ".dockerignore").write_text("d0/new\nDockerfile\n.dockerignore\n")
    tap.check(w.until(5), f"{how}: the ignore file changed")
    (root / "Dockerfile").write_text("FORM scratch\n")
    tap.check(until(lambda: "FORM" in w.log.read_text()) and w.until(5),
              f"{how}: a Dockerfile that can't be parsed is reported, and watch waits")
    time.sleep(1.5)
    said = [l for l in w.log.read_text().splitlines() if "FORM" in l]
    tap.check(None if len(said) == 1 else "\n".join(said), f"{how}: … it is reported once")
    (root / "Dockerfile").write_text("FROM scratch AS a\nCOPY d0 /\n")
    tap.check(w.until(6), f"{how}: … until it is corrected")
    status = w.end()
    tap.check(None if status == 130 else f"status {status}", f"{how}: SIGINT ends it")


def waits(tap, box):
    """`wait` of the socket: what ctx watch stands on."""
    root = box.tree("waited")
    daemon = box.daemon()
    box.ctx("digest", "--daemon=require", root)
    status, ns = daemon.status(), os.stat("/proc/self/ns/mnt")
    base = {"ctxd": status["version"], "build": status["build"], "kind": "wait", "root_path": str(root),
            "fds": ["root"],
            "mount_ns_dev": ns.st_dev, "mount_ns_ino": ns.st_ino}

    def wait(**more):
        fd = os.open(root, os.O_RDONLY)
        began = time.monotonic()
        answer = daemon.ask({**base, **more}, [fd])[-1]
        os.close(fd)
        return answer, time.monotonic() - began

    first, _ = wait()
    answer, took = wait(since_given=True, since=first["seq"], timeout_ms=300)
    tap.check(None if not answer["changed"] and 0.25 < took < 5 else f"{answer} {took}",
              "a wait for nothing ends in time")
    (root / "d0/f0").write_text("1")
    answer, took = wait(since_given=True, since=first["seq"], timeout_ms=20000)
    tap.check(None if answer["changed"] and took < 5 else f"{answer} {took}",
              "an event that is queued already ends a wait")
    box.ctx("digest", "--daemon=require", root)
    answer, took = wait(since_given=True, since=first["seq"], timeout_ms=20000)
    tap.check(None if answer["changed"] and took < 5 else f"{answer} {took}",
              "… so does one that another answer has read")
    timer = threading.Timer(0.3, lambda: (root / "d0/f0").write_text("2"))
    timer.start()
    answer, took = wait(since_given=True, since=answer["seq"], timeout_ms=20000)
    timer.join()
    tap.check(None if answer["changed"] and 0.2 < took < 5 else f"{answer} {took}", "… so does one that comes later")
    # An answer may take the events before the loop saw that there were some.
    memory, ended = os.memfd_create("Dockerfile"), threading.Event()
    os.write(memory, b"FROM scratch\nCOPY . /\n")

    def answer_all():
        fd = os.open(root, os.O_RDONLY)
        while not ended.is_set():
            daemon.ask({**base, "kind": "digest", "fds": ["root", "dockerfile"], "dockerfile_name": "Dockerfile"},
                       [fd, memory])
        os.close(fd)

    askers = [threading.Thread(target=answer_all) for _ in range(2)]
    for asker in askers:
        asker.start()
    slowest = 0
    for i in range(60):
        timer = threading.Timer(0.01, lambda i=i: (root / "d0/f0").write_text(str(i)))
        first, _ = wait()
        timer.start()
        answer, took = wait(since_given=True, since=first["seq"], timeout_ms=4000)
        timer.join()
        slowest = max(slowest, took)
    ended.set()
    for asker in askers:
        asker.join()
    os.close(memory)
    tap.check(slowest > 3 and f"{slowest:.1f} s", "… so does one that another answer reads as it comes")
    if os.geteuid() == 0:
        mounts = [(box.top / "elsewhere", 0.5, "elsewhere is no change"), (root / "d1", 0, "in the root ends it")]
        for place, least, what in mounts:
            box.ctx("digest", "--daemon=require", root)
            first, _ = wait()
            place.mkdir(exist_ok=True)
            timer = threading.Timer(0.1, lambda: subprocess.run(["mount", "-t", "tmpfs", "ctx", place], check=True))
            timer.start()
            answer, took = wait(since_given=True, since=first["seq"], timeout_ms=600 if least else 20000)
            timer.join()
            subprocess.run(["umount", place], check=True)
            tap.check(None if answer["changed"] == (not least) and least <= took < 5 else f"{answer} {took}",
                      f"a mount {what}")
    else:
        tap.skip("not root", "a mount elsewhere is no change")
    daemon.end()


def policies(tap, box):
    """A policy of buildx beside the Dockerfile is told, by each command in its way."""
    root = box.tree("policed")
    (root / "Dockerfile.rego").write_text("package docker\n")
    box.ctx("start")
    tap.check(box.ctx("digest", root).fault(0, r"the digest does not depend on it; add its hash to your key"),
              "digest tells of a policy")
    url = r'docker build URL does so only if .*; give it --policy "filename=cwd://policed/Dockerfile\.rego"\n'
    tap.check(box.ctx("url", "policed").fault(0, url), "url tells of a policy")
    w = Watch(box, root, command="true")
    tap.check(None if until(lambda: "docker build - does not" in w.log.read_text()) else w.log.read_text(),
              "watch tells of a policy")
    w.end()
    box.ctx("stop")


def cases(tap, box):
    waits(tap, box)
    policies(tap, box)
    root = box.tree("context")
    tap.check(box.ctx("status").fault(1, "no ctxd runs"), "status if no ctxd runs")
    tap.check(box.ctx("stop").fault(0, "no ctxd runs"), "stop if no ctxd runs")
    alone = box.ctx("digest", root)
    tap.check(alone.fault() or (not re.fullmatch(rb"sha256:[0-9a-f]{64}\n", alone.out) and str(alone.out)),
              "digest without a daemon")
    tap.check(box.ctx("digest", "--daemon=require", root).fault(1, "no ctxd runs"), "… but not with --daemon=require")
    tap.check(box.ctx("url", root).fault(1, "no ctxd runs; ctx start"), "url needs a daemon")

    run = box.ctx("start", "--", "--http=off", "--lanes=3")
    tap.check(run.fault(0, r"ctxd runs, process \d+"), "start")
    tap.check(box.ctx("start").fault(0, "runs already"), "start again")
    run = box.ctx("status", "--json")
    status = json.loads(run.out)
    tap.check(None if status["limits"]["lanes"] == 3 and status["http"] == "off" else str(status),
              "its options reach ctxd")
    log = (box.runtime / "ctxd/ctxd.log").read_text()
    tap.check(None if "event=serving" in log else log, "ctxd's log is a file beside its socket")
    same = box.ctx("digest", "--daemon=require", root)
    tap.check(same.fault() or (same.out != alone.out and "another digest"), "digest by the daemon is the same")
    (root / "d0/f0").write_text("changed")
    one, two = box.ctx("digest", "--daemon=require", root), box.ctx("digest", "--no-daemon", root)
    tap.check(None if one.out == two.out != alone.out else f"{one} {two}", "… and after a change the same other one")
    for args in (["--per-instruction"], ["--json"], ["--json", "--per-instruction"], ["--full"], ["--builder=classic"]):
        one, two = box.ctx("digest", "--daemon=require", *args, root), box.ctx("digest", "--no-daemon", *args, root)
        tap.check(one.fault() or (one.out != two.out and f"{one.out} {two.out}"), f"digest {args}: the same both ways")
    facts = json.loads(box.ctx("digest", "--json", "--per-instruction", root).out)
    tap.check(None if facts["instructions"][0]["line"] == 2 and facts["files"] else str(facts),
              "--json says which instructions read what")
    page = (TOP / "client/ctx.1").read_text().split(".SH JSON")[1].split(".SH EXIT")[0]
    names = members(facts) | members({**json.loads(box.ctx("status", "--json").out), "limits": 0})
    missing = {n for n in names if not re.search(rf"\b{n}\b", page)}
    tap.check(missing and str(missing), "the man page names every member of what --json prints")
    text = box.ctx("status").out.decode()
    missing = [w for w in ("ctxd ", "socket", "lanes", "cache", "hashes", "roots", str(root)) if w not in text]
    tap.check(missing and f"{missing} not in {text}", "status shows the roots and the caches")
    tap.check(box.ctx("url", root).fault(1, "HTTP|http|off"), "url says so if HTTP is off")
    tap.check(box.ctx("url", "-f", "-", root).fault(2, "read each time"), "url of standard input is a usage error")

    watch(tap, box, "daemon", [])
    w = Watch(box, root, "--restart", command=f"echo run >>{box.top}/restarts; exec sleep 60")
    until(lambda: (box.top / "restarts").exists())
    (root / "d0/f0").write_text("again")
    tap.check(None if until(lambda: len((box.top / "restarts").read_text().splitlines()) == 2) else "no",
              "--restart ends what runs, and runs it again")
    (root / "d0/f0").write_text("and again")
    until(lambda: len((box.top / "restarts").read_text().splitlines()) == 3)
    status = w.end(signal.SIGTERM)
    tap.check(None if status == 143 else str(status), "SIGTERM ends it and its command")
    tap.check(None if "ended by signal 15" in w.log.read_text() else w.log.read_text(), "… and says how that ended")
    w = Watch(box, root, command=f"echo run >>{box.top}/queued; sleep 1")
    until(lambda: (box.top / "queued").exists())
    (root / "d0/f0").write_text("1")
    time.sleep(0.3)
    (root / "d0/f0").write_text("2")
    time.sleep(2.5)
    n = len((box.top / "queued").read_text().splitlines())
    tap.check(None if n == 2 else f"{n} runs", "by default a change during a run causes one more run")
    w.end()
    for number in (signal.SIGHUP, signal.SIGQUIT):
        w = Watch(box, root, command=f"echo $$ >>{box.top}/pid{number}; exec sleep 60")
        until(lambda: (box.top / f"pid{number}").exists() and (box.top / f"pid{number}").read_text())
        status = w.end(number)
        left = os.path.exists(f"/proc/{(box.top / f'pid{number}').read_text().strip()}")
        tap.check(None if status == 128 + number and not left else f"{status} {left}",
                  f"{number.name} ends its command, too")
    w = Watch(box, root, command="exit 7")
    tap.check(None if until(lambda: "failed with status 7" in w.log.read_text()) else w.log.read_text(),
              "a command that fails is reported")
    tap.check(w.process.poll() is not None and "ended", "… and it goes on")
    # The daemon ends under it: it looks by the clock, and finds the next daemon.
    tap.check(box.ctx("stop").fault(0, "has ended"), "stop")
    tap.check(None if until(lambda: "looking every second" in w.log.read_text()) else w.log.read_text(),
              "watch goes on without the daemon")
    n = w.log.read_text().count("failed with status 7")
    (root / "d0/f0").write_text("3")
    tap.check(None if until(lambda: w.log.read_text().count("failed with status 7") == n + 1) else w.log.read_text(),
              "… and still sees changes")
    w.end()
    tap.check(box.ctx("status").fault(1, "no ctxd runs"), "after stop no ctxd runs")
    watch(tap, box, "alone", ["--no-daemon"])

    for args in ([], ["--clear"]):
        main, terminal = pty.openpty()
        process = box.popen("ctx", "watch", "--no-daemon", *args, root, "--", "echo", "ran", stdout=terminal,
                            stderr=terminal)
        os.close(terminal)
        shown = b""
        while b"done" not in shown:
            shown += os.read(main, 4096)
        process.terminate()
        process.wait(20)
        os.close(main)
        want = b"\x1b[H\x1b[2J\x1b[3J\r\nran" if args else b"ran"
        tap.check(None if shown.startswith(want) else repr(shown), f"watch {args} on a terminal begins with {want!r}")
    w = Watch(box, root, "--clear", command="exit 7")
    until(lambda: "failed with status 7" in w.log.read_text())
    w.end()
    tap.check("\x1b" in w.log.read_text() and w.log.read_text(), "--clear writes nothing if the output is no terminal")
    run = box.ctx("watch", "--daemon=require", root, "--", "true")
    tap.check(run.fault(1, "no ctxd runs") or (None if len(run.err.splitlines()) == 1 else run.err),
              "--daemon=require says once that none runs")
    for args, pattern in ((["watch", root], "command is missing"),
                          (["watch", root, "make"], "a command comes after --"),
                          (["watch", "--debounce=3600001", root, "--", "true"], "not milliseconds from 1 to 3600000"),
                          (["start", "--", "--socket=/tmp/x"], "set CTXD_SOCKET instead"),
                          (["watch", "-f", "-", root, "--", "true"], "standard input"),
                          (["eat"], "no such command"), (["--eat"], "no such option"), ([], "a command is missing"),
                          (["status", "x"], "takes no PATH"), (["digest", "--jsn"], "did you mean --json"),
                          (["digest", "-t"], "no such option")):
        run = box.ctx(*args)
        tap.check(run.fault(2, pattern), f"ctx {' '.join(map(str, args))}: a usage error")
    tap.check(box.ctx("watch", box.top / "nosuch", "--", "true").fault(1, "can't open"), "watch of no directory fails")
    tap.check(box.ctx("start", "--", "--lanes=0").fault(2, r'ended at once: --lanes="0": not a number'),
              "start says why ctxd ended")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        tap.check(box.ctx("start", "--", f"--http={port}").fault(0), "start if the port is taken")
        why = f"can't listen on 127.0.0.1:{port}; give another port"
        tap.check(box.ctx("url", root).fault(1, f"serves no HTTP: {why}"), "… url says that it is")
        tap.check(box.ctx("status").fault(0, f"http    off: {why}"), "… and status, too")
        box.ctx("stop")
    both = [box.popen("ctx", "start", stdout=subprocess.PIPE) for _ in range(2)]
    said = [p.communicate(timeout=30)[0] for p in both]
    serves = json.loads(box.ctx("status", "--json").out)["pid"]
    told = [int(n) for n in re.findall(r"process (\d+)", str(said))]
    tap.check(None if set(told) <= {serves} and not any(p.returncode for p in both) else f"{said}, {serves} serves",
              "two starts at once name the ctxd that serves")
    box.ctx("stop")
    tap.check(box.ctx("start").fault(0) or box.ctx("url", root).fault(0, r"http://127.0.0.1:\d+/"),
              "url prints an address")
    tap.check(box.ctx("stop").fault(), "stop ends it")
