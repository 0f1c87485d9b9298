# SPDX-License-Identifier: Apache-2.0
"""What builders ask for: bodies, conditions, errors, and bodies that are cut."""

import http.client
import os
import re
import shutil
import threading

from http_server import HOST, TIMEOUT, Response, differ, whole


def answers(tap, s):
    plain, packed = s.path("size=300000"), s.path("size=300000", "gzip", 1)
    r = s.get(plain)
    tap.check(whole(r, 300000), "a GET gives the whole body, with its length and ETag")
    tap.check(differ(r["Content-Type"], "application/x-tar"), "the Content-Type of a tar is right")
    tap.check(differ([r[n] for n in ("Last-Modified", "Content-Encoding", "Transfer-Encoding")], [None] * 3),
              "there is no header that a builder would put into its cache key")
    z = s.get(packed)
    tap.check(whole(z, 300000), "a gzip has another ETag and its own bytes")
    tap.check(differ((z["Content-Type"], z["ETag"] == r["ETag"]), ("application/gzip", False)),
              "the Content-Type of a gzip is right")
    head = s.get(plain, "HEAD")
    tap.check(differ((head.status, head.body, [h for h in head.head if h[0] != "Date"]),
                     (200, b"", [h for h in r.head if h[0] != "Date"])), "a HEAD is a GET without the body")
    part = s.get(plain, Range="bytes=10-20")
    tap.check(whole(part, 300000) or differ(part["Accept-Ranges"], "none"), "a Range is ignored")
    tap.check(whole(s.get(plain, Accept_Encoding="gzip, zstd"), 300000), "Accept-Encoding changes nothing")
    tap.check(whole(s.get(plain + "?a=b&%00"), 300000), "a query changes nothing")
    bare = s.get(s.path("size=300000", bare=True))
    tap.check(whole(bare, 300000) or (bare["ETag"] == r["ETag"] and "the same ETag"), "a bare context has another ETag")
    tap.check(whole(s.get(s.path("size=1")), 1), "a body may be one byte")
    tap.check(whole(s.get(s.path("size=262144")), 262144), "a body may end with a block")
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=TIMEOUT)
    seen = []
    for method in ("HEAD", "GET", "GET"):
        c.request(method, plain)
        seen.append(len(c.getresponse().read()))
    tap.check(differ(seen, [0, 300000, 300000]), "a connection serves several requests")
    c.close()
    one = f"HEAD {plain} HTTP/1.1\r\n{HOST}"
    got = s.raw(f"{one}\r\n{one}\r\n{one}Connection: close\r\n\r\n")
    tap.check(differ(got.count(b"HTTP/1.1 200 OK"), 3),
              "a client may send requests before it has the answers of others")
    tap.check(whole(Response(s.raw(f"GET {plain} HTTP/1.0\r\n\r\n")), 300000), "HTTP/1.0 needs no Host")
    tap.check(together(s, plain), "ten clients at once each get the whole body")


def together(s, path):
    wrong = []

    def work():
        for _ in range(10):
            if why := whole(s.get(path), 300000):
                wrong.append(why)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return wrong and wrong[0]


def conditions(tap, s):
    path = s.path("size=5000")
    etag = s.get(path)["ETag"]
    weak = "W/" + etag
    unchanged = [etag, weak, f'"a", {etag}', f'W/"a" ,{weak}, "b"', "*", f", ,{etag}",
                 ", ".join([f'"sha256-{i:064x}"' for i in range(12000)] + [etag])]
    for value in unchanged:
        for method in ("GET", "HEAD"):
            r = s.get(path, method, If_None_Match=value)
            why = differ((r.status, r["ETag"], r.body), (304, etag, b""))
            # A length that is told with a 304 must be the one of a 200.
            why = why or differ(r["Content-Length"] in (None, "5000"), True)
            tap.check(why, f"{method}: unchanged, for {value[:60]}{'…' if len(value) > 60 else ''}")
    for value in ['"a"', etag.strip('"'), etag[:-1], etag.upper(), f'"a" {etag}', f"x, {etag}", f"*, {etag}", '"*"',
                  ""]:
        tap.check(whole(s.get(path, If_None_Match=value), 5000), f"another, for {value[:60] or 'nothing'}")
    two = s.raw(f'GET {path} HTTP/1.1\r\n{HOST}If-None-Match: "a"\r\nif-none-match: {etag}\r\n'
                "Connection: close\r\n\r\n")
    tap.check(differ(Response(two).status, 304), "several If-None-Match lines are one list")
    after = (f"GET {path} HTTP/1.1\r\n{HOST}If-None-Match: *\r\n\r\n"
             f"GET /healthz HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
    got = s.raw(after)
    tap.check(differ((got.count(b"HTTP/1.1"), got[-5:]), (2, b"\r\nok\n"[-5:])),
              "what follows a 304 is the next answer")
    s.write("FROM busybox\n")
    r = s.get(path, If_None_Match=etag)
    tap.check(whole(r, 5000) or (r["ETag"] == etag and "the same ETag"), "an edited Dockerfile counts at once")
    s.write("FROM scratch\n")
    tap.check(differ(s.get(path, If_None_Match=etag).status, 304), "and so does taking the edit back")


def errors(tap, s):
    path = s.path("size=5000")
    token = path.split("/")[1]
    ways = ["/", "/x", f"/{'0' * 32}/context.tar", f"/{token}", f"/{token}/", f"/{token}/context.zip",
            f"/{token.upper()}/context.tar" if token.upper() != token else "/X", f"/{token}%2fcontext.tar",
            f"//{token}/context.tar", f"/{token}/../{token}/context.tar", f"/./{token}/context.tar",
            f"/{token}/context.tar/", f"/{token}/context.tar%00", f"/{token[:-1]}/context.tar",
            f"/{token}0/context.tar"]
    first = s.get(ways[0])
    shape = (404, [h for h in first.head if h[0] != "Date"], first.body)
    for way in ways:
        r = s.get(way)
        got = (r.status, [h for h in r.head if h[0] != "Date"], r.body)
        tap.check(differ(got, shape), f"nothing is at {way.replace(token, 'TOKEN')}")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW", "get", "G" * 4000):
        r = s.get(path, method)
        tap.check(differ((r.status, r["Allow"]), (405, "GET, HEAD")), f"{method[:20]} is no method here")
    r = s.get(s.path("refuse"))
    tap.check(differ((r.status, r["Content-Type"][:10], r.body),
                     (500, "text/plain", b'can\'t read "secret": add it to the ignore file\n')),
              "a failure says what to do")
    tap.check(differ(s.get(s.path("refuse"), "HEAD").body, b""), "the failure of a HEAD has no text")
    os.unlink(os.path.join(s.context, "Dockerfile"))
    r = s.get(path)
    tap.check(differ((r.status, b"no Dockerfile" in r.body), (500, True)), "a missing Dockerfile is named")
    shutil.rmtree(s.context)
    r = s.get(path)
    tap.check(differ((r.status, b"the context is gone" in r.body), (410, True)), "a context that was deleted gives 410")
    os.mkdir(s.context)
    s.write("FROM scratch\n")
    tap.check(whole(s.get(path), 5000), "a new directory at its path is the context")
    tap.check(differ(s.url("x", "zstd", 3)[:6], "error:"), "no address is made for zstd")
    for host in ("evil.example", f"evil.example:{s.port}", "127.0.0.1.evil.example"):
        r = Response(s.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
        tap.check(differ(r.status, 403), f"a page of {host} reads nothing")
    r = Response(s.raw(f"GET {path} HTTP/1.1\r\nHost: localhost:{s.port}\r\nConnection: close\r\n\r\n"))
    tap.check(whole(r, 5000), "localhost is accepted as a Host")


def cut(tap, s):
    for at in (0, 1, 262143, 262144, 999999):
        r = s.get(s.path(f"size=1000000,fail={at}"))
        why = differ((r.status, r["Content-Length"], len(r.body)), (200, "1000000", at))
        tap.check(why, f"a body that fails after {at} bytes ends there")
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=TIMEOUT)
    c.request("GET", s.path("size=1000000,fail=300000"))
    why = "the client took it for whole"
    try:
        c.getresponse().read()
    except http.client.IncompleteRead:
        why = None
    tap.check(why, "a client sees that it is cut")
    after = s.raw(f"GET {s.path('fail=10')} HTTP/1.1\r\n{HOST}\r\nGET /healthz HTTP/1.1\r\n{HOST}\r\n")
    tap.check(differ(after.count(b"HTTP/1.1"), 1), "no bytes follow a cut body, which could fill its length")
    tap.check(differ(len(re.findall(r"event=http-cut .*changed while", s.said())), 7),
              "each cut body is logged with its reason")
    tap.check(s.wait_idle({"running": 0, "connections": 0}), "no lane is taken after a cut body")
