# SPDX-License-Identifier: Apache-2.0
"""The contexts of tests/daemon/soak, and what happens to them: edits, links, directories and roots that come and go.

    trees = Trees(box, random.Random(1))
    trees.change()                    # something, somewhere
    place = trees.quiet()             # one whose root is there
    place.version, place.trace        # the number of its changes, and the last of them

Everything happens in the caller's thread, so a context is quiet whenever no change is being made.
"""

import collections
import ctypes
import json
import os
import shutil
import subprocess

from cases_daemon_links import GAMES, QUIET

PLACES = 6
# A stream of this file, or its digest, takes hours.
SPARSE = 1 << 40
# The last changes of a context, for a report.
TRACE = 16
EXCHANGE = 2  # of renameat2(2)
LIBC = ctypes.CDLL(None)
# The names that links are made of and written through.
NAMES = ["d/f", "d/other", "e/e", "top", "g", "h", "d/g", "e/g", "../out-g", "../out-h"]
# What a game of cases_daemon_links.py begins with.
BOARD = """rm -rf g h i n e e2 e3 d node_modules/g link ignored top ../out-*; mkdir -p d e node_modules
echo $1 >d/f; echo other >d/other; echo e >e/e; echo top >top; echo i >ignored; ln -s top link
"""
# All of them read every directory in which links are made: a link that is made in one that no answer needs, and
# written through, is among what Linux does not report (docs/daemon.md).
DOCKERFILES = ["FROM scratch\nCOPY . /\n", "FROM scratch\nCOPY . /x/\n", "FROM scratch\nCOPY lib src /x/\nCOPY . /z/\n",
               "FROM scratch AS a\nCOPY src /\nFROM scratch\nCOPY --from=a / /\nCOPY . /y/\n"]
IGNORES = ["", "lib/a/f1*\n", "**/f2\n", "lib\n!lib/a\n", "src/*\n!src/f*\n"]
LOCK = {"name": "app", "lockfileVersion": 3, "packages": {
    "": {"name": "app", "dependencies": {"left-pad": "1.3.0"}},
    "node_modules/left-pad": {"version": "1.3.0", "resolved": "https://registry.example.com/left-pad/-/left-pad-1.3.0.tgz"}}}


def exchange(a, b):
    if LIBC.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), EXCHANGE):
        raise OSError(f"can't exchange {a} and {b}")


class Place:
    """A directory with a context in it, which may be missing for a while."""

    def __init__(self, top):
        self.top, self.root, self.link = top, top / "root", top / "link"
        self.version = 0
        self.trace = collections.deque(maxlen=TRACE)

    def note(self, text):
        self.version += 1
        self.trace.append(text)


class Trees:
    def __init__(self, box, make):
        self.box, self.make = box, make
        self.counts = collections.Counter()
        self.places = []
        for i in range(PLACES):
            place = Place(box.top / f"w{i}")
            place.top.mkdir()
            place.link.symlink_to("root")
            self.plant(place)
            self.places.append(place)
        self.small = box.tree("small", n=3)  # never changed
        self.endless = box.tree("endless", n=3)
        with open(self.endless / "sparse", "wb") as f:
            f.truncate(SPARSE)
        self.changes = [(10, self.rewrite), (4, self.grow), (8, self.rewrite_quietly), (6, self.replace),
                        (4, self.move_file), (3, self.remove_file), (3, self.temporary), (3, self.mode), (2, self.symlink),
                        (4, self.rules), (6, self.directory), (3, self.directory_out), (8, self.game), (10, self.links),
                        (3, self.burst), (1, self.root_moves), (1, self.root_is_replaced), (1, self.root_is_removed),
                        (1, self.roots_exchange), (1, self.across)]

    # ---- what is there ------------------------------------------------------------------------------------------

    def fill(self, directory, n):
        directory.mkdir(parents=True, exist_ok=True)
        for i in range(n):
            path = directory / f"f{i}"
            path.write_bytes(self.make.randbytes(self.make.randrange(3000)))

    def plant(self, place, root=None):
        root = root or place.root
        self.fill(root / "lib/a", 12)
        self.fill(root / "lib/b", 4)
        self.fill(root / "src", 12)
        self.fill(root / "node_modules/p", 6)
        if self.make.random() < 0.5:
            (root / "src/large").write_bytes(self.make.randbytes(3 << 20))
        (root / "package.json").write_text(json.dumps(LOCK["packages"][""]))
        (root / "package-lock.json").write_text(json.dumps(LOCK))
        (root / "Dockerfile").write_text(DOCKERFILES[0])
        (root / ".dockerignore").write_text("Dockerfile\n.dockerignore\nignored\nnode_modules\n")
        self.board(root)

    def board(self, root):
        subprocess.run(["sh", "-c", BOARD, "sh", str(self.make.random())], cwd=root, check=True)

    def quiet(self):
        there = [p for p in self.places if (p.root / "Dockerfile").exists()]
        return self.make.choice(there) if there else None

    def file(self, place):
        """A file of it at random, which is read."""
        found = [p for d in ("lib/a", "lib/b", "src", "d", "e") if (place.root / d).is_dir()
                 for p in (place.root / d).iterdir() if p.is_file() and not p.is_symlink()]
        return self.make.choice(sorted(found)) if found else place.root / "top"

    def change(self):
        """One change at random; the name of it."""
        place = self.make.choice(self.places)
        if not place.root.is_dir():
            place.note("the root is made")
            self.plant(place)
            return
        how = self.make.choices([c for _, c in self.changes], [n for n, _ in self.changes])[0]
        self.counts[how.__name__] += 1
        place.note(how.__name__)
        try:
            how(place)
        except OSError as e:  # of a name that an earlier change took away: half of a change is one, too
            place.note(f"… {e}")

    # ---- files --------------------------------------------------------------------------------------------------

    def rewrite(self, place):
        path = self.file(place)
        # A large one keeps its size, so that the memory which the whole takes is about the same all the time.
        large = path.name == "large"
        path.write_bytes(self.make.randbytes(3 << 20 if large else self.make.randrange(3000)))

    def grow(self, place):
        path = self.file(place)
        if path.stat().st_size > 20000:
            path.write_bytes(b"short\n")
        with open(path, "ab") as f:
            f.write(self.make.randbytes(100))

    def rewrite_quietly(self, place, path=None):
        """The same size and time: only the change time tells."""
        with open(path or self.file(place), "r+b") as f:
            st = os.fstat(f.fileno())
            os.pwrite(f.fileno(), bytes(b ^ 1 for b in f.read(5000)), 0)
            os.utime(f.fileno(), ns=(st.st_atime_ns, st.st_mtime_ns))

    def replace(self, place):
        path = self.file(place)
        new = path.with_name(".new")
        new.write_bytes(self.make.randbytes(self.make.randrange(3000)))
        new.rename(path)

    def move_file(self, place):
        path = self.file(place)
        path.rename(path.with_name(f"f{self.make.randrange(20)}"))

    def remove_file(self, place):
        self.file(place).unlink()

    def temporary(self, place):
        path = self.file(place).with_name("4913")
        path.write_bytes(b"x")
        path.unlink()

    def mode(self, place):
        self.file(place).chmod(self.make.choice([0o644, 0o755, 0o600]))

    def symlink(self, place):
        link = place.root / "src" / f"l{self.make.randrange(4)}"
        link.unlink(missing_ok=True)
        link.symlink_to(self.make.choice(["f1", "f2", "../lib", "none"]))

    def rules(self, place):
        if self.make.random() < 0.5:
            (place.root / "Dockerfile").write_text(self.make.choice(DOCKERFILES) + f"# {self.make.randrange(9)}\n")
        else:
            (place.root / ".dockerignore").write_text(
                self.make.choice(IGNORES) + "Dockerfile\n.dockerignore\nignored\nnode_modules\n")

    # ---- directories --------------------------------------------------------------------------------------------

    def directory(self, place):
        """One vanishes, or comes back."""
        path = place.root / self.make.choice(["lib", "lib/a", "lib/b", "node_modules", "lib/n", "d"])
        if path.is_dir():
            shutil.rmtree(path)
            if self.make.random() < 0.5:
                return
        self.fill(path if path.name != "lib" else path / "a", 12)

    def directory_out(self, place):
        out = place.top / "out-lib"
        (out.rename if out.exists() else (place.root / "lib").rename)(place.root / "lib" if out.exists() else out)

    def burst(self, place):
        path = place.root / "lib/many"
        self.fill(path, 150)
        shutil.rmtree(path)

    # ---- links --------------------------------------------------------------------------------------------------

    def answers(self, place):
        """Twice: the second answer looks at what came before the directories were watched."""
        for _ in range(2):
            self.box.send("--daemon=require", "-q", place.root)

    def game(self, place):
        title, script = self.make.choice(GAMES)
        place.trace.append(f"  {script}")
        self.board(place.root)
        if self.make.random() < 0.7:
            self.answers(place)
        subprocess.run(["sh", "-c", QUIET + script], cwd=place.root, stderr=subprocess.DEVNULL, check=False)

    def links(self, place):
        for _ in range(self.make.randrange(1, 7)):
            a, b = (place.root / n for n in self.make.sample(NAMES, 2))
            how = self.make.choice(["link", "link", "append", "append", "quietly", "rename", "unlink", "exchange", "make"])
            # Nor is one that is made outside of the root.
            if how == "link" and (".." in str(a) or ".." in str(b)):
                continue
            place.trace.append(f"  {how} {a.relative_to(place.root)} {b.relative_to(place.root)}")
            try:
                {"link": lambda: os.link(a, b), "append": lambda: self.append(a),
                 "quietly": lambda: self.rewrite_quietly(place, a), "rename": lambda: a.rename(b), "unlink": a.unlink,
                 "exchange": lambda: exchange(a, b), "make": lambda: a.write_bytes(self.make.randbytes(9))}[how]()
            except OSError:
                place.trace.append("    … fails")
        if self.make.random() < 0.1:
            self.board(place.root)

    def append(self, path):
        with open(path, "r+b") as f:
            f.seek(0, os.SEEK_END)
            f.write(b"more\n")

    # ---- roots --------------------------------------------------------------------------------------------------

    def root_moves(self, place):
        place.root.rename(place.top / "moved")
        self.box.send("--daemon=require", "-q", place.top / "moved")
        if self.make.random() < 0.5:
            self.plant(place)
            shutil.rmtree(place.top / "moved")
        else:
            (place.top / "moved").rename(place.root)

    def root_is_replaced(self, place):
        self.plant(place, place.top / "new")
        if self.make.random() < 0.5:
            exchange(place.top / "new", place.root)
            shutil.rmtree(place.top / "new")
        else:
            shutil.rmtree(place.root)
            (place.top / "new").rename(place.root)

    def root_is_removed(self, place):
        shutil.rmtree(place.root)

    def roots_exchange(self, place):
        other = self.make.choice([p for p in self.places if p is not place])
        other.note(f"exchanged with {place.top.name}")
        exchange(place.root, other.root)

    def across(self, place):
        """A file with its links goes to another root."""
        other = self.make.choice([p for p in self.places if p is not place])
        other.note(f"gets a file of {place.top.name}")
        self.file(place).rename(other.root / "d/f1")
