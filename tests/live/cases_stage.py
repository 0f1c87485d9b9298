# SPDX-License-Identifier: Apache-2.0
"""Stages, targets, ONBUILD, and bind mounts."""

from cases_copy import APP
from engine import Request
from fixture import Case, file, link

TWO = """FROM busybox:latest AS Build
COPY app /src
RUN cat /src/main.py > /made
FROM scratch
COPY --from=build /made /made
COPY a.txt /x/
"""

THREE = """FROM scratch AS base
COPY a.txt /x/
FROM base AS unused
COPY other /y/
FROM base AS test
COPY app/lib /lib
FROM base
COPY b.txt /z/
"""

MANY = """ARG N=one
FROM scratch AS one
ARG D=app
ENV E=$D/lib
COPY a.txt /one/
FROM one AS two
COPY $D/main.py ${E} /two/
FROM scratch AS three
COPY --from=1 /two /three
COPY --from=one /one /one
ARG D=other
COPY $D /three/
FROM ${N}
COPY c.md /last/
"""

ARGS = (("D", "app"),)


def mount(title, options, command, tree=APP, lines="", **more):
    """A RUN step with a bind mount of the context, which only BuildKit has."""
    return Case(title, f"FROM busybox:latest\n{lines}RUN --mount=type=bind,{options} {command}\n",
                [tree] if isinstance(tree, str) else tree, builders=("buildkit",),
                source="docker-context 1.1", **more)


CASES = [
    Case("two stages", TWO, [APP], source="docker-context 1.4"),
    Case("a stage that nothing needs", THREE, [APP], source="docker-context 1.4"),
    Case("a target in the middle", THREE, [APP], request=Request(target="test"), vary=[Request(target="test")]),
    Case("a target in another case", TWO, [APP], request=Request(target="BUILD"), vary=[Request(target="build")],
         source="docker-context 1.4"),
    Case("an unknown target fails on both sides", TWO, [APP], request=Request(target="none"), fails=True),
    Case("stages with arguments and numbers", MANY, [APP],
         vary=[Request(target="three", args=(("D", "app/lib"),)), Request(target="two", args=(("D", "app"),)),
               Request(args=(("N", "three"),)), Request(args=(("N", "two"), ("D", "app")))],
         source="docker-context 1.4"),
    Case("stages with arguments, one target sent", MANY, [APP], request=Request(target="two"),
         vary=[Request(target="two", args=(("D", "app"),)), Request(target="one")]),
    Case("the same stage name twice", "FROM scratch AS s\nCOPY a.txt /x/\nFROM scratch AS s\nCOPY b.txt /x/\n"
         "FROM scratch\nCOPY --from=s /x /y/\n", [APP], builders=("buildkit",), source="docker-context 1.4"),
    Case("a missing source in a stage that is not reached",
         "FROM scratch AS broken\nCOPY missing /x/\nFROM scratch\nCOPY a.txt /x/\n", [APP],
         source="docker-context 1.4: the classic builder runs every stage"),
    Case("COPY --from an image of the engine", "FROM scratch\nCOPY --from=busybox:latest /etc /e\nCOPY app /x\n", [APP]),
    Case("COPY --from a stage by number, with the root copied and the Dockerfile ignored",
         "FROM scratch AS a\nCOPY a.txt /x/\nFROM scratch\nCOPY . /y/\nCOPY --from=0 /x /z/\n", [APP],
         ignore="Dockerfile\n", source="docker-context 2.1: numbers shift"),
    Case("ONBUILD of a stage in the file",
         "FROM scratch AS base\nONBUILD COPY app /trigger/\nONBUILD ADD a.txt /trigger/\nFROM base\nCOPY b.txt /x/\n",
         [APP], source="docker-context 1.4"),
    Case("ONBUILD with an argument", "FROM scratch AS base\nONBUILD ARG D=other\nONBUILD COPY $D /trigger/\nFROM base\n",
         [APP], vary=[Request(args=ARGS)], source="docker-context 1.4"),
    Case("ONBUILD of a base image of the engine", "FROM with-onbuild:latest\nCOPY b.txt /x/\n", [APP],
         source="docker-context 1.4"),
    Case("ONBUILD that nothing triggers", "FROM scratch\nONBUILD COPY missing /x/\nCOPY a.txt /x/\n", [APP]),
    Case("every instruction that reads nothing",
         "FROM busybox:latest\nLABEL a=b c=\"d e\"\nMAINTAINER me\nEXPOSE 80/tcp\nENV A=b\nUSER root\nWORKDIR /w\n"
         "VOLUME [\"/v\"]\nSTOPSIGNAL 9\nSHELL [\"/bin/sh\", \"-c\"]\nHEALTHCHECK CMD true\nRUN [\"true\"]\n"
         "CMD [\"sh\"]\nENTRYPOINT [\"sh\"]\nCOPY a.txt /x/\n", [APP], source="docker-context 1.2"),
    Case("a RUN that looks like a COPY",
         "FROM busybox:latest\nRUN echo COPY other /x && \\\n    echo \\\nCOPY missing /y\nCOPY a.txt /x/\n", [APP]),

    mount("a bind mount of a directory", "source=app,target=/m", "cp -R /m /out"),
    mount("a bind mount of a file", "source=a.txt,target=/m", "cat /m > /out"),
    mount("a bind mount by the short names", "src=app/lib,dst=/m", "find /m | sort > /out"),
    mount("a bind mount without a source is the whole context", "target=/m", "find /m | sort > /out"),
    mount("a bind mount that can be written to", "source=app,target=/m,rw", "echo x > /m/new && ls /m > /out"),
    mount("a bind mount through a link", "source=l,target=/m", "cp -R /m /out", [APP, link("l", "app/lib")]),
    mount("a bind mount of what is missing fails on both sides", "source=none,target=/m", "true", fails=True),
    mount("a bind mount from a stage", "from=busybox:latest,source=/etc,target=/m", "cp -R /m /out"),
    mount("a bind mount of the whole context with the Dockerfile ignored", "target=/m", "find /m | sort > /out",
          ignore="Dockerfile\nother\n", ),
    mount("a bind mount of the context beside COPY", "source=app,target=/m", "cp -R /m /out", lines="COPY a.txt /x/\n"),
    mount("two mounts in one step", "source=app,target=/m --mount=type=bind,source=other,target=/n",
          "cp -R /m /n /out/", lines="RUN mkdir /out\n"),
    Case("mounts that read no context",
         "FROM busybox:latest\nRUN --mount=type=tmpfs,target=/t --mount=type=cache,target=/c touch /t/a /c/b && ls / > /out\n"
         "COPY a.txt /x/\n", [APP], builders=("buildkit",), source="docker-context 1.1"),
    Case("a cache mount from a stage",
         "FROM scratch AS s\nCOPY app /\nFROM busybox:latest\n"
         "RUN --mount=type=cache,from=s,source=/lib,target=/c,id=live cp -R /c /out\n", [APP], builders=("buildkit",),
         source="docker-context 1.1"),
    Case("a shell script that is copied and run",
         "FROM busybox:latest\nCOPY build.sh /\nRUN /build.sh > /out\nCOPY . /src\n",
         [file("build.sh", "#!/bin/sh\necho built\n", mode=0o755), APP]),
]
