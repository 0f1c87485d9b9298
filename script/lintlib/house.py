# SPDX-License-Identifier: Apache-2.0
"""What the lint knows of the house: the rooms and their ranks, the files, and how to read them."""

import functools
import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]

# Each room, in the order of rank, and the rooms whose headers it may include and whose functions it
# may call, besides its own. docs/design.md says what each room is for. http2, docker and buildkit do
# not exist yet; they are listed so that their first file is held to the rule.
LOW = {"base", "formats"}
TREE = LOW | {"ignore", "dockerfile"}
SEND = TREE | {"recipe", "hashdb", "stream"}
SEES = {
    "base": set(),
    "formats": {"base"},
    "ignore": LOW,
    "dockerfile": LOW,
    "recipe": LOW | {"ignore"},
    "hashdb": TREE,
    "stream": TREE | {"recipe", "hashdb"},
    "http2": LOW,
    "docker": LOW,
    "buildkit": SEND | {"http2", "docker"},
    "proto": SEND,
    "daemon": SEND | {"proto"},
    "client": SEND | {"http2", "docker", "buildkit", "proto"},
    "tests": SEND | {"http2", "docker", "buildkit", "proto", "daemon", "client"},
}
ROOMS = list(SEES)
# Third-party headers and the only places that may include them: a room, or one file of it.
HOMES = {
    "uv.h": ("daemon/",),
    "microhttpd.h": ("daemon/",),
    "sqlite3.h": ("hashdb/",),
    "xxhash.h": ("base/",),
    "zstd.h": ("stream/",),
    "libdeflate.h": ("stream/",),
    "openssl/": ("base/",),
    "jansson.h": ("formats/json-read.c", "proto/json-keys.h"),
    "yaml.h": ("formats/yaml-read.c",),
    "expat.h": ("formats/xml-read.c",),
    "curl/": ("client/engine-config-main.c",),
    "nghttp2/": ("http2/",),
}
# Headers that only one file may include.
ONE_FILE = ("yaml.h", "expat.h", "zstd.h", "libdeflate.h", "curl/", "xxhash.h", "nghttp2/")
# Circles of calls inside a room that may stay.
CIRCLES = {
    # A word may contain ${name:-word}: the expander and the lexer call each other, as the grammar does.
    ("dockerfile/expand.c", "dockerfile/lex.c"),
}
# The same functions twice, by design: a program is linked with one of the two files.
TWINS = {("base/sha256-low.c", "base/sha256-openssl.c")}
# Base names that several directories may have.
COMMON_NAMES = {
    "meson.build", "README.md", "run", "go.mod", "go.sum", "main.go",  # named by convention
    "__init__.py",
}
LINES_MAX = 500
# Of a line of C. .clang-format has the same number, but leaves comments and long strings as they are.
COLUMNS_MAX = 96
# Sources that may be longer, with the reason: {path: reason}.
LONG = {}


def visible(room):
    """The rooms whose headers this room may include, its own among them."""
    return SEES[room] | {room}


def room_of(path):
    top = path.split("/")[0]
    return top if top in ROOMS else None


@functools.cache
def tracked(*patterns):
    """The files of the repository, new ones included; in a tarball without git, all but builds."""
    r = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        capture_output=True)
    if r.returncode == 0:
        names = r.stdout.decode().split("\0")
    else:
        found = (p.as_posix() for p in pathlib.Path(".").rglob("*") if p.is_file())
        names = [p for p in found if not re.match(r"(build|dist|\.git)[^/]*/", p) and "__pycache__" not in p
                 and (not patterns or any(pathlib.PurePath(p).match(g) for g in patterns))]
    return sorted(p for p in names if p and os.path.exists(p))


def c_files():
    return [p for p in tracked("*.c", "*.h") if room_of(p)]


def room_sources():
    """The .c files of the rooms, without tests."""
    return [p for p in c_files() if p.endswith(".c") and room_of(p) != "tests"]


def is_script(path):
    if path.endswith((".py", ".sh")):
        return True
    with open(path, "rb") as f:
        return f.read(2) == b"#!"


def sources():
    """Our own sources: neither what the examples show to others, nor what tests feed."""
    ours = [p for p in tracked() if not p.startswith(("examples/", "tests/vectors/")) and "/corpus/" not in p]
    return [p for p in ours if p.endswith((".c", ".h", ".go")) or (os.path.isfile(p) and is_script(p))]


@functools.cache
def text_of(path):
    return pathlib.Path(path).read_text(errors="replace")


def lines(path):
    return text_of(path).splitlines()


@functools.cache
def code_of(path):
    """The text of a C file with comments and strings blanked out, the line numbers kept."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text_of(path), flags=re.S)


# A definition as clang-format writes it: the type begins a line, the brace has a line of its own.
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)[ \n]*")
DEFINITION = re.compile(r"^ ?(?!#)[A-Za-z_][\w \t\n*]*?[ \n*](\w+)\([^;{}]*\)\s*\n\{", re.M)


def functions(path):
    """The names of the functions that a C file defines, static ones included."""
    return [m.group(1) for m in DEFINITION.finditer(ATTRIBUTE.sub(" ", code_of(path)))]


def opening_comment(path):
    """The comment that follows the SPDX line, as plain paragraphs; "" if there is none."""
    m = re.match(r"/\* SPDX[^\n]*\*/\n\s*/\*(.*?)\*/", text_of(path), re.S)
    if not m:
        return ""
    return "\n".join(re.sub(r"^\s*\* ?", "", line) for line in m.group(1).splitlines()).strip()


def purpose(path):
    """What a file is for: the first sentence of its opening comment, or of its own header's."""
    for candidate in (path, path[:-2] + ".h"):
        if os.path.exists(candidate) and (text := opening_comment(candidate)):
            first = " ".join(re.split(r"\n\s*\n", text)[0].split())
            m = re.match(r".+?(?<!e\.g)(?<!i\.e)\.(?= |$)", first)
            return (m.group(0) if m else first).rstrip(".:;")
    return ""
