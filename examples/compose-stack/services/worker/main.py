"""Follows the queue file and prints where each parcel is."""

import os
import sys
import time

from libs.events import decode


def follow(path):
    with open(path, encoding="utf-8") as queue:
        while True:
            line = queue.readline()
            if line:
                yield decode(line)
            else:
                time.sleep(0.2)


if __name__ == "__main__":
    for event in follow(os.environ.get("QUEUE_FILE", "/tmp/queue")):
        print(f"{event.parcel} is at {event.place}")
        sys.stdout.flush()
