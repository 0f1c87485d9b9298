# SPDX-License-Identifier: Apache-2.0
"""Members and targets are those that `cargo metadata --no-deps` finds. Each rule has a tree."""

import os
import shutil

import discovery

P = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
P15 = '[package]\nname = "{}"\nversion = "0.1.0"\n'


def lib(name, more=""):
    return {f"{name}/Cargo.toml": P.format(os.path.basename(name)) + more, f"{name}/src/lib.rs": ""}


def root(text, *crates, **files):
    tree = {"Cargo.toml": text}
    for crate in crates:
        tree.update(crate)
    return {**tree, **files}


def package(manifest, *paths):
    return {"Cargo.toml": manifest, **dict.fromkeys(paths, "")}


A, B, C = lib("a"), lib("b"), lib("c")
TREES = {
    # members
    "a package alone": package(P.format("a"), "src/main.rs"),
    "members by name": root('[workspace]\nmembers = ["a", "b"]\n', A, B, C),
    "members by glob": root('[workspace]\nmembers = ["crates/*"]\n', lib("crates/a"), lib("crates/b"), lib("other/c")),
    "a glob takes hidden directories": root('[workspace]\nmembers = ["crates/*"]\n', {"crates/.h/Cargo.toml": P.format("h"), "crates/.h/src/lib.rs": ""}, lib("crates/b")),
    "a glob of two levels": root('[workspace]\nmembers = ["x/*/y*"]\n', lib("x/1/ya"), lib("x/1/za"), lib("x/2/yb")),
    # No "x/**": cargo visits every directory, and fails at the first without a manifest.
    "a glob with a class": root('[workspace]\nmembers = ["[ab]"]\n', A, B, C),
    "a glob with a negated class": root('[workspace]\nmembers = ["[!ab]"]\n', A, B, C),
    "a glob with a question mark": root('[workspace]\nmembers = ["?"]\n', A, B, lib("dd")),
    "a glob that leaves files out": root('[workspace]\nmembers = ["x/*"]\n', lib("x/a"), **{"x/README.md": ""}),
    "a leading dot and doubled slashes": root('[workspace]\nmembers = ["./a", "x//b/"]\n', A, lib("x/b")),
    "a root package with members": root(P.format("r") + '[workspace]\nmembers = ["a"]\n', A, **{"src/lib.rs": ""}),
    "a path dependency is a member": root('[workspace]\nmembers = ["a"]\n', lib("a", '[dependencies]\nb = { path = "../b" }\n'), B),
    "a path dependency of one": root('[workspace]\nmembers = ["a"]\n', lib("a", '[dependencies]\nb = { path = "../b" }\n'),
                                     lib("b", '[dev-dependencies]\nc = { path = "../c" }\n'), C),
    "a build dependency by path": root('[workspace]\nmembers = ["a"]\n', lib("a", '[build-dependencies]\nb = { path = "../b" }\n'), B),
    "a target's dependency by path": root('[workspace]\nmembers = ["a"]\n',
                                          lib("a", "[target.'cfg(unix)'.dependencies]\nb = { path = \"../b\" }\n"), B),
    "an inherited path dependency": root('[workspace]\nmembers = ["a"]\n[workspace.dependencies]\nb = { path = "b" }\n',
                                         lib("a", "[dependencies]\nb.workspace = true\n"), B),
    "a renamed path dependency": root('[workspace]\nmembers = ["a"]\n',
                                      lib("a", '[dependencies]\nz = { path = "../b", package = "b" }\n'), B),
    "an excluded directory": root('[workspace]\nmembers = ["x/*"]\nexclude = ["x/b"]\n', lib("x/a"), lib("x/b")),
    "an excluded parent": root('[workspace]\nmembers = ["a"]\nexclude = ["x"]\n',
                               lib("a", '[dependencies]\nb = { path = "../x/b" }\n'), lib("x/b")),
    "an explicit member in an excluded parent": root('[workspace]\nmembers = ["x/b"]\nexclude = ["x"]\n', lib("x/b")),
    "a patched crate is no member": root('[workspace]\nmembers = ["a"]\n[patch.crates-io]\nb = { path = "b" }\n', A, B),
    "no members but the root": root(P.format("r") + "[workspace]\n", A, **{"src/lib.rs": ""}),
    "default members": root('[workspace]\nmembers = ["a", "b"]\ndefault-members = ["a"]\n', A, B),
    # targets
    "bins in src/bin": package(P.format("a"), "src/main.rs", "src/bin/x.rs", "src/bin/y/main.rs", "src/bin/z/mod.rs"),
    "bins that begin with a dot": package(P.format("a"), "src/main.rs", "src/bin/.x.rs"),
    "a named library": package(P.format("a-b") + '[lib]\nname = "q"\n', "src/lib.rs"),
    "a dashed name": package(P.format("a-b-c"), "src/lib.rs"),
    "a library elsewhere": package(P.format("a") + '[lib]\npath = "lib/x.rs"\n', "lib/x.rs"),
    "a proc macro": package(P.format("a") + "[lib]\nproc-macro = true\n", "src/lib.rs"),
    "a proc macro by crate type": package(P.format("a") + '[lib]\ncrate-type = ["proc-macro"]\n', "src/lib.rs"),
    "a dynamic library": package(P.format("a") + '[lib]\ncrate-type = ["cdylib", "rlib"]\n', "src/lib.rs"),
    "tests, benches, examples": package(P.format("a"), "src/lib.rs", "tests/t.rs", "tests/u/main.rs", "benches/b.rs",
                                        "examples/e.rs", "examples/f/main.rs", "tests/data/x.rs"),
    "an explicit binary beside others": package(P.format("a") + '[[bin]]\nname = "x"\npath = "src/x.rs"\n',
                                                "src/main.rs", "src/x.rs", "src/bin/y.rs"),
    "an explicit binary over a discovered one": package(P.format("a") + '[[bin]]\nname = "n"\npath = "src/main.rs"\n',
                                                        "src/main.rs", "src/bin/y.rs"),
    "an explicit binary without a path": package(P.format("a") + '[[bin]]\nname = "y"\n', "src/main.rs", "src/bin/y.rs"),
    "an explicit test without a path": package(P.format("a") + '[[test]]\nname = "t"\nharness = false\n', "src/lib.rs",
                                               "tests/t/main.rs", "tests/u.rs"),
    "the edition of 2015": package(P15.format("a") + '[[bin]]\nname = "x"\npath = "src/x.rs"\n', "src/x.rs", "src/bin/y.rs"),
    "the edition of 2015, asked to look": package(P15.format("a") + 'autobins = true\n[[bin]]\nname = "x"\npath = "src/x.rs"\n',
                                                  "src/x.rs", "src/bin/y.rs"),
    "2015: a binary named as a file": package(P15.format("a") + '[[bin]]\nname = "x"\n', "src/x.rs"),
    "2015: a binary at main": package(P15.format("a") + '[[bin]]\nname = "x"\n', "src/main.rs"),
    "2015: the bench": package(P15.format("a") + '[[bench]]\nname = "bench"\n', "src/lib.rs", "src/bench.rs"),
    "nothing is looked for": package(P.format("a") + "autobins = false\nautotests = false\nautobenches = false\n"
                                     "autoexamples = false\n", "src/lib.rs", "src/main.rs", "tests/t.rs", "examples/e.rs",
                                     "benches/b.rs"),
    "an inherited edition": root('[workspace]\nmembers = ["a"]\n[workspace.package]\nedition = "2021"\n',
                                 {"a/Cargo.toml": '[package]\nname = "a"\nedition.workspace = true\n'
                                  '[[bin]]\nname = "x"\npath = "src/x.rs"\n', "a/src/x.rs": "", "a/src/bin/y.rs": ""}),
    "a build script": package(P.format("a"), "src/lib.rs", "build.rs"),
    "a build script elsewhere": package(P.format("a") + 'build = "ci/make.rs"\n', "src/lib.rs", "ci/make.rs", "build.rs"),
    "no build script": package(P.format("a") + "build = false\n", "src/lib.rs", "build.rs"),
    "a path with dots": package(P.format("a") + '[[bin]]\nname = "x"\npath = "./src//x.rs"\n', "src/x.rs"),
    "a binary that is a link": {**package(P.format("a"), "src/lib.rs", "real.rs"), "src/bin/x.rs": ("link", "../../real.rs")},
    "a directory that is a link": {**package(P.format("a"), "src/lib.rs", "real/main.rs"), "src/bin/x": ("link", "../../real")},
    # cargo 1.95 refuses [project] only in the newest edition; in an older one it warns.
    "the old name of a package": package('[project]\nname = "a"\nversion = "0.1.0"\n', "src/lib.rs"),
    "features that a target needs": package(P.format("a") + '[features]\nf = []\n[[bin]]\nname = "x"\npath = "src/x.rs"\n'
                                            'required-features = ["f"]\n', "src/x.rs"),
}
WORKSPACES = os.environ.get("CTXD_WORKSPACES", "")


def cases(tap, box):
    if not shutil.which("cargo"):
        tap.skip("no cargo", "members and targets are cargo's")
        return
    for title, tree in TREES.items():
        box.tree("t", tree)
        try:
            faults = discovery.differences(box.program, box.path("t"))
            why = "cargo refuses the tree" if faults is None else "\n".join(faults)
        except (RuntimeError, KeyError) as error:
            why = repr(error)
        tap.check(why, f"as cargo finds it: {title}")
    for where in filter(None, WORKSPACES.split(":")):
        faults = discovery.differences(box.program, where)
        tap.check("cargo refuses it" if faults is None else "\n".join(faults), f"as cargo finds it: {os.path.basename(where)}")
