"""What the services tell each other, as lines of JSON."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ParcelMoved:
    parcel: str
    place: str


def encode(event):
    return json.dumps({"type": type(event).__name__, **asdict(event)}, sort_keys=True)


def decode(line):
    fields = json.loads(line)
    if fields.pop("type") != "ParcelMoved":
        raise ValueError("unknown event")
    return ParcelMoved(**fields)
