# SPDX-License-Identifier: Apache-2.0
"""A stream that ends early, for whatever reason, never builds.

It is cut at each block before the last byte of the Dockerfile; or ctx-send ends it because a file
changed (a poisoned stream); or SIGKILL ends it. Docker accepts an archive without its end mark, so only
the order of the entries and the poison protect the user. This suite tests both.
"""

import io
import itertools
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

from compare import tree_differences
from engine import TIMEOUT, Request
from fixture import Case, file, hard, link, make_tree
from sender import CTX_SEND, options_of, send
from tap import Claims

FULL = bool(os.environ.get("FULL"))
BLOCK = 512
MIB = 1 << 20

ALL = "FROM scratch\nCOPY . /x/\n"
LONG = "FROM scratch AS first\nCOPY a.txt /x/\n" + "# ...................................\n" * 60 + "COPY d /y/\n"
TREE = ["a.txt d/f d/g/h e/", link("l", "a.txt"), hard("m", "a.txt"), file("d/n" + "n" * 120), file("s.sh", mode=0o755)]

CONTEXTS = [
    Case("a plain context", ALL, TREE),
    Case("a Dockerfile of several blocks", LONG, TREE),
    Case("a kept lower-case dockerfile", ALL, [*TREE, file("dockerfile", "FROM scratch\nCOPY a.txt /wrong/\n")]),
    Case("a kept lower-case dockerfile and a few files read", "FROM scratch\nCOPY a.txt dockerfile /x/\n",
         [*TREE, file("dockerfile", "FROM scratch\nCOPY a.txt /wrong/\n")]),
    Case("a kept Containerfile", ALL, [*TREE, file("Containerfile", "FROM scratch\nCOPY a.txt /wrong/\n")]),
    Case("an ignored Dockerfile", ALL, TREE, ignore="Dockerfile\n"),
    Case("-f with another Dockerfile in the context", None,
         [*TREE, file("Dockerfile", "FROM scratch\nCOPY a.txt /wrong/\n"), file("my.docker", ALL)],
         request=Request(file="ctx/my.docker")),
    Case("--dockerfile=plain", ALL, TREE, ignore="Dockerfile\n", request=Request(send=("--dockerfile=plain",))),
]


def run(tap, engine):
    with tempfile.TemporaryDirectory(prefix="live.") as top, ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(cut_claims, engine, case, os.path.join(top, f"cut{number}"))
                for number, case in enumerate(CONTEXTS)]
        poisons = [pool.submit(poison_claims, engine, os.path.join(top, f"poison{number}"), *which)
                   for number, which in enumerate(itertools.product(FORMS, PLACES, ACCIDENTS))]
        kills = [pool.submit(kill_claims, engine, os.path.join(top, builder), builder) for builder in engine.builders()]
        tails = {}
        for job in [*jobs, *poisons, *kills]:
            claims, found = job.result()
            tap.state(claims)
            tails |= {what: tail for what, tail in found.items() if what not in tails}
        tap.check(None if tails else "no accident was seen by ctx-send", "some accident ends a plain stream")
        tail_claims(tap, engine, os.path.join(top, "tails"), tails)


# -- cut ----------------------------------------------------------------------------------------

def cut_claims(engine, case, home):
    claims = Claims()
    os.mkdir(home)
    case.make(home)
    state_cuts(claims, engine, case, home)
    shutil.rmtree(home)
    return claims, {}


def state_cuts(tap, engine, case, home):
    sent = send(case.context, case.request, home, "s.tar", engine.env)
    if not tap.check(sent.status and sent.err, f"{case.title}: the stream is made"):
        return
    data = sent.bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        last = tar.getmembers()[-1]
    end = last.offset_data + last.size
    tap.check(None if last.name == "Dockerfile" else f"it is {last.name!r}",
              f"{case.title}: the Dockerfile is the last entry")
    cuts = list(range(0, end, 1 if FULL else BLOCK))
    if end - 1 not in cuts:
        cuts.append(end - 1)
    for builder in engine.builders():
        built = [cut for cut in cuts if engine.post_build(data[:cut], builder).image is not None]
        tap.check(built and f"builds when cut after {built} of {end} bytes",
                  f"{builder}: {case.title}: cut at {len(cuts)} places, it never builds")
        whole = engine.post_build(data, builder)
        tap.check(whole.image is None and whole.log, f"{builder}: {case.title}: whole, it builds")
        client = [cut for cut in sample(cuts, 4) if engine.build_tar(data[:cut], Request(), builder).image is not None]
        tap.check(client and f"builds when cut after {client}", f"{builder}: {case.title}: nor does it by way of the client")
        squeezed_claim(tap, engine, case, home, builder, whole)


def sample(cuts, count):
    return cuts[:1] + [cuts[len(cuts) * n // count] for n in range(1, count)] + cuts[-1:]


def squeezed_claim(tap, engine, case, home, builder, whole):
    """A cut gzip stream builds only if nothing but its checksum is missing."""
    sent = send(case.context, case.request, home, "s.tgz", engine.env, extra=("-z",))
    data, wrong = sent.bytes(), []
    for cut in range(0, len(data), 1 if FULL else 41):
        built = engine.post_build(data[:cut], builder)
        if built.image and tree_differences(engine.tree(whole.image), engine.tree(built.image)):
            wrong.append(cut)
    tap.check(sent.status and sent.err or wrong and f"builds something else when cut after {wrong} of {len(data)}",
              f"{builder}: {case.title}: gzipped and cut, it never builds another image")


# -- poison -------------------------------------------------------------------------------------

def vanish(path):
    os.unlink(path)


def shorten(path):
    os.truncate(path, MIB // 2 + 7)


def lengthen(path):
    with open(path, "ab") as out:
        out.write(b"more")


def rewrite(path):
    with open(path, "r+b") as out:
        out.seek(-5, os.SEEK_END)
        out.write(b"other")


def bar(path):
    os.unlink(path)
    os.mkdir(path)


ACCIDENTS = [(vanish, "vanishes"), (shorten, "gets shorter"), (lengthen, "gets longer"),
             (rewrite, "is written to"), (bar, "becomes a directory")]


# Where the file is, and (files, MiB each) to try: the last of many files, which is not begun yet, or one
# file that is half sent.
PLACES = [("at the end", ((24, 1), (96, 1), (384, 1))), ("in the middle of its data", ((1, 24), (1, 192)))]
FORMS = [("plain", ()), ("gzip", ("-z",))]


def poison_claims(engine, home, form, where, accident):
    """Claims about one stream that ctx-send ends because a file changes while the reader stalls; and the
    tail of the stream."""
    (kind, squeeze), (place, sizes), (happens, what) = form, where, accident
    claims, tails = Claims(), {}
    data, status, err, whole = stalled(engine, home, happens, squeeze, sizes)
    sentence = f"{kind}: a file that {what}, {place}, while the reader stalls"
    if status == 0:
        # The file was read before the change, or after it. Then the stream contains one version.
        claims.check(None if whole(data) else "a mixture of two versions", f"{sentence}, is sent in one version")
    else:
        claims.check(None if status == 1 and err.strip() else f"exit {status}, {err!r}",
                     f"{sentence}, ends the send with exit 1 and a message")
        rejected_by_all(claims, engine, data, sentence)
        if not squeeze:
            tails[what] = tail_of(data)
    shutil.rmtree(home)
    return claims, tails


def stalled(engine, home, accident, squeeze, sizes):
    """The bytes, exit code and message of a send during which the last file has an accident."""
    # How much is read ahead depends on the machine. Larger contexts are tried until a part is not read.
    for files, size in sizes:
        shutil.rmtree(home, ignore_errors=True)
        # Noise does not compress, so that a gzip stream stalls too.
        noise = random.Random(1).randbytes(size * MIB)
        make_tree(os.path.join(home, "ctx"), [file(f"d/{n:04}", noise) for n in range(files)]
                  + [file("Dockerfile", ALL)], "poison")
        victim = os.path.join(home, "ctx", "d", f"{files - 1:04}")
        words = [CTX_SEND, *squeeze, "ctx"]
        with subprocess.Popen(words, cwd=home, env=engine.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as child:
            data = child.stdout.read(BLOCK)
            stand_still(child.pid)
            accident(victim)
            data += child.stdout.read()
            err = child.stderr.read().decode(errors="backslashreplace")
            status = child.wait(TIMEOUT)
        if status != 0:
            break
    return data, status, err, lambda stream: consistent(stream, files, noise)


def stand_still(pid):
    """Waits until the program has done all it can, so that its processor time no longer grows."""
    before, same = None, 0
    while same < 4:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            now = stat.read().rsplit(")", 1)[1].split()[11:13]
        same = same + 1 if now == before else 0
        before = now
        time.sleep(0.05)


def consistent(stream, files, noise):
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        member = tar.getmember(f"d/{files - 1:04}")
        content = tar.extractfile(member).read() if member.isfile() else b""
    return content in (noise, noise[:MIB // 2 + 7], noise + b"more", noise[:-5] + b"other")


def rejected_by_all(tap, engine, data, sentence):
    for builder in engine.builders():
        built = engine.post_build(data, builder)
        tap.check(built.image and "it builds", f"{builder}: {sentence}: it never builds")
    for name, reads in READERS.items():
        if name != "Python" and shutil.which(name.split()[0]) is None:
            tap.skip(f"{name} is missing", f"{name} rejects {sentence}")
        else:
            tap.check("it is read without complaint" if reads(name, data) else None, f"{name}: {sentence}: is rejected")


def reads_by_command(name, data):
    """Tells whether a program lists the archive on its standard input. It unpacks the compression itself."""
    squeezed = data[:2] == b"\x1f\x8b"
    listing = [*name.split(), "-tzf" if squeezed else "-tf", "-"]
    return subprocess.run(listing, input=data, capture_output=True, timeout=TIMEOUT).returncode == 0


def reads_in_python(_, data):
    try:
        # Not "r|*": with gzip that mode stops after the first member without an error.
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
            for member in tar:
                if member.isfile():
                    shutil.copyfileobj(tar.extractfile(member), io.BytesIO())
        return True
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return False


READERS = {"tar": reads_by_command, "bsdtar": reads_by_command, "busybox tar": reads_by_command,
           "Python": reads_in_python}


def headers(data):
    """Offsets of the headers of a plain stream, up to the first place without a header."""
    at = 0
    while at + BLOCK <= len(data) and data[at + 257:at + 262] == b"ustar":
        yield at
        size = int(data[at + 124:at + 135].rstrip(b"\0 ") or b"0", 8)
        at += BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK


def tail_of(data):
    """What follows the last complete entry: the poison, or the beginning of a file that was cut."""
    *_, before, last = headers(data)
    return data[last:] if data[last + 156:last + 157] == b"x" else data[before:][:2 * BLOCK]


def tail_claims(tap, engine, home, tails):
    """Puts each kind of ending at every place of a small stream where an entry could begin."""
    case = CONTEXTS[0]
    os.mkdir(home)
    case.make(home)
    data = send(case.context, case.request, home, "s.tar", engine.env).bytes()
    places = [at for at in headers(data) if data[at:at + 10] != b"Dockerfile"]
    for what, tail in tails.items():
        if tail[156:157] != b"x":
            continue  # it is cut inside a file, which the cuts above test
        for name, reads in READERS.items():
            if name != "Python" and shutil.which(name.split()[0]) is None:
                continue
            read = [at for at in places if reads(name, data[:at] + tail)]
            tap.check(read and f"read without complaint: the ending at {read}",
                      f"{name}: the ending of a stream whose file {what}, at {len(places)} places, is rejected")
        for builder in engine.builders():
            built = [at for at in places if engine.post_build(data[:at] + tail, builder).image]
            tap.check(built and f"builds with the ending at {built}",
                      f"{builder}: the ending of a stream whose file {what}, at {len(places)} places, never builds")


# -- kill ---------------------------------------------------------------------------------------

def kill_claims(engine, home, builder):
    """SIGKILL at random: what reached Docker before never builds, unless it was the whole stream."""
    case = Case("killed", ALL, [file(f"d/{n % 40}/{n}", b"%d" % n * 4000) for n in range(800)])
    os.makedirs(home)
    case.make(home)
    request = Request()
    whole = os.path.getsize(send(case.context, request, home, "s.tar", engine.env).path)
    chance = random.Random(os.environ.get("SEED", "1"))
    claims, built, shots = Claims(), [], []
    for _ in range(40 if FULL else 8):
        after = chance.randrange(whole)
        passed, image = killed_build(engine, case, home, request, builder, after)
        shots.append(after)
        if image and passed < whole - 2 * BLOCK:  # more is missing than the end mark
            built.append((after, passed))
    claims.check(built and f"of {whole} bytes: (killed after, passed on): {built}",
                 f"{builder}: killed after {min(shots)} to {max(shots)} bytes, {len(shots)} times, it never builds")
    return claims, {}


def killed_build(engine, case, home, request, builder, after):
    """Kills ctx-send after so many bytes: (bytes that Docker got, the image or None)."""
    docker = subprocess.Popen(engine.command(builder, "-q", "-"), env=engine.client_env(builder),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    words = [CTX_SEND, *options_of(request), case.context]
    passed, killed = 0, False
    with subprocess.Popen(words, cwd=home, env=engine.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        while chunk := os.read(child.stdout.fileno(), 32 << 10):
            if not killed and passed + len(chunk) > after:
                child.kill()
                killed = True
            try:
                docker.stdin.write(chunk)
            except BrokenPipeError:
                break
            passed += len(chunk)
    out, _ = docker.communicate(timeout=TIMEOUT)
    return passed, out.decode().strip() if docker.returncode == 0 else None
