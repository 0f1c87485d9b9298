# SPDX-License-Identifier: Apache-2.0
"""script/setup: what it asks apt for, on machines that have this or that. apt and dpkg are stand-ins."""

import os
import pathlib
import shutil
import subprocess

SETUP = pathlib.Path(__file__).resolve().parents[2] / "script" / "setup"
TOOLS = "bash cat env grep mktemp rm sed sort tail".split()
# Has the packages of $HAVE. A package of $CONFLICTS can only be installed if another one is removed.
STAND_INS = {
    "id": "echo 0\n",
    "dpkg-query": 'for package; do :; done\ncase " $HAVE " in *" $package "*) echo installed ;; *) exit 1 ;; esac\n',
    "apt-get": r'''echo "$*" >>"$ASKED"
[ "$1" = install ] || exit 0
for word; do
	case " $CONFLICTS " in *" $word "*)
		case " $* " in *" --no-remove "*) ;; *) exit 0 ;; esac
		printf 'The following packages will be REMOVED:\n  docker-ce\nE: Packages need to be removed but remove is disabled.\n'
		exit 100 ;;
	esac
done
[ "${FAILS-}" != "$1" ] || { echo 'E: Unable to locate package'; exit 100; }
''',
}


def cases(tap, box):
    box.clear()
    places = {}
    for name, extra in (("bare", ()), ("engine", ("dockerd", "docker"))):
        places[name] = box.root / name
        places[name].mkdir()
        for tool in TOOLS:
            (places[name] / tool).symlink_to(shutil.which(tool))
        for tool in [*STAND_INS, *extra]:
            (places[name] / tool).write_text(f"#!{shutil.which('bash')}\n{STAND_INS.get(tool, '')}")
            (places[name] / tool).chmod(0o755)
    asked = box.root / "asked"

    def setup(*options, place="bare", have="", conflicts="", **more):
        asked.write_text("")
        env = {"PATH": os.fspath(places[place]), "HAVE": have, "CONFLICTS": conflicts,
               "ASKED": os.fspath(asked), "TMPDIR": os.fspath(box.root), **more}
        run = subprocess.run([shutil.which("bash"), SETUP, *options], env=env, capture_output=True, text=True,
                             check=False)
        return run, asked.read_text()

    def asks(words, without, sentence, *options, status=0, says="", **more):
        run, said = setup(*options, **more)
        words_said = said.split()
        why = [f"exit {run.returncode}: {run.stderr}"] if run.returncode != status else []
        why += [f"{word} is not asked for: {said}" for word in words if word not in words_said]
        why += [f"{word} is asked for: {said}" for word in without if word in words_said]
        why += [f"stderr lacks {says!r}: {run.stderr}"] if says not in run.stderr else []
        why += ["apt may remove packages"] if "install" in words_said and "--no-remove" not in words_said else []
        tap.check("\n".join(why) or None, sentence)

    asks(["gcc", "libcurl4-gnutls-dev"], ["docker.io", "busybox-static"], "--build needs no engine", "--build")
    asks(["gcc", "docker.io", "busybox-static"], [], "--demo needs one", "--demo")
    asks(["valgrind", "docker.io"], [], "the tests need one")
    asks(["busybox-static"], ["docker.io"], "dockerd and docker that are there are used", "--demo", place="engine")
    asks(["busybox-static"], ["docker.io"], "so is docker-ce", "--demo", have="docker-ce docker-ce-cli")
    asks(["valgrind"], ["docker.io"], "also by the tests", have="docker-ce docker-ce-cli")
    for flavour in ("openssl", "nss", "gnutls"):
        asks(["gcc"], [f"libcurl4-{other}-dev" for other in ("gnutls", "openssl", "nss")],
             f"the libcurl of {flavour} is used if it is there", "--build", have=f"libcurl4-{flavour}-dev")
    asks(["docker.io"], ["update"], "what apt would have to remove is named, and stays", "--demo", status=1,
         conflicts="docker.io", says="  docker-ce\nscript/setup: to install")
    asks(["update"], [], "another failure updates the lists, and says what failed", "--build", status=1,
         FAILS="install", says="Unable to locate package\nscript/setup: failed: apt-get install gcc")
    everything, _ = setup("--list")
    asks([], ["install"], "nothing is asked if all is there", have=everything.stdout.replace("\n", " "))
