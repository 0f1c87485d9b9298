# SPDX-License-Identifier: Apache-2.0
"""Each form of COPY and ADD, and each way to write their sources."""

import gzip
import io
import tarfile

from engine import Request
from fixture import Case, file, link

APP = "app/main.py app/lib/x.py app/lib/deep/y.py README.md other/z.txt a.txt b.txt c.md"


def copy(title, lines, tree=APP, **more):
    """A case whose Dockerfile is `FROM scratch` and these lines."""
    tree = [tree] if isinstance(tree, str) else tree
    more.setdefault("source", "docker-context 1.5")
    return Case(title, "FROM scratch\n" + lines + "\n", tree, **more)


def small_tar(*names, squeeze=False):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(name), 1_300_000_000
            tar.addfile(member, io.BytesIO(name.encode()))
    return gzip.compress(out.getvalue(), mtime=0) if squeeze else out.getvalue()


CASES = [
    copy("one file is copied", "COPY a.txt /x/a.txt"),
    copy("several files are copied into a directory", "COPY a.txt b.txt app/main.py /x/"),
    copy("a directory's contents are copied", "COPY app /x"),
    copy("a trailing slash on a directory changes nothing", "COPY app/ /x/"),
    copy("a trailing slash on a file is accepted", "COPY a.txt/ /x/"),
    copy("a source that begins with a slash is below the context", "COPY /app /x"),
    copy("a source with dots is cleaned", "COPY ./other/../app/./lib /x"),
    copy("a source that climbs out is held at the root by BuildKit, refused by the classic builder",
         "COPY ../app /x"),
    copy("the root is copied as a dot", "COPY . /x"),
    copy("the root is copied as dot slash", "COPY ./ /x/"),
    copy("the root is copied as a slash", "COPY / /x/"),
    copy("the root is copied by way of a directory", "COPY app/.. /x/"),
    copy("the root is copied onto the root", "COPY . /"),
    copy("a star takes every name at the top", "COPY * /x/"),
    copy("a star in a name takes the files it matches", "COPY *.txt /x/"),
    copy("a question mark matches one character", "COPY ?.txt /x/"),
    copy("a class matches one of its characters", "COPY [ac].* /x/"),
    copy("a negated class matches the others", "COPY [^a].txt /x/"),
    copy("a wildcard that matches a directory takes its contents", "COPY ap* /x/"),
    copy("a wildcard may stand in the middle", "COPY */lib /x/"),
    copy("wildcards in two segments", "COPY a*/*.py /x/"),
    copy("two stars mean one star", "COPY app/**/x.py /x/"),
    copy("a wildcard without a match", "COPY *.nothing a.txt /x/"),
    copy("a wildcard without a match, alone", "COPY nothing/* /x/"),
    copy("an escaped bracket is a literal name", "COPY [[]x].txt /x/", ["[x].txt x.txt"]),
    copy("a backslash escapes a star", "COPY a\\\\*b.txt /x/",
         [file("a*b.txt"), file("acb.txt")], builders=("buildkit",)),
    copy("the JSON form keeps spaces", 'COPY ["a name.txt", "b.txt", "/x/"]',
         [file("a name.txt"), "b.txt name.txt\""]),
    copy("quotes are taken off a source", 'COPY "app/main.py" \'b.txt\' /x/'),
    copy("an escape in a source is taken off", "COPY a\\.txt /x/"),
    copy("a source that is missing fails on both sides", "COPY missing.txt /x/", fails=True),
    copy("a source below a file fails on both sides", "COPY a.txt/b /x/", fails=True),
    copy("a source that begins with an exclamation mark", "COPY !odd.txt /x/",
         ["!odd.txt a.txt"], newest_bug="takes the name for an exception when it asks the client for files"),
    copy("the same source twice and in two steps", "COPY a.txt a.txt /x/\nCOPY a.txt /y/"),
    copy("a directory and a file within it", "COPY app/lib app/lib/x.py /x/"),
    copy("a file copied over a directory's file keeps the last", "COPY app /x\nCOPY b.txt /x/main.py"),
    copy("a destination with a working directory", "WORKDIR /srv/app\nCOPY app .\nCOPY a.txt sub/"),
    copy("--chown changes the owner", "COPY --chown=12:34 app /x"),
    Case("--chown by name reads the base image's passwd",
         "FROM busybox:latest\nCOPY --chown=nobody:nogroup app /x\n", [APP], source="docker-context 1.5"),
    copy("--chmod changes the mode", "COPY --chmod=0750 app /x"),
    copy("comments and blank lines inside a continuation",
         "COPY a.txt \\\n# a comment\n\n  b.txt \\\n  /x/"),
    Case("a line with an unclosed heredoc goes on for engines without heredocs",
         "FROM busybox:latest\nRUN echo <<E \\\n  && true\nCOPY a.txt /y/\n", [APP], builders=("classic",),
         source="docker-context 1.2"),
    Case("the body of a heredoc is instructions for engines without heredocs",
         "FROM busybox:latest\nRUN true <<'#E'\nCOPY a.txt /y/\n#E\nCOPY b.txt /y/\n", [APP],
         builders=("classic",), source="docker-context 1.2"),
    Case("CRLF line ends, a byte order mark and a backtick as escape",
         "\ufeff# escape=`\r\nFROM scratch\r\nCOPY a.txt `\r\n b.txt `  \r\n /x/\r\n", [APP],
         source="docker-context 1.2"),
    Case("lower-case instructions and odd spacing",
         "from scratch\n  copy\ta.txt   b.txt\t/x/\nCoPy app /y\n", [APP], source="docker-context 1.2"),
    Case("a directive after a comment is a comment",
         "# a comment\n# escape=`\nFROM scratch\nCOPY a.txt \\\n /x/\n", [APP], source="docker-context 1.2"),

    # Links as sources: they are followed at the end and on the way, but not inside a copied directory.
    copy("a link to a file is copied under the link's name", "COPY l /x/", ["a.txt", link("l", "a.txt")]),
    copy("a link to a directory gives the directory's contents", "COPY l /x/", [APP, link("l", "app")]),
    copy("an absolute link is below the context", "COPY l m /x/",
         [APP, link("l", "/app/lib/x.py"), link("m", "/app/lib")]),
    copy("a link by dots that climb out is held at the root", "COPY d/l /x/",
         [APP, link("d/l", "../../../../app/main.py")]),
    copy("a chain of links is followed", "COPY one /x/",
         [APP, link("one", "d/two"), link("d/two", "../three"), link("three", "/app/lib")]),
    copy("a path through a linked directory", "COPY l/x.py /x/", [APP, link("l", "app/lib")]),
    copy("two paths through one linked directory", "COPY l/x.py l/deep /x/", [APP, link("l", "app/lib")],
         engine_bug="follows a link for one of the paths through it only"),
    copy("a path through two linked directories", "COPY l/m/y.py /x/",
         [APP, link("l", "app"), link("app/m", "lib/deep")]),
    copy("a path that climbs back out of a linked directory", "COPY l/../main.py /x/",
         [APP, "main.py", link("l", "app/lib")]),
    copy("a dangling link as source fails on both sides", "COPY l /x/", [link("l", "nowhere")], fails=True),
    copy("a loop of links as source fails on both sides", "COPY l /x/",
         [link("l", "m"), link("m", "l")], fails=True),
    copy("links inside a copied directory stay links", "COPY d /x",
         ["d/f", link("d/rel", "f"), link("d/abs", "/d/f"), link("d/up", "../../x"), link("d/gone", "none"),
          link("d/dir", ".")]),
    copy("a wildcard that matches a link to a directory", "COPY l* /x/", [APP, link("l1", "app/lib")]),
    copy("a wildcard under a linked directory", "COPY l/* /x/", [APP, link("l", "app/lib")]),
    copy("a link to the root as source", "COPY d/root /x/", ["a.txt d/b", link("d/root", "..")],
         request=Request()),
    copy("a link's ignored target fails on both sides", "COPY l /x/", ["secret.txt a", link("l", "secret.txt")],
         ignore="secret.txt\n", fails=True),
    copy("a link that leads through an ignored link", "COPY l /x/",
         ["a.txt", link("l", "m"), link("m", "a.txt")], ignore="m\n"),

    # ADD
    copy("ADD copies a file and a directory", "ADD a.txt /x/\nADD app /y/"),
    copy("ADD unpacks a tar", "ADD s.tar /x/", [file("s.tar", small_tar("one", "d/two"))]),
    copy("ADD unpacks a gzipped tar behind a link", "ADD l.tgz /x/",
         [file("s.tgz", small_tar("one", squeeze=True)), link("l.tgz", "s.tgz")]),
    copy("ADD of several sources, one of them a tar", "ADD s.tar a.txt app /x/",
         [APP, file("s.tar", small_tar("one"))]),
    copy("COPY does not unpack a tar", "COPY s.tar /x/", [file("s.tar", small_tar("one"))]),
    copy("ADD by a wildcard", "ADD *.t* /x/", [APP, file("s.tar", small_tar("one"))]),
    copy("ADD of the root", "ADD . /x/", [APP, file("s.tar", small_tar("one"))]),
    copy("ADD of a damaged tar copies it", "ADD s.tar /x/", [file("s.tar", b"no tar at all\n")]),

    # Variables
    copy("ENV in a source", "ENV D=app E=$D/none\nCOPY ${D}/main.py /x/"),
    copy("the right side of ENV is of before the line", "ENV A=a\nENV A=b B=$A\nCOPY $B.txt /x/"),
    copy("the old form of ENV takes the rest of the line", "ENV N a.txt\nCOPY $N /x/"),
    copy("the default form of a substitution", "COPY ${D:-app}/main.py ${E:-a}.txt /x/"),
    copy("the alternative form of a substitution", "ENV D=1\nCOPY ${D:+app}/main.py a${E:+none}.txt /x/"),
    copy("nested substitutions", "ENV F=lib\nCOPY app/${N:-${F}} /x/"),
    copy("single quotes and a backslash keep the dollar", "ENV D=a\nCOPY '$D.txt' \\$E.txt /x/",
         [file("$D.txt"), file("$E.txt"), "a.txt"]),
    copy("an undefined variable is empty", "COPY $NONE/app /x/"),
    copy("an undefined variable makes the source the root", "COPY ${NONE}/ /x/", "a.txt d/b"),
    copy("ARG with a default, and other values at build time", "ARG D=app\nCOPY $D /x/",
         vary=[Request(args=(("D", "other"),)), Request(args=(("D", "a.txt"),)), Request(args=(("D", "."),))]),
    copy("ARG after ENV and ENV after ARG", "ENV X=a\nARG X=b\nCOPY $X.txt /x/\nENV X=c\nCOPY $X.md /y/",
         vary=[Request(args=(("X", "a"),))]),
    copy("ARG without a default", "ARG N\nCOPY ${N:-a.txt} /x/", vary=[Request(args=(("N", "b.txt"),))]),
    copy("ARG within a file's name", "ARG N=a\nCOPY app/lib/${N}.py* $N.txt /x/",
         [APP, "app/lib/a.py"], vary=[Request(args=(("N", "x"),)), Request(args=(("N", "b"),))],
         newest_bug="fails if a wildcard matches nothing and its directory wasn't asked for by another source",
         newest_vary=(Request(args=(("N", "b"),)),)),
    copy("a build argument given to both", "ARG D=app\nCOPY $D /x/",
         request=Request(args=(("D", "other"),)), vary=[Request(args=(("D", "other"),))]),
    Case("a global ARG counts only where it is declared",
         "ARG G=app\nFROM scratch\nCOPY ${G}/a.txt /x/\nARG G\nCOPY ${G}/main.py /x/\n", [APP],
         vary=[Request(args=(("G", "app"),))], source="docker-context 1.3"),
    Case("global ARGs in FROM choose the base and the stage",
         "ARG BASE=busybox:latest\nARG FLAVOUR=small\nFROM $BASE AS small\nCOPY a.txt /x/\n"
         "FROM scratch AS large\nCOPY app /x/\nFROM ${FLAVOUR}\nCOPY c.md /y/\n", [APP],
         vary=[Request(args=(("FLAVOUR", "large"),)), Request(args=(("BASE", "scratch"),))],
         source="docker-context 1.3"),
    Case("a variable of the base image's environment",
         "FROM with-env:latest\nCOPY $APP_DIR here/\nCOPY ${APP_DIR}/main.py ./\n", [APP],
         source="docker-context 1.3"),
    Case("platform arguments in a source",
         "FROM scratch\nARG TARGETARCH\nARG TARGETOS\nCOPY bin/${TARGETOS}-${TARGETARCH} /x/\n",
         ["bin/linux-amd64/tool bin/linux-arm64/tool bin/windows-amd64/tool"], builders=("buildkit",),
         source="docker-context 1.3"),
]
