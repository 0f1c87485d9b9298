# SPDX-License-Identifier: Apache-2.0
"""Messages about wrong arguments, and where the output goes."""

import os
import stat
import subprocess
import threading

CARGO = {"Cargo.toml": '[package]\nname = "a"\nversion = "1.0.0"\n', "src/main.rs": "fn main() {}\n",
         "Cargo.lock": 'version = 3\n\n[[package]]\nname = "a"\nversion = "1.0.0"\n'}


def output_cases(tap, box):
    box.tree("a", CARGO)
    want = box.prepare_bytes("a")
    for words in (["prepare", "-q", box.path("a")], ["skeleton", "--tar", "-r", box.path("r.json")]):
        box.path("r.json").write_bytes(want)
        out = want if words[0] == "prepare" else box.run(*words).out
        fifo = box.path("fifo")
        os.mkfifo(fifo)
        got = []
        reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()), daemon=True)
        reader.start()
        run = box.run(*words, "-o", fifo)
        reader.join(10)
        why = run.fault(0) or (None if got == [out] else f"{got} was read")
        tap.check(why or (None if stat.S_ISFIFO(fifo.stat().st_mode) else "it is a file now"),
                  f"{words[0]} -o writes into what is no file, and leaves it there")
        fifo.unlink()
        box.path("real.json").write_bytes(b"old")
        box.path("link.json").symlink_to("real.json")
        run = box.run(*words, "-o", box.path("link.json"))
        why = run.fault(0) or (None if box.path("link.json").is_symlink() else "the link is replaced")
        tap.check(why or (None if box.path("real.json").read_bytes() == out else "other bytes"),
                  f"{words[0]} -o writes to where a link leads")
        box.path("link.json").unlink()
        r = box.run(*words, "-o", "-")
        tap.check(r.fault(0) or (None if r.out == out else "other bytes"), f"{words[0]} -o - is standard output")
    box.path("bad.json").write_text("{}")
    box.path("kept.tar").write_bytes(b"old")
    box.run("skeleton", "--tar", "-r", box.path("bad.json"), "-o", box.path("kept.tar"))
    tap.check(None if box.path("kept.tar").read_bytes() == b"old" else "it is gone", "a failure leaves the last tar")


def cases(tap, box):
    output_cases(tap, box)
    a = box.tree("a", CARGO)
    recipe = box.path("r.json")
    recipe.write_bytes(box.prepare_bytes("a"))
    box.tree("empty", {})
    for words, status, pattern in [
        (["prepare", "nope"], 5, r"can't open PATH \"nope\": No such file or directory$"),
        (["prepare", "--ignore-file=nope", a], 5, r"ignore file \"nope\": No such file or directory$"),
        (["prepare", "-f", "nope", a], 5, r"can't open the Dockerfile \"nope\": No such"),
        (["prepare", "--eco=foo", a], 2, r"--eco: \"foo\" is no ecosystem .*: cargo, .* ruby\n"),
        (["cook", "--eco=cargo,foo", "-r", recipe], 2, r"--eco: \"foo\""),
        (["prepare", "--eco=go", "-o", box.path("n.json"), a], 3, r"nothing for go; .*digest --units"),
        (["prepare", "--dir=x", "-o", box.path("n.json"), a], 3, r"nothing for --dir=x; "),
        (["prepare", "-o", box.path("n.json"), box.path("empty")], 3, r"no manifest of a known kind"),
        (["prepare", "--bin=nope", a], 2, r"--bin=\"nope\": no package and no binary"),
        (["prepare", "--bin=", a], 2, r"NAME is empty"),
        (["prepare", "--tar", a], 2, r"--tar: ctx-recipe prepare doesn't take it"),
        (["--units", "prepare", a], 2, r"--units: ctx-recipe prepare"),
        (["cook", "--tests"], 2, r"--tests: ctx-recipe cook"),
        (["skeleton", "-C", "x", "--tar"], 2, r"--directory: ctx-recipe skeleton"),
        (["diff", "-o", "x", a, a], 2, r"--output: ctx-recipe diff"),
        (["digest"], 5, r"there is no recipe \"recipe.json\": ctx-recipe prepare -o FILE makes one"),
        (["digest", "--eco=cargo", recipe], 2, r"--eco is for prepare.* is a recipe already"),
        (["verify", "--tests", recipe], 2, r"--tests is for prepare"),
    ]:
        run = box.run(*words)
        said = [l for l in run.err.splitlines() if not l.startswith("Try: ")]
        tap.check(run.fault(status, pattern) or (None if len(said) == 1 else run.err),
                  f"one clear message: {' '.join(map(str, words))}")
    want = box.run("digest", recipe).out
    got = subprocess.run(["bash", "-c", '"$0" digest <(cat "$1")', box.program, recipe], capture_output=True).stdout
    tap.check(None if got == want else str(got), "a recipe may come through a pipe of the shell")
    for words in (["digest", "--eco=cargo", a], ["digest", "--eco=cargo", "-r", recipe, a], ["diff", "--eco=cargo", recipe, a],
                  ["prepare", "--bin=a", a]):
        tap.check(box.run(*words).fault(0), f"taken: {' '.join(map(str, words))}")

    for name, text, pattern in (("package.json", '{\n"name":', r"package.json:2: "), ("pom.xml", "<project>\n<", r"pom.xml:2: "),
                                ("pyproject.toml", "[project]\nname = ", r"pyproject.toml:2: "),
                                ("package.json", "", r"package.json:1: it is empty"), ("package.json", "[]", r"\"package.json\" is no JSON object")):
        box.tree("m", {name: text})
        tap.check(box.run("prepare", box.path("m")).fault(0, r"warning: \w+ in the root: copied as it is: " + pattern),
                  f"a {name} that can't be read is named, with its line")

    shim = box.tree("bin", {"cargo": ("exec", "#!/bin/sh\necho no toolchain is chosen >&2\nexit 1\n")})
    run = box.run("verify", recipe, env={"PATH": f"{shim}:{os.environ['PATH']}"})
    tap.check(run.fault(0) or run.err, "verify passes over a tool that can't run at all")
    box.tree("bin", {"cargo": ("exec", "#!/bin/sh\n[ $1 = --version ] && exit\necho wrong manifest\nexit 1\n")})
    run = box.run("verify", recipe, env={"PATH": f"{shim}:{os.environ['PATH']}"})
    tap.check(run.fault(1, r"cargo refuses the skeleton:\nwrong manifest\n$"), "and shows what one says that refuses")
