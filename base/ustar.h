/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One header block of a tar, by POSIX.1-1988 (ustar):
 *
 *   offset  bytes  field      content
 *        0    100  name       the path, or the part after the slash at which it is split
 *      100      8  mode       7 octal digits, NUL
 *      108  8 + 8  uid, gid   0, in the same form
 *      124     12  size       11 octal digits, NUL
 *      136     12  mtime      11 octal digits, NUL; seconds since 1970
 *      148      8  checksum   6 octal digits, NUL, space
 *      156      1  type       '0' file, '1' hard link, '2' symbolic link, '5' directory,
 *                            '6' FIFO, 'x' PAX records, or 'L' and 'K' (ustar_long())
 *      157    100  link       target, NUL-padded
 *      257      8  magic      "ustar" NUL "00"
 *      265     64  names      of user and group: empty
 *      329  8 + 8  device     zero bytes, unless the caller sets them with ustar_octal()
 *      345    155  prefix     the part of the path before the split
 *
 * The caller writes what does not fit, because each writer has its own rules: texts of ASCII
 * and numbers as PAX records, other texts with ustar_long(). A text in a PAX record is UTF-8,
 * and readers may change it: libarchive composes it (Unicode's form NFC), so that two names can
 * become one, and fails if it is not valid. With the record hdrcharset=BINARY libarchive keeps
 * the bytes, but GNU tar prints a warning. All readers keep the bytes of 'L' and 'K', as
 * docs/stream.md says. The path of a directory ends in a slash, which the caller gives.
 *
 *     ustar_fill(block, &header);
 *     ustar_seal(block);
 *
 * Source: POSIX.1-2017, pax, ustar Interchange Format; of 'L' and 'K' GNU tar's manual, Basic
 * Tar Format. Thread: any.
 */
#ifndef CTXD_USTAR_H
#define CTXD_USTAR_H

#include "buf.h"

#define USTAR_BLOCK 512u /* bytes */

enum {
    USTAR_NAME_MAX = 100,
    USTAR_PREFIX_MAX = 155,
    USTAR_DEVICE_MAJOR_AT = 329,
    USTAR_DEVICE_MINOR_AT = 337,
};

/* The largest number that 11 octal digits hold: 8 GiB - 1, or a time in the year 2242. */
#define USTAR_NUMBER_MAX 077777777777u

struct ustar_header {
    struct bytes path, link; /* cut to their fields if too long; PAX records have the whole */
    uint8_t type;
    unsigned mode;
    uint64_t size, mtime; /* at most USTAR_NUMBER_MAX */
};

/*
 * The index of the slash that splits a path into prefix and name. path.len: it fits without a
 * split. SIZE_MAX: it does not fit at all.
 */
size_t ustar_split(struct bytes path);

/* Fills the whole block, except for the checksum. */
void ustar_fill(uint8_t block[USTAR_BLOCK], const struct ustar_header *header);
/* Writes a number in `digits` octal digits, without a NUL. */
void ustar_octal(uint8_t *at, size_t digits, uint64_t number);
/* Writes the checksum. Must be the last call on a block. */
void ustar_seal(uint8_t block[USTAR_BLOCK]);

/* How many zero bytes follow a content of `size` bytes. */
size_t ustar_padding(uint64_t size);

/* Appends the PAX record "LENGTH key=value\n", whose length counts itself. 0 or -E2BIG. */
int ustar_record(struct buf *out, const char *key, struct bytes value) must_use;
/* Appends the entry that gives the next header a path (type 'L') or a link target ('K') of any
 * bytes but NUL. 0 or -E2BIG. */
int ustar_long(struct buf *out, uint8_t type, struct bytes text) must_use;
/* The bytes that ustar_long() appends. */
size_t ustar_long_size(struct bytes text);
/* Whether a PAX record keeps the text in all readers. */
bool ustar_is_ascii(struct bytes text);

#endif
