/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ustar headers (base/ustar.h has the table). Before a header come the values that it has no
 * room for, in this order:
 *
 *   entry        written for
 *   'x'          PAX records (POSIX.1-2001), sorted:
 *     linkpath     a target of more than 100 bytes, if it is ASCII
 *     mtime        a time before 1970 or after 2242
 *     path         a path that ustar can't split, if it is ASCII
 *     size         8 GiB and more
 *   'K'          a target of more than 100 bytes that is not ASCII
 *   'L'          a path that ustar can't split and that is not ASCII
 *
 * The path of a directory ends in a slash. Owner and group are 0. Paths are bytes.
 */
#include "tar-header.h"

#include <stdio.h>

static bool tar_mtime_fits(int64_t mtime)
{
    return mtime >= 0 && (uint64_t)mtime <= USTAR_NUMBER_MAX;
}

/* The path as the header has it: that of a directory with a slash. Appends it to *out. */
static struct bytes tar_full_path(const struct tar_header *h, struct buf *out)
{
    int r = buf_add_bytes(out, h->path);
    if (r == 0 && h->type == '5')
        r = buf_add_byte(out, '/');
    return r < 0 ? h->path : buf_bytes(out);
}

static void tar_put_ustar(struct buf *out, const struct tar_header *h, struct bytes path)
{
    uint8_t block[USTAR_BLOCK];
    ustar_fill(block, &(struct ustar_header){
                          .path = path,
                          .link = h->link,
                          .type = h->type,
                          .mode = h->mode & 07777,
                          .size = h->size <= USTAR_NUMBER_MAX ? h->size : 0,
                          .mtime = tar_mtime_fits(h->mtime) ? (uint64_t)h->mtime : 0,
                      });
    ustar_octal(block + USTAR_DEVICE_MAJOR_AT, 7, 0);
    ustar_octal(block + USTAR_DEVICE_MINOR_AT, 7, 0);
    ustar_seal(block);
    if (buf_add(out, block, sizeof(block)) < 0)
        abort(); /* out has room for any header: TAR_HEADER_MAX */
}

static void tar_put_record(struct buf *out, const char *key, struct bytes value)
{
    if (ustar_record(out, key, value) < 0)
        abort();
}

static bool tar_long_path(struct bytes path)
{
    return ustar_split(path) == SIZE_MAX;
}

/* Appends a record for each value that ustar has no room for, and that a record keeps. */
static void tar_put_records(struct buf *out, const struct tar_header *h, struct bytes path)
{
    if (h->link.len > USTAR_NAME_MAX && ustar_is_ascii(h->link))
        tar_put_record(out, "linkpath", h->link);
    char number[32];
    if (!tar_mtime_fits(h->mtime)) {
        snprintf(number, sizeof(number), "%lld", (long long)h->mtime);
        tar_put_record(out, "mtime", bytes_of(number));
    }
    if (tar_long_path(path) && ustar_is_ascii(path))
        tar_put_record(out, "path", path);
    if (h->size > USTAR_NUMBER_MAX) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)h->size);
        tar_put_record(out, "size", bytes_of(number));
    }
}

static void tar_put_long(struct buf *out, uint8_t type, struct bytes text)
{
    if (ustar_long(out, type, text) < 0)
        abort();
}

/* The texts that no record keeps: the target and the path, or empty. */
static struct bytes tar_odd_link(const struct tar_header *h)
{
    bool odd = h->link.len > USTAR_NAME_MAX && !ustar_is_ascii(h->link);
    return odd ? h->link : BYTES("");
}

static struct bytes tar_odd_path(struct bytes path)
{
    return tar_long_path(path) && !ustar_is_ascii(path) ? path : BYTES("");
}

/* The PAX header has a name of its own, which no reader shows. */
static const struct tar_header pax_header = {
    .path = {(const uint8_t *)"././@PaxHeader", 14}, .type = 'x', .mode = 0644};

void tar_add_header(struct buf *out, const struct tar_header *h)
{
    cleanup_buf struct buf path_buf = BUF(TAR_HEADER_MAX), records = BUF(TAR_HEADER_MAX);
    struct bytes path = tar_full_path(h, &path_buf);
    if (buf_reserve(out, tar_header_size(h)) < 0)
        abort();
    tar_put_records(&records, h, path);
    if (records.len) {
        struct tar_header x = pax_header;
        x.size = records.len;
        tar_put_ustar(out, &x, x.path);
        if (buf_add_bytes(out, buf_bytes(&records)) < 0 ||
            buf_add_zeros(out, ustar_padding(records.len)) < 0)
            abort();
    }
    struct bytes link = tar_odd_link(h), odd = tar_odd_path(path);
    if (link.len)
        tar_put_long(out, 'K', link);
    if (odd.len)
        tar_put_long(out, 'L', odd);
    tar_put_ustar(out, h, path);
}

bool tar_is_plain(const struct tar_header *h)
{
    return tar_header_size(h) == USTAR_BLOCK;
}

size_t tar_header_size(const struct tar_header *h)
{
    /* The common case builds no records. */
    if (h->path.len < USTAR_NAME_MAX && h->link.len <= USTAR_NAME_MAX &&
        h->size <= USTAR_NUMBER_MAX && tar_mtime_fits(h->mtime))
        return USTAR_BLOCK;
    cleanup_buf struct buf path_buf = BUF(TAR_HEADER_MAX), records = BUF(TAR_HEADER_MAX);
    struct bytes path = tar_full_path(h, &path_buf);
    struct bytes link = tar_odd_link(h), odd = tar_odd_path(path);
    size_t size = USTAR_BLOCK;
    tar_put_records(&records, h, path);
    if (records.len)
        size += USTAR_BLOCK + records.len + ustar_padding(records.len);
    size += link.len ? ustar_long_size(link) : 0;
    return size + (odd.len ? ustar_long_size(odd) : 0);
}

void tar_add_poison(struct buf *out)
{
    /* A valid PAX header that announces records, then bytes that are none: bsdtar and Python
     * skip a block of junk, but not this. */
    struct tar_header x = pax_header;
    x.size = USTAR_BLOCK;
    tar_put_ustar(out, &x, x.path);
    for (size_t i = 0; i < 2 * USTAR_BLOCK; i++)
        if (buf_add_byte(out, '!') < 0)
            abort();
}
