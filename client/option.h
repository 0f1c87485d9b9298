/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of an option table. options.c has the tables, option-parse.c parses by them and
 * option-help.c prints them.
 *
 * Thread: one at a time.
 */
#ifndef CTXD_OPTION_H
#define CTXD_OPTION_H

#include "options.h"

/* What an option takes, and the type of the member of struct options that it sets. */
enum option_kind {
    OPTION_FLAG,   /* no value; a bool becomes true */
    OPTION_SET,    /* no value; an enum becomes `set` */
    OPTION_STRING, /* const char *, not empty */
    OPTION_BYTES,  /* struct bytes, not empty */
    OPTION_CHOICE, /* one of the words of metavar, which '|' separates; an enum: its index */
    OPTION_SIZE,   /* uint64_t in bytes, above 0: 500M, 2GiB */
    OPTION_COUNT,  /* uint64_t, above 0 */
    OPTION_CALL,   /* take() parses the value and sets what it likes */
};

#define OPTIONS_AT(member) offsetof(struct options, member)

struct option {
    enum option_kind kind;
    char letter;         /* 0: none */
    bool optional;       /* the value may be left out; a value that is given follows '=' */
    const char *name;    /* "file" */
    const char *metavar; /* "FILE", or the words of a choice; NULL: the option takes no value */
    size_t offset;       /* of the member, in struct options */
    /* value is NULL if none was given. -EINVAL with a message. */
    int (*take)(struct options *options, const char *value, struct failure *f);
    const char *help; /* one paragraph, which option-help.c wraps */
    unsigned set;
};

#endif
