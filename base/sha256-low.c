/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 for the static ctx-recipe, by OpenSSL's low-level functions. EVP, which the other
 * programs use, would make the static program 4 MB larger. A library in plain C takes six times
 * as long, because it does not use the processor's SHA instructions.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* it is old, but EVP itself is built on it */
#include "arena.h"
#include "digest.h"

#include <openssl/sha.h>
#include <stdlib.h>

struct sha256_state {
    SHA256_CTX ctx;
};

struct sha256_state *sha256_new(void)
{
    struct sha256_state *state = xmalloc(sizeof(*state));
    SHA256_Init(&state->ctx);
    return state;
}

void sha256_add(struct sha256_state *state, struct bytes b)
{
    if (b.len)
        SHA256_Update(&state->ctx, b.at, b.len);
}

struct sha256 sha256_end(struct sha256_state *state)
{
    struct sha256 digest;
    SHA256_Final(digest.at, &state->ctx);
    SHA256_Init(&state->ctx);
    return digest;
}

void sha256_free(struct sha256_state *state)
{
    free(state);
}

struct sha256 sha256(struct bytes b)
{
    struct sha256_state state;
    SHA256_Init(&state.ctx);
    sha256_add(&state, b);
    return sha256_end(&state);
}
