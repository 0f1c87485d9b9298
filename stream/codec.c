/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"

const struct codec *codec_of(enum send_codec codec)
{
    return codec == SEND_GZIP ? &codec_gzip : codec == SEND_ZSTD ? &codec_zstd : NULL;
}
