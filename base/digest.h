/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two hashes. XXH3-128 tells whether something changed on this machine, and names what is
 * kept here; SHA-256 is for whatever leaves the machine or keys somebody else's cache.
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

/* What makes a digest one user's own: random bytes, at least XXH3's 136. */
struct digest_key {
    uint8_t secret[192];
};

struct digest128 digest128(struct bytes b);
/* The same with a key: equal digests can't be made up by who doesn't know it. */
struct digest128 digest128_keyed(const struct digest_key *key, struct bytes b);
bool digest128_equal(const struct digest128 *a, const struct digest128 *b);

/* Piece by piece; key may be NULL. */
struct digest128_state;
struct digest128_state *digest128_new(const struct digest_key *key); /* borrows key */
void digest128_add(struct digest128_state *state, struct bytes b);
struct digest128 digest128_end(struct digest128_state *state); /* and begins anew */
void digest128_free(struct digest128_state *state);

struct sha256 {
    uint8_t at[32];
};

struct sha256 sha256(struct bytes b);
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

struct sha256_state;
struct sha256_state *sha256_new(void);
void sha256_add(struct sha256_state *state, struct bytes b);
struct sha256 sha256_end(struct sha256_state *state); /* and begins anew */
void sha256_free(struct sha256_state *state);

#endif
