/* SPDX-License-Identifier: Apache-2.0 */
/* A command line of ctx-send that was parsed, with its options, notes and failure. */
#ifndef CTXD_TESTS_PARSED_H
#define CTXD_TESTS_PARSED_H

#include "option.h"
#include "tap.h"

struct parsed {
    struct options options;
    struct notes notes;
    struct failure f;
    int r; /* what options_parse() returned */
};

void parsed_release(struct parsed *p);

#define cleanup_parsed __attribute__((cleanup(parsed_release)))

/* Parses argv, which ends in NULL, into *p, and releases what *p held before. Returns p->r. */
int parse(struct parsed *p, char **argv);

#define PARSE(p, ...) parse((p), (char *[]){"ctx-send", ##__VA_ARGS__, NULL})

/* Tells whether the last parse was a usage error whose message contains both texts. */
bool refused(const struct parsed *p, const char *text, const char *more);

#define TAP_REFUSED(p, want, more)                                                             \
    TAP_CHECKF(refused(p, want, more), "%d \"%s\", wanted \"%s\" and \"%s\"", (p)->r,          \
               (p)->f.text, want, more)

/* The options of ctx-send, of all groups. Returns how many. */
size_t all_options(const struct option *ret[64]);

#endif
