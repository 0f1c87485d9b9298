# SPDX-License-Identifier: Apache-2.0
"""Details of Cargo's recipes. Only their contents are compared; cargo does not run."""

import tomllib

from box import contents

SENTINEL = "0.0.0-ctx.skeleton"
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def entry(name, version, dependencies=(), source=None):
    text = f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n'
    if source:
        text += f'source = "{source}"\nchecksum = "c"\n'
    if dependencies:
        text += "dependencies = [\n" + "".join(f' "{d}",\n' for d in dependencies) + "]\n"
    return text


def lock(*entries):
    return "version = 4\n" + "".join(entries)


def crate(name, more="", version="1.2.3"):
    return f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n{more}'


def prepared(box, tree, *options):
    box.tree("t", tree)
    recipe = box.prepare("t", *options)
    files = contents(recipe)
    parsed = {p: tomllib.loads(t) for p, t in files.items() if p.endswith((".toml", ".lock"))}
    return recipe, parsed, files


def edges(parsed, name):
    return next(p.get("dependencies", []) for p in parsed["Cargo.lock"]["package"] if p["name"] == name)


def versions(parsed):
    return sorted((p["name"], p["version"]) for p in parsed["Cargo.lock"]["package"])


def same(got, wanted):
    return None if got == wanted else f"{got!r} instead of {wanted!r}"


def cases(tap, box):
    masking(tap, box)
    kept_whole(tap, box)
    closure(tap, box)
    targets(tap, box)
    configuration(tap, box)
    odd(tap, box)


def masking(tap, box):
    tree = {"Cargo.toml": '[workspace]\nmembers = ["a", "either"]\n', "a/Cargo.toml": crate(
        "a", '[dependencies]\nmine = { path = "../either", package = "either", version = "=0.1.0" }\neither = "1"\n'),
        "a/src/main.rs": "", "either/Cargo.toml": crate("either", version="0.1.0"), "either/src/lib.rs": "",
        "Cargo.lock": lock(entry("a", "1.2.3", ["either 0.1.0", f"either 1.9.0 ({REGISTRY})"]), entry("either", "0.1.0"),
                           entry("either", "1.9.0", source=REGISTRY))}
    _, parsed, _ = prepared(box, tree)
    tap.check(same(versions(parsed), [("a", SENTINEL), ("either", SENTINEL), ("either", "1.9.0")]),
              "a registry crate of a local one's name keeps its version")
    tap.check(same(edges(parsed, "a"), [f"either {SENTINEL}", "either 1.9.0"]),
              "an edge to a local crate is masked like the crate, and as short as is unambiguous")
    tap.check(same(parsed["a/Cargo.toml"]["dependencies"]["mine"], {"path": "../either", "package": "either"}),
              "a renamed path dependency loses its version, which would not match")
    tree["either/Cargo.toml"] = crate("either").replace('version = "1.2.3"\n', "")
    _, parsed, _ = prepared(box, tree)
    tap.check(same(parsed["either/Cargo.toml"]["package"]["version"], SENTINEL), "a crate without a version gets the sentinel")
    tree = {"Cargo.toml": '[workspace]\nmembers = ["a"]\n[workspace.package]\nversion = "3.0.0"\nlicense = "MIT"\n'
            'edition = "2021"\n[workspace.lints.rust]\nx = "warn"\n[workspace.metadata.y]\nz = 1\n',
            "a/Cargo.toml": '[package]\nname = "a"\nversion.workspace = true\nlicense.workspace = true\n'
            "edition.workspace = true\n[lints]\nworkspace = true\n", "a/src/lib.rs": ""}
    _, parsed, _ = prepared(box, tree)
    tap.check(same(parsed["Cargo.toml"]["workspace"], {"members": ["a"], "package": {"edition": "2021"}}),
              "a key that is inherited and dropped is dropped from the workspace, too")
    tap.check(same(parsed["a/Cargo.toml"]["package"]["edition"], {"workspace": True}),
              "a key that is inherited and kept stays inherited")
    tree["a/Cargo.toml"] = crate("a", '[dependencies]\nx = { version = "1", public = true, artifact = "bin" }\n'
                                 '[hints]\nmostly-unused = true\n')
    tree["Cargo.toml"] = ('cargo-features = ["public-dependency"]\n[workspace]\nmembers = ["a"]\n'
                          '[profile.release]\nstrip = "none"\nsplit-debuginfo = "packed"\n'
                          '[profile.release.package."a@1.2.3"]\nopt-level = 1\n[replace]\n"y:1.0.0" = { git = "g" }\n')
    _, parsed, _ = prepared(box, tree)
    tap.check(same(parsed["a/Cargo.toml"]["dependencies"]["x"], {"version": "1", "public": True, "artifact": "bin"}),
              "unknown keys of a dependency stay")
    tap.check(same(parsed["Cargo.toml"]["profile"]["release"], {"strip": "none", "split-debuginfo": "packed", "package": {}}),
              "unknown keys of a profile stay, a local crate's version goes")
    tap.check(same([parsed["Cargo.toml"].get(k) is not None for k in ("replace", "cargo-features")], [True, True]),
              "[replace] and cargo-features stay")


def kept_whole(tap, box):
    tree = {"Cargo.toml": '[workspace]\nmembers = ["app", "log"]\n[patch.crates-io]\nlog = { path = "log" }\n',
            "app/Cargo.toml": crate("app", '[dependencies]\nenv_logger = "0.11"\n'), "app/src/main.rs": "fn main() { real(); }",
            "log/Cargo.toml": crate("log", '[dev-dependencies]\ntesting = { path = "../testing" }\n', "0.4.99"),
            "log/src/lib.rs": "pub fn real() {}", "log/src/deep/x.rs": "", "log/README.md": "r",
            "testing/Cargo.toml": crate("testing"), "testing/src/lib.rs": "pub fn real() {}",
            "Cargo.lock": lock(entry("app", "1.2.3", ["env_logger"]), entry("env_logger", "0.11.0", ["log"], REGISTRY),
                               entry("log", "0.4.99", ["testing"]), entry("testing", "1.2.3"))}
    recipe, parsed, files = prepared(box, tree)
    tap.check(same(files.get("log/src/lib.rs"), "pub fn real() {}"), "a patched crate that a registry crate uses keeps its sources")
    tap.check(same(parsed["log/Cargo.toml"]["package"]["version"], "0.4.99"),
              "a patched crate that a registry crate uses keeps its version")
    tap.check(same(("log", "0.4.99") in versions(parsed), True), "its version stays in the lock, too")
    tap.check(same([parsed["testing/Cargo.toml"]["package"]["version"], "testing/src/lib.rs" in files], [SENTINEL, False]),
              "a crate that only its tests need is a stub")
    tree = {"ws/Cargo.toml": '[workspace]\nmembers = ["a"]\nexclude = ["vendored"]\n', "ws/Cargo.lock": "version = 4\n",
            "ws/a/Cargo.toml": crate("a", '[dependencies]\nv = { path = "../vendored" }\ns = { path = "../../shared/s" }\n'),
            "ws/a/src/lib.rs": "", "ws/vendored/Cargo.toml": crate("v"), "ws/vendored/src/lib.rs": "",
            "shared/Cargo.toml": '[workspace]\nmembers = ["s", "t"]\n[workspace.package]\nedition = "2021"\n',
            "shared/s/Cargo.toml": '[package]\nname = "s"\nedition.workspace = true\n', "shared/s/src/lib.rs": "",
            "shared/t/Cargo.toml": crate("t"), "shared/t/src/lib.rs": ""}
    recipe, parsed, _ = prepared(box, tree, "--dir=ws")
    tap.check(same(sorted(p for p in parsed if p.endswith("Cargo.toml")),
                   ["shared/Cargo.toml", "shared/s/Cargo.toml", "ws/Cargo.toml", "ws/a/Cargo.toml", "ws/vendored/Cargo.toml"]),
              "the recipe has path dependencies that are excluded, outside, or of another workspace")
    tap.check(same([parsed["ws/Cargo.toml"]["workspace"]["exclude"], parsed["shared/Cargo.toml"]["workspace"]["members"]],
                   [["vendored"], ["s"]]), "every workspace names those of its members that the recipe has")


def closure(tap, box):
    tree = {"Cargo.toml": '[workspace]\nmembers = ["a", "b", "c", "d"]\ndefault-members = ["a", "b"]\n'
            '[workspace.dependencies]\nx = "1"\ny = "1"\n[patch.crates-io]\np = { path = "p" }\n',
            "a/Cargo.toml": crate("a", '[dependencies]\nc = { path = "../c" }\nx.workspace = true\n'), "a/src/main.rs": "",
            "a/src/bin/tool.rs": "", "b/Cargo.toml": crate("b", "[dependencies]\ny.workspace = true\np = \"1\"\n"),
            "b/src/main.rs": "", "c/Cargo.toml": crate("c"), "c/src/lib.rs": "", "d/Cargo.toml": crate("d"), "d/src/lib.rs": "",
            "p/Cargo.toml": crate("p"), "p/src/lib.rs": "",
            "Cargo.lock": lock(entry("a", "1.2.3", ["c", "x 1.0.0"]), entry("b", "1.2.3", ["y", "p", "x 2.0.0"]),
                               entry("c", "1.2.3"), entry("d", "1.2.3"), entry("p", "1.2.3"),
                               entry("x", "1.0.0", source=REGISTRY), entry("x", "2.0.0", source=REGISTRY),
                               entry("y", "1.0.0", source=REGISTRY))}
    for option in ("--bin=a", "--bin=tool", "-pa"):
        _, parsed, _ = prepared(box, tree, option)
        tap.check(same(sorted(p for p in parsed if p.endswith("Cargo.toml")), ["Cargo.toml", "a/Cargo.toml", "c/Cargo.toml"]),
                  f"{option} keeps what it needs")
    workspace = parsed["Cargo.toml"]["workspace"]
    tap.check(same([workspace["members"], workspace["default-members"], list(workspace["dependencies"])],
                   [["a", "c"], ["a"], ["x"]]), "--bin restricts members, default members and dependencies")
    tap.check(same(versions(parsed), [("a", SENTINEL), ("c", SENTINEL), ("x", "1.0.0")]), "--bin restricts the lock")
    tap.check(same(edges(parsed, "a"), ["c", "x"]), "--bin shortens the edges of the lock")
    tap.check(same("patch" in parsed["Cargo.toml"], False), "--bin drops a patch that is not used")
    box.tree("t", tree)
    before = box.prepare_bytes("t", "--bin=a")
    tree["b/Cargo.toml"] = crate("b", '[dependencies]\nz = "1"\n')
    tree["Cargo.lock"] = tree["Cargo.lock"].replace('"y",', '"y",\n "z",') + entry("z", "1.0.0", source=REGISTRY)
    box.tree("t", tree)
    tap.check(None if box.prepare_bytes("t", "--bin=a") == before else "changed", "another member's dependencies change nothing")
    tree["Cargo.toml"] = crate("root", '[dependencies]\nb = { path = "b" }\n') + tree["Cargo.toml"].replace(
        "[workspace]\n", "[workspace]\n", 1)
    tree["src/main.rs"] = ""
    _, parsed, _ = prepared(box, tree, "--bin=a")
    tap.check(same(["package" in parsed["Cargo.toml"], parsed["Cargo.toml"]["workspace"]["resolver"]], [False, "2"]),
              "a root package that is not needed leaves its workspace, with the resolver of its edition")


def targets(tap, box):
    tree = {"Cargo.toml": crate("a", '[[bin]]\nname = "x"\npath = "src/x.rs"\nrequired-features = ["f"]\ntest = false\n'
                                '[features]\nf = []\n[[test]]\nname = "own"\nharness = false\n'), "src/lib.rs": "",
            "src/x.rs": "", "tests/own.rs": "", "examples/e.rs": "", "benches/b.rs": ""}
    recipe, parsed, _ = prepared(box, tree)
    stubs = {s["path"]: s["kind"] for s in recipe["ctx_recipe"]["stubs"]}
    tap.check(same(stubs, {"src/lib.rs": "rust-lib", "src/x.rs": "rust-bin"}), "tests, benches and examples are left out")
    tap.check(same(parsed["Cargo.toml"]["bin"], [{"name": "x", "path": "src/x.rs", "required-features": ["f"]}]),
              "a binary loses keys that concern tests, and keeps the features it requires")
    recipe, parsed, _ = prepared(box, tree, "--all-targets")
    stubs = {s["path"] for s in recipe["ctx_recipe"]["stubs"]}
    tap.check(same(stubs - {"src/lib.rs", "src/x.rs"}, {".ctx-stub/test.rs", ".ctx-stub/bench.rs", ".ctx-stub/example.rs"}),
              "if tests are asked for, one target stands for all")
    recipe, parsed, _ = prepared(box, tree, "--chef-exact")
    kinds = {(t["path"], t["kind"] if isinstance(t["kind"], str) else "Lib")
             for t in recipe["skeleton"]["manifests"][0]["targets"]}
    tap.check(same(kinds, {("src/lib.rs", "Lib"), ("src/x.rs", "Bin"), ("tests/own.rs", "Test"), ("examples/e.rs", "Example"),
                           ("benches/b.rs", "Bench")}), "--chef-exact names all targets")
    box.path("t/.dockerignore").write_text("src/x.rs\n")
    recipe = box.prepare("t")
    tap.check(same([s["path"] for s in recipe["ctx_recipe"]["stubs"]], ["src/lib.rs"]), "no stub where the context has no source")


def configuration(tap, box):
    tree = {"Cargo.toml": crate("a"), "src/lib.rs": "", "memory.x": "M", "t.json": "{}", "tools/link.sh": ("exec", "#!/bin/sh\n"),
            ".cargo/config.toml": '[alias]\nx = "y"\n[build]\ntarget = "t.json"\n[target.x]\nlinker = "tools/link.sh"\n'
            'rustflags = ["-Clink-arg=-Tmemory.x"]\n[registries.r]\ntoken = "S"\nindex = "i"\n',
            "rust-toolchain.toml": '# pinned\n[toolchain]\nchannel = "1.80"\n'}
    recipe, parsed, files = prepared(box, tree)
    tap.check(same([files.get("memory.x"), files.get("t.json"), files.get("tools/link.sh")], ["M", "{}", "#!/bin/sh\n"]),
              "files that the configuration names are in the recipe")
    config = parsed[".cargo/config.toml"]
    tap.check(same(["alias" in config, config["registries"]], [False, {"r": {"index": "i"}}]),
              "aliases and tokens are not in the recipe")
    tap.check(same(recipe["skeleton"]["rust_toolchain_file"][0], "Toml"),
              "cargo-chef's part has the toolchain file, too")
    tree[".cargo/config.toml"] = 'include = "more.toml"\n'
    tree[".cargo/more.toml"] = "[net]\noffline = true\n"
    _, parsed, _ = prepared(box, tree)
    tap.check(same(parsed.get(".cargo/more.toml"), {"net": {"offline": True}}), "an included configuration comes along")


def odd(tap, box):
    box.tree("t", {"Cargo.toml": "[package\n", "Cargo.lock": "version = 4\n"})
    run = box.run("prepare", box.path("t"))
    tap.check(run.fault(0, r"Cargo\.toml:1: "),
              "a manifest that can't be parsed is copied, with a warning that names file and line")
    for title, text in {"an empty manifest": "", "a package without a name": "[package]\n", "an empty workspace": "[workspace]\n",
                        "members of a wrong kind": "[workspace]\nmembers = 1\n", "a package of a wrong kind": "package = 1\n",
                        "dependencies of a wrong kind": crate("a", "dependencies = 1\n"),
                        "targets of a wrong kind": crate("a", "bin = 1\ntest = [1]\nlib = []\n"),
                        "a lock of a wrong kind": crate("a")}.items():
        box.tree("t", {"Cargo.toml": text, "src/lib.rs": "", "Cargo.lock": "package = 1\n"})
        run = box.run("prepare", "-q", box.path("t"))
        tap.check("crashed: " + run.err if run.crashed or run.status not in (0, 3) else None, f"does not stumble over {title}")
    box.tree("t", {"Cargo.toml": crate("a", '[dependencies]\nup = { path = "../../up" }\n'), "src/lib.rs": ""})
    run = box.run("prepare", box.path("t"))
    tap.check(run.fault(0, "outside of the context"), "a path that leaves the context gets a warning")
