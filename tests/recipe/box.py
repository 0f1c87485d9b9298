# SPDX-License-Identifier: Apache-2.0
"""Shared by the cases of tests/recipe: private directories, and running ctx-recipe.

    with Box(build) as box:
        box.tree("a", {"Cargo.toml": "…", "src/main.rs": "fn main() {}"})
        recipe = box.prepare("a")                 # parsed JSON, or AssertionError
        run = box.run("cook", "-r", "x.json", cwd="b")
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))
from tap import Tap  # noqa: E402, F401

CRASH = re.compile(r"Sanitizer|runtime error|Assertion|Segmentation|core dumped")


class Run:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr.decode(errors="replace")
        self.crashed = self.status < 0 or CRASH.search(self.err)

    def fault(self, status, pattern=""):
        if self.crashed:
            return f"crashed, status {self.status}: {self.err}"
        if self.status != status:
            return f"status {self.status} instead of {status}: {self.err}"
        return None if re.search(pattern, self.err) else f"{self.err!r} does not match {pattern!r}"


class Box:
    def __init__(self, build):
        self.program = os.path.abspath(f"{build}/ctx-recipe")
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="ctx-recipe-"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top, ignore_errors=True)

    def path(self, name):
        return self.top / name

    def empty(self, name):
        shutil.rmtree(self.top / name, ignore_errors=True)
        (self.top / name).mkdir(parents=True)
        return self.top / name

    def tree(self, name, files):
        """Makes a directory anew. A value is text or bytes, ("link", to), ("exec", text), or None for a directory."""
        root = self.empty(name)
        for path, content in files.items():
            at = root / path
            at.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                at.mkdir(exist_ok=True)
            elif isinstance(content, tuple) and content[0] == "link":
                at.symlink_to(content[1])
            else:
                text = content[1] if isinstance(content, tuple) else content
                at.write_bytes(text.encode() if isinstance(text, str) else text)
                at.chmod(0o755 if isinstance(content, tuple) else 0o644)
        return root

    def run(self, *args, cwd=None, stdin=b"", env=None):
        done = subprocess.run([self.program, *map(str, args)], cwd=cwd or self.top, input=stdin, timeout=120,
                              capture_output=True, env=environment(env))
        return Run(done)

    def prepare_bytes(self, name, *options):
        run = self.run("prepare", "-q", *options, self.path(name))
        assert run.status == 0 and not run.crashed, run.err
        return run.out

    def prepare(self, name, *options):
        return json.loads(self.prepare_bytes(name, *options))

    def cook(self, recipe, name, *options):
        """Cooks a parsed recipe, or its bytes, into a new directory."""
        target = self.empty(name)
        text = recipe if isinstance(recipe, bytes) else json.dumps(recipe).encode()
        return self.run("cook", "-r", "-", "-C", target, *options, stdin=text)

    def files(self, name):
        root = self.path(name)
        return sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir())


def contents(recipe):
    """{path: text} of the files of a recipe, wherever the recipe stores them."""
    skeleton = recipe.get("skeleton") or {}
    chef = {m["relative_path"]: m["contents"] for m in skeleton.get("manifests", [])}
    chef["Cargo.lock"] = skeleton.get("lock_file")
    chef[".cargo/config.toml"] = skeleton.get("config_file")
    if skeleton.get("rust_toolchain_file"):
        kind, text = skeleton["rust_toolchain_file"]
        chef["rust-toolchain" + (".toml" if kind == "Toml" else "")] = text
    return {f["path"]: chef[f["path"]] if "from" in f else f.get("text", f.get("b64", f.get("link")))
            for f in recipe["ctx_recipe"]["files"]}


def environment(more):
    """The environment of this process with more variables; None removes one."""
    return {k: v for k, v in {**os.environ, **(more or {})}.items() if v is not None}


def command(*args, cwd, env=None, seconds=600):
    """Runs a tool. Returns (status, output)."""
    done = subprocess.run(list(map(str, args)), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=seconds, env=environment(env))
    return done.returncode, done.stdout.decode(errors="replace")
