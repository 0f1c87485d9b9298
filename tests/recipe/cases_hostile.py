# SPDX-License-Identifier: Apache-2.0
"""Hostile recipes are refused whole, with status 4 and nothing written."""

import base64
import hashlib
import json
import os
import random


def recipe(files=(), stubs=(), units=None, **more):
    files, stubs = list(files), list(stubs)
    units = units if units is not None else [{
        "eco": "npm", "dir": ".", "digest": "", "files": list(range(len(files))), "stubs": list(range(len(stubs))),
        "hint": {"install": [], "after": [], "needs": []}, "notes": []}]
    # With another version of the mask, the digest is not compared.
    ours = {"version": 1, "mask": 999, "stubset": 1, "digest": "", "units": units, "files": files, "stubs": stubs}
    return {"ctx_recipe": {**ours, **more}}


def text(path, content="x"):
    return {"path": path, "mode": "0644", "text": content}


def chef(path, targets=(), **more):
    return {"skeleton": {"manifests": [{"relative_path": path, "contents": "[package]\nname='a'\n",
                                        "targets": list(targets)}], "config_file": None, "lock_file": None,
                         "rust_toolchain_file": None, **more}}


UNSAFE = {
    "a path upwards": recipe([text("../x")]),
    "a path upwards inside": recipe([text("a/../../x")]),
    "an absolute path": recipe([text("/etc/ctx-recipe-test")]),
    "an empty path": recipe([text("")]),
    "a path of a dot": recipe([text("./a")]),
    "a path with an empty part": recipe([text("a//b")]),
    "a path that ends in a slash": recipe([text("a/")]),
    "a NUL in a path": recipe([text("a\0b")]),
    "a NUL in a content": recipe([text("a", "b\0c")]),
    "a backslash": recipe([text("a\\..\\b")]),
    "a drive": recipe([text("C:/x")]),
    "a line end in a path": recipe([text("a\nb")]),
    "a long name": recipe([text("a" * 256)]),
    "a long path": recipe([text("/".join(["a" * 200] * 30))]),
    "a path twice": recipe([text("a"), text("a", "y")]),
    "a file and a directory of one name": recipe([text("a"), text("a/b")]),
    "a file below a link": recipe([{"path": "a", "link": "b"}, text("a/x")]),
    "a stub below a link": recipe([{"path": "a", "link": "b"}], [{"path": "a/x", "kind": "rust-bin"}]),
    "a stub in place of a file": recipe([text("a")], [{"path": "a", "kind": "rust-bin"}]),
    "a link out": recipe([{"path": "a", "link": "../x"}]),
    "a link out from below": recipe([{"path": "a/b", "link": "../../x"}]),
    "an absolute link": recipe([{"path": "a", "link": "/etc/passwd"}]),
    "a link over another link": recipe([{"path": "a/l", "link": ".."}, {"path": "m", "link": "a/l/.."}]),
    "an empty link": recipe([{"path": "a", "link": ""}]),
    "a setuid mode": recipe([{"path": "a", "mode": "4755", "text": ""}]),
    "a mode that all may write": recipe([{"path": "a", "mode": "0777", "text": ""}]),
    "git's hooks": recipe([text(".git/hooks/pre-commit")]),
    "git's hooks in capitals": recipe([text("a/.GIT/config")]),
    "ssh's keys": recipe([text(".ssh/authorized_keys")]),
    "docker's configuration": recipe([text(".docker/config.json")]),
    "cargo's credentials": recipe([text(".cargo/credentials.toml")]),
    "the journal": recipe([text(".ctx-stub/cook.journal")]),
    "an index past the list": recipe([text("a")], units=[{"eco": "npm", "dir": ".", "files": [1], "stubs": []}]),
    "an index below it": recipe([text("a")], units=[{"eco": "npm", "dir": ".", "files": [-1], "stubs": []}]),
    "an index twice": recipe([text("a")], units=[{"eco": "npm", "dir": ".", "files": [0, 0], "stubs": []}]),
    "an unknown stub": recipe([], [{"path": "a", "kind": "shell"}]),
    "no content": recipe([{"path": "a", "mode": "0644"}]),
    "two contents": recipe([{"path": "a", "mode": "0644", "text": "", "b64": ""}]),
    "bad base64": recipe([{"path": "a", "mode": "0644", "b64": "a"}]),
    "a content from a skeleton that is not there": recipe([{"path": "a", "mode": "0644", "from": "skeleton"}]),
    "a blob of a wrong hash's form": recipe([{"path": "a", "mode": "0644", "blob": True, "size": 1 << 20, "sha256": "../x"}]),
    "a blob larger than all": recipe([{"path": "a", "mode": "0644", "blob": True, "size": 1 << 40, "sha256": "a" * 64}]),
    "a wrong digest": recipe([text("a")], mask=1),
    "chef: a manifest upwards": chef("../Cargo.toml"),
    "chef: an absolute manifest": chef("/Cargo.toml"),
    "chef: a target upwards": chef("Cargo.toml", [{"path": "../x.rs", "kind": "Bin", "name": "x"}]),
    "chef: an unknown kind": chef("Cargo.toml", [{"path": "x.rs", "kind": "Script", "name": "x"}]),
    "chef: no manifests": {"skeleton": {}},
    "neither part": {"a": 1},
}
BROKEN = {
    "no JSON": b"{",
    "nothing": b"",
    "a key twice": b'{"ctx_recipe":{"version":1,"version":1}}',
    "deep nesting": b'{"ctx_recipe":' + b"[" * 100000,
    "less deep nesting": b'{"ctx_recipe":{"version":1,"x":' + b"[" * 200 + b"]" * 200 + b"}}",
    "half a surrogate": b'{"ctx_recipe":{"version":1,"files":[{"path":"\\ud800"}]}}',
    "bytes that are no UTF-8": b'{"ctx_recipe":{"version":1,"files":[{"path":"\xff"}]}}',
    "a number past 64 bits": b'{"ctx_recipe":{"version":99999999999999999999}}',
}


def refused(box, text_, status=4):
    run = box.cook(text_, "out")
    left = box.files("out")
    above = [n for n in os.listdir(box.top) if n not in ("out",)]
    return run.fault(status, r"^ctx-recipe: ") or (f"written: {left + above}" if left or above else None)


def cases(tap, box):
    for title, what in UNSAFE.items():
        tap.check(refused(box, json.dumps(what).encode()), f"refused, nothing written: {title}")
    for title, what in BROKEN.items():
        tap.check(refused(box, what), f"refused, nothing written: {title}")
    tap.check(refused(box, json.dumps(recipe(version=2)).encode(), 3), "a later format is refused with status 3")
    directory(tap, box)
    blobs(tap, box)


def directory(tap, box):
    """What the directory contains is not trusted either."""
    good = json.dumps(recipe([text("a/b")])).encode()
    outside = box.tree("outside", {"b": "theirs"})
    target = box.empty("t")
    (target / "a").symlink_to(outside)
    run = box.run("cook", "-r", "-", "--force", "-C", target, stdin=good)
    tap.check(run.fault(4) or (None if (outside / "b").read_text() == "theirs" else "written through"),
              "a link in place of a directory is not followed")
    target = box.tree("t", {"a/x": "1"})
    (target / "a/b").symlink_to("../../outside/b")
    run = box.run("cook", "-r", "-", "--force", "-C", target, stdin=good)
    kept = (outside / "b").read_text() == "theirs"
    tap.check(run.fault(0) or (None if kept and not (target / "a/b").is_symlink() else "written through"),
              "a link in place of a file is replaced, not written through")
    journal = hashlib.sha256(b"theirs").hexdigest() + " 0644 ../outside/b\n"
    box.tree("t", {".ctx-stub/cook.journal": journal})
    run = box.run("cook", "-r", "-", "-C", box.path("t"), stdin=good)
    tap.check(run.fault(0) or (None if (outside / "b").exists() else "removed"), "a journal that leads out removes nothing")


def blobs(tap, box):
    big = random.Random(1).randbytes(300 << 10)
    box.tree("c", {"package.json": '{"name":"x","dependencies":{"a":"file:a.tgz"}}', "a.tgz": big})
    run = box.run("prepare", "-q", box.path("c"))
    tap.check(run.fault(2, "--output"), "large contents need a file beside which they can lie")
    run = box.run("prepare", "-q", "-o", box.path("r.json"), box.path("c"))
    target = box.empty("t")
    run2 = box.run("cook", "-r", box.path("r.json"), "-C", target)
    same = (target / "a.tgz").exists() and (target / "a.tgz").read_bytes() == big
    tap.check(run.fault(0) or run2.fault(0) or (None if same else "another content"), "large contents lie beside the recipe")
    blob = box.path("ctx-recipe.blobs") / hashlib.sha256(big).hexdigest()
    blob.write_bytes(big[:-1] + b"x")
    target = box.empty("t")
    run = box.run("cook", "-r", box.path("r.json"), "-C", target)
    tap.check(run.fault(4) or (str(box.files("t")) if box.files("t") else None), "a large content that was changed is refused")
    encoded = base64.b64encode(b"\0\xff\xfe").decode()
    run = box.cook(recipe([{"path": "a", "mode": "0755", "b64": encoded}]), "out")
    at = box.path("out/a")
    tap.check(run.fault(0) or (None if at.read_bytes() == b"\0\xff\xfe" and at.stat().st_mode & 0o777 == 0o755 else "differs"),
              "bytes that are no text arrive")
