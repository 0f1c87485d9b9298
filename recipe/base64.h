/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with '+', '/' and padding. Source: RFC 4648, section 4. Thread: any. */
#ifndef CTXD_BASE64_H
#define CTXD_BASE64_H

#include "base.h"

/* Appends the encoded bytes. -E2BIG past the buffer's maximum. */
int base64_write(struct bytes from, struct buf *to) must_use;
/*
 * Decodes into the arena. -EINVAL for everything that base64_write() doesn't write: blanks,
 * missing padding, bits in the last character that no byte would hold.
 */
int base64_read(struct arena *a, struct bytes text, struct bytes *ret) must_use;

#endif
