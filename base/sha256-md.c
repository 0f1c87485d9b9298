/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by libmd, for the static ctx-recipe: OpenSSL's alone is over 4 MB. */
#include "arena.h"
#include "digest.h"

#include <sha2.h>
#include <stdlib.h>

struct sha256_state {
    SHA2_CTX md;
};

struct sha256_state *sha256_new(void)
{
    struct sha256_state *state = xmalloc(sizeof(*state));
    SHA256Init(&state->md);
    return state;
}

void sha256_add(struct sha256_state *state, struct bytes b)
{
    if (b.len)
        SHA256Update(&state->md, b.at, b.len);
}

struct sha256 sha256_end(struct sha256_state *state)
{
    struct sha256 digest;
    SHA256Final(digest.at, &state->md);
    SHA256Init(&state->md);
    return digest;
}

void sha256_free(struct sha256_state *state)
{
    free(state);
}

struct sha256 sha256(struct bytes b)
{
    struct sha256_state state;
    SHA256Init(&state.md);
    sha256_add(&state, b);
    return sha256_end(&state);
}
