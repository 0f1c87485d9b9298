/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tar round trip: tar-header.c writes entries that are made of the input, and libarchive must
 * read the same path, type, mode, size, time and target of each.
 *
 * The input is a sequence of entries: type, 2 bytes of mode, a time, a size, and two texts with
 * their lengths. All are reduced to what a context can contain: clean relative paths, no NUL.
 */
#include "fuzz.h"
#include "tar-header.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

enum { ENTRIES_MAX = 8, CONTENT_MAX = 3000 };

struct input {
    struct bytes rest;
    struct arena arena;
};

static uint64_t take_number(struct input *in, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && in->rest.len; i++) {
        value = value << 8 | in->rest.at[0];
        in->rest = bytes_from(in->rest, 1);
    }
    return value;
}

/* Takes a text off the input, without NULs. It is repeated a few times, so that the fuzzer
 * reaches the lengths at which tar headers change their form. */
static struct bytes take_text(struct input *in, size_t max)
{
    size_t len = take_number(in, 1), times = 1 + take_number(in, 1) % 20;
    struct bytes part = bytes_head(in->rest, len);
    in->rest = bytes_from(in->rest, part.len);
    uint8_t *text = arena_alloc(&in->arena, part.len * times + 1);
    size_t n = 0;
    for (size_t k = 0; k < times; k++)
        for (size_t i = 0; i < part.len && n < max; i++)
            text[n++] = part.at[i] ? part.at[i] : 'N';
    return bytes_at(text, n);
}

static struct tar_header take_header(struct input *in)
{
    static const uint8_t types[] = "0125";
    struct tar_header h = {.type = types[take_number(in, 1) % 4]};
    h.mode = (uint32_t)take_number(in, 2) & 07777;
    h.mtime = (int64_t)take_number(in, 5) - (1ll << 38);
    h.size = h.type == '0' ? take_number(in, 2) % CONTENT_MAX : 0;
    h.path = path_clean_root(&in->arena, take_text(in, 4000));
    if (h.path.len == 0)
        h.path = BYTES("x");
    if (h.type == '1' || h.type == '2')
        h.link = take_text(in, 4000);
    if (h.link.len == 0 && h.type != '0' && h.type != '5')
        h.link = BYTES("y");
    return h;
}

static void expect(bool holds, const char *what, struct bytes path)
{
    FUZZ_CHECK(holds, "libarchive reads another %s of %s", what, QUOTE(path));
}

static void expect_text(const char *got, struct bytes want, const char *what, struct bytes path)
{
    /* libarchive returns NULL for a text that its locale can't represent: no error. */
    if (got)
        expect(bytes_equal(bytes_of(got), want), what, path);
}

static void check_entry(struct archive_entry *e, const struct tar_header *h,
                        struct arena *arena)
{
    struct bytes path = h->path;
    if (h->type == '5')
        path = arena_printf(arena, "%.*s/", BYTES_ARG(path));
    expect_text(archive_entry_pathname(e), path, "path", h->path);
    expect((archive_entry_perm(e) & 07777) == h->mode, "mode", h->path);
    expect(archive_entry_mtime(e) == h->mtime, "time", h->path);
    expect(archive_entry_uid(e) == 0 && archive_entry_gid(e) == 0, "owner", h->path);
    if (h->type == '1') {
        expect_text(archive_entry_hardlink(e), h->link, "link", h->path);
        return;
    }
    mode_t type = h->type == '0' ? AE_IFREG : h->type == '5' ? AE_IFDIR : AE_IFLNK;
    expect(archive_entry_filetype(e) == type, "type", h->path);
    expect((uint64_t)archive_entry_size(e) == h->size, "size", h->path);
    if (h->type == '2')
        expect_text(archive_entry_symlink(e), h->link, "target", h->path);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static bool once;
    if (!once)
        once = setlocale(LC_ALL, "C.UTF-8");
    struct input in = {.rest = bytes_at(at, len)};
    struct tar_header headers[ENTRIES_MAX];
    cleanup_buf struct buf tar = BUF(16 << 20);
    size_t n = 0;
    while (in.rest.len && n < ENTRIES_MAX) {
        headers[n] = take_header(&in);
        size_t before = tar.len;
        tar_add_header(&tar, &headers[n]);
        expect(tar.len - before == tar_header_size(&headers[n]), "header size",
               headers[n].path);
        if (buf_add_zeros(&tar, headers[n].size + ustar_padding(headers[n].size)) < 0)
            abort();
        n++;
    }
    if (buf_add_zeros(&tar, 2 * USTAR_BLOCK) < 0)
        abort();
    struct archive *reader = archive_read_new();
    archive_read_support_format_tar(reader);
    if (archive_read_open_memory(reader, tar.at, tar.len) != ARCHIVE_OK)
        abort();
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e;
        int r = archive_read_next_header(reader, &e);
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            fprintf(stderr, "%s\n", archive_error_string(reader));
        expect(r == ARCHIVE_OK || r == ARCHIVE_WARN, "number of entries", headers[i].path);
        check_entry(e, &headers[i], &in.arena);
    }
    struct archive_entry *e;
    expect(n == 0 || archive_read_next_header(reader, &e) == ARCHIVE_EOF, "end", BYTES(""));
    archive_read_free(reader);
    arena_release(&in.arena);
    return 0;
}
