/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include "arena.h"

#include <stdlib.h>
#include <xxhash.h>

static struct digest128 digest_canonical(XXH128_hash_t hash)
{
    XXH128_canonical_t out;
    struct digest128 digest;
    XXH128_canonicalFromHash(&out, hash);
    memcpy(digest.at, out.digest, sizeof(digest.at));
    return digest;
}

struct digest128 digest128(struct bytes b)
{
    return digest_canonical(XXH3_128bits(b.at, b.len));
}

struct digest128 digest128_keyed(const struct digest_key *key, struct bytes b)
{
    return digest_canonical(
        XXH3_128bits_withSecret(b.at, b.len, key->secret, sizeof(key->secret)));
}

bool digest128_equal(const struct digest128 *a, const struct digest128 *b)
{
    return memcmp(a->at, b->at, sizeof(a->at)) == 0;
}

struct digest128_state {
    XXH3_state_t *xxh;
    const struct digest_key *key;
};

static void digest_begin(struct digest128_state *state)
{
    XXH_errorcode r = state->key ? XXH3_128bits_reset_withSecret(state->xxh, state->key->secret,
                                                                 sizeof(state->key->secret))
                                 : XXH3_128bits_reset(state->xxh);
    if (r != XXH_OK)
        abort(); /* it fails only for a secret that is NULL or too short */
}

struct digest128_state *digest128_new(const struct digest_key *key)
{
    struct digest128_state *state = xmalloc(sizeof(*state));
    *state = (struct digest128_state){XXH3_createState(), key};
    if (!state->xxh)
        abort();
    digest_begin(state);
    return state;
}

void digest128_add(struct digest128_state *state, struct bytes b)
{
    if (XXH3_128bits_update(state->xxh, b.at, b.len) != XXH_OK)
        abort();
}

struct digest128 digest128_end(struct digest128_state *state)
{
    struct digest128 digest = digest_canonical(XXH3_128bits_digest(state->xxh));
    digest_begin(state);
    return digest;
}

void digest128_free(struct digest128_state *state)
{
    if (!state)
        return;
    XXH3_freeState(state->xxh);
    free(state);
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
    return memcmp(a->at, b->at, sizeof(a->at)) == 0;
}
