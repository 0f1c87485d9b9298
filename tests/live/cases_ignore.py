# SPDX-License-Identifier: Apache-2.0
"""Ignore files, and Dockerfiles in other places and with other names."""

from cases_copy import APP, small_tar
from engine import Request
from fixture import Case, directory, file, hard, link

ALL = "FROM scratch\nCOPY . /x/\n"
# The classic builder's client sends an ignored Dockerfile. The builder removes the file, but not its
# directory: docs/builders.md.
NOT_CLASSIC = ("buildkit",)
OWN = "knows no ignore file but the common one"
TREE = ("app/main.py app/lib/x.py app/lib/deep/y.py app/lib/deep/y.log app/a.log README.md docs/a.md docs/b.txt "
        "logs/a.log logs/keep.log .git/HEAD .git/objects/aa/bb node_modules/p/index.js node_modules/p/node_modules/q/i.js "
        "target/debug/x .env .env.example empty/ build/out/x")


def ignored(title, rules, dockerfile=ALL, tree=TREE, **more):
    more.setdefault("source", "dockerignore 3-6")
    return Case(title, dockerfile, [tree] if isinstance(tree, str) else tree, ignore=rules, **more)


def placed(title, tree, **more):
    """A case whose tree or request contains the Dockerfile."""
    more.setdefault("source", "docker-context 2")
    return Case(title, None, tree, **more)


CASES = [
    ignored("an ignored directory", "node_modules\n.git\n"),
    ignored("an ignored name at every depth", "**/*.log\n**/node_modules\n"),
    ignored("rules with slashes, dots and trailing slashes", "/docs/\n./logs\napp//lib/../a.log\n"),
    ignored("comments, blank lines, spaces and a byte order mark",
            "\ufeff# all of it\n\n  docs  \n\t\n#logs\n \u00a0.git\r\n".encode()),
    ignored("an exception after a rule", "*.md\n!README.md\ndocs/*\n!docs/*.md\n"),
    ignored("a rule after an exception", "*.md\n!README.md\nREADME*\n"),
    ignored("everything ignored but what is named", "*\n!app\n!docs/a.md\n"),
    ignored("everything ignored but deep names", "*\n!app/lib/deep\n!build/out/x\n"),
    ignored("exceptions below an ignored directory", "app\n!app/lib\napp/lib/deep\n"),
    ignored("an exception brings a directory, a rule takes a name in it", "docs\n!docs\ndocs/*.txt\n"),
    ignored("everything is ignored", "*\n"),
    ignored("everything is ignored by two stars", "**\n"),
    ignored("rules that match nothing", ".\n/\n..\n../x\nnone\n"),
    ignored("a question mark and classes", "?ocs\n[l-n]ogs\n.en[^x]\n"),
    ignored("a prefix with two stars", "app/**\nbuild**\n"),
    ignored("two stars in the middle", "app/**/y.*\n**/objects/**\n"),
    ignored("escaped characters", "\\!bang\n\\#hash\nsta\\*r\n", tree="!bang #hash sta*r stair b"),
    ignored("names with regular expression characters", "a.b\nc$\n", tree="a.b axb c$ c d"),
    ignored("a caret in a rule", "d^e\n", tree="d^e de", differs="this engine takes ^ as a regular expression",
            less=("x/d^e",)),
    ignored("an ignore file without rules", "\n# nothing\n"),
    ignored("an empty ignore file", ""),
    ignored("an ignore file without a last newline", "docs\nlogs"),
    ignored("a bad rule fails on both sides", "docs\n[\n", fails=True),
    ignored("a lone exclamation mark fails on both sides", "docs\n!\n", fails=True),
    ignored("a bad rule fails even when nothing is copied by BuildKit", "[\n", dockerfile="FROM scratch\nCOPY docs /x\n",
            fails=True),
    ignored("the ignore file ignores itself", ".dockerignore\n"),
    ignored("the ignore file is a link inside the context", None,
            tree=[TREE, file("rules", "docs\nlogs\n"), link(".dockerignore", "rules")]),
    ignored("links and what they point to", "docs\nlink-app\n",
            tree=[TREE, link("link-docs", "docs"), link("link-app", "app")]),
    ignored("a rule below a linked directory doesn't reach it", "l/x.py\n", tree=[TREE, link("l", "app/lib")]),
    ignored("odd modes of directories on the way to an exception", "d\n!d/e/f\n",
            tree=[directory("d", 0o700), directory("d/e", 0o2751), "d/e/f d/e/g"],
            classic_apart="isn't sent a directory that is only passed through, and makes it anew"),
    ignored("a copied directory with ignored parts", "app/lib/deep\n**/*.log\n", "FROM scratch\nCOPY app logs /x/\n"),
    ignored("a copied file that is ignored fails on both sides", "README.md\n", "FROM scratch\nCOPY README.md /x\n",
            fails=True),
    ignored("a wildcard whose matches are ignored", "*.md\n", "FROM scratch\nCOPY *.md .env /x/\n"),
    ignored("a wildcard exception below an ignored tree", "**\n!**/*.py\n", differs="moby#30018: this engine enters no "
            "ignored directory for a wildcard exception", source="dockerignore 10, W2",
            more=("x/app", "x/app/lib", "x/app/lib/deep", "x/app/lib/deep/y.py", "x/app/lib/x.py", "x/app/main.py")),
    ignored("plus, bars and brackets in rules", "a+b\n(d)\ne|f\n", tree="a+b aab (d) d e|f e f g",
            differs="this engine takes + ( ) | as regular expressions", source="dockerignore 10, M",
            more=("x/aab", "x/d", "x/e", "x/f"), less=("x/a+b", "x/(d)")),
    ignored("an exception for a directory of ignored names", "**/*.log\n!logs\n", tree="logs/a.log b.log logs/c",
            differs="an exception that matches a directory which is not ignored is forgotten below it",
            less=("x/logs/a.log",), source="dockerignore 10, V"),
    ignored("an ignored directory entered for an exception that names nothing in it", "build\n!build/none\n",
            differs="this engine sends an ignored directory when it enters it", less=("x/build",),
            source="dockerignore 10, W1"),

    # The Dockerfile is ignored, in another place, or has another name.
    ignored("the Dockerfile is ignored and the root is copied", "Dockerfile\n"),
    ignored("Dockerfile and ignore file are ignored and the root is copied", "Dockerfile*\n.dockerignore\n"),
    ignored("everything but one directory is ignored and the root is copied", "*\n!app\n**/*.log\n",
            "FROM scratch\nCOPY . .\n"),
    ignored("the Dockerfile is ignored and a star is copied", "Dockerfile\n", "FROM scratch\nCOPY * /x/\n"),
    ignored("the Dockerfile is ignored and D* is copied", "Dockerfile\n", "FROM scratch\nCOPY D* README.md /x/\n"),
    ignored("the Dockerfile is ignored and copied by name: both sides fail", "Dockerfile\n",
            "FROM scratch\nCOPY Dockerfile /x/\n", fails=True, builders=("buildkit",),
            source="docker-context 2: classic sends it along"),
    ignored("the Dockerfile is ignored, the root copied in two stages", "Dockerfile\ndocs\n",
            "ARG B=scratch\n# escape=x\nFROM busybox:latest AS one\nCOPY . /one/\nRUN ls -A /one > /list\n"
            "FROM scratch AS two\nCOPY --from=one /list /\nCOPY --chown=5:6 . /two/\nCOPY app/../. /three/\n"),
    ignored("the Dockerfile is ignored, and a base that an argument names may have ONBUILD", "Dockerfile\n",
            "ARG B=scratch\nFROM $B\nCOPY . /x/\n", gains=("x/Dockerfile",), vary=[Request(args=(("B", "busybox"),))]),
    ignored("the Dockerfile is ignored, and the escape is a backtick", "Dockerfile\n",
            "# escape=`\nFROM scratch\nCOPY `\n  . `\n  /x/\n"),
    ignored("the Dockerfile is ignored, sources in JSON", "Dockerfile\n", 'FROM scratch\nCOPY [".", "/x/"]\n'),
    ignored("the Dockerfile is ignored, a variable names the root", "Dockerfile\n",
            "FROM scratch\nARG D=.\nCOPY $D /x/\n", vary=[Request(args=(("D", "app"),))]),
    ignored("the Dockerfile is ignored, hard links and odd modes in the inner archive", "Dockerfile\n",
            tree=[TREE, hard("app/again", "README.md"), file("app/s", mode=0o4711), directory("app/t", 0o1777),
                  file("n" * 130), link("l", "m" * 130)],
            classic_apart="drops setuid when it sets the owner, but not in a COPY --from"),
    ignored("the Dockerfile is ignored, ONBUILD copies the root", "Dockerfile\n",
            "FROM scratch AS b\nONBUILD COPY . /t/\nFROM b\nCOPY README.md /x/\n", gains=("t/Dockerfile",)),
    ignored("the Dockerfile is ignored and ADD unpacks a tar beside a copied root", "Dockerfile\n",
            "FROM scratch\nADD s.tar /t/\nCOPY . /x/\n", tree=[TREE, file("s.tar", small_tar("one"))],
            gains=("x/Dockerfile",)),
    ignored("the Dockerfile is kept and copied", "docs\n", "FROM scratch\nCOPY Dockerfile .dockerignore /x/\n"),

    placed("-f names a file beside the default one", [APP, file("Dockerfile", "FROM none\n"), file("Dockerfile.dev", ALL)],
           request=Request(file="ctx/Dockerfile.dev")),
    placed("-f names a file and there is no default one", [APP, file("build.docker", ALL)],
           request=Request(file="ctx/build.docker")),
    placed("-f names a file in a directory", [APP, file("docker/api/Dockerfile", ALL)],
           request=Request(file="ctx/docker/api/Dockerfile")),
    placed("-f names a file in a directory that is ignored", [APP, file("docker/Dockerfile", ALL)],
           ignore="docker\n", request=Request(file="ctx/docker/Dockerfile"), builders=NOT_CLASSIC),
    placed("-f in a directory and only some files copied",
           [APP, file("docker/Dockerfile", "FROM scratch\nCOPY app /x/\n")], request=Request(file="ctx/docker/Dockerfile")),
    placed("-f in a directory, which is copied", [APP, file("docker/Dockerfile", "FROM scratch\nCOPY docker /x/\n")],
           request=Request(file="ctx/docker/Dockerfile")),
    placed("-f outside the context", [APP], outside=[file("other/Dockerfile", ALL)],
           request=Request(file="other/Dockerfile")),
    placed("-f outside the context, with a Dockerfile inside it too", [APP, file("Dockerfile", "FROM none\n")],
           outside=[file("my.docker", ALL)], request=Request(file="my.docker")),
    placed("-f outside the context, of another content than the one inside, which is ignored",
           [APP, file("Dockerfile", "FROM none\n")], ignore="Dockerfile\n",
           outside=[file("my.docker", ALL)], request=Request(file="my.docker")),
    placed("-f outside the context and some files copied", [APP],
           outside=[file("my.docker", "FROM scratch\nCOPY app a.txt /x/\n")], request=Request(file="my.docker")),
    placed("-f - takes the Dockerfile from standard input", [APP], request=Request(stdin=ALL, file="-")),
    placed("-f - with a Dockerfile in the context", [APP, file("Dockerfile", "FROM none\n")],
           request=Request(stdin=ALL, file="-")),
    placed("-f - and some files copied", [APP], ignore="docs\n",
           request=Request(stdin="FROM scratch\nCOPY app *.txt /x/\n", file="-")),
    placed("a lower-case dockerfile alone", [APP, file("dockerfile", ALL)]),
    placed("a lower-case dockerfile beside the Dockerfile", [APP, file("Dockerfile", ALL), file("dockerfile", "FROM none\n")]),
    placed("a lower-case dockerfile beside the Dockerfile, which is ignored",
           [APP, file("Dockerfile", ALL), file("dockerfile", "FROM none\n")], ignore="Dockerfile\n"),
    placed("a lower-case dockerfile that is copied by name",
           [APP, file("Dockerfile", "FROM scratch\nCOPY dockerfile app /x/\n"), file("dockerfile", "FROM none\n")]),
    placed("a Containerfile beside the Dockerfile", [APP, file("Dockerfile", ALL), file("Containerfile", "FROM none\n")]),
    placed("the Dockerfile is a link inside the context", [APP, file("docker/main", ALL), link("Dockerfile", "docker/main")]),
    placed("the Dockerfile is a link and its target is ignored",
           [APP, file("docker/main", ALL), link("Dockerfile", "docker/main")], ignore="docker\n", builders=NOT_CLASSIC),
    placed("the Dockerfile is a link and its target is ignored by name",
           [APP, file("docker/main", ALL), link("Dockerfile", "docker/main", mtime=1_222_222_222)],
           ignore="docker/main\n"),
    placed("no Dockerfile at all fails on both sides", [APP], fails=True),
    placed("an empty Dockerfile fails on both sides", [APP, file("Dockerfile", "")], fails=True),
    placed("a Dockerfile of comments fails on both sides", [APP, file("Dockerfile", "# nothing\n")], fails=True),
    placed("an unknown instruction fails on both sides", [APP, file("Dockerfile", "FROM scratch\nCOPPY a.txt /\n")],
           fails=True),

    # The Dockerfile has an ignore file of its own, which the classic builder doesn't know.
    placed("a Dockerfile's own ignore file replaces the common one",
           [APP, file("Dockerfile.dev", ALL), file("Dockerfile.dev.dockerignore", "other\n")], ignore="app\n",
           request=Request(file="ctx/Dockerfile.dev"), classic_apart=OWN),
    placed("the default Dockerfile's own ignore file",
           [APP, file("Dockerfile", ALL), file("Dockerfile.dockerignore", "other\n")], ignore="app\n",
           classic_apart=OWN),
    placed("an empty ignore file of the Dockerfile's own",
           [APP, file("Dockerfile.dev", ALL), file("Dockerfile.dev.dockerignore", "")], ignore="app\n",
           request=Request(file="ctx/Dockerfile.dev"), classic_apart=OWN),
    placed("an own ignore file in a directory, relative to the root",
           [APP, file("docker/Dockerfile", ALL), file("docker/Dockerfile.dockerignore", "docker\napp/lib\n")],
           request=Request(file="ctx/docker/Dockerfile"), classic_apart=OWN),
    placed("an own ignore file outside the context", [APP], ignore="app\n",
           outside=[file("my.docker", ALL), file("my.docker.dockerignore", "*.txt\n")],
           request=Request(file="my.docker"), classic_apart=OWN),
    placed("-f - uses the common ignore file", [APP, file("Dockerfile.dockerignore", "app\n")], ignore="other\n",
           request=Request(stdin=ALL, file="-")),
]
