# SPDX-License-Identifier: Apache-2.0
"""Dockerfiles for tests/live/checks: all rules of BuildKit's linter/ruleset.go, v0.34, and what surrounds the
place where a rewrite adds its stage.

A row is a title, a Dockerfile that copies the context, and the rules that `docker build --check .` finds in it.
"""

ERROR = "# check=error=true\n"
COPY = "COPY . /x/\n"

CHECKS = [
    ("lower case alone", ERROR + "from busybox as st\ncopy . /x\n", ""),
    ("lower case, a COPY in upper case", ERROR + "from busybox as st\nCOPY . /x\nuser a\n", "ConsistentInstructionCasing"),
    ("upper case, a copy in lower case", ERROR + "FROM busybox AS st\ncopy . /x\nUSER a\n", "ConsistentInstructionCasing"),
    ("as many in upper as in lower case", ERROR + "from busybox as st\nCOPY . /x\n", "ConsistentInstructionCasing"),
    ("both cases in each word", "From busybox As st\nCopy . /x\n", "ConsistentInstructionCasing"),
    ("lower case but for global ARGs", ERROR + "ARG A\nARG B\nARG C\nfrom busybox as st\ncopy . /x\n", ""),
    ("lower case but for triggers",
     ERROR + "from busybox as st\nonbuild RUN a\nonbuild RUN b\nonbuild RUN c\nonbuild RUN d\ncopy . /x\n", ""),
    ("lower case in the second of two stages", "FROM busybox\nUSER a\n\nfrom busybox\ncopy . /x\nuser a\nuser b\n",
     "ConsistentInstructionCasing"),
    ("names and as", ERROR + "FROM busybox as One\n\n\n" + COPY, "FromAsCasing StageNameCasing"),
    ("one name twice", ERROR + "FROM busybox AS one\n" + COPY + "\nFROM busybox AS one\n" + COPY, "DuplicateStageName"),
    ("a reserved name", ERROR + "FROM busybox AS context\n" + COPY, "ReservedStageName"),
    ("a stage called ctxd-context", ERROR + "FROM busybox AS ctxd-context\n" + COPY + "\nFROM ctxd-context\n" + COPY, ""),
    ("an empty continuation line", ERROR + "FROM busybox\n\n" + COPY + "RUN echo \\\n\n a\n", "NoEmptyContinuation"),
    ("an empty continuation line before FROM", "\\\n\nFROM busybox\n" + COPY, "NoEmptyContinuation"),
    ("CMD, MAINTAINER, ENV and LABEL as of old",
     "FROM busybox\n" + COPY + "CMD a\nENTRYPOINT b\nMAINTAINER c\nENV d e\nLABEL f g\n",
     "JSONArgsRecommended MaintainerDeprecated LegacyKeyValueFormat"),
    ("CMD and ENTRYPOINT twice", ERROR + 'FROM busybox\n' + COPY + 'CMD ["a"]\n\nCMD ["b"]\n\nENTRYPOINT ["c"]\nENTRYPOINT ["d"]\n',
     "MultipleInstructionsDisallowed"),
    ("undeclared variables", ERROR + "FROM busybox:latest$NONE\n" + COPY + "ENV a=$b\n",
     "UndefinedArgInFrom UndefinedVar"),
    ("a default that is no image", ERROR + "ARG TAG\nFROM busybox:$TAG\n" + COPY, "InvalidDefaultArgInFrom"),
    ("a relative WORKDIR", ERROR + "FROM busybox\nWORKDIR a\n" + COPY, "WorkdirRelativePath"),
    ("platforms", "FROM --platform=$TARGETPLATFORM busybox\n" + COPY + "FROM --platform=linux/amd64 busybox\n" + COPY,
     "RedundantTargetPlatform FromPlatformFlagConstDisallowed"),
    ("a base image of another platform", ERROR + "FROM alpine:arm\n\n\n" + COPY, "InvalidBaseImagePlatform"),
    ("secrets", ERROR + "ARG TOKEN=a\nFROM busybox\nARG TOKEN\n" + COPY + "ENV PASSWORD=b\n", "SecretsUsedInArgOrEnv"),
    ("EXPOSE", ERROR + "FROM busybox\n" + COPY + "EXPOSE 80/TCP 127.0.0.1:80:80\n", "ExposeProtoCasing ExposeInvalidFormat"),
    ("a description of each", "# check=experimental=all;error=true\nARG A=1\n# B is b\nARG B=2\n\n# st builds\nFROM busybox AS st\n"
     "ARG A\n" + COPY, ""),
    ("a comment that describes nothing",
     "# check=experimental=all;error=true\nARG A=1\n# hello\n\nFROM busybox AS st\n# to all\nARG A\n" + COPY,
     "InvalidDefinitionDescription"),
    ("a description as the first line", "# check=experimental=all;error=true\n# st builds\nFROM busybox AS st\n" + COPY, ""),
    ("a rule that is skipped", "# check=skip=ConsistentInstructionCasing;error=true\nfrom busybox\nCOPY . /x\nUSER a\n", ""),
    ("all rules but errors are skipped", "# check=skip=all\nfrom busybox as A\nCOPY . /x\nENV a $b\n", ""),
    ("another rule is skipped", "# check=error=true;skip=JSONArgsRecommended\nfrom busybox\n" + COPY + "USER a\nCMD b\n",
     "ConsistentInstructionCasing"),
    ("a rule that is skipped for one stage",
     ERROR + "\n# check=skip=UndefinedArgInFrom\nFROM busybox:latest$NONE\n" + COPY, ""),
    ("a rule that is skipped for one stage, after a blank line",
     ERROR + "ARG A\n\n# check=skip=UndefinedArgInFrom\n\n\nFROM busybox:latest$NONE\n" + COPY, ""),
    ("a rule that is skipped for one instruction", ERROR + "FROM busybox\n# check=skip=UndefinedVar\n" + COPY +
     "# check=skip=UndefinedVar\nENV a=$b\n", ""),
    ("numbers of stages", ERROR + "FROM busybox\n" + COPY + "\nFROM busybox\n\nCOPY --from=0 /x /y/\nCOPY --from=+0 /x /z/\nENV a=$b\n",
     "UndefinedVar"),
    ("directives, a comment, a continuation mark",
     "# escape=`\n# check=error=true\n\n# hello\nARG A=b`\n c\n\nFROM busybox`\n  AS st\n" + COPY + "ENV a=$b\n", "UndefinedVar"),
    ("a directive that is none", "# hello\n# check=error=true\nFROM busybox\n" + COPY + "ENV a=$b\n", "UndefinedVar"),
    ("CRLF", "# check=error=true\r\n\r\nfrom busybox\r\n\r\ncopy . /x\r\nENV a=$b\r\n",
     "ConsistentInstructionCasing UndefinedVar"),
    ("a mount", ERROR + "from busybox\nrun --mount=target=/x --network=none true\nenv a=$b\n", "UndefinedVar"),
    ("a file that doesn't parse", "from busybox\n\n\ncopy . /x\ncopy --nope a /x\n", "error"),
    ("a stage that is not there", "FROM busybox\n\n\n" + COPY + "COPY --from=7 a /x\n", "error"),
    ("a name that is not there", "FROM busybox\n\n\n" + COPY + "COPY --chown=$a:$b --link --from=./ a /x\n", "error"),
]

# Those whose outline and targets are compared too. (A `# check=` comment that is no directive is not among
# them: with --call=targets it crashes BuildKit 0.33.)
DESCRIBED = {"lower case alone", "names and as", "a stage called ctxd-context", "secrets", "a description of each",
             "a description as the first line", "CRLF", "a mount", "a file that doesn't parse"}

# What a stream can't show: these rules compare with the ignore file.
STREAM_BLIND = {"CopyIgnoredFile"}

RULES = set("""StageNameCasing FromAsCasing NoEmptyContinuation ConsistentInstructionCasing DuplicateStageName
    ReservedStageName JSONArgsRecommended MaintainerDeprecated UndefinedArgInFrom WorkdirRelativePath UndefinedVar
    MultipleInstructionsDisallowed LegacyKeyValueFormat InvalidBaseImagePlatform RedundantTargetPlatform
    SecretsUsedInArgOrEnv InvalidDefaultArgInFrom FromPlatformFlagConstDisallowed CopyIgnoredFile
    InvalidDefinitionDescription ExposeProtoCasing ExposeInvalidFormat""".split())
