# SPDX-License-Identifier: Apache-2.0
"""--help, the man pages and the completions of ctx and ctxd name the same options; the units are valid."""

import pathlib
import re
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
COMPLETIONS = TOP / "client/completions"
COMMANDS = ["start", "stop", "status", "digest", "url", "watch"]


def options(text):
    return set(re.findall(r"^  (?:-\w, |    )?(--[a-z-]+)", text, re.M))


def man(path):
    source = re.sub(r"\\f[BRI]", "", path.read_text().replace("\\-", "-"))
    return set(re.findall(r"^(?:-\w, )?(--[a-z-]+)(?:=|\[|$)", source, re.M))


def cases(tap, box):
    which = options(box.send("--help").out.decode().split("What the stream")[0])
    helps = {c: box.ctx(c, "--help").out.decode() for c in COMMANDS}
    top = box.ctx("--help").out.decode()
    ctxd = box.run("ctxd", "--help").out.decode()
    wide = [l for text in (top, ctxd, *helps.values()) for l in text.splitlines() if len(l) > 80]
    tap.check("\n".join(wide), "--help keeps to 80 columns")
    missing = [c for c in COMMANDS if f"  {c} " not in top or f".SS ctx {c}" not in (TOP / "client/ctx.1").read_text()]
    tap.check(missing and str(missing), "ctx --help and the man page have every command")
    own = set().union(*map(options, helps.values())) - which | {"--help", "--version"}
    for what, got, want in (("ctx.1", man(TOP / "client/ctx.1"), own),
                            ("ctxd.8", man(TOP / "daemon/ctxd.8"), options(ctxd))):
        tap.check(got != want and f"too many {got - want}, missing {want - got}",
                  f"{what} has the options of --help, and no others")
    page = (TOP / "client/ctx.1").read_text().replace("\\-", "-")
    tap.check([o for o in which if o not in page] or None, "ctx.1 names the options that it leaves to ctx-send.1")

    bash = (COMPLETIONS / "ctx.bash").read_text()
    # bash-completion reads a file in a function of its own.
    script = (f'load() {{ source {COMPLETIONS}/ctx.bash; }}; load\n'
              f'for c in {" ".join(COMMANDS)}; do echo $c ${{_ctx_options[$c]}}; done')
    offered = {l.split()[0]: {w.rstrip("=") for w in l.split()[1:] if w.startswith("--")}
               for l in subprocess.run(["bash", "-c", script.replace("complete -F", ": complete -F")],
                                       capture_output=True, text=True).stdout.splitlines()}
    for c in COMMANDS:
        want = options(helps[c])
        tap.check(offered.get(c) != want and f"{offered.get(c)} instead of {want}",
                  f"bash completes the options of ctx {c}")
    for line, want in (("ctx st", "start|status|stop"), ("ctx ", "digest|start|status|stop|url|watch|--help|--version"),
                       ("ctx start -- --lo", "--log-level="), ("ctxd --log-level=d", "debug"),
                       ("ctx digest --js", "--json")):
        script = (f'load() {{ source {COMPLETIONS}/ctx.bash; }}; load; compopt() {{ :; }}\n'
                  'read -ra COMP_WORDS < <(sed "s/=/ = /g" <<<"$1"); [[ $1 == *" " ]] && COMP_WORDS+=("")\n'
                  'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _${COMP_WORDS[0]}; printf "%s\\n" "${COMPREPLY[@]}"')
        r = subprocess.run(["bash", "-c", script, "bash", line], capture_output=True, text=True)
        got = sorted(r.stdout.split())
        tap.check(r.stderr or (None if got == sorted(want.split("|")) else str(got)), f"bash completes {line!r}")
    texts = {"bash": bash, "zsh": (COMPLETIONS / "_ctx").read_text(), "fish": (COMPLETIONS / "ctx.fish").read_text()}
    everything = own | which | options(ctxd)
    for shell, text in texts.items():
        has = {"--" + m for m in re.findall(r" -l ([a-z-]+)",
                                            text)} if shell == "fish" else set(re.findall(r"(?<![\w-])--[a-z-]*[a-z]",
                                                                                          text))
        missing, extra = everything - has, has - everything - {"--max", "--words"}
        tap.check((missing or extra) and f"missing {missing}, too many {extra}",
                  f"{shell} knows every option of ctx and ctxd, and no other")
    if shutil.which("man"):
        for page in (TOP / "client/ctx.1", TOP / "daemon/ctxd.8"):
            r = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page], capture_output=True, text=True,
                               env={**box.environment(), "MANWIDTH": "80"})
            tap.check(r.stderr or (r.returncode and "it can't be shown"), f"{page.name} is without faults")
    else:
        tap.skip("man is missing", "the man pages are without faults")
    for shell, command in (("zsh", ["zsh", "-n", COMPLETIONS / "_ctx"]),
                           ("fish", ["fish", "--no-config", "-n", COMPLETIONS / "ctx.fish"])):
        if shutil.which(shell):
            r = subprocess.run(command, capture_output=True, text=True)
            tap.check(r.stderr or None, f"{shell} can read its completion")
        else:
            tap.skip(f"{shell} is missing", f"{shell} can read its completion")

    service = (TOP / "daemon/ctxd.service.in").read_text()
    for option in re.findall(r"--[a-z-]+", service):
        tap.check(None if option in options(ctxd) else option, f"the unit's {option} is an option of ctxd")
    if shutil.which("systemd-analyze"):
        place = box.top / "units"
        place.mkdir()
        (place / "ctxd.service").write_text(service.replace("@bindir@", str(box.programs)))
        shutil.copy(TOP / "daemon/ctxd.socket", place)
        r = subprocess.run(["systemd-analyze", "verify", "--man=no", "--user", place / "ctxd.socket",
                            place / "ctxd.service"],
                           capture_output=True, text=True, env=box.environment())
        said = [l for l in r.stderr.splitlines() if "ctxd" in l]
        tap.check("\n".join(said), "systemd finds no fault with the units")
    else:
        tap.skip("systemd-analyze is missing", "systemd finds no fault with the units")
