# SPDX-License-Identifier: Apache-2.0
"""--help, the man page and the completions have the same options; the completions load."""

import pathlib
import re
import shutil
import subprocess

CLIENT = pathlib.Path(__file__).resolve().parents[2] / "client"
BASH = CLIENT / "completions/ctx-send.bash"
ZSH = CLIENT / "completions/_ctx-send"
FISH = CLIENT / "completions/ctx-send.fish"


def help_options(text):
    """Returns {"--file": "-f", "--full": None} of the lines in which an option begins."""
    return {m.group(2): m.group(1) for m in re.finditer(r"^  (?:(-\w), |    )(--[a-z-]+)", text, re.M)}


def man_options():
    source = CLIENT.joinpath("ctx-send.1").read_text().replace("\\-", "-")
    source = re.sub(r"\\f[BRI]", "", source)
    options = {}
    for line in re.findall(r"^\.TP\n(-.*)$", source, re.M):
        letter = re.match(r"(-\w)\b", line)
        options[re.search(r"--[a-z-]+", line).group(0)] = letter.group(1) if letter else None
    return options


def differ(documented, helped):
    missing = {k: v for k, v in helped.items() if documented.get(k, "absent") != v}
    extra = {k: v for k, v in documented.items() if k not in helped}
    return f"missing or different {missing}, too many {extra}" if missing or extra else None


def completed(path, helped):
    """Returns the options that a completion file offers, in the form of help_options()."""
    text = path.read_text()
    if path == FISH:
        lines = [l for l in text.splitlines() if l.startswith("complete ") and " -l " in l]
        return {"--" + re.search(r" -l ([a-z-]+)", l).group(1):
                (m := re.search(r" -s (\w) ", l)) and "-" + m.group(1) for l in lines}
    if path == ZSH:
        pairs = {m.group(2): m.group(1) for m in re.finditer(r"\{(-\w)[+-]?,(--[a-z-]+)=?-?\}", text)}
        alone = re.findall(r"^\t'(?:\([^)]*\)|\*)?(--[a-z-]+?)(?:=-?)?\[", text, re.M)
        return {**pairs, **dict.fromkeys(alone)}
    # The bash file has one list of words, which does not say which letter belongs to which name.
    words = re.search(r'local options="([^"]*)"', text).group(1).split()
    letters = {w for w in words if len(w) == 2}
    found = {w.rstrip("="): None for w in words if len(w) > 2}
    for name, letter in helped.items():
        if letter in letters and name in found:
            found[name] = letter
            letters.remove(letter)
    return {**found, **dict.fromkeys(letters)}


def bash_complete(line, cwd):
    """Returns what bash offers for a command line."""
    script = (f"source {BASH}\ncompopt() {{ :; }}\n"
              "COMP_LINE=$1; COMP_POINT=${#1}; read -ra COMP_WORDS < <(sed 's/=/ = /g' <<<\"$1\")\n"
              "[[ $1 == *' ' ]] && COMP_WORDS+=('')\n"
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _ctx_send; printf '%s\\n' \"${COMPREPLY[@]}\"")
    r = subprocess.run(["bash", "-c", script, "bash", line], cwd=cwd, capture_output=True, text=True)
    return sorted(w for w in r.stdout.splitlines() if w) if not r.stderr else [r.stderr]


def prose_cases(tap):
    """README, CONTRIBUTING and docs/ name only files and programs that exist, and all programs."""
    top = CLIENT.parent
    pages = [top / "README.md", top / "CONTRIBUTING.md", *sorted(top.glob("docs/*.md"))]
    rooms = "|".join(p.name for p in sorted(top.iterdir()) if p.is_dir() and p.name[0] not in ".bd")
    rooms += "|base|bench|daemon|docs|dockerfile"  # without build/ and dist/, which may not exist
    for page in pages:
        named = set(re.findall(rf"(?<![\w/.-])(?:{rooms})/[\w./-]*\w", page.read_text()))
        missing = sorted(n for n in named if not (top / n).exists())
        tap.check(missing and str(missing), f"{page.name} names files that exist")
    readme = (top / "README.md").read_text()
    promises = set(re.findall(r"^(\d)\. \*\*", readme, re.M))
    listed = subprocess.run([top / "tests/run", "--list"], cwd=top, capture_output=True, text=True).stdout
    guarded = set(re.findall(r"\b(\d) [a-z]", listed))
    tap.check(promises - guarded and str(promises - guarded), "each promise of the README has a suite")
    index = (top / "docs/README.md").read_text()
    missing = [p.name for p in pages[2:] if p.name != "README.md" and f"({p.name})" not in index]
    tap.check(missing and str(missing), "docs/README.md lists each page")
    made = re.findall(r"^executable\('([\w-]+)'", (top / "meson.build").read_text(), re.M)
    missing = [p for p in made if p != "ctx-engine-config" and f"`{p}`" not in readme]
    tap.check(missing and str(missing), "README.md names each program")


def ecosystem_cases(tap):
    """Every list of ecosystems that a person sees has those of recipe/ecos.c."""
    known = set(re.findall(r"&eco_(\w+)", (CLIENT.parent / "recipe/ecos.c").read_text()))
    tap.check(None if len(known) >= 10 else str(known), "recipe/ecos.c lists ecosystems")
    lists = [CLIENT / "recipe-options.c", CLIENT / "ctx-recipe.1", CLIENT.parent / "docs/recipes.md",
             *sorted((CLIENT / "completions").iterdir())]
    for path in lists:
        # fish completes --recipe of ctx and ctx-send without its values.
        if path.name not in ("ctx.fish", "ctx-send.fish"):
            text = path.read_text()
            missing = sorted(eco for eco in known if not re.search(rf"\b{eco}\b", text))
            tap.check(missing and str(missing), f"{path.name} names every ecosystem")


def cases(tap, box):
    prose_cases(tap)
    ecosystem_cases(tap)
    run = box.send("--help")
    text = run.out.decode()
    helped = help_options(text)
    tap.check(None if len(helped) > 15 else str(helped), "--help lists options")
    wide = [line for line in text.splitlines() if len(line) > 80]
    tap.check("\n".join(wide), "--help fits in 80 columns")
    for must in ("Usage: ctx-send", "Examples:", "docker build", "Exit status: 0"):
        tap.check(None if must in text else text, f"--help contains: {must}")

    tap.check(differ(man_options(), helped), "the man page has the options of --help, and no others")
    source = CLIENT.joinpath("ctx-send.1").read_text().replace("\\-", "-")
    values = re.findall(r"--[a-z-]+=([a-z]+(?:\|[a-z]+)+)", text)
    missing = [v for choice in values for v in choice.split("|")
               if f"\\fB{v}\\fR" not in source and f".B {v}" not in source]
    tap.check(missing and str(missing), "the man page names every value of a choice")
    if shutil.which("man"):
        r = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", CLIENT / "ctx-send.1"], capture_output=True,
                           text=True, env={**box.environment(), "MANWIDTH": "80"})
        tap.check(r.stderr or (r.returncode and "it can't be shown"), "the man page is without faults")
    else:
        tap.skip("man is missing", "the man page is without faults")

    for path in (BASH, ZSH, FISH):
        tap.check(differ(completed(path, helped), helped),
                  f"{path.name} completes the options of --help, and no others")
    missing = [(path.name, v) for path in (BASH, ZSH, FISH) for choice in values for v in choice.split("|")
               if not re.search(rf"\b{v}\b", path.read_text())]
    tap.check(missing and str(missing), "the completions know every value of a choice")

    box.tree({"Dockerfile": "FROM scratch AS one\nFROM scratch as two\n", "sub/x": ""})
    for line, want in [("ctx-send --bu", ["--build-arg=", "--builder="]), ("ctx-send --builder=c", ["classic"]),
                       ("ctx-send --builder ", ["any", "buildkit", "classic"]), ("ctx-send --target=t", ["two"]),
                       ("ctx-send --target ", ["one", "two"]), ("ctx-send s", ["sub"]),
                       ("ctx-send -f D", ["Dockerfile"]), ("ctx-send --stats=", ["json", "text"])]:
        got = bash_complete(line, box.root)
        tap.check(None if got == want else f"{got} instead of {want}", f"bash completes {line!r}")
    if shutil.which("zsh"):
        r = subprocess.run(["zsh", "-fc", f"fpath=({ZSH.parent} $fpath); autoload -Uz compinit; compinit -D -u; "
                            "autoload -X +X _ctx-send 2>&1; whence -w _ctx-send; print -r -- $_comps[ctx-send]"],
                           capture_output=True, text=True, cwd=box.root,
                           env={**box.environment(), "HOME": str(box.top)})
        tap.check(None if r.stdout.splitlines()[-1:] == ["_ctx-send"] and not r.stderr else r.stdout + r.stderr,
                  "zsh loads its completion")
    else:
        tap.skip("zsh is missing", "zsh loads its completion")
    if shutil.which("fish"):
        r = subprocess.run(["fish", "--no-config", "-c", f"source {FISH}; complete -C 'ctx-send --builder='; "
                            "complete -C 'ctx-send --target '; complete -C 'ctx-send --stats='"],
                           capture_output=True, text=True, cwd=box.root,
                           env={**box.environment(), "HOME": str(box.top)})
        got = {l.split("\t")[0] for l in r.stdout.splitlines()}
        want = {"--builder=any", "--builder=buildkit", "--builder=classic", "one", "two", "--stats=json"}
        tap.check(None if want <= got and not r.stderr else f"{got} {r.stderr}", "fish completes values and stages")
    else:
        tap.skip("fish is missing", "fish completes values and stages")
