/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a skeleton that travels: the trees that an instruction names. A read "names" .ctx
 * if that is its first component as written. Other reads may take it along, as `COPY . .` does.
 */
#include "skeleton-part.h"

#include "chunks.h"
#include "skeleton-priv.h"
#include "tar-header.h"

#include <errno.h>

/* Bytes. The part is one segment of the stream (pack.h). */
#define PART_MAX CHUNK_MAX
/* Bytes: room for the headers of a file as deep as a path can be, and of its directories. */
#define HEADERS_MAX (16ul << 20)

static bool part_names_carried(const struct df_read *read)
{
    struct bytes rest = read->pattern, first;
    return bytes_next(&rest, '/', &first) && bytes_equal(first, BYTES(RECIPE_CARRIED));
}

/* Whether it may read anything at all, because what it reads is not known. */
static bool part_reads_anything(const struct df_read *read)
{
    return read->kind == DF_READ_ALL || (read->pattern.len == 0 && read->widened.len);
}

struct choosing {
    const struct skeleton *skeleton;
    const struct reads *reads;
    const struct dockerfile *dockerfile;
    struct notes *notes;
    bool *chosen; /* by file */
    bool all;     /* choose every file */
    bool any_named, any_missing;
};

/* Tells the user which units the recipe has. */
static void part_note_units(const struct choosing *c)
{
    const struct skeleton *s = c->skeleton;
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].unit != SIZE_MAX && (i == 0 || s->at[i].unit != s->at[i - 1].unit)) {
            cleanup_arena struct arena a = {0};
            struct bytes hint = recipe_unit_hint(s->recipe, s->at[i].unit, &a);
            notes_add(c->notes, c->any_missing ? NOTE_WARNING : NOTE_INFO,
                      "the recipe has %.*s/%s%.*s", BYTES_ARG(s->at[i].top),
                      hint.len ? ", to be installed by " : "", BYTES_ARG(hint));
        }
}

/* Chooses the files that one read takes; sets *found if there is any. */
static int part_choose_read(struct choosing *c, size_t i, bool *found, struct failure *f)
{
    const struct skeleton *s = c->skeleton;
    struct reads *one;
    int r = reads_single(c->reads, i, &one, f);
    if (r < 0)
        return r;
    for (size_t k = 0; k < s->n; k++)
        if (reads_path(one, s->at[k].path, false))
            c->chosen[k] = *found = true;
    reads_free(one);
    return 0;
}

/* The source of a mount gives two reads, one as written and one expanded: they are one word. */
static bool part_ends_word(const struct reads *reads, size_t i)
{
    const struct df_read *a = &reads->at[i], *b = a + 1;
    return i + 1 == reads->n || a->line != b->line || !bytes_equal(a->source, b->source);
}

static int part_choose(struct choosing *c, struct failure *f)
{
    const struct skeleton *s = c->skeleton;
    size_t warned = SIZE_MAX;
    bool named = false, found = false; /* by the reads of the word so far */
    int r = 0;
    for (size_t i = 0; i < c->reads->n && r == 0; i++) {
        const struct df_read *read = &c->reads->at[i];
        c->all |= part_reads_anything(read);
        if (part_names_carried(read)) {
            named = c->any_named = true;
            r = part_choose_read(c, i, &found, f);
        }
        if (!part_ends_word(c->reads, i))
            continue;
        if (named && !found) {
            c->any_missing = true;
            notes_add(c->notes, NOTE_WARNING, "%s: reads %s, which the recipe doesn't have",
                      DF_WHERE(c->dockerfile, read->line), QUOTE(read->source));
        }
        named = found = false;
    }
    if (r < 0)
        return r;
    if (!c->any_named && !c->all) {
        c->any_missing = true;
        notes_add(c->notes, NOTE_WARNING,
                  "--recipe: no instruction of %s names %s, so nothing of it is sent; copy a "
                  "unit before the sources, as COPY %s/cargo/root/ ./",
                  QUOTE(c->dockerfile->name), RECIPE_CARRIED, RECIPE_CARRIED);
    }
    part_note_units(c);
    for (size_t k = 0; k < s->n; k++) {
        c->chosen[k] |= c->all;
        if (!c->chosen[k] || s->at[k].unit == warned)
            continue;
        warned = s->at[k].unit;
        if (warned != SIZE_MAX)
            recipe_unit_warnings(s->recipe, warned, c->notes);
    }
    return 0;
}

/* Finds an instruction that would take chosen files into an image without naming .ctx. */
static int part_find_swallower(const struct choosing *c, struct skeleton_part *ret,
                               struct failure *f)
{
    const struct skeleton *s = c->skeleton;
    for (size_t i = 0; i < c->reads->n && !ret->swallowed; i++) {
        struct reads *one;
        if (part_names_carried(&c->reads->at[i]))
            continue;
        int r = reads_single(c->reads, i, &one, f);
        if (r < 0)
            return r;
        for (size_t k = 0; k < s->n && !ret->swallowed; k++)
            ret->swallowed = c->chosen[k] && reads_path(one, s->at[k].path, false);
        ret->line = c->reads->at[i].line;
        reads_free(one);
    }
    return 0;
}

/* ---- entries ----------------------------------------------------------------------------- */

static void part_add_dirs(struct skeleton_part *part, struct table *seen, struct bytes path,
                          struct buf *out)
{
    for (size_t i = 0; i < path.len; i++) {
        bool first;
        if (path.at[i] != '/')
            continue;
        table_put(seen, bytes_head(path, i), &first);
        if (!first)
            continue;
        tar_add_header(out, &(struct tar_header){.path = bytes_head(path, i),
                                                 .type = '5',
                                                 .mode = 0755,
                                                 .mtime = SKELETON_MTIME});
        part->n_dirs++;
    }
}

static int part_add_file(struct skeleton_part *part, struct table *seen,
                         const struct carried *file, struct buf *out)
{
    int r = buf_reserve(out, HEADERS_MAX + file->content.len);
    if (r < 0)
        return r;
    part_add_dirs(part, seen, file->path, out);
    struct tar_header h = {.path = file->path,
                           .type = file->is_link ? '2' : '0',
                           .mode = file->mode,
                           .size = file->is_link ? 0 : file->content.len,
                           .mtime = SKELETON_MTIME,
                           .link = file->is_link ? file->content : BYTES("")};
    tar_add_header(out, &h);
    part->n_links += file->is_link;
    part->n_files += !file->is_link;
    part->bytes += h.size;
    r = file->is_link ? 0 : buf_add_bytes(out, file->content);
    return r < 0 ? r : buf_add_zeros(out, ustar_padding(h.size));
}

int skeleton_part(const struct skeleton *s, const struct send_request *request,
                  const struct reads *reads, struct notes *notes, struct arena *arena,
                  struct skeleton_part *ret, struct failure *f)
{
    struct choosing c = {.skeleton = s,
                         .reads = reads,
                         .dockerfile = request->dockerfile,
                         .notes = notes,
                         .chosen = ARENA_ARRAY(arena, s->n + 1, bool),
                         .all = request->full};
    cleanup_table struct table seen = {0};
    cleanup_buf struct buf out = BUF(PART_MAX);
    *ret = (struct skeleton_part){0};
    int r = part_choose(&c, f);
    if (r == 0)
        r = part_find_swallower(&c, ret, f);
    for (size_t k = 0; k < s->n && r == 0; k++) {
        if (!c.chosen[k])
            continue;
        r = part_add_file(ret, &seen, &s->at[k], &out);
        if (r < 0)
            fail(f, r, "--recipe: what is read of it has more than %d MiB: name units",
                 PART_MAX >> 20);
    }
    ret->tar = arena_copy(arena, buf_bytes(&out));
    return r;
}

void skeleton_digest(const struct skeleton *s, const struct df_read *read,
                     const struct reads *one, struct sha256_state *state, uint64_t *n_files,
                     uint64_t *bytes)
{
    struct skeleton_part part = {0};
    cleanup_table struct table seen = {0};
    cleanup_buf struct buf out = BUF(PART_MAX);
    for (size_t k = 0; k < s->n && part_names_carried(read); k++) {
        if (!reads_path(one, s->at[k].path, false))
            continue;
        if (part_add_file(&part, &seen, &s->at[k], &out) < 0)
            abort(); /* skeleton_part() had room for all of it */
    }
    if (out.len)
        sha256_add(state, buf_bytes(&out));
    *n_files += part.n_files;
    *bytes += part.bytes;
}
