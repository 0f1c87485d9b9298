/* SPDX-License-Identifier: Apache-2.0 */
/* The option table, between what parses by it (options.c) and what prints it (help.c). */
#ifndef CTXD_OPTIONS_PRIV_H
#define CTXD_OPTIONS_PRIV_H

#include "options.h"

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_SET,    /* an enum of struct options, to `set` */
    OPTION_STRING, /* const char *, not empty */
    OPTION_BYTES,  /* struct bytes, not empty */
    OPTION_CHOICE, /* an enum of struct options: which word of metavar, split by '|' */
    OPTION_SIZE,   /* uint64_t: 500M, 2GiB */
    OPTION_COUNT,  /* uint64_t */
    OPTION_CALL,   /* take() knows */
};

#define OPTIONS_AT(member) offsetof(struct options, member)

struct option {
    enum option_kind kind;
    char letter;         /* 0: none */
    bool optional;       /* its value may be left out, and must else be attached with '=' */
    const char *name;    /* "file" */
    const char *metavar; /* "FILE"; of a choice: what is accepted; NULL: takes no value */
    size_t offset;       /* in struct options */
    /* value is NULL where none was given. */
    int (*take)(struct options *options, const char *value, struct failure *f);
    const char *help;
    unsigned set;
};

/* What the environment decides where the command line does not. */
int options_environment(struct options *options, struct notes *notes,
                        struct failure *f) must_use;

/* For a word that names no option: what was probably meant, in `text`; false where we can't
 * say. */
bool options_suggest(const struct command_line *line, struct bytes name, char *text,
                     size_t size);

/* The option of that letter (0: of that name), or NULL. */
const struct option *options_find(const struct command_line *line, struct bytes name,
                                  char letter);

#endif
