# SPDX-License-Identifier: Apache-2.0
"""Bad input gives one clear error and exit status 1, never a crash. Odd but good input gives none."""

import os
import socket

SCRATCH = "FROM scratch\nCOPY a /\n"
ALL = "FROM scratch\nCOPY . /\n"


def path_cases(tap, box):
    box.tree({"Dockerfile": SCRATCH, "a": "1", "file": "x"})
    for path, pattern in [("missing", r'can\'t open PATH "missing": No such file'),
                          ("file", r'PATH is "file", which is no directory; a Dockerfile is given with -f'),
                          ("-", r"ctx-send reads a directory; docker build - takes a tar"),
                          ("https://example.com/x.git", r"ctx-send reads a directory; docker build takes a URL"),
                          ("git@example.com:x.git", r"takes a URL"),
                          ("", r'can\'t open PATH ""'),
                          ("x" * 5000, r"File name too long"),
                          ("a\nb\x1b[1m", r'"a\\nb\\x1b\[1m"')]:
        tap.check(box.send(path).fault(1, pattern), f"PATH {path[:30]!r} is refused with one error")
    os.symlink("context", box.top / "link")
    tap.check(box.send(str(box.top / "link")).success(["a"]), "PATH may be a link to a directory")


def dockerfile_cases(tap, box):
    box.tree({"a": "1"})
    tap.check(box.send().fault(1, r'no Dockerfile in "\."; name one with -f'), "a missing Dockerfile is an error")
    (box.root / "Dockerfile").symlink_to("nowhere")
    tap.check(box.send().fault(1, r'^ctx-send: the Dockerfile "Dockerfile" is a link that leads to no file'),
              "a link that leads nowhere is an error that says so")
    (box.root / "Dockerfile").unlink()
    tap.check(box.send("-f", "deploy.df").fault(1, r'can\'t open the Dockerfile "deploy\.df"'),
              "a missing -f file is an error that says what it is relative to")
    line = b"FROM scratch\nCOPY a /\n"
    long = b"# " + b"x" * 65533
    for what, content, pattern in [
        ("empty", b"", r"Dockerfile"),
        ("of comments only", b"# nothing\n\n", r"Dockerfile"),
        ("binary", bytes(range(256)) * 64, r"Dockerfile.*:\d+"),
        ("an ELF program", b"\x7fELF\x02\x01\x01\0\0\0\0" + bytes(400), r"Dockerfile"),
        ("one unknown instruction", b"FROM scratch\nCPY a /\n", r"Dockerfile:2.*CPY"),
        ("an instruction before FROM", b"COPY a /\nFROM scratch\n", r"Dockerfile:1"),
        ("a line of 64 KiB and one byte", line + long + b"y\n", r"Dockerfile:3.*"),
        ("a line of 1 MiB without an end", b"RUN " + b"z" * (1 << 20), r"Dockerfile:1"),
    ]:
        box.tree({"Dockerfile": content, "a": "1"})
        tap.check(box.send().fault(1, pattern), f"a Dockerfile that is {what} is refused, by file and line")
        run = box.send("-f", "-", stdin=content)
        tap.check(run.fault(1, r"stdin|Dockerfile"), f"the same on standard input: {what}")
    box.tree({"Dockerfile": line + long + b"\n", "a": "1"})
    tap.check(box.send().success(["a"]), "a line of 65,535 bytes is accepted")
    box.tree({"Dockerfile": line + b"RUN x \\\n" * 30000 + b" y\n", "a": "1"})
    tap.check(box.send().success(["a"]), "30,000 continued lines are accepted")

    box.tree({"Dockerfile": "FROM scratch AS one\nCOPY a /\nFROM scratch AS two\nCOPY b /\n", "a": "1", "b": "2"})
    tap.check(box.send("--target=three").fault(1, r"three"), "an unknown --target is an error that names it")
    tap.check(box.send("--target=TWO", "--builder=buildkit").success(["b"]),
              "a --target is found in upper or lower case")
    tap.check(box.send("--target=two").success(["a", "b"]),
              "the classic builder would run the stage before, too")
    box.tree({"Dockerfile": None, "a": "1"})
    tap.check(box.send().fault(1, r"Dockerfile.*is a directory"), "a Dockerfile that is a directory is an error")
    os.rmdir(box.root / "Dockerfile")
    os.mkfifo(box.root / "Dockerfile")
    tap.check(box.send().fault(1, r"not a regular file"),
              "a Dockerfile that is a FIFO is an error, and is not waited for")
    os.unlink(box.root / "Dockerfile")
    os.symlink("Dockerfile", box.root / "Dockerfile")
    tap.check(box.send().fault(1, r"Dockerfile"), "a Dockerfile that links to itself is an error")
    box.tree({"dockerfile": SCRATCH, "a": "1"})
    tap.check(box.send().success(["a"]), "a lower-case dockerfile is used if there is no other")
    box.tree({"Dockerfile": SCRATCH, "a": "1"})
    with open(box.root / "Dockerfile", "ab") as f:
        f.truncate(17 << 20)
    tap.check(box.send().fault(1, r"larger than 16 MiB"), "a Dockerfile of 17 MiB is an error")
    tap.check(box.send("-f", "-", stdin=SCRATCH.encode()).success(["a"]), "-f - reads standard input")


def ignore_cases(tap, box):
    for what, content, pattern in [
        ("[", "a\n[\n", r"\.dockerignore:2"),
        ("a lone !", "# x\n\n!\n", r"\.dockerignore:3"),
        ("a class without end", "x[a-\n", r"\.dockerignore:1"),
        ("a trailing backslash", "ok\nok2\nbad\\\n", r"\.dockerignore:3"),
        ("a line of 64 KiB and one byte", "x" * 65536 + "\n", r"\.dockerignore"),
    ]:
        box.tree({"Dockerfile": ALL, "a": "1", ".dockerignore": content})
        tap.check(box.send().fault(1, pattern), f"an ignore file with {what} is refused, by file and line")
    box.tree({"Dockerfile": ALL, "a": "1", ".dockerignore": None})
    tap.check(box.send().success([".dockerignore", "a"], err=r"\.dockerignore.*is a directory: nothing is excluded"),
              "an ignore file that is a directory excludes nothing, with a warning")
    tap.check(box.send("--builder=classic").fault(1, r"\.dockerignore.*is a directory"),
              "the classic builder refuses it")
    box.tree({"Dockerfile": ALL, "a": "1", "rules": None})
    tap.check(box.send("--ignore-file=rules").fault(1, r"rules.*is a directory"), "so is a named one")
    tap.check(box.send("--ignore-file=nope").fault(1, r'"nope".*No such file'), "a missing --ignore-file is an error")
    box.tree({"Dockerfile": ALL, "a": "1"})
    os.mkfifo(box.root / ".dockerignore")
    tap.check(box.send().fault(1, r"\.dockerignore.*not a regular file"), "an ignore file that is a FIFO is an error")
    box.tree({"Dockerfile": ALL, "a": "1", "b": "2", ".dockerignore": "b\nDockerfile\n.dockerignore\n"})
    tap.check(box.send("--ignore-file=/dev/null", "--dockerfile=plain").success([".dockerignore", "a", "b"], err=None),
              "--ignore-file=/dev/null ignores nothing")
    box.tree({"Dockerfile": ALL, "a": "1", "Dockerfile.dockerignore": "*\n!a\n", ".dockerignore": "a\n"})
    run = box.send("--dockerfile=plain")
    tap.check(run.success(["a"], err=None), "Dockerfile.dockerignore replaces .dockerignore")
    box.tree({"Dockerfile": ALL, "a": "1", "Dockerfile.dockerignore": b"\xff\xfe[\n"})
    tap.check(box.send().fault(1, r"Dockerfile\.dockerignore:1"), "an error in Dockerfile.dockerignore names that file")


def access_cases(tap, box):
    def fresh(ignore=""):
        box.tree({"Dockerfile": "FROM scratch\nCOPY keep /\n", "keep/a": "1", "keep/secret": "2", "keep/dir/b": "3",
                  ".dockerignore": ignore})
        return box.root / "keep"

    keep = fresh()
    os.chmod(keep / "secret", 0)
    run = box.send(nobody=True)
    tap.check(run.fault(1, r'keep/secret".*Permission denied'), "an unreadable kept file is an error that names it")
    keep = fresh("keep/secret\n")
    os.chmod(keep / "secret", 0)
    run = box.send(nobody=True)
    tap.check(run.success(["keep", "keep/a", "keep/dir", "keep/dir/b"]), "an unreadable excluded file is not an error")
    keep = fresh()
    os.chmod(keep / "dir", 0)
    run = box.send(nobody=True)
    tap.check(run.fault(1, r'keep/dir/?".*Permission denied'), "an unreadable kept directory is an error that names it")
    keep = fresh("keep/dir\n")
    os.chmod(keep / "dir", 0)
    run = box.send(nobody=True)
    tap.check(run.success(["keep", "keep/a", "keep/secret"]), "an unreadable excluded directory is not an error")
    fresh()
    (box.root / "elsewhere").mkdir()
    os.chmod(box.root / "elsewhere", 0)
    run = box.send(nobody=True)
    tap.check(run.success(["keep", "keep/a", "keep/dir", "keep/dir/b", "keep/secret"]),
              "an unreadable directory that no instruction reads is not an error")
    fresh()
    os.chmod(box.root / "Dockerfile", 0)
    run = box.send(nobody=True)
    tap.check(run.fault(1, r"Dockerfile.*Permission denied"), "an unreadable Dockerfile is an error")
    fresh("keep/secret\n")
    os.chmod(box.root / ".dockerignore", 0)
    run = box.send(nobody=True)
    tap.check(run.fault(1, r"\.dockerignore.*Permission denied"),
              "an unreadable ignore file is an error: it can't mean 'send everything'")
    os.chmod(box.root, 0)
    run = box.send(str(box.root), nobody=True, cwd=box.top)
    tap.check(run.fault(1, r"can't open PATH.*Permission denied"), "an unreadable PATH is an error")
    os.chmod(box.root, 0o755)


def odd_file_cases(tap, box):
    box.tree({"Dockerfile": ALL, "a": "1"})
    os.mkfifo(box.root / "pipe")
    server = socket.socket(socket.AF_UNIX)
    cwd = os.getcwd()
    os.chdir(box.root)  # the path of a socket must be short
    server.bind("sock")
    os.chdir(cwd)
    server.close()
    run = box.send()
    tap.check(run.success(["a", "pipe"], err=r"warning: .*sock"),
              "a socket is left out, with a warning, and a FIFO is sent")
    run = box.send("-q")
    tap.check(run.success(["a", "pipe"]), "--quiet leaves out the warning too")
    box.tree({"Dockerfile": ALL, "a\nb\x1b[2J": "1"})
    os.chmod(box.root / "a\nb\x1b[2J", 0)
    run = box.send(nobody=True)
    tap.check(run.fault(1, r'a\\nb\\x1b\[2J'), "a name with control bytes is escaped in a message")


def limit_cases(tap, box):
    box.tree({"Dockerfile": ALL, "n" * 255: "1"})
    tap.check(box.send().success(["n" * 255]), "a name of 255 bytes is sent")

    def dig(total):
        """Makes a file whose path below the root has `total` bytes."""
        box.tree({"Dockerfile": ALL})
        at = os.open(box.root, os.O_RDONLY)
        left = total
        while left > 200:
            name = "d" * min(200, left - 2)
            os.mkdir(name, dir_fd=at)
            below = os.open(name, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at, left = below, left - len(name) - 1
        os.close(os.open("f" * left, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=at))
        os.close(at)

    dig(4000)
    run = box.send()
    tap.check(run.success(err=None) or (max(map(len, run.names())) != 4000 and "no path of 4,000 bytes"),
              "a path of 4,000 bytes is sent")
    dig(4095)
    run = box.send()
    tap.check(run.crash() or (run.status == 1 and run.fault(1, r"too long")),
              "a path of 4,095 bytes is sent or refused")
    dig(6000)
    tap.check(box.send().fault(1, r"too long|longer than"), "a path of 6,000 bytes is an error that says so")
    box.tree({"Dockerfile": ALL})
    deep = box.root
    for _ in range(1500):
        deep = deep / "d"
        deep.mkdir()
    run = box.send()
    tap.check(run.success(err=None) or (len(run.names()) != 1500 and f"{len(run.names())} directories"),
              "1,500 nested directories are sent")


def gate_cases(tap, box):
    box.tree({"Dockerfile": SCRATCH, "a": "x" * 100_000, "b": "y" * 1_000_000})
    for words, pattern in [(["--max-size=50k"], r"more than --max-size"),
                           (["--max-files=1", "--full"], r"--max-files=1")]:
        run = box.send(*words)
        tap.check(run.fault(3, pattern) or (run.out and "bytes were written"),
                  f"{words[0]} refuses with exit status 3 and writes no byte")
    tap.check(box.send("--max-size=200k", "--max-files=2").success(["a"]),
              "files that are not sent do not count")


def cases(tap, box):
    path_cases(tap, box)
    dockerfile_cases(tap, box)
    ignore_cases(tap, box)
    access_cases(tap, box)
    odd_file_cases(tap, box)
    limit_cases(tap, box)
    gate_cases(tap, box)
