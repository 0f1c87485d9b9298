# SPDX-License-Identifier: Apache-2.0
"""Answers of ctxd that are cut short: groups of suite_daemon.py.

A file changes while the body is being sent, or the daemon is killed. Then the body is shorter than its
declared length, no builder makes an image of it, and the next build is right.
"""

import hashlib
import os
import random
import shutil
import socket
import subprocess
import time
import urllib.parse

from compare import image_differences
from ctxd import Answer, until
from engine import TIMEOUT, Request
from fixture import Case, file
from suite_cut import ACCIDENTS, ALL, BLOCK, MIB

FULL = bool(os.environ.get("FULL"))
FORMS = (("tar", ()), ("tar.gz", ("-z",)))
NOISE = random.Random(1).randbytes(MIB)  # does not compress, so that a gzip stream stalls too
TRIES = 12
# A file larger than 1 MiB is read from the tree while it is sent. Smaller files may already be in the
# store, packed; then their old version is sent.
LARGE_FILE = 2 * NOISE


def digest_difference(entry, *contents):
    """None if the entry is a file with one of the contents."""
    digests = {hashlib.sha256(content).hexdigest() for content in contents}
    return None if entry and entry.digest in digests else f"another content: {entry}"


# -- in the middle of a GET -----------------------------------------------------------------------

def cut_body(claims, engine, ctxd, home):
    """a file that changes in the middle of a GET cuts it short"""
    del engine
    for happens, what in ACCIDENTS:
        for form, options in FORMS:
            for size, content in (("small", NOISE), ("large", LARGE_FILE)):
                if size == "large" or happens in (ACCIDENTS[0][0], ACCIDENTS[3][0]):
                    sentence = f"{form}: a {size} file that {what} in the middle of a GET"
                    cut_one_body(claims, ctxd, home, options, content, happens, sentence)


def cut_one_body(claims, ctxd, home, options, content, happens, sentence):
    shutil.rmtree(os.path.join(home, "ctx"), ignore_errors=True)
    Case("cut", ALL, [*[file(f"d/{n:02}", NOISE) for n in range(16)], file("d/z", content)]).make(home)
    url = ctxd.url("ctx", Request(), *options, cwd=home)
    before = ctxd.send("never", "ctx", Request(), *options, cwd=home)
    with ctxd.counting() as spent:
        answer = slow_get(ctxd, url, lambda: happens(os.path.join(home, "ctx/d/z")))
    short = 0 < len(answer.body) < answer.length
    if content is LARGE_FILE:
        claims.check(None if short else f"{len(answer.body)} of {answer.length} bytes", f"{sentence}: the body is cut")
    else:
        claims.check(None if short else answer.fault(before.out), f"{sentence}: the body is cut, or of the version before")
    claims.check(spent.cut != short and str(spent), f"{sentence}: it is counted")
    after = ctxd.send("never", "ctx", Request(), *options, cwd=home)
    claims.check(ctxd.get(url).fault(after.out), f"{sentence}: the next body is right")


def slow_get(ctxd, url, accident):
    """The answer to a reader that stops after the first bytes, and reads on after the accident."""
    parts = urllib.parse.urlsplit(url)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        s.settimeout(TIMEOUT)
        s.connect((parts.hostname, parts.port))
        s.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        got = bytearray(s.recv(4 << 10))
        stand_still(ctxd)
        accident()
        while chunk := receive(s):
            got += chunk
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
    return Answer(int(head.split()[1]), fields.get("ETag"), int(fields["Content-Length"]), body)


def receive(s):
    try:
        return s.recv(1 << 20)
    except ConnectionResetError:
        return b""


def stand_still(ctxd):
    """Waits until the daemon has sent all that the buffers of the kernel take."""
    before, same = -1, 0
    while same < 4:
        now = ctxd.bytes_out()
        same = same + 1 if now == before else 0
        before = now
        time.sleep(0.05)


# -- in the middle of a build ---------------------------------------------------------------------

LARGE = [file(f"d/{n:03}", NOISE) for n in range(96)]


def version(number):
    """A large file in which every line names the version, so that a mixture of two is noticed."""
    return b"version %08d\n" % number * (3 * MIB // 17)


def large_context(home, title):
    Case(title, "FROM scratch\nCOPY z /z\n", [*LARGE, file("z", version(0))]).make(home)


def build_disturbed(engine, ctxd, url, disturb, builder="buildkit"):
    """Builds an address and disturbs the build: (the image or None, whether the build was still running)."""
    before = ctxd.bytes_out()
    words = engine.command(builder, "-q", url)
    with subprocess.Popen(words, env=engine.client_env(builder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as child:
        until(lambda: child.poll() is not None or ctxd.bytes_out() > before + 4 * MIB, TIMEOUT)
        hit = child.poll() is None
        disturb()
        out, _ = child.communicate(timeout=TIMEOUT)
    return out.strip() if child.returncode == 0 else None, hit


def cut_build(claims, engine, ctxd, home):
    """a file that changes in the middle of a build fails it, and never poisons the next"""
    large_context(home, "cut build")
    victim, request = os.path.join(home, "ctx/z"), Request()
    for form, options in FORMS:
        url = ctxd.url("ctx", request, "--full", *options, cwd=home)
        wrong, failed, number = [], 0, 0
        while number < TRIES and failed < 2:
            number += 1
            with open(victim, "rb") as old:
                versions = [old.read(), version(number)]

            def edit():
                with ctxd.stopped(), open(victim, "r+b") as out:
                    out.write(versions[1])

            image, _ = build_disturbed(engine, ctxd, url, edit)
            failed += image is None
            if image and (why := digest_difference(engine.tree(image).get("z"), *versions)):
                wrong.append(f"in the build, {why}")
            after = engine.build_dir(url, request, "buildkit", cache=True)
            why = digest_difference(engine.tree(after.image).get("z"), versions[1]) if after.image else after.log
            if why:
                wrong.append(f"in the next, {why}")
            if options and number >= 3:
                break  # a gzip is complete before its first byte is sent, so no change can hit it
        claims.check("\n".join(wrong) or None, f"{form}: of {number} builds and the next ones none has another version")
        if not options:
            claims.check(None if failed else f"none of {number} failed", f"{form}: a build fails whose context changes")
        want = engine.build_dir("ctx", request, "buildkit", cwd=home)
        have = engine.build_dir(url, request, "buildkit")
        claims.check("\n".join(image_differences(engine, want, have, history=True)), f"{form}: the last one is right")


# -- kill -9 --------------------------------------------------------------------------------------

def killed(claims, engine, ctxd, home):
    """a daemon that is killed in the middle of a stream builds nothing"""
    large = os.path.join(home, "large")
    os.mkdir(large)
    large_context(large, "killed")
    url = ctxd.url("ctx", Request(), "--full", cwd=large)
    for builder in engine.builders():
        built = hit = number = 0
        while number < TRIES and not hit:
            number += 1
            image, hit = build_disturbed(engine, ctxd, url, ctxd.kill, builder)
            built += hit and image is not None
            ctxd.start()
        claims.check(None if hit else "it was never in the middle", f"{builder}: by address, killed in the middle")
        claims.check(built and "it builds", f"{builder}: by address, it builds nothing")
        have = engine.build_dir(url, Request(), builder)
        claims.check(digest_difference(engine.tree(have.image).get("z"), version(0)) if have.image else have.log,
                     f"{builder}: the next daemon serves that address, and the build is right")
    killed_pipe(claims, engine, ctxd, home)


def killed_pipe(claims, engine, ctxd, home):
    """Kills the daemon at random places of a stream that ctx-send passes to Docker."""
    Case("killed", ALL, [file(f"d/{n % 40}/{n}", random.Random(n).randbytes(4000)) for n in range(800)]).make(home)
    chance = random.Random(os.environ.get("SEED", "1"))
    for builder in engine.builders():
        for form, options in FORMS:
            whole = len(ctxd.send("require", "ctx", Request(), *options, cwd=home).out)
            built, silent, shots = [], [], []
            for _ in range(20 if FULL else 4):
                after = chance.randrange(whole)
                passed, image, status = killed_send(engine, ctxd, home, builder, options, after)
                shots.append(after)
                cut = passed < whole - 2 * BLOCK
                built += [(after, passed)] if image and cut else []
                silent += [(after, passed)] if status == 0 and cut else []
                ctxd.start()
            sentence = f"{builder}: {form}: killed after {min(shots)} to {max(shots)} bytes of {whole}, {len(shots)} times"
            claims.check(built and f"(killed after, passed on): {built}", f"{sentence}, it never builds")
            claims.check(silent and f"(killed after, passed on): {silent}", f"{sentence}, ctx-send fails")


def killed_send(engine, ctxd, home, builder, options, after):
    """(bytes that Docker got, the image or None, ctx-send's status)."""
    docker = subprocess.Popen(engine.command(builder, "-q", "-"), env=engine.client_env(builder),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    passed, alive = 0, True
    with ctxd.sending("require", "ctx", Request(), *options, cwd=home, stdout=subprocess.PIPE,
                      stderr=subprocess.DEVNULL) as child:
        while chunk := os.read(child.stdout.fileno(), 16 << 10):
            if alive and passed + len(chunk) > after:
                ctxd.kill()
                alive = False
            try:
                docker.stdin.write(chunk)
            except BrokenPipeError:
                break
            passed += len(chunk)
        child.stdout.close()
        status = child.wait(TIMEOUT)
    out, _ = docker.communicate(timeout=TIMEOUT)
    return passed, out.decode().strip() if docker.returncode == 0 else None, status


GROUPS = [cut_body, cut_build, killed]
