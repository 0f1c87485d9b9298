/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by OpenSSL's EVP, for all programs except the static ctx-recipe (sha256-low.c). */
#include "arena.h"
#include "digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sha256_state {
    EVP_MD_CTX *evp;
};

/* These calls fail only without memory, or if OpenSSL was built without SHA-256. */
static void sha256_must(int ok)
{
    if (ok != 1)
        abort();
}

struct sha256_state *sha256_new(void)
{
    struct sha256_state *state = xmalloc(sizeof(*state));
    state->evp = EVP_MD_CTX_new();
    sha256_must(state->evp && EVP_DigestInit_ex(state->evp, EVP_sha256(), NULL));
    return state;
}

void sha256_add(struct sha256_state *state, struct bytes b)
{
    sha256_must(EVP_DigestUpdate(state->evp, b.at, b.len));
}

struct sha256 sha256_end(struct sha256_state *state)
{
    struct sha256 digest;
    sha256_must(EVP_DigestFinal_ex(state->evp, digest.at, NULL));
    sha256_must(EVP_DigestInit_ex(state->evp, EVP_sha256(), NULL));
    return digest;
}

void sha256_free(struct sha256_state *state)
{
    if (!state)
        return;
    EVP_MD_CTX_free(state->evp);
    free(state);
}

struct sha256 sha256(struct bytes b)
{
    struct sha256 digest;
    sha256_must(EVP_Digest(b.at, b.len, digest.at, NULL, EVP_sha256(), NULL));
    return digest;
}
