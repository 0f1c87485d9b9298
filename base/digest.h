/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two hashes. XXH3-128 is the fast one: it tells whether something changed on this machine,
 * and names what is stored here. SHA-256 is for everything that leaves the machine, or that is
 * the key of another program's cache.
 *
 * Thread: any, each with its own state.
 */
#ifndef CTXD_DIGEST_H
#define CTXD_DIGEST_H

#include "bytes.h"

/* XXH3-128 in its canonical (big-endian) form. */
struct digest128 {
    uint8_t at[16];
};

/* A secret of one user: random bytes. XXH3 takes 136 or more; 192 is its own default. */
struct digest_key {
    uint8_t secret[192];
};

struct digest128 digest128(struct bytes b);
/* The same with a key: without it nobody can make up two contents of one digest. */
struct digest128 digest128_keyed(const struct digest_key *key, struct bytes b);
bool digest128_equal(const struct digest128 *a, const struct digest128 *b);

/* A digest of content that comes in parts. key may be NULL. */
struct digest128_state;
struct digest128_state *digest128_new(const struct digest_key *key); /* borrows the key */
void digest128_add(struct digest128_state *state, struct bytes b);
struct digest128 digest128_end(struct digest128_state *state); /* and starts the next one */
void digest128_free(struct digest128_state *state);

struct sha256 {
    uint8_t at[32];
};

struct sha256 sha256(struct bytes b);
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

struct sha256_state;
struct sha256_state *sha256_new(void);
void sha256_add(struct sha256_state *state, struct bytes b);
struct sha256 sha256_end(struct sha256_state *state); /* and starts the next one */
void sha256_free(struct sha256_state *state);

#endif
