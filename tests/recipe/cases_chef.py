# SPDX-License-Identifier: Apache-2.0
"""Compares real builds with cargo-chef 0.1.77: what it gets wrong, and that ctx-recipe gets it right.

CTXD_CHEF names the binary of cargo-chef. Without it, cargo-chef is installed into build/chef, which takes
180 s of processor time once. The cases take 11 s.
"""

import glob
import json
import os
import shutil
import subprocess
import tomllib

from box import command, contents

VERSION = "0.1.77"
OLD = 1577836800  # 2020-01-01: sources in an image are older than what was compiled from stubs
QUIET = {"CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never"}


def find_chef():
    for path in (os.environ.get("CTXD_CHEF", ""), "build/chef/bin/cargo-chef"):
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    status, text = command("cargo", "install", "cargo-chef", "--version", VERSION, "--locked", "--root", "build/chef", cwd=".",
                           seconds=1800)
    return os.path.abspath("build/chef/bin/cargo-chef") if status == 0 else None


def run_chef(chef, *args, cwd, env=None):
    """Runs cargo-chef as a subcommand, because cargo tells it which cargo to call."""
    path = f"{os.path.dirname(chef)}:{os.environ['PATH']}"
    return command("cargo", "chef", *args, cwd=cwd, env={**QUIET, **(env or {}), "PATH": path})


class Kitchen:
    """One project, cooked by both."""

    def __init__(self, box, chef, tree, name="src"):
        self.box, self.chef, self.source = box, chef, box.tree(name, tree)
        if "Cargo.lock" not in tree:
            status, text = command("cargo", "generate-lockfile", cwd=self.source, env=QUIET)
            assert status == 0, text

    def cargo(self, *args, cwd, env=None):
        return command("cargo", *args, cwd=cwd, env={**QUIET, **(env or {})})

    def by_chef(self, *options, prepare=(), env=None, cook=True):
        """Prepares and cooks with cargo-chef. Returns (status, text, directory)."""
        recipe = self.box.path("chef.json")
        status, text = run_chef(self.chef, "prepare", "--recipe-path", recipe, *prepare, cwd=self.source)
        target = self.box.empty("by-chef")
        if status == 0 and cook:
            status, text = run_chef(self.chef, "cook", "--recipe-path", recipe, *options, cwd=target, env=env)
        return status, text, target

    def by_us(self, *child, prepare=(), env=None):
        recipe = self.box.path("ours.json")
        run = self.box.run("prepare", "-q", "-o", recipe, *prepare, self.source)
        target = self.box.empty("by-us")
        if run.status == 0:
            run = self.box.run("cook", "-r", recipe, "-C", target, *(["--", *child] if child else []),
                               env={**QUIET, **(env or {})})
        return run.status, run.err + run.out.decode(errors="replace"), target

    def overlay(self, target):
        """Does what COPY . . does: copies the sources with their own, older times."""
        shutil.copytree(self.source, target, dirs_exist_ok=True, symlinks=True)
        for path in self.source.rglob("*"):
            os.utime(target / path.relative_to(self.source), (OLD, OLD), follow_symlinks=False)

    def build(self, target, *args, env=None):
        """Builds. Returns (status, text, {"local": [fresh…], "external": [fresh…]})."""
        done = subprocess.run(["cargo", *args, "--message-format=json"], cwd=target, capture_output=True, text=True,
                              env={**os.environ, **QUIET, **(env or {})})
        fresh = {"local": [], "external": []}
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message["reason"] == "compiler-artifact":
                kind = "local" if message["package_id"].startswith("path+") else "external"
                fresh[kind].append(message["fresh"])
        return done.returncode, done.stderr, fresh


def crate(name, more="", version='version = "1.2.3"\n'):
    return f'[package]\nname = "{name}"\n{version}edition = "2021"\n{more}'


def says(target, binary="debug/app"):
    path = target / "target" / binary
    return subprocess.run([path], capture_output=True, text=True).stdout if path.exists() else "no binary"


def registry_source(name):
    found = sorted(glob.glob(os.path.expanduser(f"{os.environ.get('CARGO_HOME', '~/.cargo')}/registry/src/*/{name}-[0-9]*")))
    return found[-1]


def real_crate(name):
    """The files of a published crate, as a tree below its name."""
    root = registry_source(name)
    tree = {}
    for at in glob.glob(f"{root}/**", recursive=True):
        rel = os.path.relpath(at, root)
        if os.path.isfile(at) and (rel.startswith("src/") or rel in ("Cargo.toml", "build.rs")):
            with open(at, "rb") as f:
                tree[f"{name}/{rel}"] = f.read()
    return tree


def cases(tap, box):
    if not shutil.which("cargo"):
        tap.skip("no cargo", "cargo-chef and we, side by side")
        return
    chef = find_chef()
    if not chef:
        tap.skip("cargo-chef can't be installed", "cargo-chef and we, side by side")
        return
    for case in (accepted, f1, f2_f3, f4, f5, f6, f7, f8, f9, f10_f13, f11, f12, f14, f15, f16, f17):
        try:
            case(tap, box, chef)
        except (AssertionError, OSError, subprocess.TimeoutExpired, KeyError) as error:
            tap.check(repr(error)[:2000], f"{case.__name__} runs to its end")


SMALL = {
    "Cargo.toml": '[workspace]\nmembers = ["app", "lib"]\nresolver = "2"\n[workspace.package]\nversion = "1.2.3"\n'
                  '[workspace.dependencies]\nitoa = "1"\n[profile.release]\nlto = true\n',
    "app/Cargo.toml": crate("app", '[dependencies]\nlib = { path = "../lib", version = "1.2" }\nitoa.workspace = true\n'
                            '[dev-dependencies]\nmemchr = "2"\n', "version.workspace = true\n"),
    "app/src/main.rs": 'fn main() { println!("{} {}", env!("CARGO_PKG_VERSION"), lib::f(7)); }\n',
    "app/tests/t.rs": '#[test]\nfn t() { assert_eq!(memchr::memchr(1, &[0, 1]), Some(1)); }\n',
    "app/examples/e/main.rs": "fn main() {}\n", "app/benches/b.rs": "fn main() {}\n",
    "lib/Cargo.toml": crate("lib", "[dependencies]\nitoa.workspace = true\n"),
    "lib/build.rs": 'fn main() { println!("cargo:rustc-env=SEEN={}", std::env::var("CARGO_PKG_VERSION").unwrap()); }\n',
    "lib/src/lib.rs": 'pub fn f(x: u32) -> String { format!("{} {}", itoa::Buffer::new().format(x), env!("SEEN")) }\n',
}


def normal(manifest):
    """A manifest for comparison: without what cargo-chef adds or loses."""
    toml = tomllib.loads(manifest)
    package = toml.get("package", {})
    for key in ("build",):
        if package.get(key) is False:
            del package[key]
    for kind in ("bin", "test", "bench", "example"):
        for one in toml.get(kind, []):
            one.pop("edition", None)
            if one.get("required-features") == []:
                del one["required-features"]
            if one.get("crate-type") == ["bin"]:
                del one["crate-type"]
            if one.get("harness") is True:
                del one["harness"]
        toml[kind] = sorted(toml.get(kind, []), key=lambda t: t["path"])
    lib = toml.get("lib", {})
    lib.pop("edition", None)
    for key, default in (("required-features", []), ("crate-type", ["lib"])):
        if lib.get(key) == default:
            del lib[key]
    for profile in toml.get("profile", {}).values():
        if profile.get("package") == {}:
            del profile["package"]
    return toml


def locked(text):
    toml = tomllib.loads(text)
    return sorted((p["name"], p["version"], p.get("source"), p.get("checksum"), tuple(sorted(p.get("dependencies", []))))
                  for p in toml["package"])


def accepted(tap, box, chef):
    kitchen = Kitchen(box, chef, SMALL)
    for options in ([], ["--chef-exact"], ["--all-targets"]):
        box.run("prepare", "-q", "-o", box.path("ours.json"), *options, kitchen.source)
        target = box.empty("out")
        status, text = run_chef(chef, "cook", "--recipe-path", box.path("ours.json"), "--no-build", cwd=target)
        tap.check(None if status == 0 else text, f"cargo-chef cooks ours ({' '.join(options) or 'as it is'})")
        if not options:
            status, text = kitchen.cargo("metadata", "--locked", "--format-version=1", "--no-deps", cwd=target)
            tap.check(None if status == 0 else text, "and cargo takes what it wrote")
        if options == ["--chef-exact"]:
            status, text, theirs = kitchen.by_chef("--no-build")
            files = {str(p.relative_to(theirs)) for p in theirs.rglob("*") if p.is_file()}
            ours = {str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()}
            tap.check(None if files == ours else str(files ^ ours), "--chef-exact gives the files of cargo-chef's own recipe")
            for name in sorted(f for f in files if f.endswith("Cargo.toml")):
                one, two = normal((theirs / name).read_text()), normal((target / name).read_text())
                tap.check(None if one == two else f"{one}\n{two}", f"{name} means the same")
            one, two = locked((theirs / "Cargo.lock").read_text()), locked((target / "Cargo.lock").read_text())
            tap.check(None if one == two else f"{one}\n{two}", "Cargo.lock means the same")


def f1(tap, box, chef):
    """Whether cargo-chef ships its dummy depends on a detail. It writes required-features = [], and for
    cargo that is another target than one without the key, so cargo compiles again. If the manifest has
    the key, too, the dummy counts as fresh."""
    spelled = '[[bin]]\nname = "app"\npath = "src/main.rs"\nedition = "2021"\nrequired-features = []\n'
    for title, version, more, dummy in (("no version", "", "", False), ("version 0.0.1", 'version = "0.0.1"\n', "", False),
                                        ("no version, targets spelled out", "", spelled, True),
                                        ("version 0.0.1, targets spelled out", 'version = "0.0.1"\n', spelled, True)):
        kitchen = Kitchen(box, chef, {"Cargo.toml": crate("app", more, version),
                                      "src/main.rs": 'fn main() { println!("real"); }\n'})
        status, text, theirs = kitchen.by_chef()
        assert status == 0, text
        kitchen.overlay(theirs)
        kitchen.build(theirs, "build")
        status, text, ours = kitchen.by_us("cargo", "build", "--locked")
        tap.check(None if status == 0 else text, f"F1, {title}: ours cooks")
        kitchen.overlay(ours)
        kitchen.build(ours, "build")
        if dummy:
            tap.check(None if says(theirs) == "" else says(theirs), f"F1, {title}: cargo-chef ships the dummy")
        else:
            tap.note(f"F1, {title}: cargo-chef's binary says {says(theirs)!r}")
        tap.check(None if says(ours) == "real\n" else says(ours), f"F1, {title}: ours ships the program")


def f2_f3(tap, box, chef):
    fetch = Kitchen(box, chef, {"Cargo.toml": crate("f", '[dependencies]\ncsv-core = "0.1"\n'), "src/lib.rs": ""}, "fetch")
    fetch.cargo("fetch", cwd=fetch.source)
    tree = {"Cargo.toml": '[workspace]\nmembers = ["app", "memchr"]\nresolver = "2"\n[patch.crates-io]\n'
            'memchr = { path = "memchr" }\n', **real_crate("memchr"),
            "app/Cargo.toml": crate("app", '[dependencies]\ncsv-core = "0.1"\nmemchr = "2"\n'),
            "app/src/main.rs": 'fn main() { println!("{:?}", memchr::memchr(1, &[0, 1])); csv_core::Reader::new(); }\n'}
    kitchen = Kitchen(box, chef, tree)
    status, text, _ = kitchen.by_chef("--locked")
    tap.check(None if status else "it cooks", "F2: cargo-chef --locked fails where a member is patched in")
    status, text, theirs = kitchen.by_chef()
    told = "fails" if status else "takes the registry's crate"
    tap.note(f"F3: cargo-chef without --locked {told}")
    status, text, ours = kitchen.by_us("cargo", "build", "--locked")
    tap.check(None if status == 0 else text, "F2, F3: ours cooks a member that a registry crate is compiled against")
    kitchen.overlay(ours)
    status, text, fresh = kitchen.build(ours, "build", "--locked")
    tap.check(text if status else None, "F2: and the lock holds with the real sources")
    tap.check(None if says(ours) == "Some(1)\n" else says(ours), "F3: and the program works")


def f4(tap, box, chef):
    tree = {"Cargo.toml": '[workspace]\nmembers = ["app", "either"]\nresolver = "2"\n', "either/Cargo.toml": crate(
        "either", version='version = "0.1.0"\n'), "either/src/lib.rs": "pub fn f() -> u32 { 4 }\n",
        "app/Cargo.toml": crate("app", '[dependencies]\nmine = { path = "../either", package = "either" }\nitertools = "0.13"\n'),
        "app/src/main.rs": 'use itertools::Itertools;\nfn main() { println!("{} {}", mine::f(), (0..2).join("")); }\n'}
    kitchen = Kitchen(box, chef, tree)
    status, text, _ = kitchen.by_chef("--locked")
    tap.check(None if status else "it cooks", "F4: cargo-chef --locked fails where a registry crate has a local one's name")
    status, text, ours = kitchen.by_us("cargo", "build", "--locked")
    tap.check(None if status == 0 else text, "F4: ours cooks it")
    kitchen.overlay(ours)
    status, text, fresh = kitchen.build(ours, "build", "--locked")
    tap.check(text if status else None if all(fresh["external"]) and says(ours) == "4 01\n" else f"{fresh} {says(ours)}",
              "F4: nothing external is compiled again, and the program works")


def f5(tap, box, chef):
    tree = {"Cargo.toml": '[workspace]\nmembers = ["app"]\nexclude = ["out"]\nresolver = "2"\n',
            "app/Cargo.toml": crate("app", '[dependencies]\nout = { path = "../out" }\n'),
            "app/src/main.rs": 'fn main() { println!("{}", out::f()); }\n', "out/Cargo.toml": crate("out"),
            "out/src/lib.rs": "pub fn f() -> u32 { 5 }\n"}
    kitchen = Kitchen(box, chef, tree)
    status, _, _ = kitchen.by_chef()
    tap.check(None if status else "it cooks", "F5: cargo-chef lacks a path dependency that is excluded")
    status, text, ours = kitchen.by_us("cargo", "build", "--locked")
    tap.check(None if status == 0 else text, "F5: ours has it")
    kitchen.overlay(ours)
    kitchen.build(ours, "build", "--locked")
    tap.check(None if says(ours) == "5\n" else says(ours), "F5: and the program works")


def f6(tap, box, chef):
    kitchen = Kitchen(box, chef, SMALL)
    alone = {**QUIET, "CARGO_HOME": str(box.empty("home")), "CARGO_NET_OFFLINE": "true"}
    status, text = run_chef(chef, "prepare", "--recipe-path", box.path("x.json"), "--bin", "app", cwd=kitchen.source, env=alone)
    tap.check(None if status else "it prepares", "F6: cargo-chef --bin needs a registry")
    run = box.run("prepare", "-q", "--bin=app", kitchen.source, env={"PATH": "/nonexistent", "CARGO_HOME": "/nonexistent"})
    tap.check(run.fault(0), "F6: ours needs neither cargo nor a registry")


def recipes_of(kitchen, box):
    kitchen.by_chef(cook=False)
    return box.path("chef.json").read_bytes(), box.prepare_bytes("src")


def f7(tap, box, chef):
    kitchen = Kitchen(box, chef, SMALL)
    before = recipes_of(kitchen, box)
    (kitchen.source / "app/tests/more.rs").write_text("\n")
    after = recipes_of(kitchen, box)
    tap.check(None if before[0] != after[0] else "the same", "F7: cargo-chef's recipe changes with a new test")
    tap.check(None if before[1] == after[1] else "changed", "F7: ours does not")
    path = kitchen.source / "app/Cargo.toml"
    path.write_text(path.read_text().replace('edition = "2021"', 'edition = "2021"\ndescription = "d"\nrust-version = "1.70"'))
    later = recipes_of(kitchen, box)
    tap.check(None if later[0] != after[0] else "the same", "F7: cargo-chef's changes with a description")
    tap.check(None if later[1] == after[1] else "changed", "F7: ours does not")


def f8(tap, box, chef):
    kitchen = Kitchen(box, chef, {"Cargo.toml": crate("a"), "src/lib.rs": "//! Documented.\n"})
    flags = {"RUSTFLAGS": "-Dwarnings -Dmissing_docs -Dunused_crate_dependencies"}
    status, _, _ = kitchen.by_chef(env=flags)
    tap.check(None if status else "it cooks", "F8: cargo-chef's empty library is refused by strict lints")
    for strict in (flags, {"RUSTFLAGS": "-Fmissing_docs"}):
        status, text, _ = kitchen.by_us("cargo", "build", "--locked", env=strict)
        tap.check(None if status == 0 else text, f"F8: ours passes {strict['RUSTFLAGS']}")


def f9(tap, box, chef):
    Kitchen(box, chef, {"Cargo.toml": crate("a"), "src/lib.rs": ""})
    environment = {k: v for k, v in os.environ.items() if k != "RUSTUP_TOOLCHAIN"}
    box.run("prepare", "-q", "-o", box.path("r.json"), box.path("src"))
    done = subprocess.run([box.program, "cook", "-r", box.path("r.json"), "-C", box.empty("out"), "--", "sh", "-c",
                           'echo "${RUSTUP_TOOLCHAIN-unset}"'], capture_output=True, text=True, env=environment)
    tap.check(None if done.stdout == "unset\n" else done.stdout, "F9: our cook sets no toolchain: the file decides")
    if not shutil.which("rustup"):
        tap.skip("cargo is not rustup's", "F9: a toolchain file, cooked by both")
        return
    # A toolchain that does not exist: a cook that obeys the file must fail, and name it.
    kitchen = Kitchen(box, chef, {"Cargo.toml": crate("a"), "src/lib.rs": ""})
    (kitchen.source / "rust-toolchain").write_text("ctx-no-such-toolchain\n")
    told = {**os.environ, "RUSTUP_TOOLCHAIN": "stable"}  # for prepare, which runs in the directory of the file
    status, text = run_chef(chef, "prepare", "--recipe-path", box.path("chef.json"), cwd=kitchen.source, env=told)
    assert status == 0, text
    unset = {"RUSTUP_TOOLCHAIN": None}
    target = box.empty("by-chef")
    status, text = run_chef(chef, "cook", "--recipe-path", box.path("chef.json"), cwd=target, env=unset)
    written = (target / "rust-toolchain").read_text() if status == 0 else text
    tap.check(None if written == "ctx-no-such-toolchain\n" else written,
              "F9: cargo-chef compiles beside a toolchain file it has written, and not by it")
    status, text, _ = kitchen.by_us("cargo", "build", "--locked", env=unset)
    tap.check(None if status and "ctx-no-such-toolchain" in text else f"status {status}: {text}", "F9: ours compiles by it")


def f10_f13(tap, box, chef):
    tree = {**SMALL, "Cargo.toml": SMALL["Cargo.toml"].replace("resolver", 'default-members = ["app", "lib"]\nresolver')}
    kitchen = Kitchen(box, chef, tree)
    status, text, theirs = kitchen.by_chef("--no-build", prepare=["--bin", "lib"])
    ours_status, ours_text, ours = kitchen.by_us(prepare=["--bin=lib"])
    for name, status, text, target in (("cargo-chef", status, text, theirs), ("ours", ours_status, ours_text, ours)):
        if status == 0:
            status, text = kitchen.cargo("metadata", "--no-deps", "--format-version=1", "--offline", cwd=target)
        tap.check(text if status else None, f"F13: default-members follow what is left ({name})")
    _, _, theirs = kitchen.by_chef("--no-build")
    _, _, ours = kitchen.by_us(prepare=["--chef-exact"])
    for name, target in (("ours", ours), ("cargo-chef", theirs)):
        tap.check(None if (target / "app/examples/e/main.rs").exists() and not (target / "app/examples/e.rs").exists() else
                  str(sorted(target.rglob("*"))), f"F10: an example in a directory of its own stays there ({name})")


def f11(tap, box, chef):
    tree = {"Cargo.toml": crate("a", '[profile.release]\nhint-mostly-unused = true\n'), "src/lib.rs": ""}
    kitchen = Kitchen(box, chef, tree)
    kitchen.by_chef(cook=False)
    theirs = json.loads(box.path("chef.json").read_text())["skeleton"]["manifests"][0]["contents"]
    ours = contents(box.prepare("src"))["Cargo.toml"]
    tap.check(None if "hint-mostly-unused" not in theirs else "kept", "F11: cargo-chef loses a key of a profile")
    tap.check(None if "hint-mostly-unused" in ours else "lost", "F11: ours keeps it")


def by_bin(kitchen, box):
    status, text, _ = kitchen.by_chef(prepare=["--bin", "lib"], cook=False)
    assert status == 0, text
    return json.loads(box.path("chef.json").read_text())


def f12(tap, box, chef):
    kitchen = Kitchen(box, chef, {**SMALL, "Cargo.toml": SMALL["Cargo.toml"].replace('"lib"]', '"lib", "other"]'),
                                  "other/Cargo.toml": crate("other"), "other/src/lib.rs": ""})
    before, theirs = box.prepare_bytes("src", "--bin=lib"), by_bin(kitchen, box)
    (kitchen.source / "other/Cargo.toml").write_text(crate("other", '[dependencies]\neither = "1"\n'))
    kitchen.cargo("generate-lockfile", cwd=kitchen.source)
    tap.check(None if before == box.prepare_bytes("src", "--bin=lib") else "changed", "F12: another member's dependency changes nothing")
    after = by_bin(kitchen, box)
    tap.check(None if after == theirs else f"{theirs}\n{after}", "F12: nor does it for cargo-chef, since 0.1.76")


def f14(tap, box, chef):
    tree = {"Cargo.toml": '[workspace]\nmembers = ["app", "mine"]\nresolver = "2"\n',
            "mine/Cargo.toml": crate("mine", '[lib]\nname = "itoa"\n'), "mine/src/lib.rs": "",
            "app/Cargo.toml": crate("app", '[dependencies]\nitoa = "1"\n'), "app/src/main.rs": "fn main() {}\n"}
    kitchen = Kitchen(box, chef, tree)
    results = {}
    for name, (status, text, target) in (("cargo-chef", kitchen.by_chef()), ("ours", kitchen.by_us("cargo", "build", "--locked"))):
        assert status == 0, text
        kitchen.overlay(target)
        results[name] = kitchen.build(target, "build", "--locked")[2]["external"]
    tap.check(None if not all(results["cargo-chef"]) else "it is kept", "F14: cargo-chef deletes an external crate of a local one's name")
    tap.check(None if all(results["ours"]) else str(results), "F14: ours deletes nothing")


def f15(tap, box, chef):
    kitchen = Kitchen(box, chef, {"Cargo.toml": crate("a"), "src/lib.rs": "pub fn real() {}\n"})
    kitchen.by_chef(cook=False)
    for name in ("one", "two"):
        shutil.copytree(kitchen.source, box.path(name), dirs_exist_ok=True)
    run_chef(chef, "cook", "--recipe-path", box.path("chef.json"), "--no-build", cwd=box.path("one"))
    run = box.run("cook", "-r", box.path("chef.json"), "-C", box.path("two"))
    tap.check(None if "real" not in (box.path("one/src/lib.rs")).read_text() else "kept", "F15: cargo-chef empties a checkout")
    tap.check(run.fault(4) or (None if "real" in box.path("two/src/lib.rs").read_text() else "emptied"), "F15: ours refuses one")
    run = box.run("cook", "-r", box.path("chef.json"), "-C", box.empty("three"))
    tap.check(run.fault(0) or (None if box.path("three/src/lib.rs").exists() else "no stub"), "ours cooks cargo-chef's recipes")


def f16(tap, box, chef):
    tree = {"Cargo.toml": crate("a"), "src/lib.rs": "", "memory.x": "M", "t.json": "{}",
            ".cargo/config.toml": '[target.x]\nrustflags = ["-Clink-arg=-Tmemory.x"]\n[env]\nX = "1"\n'
            '[build]\ntarget-dir = "target"\n'}
    kitchen = Kitchen(box, chef, tree)
    _, _, theirs = kitchen.by_chef("--no-build")
    _, _, ours = kitchen.by_us()
    tap.check(None if not (theirs / "memory.x").exists() else "there", "F16: cargo-chef lacks a linker script")
    tap.check(None if (ours / "memory.x").exists() else "missing", "F16: ours has it")


def f17(tap, box, chef):
    kitchen = Kitchen(box, chef, SMALL)
    status, _, _ = kitchen.by_chef("--workspace", "--exclude", "lib")
    tap.check(None if status else "it knows it", "F17: cargo-chef knows no --exclude")
    status, text, _ = kitchen.by_us("cargo", "check", "--workspace", "--exclude", "lib")
    tap.check(None if status == 0 else text, "F17: ours runs any command")
