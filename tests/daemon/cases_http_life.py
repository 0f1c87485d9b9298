# SPDX-License-Identifier: Apache-2.0
"""/metrics; and ctxd's start and end: the port and the addresses are kept."""

import socket
import subprocess
import time

from http_server import HOST, TIMEOUT, Response, differ, read_all, whole
from metrics_format import blind_to, read_metrics


def metrics(tap, s):
    path = s.path("size=300000")
    etag = s.get(path)["ETag"]
    s.get(path, If_None_Match=etag)
    s.get(path, "HEAD")
    s.get("/nowhere")
    s.get(s.path("fail=3"))
    s.wait_idle({"connections": 0})  # a body is counted when its connection is done with it
    r = s.get("/metrics")
    text = r.body.decode()
    tap.check(differ((r.status, r["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8")),
              "metrics are text")
    tap.check(blind_to(), "the check of their format sees each fault")
    samples, why = read_metrics(text)
    if not tap.check(why or differ(len(samples) > 100, True), "each line is one that Prometheus reads"):
        return
    want = {"ctxd_http_responses_total code=304": 1, "ctxd_http_responses_total code=404": 1,
            "ctxd_http_cut_total": 1, "ctxd_requests_total kind=http": 6, "ctxd_bytes_out_total": 300003,
            "ctxd_chunks_total result=hit": 4, "ctxd_chunks_total result=packed": 2, "ctxd_watches": 50,
            "ctxd_results_total result=not_modified": 1, "ctxd_urls": 2, "ctxd_entries": 300,
            "ctxd_dirty_entries": 6, "ctxd_dirty_entries_total": 9, "ctxd_dirty_roots": 1,
            "ctxd_watch_queued_bytes": 64,
            "ctxd_tree_bytes": 4600, "ctxd_lanes state=busy": 0, "ctxd_audit_seconds_count": 0,
            **{f"ctxd_answer_seconds_count kind={kind}": n for kind, n in (
                ("http_get", 1), ("http_head", 1), ("http_unchanged", 1), ("send", 0), ("digest", 0), ("url", 0))}}
    got = {" ".join([name, *(f"{k}={v}" for k, v in labels)]): n for (name, labels), n in samples.items()}
    for name, number in want.items():
        tap.check(differ(got.get(name), number), f"{name} is {number}")
    tap.check(differ(0 < got["ctxd_answer_seconds_sum kind=http_get"] < TIMEOUT, True), "a latency is in seconds")
    tap.check(differ(int(got["process_resident_memory_bytes"]) > 1 << 20, True), "resident memory is in the metrics")
    tap.check(differ(0 < int(got["process_open_fds"]) - s.fds() + 1 < 4, True), "open descriptors are in the metrics")
    token = path.split("/")[1]
    tap.check(differ(token in s.said() or token in text, False), "a token is neither logged nor in the metrics")


def life(tap, s):
    url = s.url("size=9000")
    first = s.get("/" + url.split("/", 3)[3])
    status, _ = s.stop()
    tap.check(differ(status, 0), "it ends well")
    s.start()
    tap.check(differ(s.url("size=9000"), url), "port and path are the same after a restart")
    again = s.get("/" + url.split("/", 3)[3])
    tap.check(whole(again, 9000) or differ(again["ETag"], first["ETag"]),
              "after a restart the address serves before ctx url is called")
    port = s.port
    s.stop()
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port))
        thief.listen()
        s.start()
        tap.check(differ(s.port != port, True), "a port that another program has is left to it")
        other = s.port
        s.stop()
    s.start()
    tap.check(differ(s.port, other), "the next port is chosen, and kept")
    began, slow = time.monotonic(), s.path("slow=20000")
    with s.connect() as c, s.connect() as d, s.connect():
        for x in (c, d):
            x.sendall(f"GET {slow if x is c else s.path('size=90000000')} HTTP/1.1\r\n{HOST}\r\n".encode())
        time.sleep(0.3)
        status, seconds = s.stop()
        tap.check(differ((status, seconds < 5), (0, True)), "the end waits neither for work nor for readers")
        tap.check(differ(Response(read_all(c)).status in (0, 503), True), "clients at the end get no answer, or 503")
    tap.note(f"{time.monotonic() - began:.1f} s")
    s.start()
    with socket.socket() as wild:
        wild.settimeout(1)
        others = [a for a in local_addresses() if not a.startswith("127.")]
        reached = [a for a in others if wild.connect_ex((a, s.port)) == 0]
        tap.check(reached and f"reached at {reached}", "no other address of the machine reaches it")


def local_addresses():
    out = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout
    return [a for a in out.split() if ":" not in a]
