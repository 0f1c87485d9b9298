/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the classes and escapes of a regex's text: `[a-z\d[:alpha:]]`, `\pL`, `\x41`.
 *
 * Each function takes what it has read off *text. It returns 1, or -EINVAL if Go's regexp
 * rejects the text. Source: Go regexp/syntax, parse.go. Thread: any.
 */
#ifndef CTXD_REGEX_CLASS_H
#define CTXD_REGEX_CLASS_H

#include "base.h"
#include "rune-class.h"

/* A class in brackets; *text begins with its '['. */
int class_parse(struct bytes *text, struct class_builder *c);
/* `\d`, `\pL` and the like. 0, with *text as it was: it is another escape, or none. */
int class_parse_escape(struct bytes *text, struct class_builder *c);
/* An escape of one rune, as `\n`, `\x41` or `\.`; *text begins with its '\'. */
int rune_parse_escape(struct bytes *text, uint32_t *ret);

#endif
