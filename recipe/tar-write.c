/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The skeleton as a tar that busybox reads too: POSIX ustar, and where a path does not fit its
 * name and prefix, a pax header with `path` before it. Every field is a constant or content:
 *
 *       0 100  name      116   8  gid 0        156   1  0 2 5 x      265  64  names: empty
 *     100   8  mode      124  12  size         157 100  link target  345 155  prefix
 *     108   8  uid 0     136  12  mtime        257   8  "ustar" NUL "00"
 *                        148   8  checksum
 *
 * Source: POSIX.1-2017, pax, ustar interchange format.
 */
#include "recipe-priv.h"

#include <errno.h>
#include <stdio.h>

#define BLOCK 512u

struct taring {
    struct buf out;
    int fd;
    struct arena arena;
};

static int flush(struct taring *t)
{
    int r = io_write_full(t->fd, t->out.at, t->out.len);
    buf_clear(&t->out);
    return r;
}

static int add(struct taring *t, struct bytes content)
{
    int r = buf_add_bytes(&t->out, content);
    if (r == 0 && content.len % BLOCK)
        r = buf_add_zeros(&t->out, BLOCK - content.len % BLOCK);
    return r == 0 && t->out.len > (1u << 20) ? flush(t) : r;
}

/* Where name and prefix part, so that both fit; the length where they don't. */
static size_t split(struct bytes path)
{
    if (path.len <= 100)
        return 0;
    for (size_t i = path.len - 101; i < path.len && i <= 155; i++)
        if (path.at[i] == '/' && i > 0 && path.len - i - 1 > 0)
            return i;
    return path.len;
}

static void octal(char *at, size_t width, uint64_t value)
{
    for (size_t i = width - 1; i-- > 0; value >>= 3)
        at[i] = (char)('0' + (value & 7));
}

static int header(struct taring *t, struct bytes path, char type, unsigned mode, uint64_t size,
                  struct bytes link)
{
    char block[BLOCK] = {0};
    size_t at = split(path);
    struct bytes name = at ? bytes_from(path, at + 1) : path;
    if (at == path.len)
        name = bytes_head(path, 100); /* a pax header said it */
    else if (at)
        memcpy(block + 345, path.at, at);
    memcpy(block, name.at, name.len);
    octal(block + 100, 8, mode);
    octal(block + 108, 8, 0);
    octal(block + 116, 8, 0);
    octal(block + 124, 12, size);
    octal(block + 136, 12, SKELETON_MTIME);
    block[156] = type;
    if (link.len)
        memcpy(block + 157, link.at, link.len < 100 ? link.len : 100);
    memcpy(block + 257, "ustar\00000", 8);
    memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)block[i];
    octal(block + 148, 7, sum);
    block[154] = 0;
    return add(t, bytes_at(block, BLOCK));
}

/* "LEN key=value\n", where LEN counts itself. */
static struct bytes record(struct taring *t, const char *key, struct bytes value)
{
    size_t bare = strlen(key) + value.len + 3, len = bare + 1;
    for (size_t digits = 1, ten = 10; len >= ten; ten *= 10, digits++)
        len = bare + digits + 1;
    return arena_printf(&t->arena, "%zu %s=%.*s\n", len, key, BYTES_ARG(value));
}

static int entry(struct taring *t, struct bytes path, char type, unsigned mode,
                 struct bytes content)
{
    struct bytes link = type == '2' ? content : BYTES(""), records = BYTES("");
    if (split(path) == path.len)
        records = record(t, "path", path);
    if (link.len > 100)
        records = arena_printf(&t->arena, "%.*s%.*s", BYTES_ARG(records),
                               BYTES_ARG(record(t, "linkpath", link)));
    int r = 0;
    if (records.len) {
        r = header(t, BYTES("PaxHeader"), 'x', 0644, records.len, BYTES(""));
        if (r == 0)
            r = add(t, records);
    }
    if (r == 0)
        r = header(t, path, type, mode, type == '0' ? content.len : 0, link);
    return r == 0 && type == '0' ? add(t, content) : r;
}

/* Directories are explicit, each before what it holds. */
static int dirs_of(struct taring *t, struct table *seen, struct bytes path)
{
    for (size_t i = 0; i < path.len; i++) {
        bool first = false;
        if (path.at[i] != '/')
            continue;
        table_put(seen, bytes_head(path, i), &first);
        int r = first ? entry(t, bytes_head(path, i + 1), '5', 0755, BYTES("")) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int recipe_tar(const struct recipe *recipe, const struct cook *how, int out_fd,
               struct failure *f)
{
    struct taring t = {.out = BUF(2ul * RECIPE_BYTES_MAX), .fd = out_fd};
    cleanup_table struct table seen = {0};
    struct item *items = NULL;
    size_t n = 0;
    int r = recipe_check(recipe, f);
    if (r == 0)
        r = recipe_items(recipe, how, &t.arena, &items, &n, f);
    if (r == 0) {
        for (size_t i = 0; i < n && r == 0; i++) {
            r = dirs_of(&t, &seen, items[i].path);
            if (r == 0)
                r = entry(&t, items[i].path, items[i].is_link ? '2' : '0', items[i].mode,
                          items[i].content);
        }
        if (r == 0)
            r = buf_add_zeros(&t.out, 2 * BLOCK);
        if (r == 0)
            r = flush(&t);
        if (r < 0)
            fail_errno(f, r, "can't write the tar");
    }
    buf_release(&t.out);
    arena_release(&t.arena);
    return r;
}
