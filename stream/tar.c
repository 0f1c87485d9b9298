/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ustar headers (POSIX.1-1988), and PAX extended ones (POSIX.1-2001) where ustar can't say it:
 *
 *   offset  bytes  field      ours
 *        0    100  name       the path, or what of it lies behind a slash that splits it
 *      100      8  mode       7 octal digits, NUL
 *      108  8 + 8  uid, gid   0
 *      124     12  size       11 octal digits, NUL; past 8 GiB a PAX "size"
 *      136     12  mtime      11 octal digits, NUL; before 1970 or past 2242 a PAX "mtime"
 *      148      8  checksum   6 octal digits, NUL, space
 *      156      1  type       0 file, 1 hard link, 2 symbolic link, 5 directory, x PAX
 *      157    100  link       target, NUL-padded
 *      257      8  magic      "ustar" NUL "00"
 *      265     64  names      of user and group: empty
 *      329  8 + 8  device     0
 *      345    155  prefix     the path before the split
 *
 * A directory's path ends in a slash. Paths are bytes; where a PAX record must carry some that
 * are not UTF-8, "hdrcharset=BINARY" comes first.
 */
#include "stream-priv.h"

#include <stdio.h>

enum {
    NAME_LEN = 100,
    PREFIX_AT = 345,
    PREFIX_LEN = 155,
    LINK_AT = 157,
    CHECKSUM_AT = 148,
};

#define OCTAL_11_MAX 077777777777u

static void put_octal(uint8_t *at, size_t digits, uint64_t value)
{
    for (size_t i = digits; i > 0; i--, value >>= 3)
        at[i - 1] = (uint8_t)('0' + (value & 7));
}

/* Where to split a path into prefix and name; path.len where it fits unsplit; SIZE_MAX: never.
 */
static size_t split_path(struct bytes path)
{
    if (path.len <= NAME_LEN)
        return path.len;
    if (path.len > PREFIX_LEN + 1 + NAME_LEN)
        return SIZE_MAX;
    /* The first slash that leaves a short enough name; a trailing one is part of the name. */
    for (size_t i = path.len - NAME_LEN - 1; i <= PREFIX_LEN && i + 1 < path.len; i++)
        if (path.at[i] == '/' && i > 0)
            return i;
    return SIZE_MAX;
}

static bool is_utf8(struct bytes b)
{
    while (b.len) {
        uint32_t rune;
        size_t len = utf8_decode(b, &rune);
        if (len == 1 && rune == UTF8_INVALID)
            return false;
        b = bytes_from(b, len);
    }
    return true;
}

static bool mtime_fits(int64_t mtime)
{
    return mtime >= 0 && (uint64_t)mtime <= OCTAL_11_MAX;
}

/* The path as the header has it: a directory's with a slash. Appended to *out. */
static struct bytes full_path(const struct tar_header *h, struct buf *out)
{
    int r = buf_add_bytes(out, h->path);
    if (r == 0 && h->type == '5')
        r = buf_add_byte(out, '/');
    return r < 0 ? h->path : buf_bytes(out);
}

static void put_ustar(struct buf *out, const struct tar_header *h, struct bytes path)
{
    uint8_t block[TAR_BLOCK] = {0};
    size_t split = split_path(path);
    if (split == SIZE_MAX) {
        memcpy(block, path.at, NAME_LEN); /* the PAX path is the one that counts */
    } else if (split == path.len) {
        memcpy(block, path.at, path.len);
    } else {
        memcpy(block + PREFIX_AT, path.at, split);
        memcpy(block, path.at + split + 1, path.len - split - 1);
    }
    put_octal(block + 100, 7, h->mode & 07777);
    put_octal(block + 108, 7, 0);
    put_octal(block + 116, 7, 0);
    put_octal(block + 124, 11, h->size <= OCTAL_11_MAX ? h->size : 0);
    put_octal(block + 136, 11, mtime_fits(h->mtime) ? (uint64_t)h->mtime : 0);
    block[156] = h->type;
    if (h->link.len)
        memcpy(block + LINK_AT, h->link.at, h->link.len < NAME_LEN ? h->link.len : NAME_LEN);
    memcpy(block + 257, "ustar\00000", 8);
    put_octal(block + 329, 7, 0);
    put_octal(block + 337, 7, 0);
    memset(block + CHECKSUM_AT, ' ', 8);
    uint32_t sum = 0;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += block[i];
    put_octal(block + CHECKSUM_AT, 6, sum);
    block[CHECKSUM_AT + 6] = '\0';
    if (buf_add(out, block, sizeof(block)) < 0)
        abort(); /* out has room for any header: TAR_HEADER_MAX */
}

/* "LENGTH key=value\n", where LENGTH counts itself. */
static void put_record(struct buf *out, const char *key, struct bytes value)
{
    size_t body = 1 + strlen(key) + 1 + value.len + 1, len = body + 1;
    for (size_t digits = 1, bound = 10; len >= bound; bound *= 10)
        len = body + ++digits;
    if (buf_addf(out, "%zu %s=", len, key) < 0 || buf_add_bytes(out, value) < 0 ||
        buf_add_byte(out, '\n') < 0)
        abort();
}

/* Appends the records that ustar has no room for; none: nothing. */
static void put_records(struct buf *out, const struct tar_header *h, struct bytes path)
{
    bool long_path = split_path(path) == SIZE_MAX, long_link = h->link.len > NAME_LEN;
    if ((long_path && !is_utf8(path)) || (long_link && !is_utf8(h->link)))
        put_record(out, "hdrcharset", BYTES("BINARY"));
    if (long_link)
        put_record(out, "linkpath", h->link);
    char number[32];
    if (!mtime_fits(h->mtime)) {
        snprintf(number, sizeof(number), "%lld", (long long)h->mtime);
        put_record(out, "mtime", bytes_of(number));
    }
    if (long_path)
        put_record(out, "path", path);
    if (h->size > OCTAL_11_MAX) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)h->size);
        put_record(out, "size", bytes_of(number));
    }
}

/* The PAX header is a file of its own name, which no reader shows. */
static const struct tar_header pax_header = {
    .path = {(const uint8_t *)"././@PaxHeader", 14}, .type = 'x', .mode = 0644};

void tar_add_header(struct buf *out, const struct tar_header *h)
{
    cleanup_buf struct buf path_buf = BUF(TAR_HEADER_MAX), records = BUF(TAR_HEADER_MAX);
    struct bytes path = full_path(h, &path_buf);
    if (buf_reserve(out, tar_header_size(h)) < 0)
        abort();
    put_records(&records, h, path);
    if (records.len) {
        struct tar_header x = pax_header;
        x.size = records.len;
        put_ustar(out, &x, x.path);
        if (buf_add_bytes(out, buf_bytes(&records)) < 0 ||
            buf_add_zeros(out, tar_padding(records.len)) < 0)
            abort();
    }
    put_ustar(out, h, path);
}

bool tar_is_plain(const struct tar_header *h)
{
    return tar_header_size(h) == TAR_BLOCK;
}

size_t tar_header_size(const struct tar_header *h)
{
    /* The common case without building anything. */
    if (h->path.len < NAME_LEN && h->link.len <= NAME_LEN && h->size <= OCTAL_11_MAX &&
        mtime_fits(h->mtime))
        return TAR_BLOCK;
    cleanup_buf struct buf path_buf = BUF(TAR_HEADER_MAX), records = BUF(TAR_HEADER_MAX);
    put_records(&records, h, full_path(h, &path_buf));
    return records.len ? 2 * TAR_BLOCK + records.len + tar_padding(records.len) : TAR_BLOCK;
}

size_t tar_padding(uint64_t size)
{
    return (size_t)(-size & (TAR_BLOCK - 1));
}

void tar_add_poison(struct buf *out)
{
    /* A well-formed PAX header that announces records, and bytes that are none: bsdtar and
     * Python pass over a block of junk, but not over this. */
    struct tar_header x = pax_header;
    x.size = TAR_BLOCK;
    put_ustar(out, &x, x.path);
    for (size_t i = 0; i < 2 * TAR_BLOCK; i++)
        if (buf_add_byte(out, '!') < 0)
            abort();
}
