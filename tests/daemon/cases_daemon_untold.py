# SPDX-License-Identifier: Apache-2.0
"""Changes that Linux reports to no watcher: --verify is right at once, and an audit heals the rest."""

import ctypes
import os
import platform
import shutil
import struct
import subprocess
import time

from daemon import until

# io_setup, io_getevents, io_submit
CALLS = {"x86_64": (206, 208, 209), "aarch64": (0, 4, 2)}.get(platform.machine())
LIBC = ctypes.CDLL(None, use_errno=True)


def submit(fd, data):
    """Writes at the beginning of a file by io_submit(2); returns whether it could."""
    setup, getevents, call = CALLS
    context, text, done = ctypes.c_ulong(0), ctypes.create_string_buffer(data), ctypes.create_string_buffer(32)
    if LIBC.syscall(setup, 1, ctypes.byref(context)) < 0:
        return False
    # struct iocb of linux/aio_abi.h: data, key, flags, opcode 1 (PWRITE), priority, fd, address, length, offset …
    block = ctypes.create_string_buffer(
        struct.pack("<QIiHhIQQqQII", 0, 0, 0, 1, 0, fd, ctypes.addressof(text), len(data), 0, 0, 0, 0))
    blocks = (ctypes.c_void_p * 1)(ctypes.addressof(block))
    if LIBC.syscall(call, context, ctypes.c_long(1), blocks) != 1:
        return False
    LIBC.syscall(getevents, context, ctypes.c_long(1), ctypes.c_long(1), done, None)
    return True


def verified(box, root):
    want = box.send("--no-daemon", cwd=root)
    got = box.send("--daemon=require", "--verify", cwd=root)
    if want.status or got.status:
        return want.err + got.err
    return want.out != got.out and "other bytes"


def healed(tap, box, title, root, change, undo):
    """Changes a file that was remembered before, so that no answer reads it by itself."""
    box.fresh()
    daemon = box.daemon("--audit=0")

    def remembered():
        # A chunk gets its name when its files are older than a tick of the clock.
        time.sleep(0.1)
        return box.same([], root) or box.same([], root)
    fault = remembered()
    change()
    if not box.same([], root):
        tap.note(f"{title}: this kernel reports it")
    tap.check(fault or verified(box, root), f"{title}: --verify is right")
    tap.check(box.same([], root), f"{title}: … and so is each answer from then on")
    undo()
    tap.check(remembered(), f"{title}: its end is reported")
    daemon.end()
    daemon = box.daemon("--audit=1")
    fault = remembered()
    change()
    audits = daemon.counter("audits")
    until(lambda: daemon.counter("audits") >= audits + 2)
    tap.check(fault or box.same([], root), f"{title}: an audit heals it")
    undo()
    daemon.end()


def submitted(tap, box):
    if not CALLS:
        tap.skip("another machine", "asynchronous writes")
        return
    root = box.tree("submitted")
    path = root / "d0" / "f0"
    path.write_bytes(b"0123456789")
    held = []

    def change():
        held.append(open(path, "r+b", buffering=0))
        if not submit(held[0].fileno(), os.urandom(5).hex().encode()):
            raise OSError("io_submit")
    healed(tap, box, "an asynchronous write of the same size by a descriptor that stays open", root, change,
           lambda: held.pop().close())


def image(tap, box):
    root = box.tree("image")
    mounted = box.top / "image.mnt"
    mounted.mkdir()
    disk = root / "disk.img"
    subprocess.run(["truncate", "-s", "1M", disk], check=True)

    def mount():
        return subprocess.run(["mount", "-o", "loop", disk, mounted], capture_output=True).returncode == 0

    def unmount():
        subprocess.run(["umount", "-d", mounted], check=True)
    tools = os.geteuid() == 0 and all(map(shutil.which, ("mkfs.ext2", "mount", "umount")))
    if not tools or subprocess.run(["mkfs.ext2", "-q", disk]).returncode or not mount():
        tap.skip("no loop devices", "writes to a mounted image")
        return
    unmount()

    def change():
        if not mount():
            raise OSError("mount")
        (mounted / "file").write_bytes(os.urandom(100))
        subprocess.run(["sync", "-f", mounted], check=True)
    try:
        healed(tap, box, "a write to an image by its mounted file system", root, change, unmount)
    finally:
        subprocess.run(["umount", "-d", mounted], capture_output=True)


def cases(tap, box):
    submitted(tap, box)
    image(tap, box)
