/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses that `ctx url` has printed: for each selection a token that can't be guessed.
 * They are kept in the hash database, with the port, so that both survive a restart.
 *
 *     struct urls *urls = urls_open(hashes);
 *     r = urls_token(urls, line, &token, f);     the same line has the same token
 *     if (urls_find(urls, &token, &line, f) == 0) …
 *     urls_close(urls);
 *
 * To this file a selection is a line of bytes: url.c prints it, and http-answer.c reads it.
 *
 * Thread: any.
 */
#ifndef CTXD_URLS_H
#define CTXD_URLS_H

#include "daemon.h"

/* 128 random bits: nobody can try enough of them to guess one. */
#define URL_TOKEN_BYTES 16
#define URL_TOKEN_HEX (2 * URL_TOKEN_BYTES)

struct url_token {
    uint8_t at[URL_TOKEN_BYTES];
};

/*
 * The number of addresses, and the bytes of their lines. Past either limit the address that was
 * used longest ago is forgotten. A build machine has some dozens of projects with some targets
 * each; a line has some hundred bytes, or some thousand with the configurations of base images.
 */
#define URLS_MAX 512
#define URLS_BYTES_MAX (8u << 20)

struct urls;

/* Loads what the database has. hashes is borrowed. */
struct urls *urls_open(struct hashdb *hashes);
void urls_close(struct urls *urls); /* NULL is fine */

/* The token of a selection: the one it has, or a new one. -E2BIG: the line is longer than
 * PROTO_REQUEST_MAX. */
int urls_token(struct urls *urls, struct bytes line, struct url_token *ret,
               struct failure *f) must_use;

/*
 * Appends the line of the token's selection, and notes that the address was used. -ENOENT:
 * there is no such token. The time that this takes doesn't depend on how many bytes of it are
 * right.
 */
int urls_find(struct urls *urls, const struct url_token *token, struct buf *line) must_use;

/* How many addresses are known. */
size_t urls_count(struct urls *urls);

/* The port that was kept last, or 0. */
uint16_t urls_port(struct urls *urls);
/* Keeps a port for the next start. */
void urls_set_port(struct urls *urls, uint16_t port);

/* The 32 digits, NUL-terminated. */
void url_token_text(const struct url_token *token, char text[URL_TOKEN_HEX + 1]);
/* false: not 32 digits in lower case, the only spelling of a token. */
bool url_token_parse(struct bytes text, struct url_token *ret);

#endif
