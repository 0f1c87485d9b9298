# SPDX-License-Identifier: Apache-2.0
"""Other users, other people's directories, malformed messages, other releases, broken daemons."""

import array
import json
import os
import socket
import subprocess
import threading
import time

from daemon import NOBODY, until


class FakeDaemon:
    """Answers each connection by a function of (socket, first line, descriptors)."""

    def __init__(self, path, answer):
        self.path, self.answer = path, answer
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            with s:
                data, fds = b"", []
                while not data.endswith(b"\n"):
                    block, ancillary, _, _ = s.recvmsg(1 << 20, socket.CMSG_LEN(64))
                    if not block:
                        break
                    data += block
                    for _, _, what in ancillary:
                        fds += array.array("i", what)
                if data:
                    self.answer(s, json.loads(data), fds)
                for fd in fds:
                    os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        self.path.unlink()


def directories(tap, box):
    root = box.tree("context")
    want = box.send("--no-daemon", root).out

    def refused(what, pattern):
        process = box.run("ctxd", "--http=off", timeout=20)
        tap.check(process.fault(1, pattern) if process.status != 2 else process.fault(2, pattern),
                  f"ctxd refuses {what}")
        tap.check(box.send("--daemon=require", root).fault(1, pattern),
                  f"… so does ctx-send if it must have a daemon: {what}")
        run = box.send(root)
        tap.check(run.fault() or (run.out != want and "other bytes"), f"… else it does the work itself: {what}")

    other = box.top / "other"
    other.mkdir(mode=0o700)
    (box.runtime / "ctxd").symlink_to(other)
    refused("a symbolic link as its directory", "symbolic link")
    box.fresh()
    (box.runtime / "ctxd").mkdir()
    os.chmod(box.runtime / "ctxd", 0o777)
    refused("a directory that others can write to", "open to others.*chmod 700")
    box.fresh()
    (box.runtime / "ctxd").write_text("")
    refused("a file in its place", "no directory")
    if os.geteuid() == 0:
        box.fresh()
        (box.runtime / "ctxd").mkdir(mode=0o700)
        os.chown(box.runtime / "ctxd", NOBODY, NOBODY)
        refused("a directory of somebody else's", f"belongs to user {NOBODY}")
    box.fresh()
    open_place = box.top / "open"
    open_place.mkdir()
    os.chmod(open_place, 0o777)
    run = box.run("ctxd", f"--socket={open_place}/s", timeout=20)
    tap.check(run.fault(1, "writable for others"), "ctxd refuses --socket in a directory that others can write to")
    (box.top / "file").write_text("kept")
    os.chmod(box.top, 0o755)
    run = box.run("ctxd", "--http=off", f"--socket={box.top}/file", timeout=20)
    tap.check(run.fault(1, "no socket") or ((box.top / "file").read_text() != "kept" and "gone"),
              "ctxd doesn't remove a file that is no socket")


def users(tap, box):
    if os.geteuid() != 0:
        tap.skip("not root", "another user is refused")
        return
    box.fresh()
    place = box.top / "place"
    place.mkdir(exist_ok=True)
    path = place / "s"
    daemon = box.daemon(f"--socket={path}", path=path)
    os.chmod(path, 0o666)
    root = box.tree("context")
    env = {"CTXD_SOCKET": str(path)}
    tap.check(box.send("--daemon=require", root, env=env).fault(), "its own user is served at CTXD_SOCKET")
    run = box.send("--daemon=require", root, env=env, nobody=True)
    tap.check(run.fault(1, "is user 0, not|ended before it began") and None or run.fault(1),
              "another user gets nothing")
    code = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
            "try:\n s.sendall(b'{\"kind\":\"status\",\"fds\":[]}\\n')\n print(len(s.recv(9)))\n"
            "except OSError as e: print(0)")
    r = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "python3", "-c", code,
                        str(path)],
                       capture_output=True, text=True, timeout=20)
    tap.check(None if r.stdout.strip() == "0" and "refused" in daemon.said() else r.stdout + r.stderr,
              "… nor does a program of theirs that doesn't check who serves")
    daemon.end()

    # The other way round: somebody else's daemon is not believed.
    mine = box.top / "theirs"
    mine.mkdir()
    os.chown(mine, NOBODY, NOBODY)
    code = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\nprint(1,flush=True)\n"
            "while True:\n c,_=s.accept()\n print(len(c.recv(99)),flush=True)\n c.close()")
    with subprocess.Popen(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "python3", "-c", code,
                           str(mine / "s")], stdout=subprocess.PIPE, text=True) as server:
        server.stdout.readline()
        run = box.send("--daemon=require", root, env={"CTXD_SOCKET": str(mine / "s")})
        tap.check(run.fault(1, f"is user {NOBODY}, not 0"), "a client tells a daemon of another user nothing")
        server.kill()


def outputs(tap, box):
    """Outputs that a daemon could be held up by are not for it: one lane, and a reader that takes nothing."""
    if os.geteuid() != 0:
        tap.skip("not root", "an output that another user made is not written to by the daemon")
        return
    box.fresh()
    box.cache.mkdir(mode=0o700)
    for path in (box.runtime, box.cache):
        os.chown(path, NOBODY, NOBODY)
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    daemon = box.daemon(command=[*nobody, box.programs / "ctxd", "--http=off", "--lanes=1", "--log-level=debug"])
    small, large = box.tree("context"), box.tree("large", 10, size=4 << 20)
    want = box.send("--no-daemon", large).out
    pair = [s.detach() for s in socket.socketpair()]
    for what, (read_end, write_end) in (("a pipe of root's", os.pipe()), ("a socket", pair)):
        asked = daemon.counter("send")
        client = subprocess.Popen([*nobody, box.programs / "ctx-send", large], env=box.environment(), stdout=write_end)
        os.close(write_end)
        until(lambda: daemon.counter("send") > asked)
        code = 'set -o pipefail; "$1" --daemon=require "$2" | wc -c'
        r = subprocess.run([*nobody, "bash", "-c", code, "sh", box.programs / "ctx-send", small], env=box.environment(),
                           capture_output=True, text=True, timeout=30)
        tap.check(None if r.returncode == 0 else r.stderr,
                  f"the output is {what}, and not read: the only lane is free for others")
        with open(read_end, "rb") as f:
            data = f.read()
        tap.check(None if client.wait(60) == 0 and data == want else f"{client.returncode}, {len(data)} bytes",
                  "… and the client does the work itself")
    daemon.end()


def messages(tap, box):
    box.fresh()
    daemon = box.daemon()
    hello = {k: daemon.status()[k] for k in ("version", "build")}
    base = {"ctxd": hello["version"], "build": hello["build"], "kind": "digest", "root_path": str(box.top), "fds": []}
    before = daemon.fds()
    lines = [
        (b"\n", "no JSON"), (b"hello\n", "no JSON"), (b"[]\n", "no object"), (b"{}\n", '"kind" is missing'),
        (b"\0\0\0\n", "no JSON"), (b'{"kind":"' + b"\xff" * 9 + b'"}\n', "no JSON"),
        (b"[" * 100 + b"\n", "more than 16 levels"), (b"x" * (1 << 20) + b"xx", "more than 1048576 bytes"),
        ({**base, "kind": "eat"}, '"kind"'), ({**base, "root_path": "rel"}, "no absolute path"),
        (base, 'descriptor "root" is missing'), ({**base, "full": "yes"}, '"full" is neither'),
    ]
    for line, pattern in lines:
        answers = daemon.ask(line)
        said = answers[-1] if answers else {}
        shown = line[:40] if isinstance(line, bytes) else line
        tap.check(None if said.get("answer") == "declined" and pattern in said["text"] else f"{answers}",
                  f"refused: {shown!r}")
    with open(os.devnull) as f:
        for n in (1, 3, 4, 5, 9):
            answers = daemon.ask(base, [f.fileno()] * n)
            tap.check(None if answers and answers[-1]["answer"] == "declined" else str(answers),
                      f"{n} descriptors that the line doesn't name")
        answers = daemon.ask({**base, "fds": ["root", "dockerfile"]}, [f.fileno()] * 2)
        tap.check(None if answers[-1]["answer"] in ("declined", "failed") else str(answers),
                  "a root that is no directory")
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(daemon.path))
    s.send(b'{"kind":')
    s.close()
    answers = daemon.ask({**base, "ctxd": "0.0.1"})
    tap.check(None if answers[-1].get("why") == "version" else str(answers),
              "a client of another release is declined with that reason")
    answers = daemon.ask({**base, "build": "x"})
    tap.check(None if answers[-1].get("why") == "version" else str(answers), "so is a client of another build")
    after = until(lambda: daemon.fds() <= before)
    tap.check(None if after else f"{daemon.fds()} after {before}", "none of these leaves a descriptor open")

    fd = os.open(box.top, os.O_RDONLY)
    digest = {**base, "fds": ["root", "dockerfile"], "mount_ns_dev": 1, "mount_ns_ino": 1}
    answers = daemon.ask(digest, [fd, fd])
    tap.check(None if answers[-1].get("why") == "foreign" else str(answers), "another mount namespace is foreign")
    ns = os.stat("/proc/self/ns/mnt")
    digest |= {"mount_ns_dev": ns.st_dev, "mount_ns_ino": ns.st_ino, "root_path": "/"}
    answers = daemon.ask(digest, [fd, fd])
    tap.check(None if answers[-1].get("why") == "foreign" else str(answers),
              "a root that the path doesn't lead to is foreign")
    os.close(fd)
    tap.check(box.same([], box.tree("context")), "it still serves")
    if os.geteuid() == 0:
        run = subprocess.run(["unshare", "-m", box.programs / "ctx-send", "--daemon=require", box.top / "context"],
                             env=box.environment(), capture_output=True, text=True, errors="replace")
        tap.check(None if "another mount namespace" in run.stderr else run.stderr,
                  "a client in another mount namespace works by itself")


def fakes(tap, box):
    box.fresh()
    root = box.tree("context")
    want = box.send("--no-daemon", root).out

    def line(s, **what):
        s.sendall((json.dumps(what) + "\n").encode())

    def declined(s, _, __):
        line(s, answer="declined", why="version", code=93, text="of another release")

    def closed(s, _, __):
        pass

    def begun(s, _, __):
        s.shutdown(socket.SHUT_RD)  # so that the output can't be handed over
        line(s, answer="started")

    def failed(s, _, __):
        line(s, answer="failed", code=13, text="can't read", untouched=True)

    def nonsense(s, _, __):
        s.sendall(b"no\n")

    for fake in (declined, closed, begun, failed, nonsense):
        with FakeDaemon(box.socket, fake):
            run = box.send(root)
            tap.check(run.fault() or (run.out != want and "other bytes"),
                      f"a daemon that has done nothing ({fake.__name__}): the same bytes")
            tap.check(box.send("--daemon=require", root).fault(1, "--daemon=require"),
                      f"… but not with --daemon=require ({fake.__name__})")

    def half(s, _, fds):
        line(s, answer="started")
        _, ancillary, _, _ = s.recvmsg(64, socket.CMSG_LEN(64))
        out = array.array("i", ancillary[0][2])[0]
        os.write(out, b"half a stream")
        os.close(out)

    def half_failed(s, _, fds):
        half(s, _, fds)
        line(s, answer="failed", code=5, text="the disk is broken", untouched=False)

    for fake, pattern in ((half, "in the middle"), (half_failed, "the disk is broken")):
        with FakeDaemon(box.socket, fake):
            run = box.send(root)
            tap.check(run.fault(1, pattern) or (run.out != b"half a stream" and str(run.out)),
                      f"a daemon that ends after some bytes ({fake.__name__}): the client fails, and writes no more")
            run = box.send("-o", box.top / "out.tar", root)
            tap.check(run.fault() or ((box.top / "out.tar").read_bytes() != want and "other bytes"),
                      f"… with -o it begins again ({fake.__name__})")

    hold = threading.Event()

    def silent(s, _, __):
        hold.wait(30)

    with FakeDaemon(box.socket, silent):
        began = time.monotonic()
        run = box.send(root)
        took = time.monotonic() - began
        tap.check(run.fault() or (run.out != want and "other bytes") or (not 4 < took < 10 and f"{took:.1f} s"),
                  "a client waits five seconds for a daemon that sends nothing")
        hold.set()


def cases(tap, box):
    directories(tap, box)
    users(tap, box)
    outputs(tap, box)
    messages(tap, box)
    fakes(tap, box)
