# SPDX-License-Identifier: Apache-2.0
"""Sources that the context doesn't have: what ctx-send warns of, and whether Docker fails.

Each row is (title, Dockerfile, ignore file, what a warning says, options). A row with a text is warned of,
and Docker fails; in a row with None neither happens. The context has a, d/f, d/e/g and the links dang (to
nothing), ld (to d) and la (to a).
"""

HEAD = "FROM busybox\n"
TWO = "FROM busybox AS one\n"
ABSENT = r'"none" is not in the context'

ROWS = [
    ("a source that is missing", HEAD + "COPY none /x/\n", "", r'^\S+ warning: Dockerfile:2: COPY "none": ' + ABSENT, ()),
    ("one of two sources", HEAD + "COPY a none /x/\n", "", ABSENT, ()),
    ("a source below a file", HEAD + "COPY a/b /x/\n", "", r'"a/b" is not in', ()),
    ("ADD", HEAD + "ADD none /x/\n", "", 'ADD "none": ' + ABSENT, ()),
    ("--parents", HEAD + "COPY --parents a none /x/\n", "", ABSENT, ()),
    ("beside a heredoc", HEAD + "COPY <<E none /x/\nhi\nE\n", "", ABSENT, ()),
    ("after a continued line", HEAD + "RUN true \\\n && true\nCOPY none /x/\n", "", "Dockerfile:4: COPY", ()),
    ("a bind mount", HEAD + "RUN --mount=type=bind,source=none,target=/m true\n", "", "RUN --mount.*" + ABSENT, ()),
    ("a bind mount by default", HEAD + "RUN --mount=src=none,target=/m true\n", "", ABSENT, ()),
    ("an excluded bind mount", HEAD + "RUN --mount=source=a,target=/m true\n", "a\n", r"\.dockerignore:1", ()),
    ("a dangling link", HEAD + "COPY dang /x/\n", "", '"dang" is a link that leads to nothing', ()),
    ("an excluded file", HEAD + "COPY a /x/\n", "# a\n*\n!d\n", r'"a" is excluded by "\.dockerignore:2", "\*",', ()),
    ("a file of an excluded directory", HEAD + "COPY d/f /x/\n", "d\n", r'excluded by "\.dockerignore:1", "d",', ()),
    ("an excluded directory", HEAD + "COPY d /x/\n", "d\n", 'add "!d" as the last line', ()),
    ("a file of a linked, excluded directory", HEAD + "COPY ld/f /x/\n", "d\n", '"d/f" is excluded', ()),
    ("a link to an excluded file", HEAD + "COPY la /x/\n", "a\n", '"a" is excluded', ()),
    ("an excluded Dockerfile", HEAD + "COPY Dockerfile /x/\n", "Dockerfile\n", '"Dockerfile" is excluded', ()),
    ("a variable of the file", HEAD + "ENV N=none\nCOPY $N /x/\n", "", ABSENT, ()),
    ("an argument that is final", HEAD + "ARG N=none\nCOPY $N /x/\n", "", ABSENT, ("--args-final",)),
    (".ctx without --recipe", HEAD + "COPY .ctx/cargo/root/ /x/\n", "", r"only with --recipe.*give --recipe", ()),
    ("in a stage that is copied from", TWO + "COPY none /x/\nFROM busybox\nCOPY --from=one /x /x/\n", "",
     "docker build without --target fails", ()),
    ("in a stage that is built on", TWO + "COPY none /x/\nFROM one\nCOPY a /x/\n", "", ABSENT, ()),
    ("a trigger that runs", TWO + "ONBUILD COPY none /x/\nFROM one\nCOPY a /x/\n", "", ABSENT, ()),
    ("in the target", TWO + "COPY none /x/\nFROM busybox\nCOPY a /x/\n", "", "so docker build fails",
     ("--target=one",)),

    ("a wildcard that matches nothing", HEAD + "COPY *.none /x/\n", "", None, ()),
    ("a wildcard that matches nothing beside a file", HEAD + "COPY a *.none /x/\n", "", None, ()),
    ("an optional file", HEAD + "COPY a package-lock.jso[n] /x/\n", "", None, ()),
    ("a wildcard whose matches are excluded", HEAD + "COPY a* /x/\n", "a\n", None, ()),
    ("a directory without its entries", HEAD + "COPY d /x/\n", "d/*\n", None, ()),
    ("an excluded directory with an exception", HEAD + "COPY d /x/\n", "d\n!d/e/g\n", None, ()),
    ("a file that an exception keeps", HEAD + "COPY a /x/\n", "*\n!a\n", None, ()),
    ("a file with a slash at the end", HEAD + "COPY a/ /x/\n", "", None, ()),
    ("a way out of the context and back", HEAD + "COPY ../a /x/\n", "", None, ()),
    ("links that lead somewhere", HEAD + "COPY la ld/f /x/\n", "", None, ()),
    ("all of it", HEAD + "COPY . /x/\n", "*\n", None, ()),
    ("--exclude of the source", HEAD + "COPY --exclude=a a /x/\n", "", None, ()),
    ("another stage", TWO + "RUN touch /none\nFROM busybox\nCOPY --from=one /none /x/\n", "", None, ()),
    ("a stage that nothing needs", TWO + "COPY none /x/\nFROM busybox\nCOPY a /x/\n", "", None, ()),
    ("a stage after the target", "FROM busybox AS one\nCOPY a /x/\nFROM busybox\nCOPY none /x/\n", "", None,
     ("--target=one",)),
    ("a trigger that does not run", TWO + "ONBUILD COPY none /x/\nFROM busybox\nCOPY a /x/\n", "", None, ()),
    ("a heredoc", HEAD + "COPY <<none /x/y\nhi\nnone\n", "", None, ()),
    ("a mount of a cache", HEAD + "RUN --mount=type=cache,target=/none true\n", "", None, ()),
    ("a mount of a variable", HEAD + "ENV S=a\nRUN --mount=source=$S,target=/m true\n", "", None, ()),
    ("an argument that is not final", HEAD + "ARG N=a\nCOPY $N /x/\n", "", None, ()),
]
