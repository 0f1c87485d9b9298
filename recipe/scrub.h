/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the credentials out of a text file, whatever its format is, so that its tool can still
 * read it:
 *
 *     struct scrubbed clean = scrub_text(&arena, path, text);
 *     for (size_t i = 0; i < clean.n; i++)
 *         …clean.found[i].line, clean.found[i].what…
 *
 * The format follows from the path. What is cut depends on it: a line of settings, a pair of
 * JSON, TOML or YAML, an element of XML; in URLs the login, in programs the content of the
 * string. All other bytes stay as they are. The result doesn't depend on what the credentials
 * were. In text that no tool could read, a cut may uncover another credential; units are
 * scrubbed twice (unit.h). credentials.h has the list of what counts.
 *
 * Thread: any, with an arena of its own.
 */
#ifndef CTXD_SCRUB_H
#define CTXD_SCRUB_H

#include "credentials.h"

struct finding {
    uint32_t line;     /* 1-based, in the text that was given */
    struct bytes what; /* "_authToken", "a login in a URL"; never the credential */
};

struct scrubbed {
    struct bytes text; /* in the arena, or the text that was given if nothing was found */
    struct finding *found;
    size_t n;
    bool all;  /* the whole file is a credential: leave it out. `text` is empty */
    bool code; /* a program: a credential that it computes can't be found */
};

struct scrubbed scrub_text(struct arena *a, struct bytes path, struct bytes text);

#endif
