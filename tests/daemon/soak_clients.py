# SPDX-License-Identifier: Apache-2.0
"""The clients of tests/daemon/soak, several at once, and how they end: killed, stopped, cut, stalled, or left alone.

    clients = Clients(box, trees, claims, random.Random(1))
    clients.begin()      # one more, at random
    clients.tend()       # reads what came, and does what is due: to be called often
    clients.settle()     # lets all of them end, and waits for it

No thread: a reader that stalls is one that tend() does not read yet.
"""

import collections
import gzip
import os
import re
import signal
import socket
import subprocess
import time
import zlib

AT_ONCE = 5
# … whose stream or digest has no end. They end only in tend(), so while an answer is awaited each keeps a lane.
ENDLESS = 2
# Seconds after which the file of a killed client is looked at again.
LATE = 2
BLOCK = 1 << 18
READ_MOST = 8 << 20  # in one tend(), so that one reader can't keep it
TAR_END = bytes(1024)
ZSTD = bytes.fromhex("28b52ffd")
SETTLE = 60


class Client:
    """A process, or none for HTTP, and the end of its output that this program has, if any."""

    def __init__(self, title, place, endless):
        self.title, self.place, self.endless = title, place, endless
        self.version = place.version if place else 0
        self.process = self.fd = self.path = None
        self.append = self.gzip = self.hurt = False
        self.got = bytearray()
        self.due = []  # (time, what is done then), in their order
        self.stalled = False

    def unchanged(self):
        return not self.endless and self.place.version == self.version


def not_whole(got, packed):
    """How a stream is short of its end, or None."""
    try:
        got = gzip.decompress(got) if packed else bytes(got)
    except (OSError, EOFError, zlib.error) as e:
        return f"{len(got)} bytes: {e}"
    return None if got.endswith(TAR_END) else f"{len(got)} bytes without the end of a tar"


class Clients:
    def __init__(self, box, trees, claims, make):
        self.box, self.trees, self.claims, self.make = box, trees, claims, make
        self.out = box.top / "out"
        self.out.mkdir()
        self.running = []
        self.left = []  # (time, path, from where on, what must be there) of files of clients that were killed
        self.counts, self.messages = collections.Counter(), collections.Counter()
        # What the next client writes after one that was killed.
        self.next_args = ["-z1", str(trees.small)]
        self.next_bytes = box.send("--no-daemon", *self.next_args).out

    # ---- one begins ---------------------------------------------------------------------------------------------

    def begin(self):
        if len(self.running) >= AT_ONCE:
            return
        endless = self.make.random() < 0.3 and sum(c.endless for c in self.running) < ENDLESS
        place = None if endless else self.trees.quiet()
        if not endless and not place:
            return
        how = self.make.choices([self.begin_send, self.begin_digest, self.begin_http], [7, 2, 2])[0]
        client = how(place, endless)
        if not client:
            return
        self.counts[client.title.split(" of ")[0]] += 1
        self.running.append(client)
        # Where it is for nothing else: a directory vanishes just when the walk or the stream is there.
        if place and self.make.random() < 0.3:
            time.sleep(self.make.random() * 0.03)
            place.note("a directory vanishes beside a client")
            self.trees.counts["directory beside a client"] += 1
            self.trees.directory(place)

    def root_of(self, place):
        return self.make.choice([place.root, place.root, place.link]) if place else self.trees.endless

    def begin_send(self, place, endless):
        args = self.make.choice([[], ["-z"], ["-z1"], ["-z12"], ["--zstd"], ["--recipe"], ["-z1", "--recipe"]])
        kind = self.make.choice(["file", "file", "append", "-o", "pipe", "socket", "/dev/null"])
        if endless and kind in ("file", "append", "-o") and args in ([], ["--recipe"]):
            args = ["-z12"]  # a terabyte of zeros is no large file
        client = Client(f"{kind} of ctx-send {' '.join(args)}", place, endless)
        client.gzip = any(a.startswith("-z") for a in args)
        ours = theirs = None
        if kind in ("file", "append", "-o"):
            busy = {c.path for c in self.running} | {path for _, path, _, _ in self.left}
            free = [p for p in (self.out / f"{kind}{i}" for i in range(8)) if p not in busy]
            if not free:
                return None
            client.path, client.append = free[0], kind == "append"
            if kind == "-o":
                args = [*args, "-o", client.path]
                client.path.write_bytes(b"old")
            else:
                theirs = os.open(client.path, os.O_WRONLY | os.O_CREAT | (os.O_APPEND if client.append else os.O_TRUNC), 0o644)
                if client.append and os.fstat(theirs).st_size > 4 << 20:
                    os.ftruncate(theirs, 0)
        elif kind == "/dev/null":
            theirs = os.open("/dev/null", os.O_WRONLY)
        elif kind == "pipe":
            ours, theirs = os.pipe()
        else:
            ours, theirs = (s.detach() for s in socket.socketpair())
        client.fd = ours
        self.spawn(client, "ctx-send", ["-q", *args], place, theirs)
        return client

    def begin_digest(self, place, endless):
        client = Client("nothing of ctx digest", place, endless)
        self.spawn(client, "ctx", ["digest", *self.make.choice([[], ["--per-instruction"]])], place, None)
        return client

    def spawn(self, client, program, args, place, out):
        how = self.make.choice(["auto", "require", "require"])
        client.process = self.box.popen(program, *args, f"--daemon={how}", self.root_of(place), stderr=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL if out is None else out)
        if out is not None:
            os.close(out)
        if client.fd is not None:
            os.set_blocking(client.fd, False)
        self.choose_fate(client)

    def begin_http(self, place, endless):
        run = self.box.ctx("url", *self.make.choice([[], ["-z"], ["--recipe"]]), self.root_of(place))
        found = re.fullmatch(r"http://([\d.]+):(\d+)(/\S+)\n", run.out.decode())
        if not found:
            self.messages[f"ctx url: {run.err.strip()[:100]}"] += 1
            return None
        client = Client("http of GET", place, endless)
        s = socket.create_connection((found[1], int(found[2])), timeout=20)
        s.sendall(f"GET {found[3]} HTTP/1.1\r\nHost: {found[1]}\r\nConnection: close\r\n\r\n".encode())
        client.fd = s.detach()
        os.set_blocking(client.fd, False)
        self.choose_fate(client)
        return client

    # ---- what becomes of it -------------------------------------------------------------------------------------

    def choose_fate(self, client):
        now = time.monotonic()

        def soon(mean):
            return min(self.make.expovariate(1 / mean), 1.2)

        def at(seconds, what):
            client.due.append((now + seconds, what))
        if client.fd is not None and self.make.random() < 0.4:
            client.stalled = True
            at(soon(0.6), self.read_on)
        t = soon(0.15)
        kind = self.make.random()
        if client.fd is not None and (kind < 0.25 or not client.process and client.endless):
            at(t, self.cut)
        elif client.process and kind < 0.5:
            at(t, self.kill)
        elif client.process and kind < 0.6:
            at(t, self.terminate)
        elif client.process and kind < 0.75:
            at(t, self.stop)
            at(t + soon(0.5), self.make.choice([self.go_on, self.kill]))
        if client.endless:
            at(1.5, self.kill if client.process else self.cut)
        client.due.sort(key=lambda d: d[0])

    def read_on(self, client):
        client.stalled = False

    def cut(self, client):
        self.counts["cut"] += 1
        client.hurt = True
        if client.fd is not None:
            os.close(client.fd)
            client.fd = None

    def tell(self, client, number):
        if client.process.poll() is None:
            self.counts[signal.Signals(number).name] += 1
            client.process.send_signal(number)

    def kill(self, client, number=signal.SIGKILL):
        client.hurt = True
        self.tell(client, number)
        if number != signal.SIGKILL:
            self.tell(client, signal.SIGCONT)  # or one that was stopped would not end
        if client.path:
            client.process.wait()
            self.write_after(client)

    def terminate(self, client):
        self.kill(client, signal.SIGTERM)

    def stop(self, client):
        self.tell(client, signal.SIGSTOP)

    def go_on(self, client):
        self.tell(client, signal.SIGCONT)

    def write_after(self, client):
        """The next client writes to the file of one that was killed a moment ago."""
        path = client.path
        if client.path.name.startswith("-o"):
            got = path.read_bytes()
            # It may have been killed just after it had got the new one into place.
            self.claims["-o"].add(None if got == b"old" or got[:4] == ZSTD else not_whole(got, client.gzip))
            return
        start = path.stat().st_size if client.append else 0
        with open(path, "ab" if client.append else "wb") as f:
            run = self.box.send("--daemon=require", *self.next_args, stdout=f)
        self.claims["files"].add(run.fault() or self.differs(path, start, f"after {client.title}"))
        self.left.append((time.monotonic() + LATE, path, start, client.title))

    def differs(self, path, start, title):
        got = path.read_bytes()[start:]
        if got == self.next_bytes:
            return None
        return f"{title}: {len(got)} bytes, not the {len(self.next_bytes)} of the next client; {not_whole(got, True)}"

    # ---- all of them --------------------------------------------------------------------------------------------

    def tend(self):
        now = time.monotonic()
        for client in list(self.running):
            while client.due and client.due[0][0] <= now:
                client.due.pop(0)[1](client)
            if client.fd is not None and not client.stalled:
                self.read(client)
            if (client.process is None or client.process.poll() is not None) and client.fd is None:
                self.running.remove(client)
                self.finish(client)
            elif client.process and client.process.poll() is not None and client.stalled:
                client.stalled = False
        for left in [l for l in self.left if l[0] <= now]:
            self.left.remove(left)
            self.claims["files"].add(self.differs(*left[1:3], f"{LATE} s after {left[3]}"))

    def read(self, client):
        total = 0
        try:
            while total < READ_MOST:
                block = os.read(client.fd, BLOCK)
                if not block:
                    break
                total += len(block)
                if not client.endless:
                    client.got += block
            else:
                return
        except BlockingIOError:
            return
        except ConnectionResetError:
            client.hurt = client.hurt or client.process is not None
        os.close(client.fd)
        client.fd = None

    def finish(self, client):
        if client.process:
            err = client.process.stderr.read().decode(errors="replace")
            client.process.stderr.close()
        if client.hurt or client.endless:
            return
        if not client.process:
            return self.finish_http(client)
        status = client.process.returncode
        what = f"{client.title} of {client.place.top.name}: status {status} {err.strip()}"
        if status == 0 and client.path and not client.append:
            client.got = client.path.read_bytes()
        if status == 0:
            why = not_whole(client.got, client.gzip) if client.got and "zstd" not in client.title else None
            self.claims["left alone"].add(why and f"{what}: {why}")
        elif client.unchanged() or status != 1 or not err.strip():
            self.claims["left alone"].add(what)
        else:
            self.claims["left alone"].add(None)
            self.messages[re.sub(r'[/"\'].*?(["\' :]|$)', "… ", err.strip().splitlines()[-1])[:100]] += 1

    def finish_http(self, client):
        head, _, body = bytes(client.got).partition(b"\r\n\r\n")
        length = re.search(rb"(?i)^content-length: (\d+)\r?$", head + b"\r\n", re.M)
        whole = head.startswith(b"HTTP/1.1 200 ") and length and int(length[1]) == len(body)
        # One that was changed may be cut, gone or impossible.
        self.claims["left alone"].add(None if whole or not client.unchanged() else f"{client.title}: {head!r} {len(body)}")

    def settle(self):
        """Lets all of them end; a fault, or None."""
        end = time.monotonic() + SETTLE
        for client in self.running:
            client.due = [(0, self.kill if client.process else self.cut)] if client.endless else []
            client.stalled = False
            if client.process:
                self.tell(client, signal.SIGCONT)
        while (self.running or self.left) and time.monotonic() < end:
            self.tend()
            time.sleep(0.01)
        return "; ".join(f"{c.title} of {c.place and c.place.top.name} does not end" for c in self.running) or None

    def end(self):
        for client in self.running:
            if client.process:
                client.process.kill()
                client.process.wait()
