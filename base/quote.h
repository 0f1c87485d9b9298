/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from outside as text for a person: whatever a path or a name contains, the terminal
 * only gets printable characters.
 *
 *     fail(f, -ENOENT, "%s: no such file", QUOTE(path));
 *
 * Thread: any.
 */
#ifndef CTXD_QUOTE_H
#define CTXD_QUOTE_H

#include "bytes.h"

/* Space for one quoted text: 512 bytes hold any usual path, and bound a message. */
struct quoted {
    char text[512];
};

/*
 * Writes b in double quotes: \n, \t, \", \\ by those names, and \xNN for each other byte that
 * is not printable UTF-8. A text that does not fit is cut and ends in "...". Returns q->text.
 */
const char *quote(struct quoted *q, struct bytes b);

/* The same in space of the enclosing block. */
#define QUOTE(b) quote(&(struct quoted){.text = ""}, (b))

#endif
