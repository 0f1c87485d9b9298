# SPDX-License-Identifier: Apache-2.0
"""Which file is the Dockerfile, and which is the ignore file: rows with the engines' own answers.

Every context has the files a, b and s. Each Dockerfile copies the whole context and sets a label, so that
"low a s" says: the Dockerfile with the label `low` was built, and b was ignored. "fails": nothing is built.
The values were read from Docker itself: `want` from today's engine and buildx, `old` from BuildKit of
Docker 20.10 where that differs, `classic` from the classic builder of 20.10 where that differs from `want`.
"""

from dataclasses import dataclass

from engine import Request
from fixture import Case, file, link

UPPER, LOWER = "Dockerfile.dockerignore", "dockerfile.dockerignore"


@dataclass
class Row:
    title: str
    tree: list
    want: str
    file: str | None = None  # given to -f
    ignore: str | None = None  # .dockerignore
    outside: tuple = ()
    stdin: str | None = None
    old: str | None = None
    classic: str | None = None
    refused: bool = False  # a stream with --builder=classic is refused, because the file lies outside

    def case(self):
        return Case(self.title, None, ["a b s", *self.tree], ignore=self.ignore, outside=list(self.outside),
                    request=Request(file=self.file, stdin=self.stdin))

    def from_engine(self, kind):
        return {"old": self.old, "classic": self.classic}.get(kind) or self.want


def text(label):
    return f"FROM scratch\nCOPY . /x/\nLABEL which={label}\n"


UP, LOW, MY = file("Dockerfile", text("up")), file("dockerfile", text("low")), file("my", text("my"))
UPPER_A, LOWER_B = file(UPPER, "a\n"), file(LOWER, "b\n")
SUB_UP = file("sub/Dockerfile", text("up"))

ROWS = [
    # -- Dockerfile or dockerfile
    Row("a lower-case dockerfile", [LOW], "low a b s"),
    Row("a lower-case dockerfile, Dockerfile.dockerignore", [LOW, UPPER_A], "low a b s", old="low b s"),
    Row("a lower-case dockerfile, dockerfile.dockerignore", [LOW, LOWER_B], "low a s", old="low a b s",
        classic="low a b s"),
    Row("a lower-case dockerfile, all ignore files", [LOW, UPPER_A, LOWER_B], "low a s", ignore="s\n",
        old="low b s", classic="low a b"),
    Row("a lower-case dockerfile, Dockerfile.dockerignore and .dockerignore", [LOW, UPPER_A], "low a b",
        ignore="s\n", old="low b s"),
    Row("both, with both ignore files", [UP, LOW, UPPER_A, LOWER_B], "up b s", classic="up a b s"),
    Row("both, with dockerfile.dockerignore", [UP, LOW, LOWER_B], "up a b s"),
    Row("both, and -f dockerfile", [UP, LOW, UPPER_A, LOWER_B], "low a s", file="ctx/dockerfile",
        classic="low a b s"),
    Row("-f dockerfile, where only Dockerfile is", [UP], "fails", file="ctx/dockerfile"),
    Row("-f Dockerfile, where only dockerfile is", [LOW, UPPER_A, LOWER_B], "low a s", file="ctx/Dockerfile",
        old="low b s", classic="fails"),
    Row("-f sub/Dockerfile, where only sub/dockerfile is", [file("sub/dockerfile", text("low"))], "low a b s",
        file="ctx/sub/Dockerfile", classic="fails"),
    Row("-f sub/Dockerfile, where only sub/dockerfile is, sub/Dockerfile.dockerignore",
        [file("sub/dockerfile", text("low")), file("sub/" + UPPER, "a\n")], "low a b s",
        file="ctx/sub/Dockerfile", old="low b s", classic="fails"),
    Row("-f of a dockerfile elsewhere", [], "out b s", file="out/Dockerfile", ignore="b\n", old="out a s",
        classic="fails", outside=(file("out/dockerfile", text("out")), file("out/" + LOWER, "a\n"))),
    Row("DOCKERFILE alone", [file("DOCKERFILE", text("caps"))], "fails"),
    Row("Containerfile alone", [file("Containerfile", text("cont"))], "fails"),
    Row("-f Containerfile", [file("Containerfile", text("cont")), file("Containerfile.dockerignore", "a\n")],
        "cont b s", file="ctx/Containerfile", classic="cont a b s"),
    Row(".containerignore is no ignore file", [UP, file(".containerignore", "a\n")], "up a b s"),
    Row("no Dockerfile", [], "fails"),
    Row("an empty Dockerfile and a dockerfile", [file("Dockerfile", ""), LOW], "fails"),
    # -- a Dockerfile that is no file
    Row("the Dockerfile is a link", [MY, link("Dockerfile", "my"), file(UPPER, "b\n"),
                                     file("my.dockerignore", "a\n")], "my a s", classic="my a b s"),
    Row("the Dockerfile is a link out of the context", [link("Dockerfile", "../my")], "fails",
        outside=(file("my", text("out")),)),
    Row("… beside a dockerfile", [link("Dockerfile", "../my"), LOW], "low a b s", classic="fails",
        outside=(file("my", text("out")),)),
    Row("the Dockerfile is a dangling link beside a dockerfile", [link("Dockerfile", "none"), LOW, UPPER_A,
                                                                  LOWER_B], "low b s", classic="fails"),
    Row("the Dockerfile is a link to itself beside a dockerfile", [link("Dockerfile", "Dockerfile"), LOW],
        "low a b s", classic="fails"),
    Row("the Dockerfile is a directory", [file("Dockerfile/Dockerfile", text("deep"))], "fails"),
    Row("the Dockerfile is a directory beside a dockerfile", ["Dockerfile/x", LOW, UPPER_A, LOWER_B],
        "low b s", classic="fails"),
    Row("the dockerfile is a directory", ["dockerfile/x"], "fails"),
    Row("-f is a link out of its directory", [link("sub/Dockerfile", "../my"), MY], "fails",
        file="ctx/sub/Dockerfile", classic="my a b s"),
    Row("-f is a link that stays in its directory, as a root",
        [link("sub/Dockerfile", "../my"), MY, file("sub/my", text("submy"))], "submy a b s",
        file="ctx/sub/Dockerfile", classic="my a b s"),
    # -- .dockerignore that is no file
    Row(".dockerignore is a directory", [UP, ".dockerignore/x"], "up a b s", classic="fails"),
    Row(".dockerignore is a dangling link", [UP, link(".dockerignore", "none")], "up a b s"),
    Row(".dockerignore is a link to a directory", [UP, "sub/a", link(".dockerignore", "sub")], "up a b s",
        classic="fails"),
    Row(".dockerignore is a link out of the context", [UP, link(".dockerignore", "../rules")], "up a b s",
        outside=(file("rules", "a\n"),), classic="up b s", refused=True),
    Row(".dockerignore is a link out, to a name in the context",
        [UP, link(".dockerignore", "../rules"), file("rules", "b\n")], "up a s",
        outside=(file("rules", "a\n"),), classic="up b s", refused=True),
    Row(".dockerignore is a link to itself", [UP, link(".dockerignore", ".dockerignore")], "up a b s",
        classic="fails"),
    Row(".dockerignore is empty", [UP], "up a b s", ignore=""),
    Row(".dockerignore with a byte order mark", [UP], "up b s", ignore="\ufeffa\n"),
    # -- Dockerfile.dockerignore that is no file
    Row("Dockerfile.dockerignore is a directory", [UP, UPPER + "/x"], "up b s", ignore="a\n"),
    Row("Dockerfile.dockerignore is a dangling link", [UP, link(UPPER, "none")], "up b s", ignore="a\n"),
    Row("Dockerfile.dockerignore is a link out of the context", [UP, link(UPPER, "../rules")], "up b s",
        ignore="a\n", outside=(file("rules", "b\n"),)),
    Row("Dockerfile.dockerignore is a link to itself", [UP, link(UPPER, UPPER)], "up b s", ignore="a\n"),
    Row("Dockerfile.dockerignore is a link", [UP, link(UPPER, "rules"), file("rules", "b\n")], "up a s",
        ignore="a\n", classic="up b s"),
    Row("Dockerfile.dockerignore is empty", [UP, file(UPPER, "")], "up a b s", ignore="a\n", classic="up b s"),
    Row("Dockerfile.dockerignore with a byte order mark", [UP, file(UPPER, "\ufeffb\n")], "up a s",
        ignore="a\n", classic="up b s"),
    Row("-f sub/Dockerfile, whose ignore file is a link out of sub",
        [SUB_UP, link("sub/" + UPPER, "../rules"), file("rules", "b\n")], "up b s", file="ctx/sub/Dockerfile",
        ignore="a\n"),
    Row("-f sub/Dockerfile, whose ignore file is a directory", [SUB_UP, "sub/" + UPPER + "/x"], "up b s",
        file="ctx/sub/Dockerfile", ignore="a\n"),
    # -- where -f leads
    Row("sub/.dockerignore beside sub/Dockerfile is no ignore file", [SUB_UP, file("sub/.dockerignore", "a\n")],
        "up a b s", file="ctx/sub/Dockerfile"),
    Row("-f out of the context, with an ignore file", [], "out b s", file="out/Dockerfile", ignore="b\n",
        classic="out a s", outside=(file("out/Dockerfile", text("out")), file("out/" + UPPER, "a\n"))),
    Row("-f out of the context, without one", [UPPER_A], "out a s", file="out/Dockerfile", ignore="b\n",
        outside=(file("out/Dockerfile", text("out")), file("out/.dockerignore", "s\n"))),
    Row("-f by a linked directory", [link("dl", "sub"), file("sub/my", text("my")),
                                     file("sub/my.dockerignore", "a\n")], "my b s", file="ctx/dl/my",
        classic="my a b s"),
    Row("-f with .. after a link", [link("dl", "sub/deep"), "sub/deep/f", file("my", text("lexical")),
                                    file("sub/my", text("followed"))], "lexical a b s", file="ctx/dl/../my"),
    Row("-f with a slash at the end", [MY], "fails", file="ctx/my/", classic="my a b s"),
    Row("-f of a directory with a slash at the end",
        [file("sub/sub", text("subsub")), file("sub/Dockerfile", text("sub"))], "subsub a b s", file="ctx/sub/",
        classic="fails"),
    Row("-f of a directory", [SUB_UP], "fails", file="ctx/sub"),
    Row("-f with slashes and dots", [file("sub/my", text("my")), file("sub/my.dockerignore", "a\n")], "my b s",
        file="./ctx//./sub//my", classic="my a b s"),
    Row("-f of nothing", [UP], "fails", file="ctx/none"),
    Row("-f below nothing", [UP], "fails", file="ctx/none/Dockerfile"),
    Row("-f -", [UP, UPPER_A], "stdin a s", file="-", ignore="b\n", stdin=text("stdin")),
    Row("-f - without a common ignore file", [UP, UPPER_A], "stdin a b s", file="-", stdin=text("stdin")),
    # -- ignored control files
    Row("the ignore file ignores both", [UP, file(UPPER, "Dockerfile*\n.dockerignore\n")], "up a b s",
        ignore="a\n", classic="up b s"),
    Row("the ignore file ignores a dockerfile and itself", [LOW, file(LOWER, "*ockerfile*\na\n")], "low b s",
        old="low a b s", classic="low a b s"),
]
