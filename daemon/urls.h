/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses that were handed out: an unguessable token for each selection, kept in the
 * hash database with the port, so that both survive a restart.
 *
 *     struct urls *urls = urls_open(hashes);
 *     r = urls_token(urls, line, &token, f);     the same line, the same token
 *     if (urls_find(urls, &token, &line, f) == 0) …
 *     urls_close(urls);
 *
 * A selection is a line of bytes to this file: url_make() prints one, http-answer.c reads it.
 * Thread: any.
 */
#ifndef CTXD_URLS_H
#define CTXD_URLS_H

#include "daemon.h"

/* 128 random bits: what can't be guessed in the life of the sun. */
#define URL_TOKEN_BYTES 16
#define URL_TOKEN_HEX (2 * URL_TOKEN_BYTES)

struct url_token {
    uint8_t at[URL_TOKEN_BYTES];
};

/*
 * Past either limit the address that was used longest ago goes. A build machine has some dozens
 * of projects with some targets each; a line has some hundred bytes, with bases some thousand.
 */
#define URLS_MAX 512
#define URLS_BYTES_MAX (8u << 20)

struct urls;

/* Takes up what the database has. hashes is borrowed. */
struct urls *urls_open(struct hashdb *hashes);
void urls_close(struct urls *urls); /* NULL is fine */

/* The token of a selection: the one it had, or a new one. -E2BIG: a line past the limit. */
int urls_token(struct urls *urls, struct bytes line, struct url_token *ret,
               struct failure *f) must_use;

/*
 * Appends the selection's line. -ENOENT: no such token; how long it takes to tell does not
 * depend on how much of it is right. Notes that it was used.
 */
int urls_find(struct urls *urls, const struct url_token *token, struct buf *line) must_use;

size_t urls_count(struct urls *urls);

/* The port that was chosen the last time, or 0. */
uint16_t urls_port(struct urls *urls);
void urls_set_port(struct urls *urls, uint16_t port);

/* The 32 digits, NUL-terminated. */
void url_token_text(const struct url_token *token, char text[URL_TOKEN_HEX + 1]);
/* Lower-case hex only: one spelling. */
bool url_token_parse(struct bytes text, struct url_token *ret);

#endif
