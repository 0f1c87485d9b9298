/* SPDX-License-Identifier: Apache-2.0 */
/* Zstandard: each segment is one frame with a checksum; frames may be concatenated (RFC
 * 8878 3.1). */
#include "codec.h"

#include <zstd.h>

static void *zstd_new(int level)
{
    ZSTD_CCtx *state = ZSTD_createCCtx();
    if (!state || ZSTD_isError(ZSTD_CCtx_setParameter(state, ZSTD_c_compressionLevel, level)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(state, ZSTD_c_checksumFlag, 1)))
        abort(); /* no memory, or a level that options.c did not check */
    return state;
}

static void zstd_free(void *state)
{
    ZSTD_freeCCtx(state);
}

static size_t zstd_bound(void *state, size_t len)
{
    (void)state;
    return ZSTD_compressBound(len);
}

static size_t zstd_pack(void *state, const void *in, size_t len, void *out, size_t room)
{
    size_t n = ZSTD_compress2(state, out, room, in, len);
    return ZSTD_isError(n) ? 0 : n;
}

const struct codec codec_zstd = {
    .name = "zstd",
    .new = zstd_new,
    .free = zstd_free,
    .bound = zstd_bound,
    .pack = zstd_pack,
    /* The header of a frame, then a block of the reserved type 3. */
    .poison = {(const uint8_t *)"\x28\xb5\x2f\xfd\x00\x58\x07\x00\x00!!!!!!!!!!!!!!!!", 25},
    .version = ZSTD_versionString,
};
