/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/base-images.c: which base images may have triggers that read the context. */
#include "reads-rows.h"
#include "tap.h"

static const struct reads_row rows[] = {
    {"official without onbuild", "FROM python:3.12-slim\nCOPY a /\n", "", "a"},
    {"deprecated, but official: library/adoptopenjdk in docker-library/official-images",
     "FROM adoptopenjdk:11-jre-hotspot\nCOPY a /\n", "", "a"},
    {"official, long names",
     "FROM docker.io/library/python AS a\nFROM library/some AS b\nFROM "
     "docker.io/nginx:1@sha256:0 AS c\nCOPY a /\n",
     "", "a"},
    {"official with onbuild", "FROM python:3-onbuild\nCOPY a /\n", "", ".~ a"},
    {"a name without a slash that is not on the list", "FROM mybase\nCOPY a /\n", "", ".~ a"},
    {"an image that is not official", "FROM corp/base:1\nCOPY a /\n", "", ".~ a"},
    {"a registry's port is no tag", "FROM localhost:5000/python\nCOPY a /\n", "", ".~ a"},
    {"trusted by name", "FROM corp/base:1\nCOPY a /\n", "trust=corp/base", "a"},
    {"trusted by a glob", "FROM corp/base:1\nCOPY a /\n", "trust=corp/*", "a"},
    {"trusted by name and tag", "FROM corp/base:1\nFROM corp/base:2\nCOPY a /\n",
     "trust=corp/base:1", ".~ a"},
    {"the tag may be onbuild", "ARG V=3\nFROM python:$V\nCOPY a /\n", "", ".~ a"},
    {"a tag that ends in -alpine has no triggers", "ARG V=3\nFROM node:${V}-alpine\nCOPY a /\n",
     "", "a"},
    {"a tag that ends in -slim after a bare variable has none either",
     "ARG V=3\nFROM docker.io/library/node:$V-slim\nCOPY a /\n", "", "a"},
    {"the end of the tag may be that of onbuild", "ARG V=3\nFROM node:${V}build\nCOPY a /\n",
     "", ".~ a"},
    {"maven has onbuild-alpine", "ARG V=3\nFROM maven:${V}-alpine\nCOPY a /\n", "", ".~ a"},
    {"a tag of an image that is not official",
     "ARG V=3\nFROM corp/node:${V}-alpine\nCOPY a /\n", "", ".~ a"},
    {"the tag is known", "ARG V=3\nFROM python:$V\nCOPY a /\n", "final", "a"},
    {"any tag is trusted", "ARG V=3\nFROM python:$V\nCOPY a /\n", "trust=python", "a"},
    {"any tag is trusted, by a glob for tags", "ARG V=3\nFROM python:$V\nCOPY a /\n",
     "trust=python:*", "a"},
    {"a name that only begins like a trusted one", "ARG V=3\nFROM python$V\nCOPY a /\n",
     "trust=python", ".~ a"},
    {"a name of which only the beginning is trusted", "ARG V=3\nFROM corp/base$V\nCOPY a /\n",
     "trust=corp/base", ".~ a"},
    {"the config is known", "FROM corp/base\nCOPY a /\n", "base=corp/base", "a"},
    {"the config has triggers", "FROM corp/base\nCOPY a /\n",
     "base=corp/base;onbuild=COPY b c /;onbuild=ENV X=x", "a b c"},
    {"the triggers of the config set variables", "FROM corp/base\nCOPY $X /\n",
     "base=corp/base;onbuild=ENV X=x", "x"},
    {"triggers that can't be read", "FROM corp/base\nCOPY a /\n",
     "base=corp/base;onbuild=WHAT b", ".~ a"},
    {"a trigger of two lines can't be read", "FROM corp/base\nCOPY a /\n",
     "base=corp/base;onbuild=RUN x\nCOPY b /", ".~ a"},
    {"the engine gave no config", "FROM corp/base\nCOPY a /\n", "base=corp/base;silent",
     ".~ a"},
};

int main(void)
{
    reads_rows(rows, ARRAY_SIZE(rows));
    return tap_end();
}
