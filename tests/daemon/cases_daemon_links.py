# SPDX-License-Identifier: Apache-2.0
"""Changes by names that are gone, or lead elsewhere, when the answer is made. An event names a name,
and link(2) raises none for the name that a file had before."""

import subprocess
import sys

PYTHON = sys.executable
# The same size and time: only the change time tells.
QUIET = f"""quiet() {{ {PYTHON} -c '
import os, sys
with open(sys.argv[1], "r+b") as f:
    st = os.stat(f.fileno())
    old = f.read()
    os.pwrite(f.fileno(), bytes(b ^ 1 for b in old), 0)
    os.utime(f.fileno(), ns=(st.st_atime_ns, st.st_mtime_ns))' "$1"; }}
exchange() {{ {PYTHON} -c '
import ctypes, sys
ctypes.CDLL(None).renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)' "$1" "$2"; }}
maps() {{ {PYTHON} -c '
import mmap, sys
with open(sys.argv[1], "r+b") as f:
    with mmap.mmap(f.fileno(), 0) as m:
        m[0] ^= 1' "$1"; }}
"""

GAMES = [
    ("a link is made, written through and removed", "ln d/f g; echo more >>g; rm g"),
    ("… in the directory of the file", "ln d/f d/g; echo more >>d/g; rm d/g"),
    ("… with the same size and time", "ln d/f g; quiet g; rm g"),
    ("… by a store into a mapping", "ln d/f g; maps g; rm g"),
    ("… and the mode is changed by it", "ln d/f g; chmod 700 g; rm g"),
    ("… and another file is made by its name", "ln d/f g; echo more >>g; rm g; echo new >g"),
    ("… with an excluded name", "rm ignored; ln d/f ignored; echo more >>ignored; rm ignored"),
    ("… and a symbolic link takes its name", "ln d/f g; echo more >>g; rm g; ln -s d/f g"),
    ("… and a directory takes its name", "ln d/f g; echo more >>g; rm g; mkdir g"),
    ("the link is moved out", "ln d/f g; echo more >>g; mv g ../out-g"),
    ("… and written through there", "ln d/f g; mv g ../out-g; echo more >>../out-g"),
    ("… after it was renamed", "ln d/f g; mv g h; echo more >>h; mv h ../out-g"),
    ("… with the directory that it is in", "ln d/f e/g; echo more >>e/g; mv e ../out-e"),
    ("… to an excluded directory", "ln d/f e/g; echo more >>e/g; mv e/g node_modules/g"),
    ("another file is renamed over the link", "ln d/f g; echo more >>g; echo new >h; mv h g"),
    ("… which was renamed before", "ln d/f g; echo more >>g; mv g h; echo new >i; mv i h"),
    ("… by a file that was there", "ln d/f g; echo more >>g; mv top g"),
    ("… by a file from outside", "ln d/f g; echo more >>g; echo out >../out-n; mv ../out-n g"),
    ("the link is exchanged with a file", "ln d/f g; exchange g top; echo more >>top; rm top"),
    ("… and removed by both names", "ln d/f g; echo new >h; exchange g h; echo more >>h; rm h g"),
    ("its directory is renamed", "ln d/f e/g; echo more >>e/g; mv e e2; rm e2/g"),
    ("… and another takes the place", "mv e e2; ln d/f e2/g; mkdir e; echo n >e/g; echo more >>e2/g; rm e2/g"),
    ("… and one with that name moves there",
     "mkdir -p e3; echo n >e3/g; mv e e2; ln d/f e2/g; mv e3 e; echo more >>e2/g; rm e2/g"),
    ("its directory is removed", "ln d/f e/g; echo more >>e/g; rm -r e"),
    ("… and made anew", "ln d/f e/g; echo more >>e/g; rm -r e; mkdir e"),
    ("… after it was made", "mkdir n; ln d/f n/g; echo more >>n/g; rm -r n"),
    ("its directory is new and stays", "mkdir n; ln d/f n/g; echo more >>n/g; rm n/g"),
    ("… deep", "mkdir -p n/a/b; ln d/f n/a/b/g; echo more >>n/a/b/g; rm n/a/b/g"),
    ("… and comes from outside", "mkdir ../out-d; ln d/f ../out-d/g; mv ../out-d n; echo more >>n/g; rm n/g"),
    ("the link was made outside and came in", "ln d/f ../out-g; mv ../out-g g; echo more >>g; rm g"),
    ("the link is made by a chain of links", "ln d/f g; ln g h; ln h i; rm g h; echo more >>i; rm i"),
    ("a link of an excluded file", "ln ignored d/h; echo more >>ignored; rm ignored"),
    ("a link is written to after it was removed", "exec 3<>d/f; ln d/f g; exec 4>>g; rm g; echo more >&4"),
    ("the file's first name moves meanwhile", "ln d/f g; mv d/f d/f2; echo more >>g; rm g"),
    ("the file's first name is exchanged meanwhile", "ln d/f g; exchange d/f top; echo more >>g; rm g"),
    ("a symbolic link by another name", "ln -P link g; touch -hd @5 g; rm g"),
    ("two files by one name", "ln d/f g; echo 1 >>g; rm g; ln top g; echo 2 >>g; rm g"),
    ("many files, one after another", "for i in d/*; do ln $i g; echo more >>g; rm g; done"),
]


def root_of(box, n):
    root = box.top / f"links{n}" / "root"
    subprocess.run(["sh", "-ec", f"""mkdir -p {root}/d {root}/e {root}/node_modules; cd {root}
printf 'FROM scratch\\nCOPY . /\\n' >Dockerfile
printf 'Dockerfile\\n.dockerignore\\nignored\\nnode_modules\\n' >.dockerignore
echo file >d/f; echo other >d/other; echo e >e/e; echo top >top; echo i >ignored; ln -s top link"""], check=True)
    return root


def games(tap, box):
    for n, (title, script) in enumerate(GAMES):
        root = root_of(box, n)
        # Twice: the second answer looks at what came before the directories were watched.
        fault = box.same([], root) or box.same([], root) or box.ctx("digest", cwd=root).fault()
        before = box.send("--no-daemon", cwd=root).out
        subprocess.run(["sh", "-ec", QUIET + script], cwd=root, check=True)
        # By turns, because the first answer may notice on reading what it missed before.
        for what in ("digest", "stream") if n % 2 else ("stream", "digest"):
            if what == "stream":
                fault = fault or box.same([], root)
            else:
                runs = [box.ctx("digest", f"--daemon={how}", cwd=root) for how in ("never", "require")]
                fault = fault or next((r.err for r in runs if r.status), None) or runs[0].out != runs[1].out and "other"
            tap.check(fault, f"{title}: the {what} is fresh")
        if box.send("--no-daemon", cwd=root).out == before and "exchange" not in script:
            tap.check("the stream is the same as before", f"{title}: the case changes something")


def moved_out(tap, box):
    """Once a name was seen to leave the root, its file is looked at for each answer."""
    root = root_of(box, "-out")
    box.same([], root)
    box.same([], root)
    subprocess.run(["sh", "-ec", "ln d/f g; mv g ../out-g"], cwd=root, check=True)
    box.same([], root)
    subprocess.run(["sh", "-ec", "echo more >>../out-g"], cwd=root, check=True)
    tap.check(box.same([], root), "a write outside, after an answer, through a link that was moved out")


def held(tap, box):
    """A descriptor of a name that is gone since an answer ago."""
    root = root_of(box, "-held")
    box.same([], root)
    box.same([], root)
    with open(root / "e/g", "wb") as f:
        pass
    (root / "e/g").unlink()
    subprocess.run(["ln", "d/f", "e/g"], cwd=root, check=True)
    with open(root / "e/g", "ab") as f:
        (root / "e/g").unlink()
        box.same([], root)
        f.write(b"more")
        f.flush()
        tap.check(box.same([], root), "a write by the descriptor of a name in another directory, gone since an answer")


def cases(tap, box):
    daemon = box.daemon("--max-roots=256")
    games(tap, box)
    moved_out(tap, box)
    held(tap, box)
    daemon.end()
