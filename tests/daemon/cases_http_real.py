# SPDX-License-Identifier: Apache-2.0
"""A whole ctxd: contexts by HTTP are what ctx-send writes, and are counted."""

import hashlib
import json
import os
import random
import shutil

from http_server import HOST, Response, differ, read_all, whole
from metrics_format import read_metrics


def real(tap, s):
    s.write("Dockerfile", "FROM scratch\nCOPY src /\n")
    s.write("src/a", random.Random(1).randbytes(3000000))
    s.write("src/b", "b")
    plain, packed, bare = s.path(), s.path("-z"), s.path("--bare")

    def same(path, *args):
        return differ(digest(s.get(path).body), digest(s.run("ctx-send", "--no-daemon", *args, ".")))

    tap.check(same(plain), "the address gives what ctx-send writes")
    tap.check(same(packed, "-z"), "the gzip address gives what ctx-send -z writes")
    tap.check(differ(b"Dockerfile" in s.get(bare).body, False), "a bare context is without the Dockerfile")
    tap.check(differ(s.path("."), plain), "the same question has the same address")
    etag = s.get(plain)["ETag"]
    tap.check(differ(s.get(plain, "HEAD", If_None_Match=etag).status, 304), "an unchanged context is not sent")
    for name, what in (("src/b", "a file"), ("Dockerfile", "the Dockerfile"), (".dockerignore", "the ignore file")):
        s.write(name, {"src/b": "c", "Dockerfile": "FROM scratch\nCOPY src/a /\n", ".dockerignore": "**/a\n"}[name])
        r = s.get(plain, "HEAD", If_None_Match=etag)
        tap.check(differ((r.status, r["ETag"] == etag), (200, False)) or same(plain),
                  f"{what} that is edited counts at once")
        etag = r["ETag"]
    s.write("unread", "x")
    tap.check(differ(s.get(plain, "HEAD", If_None_Match=etag).status, 304),
              "a file that the build doesn't read changes nothing")
    os.unlink(os.path.join(s.context, ".dockerignore"))
    tap.check(counts(s), "each kind of request is counted and timed under its name")
    tap.check(dirty(s), "metrics and status tell what has changed, before an answer and after")
    tap.check(changed_meanwhile(s), "a file that changes while it is sent cuts the body")
    tap.check(same(plain), "the next body is right")
    status = s.stop()
    tap.check(differ(status, 0), "it ends well")
    s.start()
    tap.check(differ(s.path(), plain) or same(plain), "after a restart the address is the same")
    shutil.rmtree(s.context)
    tap.check(differ(s.get(plain).status, 410), "a context that was deleted gives 410")
    os.makedirs(os.path.join(s.context, "src"))
    s.write("Dockerfile", "FROM scratch\nCOPY src /\n")
    s.write("src/new", "new")
    tap.check(same(plain), "a new directory at its path is served")


def numbers(s, name, label=None):
    """The samples of a metric, by a label's value; without one, the only one."""
    samples, why = read_metrics(s.get("/metrics").body.decode())
    found = {dict(labels).get(label): n for (sample, labels), n in samples.items() if sample == name}
    return found if label else found.get(None, why)


def counts(s):
    before = numbers(s, "ctxd_answer_seconds_count", "kind")
    path = s.path()
    etag = s.get(path)["ETag"]
    s.get(path, "HEAD")
    s.get(path, If_None_Match=etag)
    s.get(path, "HEAD", If_None_Match=etag)
    s.run("ctx-send", "--daemon=require", ".")
    s.run("ctx", "digest", ".")
    s.run("ctx-send", "--daemon=require", "--max-size=1", ".")  # refused: no answer
    after = numbers(s, "ctxd_answer_seconds_count", "kind")
    return differ({kind: after[kind] - before[kind] for kind in after},
                  {"url": 1, "http_get": 1, "http_head": 1, "http_unchanged": 2, "send": 1, "digest": 1})


def dirty(s):
    def told():
        status = json.loads(s.run("ctx", "status", "--json"))["roots"]
        in_metrics = [numbers(s, f"ctxd_{name}") for name in ("dirty_entries", "dirty_roots", "watch_queued_bytes")]
        in_status = [sum(r["dirty"] for r in status), sum(r["queued_bytes"] > 0 for r in status),
                     sum(r["queued_bytes"] for r in status)]
        return in_metrics if in_metrics == in_status else f"{in_metrics} in metrics, {in_status} in status"

    s.run("ctx", "digest", ".")
    s.run("ctx", "digest", ".")
    clean, total = told(), numbers(s, "ctxd_dirty_entries_total")
    for name in ("src/a", "src/b"):
        os.chmod(os.path.join(s.context, name), 0o600)
    waiting = told()
    s.run("ctx", "digest", ".")
    seen = told()
    return differ((clean, waiting[:2], waiting[2] > 0, seen), ([0, 0, 0], [0, 1], True, [2, 0, 0])) or \
        differ(numbers(s, "ctxd_dirty_entries_total") - total, 2)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def changed_meanwhile(s):
    """A large file is rewritten, in the same size, when its first bytes have been taken."""
    s.write("Dockerfile", "FROM scratch\nCOPY src/large /\n")
    s.write("src/large", b"a" * 100000000)
    with s.connect() as c:
        c.sendall(f"GET {s.path()} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode())
        head = c.recv(1 << 16)
        s.write("src/large", b"b" * 100000000)
        r = Response(head + read_all(c))
    os.unlink(os.path.join(s.context, "src/large"))
    s.write("Dockerfile", "FROM scratch\nCOPY src /\n")
    return len(r.body) >= int(r["Content-Length"]) and "it was taken for whole"
