# SPDX-License-Identifier: Apache-2.0
"""All kinds of files, with all modes, times, names, sizes and hard links."""

from engine import Request
from fixture import Case, directory, fifo, file, hard, link

ALL = "FROM scratch\nCOPY . /x/\n"
SOME = "FROM scratch\nCOPY d /x/\n"
FLAT = "FROM scratch\nCOPY * /x/\n"

NAMES = [
    "with space", " leading", "trailing ", "two  spaces", "tab\there", "new\nline", "\nfirst", "cr\rhere",
    "-dash", "--help", "~tilde", "#hash", "!bang", "star*", "quest?", "[x]", "back\\slash", "quo\"te",
    "apos'", "dollar$HOME", "semi;colon", "amp&", "pipe|", "per%cent", "col:on", "at@", "comma,", "equal=",
    "...", "..a", ".hidden", "a.", "\x01\x02\x7f", "grüße", "日本語", "é decomposed e\u0301", "👍", "\u200b",
    "@LongLink", "././@PaxHeader".replace("/", "_"), ".wh.whiteout", ".wh..wh..opq", "pax_global_header", "CON",
    "a" * 100, "b" * 101, "c" * 255, "ü" * 127,
]
# Bytes that are not UTF-8, and why the newest BuildKit builds them from a stream only.
RAW = ["\udcff", "latin\udce9", "\udcc3(", "half\udcf0\udc9f", "\udcff" * 255]
NOT_UTF8 = "refuses a name or a link's text that is not UTF-8 from its client"


def deep(total, step=200):
    """A directory path of about `total` bytes."""
    parts = []
    while sum(map(len, parts)) + len(parts) + step < total:
        parts.append("p" * (step - 1))
    return "/".join(parts)


# Around the limits of a ustar header: 100 bytes of name, 155 of prefix.
EDGES = ["d/" + "n" * length for length in (97, 98, 99, 100, 101)] + [
    "e" * prefix + "/" + "n" * name for prefix in (154, 155, 156) for name in (99, 100, 101)]


# One letter, composed (NFC) and decomposed (NFD): all are different names.
FORMS = ["\u0213", "r\u0311", "\u00e9", "e\u0301", "\u1e9b\u0323", "\u017f\u0323\u0307", "\u212b", "\u00c5", "\uf900",
         "\u8c48", "\ud55c", "\u1112\u1161\u11ab"]
NO_LETTERS = ["\udcff\udcfe", "r\udccc", "\udcc8"]
LONG = "n" * 110


def twins(kind, forms):
    """The forms in short and in long names of one directory, as files, targets of links, or hard links."""
    for start in ("s", LONG, "sub/" + LONG, "\u0213" * 60, "r\u0311" * 40):
        for form in forms:
            name = "d/" + start + form
            if kind == "f":
                yield file(name)
            elif kind == "l":
                yield link(name, form + start[:80])
                yield link(name + "-far", form + start + LONG)
            else:
                yield file(name)
                yield hard(name + "-same", name)
                yield hard("d/h" + str(len(start)) + form, name)  # a short name for a long one


def form_cases(title, forms, bug):
    source = "libarchive composes names"
    folders = [f"d/{start}{form}/{end}" for end in ("f", "e/") for start in ("s", LONG) for form in forms]
    return [Case(f"names that {title}", SOME, list(twins("f", forms)), newest_bug=bug, source=source),
            Case(f"targets of links that {title}", SOME, list(twins("l", forms)), newest_bug=bug, source=source),
            Case(f"hard links between names that {title}", SOME, list(twins("h", forms)), newest_bug=bug, source=source),
            Case(f"directories that {title}", SOME, folders, newest_bug=bug, source=source)]


CASES = [
    *form_cases("differ in Unicode's normal form alone", FORMS, ""),
    *form_cases("are bytes and no letters", NO_LETTERS, NOT_UTF8),
    Case("a decomposed name that needs a longer header comes first", FLAT, [file("A" * 150 + "r\u0311"), "c"],
         source="libarchive composes names"),
    Case("long decomposed names with times before 1970", SOME,
         [file("d/" + LONG + form, mtime=-5) for form in FORMS] + [link("d/l" + form, LONG + form, mtime=-5) for form in FORMS],
         builders=("classic",), source="libarchive composes names"),
    Case("every kind of mode is kept", SOME,
         [file(f"d/m{mode:04o}", mode=mode) for mode in
          (0o000, 0o400, 0o600, 0o640, 0o644, 0o666, 0o755, 0o777, 0o1644, 0o2755, 0o4755, 0o6711, 0o7777)],
         source="docker-context 3.1"),
    Case("modes of directories are kept, also those that bar the way", SOME,
         [directory(f"d/m{mode:04o}", mode) for mode in (0o000, 0o500, 0o700, 0o711, 0o1777, 0o2775, 0o4755, 0o7777)]
         + ["d/m0000/inside d/m2775/inside d/m1777/sub/inside"], source="docker-context 3.1"),
    Case("the copied directory's own mode", "FROM scratch\nCOPY d /x/\nCOPY d/s /y\nCOPY . /z\n",
         [directory("d", 0o2750), directory("d/s", 0o1700), "d/s/f"], source="docker-context 3.1"),
    Case("empty directories stay", ALL, ["e/ d/e/ d/f/g/h/ z"], source="docker-context 3.1"),
    Case("a context of empty directories", ALL, ["e/ d/e/"], source="docker-context 3.1"),
    Case("an empty directory as source", "FROM scratch\nCOPY e /x/\n", ["e/ f"], source="docker-context 3.1"),
    Case("empty files, and sizes around a block", SOME,
         [file(f"d/{size}", b"x" * size) for size in (0, 1, 511, 512, 513, 1023, 1024, 4096, 10239, 10240, 10241)],
         source="tar: 512-byte blocks"),
    Case("a file of some megabytes", SOME, [file("d/big", b"0123456789abcdef" * (5 << 16)), "d/small"]),
    Case("a sparse file", SOME, [file("d/holes", b"\0" * 3_000_000 + b"end"), "d/small"], source="docker-context 3.1"),
    Case("times: the epoch, before 2001, far ahead, and a fraction of a second", SOME,
         [file("d/epoch", mtime=0), file("d/one", mtime=1), file("d/old", mtime=999_999_999),
          file("d/half", mtime=1_234_567_890.5), file("d/almost", mtime=1_234_567_890.999),
          file("d/ahead", mtime=2_147_483_647), file("d/y2038", mtime=2_147_483_648),
          file("d/later", mtime=4_102_444_800)], source="docker-context 3.1"),
    # Docker moves such times to 1970 when it unpacks an archive. Only BuildKit's local contexts keep them.
    Case("times before 1970", SOME, [file("d/before", mtime=-1), file("d/long-before", mtime=-1_000_000_000.25)],
         builders=("classic",), source="docker pkg/archive, boundTime"),
    Case("symbolic links keep their text", ALL,
         ["d/f", link("rel", "d/f"), link("abs", "/d/f"), link("up", "../../etc/passwd"), link("gone", "no/where"),
          link("self", "self"), link("dir", "d"), link("dots", "./d/../d//f"), link("slash", "d/"),
          link("long", "t" * 100), link("longer", "t" * 101), link("longest", "u/" * 1500 + "v"),
          link("odd \n", "odd \n target"), link("d/back", "..")], source="docker-context 3.1"),
    Case("a symbolic link's text that is not UTF-8", ALL, ["d/f", link("odd", "odd \udcfe\n target")],
         newest_bug=NOT_UTF8, source="docker-context 3.1"),
    Case("times of symbolic links are kept", SOME, ["d/f", link("d/l", "f", mtime=1_111_111_111)]),
    Case("hard links stay hard links", ALL,
         ["b/one", hard("b/two", "b/one"), hard("a", "b/one"), hard("z/deep/er", "b/one"), "c", hard("c2", "c")],
         source="docker-context 3.2"),
    Case("a hard link whose first name is ignored", ALL,
         ["a/one", hard("b/two", "a/one"), hard("c/three", "a/one")], ignore="a\n", source="dockerignore 10"),
    Case("a hard link whose other names are not read", "FROM scratch\nCOPY b /x/\nCOPY c/three /y/\n",
         ["a/one", hard("b/two", "a/one"), hard("c/three", "a/one"), hard("b/more", "a/one")],
         source="docker-context 10.5"),
    Case("a hard link with a name outside the context", ALL, ["a"], outside=[hard("beside", "ctx/a")]),
    Case("an empty file with several names", ALL, [file("a", b""), hard("b", "a")]),
    Case("a symbolic link with two names", ALL, ["f", link("l", "f"), hard("m", "l")],
         classic_apart="keeps the names of one link together"),
    Case("the Dockerfile has a second name", ALL, ["f", file("Dockerfile", ALL), hard("copy", "Dockerfile")]),
    Case("the Dockerfile is a second name", ALL, ["f", file("aa", ALL), hard("Dockerfile", "aa")],),
    Case("odd names at the top", FLAT, [file(name) for name in NAMES], builders=("buildkit", "classic"),
         source="docker-context 3.1"),
    Case("odd names below a directory", SOME, [file("d/" + name) for name in NAMES], source="docker-context 3.1"),
    Case("odd names of directories", SOME, [file(f"d/{name}/inside") for name in NAMES], source="docker-context 3.1"),
    Case("names that are not UTF-8, at the top", FLAT, [file(name) for name in RAW], newest_bug=NOT_UTF8,
         source="docker-context 3.1"),
    Case("names that are not UTF-8, below a directory", SOME, [file("d/" + name) for name in RAW], newest_bug=NOT_UTF8,
         source="docker-context 3.1"),
    Case("names of directories that are not UTF-8", SOME, [file(f"d/{name}/inside") for name in RAW],
         newest_bug=NOT_UTF8, source="docker-context 3.1"),
    Case("a name that needs a longer header comes first", FLAT, [file("A" * 150), link("B", "b" * 150), "c"],
         source="docker-context 4: the first header is sniffed"),
    Case("every path needs a longer header", "FROM scratch\nCOPY " + "A" * 150 + " /x/\n",
         [file("A" * 150 + "/" + "b" * 150)], source="docker-context 4"),
    Case("names at the limits of the header's fields", ALL, [file(name) for name in EDGES], source="ustar: 100 and 155"),
    Case("directories at the limits of the header's fields", ALL, [directory(name) for name in EDGES],
         source="ustar: 100 and 155"),
    Case("a path of three thousand bytes", SOME, [file("d/" + deep(3000) + "/file"), "d/near"]),
    Case("a hard link and a link between long paths", SOME,
         [file("d/" + deep(900) + "/one"), hard("d/" + deep(700) + "/two", "d/" + deep(900) + "/one"),
          link("d/l", deep(900) + "/one"), file("d/zz" + "z" * 200)]),
    Case("names that sort differently as bytes and by directory", ALL,
         ["a/b/e a-b a.b a0 ab/c a/b.c/d a/b-c a/b0 A/x B _ z/ Z"], source="docker-context 8.3"),
    Case("many small files", SOME, [file(f"d/{n // 50}/{n}") for n in range(1500)]),
    Case("a FIFO in a directory that is copied", SOME, ["d/f", fifo("d/pipe")],
         source="docker-context 3.1"),
    Case("a gzip stream of several members", ALL, [file("big", b"0123456789abcdef" * (5 << 16)), "d/f", link("l", "d/f")],
         request=Request(send=("-z",)), source="docker-context 4: magic bytes tell"),
    Case("a gzip stream with an inner archive", ALL, ["d/f", file("m", mode=0o700)], ignore="Dockerfile\n",
         request=Request(send=("-z9",)), source="docker-context 2.1"),
    Case("nothing but a Dockerfile", "FROM scratch\nCOPY . /x/\n", [], source="docker-context 2"),
    Case("a Dockerfile without COPY", "FROM busybox:latest\nRUN echo made > /made\n", ["a b/c"]),
    Case("names of archives, and of what Docker itself writes", ALL,
         ["ctx.tar context Dockerfile.x .dockerenv dev/null proc/x etc/hosts sys/"]),
]
