# SPDX-License-Identifier: Apache-2.0
"""Base images with real toolchains, made of the toolchains of this machine, for RUN steps without a network.

    root = Root()                        # busybox, users, the directories that every tool needs
    root.program("/usr/bin/python3.11")  # a program with the libraries that it loads
    root.tree("/usr/lib/python3.11")     # a directory, at the same path or at another
    root.image(engine, "python:3.13-slim-bookworm", PIP_NO_INDEX="1")

An image has the name that the Dockerfile of an example asks for. It already contains what the example
would fetch, and its variables tell the tools not to ask a registry, so the Dockerfile is built as it
is. No file is copied before: the archive is written from where the files are.
"""

import io
import os
import re
import shutil
import subprocess
import tarfile

APPLETS = ("sh cat chmod cp cut dirname basename echo env expr find grep head id ls ln mkdir mktemp mv printf readlink "
           "rm sed sleep sort stat tail tar test touch tr true uname wc which xargs").split()
USERS = "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUPS = "root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n"
# What `cc` runs and reads to link a program. A compiler isn't part of it.
LINKER = ("collect2", "ld")
LINKED = ("crt1.o Scrt1.o crti.o crtn.o crtbegin.o crtbeginS.o crtbeginT.o crtend.o crtendS.o libgcc.a libgcc_eh.a "
          "libgcc_s.so libgcc_s.so.1 libc.so libc.so.6 libc_nonshared.a libm.so libm.so.6 libmvec.so.1 libpthread.a "
          "libdl.a librt.a libutil.a liblto_plugin.so lto-wrapper").split()


class Unavailable(Exception):
    """This machine lacks something, or could not fetch it."""


def tool(name, package):
    """The real path of a program; Unavailable, with the package to install, if it is missing."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is missing: apt-get install {package}")
    return os.path.realpath(found)


def fetch(*words, cwd=None, **env):
    """Runs a tool that prepares something, usually from a registry. Returns what it prints."""
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=os.environ | env, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise Unavailable(f"`{' '.join(map(str, words))[:160]}` failed: {' '.join(lines[-3:])[:300]}")
    return done.stdout


class Root:
    def __init__(self):
        self.made = {}  # path in the image, without leading slash: (kind, source | bytes | target of a link)
        for directory in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64"):
            self._put(directory, "d")
            self._put(directory.removeprefix("usr/"), "l", directory)
        for directory in ("root", "tmp", "home/node", "etc", "var/tmp"):
            self._put(directory, "d")
        self.text("/etc/passwd", USERS)
        self.text("/etc/group", GROUPS)
        self.program(tool("busybox", "busybox-static"))
        busybox = os.path.realpath(shutil.which("busybox"))
        for applet in APPLETS:
            self.link(f"/usr/bin/{applet}", busybox)

    def _put(self, path, kind, value=""):
        self.made.setdefault(path.strip("/"), (kind, value))

    def text(self, path, content, executable=False):
        self._put(path, "x" if executable else "t", content.encode())

    def link(self, path, target):
        self._put(path, "l", target)

    def tree(self, source, target=None, leave=None):
        """Adds a directory or a file, without the paths in which the pattern `leave` matches."""
        self._put(target or source, "f", (source, leave and re.compile(leave)))

    def file(self, path):
        """Adds a file at its own path. For a link, adds the link and what it leads to."""
        path = os.path.normpath(path)
        at = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        real = os.path.realpath(at)
        if real != at:
            self._put(at, "l", real)
        self.tree(real)

    def program(self, path, target=None):
        """Adds a program with the libraries that the loader finds for it."""
        if target:
            self.tree(os.path.realpath(path), target)
        else:
            self.file(path)
        self.libraries(path)

    def libraries(self, path):
        ldd = subprocess.run(["ldd", path], capture_output=True, text=True)
        for library in re.findall(r"(?m)^\s(?:\S+ => )?(/\S+) \(0x", ldd.stdout):
            self.file(library)

    def c_linker(self):
        self.program(tool("cc", "gcc"))
        self.link("/usr/bin/cc", tool("cc", "gcc"))
        for name in LINKER:
            program = fetch("cc", f"-print-prog-name={name}").strip()
            self.program(shutil.which(program) or program)
        for name in LINKED:
            where = fetch("cc", f"-print-file-name={name}").strip()
            if os.path.isabs(where):
                self.file(where)

    def image(self, engine, name, *also, **variables):
        """Imports the image under `name` and all other names."""
        variables.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
        changes = [word for key, value in variables.items() for word in ("-c", f"ENV {key}={value}")]
        with subprocess.Popen([engine.docker, "import", *changes, "-", name], env=engine.env, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            try:
                with tarfile.open(fileobj=child.stdin, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as tar:
                    self._write(tar)
                child.stdin.close()
            except BrokenPipeError:
                pass
            said = child.stdout.read().decode(errors="replace")
        if child.returncode:
            raise RuntimeError(f"docker import {name}: {said}")
        for other in also:
            subprocess.run([engine.docker, "tag", name, other], env=engine.env, check=True)

    def _write(self, tar):
        seen = set()  # a tree may contain what was added by name too, and an engine takes no path twice

        def once(entry, leave):
            if entry.name in seen or leave and leave.search("/" + entry.name):
                return None
            seen.add(entry.name)
            return owned(entry)

        for path, (kind, value) in self.made.items():
            if kind == "f":
                source, leave = value
                tar.add(source, path, filter=lambda entry: once(entry, leave))
                continue
            entry = tarfile.TarInfo(path)
            entry.mode = 0o644 if kind == "t" else 0o755
            if kind == "d":
                entry.type = tarfile.DIRTYPE
                entry.mode = 0o1777 if path.endswith("tmp") else 0o755
            elif kind == "l":
                entry.type, entry.linkname = tarfile.SYMTYPE, value
            else:
                entry.size = len(value)
            if once(entry, None):
                tar.addfile(entry, io.BytesIO(value) if kind in "tx" else None)


def owned(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
