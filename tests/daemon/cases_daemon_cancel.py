# SPDX-License-Identifier: Apache-2.0
"""A client that dies ends its work, whatever it was and wherever it wrote; and so does SIGTERM."""

import gzip
import os
import pty
import re
import signal
import socket
import subprocess
import time

from daemon import until

# Seconds from a client's death until its lane is free. The daemon needs some milliseconds, and half a second more for
# HTTP; the rest is for a machine that is busy with other tests.
FREE = 5
# A stream of this file, or its digest, takes hours.
SPARSE = 1 << 40


def contexts(box):
    """One that is slow to pack, a small one, and one whose stream never ends."""
    slow = box.tree("slow", n=40, size=24 << 20)
    small = box.tree("small", n=3)
    endless = box.tree("endless", n=3)
    with open(endless / "sparse", "wb") as f:
        f.truncate(SPARSE)
    return slow, small, endless


def busy(daemon):
    return daemon.status()["lanes"]["running"] > 0


def free_after(daemon, process):
    """Kills the client; the seconds until no lane is at work, or None."""
    began = time.monotonic()
    process.kill()
    process.wait()
    return time.monotonic() - began if until(lambda: not busy(daemon), FREE + 2) else None


def late(took):
    return None if took is not None and took < FREE else f"its lane is free after {took} s"


# ---- the file that a client leaves --------------------------------------------------------------------------

def is_whole(path):
    try:
        with gzip.open(path) as f:
            while f.read(1 << 20):
                pass
    except (OSError, EOFError) as e:
        return str(e)
    return None


def files(tap, box, daemon, slow, small, tries):
    """A stream to a file, killed; then another one to the same file: no byte of the first is in it."""
    bad = []
    out = box.top / "f"
    for options, flags in ((["-z12"], os.O_TRUNC), (["-z12"], os.O_TRUNC | os.O_APPEND)):
        for i in range(tries):
            fd = os.open(out, os.O_WRONLY | os.O_CREAT | flags, 0o644)
            first = box.popen("ctx-send", "--daemon=require", *options, slow, stdout=fd)
            os.close(fd)
            until(lambda: out.stat().st_size > 0)
            first.kill()
            first.wait()
            with open(out, "wb") as f:
                run = box.send("--daemon=require", "-z1", small, stdout=f)
            until(lambda: not busy(daemon))
            if fault := run.fault() or is_whole(out):
                bad.append(f"{i}: {fault}")
        tap.check("; ".join(bad) or None, f"a killed ctx-send {options} > f{' (append)' if flags & os.O_APPEND else ''}, "
                  f"then another: f has the bytes of the other alone, {tries} times")


# ---- every kind of output -----------------------------------------------------------------------------------

def output(kind, box):
    """What a client writes to, and what must be closed or ended after it."""
    if kind == "file":
        return open(box.top / "out", "wb"), []
    if kind == "/dev/null":
        return open("/dev/null", "wb"), []
    if kind == "pipe":
        reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        return reader.stdin, [reader]
    if kind == "pipe without a reader":
        r, w = os.pipe()
        return os.fdopen(w, "wb"), [os.fdopen(r, "rb")]
    if kind == "socket":
        ours, theirs = socket.socketpair()
        reader = subprocess.Popen(["cat"], stdin=theirs, stdout=subprocess.DEVNULL)
        theirs.close()
        return ours.makefile("wb"), [ours, reader]
    master, slave = pty.openpty()
    reader = subprocess.Popen(["cat"], stdin=master, stdout=subprocess.DEVNULL)
    os.close(master)
    return open(os.ttyname(slave), "wb"), [os.fdopen(slave, "rb"), reader]


def outputs(tap, box, daemon, slow, endless):
    for kind in ("file", "/dev/null", "pipe", "pipe without a reader", "socket", "terminal"):
        for name, args in (("plain", []), ("gzip", ["-z1"]), ("zstd", ["--zstd"]), ("the best gzip", ["-z12"])):
            out, rest = output(kind, box)
            where = ["-o", os.ttyname(out.fileno())] if kind == "terminal" else []
            client = box.popen("ctx-send", "--daemon=require", *args, *where, endless,
                               stdout=out, stderr=subprocess.PIPE)
            out.close()
            began = until(lambda: busy(daemon) or client.poll() is not None) and client.poll() is None
            time.sleep(0.2)
            took = free_after(daemon, client)
            for r in rest:
                r.kill() if isinstance(r, subprocess.Popen) else r.close()
                if isinstance(r, subprocess.Popen):
                    r.wait()
            tap.check(late(took) if began else f"not begun: {client.stderr.read()}",
                      f"{name} to a {kind} of a client that is killed: its lane is free at once")
            client.stderr.close()
            (box.top / "out").unlink(missing_ok=True)
    # What the store has goes through another path.
    box.send("--daemon=require", "-z1", slow)
    r, w = os.pipe()
    client = box.popen("ctx-send", "--daemon=require", "-z1", slow, stdout=w)
    os.close(w)
    began = until(lambda: daemon.status()["lanes"]["parked"])
    client.kill()
    client.wait()
    gone = until(lambda: not daemon.status()["lanes"]["parked"], FREE)
    os.close(r)
    tap.check(None if began and gone else "it is still parked", "a killed client of a stream from the store: the same")


def same_outputs(tap, box, small):
    """ctxd's stream reaches each kind of output whole."""
    want = box.send("--no-daemon", small).out
    for kind in ("file", "append", "pipe", "socket", "file of -o"):
        out = box.top / "whole"
        out.unlink(missing_ok=True)
        if kind == "socket":
            ours, theirs = socket.socketpair()
            client = box.popen("ctx-send", "--daemon=require", small, stdout=theirs)
            theirs.close()
            got = b""
            while block := ours.recv(1 << 20):
                got += block
            ours.close()
            status = client.wait()
        elif kind == "pipe":
            run = box.send("--daemon=require", small)
            status, got = run.status, run.out
        elif kind == "file of -o":
            status, got = box.send("--daemon=require", "-o", out, small).status, out.read_bytes()
        else:
            with open(out, "ab" if kind == "append" else "wb") as f:
                status = box.send("--daemon=require", small, stdout=f).status
            got = out.read_bytes()
        tap.check(None if status == 0 and got == want else f"status {status}, {len(got)} bytes, not {len(want)}",
                  f"{kind}: the stream through ctxd is the one without")
    with open("/dev/full", "wb") as full:
        run = box.send("--daemon=require", small, stdout=full)
    tap.check(run.fault(1, "can't write the stream: No space left on device"), "a full disk: the client says so")


# ---- other work ---------------------------------------------------------------------------------------------

def others(tap, box, daemon, endless):
    client = box.popen("ctx", "digest", endless, stdout=subprocess.DEVNULL)
    began = until(lambda: busy(daemon))
    tap.check(late(free_after(daemon, client)) if began else "not begun", "ctx digest that is killed: the same")
    client = box.popen("ctx", "digest", "--per-instruction", endless, stdout=subprocess.DEVNULL)
    began = until(lambda: busy(daemon))
    tap.check(late(free_after(daemon, client)) if began else "not begun", "… --per-instruction, too")


def http(tap, box, endless):
    daemon = box.daemon("--lanes=2", http="auto")
    url = box.ctx("url", endless).out.decode().strip()
    host, port, path = re.match(r"http://([\d.]+):(\d+)(/.*)", url).groups()
    for method in ("GET", "HEAD"):
        s = socket.create_connection((host, int(port)))
        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        began = until(lambda: busy(daemon))
        time.sleep(0.2)
        start = time.monotonic()
        s.close()
        took = time.monotonic() - start if until(lambda: not busy(daemon), FREE + 2) else None
        tap.check(late(took) if began else "not begun", f"a {method} by HTTP whose client goes while the ETag is made")
    s = socket.create_connection((host, int(port)))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    until(lambda: busy(daemon))
    end(tap, daemon, "an ETag that is being made", None)
    s.close()


# ---- the end of ctxd ----------------------------------------------------------------------------------------

def end(tap, daemon, what, client):
    start = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    daemon.process.send_signal(signal.SIGTERM)
    try:
        status = daemon.process.wait(30)
    except subprocess.TimeoutExpired:
        status = "it runs on"
        daemon.process.kill()
    daemon.ended = True
    took = time.monotonic() - start
    tap.check(None if status == 0 and took < FREE else f"{status} after {took:.1f} s",
              f"a second SIGTERM ends ctxd at once beside {what}")
    if client:
        client.kill()
        client.wait()
    daemon.process.kill()


def ends(tap, box, endless):
    for what, words in (("a digest", ["ctx", "digest"]), ("a stream", ["ctx-send"])):
        daemon = box.daemon()
        client = box.popen(*words, "--daemon=require", endless, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: busy(daemon))
        end(tap, daemon, what, client)
    daemon = box.daemon()
    client = box.popen("ctx", "digest", "--daemon=require", endless, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)
    until(lambda: busy(daemon))
    start = time.monotonic()
    run = box.ctx("stop")
    took = time.monotonic() - start
    daemon.ended = True
    ended = until(lambda: daemon.process.poll() is not None, 2)
    daemon.process.kill()
    tap.check(run.fault(0, "ctxd has ended") or (None if took < 10 and ended is not None else f"{took:.1f} s"),
              "ctx stop ends a ctxd that makes a digest of a terabyte within ten seconds")
    err = client.communicate(timeout=30)[1].decode()
    tap.check(None if client.returncode == 1 and "the daemon ended" in err else f"{client.returncode} {err}",
              "… and its client says so")


def cases(tap, box):
    slow, small, endless = contexts(box)
    daemon = box.daemon("--lanes=2", "--audit=0", "--max-cache=200M")
    same_outputs(tap, box, small)
    files(tap, box, daemon, slow, small, 12)
    outputs(tap, box, daemon, slow, endless)
    others(tap, box, daemon, endless)
    daemon.end()
    http(tap, box, endless)
    ends(tap, box, endless)
