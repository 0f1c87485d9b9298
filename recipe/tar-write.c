/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe_tar(): a skeleton as a tar that busybox can read, too. The headers are ustar
 * (base/ustar.h has the table); further entries come before one whose path or link target does
 * not fit. Every field is a constant or comes from the recipe, so equal recipes give equal
 * tars.
 */
#include "check.h"
#include "items.h"

/* Bytes of pending output, and of the PAX records of one file: both are less than twice what a
 * recipe may contain. */
#define TAR_BYTES_MAX (2ul * RECIPE_BYTES_MAX)

/* Pending output is written when there is more than this, so that writes are large. */
#define TAR_FLUSH_BYTES (1u << 20)

struct taring {
    struct buf out;
    int fd;
    struct arena arena;
};

static int tar_write_out(struct taring *t)
{
    int r = io_write_full(t->fd, t->out.at, t->out.len);
    buf_clear(&t->out);
    return r;
}

static int tar_write_add(struct taring *t, struct bytes content)
{
    int r = buf_add_bytes(&t->out, content);
    if (r == 0)
        r = buf_add_zeros(&t->out, ustar_padding(content.len));
    return r == 0 && t->out.len > TAR_FLUSH_BYTES ? tar_write_out(t) : r;
}

static int tar_write_header(struct taring *t, const struct ustar_header *h)
{
    uint8_t block[USTAR_BLOCK];
    ustar_fill(block, h);
    ustar_seal(block);
    return tar_write_add(t, bytes_at(block, sizeof(block)));
}

static int tar_write_entry(struct taring *t, struct bytes path, uint8_t type, unsigned mode,
                           struct bytes content)
{
    struct bytes link = type == '2' ? content : BYTES("");
    cleanup_buf struct buf records = BUF(TAR_BYTES_MAX);
    bool long_path = ustar_split(path) == SIZE_MAX, long_link = link.len > USTAR_NAME_MAX;
    int r = 0;
    if (long_path && ustar_is_ascii(path))
        r = ustar_record(&records, "path", path);
    if (r == 0 && long_link && ustar_is_ascii(link))
        r = ustar_record(&records, "linkpath", link);
    if (r == 0 && records.len) {
        r = tar_write_header(t, &(struct ustar_header){.path = BYTES("PaxHeader"),
                                                       .type = 'x',
                                                       .mode = 0644,
                                                       .size = records.len,
                                                       .mtime = SKELETON_MTIME});
        if (r == 0)
            r = tar_write_add(t, buf_bytes(&records));
    }
    if (r == 0 && long_link && !ustar_is_ascii(link))
        r = ustar_long(&t->out, 'K', link);
    if (r == 0 && long_path && !ustar_is_ascii(path))
        r = ustar_long(&t->out, 'L', path);
    if (r == 0)
        r = tar_write_header(t, &(struct ustar_header){.path = path,
                                                       .link = link,
                                                       .type = type,
                                                       .mode = mode,
                                                       .size = type == '0' ? content.len : 0,
                                                       .mtime = SKELETON_MTIME});
    return r == 0 && type == '0' ? tar_write_add(t, content) : r;
}

/* Writes the directories above a path, each before the first entry in it. */
static int tar_write_dirs(struct taring *t, struct table *seen, struct bytes path)
{
    for (size_t i = 0; i < path.len; i++) {
        bool first = false;
        if (path.at[i] != '/')
            continue;
        table_put(seen, bytes_head(path, i), &first);
        int r = first ? tar_write_entry(t, bytes_head(path, i + 1), '5', 0755, BYTES("")) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int recipe_tar(const struct recipe *recipe, const struct cook *how, int out_fd,
               struct failure *f)
{
    struct taring t = {.out = BUF(TAR_BYTES_MAX), .fd = out_fd};
    cleanup_table struct table seen = {0};
    struct item *items = NULL;
    size_t n = 0;
    int r = recipe_check(recipe, f);
    if (r == 0)
        r = recipe_items(recipe, how, &t.arena, &items, &n, f);
    if (r == 0) {
        for (size_t i = 0; i < n && r == 0; i++) {
            r = tar_write_dirs(&t, &seen, items[i].path);
            if (r == 0)
                r = tar_write_entry(&t, items[i].path, items[i].is_link ? '2' : '0',
                                    items[i].mode, items[i].content);
        }
        if (r == 0)
            r = buf_add_zeros(&t.out, 2 * USTAR_BLOCK);
        if (r == 0)
            r = tar_write_out(&t);
        if (r < 0)
            fail_errno(f, r, "can't write the tar");
    }
    buf_release(&t.out);
    arena_release(&t.arena);
    return r;
}
