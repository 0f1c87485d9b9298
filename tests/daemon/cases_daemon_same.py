# SPDX-License-Identifier: Apache-2.0
"""The same bytes, whatever the options, cold and warm, before and after edits."""

import io
import os
import shutil
import subprocess
import tarfile

from daemon import TOP


def mounts(tap, box):
    """The root's own directory mounted over its path: the same device and inode, and another place."""
    if os.geteuid() != 0:
        tap.skip("not root", "a root that is mounted over itself is another root")
        return
    box.fresh()
    root = box.tree("mounted")
    daemon = box.daemon(command=["unshare", "-m", "--propagation", "private", box.programs / "ctxd", "--http=off"])

    def inside(script, cwd=box.top):
        return subprocess.run(["nsenter", "-t", str(daemon.process.pid), "-m", "sh", "-ec", f"cd {cwd}\n{script}"],
                              env={**box.environment(), "bin": str(box.programs)}, capture_output=True)

    def fault(before=""):
        runs = [inside(f"{before}\n$bin/ctx-send --daemon={how} mounted") for how in ("never", "require")]
        if any(r.returncode for r in runs):
            return str([r.stderr for r in runs])
        return runs[0].stdout != runs[1].stdout and "other bytes"

    tap.check(fault(), "a root before it is mounted over")
    tap.check(inside("mount --bind mounted mounted; mount -t tmpfs none mounted/d1;"
                     "echo x >mounted/d1/new").stderr.decode(),
              "its own directory is mounted there, and something below it")
    tap.check(fault(), "… is another root")
    run = inside(f"mount --bind {root} {root}; $bin/ctx-send --daemon=require .", cwd=root)
    tap.check(None if b"another directory to the daemon" in run.stderr else str(run.stderr),
              "a client in a directory that is mounted over is told so")
    inside("umount -l mounted; umount -l mounted")
    tap.check(fault(), "… and after all unmounts the first root is back")
    daemon.end()


def cases(tap, box):
    daemon = box.daemon()
    examples = box.top / "examples"
    shutil.copytree(TOP / "examples", examples, symlinks=True)
    names = sorted(p.name for p in examples.iterdir() if (p / "Dockerfile").exists())
    tap.check(None if len(names) >= 3 else str(names), "there are examples")
    for name in names:
        for args in ([], ["-z"], ["--zstd"], ["--full"], ["--mtime=epoch"], ["--dockerfile=plain"], ["-z9"],
                     ["--verify"],
                     ["--builder=classic"]):
            tap.check(box.same(args, examples / name), f"{name} {args}: cold")
            tap.check(box.same(args, examples / name), f"{name} {args}: warm")
    # The classic builder is sent an ignore file along, which other views of the tree send anyway.
    for args in ([], ["--builder=classic"], ["--builder=classic", "-z"]):
        tap.check(box.same([*args, "-f", "rust-api/Dockerfile.dev", "rust-api"], examples),
                  f"an ignore file of the Dockerfile {args}")

    root = examples / names[0]
    tap.check(box.same([names[0]], examples), "from another working directory")
    tap.check(box.same(["-f", f"{names[0]}/Dockerfile", names[0]], examples), "-f, relative to it")
    elsewhere = box.top / "elsewhere.Dockerfile"
    elsewhere.write_text("FROM scratch\nCOPY . /\n")
    tap.check(box.same(["-f", elsewhere, root], box.top), "-f of a file outside the context")
    tap.check(box.same(["-f", "-", root], box.top, stdin=b"FROM scratch AS a\nCOPY . /x\n"),
              "-f - reads standard input")
    for args, pattern in ((["--target=nosuch"], "nosuch"), (["--max-files=1", "--full"], "--max-files|more than")):
        a, b = box.send("--no-daemon", *args, cwd=root), box.send("--daemon=auto", *args, cwd=root)
        tap.check(None if (a.status, a.err, a.out) == (b.status, b.err, b.out) and a.status in (1, 3) else f"{a} {b}",
                  f"{args} fails in the same words, with the same status")

    for args in ([], ["-z"]):
        a, b = box.top / "a.tar", box.top / "b.tar"
        runs = [box.send("--no-daemon", "-o", a, *args, root), box.send("--daemon=require", "-o", b, *args, root)]
        tap.check(next((f for r in runs if (f := r.fault())), None) or (a.read_bytes() != b.read_bytes() and "differ"),
                  f"-o FILE {args}")
        with open(box.top / "c.tar", "wb") as out:
            run = box.send("--daemon=require", *args, root, stdout=out)
        tap.check(run.fault() or ((box.top / "c.tar").read_bytes() != a.read_bytes() and "differ"), f"> FILE {args}")
    with open(box.top / "d.tar", "wb") as out:
        out.write(b"before")
        out.flush()
        os.lseek(out.fileno(), 0, os.SEEK_END)
        box.send("--daemon=require", root, stdout=out)
    tap.check((box.top / "d.tar").read_bytes() != b"before" + box.send("--no-daemon", root).out and "differ",
              "> FILE begins at the file's offset")

    tree = box.tree("edited", 60)
    (tree / "link").symlink_to("d0/f0")
    os.link(tree / "d1/f1", tree / "d2/hard")
    edits = [
        ("nothing", lambda: None),
        ("a file changed", lambda: (tree / "d0/f0").write_bytes(b"new")),
        ("a file added", lambda: (tree / "d0/added").write_bytes(b"1" * 5000)),
        ("a file removed", lambda: (tree / "d0/added").unlink()),
        ("a directory moved", lambda: (tree / "d3").rename(tree / "moved")),
        ("a deep directory made", lambda: ((tree / "x/y/z").mkdir(parents=True), (tree / "x/y/z/f").write_text("f"))),
        ("a mode changed", lambda: (tree / "d1/f1").chmod(0o755)),
        ("a file rewritten, its size and time as before", lambda: rewrite(tree / "d4/f4")),
        ("a link turned", lambda: ((tree / "link").unlink(), (tree / "link").symlink_to("d1"))),
        ("an ignored file written", lambda: (tree / "ignored").write_text("i")),
        ("the ignore file changed", lambda: (tree / ".dockerignore").write_text("d5\n")),
        ("the Dockerfile changed", lambda: (tree / "Dockerfile").write_text("FROM scratch\nCOPY d1 d2 /\n")),
    ]
    for what, edit in edits:
        edit()
        for args in ([], ["-z"]):
            tap.check(box.same(args, tree), f"{what}: {args}")
    root = tree.rename(box.top / "renamed")
    tap.check(box.same([], root), "the root renamed")
    tree.mkdir()
    (tree / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    tap.check(box.same([], tree), "another root at its path")

    recipe_cases(tap, box)

    # A name that is no UTF-8, and arguments.
    odd = box.tree("odd", 3)
    os.mkdir(os.fsencode(odd) + b"/\xff\xfe")
    (odd / "Dockerfile").write_text("ARG D\nFROM scratch\nARG D\nCOPY $D /\n")
    args = [b"--args-final", b"--build-arg=D=\xff\xfe"]
    runs = [box.send(*map(os.fsdecode, [mode, *args]), cwd=odd) for mode in (b"--no-daemon", b"--daemon=require")]
    tap.check(runs[1].fault() or (runs[0].out != runs[1].out and "differ"), "paths and arguments that are not UTF-8")
    tap.check(daemon.counter("failed") > 2 and f"{daemon.counter('failed')} failed",
              "the daemon failed only where it should")
    mounts(tap, box)


def recipe_cases(tap, box):
    tree = box.tree("recipe", 20)
    (tree / "src").mkdir()
    (tree / "Dockerfile").write_text("FROM scratch\nCOPY .ctx/cargo/root/ /\nCOPY . /\n")
    (tree / "Cargo.toml").write_text('[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n')
    (tree / "Cargo.lock").write_text('version = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\n')
    (tree / "src/main.rs").write_text("fn main() {}\n")
    edits = [
        ("nothing", lambda: None),
        ("a source", lambda: (tree / "src/main.rs").write_text("fn main() { other(); }\n")),
        ("a version", lambda: (tree / "Cargo.toml").write_text(
            '[package]\nname = "app"\nversion = "0.2.0"\nedition = "2021"\n')),
        ("a dependency", lambda: (tree / "Cargo.toml").write_text(
            '[package]\nname = "app"\nversion = "0.2.0"\nedition = "2021"\n[dependencies]\na = "1"\n')),
        ("a new binary", lambda: ((tree / "src/bin").mkdir(), (tree / "src/bin/b.rs").write_text("fn main() {}\n"))),
        ("another ecosystem", lambda: (tree / "go.mod").write_text("module m\n")),
        ("the manifest ignored", lambda: (tree / ".dockerignore").write_text("Cargo.toml\n")),
    ]
    seen = []
    for what, edit in edits:
        edit()
        for args in (["--recipe"], ["--recipe", "-z"], ["--recipe=cargo,go", "--full"]):
            tap.check(box.same(args, tree), f"{args}, an edit of {what}")
        run = box.send("--recipe", tree)
        with tarfile.open(fileobj=io.BytesIO(run.out)) as tar:
            seen.append([(m.name, m.mode, m.mtime, tar.extractfile(m).read() if m.isfile() else b"")
                         for m in tar if m.name.startswith(".ctx")])
    same = [a == b for a, b in zip(seen, seen[1:])]
    tap.check(None if same == [True, True, False, False, True, False] else str(same),
              "the recipe that is sent changes with the dependencies and targets alone")
    (tree / ".dockerignore").unlink()
    for args in (["--recipe"], ["--recipe", "--per-instruction"]):
        one, two = box.ctx("digest", "--daemon=require", *args, tree), box.ctx("digest", "--no-daemon", *args, tree)
        tap.check(one.fault() or (one.out != two.out and f"{one.out} {two.out}"), f"digest {args}")
    # What can't be rewritten may take the recipe along, and no line of the file says so.
    (tree / "Dockerfile").write_text("# syntax=example.com/other\nTAKE .\n")
    for mode in ("--no-daemon", "--daemon=require"):
        tap.check(box.send(mode, "--recipe", tree).fault(0, r"Dockerfile:1: the image may gain \.ctx"),
                  f"a foreign syntax, {mode}")
    run = box.send("--no-daemon", "--recipe=elixir", tree)
    tap.check(run.fault(1, r"--recipe: the context has nothing for elixir; "),
              "no project of the ecosystem that is asked for")
    (tree / ".ctx").mkdir()
    for mode in ("--no-daemon", "--daemon=require"):
        tap.check(box.send(mode, "--recipe", tree).fault(1, r"has a \.ctx of its own.*a line /\.ctx in"),
                  f"a .ctx of the context's own, {mode}")


def rewrite(path):
    st = path.stat()
    data = bytearray(path.read_bytes() or b"x")
    data[0] ^= 1
    with open(path, "r+b") as f:
        f.write(data)
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
