# SPDX-License-Identifier: Apache-2.0
"""The private Docker engine of the tests: its lifetime, its API, and builds with its client.

    with Engine.for_tests() as engine:
        built = engine.build_dir("ctx", Request(), "buildkit")      # docker build ctx
        if built.image: print(engine.tree(built.image))             # what `docker export` contains

script/engine starts the engine, with the options in $ENGINE (`--newest --store=graph`). If the environment
already names an engine (script/engine run DIR -- …), that one is used. It is never the engine of the
machine, so a build that crashes it does no harm.
"""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shlex
import shutil
import socket
import stat
import subprocess
import tarfile
import tempfile
import threading
import urllib.parse
from dataclasses import dataclass, field

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDERS = ("buildkit", "classic")
TIMEOUT = 300  # seconds for one build: ten times what the slowest takes on a loaded machine


@dataclass(frozen=True)
class Request:
    """What a user may give besides the context, both to `docker build` and to ctx-send."""

    file: str | None = None  # as given to -f
    stdin: str | None = None  # the Dockerfile, for -f -
    target: str | None = None
    args: tuple = ()  # (name, value) pairs
    send: tuple = ()  # options that only ctx-send gets

    def docker_options(self, with_file=True):
        options = []
        if with_file and self.file is not None:
            options += ["-f", self.file]
        if self.target is not None:
            options += ["--target", self.target]
        for name, value in self.args:
            options += ["--build-arg", f"{name}={value}"]
        return options


@dataclass
class Built:
    image: str | None
    log: str = ""


@dataclass
class Entry:
    """One path of an image or a stream."""

    kind: str  # f file, d directory, l symbolic link, p pipe, c and b devices
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    digest: str = ""
    link: str = ""
    twins: tuple = ()  # all names of the same inode, if there are several


def engine_options():
    """The options of script/engine that a suite is run with."""
    return os.environ.get("ENGINE", "").split()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


@dataclass
class Engine:
    socket: str
    docker: str
    env: dict
    kind: str = "20.10"  # or newest-containerd, newest-graph, by the image store
    made: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def none(cls):
        """An object without an engine, for suites that build nothing."""
        return cls("", "", dict(os.environ))

    @classmethod
    @contextlib.contextmanager
    def for_tests(cls):
        script = str(REPO / "script" / "engine")
        home = None
        if "CTXD_ENGINE" in os.environ:
            words = [f"{k}={os.environ[k]}" for k in ("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER", "CTXD_ENGINE_KIND")]
        else:
            home = tempfile.mkdtemp(prefix="live-e.", dir=fast_directory())
            answer = subprocess.run([script, *engine_options(), "start", home], check=True, text=True,
                                    stdout=subprocess.PIPE)
            words = shlex.split(answer.stdout)[1:]
        try:
            values = dict(word.split("=", 1) for word in words)
            env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER", "BUILDKIT"))}
            yield cls(values["DOCKER_HOST"].removeprefix("unix://"), values["DOCKER"], env | values,
                      values["CTXD_ENGINE_KIND"])
        finally:
            if home:
                # It has a session of its own: a signal to the process group of a suite must not end it.
                subprocess.run([script, "stop", home], check=False, start_new_session=True)
                shutil.rmtree(home, ignore_errors=True)

    @property
    def newest(self):
        return self.kind != "20.10"

    def builders(self, wanted=BUILDERS):
        """Those of the builders that this engine is held to. The newest engine's classic builder is
        deprecated, so it is tried only if $CLASSIC is set."""
        return tuple(b for b in wanted if b == "buildkit" or not self.newest or os.environ.get("CLASSIC"))

    def forget_attestations(self):
        """Builds from here on have no provenance, whose times give each build of the same image a name of
        its own in containerd's store."""
        self.env["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"

    # -- builds -------------------------------------------------------------------------------

    def client_env(self, builder):
        return self.env | {"DOCKER_BUILDKIT": "1" if builder == "buildkit" else "0"}

    def command(self, builder, *options, cache=False):
        base = [self.docker, "build", "--network", "none", "--force-rm"]
        return base + ([] if cache else ["--no-cache"]) + list(options)

    def build_dir(self, path, request, builder, cache=False, cwd=None):
        """Runs `docker build [options] PATH` as a user would in `cwd`."""
        words = self.command(builder, "-q", *request.docker_options(), os.fspath(path), cache=cache)
        return self._run(words, builder, (request.stdin or "").encode(), cwd)

    def build_tar(self, data, request, builder, cache=False):
        """Runs `docker build [options] -` with the bytes of a stream, or an open file, on stdin."""
        words = self.command(builder, "-q", *request.docker_options(with_file=False), "-", cache=cache)
        return self._run(words, builder, data)

    def _run(self, words, builder, data, cwd=None):
        source = {"input": data} if isinstance(data, bytes) else {"stdin": data}
        done = subprocess.run(words, env=self.client_env(builder), capture_output=True, timeout=TIMEOUT,
                              cwd=cwd, **source)
        log = (done.stderr + done.stdout).decode(errors="surrogateescape")
        image = done.stdout.decode(errors="replace").strip().splitlines()
        if done.returncode or not image:
            return Built(None, log)
        with self.lock:
            self.made.append(image[-1])
        return Built(image[-1], log)

    def post_build(self, data, builder, **query):
        """The same with `POST /build`, without a client. It is faster, and other clients build so too."""
        query = {"networkmode": "none", "nocache": "1", "forcerm": "1"} | query
        if builder == "buildkit":
            query["version"] = "2"
        status, body = self.call("POST", f"/build?{urllib.parse.urlencode(query)}", data, "application/x-tar")
        image, log = None, []
        for line in body.splitlines() if status == 200 else []:
            message = json.loads(line)
            if "errorDetail" in message:
                return Built(None, message["errorDetail"].get("message", ""))
            if isinstance(message.get("aux"), dict) and "ID" in message["aux"]:
                image = message["aux"]["ID"]
            log.append(message.get("stream", ""))
        return Built(image, "".join(log) if status == 200 else body.decode(errors="replace"))

    # -- the API ------------------------------------------------------------------------------

    def call(self, method, path, body=None, kind="application/json"):
        connection = UnixConnection(self.socket)
        try:
            if isinstance(body, dict):
                body = json.dumps(body)
            connection.request(method, "/v1.41" + path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def config(self, image):
        """The config and history of the image, without what differs in any two builds."""
        _, body = self.call("GET", f"/images/{image}/json")
        _, past = self.call("GET", f"/images/{image}/history")
        config = json.loads(body)["Config"] or {}
        for name in ("Hostname", "Image", "Domainname"):
            config.pop(name, None)
        return {k: v for k, v in config.items() if v}, [step["CreatedBy"] for step in json.loads(past)]

    def tree(self, image):
        """{path: Entry} of the `docker export` of a container of the image."""
        status, body = self.call("POST", "/containers/create", {"Image": image, "Cmd": ["none"]})
        if status != 201:
            raise RuntimeError(f"create from {image}: {body!r}")
        container = json.loads(body)["Id"]
        connection = UnixConnection(self.socket)
        try:
            connection.request("GET", f"/v1.41/containers/{container}/export")
            with tarfile.open(fileobj=connection.getresponse(), mode="r|", encoding="utf-8") as tar:
                return entries_of(tar)
        finally:
            connection.close()
            self.call("DELETE", f"/containers/{container}?force=1")

    def clean(self):
        """Removes the images of all builds so far."""
        with self.lock:
            images, self.made = self.made, []
        for image in dict.fromkeys(images):
            self.call("DELETE", f"/images/{image}?force=1")


def fast_directory():
    """A directory in memory, if enough is free: an engine spends half its time on syncing layers to disk."""
    memory = "/dev/shm"
    try:
        return memory if shutil.disk_usage(memory).free > 8 << 30 else None
    except OSError:
        return None


KINDS = {tarfile.SYMTYPE: "l", tarfile.DIRTYPE: "d", tarfile.FIFOTYPE: "p",
         tarfile.CHRTYPE: "c", tarfile.BLKTYPE: "b"}


def entries_of(tar):
    """{path: Entry} of an open tarfile. A later entry replaces an earlier one with the same name."""
    found, first_of = {}, {}
    for member in tar:
        path = member.name.removeprefix("./").rstrip("/") or "."
        if member.islnk():
            target = member.linkname.removeprefix("./")
            first_of[path] = first_of.get(target, target)
            continue
        entry = Entry(KINDS.get(member.type, "f"), member.mode & 0o7777, member.uid, member.gid,
                      member.size, int(member.mtime), link=member.linkname)
        if member.isfile():
            digest, source = hashlib.sha256(), tar.extractfile(member)
            while piece := source.read(1 << 20):
                digest.update(piece)
            entry.digest = digest.hexdigest()
        found[path] = entry
    add_twins(found, first_of)
    return found


def add_twins(found, first_of):
    groups = {}
    for name, first in first_of.items():
        if first not in found:
            found[name] = Entry("?", 0, 0, 0, 0, 0, link=f"a hard link to {first}, which is not there")
            continue
        groups.setdefault(first, {first}).add(name)
    for first, names in groups.items():
        twins = tuple(sorted(names))
        for name in twins:
            found[name] = Entry(**{**vars(found[first]), "twins": twins})


def entries_below(root):
    """{path: Entry} of a directory on disk, into which a reader extracted the stream."""
    found, inodes = {}, {}
    root = os.fsencode(root)
    for at, directories, files in os.walk(root):
        for name in directories + files:
            full = os.path.join(at, name)
            path = os.fsdecode(os.path.relpath(full, root))
            st = os.lstat(full)
            kind = {stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFREG: "f", stat.S_IFIFO: "p",
                    stat.S_IFCHR: "c", stat.S_IFBLK: "b"}.get(stat.S_IFMT(st.st_mode), "?")
            entry = Entry(kind, stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, 0, int(st.st_mtime))
            if kind == "l":
                entry.link = os.fsdecode(os.readlink(full))
            if kind == "f":
                entry.size = st.st_size
                with open(full, "rb") as file:
                    entry.digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[path] = entry
            if kind != "d" and st.st_nlink > 1:
                inodes.setdefault((st.st_dev, st.st_ino), []).append(path)
    for names in inodes.values():
        if len(names) > 1:
            for name in names:
                found[name].twins = tuple(sorted(names))
    return found
