/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stateless compressors: each packs one segment of a stream by itself, and the packed segments,
 * concatenated, are a valid stream.
 *
 *     void *state = codec->new(level);
 *     … codec->pack(state, in, len, out, codec->bound(state, len)) …
 *     codec->free(state);
 *
 * A state belongs to one thread at a time.
 */
#ifndef CTXD_CODEC_H
#define CTXD_CODEC_H

#include "stream.h"

struct codec {
    const char *name;
    void *(*new)(int level);
    void (*free)(void *state);
    /* The most bytes that len bytes can become. */
    size_t (*bound)(void *state, size_t len);
    /* The packed length; 0 on failure (too little room). */
    size_t (*pack)(void *state, const void *in, size_t len, void *out, size_t room);
    struct bytes poison;          /* bytes after whole segments that every reader rejects */
    const char *(*version)(void); /* of the library: other versions may give other bytes */
};

extern const struct codec codec_gzip, codec_zstd;
/* NULL for SEND_TAR. */
const struct codec *codec_of(enum send_codec codec);

#endif
