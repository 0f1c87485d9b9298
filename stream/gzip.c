/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by libdeflate: a segment is one member; members may be concatenated (RFC 1952 2.2). */
#include "codec.h"

#include <libdeflate.h>

static void *gzip_new(int level)
{
    struct libdeflate_compressor *state = libdeflate_alloc_compressor(level);
    if (!state)
        abort(); /* no memory, or a level that options.c did not check */
    return state;
}

static void gzip_free(void *state)
{
    libdeflate_free_compressor(state);
}

static size_t gzip_bound(void *state, size_t len)
{
    return libdeflate_gzip_compress_bound(state, len);
}

static size_t gzip_pack(void *state, const void *in, size_t len, void *out, size_t room)
{
    return libdeflate_gzip_compress(state, in, len, out, room);
}

/* The header's version: the library has no function that tells its own. */
static const char *gzip_version(void)
{
    return LIBDEFLATE_VERSION_STRING;
}

const struct codec codec_gzip = {
    .name = "gzip",
    .new = gzip_new,
    .free = gzip_free,
    .bound = gzip_bound,
    .pack = gzip_pack,
    /* The header of a member, then a deflate block of the reserved type 3. */
    .poison = {(const uint8_t *)"\x1f\x8b\x08\0\0\0\0\0\0\xff\x07!!!!!!!!!!!!!!!!", 27},
    .version = gzip_version,
};
