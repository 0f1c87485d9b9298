# SPDX-License-Identifier: Apache-2.0
"""Malformed requests, slow senders, readers that stop, other users of the machine."""

import contextlib
import os
import socket
import subprocess
import threading
import time

from http_server import HOST, NOBODY, PYTHON, Response, differ, read_all, whole


def requests_of_an_enemy(path):
    """(what it is, its bytes, the statuses that are right; 0: closed without an answer)."""
    get = f"GET {path} HTTP/1.1\r\n{HOST}"
    yield "a path of 3 MB", "GET /" + "a" * 3000000 + f" HTTP/1.1\r\n{HOST}\r\n", {414, 431, 0}
    yield "a query of 3 MB", f"GET {path}?" + "a" * 3000000 + f" HTTP/1.1\r\n{HOST}\r\n", {414, 431, 0}
    yield "a million query arguments", f"GET {path}?" + "a&" * 1000000 + f" HTTP/1.1\r\n{HOST}\r\n", {414, 431, 413, 0}
    yield "a method of 3 MB", "A" * 3000000 + f" / HTTP/1.1\r\n{HOST}\r\n", {400, 405, 413, 414, 431, 501, 0}
    yield "a header of 3 MB", f"{get}X: {'a' * 3000000}\r\n\r\n", {431, 413, 0}
    yield "a header name of 3 MB", f"{get}{'a' * 3000000}: x\r\n\r\n", {431, 413, 0}
    yield "half a million headers", get + "X: y\r\n" * 500000 + "\r\n", {431, 413, 0}
    yield "a header that never ends", get + "X: y\r\n " * 200000 + "\r\n", {431, 413, 200, 0}
    yield "half a million cookies", get + "Cookie: " + "a=b;" * 500000 + "\r\n\r\n", {431, 413, 0}
    yield "no Host", f"GET {path} HTTP/1.1\r\n\r\n", {400}
    yield "HTTP/0.9", f"GET {path}\r\n\r\n", {400, 505}
    yield "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 405, 505}
    yield "HTTP/9.9", f"GET {path} HTTP/9.9\r\n{HOST}\r\n", {400, 505}
    yield "no version", f"GET {path} \r\n{HOST}\r\n", {400, 505}
    yield "TLS", \
          b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2 + b"\r\n\r\n", {400, 404, 405, 505, 0}
    yield "NULs", "\0" * 1000 + "\r\n\r\n", {400, 0}
    yield "a NUL in the path", f"GET /heal\0thz HTTP/1.1\r\n{HOST}\r\n", {400, 404}
    yield "a NUL in a header", f"{get}If-None-Match: \"a\0b\"\r\nConnection: close\r\n\r\n", {200, 400}
    yield "an escaped slash", f"GET {path.replace('/context', '%2fcontext')} HTTP/1.1\r\n{HOST}\r\n", {404}
    yield "an escaped NUL", f"GET {path}%00 HTTP/1.1\r\n{HOST}\r\n", {404}
    yield "a broken escape", f"GET {path}%zz% HTTP/1.1\r\n{HOST}\r\n", {400, 404}
    yield "an absolute address", f"GET http://127.0.0.1{path} HTTP/1.1\r\n{HOST}\r\n", {404, 200}
    yield "a tunnel", f"CONNECT 127.0.0.1:22 HTTP/1.1\r\n{HOST}\r\n", {405}
    yield "a body of a GET", f"{get}Content-Length: 5\r\n\r\nabcde", {200, 400, 413}
    yield "a body that is a lie", f"{get}Content-Length: 99999999999999999999\r\n\r\nabc", {200, 400, 413, 0}
    yield "two lengths", \
          f"POST {path} HTTP/1.1\r\n{HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", {400, 405}
    yield "chunks that lie", \
          f"POST {path} HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab", {400, 405, 413, 0}
    yield "an upgrade", f"{get}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", {200, 400}
    yield "a promise to go on", \
          f"POST {path} HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n", {405, 417}
    yield "folded lines", f"{get}X: a\r\n b\r\n\tc\r\nConnection: close\r\n\r\n", {200, 400}
    yield "a header without a colon", f"{get}nonsense\r\n\r\n", {200, 400, 0}
    yield "bare newlines", f"GET {path} HTTP/1.1\n{HOST.strip()}\nConnection: close\n\n", {200, 400}
    yield "bare returns", f"GET {path} HTTP/1.1\r{HOST.strip()}\r\r", {400, 0}


def hostile(tap, s):
    tap.check(differ(s.ask("hurry"), "hurried"), "the deadlines are short")
    path = s.path("size=100")
    for what, request, statuses in requests_of_an_enemy(path):
        got = s.raw(request)
        status = Response(got).status
        # What is not understood at all is ended by its deadline, without a word.
        why = None if status in statuses or (not got and 0 in statuses) else f"status {status}: {got[:200]}"
        tap.check(why or s.fault(), f"{what}: an error, or the right answer")
    tap.check(whole(s.get(path), 100), "a good request is served after all bad ones")
    before = s.kilobytes()
    for _ in range(3):
        for _, request, _ in requests_of_an_enemy(path):
            s.raw(request)
    grown = s.kilobytes() - before
    tap.check(grown > 8192 and f"{before} kB, and {grown} kB more", "three more rounds cost no memory")
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        for _ in range(20):
            c = stack.enter_context(s.connect())
            with contextlib.suppress(OSError):
                c.sendall(b"GET / HTTP/1.1\r\nX: ")
        tap.check(drip(s, path), "a client that sends a byte now and then is disconnected")
        tap.check(differ(s.get("/healthz").status, 200), "other clients are served meanwhile")
        tap.check(s.wait_idle({"connections": 0}, 20), "twenty clients that stop sending are disconnected")
        tap.note(f"{time.monotonic() - began:.1f} s")
    tap.check(flood(s, path), "past the limit of connections the idlest is closed, and a new one served")
    tap.check(s.fault(), "ctxd still runs")


def drip(s, path):
    with s.connect() as c:
        began = time.monotonic()
        c.settimeout(0.02)
        try:
            for byte in f"GET {path} HTTP/1.1\r\n{HOST}X: ".encode() + b"a" * 100000:
                c.sendall(bytes([byte]))
                with contextlib.suppress(TimeoutError):
                    if not c.recv(1):
                        break
        except (BrokenPipeError, ConnectionResetError):
            pass
        took = time.monotonic() - began
        return None if took < 10 else f"it took {took:.0f} s"


def flood(s, path):
    idle = []
    for i in range(60):
        idle.append(s.connect())
        time.sleep(0.002)
    r = s.get(path)
    for c in idle:
        c.close()
    return whole(r, 100) or s.wait_idle({"connections": 0})


def readers(tap, s):
    tap.check(differ(s.ask("hurry"), "hurried"), "the deadlines are short")
    size = 30000000
    path = s.path(f"size={size}")
    with s.connect() as a, s.connect() as b:
        for c in (a, b):
            c.sendall(f"GET {path} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode())
        tap.check(s.wait_idle({"parked": 2, "running": 0}), "a reader that stops reading is parked")
        tap.check(whole(s.get(s.path("size=7000")), 7000),
                  "others are served although as many readers as lanes have stopped")
        rest = []
        slowly = threading.Thread(target=lambda: rest.append(read_all(a, pause=0.02)))
        slowly.start()
        tap.check(s.wait_idle({"running": 1}), "a reader that goes on gets a lane again")
        slowly.join()
        tap.check(whole(Response(rest[0]), size), "the reader that goes on gets the rest")
        tap.check(s.wait_idle({"parked": 0, "running": 0, "connections": 0}),
                  "a reader that never goes on is disconnected")
        tap.check(differ(len(Response(read_all(b)).body) < size, True),
                  "the disconnected reader sees that bytes are missing")
    with s.connect() as c:
        c.sendall(f"GET {path} HTTP/1.1\r\n{HOST}\r\n".encode())
        c.recv(1000)
    tap.check(s.wait_idle({"parked": 0, "running": 0, "connections": 0}),
              "a reader that dies leaves no lane and no connection")
    fds = s.fds()
    for _ in range(30):
        with s.connect() as c:
            c.sendall(f"GET {path} HTTP/1.1\r\n{HOST}\r\n".encode())
            c.recv(1)
    tap.check(s.wait_idle({"connections": 0}) or differ(s.fds(), fds), "thirty readers that die leave no descriptor")
    slow = s.path("slow=700")
    began = time.monotonic()
    threads = [threading.Thread(target=s.get, args=(slow,)) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.2)
    tap.check(differ(s.idle()["running"], 2), "no more requests work at once than there are lanes")
    for t in threads:
        t.join()
    tap.check(differ(1.3 < time.monotonic() - began < 5, True), "the other requests wait for a lane")
    with s.connect() as c:
        c.sendall(f"GET {s.path('slow=3000')} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode())
        tap.check(differ(Response(read_all(c)).status, 200), "an answer may take longer than any deadline")


def as_nobody(s, script):
    """What a program of another user prints."""
    program = "import socket, sys, time\nport = int(sys.argv[1])\n" \
              "def ask(path):\n" \
              "    s = socket.create_connection(('127.0.0.1', port), 20)\n" \
              "    request = f'GET {path} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n'\n" \
              "    s.sendall(request.encode())\n" \
              "    return s.makefile('rb').read().decode('latin-1')\n" + script
    return subprocess.run([PYTHON, "-c", program, str(s.port)], user=NOBODY, group=NOBODY, extra_groups=[],
                          capture_output=True, text=True, timeout=60, cwd="/").stdout


def users(tap, s):
    if os.geteuid() != 0:
        tap.skip("only root can be another user", "another user gets nothing")
        return
    path = s.path("size=5000")
    got = as_nobody(s, f"print(ask('{path}'))")
    tap.check(differ((got[9:12], "ETag" in got), ("403", False)), "another user gets no context, token or not")
    tap.check(differ(as_nobody(s, "print(ask('/metrics'))")[9:12], "403"), "another user gets no metrics")
    tap.check(differ(as_nobody(s, f"print(ask('/{'0' * 32}/context.tar'))")[9:12], "403"),
              "another user gets 403, not 404, for a wrong address")
    tap.check(differ(as_nobody(s, "print(ask('/healthz'))")[9:12], "200"), "another user gets /healthz")
    mapped = f"s = socket.socket(socket.AF_INET6)\ns.connect(('::ffff:127.0.0.1', port))\n" \
             f"s.sendall(b'GET {path} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\nprint(s.recv(100).decode())"
    tap.check(differ(as_nobody(s, mapped)[9:12], "403"), "another user gets nothing by a socket of IPv6, either")
    hold = "held = [socket.create_connection(('127.0.0.1', port)) for _ in range(50)]\n" \
           "print('held', flush=True)\ntime.sleep(1.5)\n"
    child = subprocess.Popen([PYTHON, "-c", "import socket, sys, time\nport = int(sys.argv[1])\n" + hold, str(s.port)],
                             user=NOBODY, group=NOBODY, extra_groups=[], stdout=subprocess.PIPE, text=True, cwd="/")
    child.stdout.readline()
    time.sleep(0.3)
    n = s.idle()["connections"]
    tap.check(n > 5 and f"{n} connections", "fifty connections of another user don't fill the table")
    tap.check(whole(s.get(path), 5000), "the same user's requests are served meanwhile")
    child.wait()
    child.stdout.close()
    tap.check(s.wait_idle({"connections": 0}), "none of another user's connections stays")
    got = as_nobody(s, "s = socket.create_connection(('127.0.0.1', port))\nfor i in range(100):\n"
                       "    try:\n        s.sendall(b'G')\n    except OSError:\n        print('ended')\n        break\n"
                       "    time.sleep(0.1)\n")
    tap.check(differ(got.strip(), "ended"), "a slow client of another user is disconnected sooner")
