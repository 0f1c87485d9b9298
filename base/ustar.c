/* SPDX-License-Identifier: Apache-2.0 */
#include "ustar.h"

enum { MODE_AT = 100, UID_AT = 108, GID_AT = 116, SIZE_AT = 124, MTIME_AT = 136 };
enum { CHECKSUM_AT = 148, TYPE_AT = 156, LINK_AT = 157, MAGIC_AT = 257, PREFIX_AT = 345 };

size_t ustar_split(struct bytes path)
{
    if (path.len <= USTAR_NAME_MAX)
        return path.len;
    if (path.len > USTAR_PREFIX_MAX + 1 + USTAR_NAME_MAX)
        return SIZE_MAX;
    /* The first slash that leaves a short enough name. One at the end is part of the name. */
    for (size_t i = path.len - USTAR_NAME_MAX - 1; i <= USTAR_PREFIX_MAX && i + 1 < path.len;
         i++)
        if (path.at[i] == '/' && i > 0)
            return i;
    return SIZE_MAX;
}

void ustar_octal(uint8_t *at, size_t digits, uint64_t number)
{
    for (size_t i = digits; i > 0; i--, number >>= 3)
        at[i - 1] = (uint8_t)('0' + (number & 7));
}

/* With its version, which no NUL follows. */
static const uint8_t magic[8] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};

void ustar_fill(uint8_t block[USTAR_BLOCK], const struct ustar_header *header)
{
    struct bytes path = header->path;
    size_t split = ustar_split(path), link = header->link.len;
    memset(block, 0, USTAR_BLOCK);
    if (split < path.len) {
        memcpy(block + PREFIX_AT, path.at, split);
        path = bytes_from(path, split + 1);
    }
    if (path.len)
        memcpy(block, path.at, path.len < USTAR_NAME_MAX ? path.len : USTAR_NAME_MAX);
    ustar_octal(block + MODE_AT, 7, header->mode);
    ustar_octal(block + UID_AT, 7, 0);
    ustar_octal(block + GID_AT, 7, 0);
    ustar_octal(block + SIZE_AT, 11, header->size);
    ustar_octal(block + MTIME_AT, 11, header->mtime);
    block[TYPE_AT] = header->type;
    if (link)
        memcpy(block + LINK_AT, header->link.at, link < USTAR_NAME_MAX ? link : USTAR_NAME_MAX);
    memcpy(block + MAGIC_AT, magic, sizeof(magic));
}

void ustar_seal(uint8_t block[USTAR_BLOCK])
{
    /* The sum counts its own field as spaces. */
    memset(block + CHECKSUM_AT, ' ', 8);
    uint32_t sum = 0;
    for (size_t i = 0; i < USTAR_BLOCK; i++)
        sum += block[i];
    ustar_octal(block + CHECKSUM_AT, 6, sum);
    block[CHECKSUM_AT + 6] = '\0';
}

size_t ustar_padding(uint64_t size)
{
    return (size_t)(-size & (USTAR_BLOCK - 1));
}

int ustar_record(struct buf *out, const char *key, struct bytes value)
{
    size_t body = 1 + strlen(key) + 1 + value.len + 1, len = body + 1;
    for (size_t digits = 1, bound = 10; len >= bound; bound *= 10)
        len = body + ++digits;
    int r = buf_addf(out, "%zu %s=", len, key);
    if (r == 0)
        r = buf_add_bytes(out, value);
    return r == 0 ? buf_add_byte(out, '\n') : r;
}

bool ustar_is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] >= 0x80)
            return false;
    return true;
}

size_t ustar_long_size(struct bytes text)
{
    return USTAR_BLOCK + text.len + 1 + ustar_padding(text.len + 1);
}

int ustar_long(struct buf *out, uint8_t type, struct bytes text)
{
    uint8_t block[USTAR_BLOCK];
    ustar_fill(block, &(struct ustar_header){.path = BYTES("././@LongLink"),
                                             .type = type,
                                             .mode = 0644,
                                             .size = text.len + 1});
    ustar_seal(block);
    int r = buf_add(out, block, sizeof(block));
    if (r == 0)
        r = buf_add_bytes(out, text);
    return r == 0 ? buf_add_zeros(out, 1 + ustar_padding(text.len + 1)) : r;
}
