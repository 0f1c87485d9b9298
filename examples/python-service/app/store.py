"""Readings by sensor, newest last, bounded."""

from collections import defaultdict, deque
from threading import Lock


class Store:
    def __init__(self, keep=1000):
        self._lock = Lock()
        self._readings = defaultdict(lambda: deque(maxlen=keep))

    def add(self, sensor, value):
        with self._lock:
            self._readings[sensor].append(float(value))

    def sensors(self):
        with self._lock:
            return sorted(self._readings)

    def average(self, sensor):
        with self._lock:
            values = self._readings.get(sensor)
            return sum(values) / len(values) if values else None
