"""Takes parcel moves over HTTP and appends them to the queue file."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from libs.events import ParcelMoved, encode

QUEUE = os.environ.get("QUEUE_FILE", "/tmp/queue")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        query = parse_qs(urlsplit(self.path).query)
        try:
            event = ParcelMoved(query["parcel"][0], query["place"][0])
        except KeyError as missing:
            self.send_error(400, f"{missing} is missing")
            return
        with open(QUEUE, "a", encoding="utf-8") as queue:
            queue.write(encode(event) + "\n")
        self.send_response(202)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
