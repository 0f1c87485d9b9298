# SPDX-License-Identifier: Apache-2.0
"""ctx-recipe prepare compared with other programs that read a workspace: cargo-chef and cargo.

The workspace has 53 published crates and a lock file with some 570 packages. It is measured alone, and
again with 25,000 files like those that installers and builds leave, of which no contender reads any.
"""
import json
import os
import shutil
import subprocess
import time

import trees
import warm

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECIPE = os.path.join(TOP, "build", "ctx-recipe")
CHEF_VERSION = "0.1.77"

CRATES = """\
aho-corasick@1.1.5 bytes@1.12.2 clap@4.6.9 clap_builder@4.6.7 clap_derive@4.6.9 clap_lex@1.1.2 either@1.19.0
fnv@1.0.7 futures-channel@0.3.34 futures-core@0.3.34 futures-executor@0.3.34 futures-io@0.3.34
futures-macro@0.3.34 futures-sink@0.3.34 futures-task@0.3.34 futures-util@0.3.34 futures@0.3.34
http-body@1.1.0 http@1.5.0 httparse@1.10.1 hyper@1.12.0 indexmap@2.14.2 itertools@0.15.0 itoa@1.0.19
log@0.4.35 memchr@2.8.3 once_cell@1.21.4 percent-encoding@2.3.2 proc-macro2@1.0.107 quote@1.0.47 rand@0.10.4
rand_core@0.10.1 regex-automata@0.4.19 regex-syntax@0.8.12 regex@1.13.2 ryu@1.0.23 semver@1.0.28
serde@1.0.229 serde_derive@1.0.229 serde_json@1.0.154 smallvec@1.16.6 syn@3.0.10 thiserror@2.0.21
tokio-macros@2.7.2 tokio@1.54.1 tower-layer@0.3.3 tower-service@0.3.3 tower@0.5.3 tracing-attributes@0.1.31
tracing-core@0.1.36 tracing@0.1.44 unicode-ident@1.0.27 url@2.5.8""".split()


def cargo(*args, cwd):
    return subprocess.run(["cargo", *args], cwd=cwd, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def make_crates(path):
    """A workspace with the crates as members, and the lock file that cargo makes for them."""
    fetch = os.path.join(path, "fetch")
    wanted = [c.split("@") for c in CRATES]
    write(f"{fetch}/src/lib.rs", "")
    write(f"{fetch}/Cargo.toml", '[package]\nname = "fetch"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n' +
          "".join(f'{name} = "={version}"\n' for name, version in wanted))
    for package in json.loads(cargo("metadata", "--format-version=1", cwd=fetch))["packages"]:
        if [package["name"], package["version"]] in wanted:
            shutil.copytree(os.path.dirname(package["manifest_path"]), f"{path}/crates/{package['name']}")
    shutil.rmtree(fetch)
    write(f"{path}/Cargo.toml", '[workspace]\nresolver = "2"\nmembers = ["crates/*"]\n')
    cargo("generate-lockfile", cwd=path)


def make_cluttered(path):
    make_crates(path)
    for i in range(25000):
        top = "target/debug/deps" if i % 5 == 0 else f"web/node_modules/p{i % 500}"
        at = os.path.join(path, top, f"d{i // 500 % 10}")
        if i < 5000:
            os.makedirs(at, exist_ok=True)
        with open(os.path.join(at, f"f{i}.js"), "w") as f:
            f.write(f"{i}\n")
    write(f"{path}/clutter.ignore", "**/node_modules\ntarget\n")


def find_chef():
    """The path of cargo-chef, or None if it can't be installed; then prepares() skips it with a message."""
    for at in (os.environ.get("CTXD_CHEF", ""), os.path.join(TOP, "build/chef/bin/cargo-chef")):
        if os.access(at, os.X_OK):
            return os.path.abspath(at)
    done = subprocess.run(["cargo", "install", "cargo-chef", "--version", CHEF_VERSION, "--locked",
                           "--root", os.path.join(TOP, "build/chef")], stderr=subprocess.DEVNULL)
    return os.path.join(TOP, "build/chef/bin/cargo-chef") if done.returncode == 0 else None


def micros(command, cwd, env):
    """The wall time in microseconds, without a shell, whose start would be a fifth of it."""
    start = time.monotonic()
    subprocess.run(command, cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.monotonic() - start) * 1e6


def prepares(rounds):
    if not shutil.which("cargo"):
        print("ctx-recipe prepare: skipped: no cargo")
        return
    chef = find_chef()
    env = {**os.environ, "PATH": f"{os.path.dirname(chef)}:{os.environ['PATH']}"} if chef else dict(os.environ)
    output = os.path.join(trees.BASE, "chef.json")
    by_chef = ("cargo chef prepare", ["cargo", "chef", "prepare", "--recipe-path", output])
    by_cargo = ("cargo metadata --no-deps",
                ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"])
    ours = ("ctx-recipe prepare", [RECIPE, "prepare", "-q", "."])
    ruled = ("ctx-recipe prepare, both ignored",
             [RECIPE, "prepare", "-q", "--ignore-file", "clutter.ignore", "."])
    rows = (("ctx-recipe prepare, 53 crates", trees.made("crates", make_crates), [by_chef, ours], 0.05),
            ("ctx-recipe prepare, 53 crates, against cargo alone", trees.made("crates", make_crates),
             [by_cargo, ours], None),
            ("ctx-recipe prepare, 53 crates among 25k files of node_modules and target",
             trees.made("cluttered", make_cluttered), [by_chef, ours, ruled], None))
    for name, tree, contenders, goal in rows:
        if by_chef in contenders and not chef:
            print(f"{name}: cargo chef prepare: skipped: cargo-chef {CHEF_VERSION} can't be installed")
            contenders, goal = contenders[1:], None
        yield name, warm.in_turn(5 * rounds, [
            (label, lambda command=command: micros(command, tree, env)) for label, command in contenders]), goal, "us"


ROWS = {"ctx-recipe prepare": prepares}
