/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scrubbers of the formats. Each adds its cuts to *s. Only scrub*.c include this header.
 * Texts are hostile and may be no valid text of their format: then less may be found, but
 * nothing outside of the text is touched. Thread: one at a time for each struct scrub.
 */
#ifndef CTXD_SCRUB_PARTS_H
#define CTXD_SCRUB_PARTS_H

#include "scrub-cuts.h"

/* Logins, tokens in paths and queries of URLs, and tokens of well-known shapes, in any text. */
void scrub_urls(struct scrub *s, size_t from, size_t to);

enum {
    WORDS_CODE = 1 << 0,  /* a program: outside of strings only "key = string" counts */
    WORDS_SHELL = 1 << 1, /* with WORDS_CODE: KEY=word counts, too */
};
/* Finds "key = value" and its kin in prose, arguments (0) or programs. Skips settled cuts. */
void scrub_words(struct scrub *s, size_t from, size_t to, unsigned flags);

/* The login of a proxy, which may stand without a scheme: user:password@host:3128, if `key`
 * is that of a proxy. */
void scrub_proxy(struct scrub *s, struct bytes key, size_t from, size_t to);

/* Settings, one a line; `broad` as in credential_key(). */
void scrub_lines(struct scrub *s, bool broad, bool blanks_separate);
/* Variables of an environment: every line that isn't a reference goes. */
void scrub_environment(struct scrub *s);

/* A value of JSON, TOML or flow YAML that begins at `at`; gives its end. *ret_literal becomes
 * true if it contains a literal that is not the name of a login. */
size_t scrub_flow(struct scrub *s, size_t at, bool yaml, bool in_packages, bool *ret_literal);
void scrub_json(struct scrub *s);
void scrub_toml(struct scrub *s);
void scrub_yaml(struct scrub *s);
void scrub_xml(struct scrub *s);

#endif
