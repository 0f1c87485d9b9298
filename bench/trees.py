# SPDX-License-Identifier: Apache-2.0
"""The trees that are measured. They are made once below BASE, with a fixed seed, and kept.

real()   27k files of the kernel's source, from Debian's package
ruled()  33k files of the same source, of which 30 ignore rules keep about 27k
small()  100k files of 1-8 kB in 5,300 directories
large()  1 GB in 40 files
little() 300 files
tiny(n) n files of a few bytes
"""
import os
import random
import shutil
import subprocess
import tarfile

BASE = "/var/tmp/ctxd-bench"

RULES = """\
# 30 rules, as real projects have them
.git
**/.DS_Store
**/*.swp
*.log
**/*.o
**/*.ko
**/*.cmd
Documentation/**
!Documentation/process
!Documentation/**/*.txt
**/testing/**/*.log
tools/testing
samples
**/node_modules
**/__pycache__
**/*.py[co]
build
dist
out*
/coverage
**/tests/**/fixtures
**/*.dts
!**/arm*/**/*-evb.dts
**/*.dtsi
drivers/staging/**/*.h
.vscode
.idea
**/Thumbs.db
LICENSES
!LICENSES/preferred
"""


def made(name, make):
    path = os.path.join(BASE, name, "tree")
    done = os.path.join(BASE, name, "done")
    if not os.path.exists(done):
        shutil.rmtree(os.path.join(BASE, name), ignore_errors=True)
        os.makedirs(path)
        # The Dockerfile comes first, because make() may already run ctx-send in the tree.
        _write(os.path.join(path, "Dockerfile"), "FROM scratch\nCOPY . /\n")
        make(path)
        open(done, "w").close()
    return path


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)


def _kernel():
    """The unpacked source of Debian's linux-source package; no measured tree contains it."""
    at = os.path.join(BASE, "kernel")
    if not os.path.exists(os.path.join(at, "done")):
        shutil.rmtree(at, ignore_errors=True)
        os.makedirs(at)
        subprocess.run(["apt-get", "download", "-qq", "linux-source-6.1"], cwd=at, check=True,
                       stderr=subprocess.DEVNULL)
        subprocess.run("dpkg-deb --fsys-tarfile linux-source*.deb | "
                       "tar -xOf - --wildcards '*linux-source-6.1.tar.xz' | tar -xJf - && rm *.deb",
                       shell=True, cwd=at, check=True)
        open(os.path.join(at, "done"), "w").close()
    return os.path.join(at, "linux-source-6.1")


def _copy_files(path, limit, tops):
    """Copies the first `limit` files of these directories of the kernel; symbolic links stay links."""
    source, n = _kernel(), 0
    for top in tops:
        for here, dirs, files in os.walk(os.path.join(source, top)):
            dirs.sort()
            into = os.path.join(path, os.path.relpath(here, source))
            os.makedirs(into, exist_ok=True)
            for name in sorted(files):
                if n == limit:
                    return
                shutil.copy2(os.path.join(here, name), os.path.join(into, name),
                             follow_symlinks=False)
                n += 1


REAL_TOPS = ["kernel", "fs", "include", "lib", "mm", "net", "arch/x86", "arch/arm64", "block",
             "crypto", "security", "tools", "sound", "drivers"]


def real():
    return made("real", lambda path: _copy_files(path, 27000, REAL_TOPS))


def ruled():
    def make(path):
        _copy_files(path, 33000, ["Documentation/process", "Documentation/admin-guide",
                                  "Documentation/filesystems", "LICENSES", "samples",
                                  "tools/perf", "tools/lib", "tools/testing/selftests/bpf",
                                  "kernel", "fs", "include", "lib", "mm", "net", "arch/arm",
                                  "arch/x86", "drivers/staging", "sound", "drivers"])
        _write(os.path.join(path, ".dockerignore"), RULES)
        # The same rules as far as tar can express them. It has no exceptions, so it keeps less.
        lines = [r for r in RULES.splitlines() if r and r[0] not in "#!"]
        _write(os.path.join(path, "..", "tar-rules"), "\n".join(
            r.replace("**/", "").replace("/**", "").lstrip("/") for r in lines) + "\n")
        send = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                            "build", "ctx-send")
        stream = subprocess.Popen([send, "--full", "-q", "."], cwd=path, stdout=subprocess.PIPE)
        with tarfile.open(fileobj=stream.stdout, mode="r|") as tar, \
                open(os.path.join(path, "..", "kept.list"), "wb") as kept:
            for member in tar:
                kept.write(os.fsencode(member.name) + b"\0")
        if stream.wait() != 0:
            raise SystemExit(f"bench: {send} failed in {path}")
    return made("ruled", make)


def small():
    def make(path):
        rng = random.Random(1)
        blob = rng.randbytes(65536) + b"static int value(void) { return 0; }\n" * 3000
        for a in range(53):
            for b in range(100):
                at = os.path.join(path, f"d{a}", f"s{b}")
                os.makedirs(at)
                for k in range(19):
                    size, offset = rng.randint(1000, 8000), rng.randint(0, len(blob) - 8000)
                    with open(os.path.join(at, f"file{k}.c"), "wb") as f:
                        f.write(blob[offset:offset + size])
    return made("small", make)


def large():
    def make(path):
        rng = random.Random(2)
        for i in range(40):
            with open(os.path.join(path, f"blob{i}"), "wb") as f:
                for _ in range(25 + i % 3):
                    f.write(rng.randbytes(1 << 19) + b"x" * (1 << 19))
        subprocess.run("tar -cf ../large.tar .", shell=True, cwd=path, check=True)
    return made("large", make)


def little():
    def make(path):
        _copy_files(path, 300, ["kernel/sched", "kernel/locking", "fs/ext4", "mm"])
    return made("little", make)


def tiny(n):
    def make(path):
        for i in range(n):
            at = os.path.join(path, f"d{i // 2000}", f"s{i // 20 % 100}")
            if i % 20 == 0:
                os.makedirs(at)
            _write(os.path.join(at, f"f{i % 20}"), f"{i}\n")
    return made(f"tiny{n}", make)
