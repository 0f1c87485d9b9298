# SPDX-License-Identifier: Apache-2.0
"""Skeletons: what is written, what is left alone, what is run. And the other commands."""

import io
import json
import os
import shutil
import subprocess
import tarfile

from box import contents

MTIME = 315619200
TREE = {"Cargo.toml": '[package]\nname = "a"\nversion = "1.0.0"\n', "src/main.rs": "fn main() { real(); }\n",
        "Cargo.lock": 'version = 4\n\n[[package]]\nname = "a"\nversion = "1.0.0"\n'}


def snapshot(root):
    found = {}
    for at in sorted(root.rglob("*")):
        st = at.lstat()
        found[str(at.relative_to(root))] = (st.st_mode, st.st_mtime, at.read_bytes() if at.is_file() else None)
    return found


def cases(tap, box):
    box.tree("a", TREE)
    recipe = box.prepare_bytes("a")
    old = os.umask(0o077)
    try:
        run = box.cook(recipe, "out")
    finally:
        os.umask(old)
    seen = snapshot(box.path("out"))
    wrong = {n: (oct(m), t) for n, (m, t, _) in seen.items() if m & 0o777 != (0o755 if m & 0o040000 else 0o644) or t != MTIME}
    tap.check(run.fault(0) or (str(wrong) if wrong else None), "modes and times are constants, whatever the umask")
    tap.check(None if b"fn main() {}" in seen["src/main.rs"][2] and b"ctx.skeleton" in seen["Cargo.toml"][2] else str(seen),
              "manifests are masked and sources are stubs")
    again(tap, box, recipe)
    checkout(tap, box, recipe)
    child(tap, box, recipe)
    tar(tap, box, recipe)
    commands(tap, box, recipe)
    several(tap, box)
    alone(tap, box, recipe)


def again(tap, box, recipe):
    target = box.path("out")
    before = {n: (target / n).stat().st_ino for n in box.files("out")}
    run = box.run("cook", "-v", "-r", "-", "-C", target, stdin=recipe)
    after = {n: (target / n).stat().st_ino for n in box.files("out")}
    tap.check(run.fault(0, "0 files written") or (None if before == after else "written again"),
              "what is there already is not written again")
    (target / "src/extra.rs").write_text("theirs")
    box.tree("b", {**TREE, "src/lib.rs": "", "src/main.rs": ""})
    both = box.prepare_bytes("b")
    run = box.run("cook", "-r", "-", "-C", target, stdin=both)
    run2 = box.run("cook", "-v", "-r", "-", "-C", target, stdin=recipe)
    left = box.files("out")
    tap.check(run.fault(0) or run2.fault(0, "1 removed") or (None if "src/lib.rs" not in left and "src/extra.rs" in left
                                                            else str(left)),
              "a cook removes what an earlier one wrote and the recipe lacks, and nothing else")


def checkout(tap, box, recipe):
    shutil.copytree(box.path("a"), box.empty("co"), dirs_exist_ok=True)
    before = snapshot(box.path("co"))
    run = box.run("cook", "-r", "-", "-C", box.path("co"), stdin=recipe)
    tap.check(run.fault(4, "no cook made") or (None if snapshot(box.path("co")) == before else "changed"),
              "a checkout is refused and left as it was")
    run = box.run("cook", "-r", "-", "--force", "-C", box.path("co"), stdin=recipe)
    tap.check(run.fault(0), "--force cooks in a checkout")
    run = box.cook(recipe, "out")
    (box.path("out") / "src/main.rs").write_text("fn main() { theirs(); }")
    run = box.run("cook", "-r", "-", "-C", box.path("out"), stdin=recipe)
    kept = "theirs" in (box.path("out") / "src/main.rs").read_text()
    tap.check(run.fault(4, "main.rs") or (None if kept else "replaced"), "a stub that became a source is not replaced")
    target = box.tree("x", {".ctx/recipe.json": "{}", "lost+found": None, "recipe.json": recipe})
    run = box.run("cook", cwd=target)
    tap.check(run.fault(0), "a directory that only holds the recipe counts as empty")


def child(tap, box, recipe):
    target = box.empty("out")
    run = box.run("cook", "-r", "-", "-C", target, "--", "sh", "-c", 'echo "$PWD" "$@"; exit 7', "sh", "a b", stdin=recipe)
    want = f"{os.path.realpath(target)} a b\n".encode()
    tap.check(run.fault(7) or (None if run.out == want else repr(run.out)),
              "a command runs in the skeleton, and ctx-recipe ends with its status")
    run = box.run("cook", "-r", "-", "-C", box.empty("out"), "--", "no-such-command", stdin=recipe)
    tap.check(run.fault(5, "no-such-command"), "the message names a command that doesn't exist")
    hint = json.loads(recipe)
    hint["ctx_recipe"]["units"][0]["hint"]["install"] = ["touch", str(box.path("hinted"))]
    box.cook(hint, "out")
    tap.check("it ran" if box.path("hinted").exists() else None, "a hint of a recipe is never run")


def tar(tap, box, recipe):
    long = "d" * 90 + "/" + "e" * 90 + "/" + "f" * 90
    # One letter, composed and decomposed: libarchive would make one name of the two in a PAX record.
    crates = {"l": long, "m": long + "\u0213", "n": long + "r\u0311"}
    box.tree("l", {**TREE, **{f"{at}/Cargo.toml": f'[package]\nname = "{name}"\n' for name, at in crates.items()},
                   **{f"{at}/src/lib.rs": "" for at in crates.values()},
                   "Cargo.toml": TREE["Cargo.toml"] + "[dependencies]\n" + "".join(
                       f'{name} = {{ path = "{at}" }}\n' for name, at in crates.items())})
    recipe = box.prepare_bytes("l")
    run = box.run("skeleton", "--tar", "-r", "-", stdin=recipe)
    run2 = box.run("skeleton", "--tar", "-r", "-", stdin=recipe)
    with tarfile.open(fileobj=io.BytesIO(run.out)) as t:
        members = t.getmembers()
        names = [m.name for m in members]
        facts = {(m.uid, m.gid, m.mtime, m.mode) for m in members}
    tap.check(run.fault(0) or (None if facts == {(0, 0, MTIME, 0o644), (0, 0, MTIME, 0o755)} else str(facts)),
              "the tar's owners, times and modes are constants")
    tap.check(None if f"{long}/src/lib.rs" in names and names.index("src") < names.index("src/main.rs") else str(names),
              "a directory comes before its files, and long paths are complete")
    tap.check(None if run.out == run2.out else "two kinds", "two tars of a recipe have the same bytes")
    box.cook(recipe, "out", "--no-journal")
    target = box.empty("t")
    for program in (["tar"], ["busybox", "tar"], ["bsdtar"]):
        if not shutil.which(program[0]):
            tap.skip(f"{program[0]} is missing", f"{' '.join(program)} unpacks what cook writes")
            continue
        target = box.empty("t")
        r = subprocess.run([*program, "-xf", "-", "-C", str(target)], input=run.out, capture_output=True,
                           env={**os.environ, "LC_ALL": "C.UTF-8"})
        one, two = snapshot(box.path("out")), snapshot(target)
        if program[0] == "busybox":  # busybox changes the time of a directory when it writes into it
            one, two = ({n: s for n, s in kind.items() if s[2] is not None} for kind in (one, two))
        tap.check(r.stderr.decode() if r.returncode or r.stderr else (None if one == two else f"{one}\n{two}"),
                  f"{' '.join(program)} unpacks what cook writes")


def commands(tap, box, recipe):
    box.path("r.json").write_bytes(recipe)
    one = box.run("digest", box.path("r.json"))
    two = box.run("digest", box.path("a"))
    tap.check(one.fault(0) or two.fault(0) or (None if one.out == two.out and one.out.startswith(b"sha256:") else
                                               f"{one.out} {two.out}"), "a directory has the digest of its recipe")
    tap.check(box.run("digest", "--units", box.path("r.json")).fault(0), "the units can be listed")
    box.tree("b", {**TREE, "Cargo.toml": TREE["Cargo.toml"] + '[dependencies]\nlog = "0.4"\n',
                   "Cargo.lock": TREE["Cargo.lock"] + '\n[[package]]\nname = "log"\nversion = "0.4.1"\nsource = "r"\n'})
    run = box.run("diff", box.path("r.json"), box.path("b"))
    tap.check(run.fault(1) or (None if b"cargo . + log 0.4.1\n" in run.out else run.out.decode()), "diff names a new dependency")
    run = box.run("diff", box.path("r.json"), box.path("a"))
    tap.check(run.fault(0) or (run.out.decode() or None), "diff of a recipe with itself prints nothing")
    run = box.run("verify", box.path("r.json"), box.path("a"))
    tap.check(run.fault(0), "verify accepts what prepare made")
    run = box.run("verify", box.path("r.json"), box.path("b"))
    tap.check(run.fault(1), "verify finds a recipe that is out of date")
    run = box.run("prepare", box.empty("empty"))
    tap.check(run.fault(3, "no manifest") or (None if json.loads(run.out)["ctx_recipe"]["units"] == [] else "units"),
              "nothing found is status 3 and an empty recipe")
    out = box.path("keep.json")
    box.run("prepare", "-q", "-o", out, box.path("a"))
    before = out.stat().st_mtime_ns, out.stat().st_ino
    box.run("prepare", "-q", "-o", out, box.path("a"))
    tap.check(None if (out.stat().st_mtime_ns, out.stat().st_ino) == before else "written",
              "a recipe that is the same is not written again")
    fifo = box.path("fifo")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    run = box.run("prepare", "-q", "-o", fifo, box.path("a"))
    tap.check(run.fault(0) or (None if fifo.is_fifo() and os.read(reader, 1 << 16) == out.read_bytes() else "replaced"),
              "--output into a pipe or a device writes to it, and never replaces it")
    os.close(reader)
    for args, pattern in ((["frob"], "not one of"), ([], "missing"), (["prepare", "--frob"], "no such option"),
                          (["prepare", "-o"], "needs a value"), (["diff", "a"], "diff OLD NEW"), (["cook", "x"], "cook"),
                          (["prepare", "--quiet=1"], "takes no value"), (["skeleton"], "--tar or a directory")):
        tap.check(box.run(*args).fault(2, pattern), f"wrong usage: {' '.join(args) or 'nothing'}")
    tap.check(box.run("cook", "-r", "none.json").fault(5, "none.json"), "the message names a recipe that doesn't exist")


def several(tap, box):
    box.tree("m", {"api/go.mod": "module api\n", "web/package.json": '{"name":"web"}', "web/package-lock.json": "{}",
                   "py/requirements.txt": "six\n", "Cargo.toml": TREE["Cargo.toml"], "src/main.rs": ""})
    recipe = box.prepare("m")
    units = [(u["eco"], u["dir"]) for u in recipe["ctx_recipe"]["units"]]
    tap.check(None if units == [("cargo", "."), ("go", "api"), ("npm", "web"), ("python", "py")] else str(units),
              "several ecosystems are several units")
    run = box.cook(recipe, "out", "--eco=npm", "--no-journal")
    tap.check(run.fault(0) or (None if box.files("out") == ["web/package-lock.json", "web/package.json"] else
                               str(box.files("out"))), "one unit can be cooked alone")
    only = contents(box.prepare("m", "--eco=go,python"))
    tap.check(None if sorted(only) == ["api/go.mod", "py/requirements.txt"] else str(sorted(only)),
              "some ecosystems can be prepared alone")
    only = contents(box.prepare("m", "--dir=api"))
    tap.check(None if sorted(only) == ["api/go.mod"] else str(sorted(only)), "one directory can be prepared alone")
    secrets = {"package.json": '{"name":"x"}', ".npmrc": "//r/:_authToken=SECRET1\nregistry=https://u:SECRET2@r/\n"
               "//q/:_authToken=${TOKEN}\n", "requirements.txt": "--extra-index-url https://SECRET3@h/\nsix\n",
               "Cargo.toml": TREE["Cargo.toml"], "src/main.rs": "", ".cargo/config.toml": '[registries.x]\ntoken = "SECRET4"\n',
               ".cargo/credentials.toml": 'x = "SECRET5"\n', "nuget.config": "<configuration><packageSourceCredentials><x>"
               '<add key="p" value="SECRET6"/></x></packageSourceCredentials></configuration>', "a.csproj": "<Project/>",
               "composer.json": '{"config":{"github-oauth":{"github.com":"SECRET7"}}}', "Gemfile": "gem 'x'\n",
               ".bundle/config": 'BUNDLE_GEMS__X: "u:SECRET8"\n', "settings.gradle": "", "gradle.properties":
               "repoPassword=SECRET9\n", "auth.json": "SECRET10"}
    box.tree("s", secrets)
    run = box.run("prepare", box.path("s"))
    found = [f"SECRET{i}" for i in range(1, 11) if f"SECRET{i}".encode() in run.out]
    tap.check(run.fault(0) or (str(found) if found else None), "no credential enters a recipe")
    tap.check(None if b"${TOKEN}" in run.out else "gone", "a variable in place of a credential stays")
    tap.check(None if run.err.count("credential") + run.err.count("a token") >= 7 else run.err,
              "each credential that is left out gets a warning")
    over_lines(tap, box)


def over_lines(tap, box):
    """Source: java.util.Properties, YAML 1.2 §7.3, pip's join_lines, Ruby's string literals."""
    cases = {
        "a property that goes on in the next line": ("gradle.properties", "a=1\nrepoPassword=\\\n  SECRET\nb=2\n", "b=2"),
        "a property that goes on for two more lines": ("gradle.properties", "token=x\\\n  y\\\n  SECRET\nb=2\n", "b=2"),
        "a property that goes on after CR LF": ("gradle.properties", "token=x\\\r\n  SECRET\r\nb=2\r\n", "b=2"),
        "a property after a CR alone": ("gradle.properties", "a=1\rtoken=SECRET\rb=2\r", "b=2"),
        "a property whose name goes on in the next line":
            ("gradle.properties", "repoPass\\\n  word=SECRET\nb=2\n", "b=2"),
        "a login in a URL that goes on in the next line":
            ("gradle.properties", "u=https://me:\\\n  SECRET@h/\nb=2\n", "b=2"),
        "a property whose name is in capitals": ("gradle.properties", "REPO_PASSWORD=SECRET\nb=2\n", "b=2"),
        "a property after one that ends in two backslashes":
            ("gradle.properties", "dir=c:\\\\\ntoken=SECRET\nb=2\n", "dir=c:"),
        "a property after a comment that ends in a backslash":
            ("gradle.properties", "# c:\\\ntoken=SECRET\nb=2\n", "b=2"),
        "a value of .npmrc in the next line": (".npmrc", "//h/:_authToken=\\\nSECRET\nsave-exact=true\n", "save-exact"),
        "a value of .yarnrc.yml in the next line":
            (".yarnrc.yml", "npmAuthToken:\n  SECRET\nnodeLinker: node-modules\n", "nodeLinker"),
        "a value of .yarnrc.yml in a block below its key":
            (".yarnrc.yml", "npmScopes:\n  a:\n    npmAuthToken: >-\n      x\n\n      SECRET\n"
             "    npmRegistryServer: https://r/\n", "npmRegistryServer"),
        "a login of --index-url in the next line":
            ("requirements.txt", "--index-url https://me:x\\\nSECRET@h/simple\nsix\n", "https://h/simple"),
        "a login in the line after --extra-index-url":
            ("requirements.txt", "--extra-index-url \\\n  https://me:SECRET@h/simple\nsix\n", "https://h/simple"),
        "a login in a line that a comment follows":
            ("requirements.txt", "--index-url https://me:\\\nSECRET@h/simple\\\n# why\nsix\n", "https://h/simple"),
        "a login in a string of a Gemfile": ("Gemfile", 'source "https://me:x\\\nSECRET@h/"\ngem "x"\n', "https://h/"),
        "a login of a gem server that is named like a setting":
            (".bundle/config", '---\nBUNDLE_MIRROR__H__COM: "me:SECRET"\nBUNDLE_JOBS: "4"\n', "BUNDLE_JOBS"),
        "a login of a build host that is named like a setting":
            (".bundle/config", '---\nBUNDLE_BUILD__H__COM: "me:SECRET"\n'
             'BUNDLE_BUILD__PG: "--with-pg=/x"\n', "--with-pg"),
    }
    needs = {"gradle.properties": "settings.gradle", ".bundle/config": "Gemfile"}
    for i, (title, (name, text, stays)) in enumerate(cases.items()):
        tree = {"package.json": '{"name":"x"}', "yarn.lock": "__metadata:\n", needs.get(name, "x"): "", name: text}
        box.tree(f"l{i}", tree)
        run = box.run("prepare", box.path(f"l{i}"))
        tap.check(run.fault(0) or ("it is in the recipe" if b"SECRET" in run.out else None) or
                  (None if stays.encode() in run.out else "its neighbour is gone") or
                  (None if "credential" in run.err else "no warning"), f"a secret is left out: {title}")


def alone(tap, box, recipe):
    """An empty image contains only the program."""
    size = os.stat(box.program).st_size
    if subprocess.run(["ldd", box.program], capture_output=True).returncode == 0:
        with open(box.program, "rb") as f:
            if b"__asan_init" in f.read():
                return  # the runtime of a sanitizer is a shared library
    if os.geteuid() != 0:
        tap.skip("needs root", "the program runs in an empty root")
        return
    root = box.tree("root", {"recipe.json": recipe, "app": None})
    shutil.copy2(box.program, root / "ctx-recipe")
    r = subprocess.run(["chroot", root, "/ctx-recipe", "cook", "-r", "/recipe.json", "-C", "/app"], capture_output=True, text=True)
    tap.check(r.stderr or (None if (root / "app/src/main.rs").exists() else "nothing cooked"),
              "the program runs in an empty root")
    tap.check(None if size < 1_600_000 else f"{size} bytes", "the program has less than 1.6 MB")
