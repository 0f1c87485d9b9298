# SPDX-License-Identifier: Apache-2.0
"""The command line: each wrong word gives one error that names the option and what it takes."""

WRONG = [
    # the arguments, a pattern of the error
    (["--bulder=any"], r'"--bulder": no such option; did you mean --builder\?'),
    (["--targe"], r"did you mean --target\?"),
    (["--zzzzzzzz"], r'"--zzzzzzzz": no such option$'),
    (["--a\x1b[31mb"], r'"--a\\x1b\[31mb": no such option'),
    (["-x"], r'"-x": no such option'),
    (["-t", "app"], r'"-t": no such option; docker build takes it, after the pipe'),
    (["--no-cache"], r"docker build takes it, after the pipe"),
    (["--builder=kaniko"], r'--builder="kaniko": not one of any, buildkit, classic$'),
    (["--builder="], r'--builder="": not one of any'),
    (["--dockerfile", "never"], r'--dockerfile="never": not one of auto, plain$'),
    (["--daemon=maybe"], r"not one of auto, never, require$"),
    (["--stats=xml"], r"not one of text, json"),
    (["--file"], r"--file needs a value: --file=FILE"),
    (["-f"], r"-f needs a value: -f FILE"),
    (["--file="], r"--file: FILE is empty"),
    (["-o", ""], r"--output: FILE is empty"),
    (["--target="], r"--target: STAGE is empty"),
    (["--recipe=rust"], r'--recipe: "rust" is no ecosystem that is known here: cargo, '),
    (["--recipe=cargo,,go"], r'--recipe: "" is no ecosystem'),
    (["--full=yes"], r"--full takes no value"),
    (["--gzip=0"], r'--gzip="0": a level is a number from 1 to 12'),
    (["-z13"], r'--gzip="13": a level is a number from 1 to 12'),
    (["--zstd=fast"], r'--zstd="fast": a level is a number from 1 to 19'),
    (["--mtime=now"], r'--mtime="now": not one of keep, epoch'),
    (["--mtime=-1"], r"--mtime"),
    (["--mtime=8589934592"], r"up to 8589934591"),
    (["--max-size=lots"], r'--max-size="lots": not a size above 0, such as'),
    (["--max-size=0"], r"not a size above 0"),
    (["--max-size=99999999999999999999"], r"not a size above 0"),
    (["--max-files=-3"], r"not a number above 0"),
    (["--max-files=18446744073709551616"], r"not a number above 0"),
    (["--build-arg", "=x"], r"--build-arg .*a name must come first"),
    (["--build-arg="], r"a name must come first"),
    (["--platform=arm64"], r'--platform="arm64": not OS/ARCH'),
    (["--platform=linux/"], r"not OS/ARCH"),
    (["--platform=linux/amd64,linux/arm/v7/x"], r"not OS/ARCH"),
    (["--platform=linux/a b"], r"not OS/ARCH"),
    (["--trust-bases=a["], r'--trust-bases: "a\[" is no pattern'),
    ([".", "sub"], r'"sub": one PATH only, and it is "\." already'),
    (["--", "-f", "x"], r"one PATH only"),
]


def cases(tap, box):
    box.tree({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "1", "b": "2"})
    for arguments, pattern in WRONG:
        run = box.send(*arguments)
        why = run.fault(2, pattern)
        if not why and "Try: ctx-send --help" not in run.err:
            why = f"no pointer to --help: {run.err}"
        if not why and run.out:
            why = "something was written"
        tap.check(why, f"{' '.join(arguments)!r} is refused with one error")

    run = box.send("--mtime=epoch", env={"SOURCE_DATE_EPOCH": "soon"})
    tap.check(run.success(["a"]), "--mtime overrides a SOURCE_DATE_EPOCH that is not a number")
    run = box.send(env={"SOURCE_DATE_EPOCH": "soon"})
    tap.check(run.fault(2, r'SOURCE_DATE_EPOCH="soon"'), "a SOURCE_DATE_EPOCH that is not a number is refused")
    run = box.send(env={"SOURCE_DATE_EPOCH": ""})
    tap.check(run.success(["a"]), "an empty SOURCE_DATE_EPOCH is ignored")
    fixed, env = box.send("--mtime=86400"), box.send(env={"SOURCE_DATE_EPOCH": "86400"})
    tap.check(None if fixed.out == env.out and fixed.out else "other bytes",
              "SOURCE_DATE_EPOCH=N gives the bytes of --mtime=N")

    run = box.send("--daemon=require")
    tap.check(run.fault(1, r"no ctxd runs; ctx start begins one"), "--daemon=require says that no daemon runs")
    plain = box.send()
    tap.check(box.send("--base-config=nope").fault(1, r'"nope": No such file'),
              "a missing --base-config is an error, even if no image is looked up in it")
    tap.check(box.send("--base-config=/dev/null").fault(1, r'"/dev/null" is empty'), "so is an empty one")
    for words in (["--no-daemon"], ["--daemon=auto"], ["--builder", "any", "--", "."], ["-qv"], ["."], ["-o", "-"],
                  ["--dockerfile=auto", "--mtime=keep"], [str(box.root)], ["--file", "Dockerfile"], ["-fDockerfile"],
                  ["-f=Dockerfile"], [".", "--args-final"], ["--platform=linux/arm/v7,linux/amd64"],
                  ["--build-arg=X=1=2"], ["--build-arg", "UNSET_HERE"]):
        run = box.send(*words)
        tap.check(run.success(["a"], err=None) or (run.out != plain.out and "other bytes"),
                  f"{' '.join(words)!r} sends the same as no option")

    for words, magic in ((["-z"], b"\x1f\x8b"), (["-z9"], b"\x1f\x8b"), (["--gzip=12"], b"\x1f\x8b"),
                         (["--zstd"], b"\x28\xb5\x2f\xfd"), (["-z", "--zstd=19"], b"\x28\xb5\x2f\xfd")):
        run = box.send(*words)
        tap.check(run.success() or (not run.out.startswith(magic) and "another magic"),
                  f"{' '.join(words)!r} compresses")

    box.tree({"Dockerfile": "FROM scratch\nARG X=a\nCOPY $X /\n", "a": "1", "b": "2"})
    tap.check(box.send().success(["a", "b"], err="sends everything"), "a COPY whose source is unknown gives a note")
    tap.check(box.send("--full").success(["a", "b"], err=""), "but not with --full")

    run = box.send("--version")
    tap.check(None if run.status == 0 and run.out.startswith(b"ctx-send ") and not run.err else str(run),
              "--version prints the version on standard output")
    run = box.send("--help", "--nonsense")
    tap.check(None if run.status == 0 and run.out.startswith(b"Usage: ctx-send") else str(run),
              "--help prints the usage on standard output, whatever follows")
    with open("/dev/full", "wb") as full:
        run = box.send("--help", stdout=full)
    tap.check(run.fault(1, "standard output.*No space"), "--help on a full disk fails")

    box.tree({"Dockerfile": "ARG WHICH\nFROM scratch\nARG WHICH\nCOPY $WHICH /\n", "a": "1", "b": "2"})
    final = "--args-final"
    run = box.send(final, "--build-arg=WHICH", env={"WHICH": "b"})
    tap.check(run.success(["b"]), "--build-arg NAME takes the value from the environment")
    run = box.send(final, "--build-arg=WHICH=a")
    tap.check(run.success(["a"]), "--build-arg NAME=VALUE decides what is sent, with --args-final")
    run = box.send("--build-arg=WHICH=a")
    tap.check(run.success(["a", "b"], err=r"warning: Dockerfile:4: .*WHICH.*--args-final"),
              "without --args-final the value may be another, and a warning says so")
    run = box.send(final, "--build-arg=WHICH=a", "--build-arg=WHICH=b")
    tap.check(run.success(["b"]), "of two values the last counts, as with docker")
