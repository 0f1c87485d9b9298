# SPDX-License-Identifier: Apache-2.0
"""The examples, with the files that a working copy collects, and directories that every Debian has."""

import os

from engine import REPO, Request
from cases_ignore import OWN
from fixture import Case, file, link

# Files that a working copy contains after a day's work, and that must not be sent.
NOISE = [
    ".git/HEAD .git/config .git/objects/4b/825dc642cb6eb9a060e54bf8d69288fbee4904 .env notes.md debug.log",
    "target/debug/build/x target/release/deps/lock node_modules/vite/package.json node_modules/.bin/ dist/old.js",
    ".venv/pyvenv.cfg app/__pycache__/main.cpython-311.pyc secrets/db_password .vscode/settings.json",
    "src/main.rs.bk services/api/__pycache__/main.pyc libs/.git/HEAD",
    file("node_modules/.bin/vite", "#!/bin/sh\n", mode=0o755), link("node_modules/self", ".."),
]

ALL = "FROM scratch\nCOPY . /x/\n"


def example(name, dockerfile="Dockerfile", **more):
    more.setdefault("request", Request(file=f"ctx/{dockerfile}"))
    return Case(f"the example {name}, {dockerfile}", None, NOISE, copy_of=str(REPO / "examples" / name),
                source=f"examples/{name}", **more)


def existing(path, **more):
    return Case(f"{path} in place, Dockerfile outside", None, [], in_place=path,
                outside=[file("my.docker", ALL)], request=Request(file="my.docker"), source="this machine", **more)


CASES = [
    example("rust-api", request=Request()),
    example("rust-api", "Dockerfile.chef"),
    example("rust-api", "Dockerfile.dev", classic_apart=OWN, vary=[Request(file="ctx/Dockerfile.dev", args=(("TOOLS", "x"),))]),
    example("python-service", vary=[Request(file="ctx/Dockerfile", args=(("PYTHON", "3.13-slim"),))]),
    example("node-web", vary=[Request(file="ctx/Dockerfile", args=(("SOURCEMAP", "1"),))]),
    example("compose-stack", "services/api/Dockerfile"),
    example("compose-stack", "services/worker/Dockerfile",
            vary=[Request(file="ctx/services/worker/Dockerfile", args=(("QUEUE", "returns"),)),
                  Request(file="ctx/services/worker/Dockerfile", args=(("CONFIG", "monitoring"),)),
                  Request(file="ctx/services/worker/Dockerfile", args=(("CONFIG", "libs/events"),))]),
    example("compose-stack", "services/web/Dockerfile", classic_apart=OWN),
    example("compose-stack", "services/migrate/Dockerfile", builders=("buildkit",)),
    existing("/usr/share/zoneinfo"),
    existing("/etc/alternatives"),
    existing("/usr/lib/systemd"),
    existing("/usr/lib/python3.11", builders=("buildkit",)),
    existing("/usr/share/doc", builders=("buildkit",), slow=True),
    existing("/usr/include", builders=("buildkit",), slow=True),
    existing("/usr/share/man", builders=("buildkit",), slow=True),
]

if os.path.exists(REPO / ".git"):
    CASES.append(Case("this repository's own working copy", ALL, [], copy_of=str(REPO), ignore=".git/hooks\n**/*.md\n",
                      source="this repository"))
    CASES.append(Case("this repository's sources alone", "FROM scratch\nCOPY examples tests/live/*.py LICENSE /x/\n",
                      [], copy_of=str(REPO), ignore=".git\n", source="this repository"))
