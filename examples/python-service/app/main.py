"""The HTTP side: `gunicorn app.main:app`."""

import csv
from pathlib import Path

from flask import Flask, jsonify, render_template, request
from prometheus_client import Counter, generate_latest

from app import __version__
from app.store import Store

READINGS = Counter("readings_total", "Readings taken", ["sensor"])


def create_app(store=None):
    app = Flask(__name__)
    store = store or Store()
    with (Path(__file__).parent / "data" / "sensors.csv").open() as sensors:
        known = {row["id"]: row["place"] for row in csv.DictReader(sensors)}

    @app.get("/health")
    def health():
        return jsonify(status="ok", version=__version__)

    @app.get("/")
    def index():
        rows = [(known.get(s, s), store.average(s)) for s in store.sensors()]
        return render_template("index.html", rows=rows)

    @app.post("/readings/<sensor>")
    def add(sensor):
        if sensor not in known:
            return jsonify(error=f"unknown sensor {sensor}"), 404
        try:
            store.add(sensor, request.get_json()["value"])
        except (KeyError, TypeError, ValueError):
            return jsonify(error="value is missing or no number"), 400
        READINGS.labels(sensor).inc()
        return jsonify(average=store.average(sensor)), 201

    @app.get("/metrics")
    def metrics():
        return generate_latest(), 200, {"Content-Type": "text/plain"}

    return app


app = create_app()
