# SPDX-License-Identifier: Apache-2.0
"""What ctxd lets go: contexts that nobody asks for, file systems that are unmounted, and itself,
when its socket, lock or directory is gone."""

import os
import shutil
import subprocess
import time

from daemon import until


def paths(daemon):
    return [r["path"] for r in daemon.status()["roots"]]


def unused(tap, box):
    box.fresh()
    root, other = box.tree("unused"), box.tree("used", seed=2)
    daemon = box.daemon("--forget=2", "--audit=1")
    box.send("--daemon=require", root)

    def gone():
        box.send("--daemon=require", other)
        time.sleep(0.2)
        return str(root) not in paths(daemon)
    tap.check(None if until(gone) else str(paths(daemon)), "a context that nobody asks for is let go")
    tap.check(None if str(other) in paths(daemon) else "gone", "… and one that is used is kept")
    tap.check(box.same([], root), "… and it is known again when it is asked for")
    tap.check(None if daemon.status()["limits"]["forget"] == 2 else "no", "status says when")
    daemon.end()


def unmounts(tap, box):
    if os.geteuid() != 0:
        tap.skip("not root", "a file system with a context can be unmounted")
        return
    box.fresh()
    mounted = box.top / "fs"
    mounted.mkdir()
    daemon = box.daemon(command=["unshare", "-m", "--propagation", "private", box.programs / "ctxd", "--http=off"])
    other = box.tree("other", seed=3)

    def inside(script):
        return subprocess.run(["nsenter", "-t", str(daemon.process.pid), "-m", "sh", "-ec", f"cd {box.top}\n{script}"],
                              env={**box.environment(), "bin": str(box.programs)}, capture_output=True)

    def fault(path="fs/r"):
        runs = [inside(f"$bin/ctx-send --daemon={how} {path}") for how in ("never", "require")]
        if any(r.returncode for r in runs):
            return str([r.stderr for r in runs])
        return runs[0].stdout != runs[1].stdout and "other bytes"

    def make(text):
        return ("mount -t tmpfs none fs; mkdir fs/r fs/r/d; printf 'FROM scratch\\nCOPY . /\\n' >fs/r/Dockerfile\n"
                f"echo {text} >fs/r/d/f; ")

    def unmount(how, script, title):
        tap.check(fault() or fault(), f"{title}: it is served")
        run = inside(script)
        tap.check(run.stderr.decode() or None, f"{title}: it can be unmounted at once")
        tap.check(None if until(lambda: str(mounted / "r") not in paths(daemon)) else str(paths(daemon)),
                  f"{title}: {how}")

    tap.check(inside(make("one")).stderr.decode() or None, "a file system is mounted")
    unmount("its context is let go", "umount fs", "a file system")
    tap.check(inside(make("two")).stderr.decode() or fault(), "another one at its place is another context")
    tap.check(inside("umount fs; " + make("six")).stderr.decode() or fault(), "… also if it comes at once")
    unmount("its context is let go", "umount -l fs", "lazily")
    inside("mkdir fs/r; mount --bind other fs/r")
    unmount("its context is let go", "umount fs/r", "a bind mount")
    inside("mount --bind other fs/r; mount -t tmpfs none fs/r/d1; echo x >fs/r/d1/x")
    tap.check(fault() or fault(), "a mount below a context: it is served")
    tap.check(inside("umount fs/r/d1").stderr.decode() or fault(), "… and can be unmounted at once")
    inside("umount fs/r")
    tap.check(fault("other"), "another context is as it was")
    tap.check(daemon.end() and "status", "it ends well")
    # Of an older ctxd the descriptor of the root would keep it busy.
    subprocess.run(["umount", "-l", str(mounted)], capture_output=True)


def replaced(tap, box):
    """Removed and made anew, perhaps with the same inode number, as no descriptor holds it."""
    box.fresh()
    root = box.tree("replaced")
    daemon = box.daemon()
    for n in range(6):
        tap.check(box.same([], root) or box.same([], root), f"a root that is removed and made anew, {n}: served")
        shutil.rmtree(root)
        box.tree("replaced", seed=n + 7)
    # With the same number the first answer uses what is known of the old one, and lets it go.
    tap.check(box.same([], root) or box.same([], root), "… and at the end")
    tap.check(None if until(lambda: len(paths(daemon)) == 1) else str(paths(daemon)), "… one of them is left")
    fds = daemon.fds()
    for n in range(30):
        box.send("--daemon=require", box.tree(f"many{n}", n=2))
    links = [os.readlink(f"/proc/{daemon.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{daemon.process.pid}/fd")]
    held = [l for l in links if l.startswith(str(box.top)) and "many" in l]
    tap.check(None if not held and fds else str(held), "no directory of a context is open between answers")
    daemon.end()


def ended(daemon, seconds=20):
    """The status of a ctxd that should end by itself, or None."""
    try:
        status = daemon.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    daemon.ended = True
    return status


def unreachable(tap, box):
    root = box.tree("unreachable")
    removals = [
        ("its runtime directory is removed", lambda: shutil.rmtree(box.runtime)),
        ("the directory of its socket is removed", lambda: shutil.rmtree(box.socket.parent)),
        ("… is renamed", lambda: box.socket.parent.rename(box.runtime / "elsewhere")),
        ("its socket is removed", lambda: box.socket.unlink()),
        ("another file takes the place of its socket",
         lambda: (box.socket.unlink(), box.socket.write_text(""))),
        ("its lock is removed", lambda: (box.socket.parent / "ctxd.sock.lock").unlink()),
    ]
    for title, remove in removals:
        box.fresh()
        first = box.daemon()
        tap.check(box.same([], root), f"{title}: before")
        remove()
        tap.check(box.send(root).fault(), f"{title}: a client does the work itself")
        if box.socket.exists() and not box.socket.is_socket():
            box.socket.unlink()
        box.runtime.mkdir(mode=0o700, exist_ok=True)
        # At once, beside the first, with the same cache.
        second = box.daemon()
        status = ended(first)
        said = first.said()
        box.daemons.remove(first)  # which must end with 0
        tap.check(None if status == 1 and "event=unreachable" in said and "removed or replaced" in said
                  else f"{status} {said[-600:]}", f"{title}: it ends, with a message and status 1")
        tap.check(box.same([], root) or box.same(["-z"], root), f"{title}: the next one serves, and stays reachable")
        tap.check(None if second.counter("send") >= 2 else "no", f"{title}: … itself")
        tap.check(second.end() and "another status", f"{title}: … and ends well")


def cases(tap, box):
    unreachable(tap, box)
    unused(tap, box)
    unmounts(tap, box)
    replaced(tap, box)
