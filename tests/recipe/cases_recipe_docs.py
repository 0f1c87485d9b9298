# SPDX-License-Identifier: Apache-2.0
"""--help, the man page and the completions of ctx-recipe have the same options; the completions load."""

import pathlib
import re
import shutil
import subprocess

CLIENT = pathlib.Path(__file__).resolve().parents[2] / "client"
BASH, ZSH, FISH = (CLIENT / "completions" / n for n in ("ctx-recipe.bash", "_ctx-recipe", "ctx-recipe.fish"))


def bash_offers(line):
    """What bash offers for a line. The file is read in a function, as bash-completion does it."""
    script = (f"load() {{ source {BASH}; }}; load; compopt() {{ :; }}\nread -ra COMP_WORDS <<<\"$1\"\n"
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _ctx_recipe; printf '%s\\n' \"${COMPREPLY[@]}\"")
    return subprocess.run(["bash", "-c", script, "bash", line], capture_output=True, text=True).stdout.split()


def cases(tap, box):
    text = box.run("--help").out.decode()
    helped = {m.group(2): m.group(1) for m in re.finditer(r"^  (?:(-\w), |    )(--[a-z-]+)", text, re.M)}
    tap.check(None if len(helped) > 20 else str(helped), "--help lists options")
    tap.check("\n".join(line for line in text.splitlines() if len(line) > 80), "--help keeps to 80 columns")
    man = re.sub(r"\\f[BRI]", "", (CLIENT / "ctx-recipe.1").read_text().replace("\\-", "-"))
    documented = {}
    for line in re.findall(r"^\.TP\n(-.*)$", man, re.M):
        letter = re.match(r"(-\w)\b", line)
        documented[re.search(r"--[a-z-]+", line).group(0)] = letter.group(1) if letter else None
    tap.check(None if documented == helped else str(set(documented.items()) ^ set(helped.items())),
              "the man page has the options of --help, and no others")
    box.empty("cwd")
    for command, rest in (("prepare", []), ("cook", []), ("skeleton", ["d"]), ("digest", []), ("verify", []), ("diff", ["a", "b"])):
        taken = set()
        for name, letter in helped.items():
            value = "npm" if name == "--eco" else "raw" if name == "--python-setup" else "x"
            words = [name, value] if re.search(rf"{name}=", text) else [name]
            if "doesn't take it" not in box.run(command, *words, *rest, cwd=box.path("cwd")).err:
                taken |= {name, letter} - {None}
        got = {w.rstrip("=") for w in bash_offers(f"ctx-recipe {command} -")}
        tap.check(None if got == taken else str(got ^ taken), f"bash completes what {command} takes, and no more")
    zsh = set(re.findall(r"(--[a-z-]+?)=?(?:\}|\[)", ZSH.read_text()))
    tap.check(None if zsh == set(helped) else str(zsh ^ set(helped)), "zsh completes them")
    fish = {"--" + n for n in re.findall(r"^complete .*? -l ([a-z-]+)", FISH.read_text(), re.M)}
    tap.check(None if fish == set(helped) else str(fish ^ set(helped)), "fish completes them")
    commands = {"prepare", "cook", "skeleton", "digest", "verify", "diff"}
    for name, content in (("--help", text), ("the man page", man), *((p.name, p.read_text()) for p in (BASH, ZSH, FISH))):
        missing = {c for c in commands if not re.search(rf"\b{c}\b", content)}
        tap.check(str(missing) if missing else None, f"{name} names every command")
    for tool, args, name in (("man", ["--warnings", "-E", "UTF-8", "-l", CLIENT / "ctx-recipe.1"], "the man page is without faults"),
                             ("bash", ["-n", BASH], "bash loads its completion"), ("zsh", ["-n", ZSH], "zsh loads its completion"),
                             ("fish", ["--no-execute", FISH], "fish loads its completion")):
        if not shutil.which(tool):
            tap.skip(f"{tool} is missing", name)
            continue
        r = subprocess.run([tool, *map(str, args)], capture_output=True, text=True)
        tap.check(r.stderr or (f"status {r.returncode}" if r.returncode else None), name)
