/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources with a pivot. BuildKit asks its client for the whole path of such a source, and
 * copies by its halves:
 *
 *     COPY --parents pkgs/X/./b /d/      (X stands for a star)
 *
 *     asked for     pkgs/X/b
 *     looked up     pkgs/X               among all names that came, whoever asked for them
 *     copied        b of each directory, and each file pkgs/X as it is
 *
 * So the file pkgs/README is copied if another instruction has asked for it. Source: BuildKit
 * dockerfile2llb/convert_copy.go, solver/llbsolver/file/backend.go; fsutil copy/copy.go.
 */
#include "pivots.h"
#include "analysis.h"
#include "reads-set.h"
#include "sources.h"

#include <errno.h>

bool pivot_split(struct bytes text, struct bytes *ret_path, struct bytes *ret_below)
{
    const uint8_t *at = memmem(text.at, text.len, "/./", 3);
    if (!at)
        return false;
    *ret_path = bytes_head(text, (size_t)(at - text.at));
    *ret_below = bytes_from(text, ret_path->len + 3);
    return true;
}

/* What a pattern matches, as a set of its own. */
static int pivots_make_set(struct analysis *an, struct df_read read, struct bytes pattern,
                           struct reads **ret, struct failure *f)
{
    struct reads *own = an->reads;
    struct table seen = an->seen;
    an->reads = reads_new();
    an->seen = (struct table){0};
    int r = source_add_exact(an, read, pattern, false, f);
    table_release(&an->seen);
    an->seen = seen;
    /* The classic builder's way with links: whatever the name leads to counts. */
    an->reads->deep_links = true;
    if (r < 0)
        reads_free(an->reads);
    else
        *ret = an->reads;
    an->reads = own;
    return r;
}

/* The components before the first one with a wildcard. */
static struct bytes pivots_head(struct bytes path)
{
    struct bytes rest = path, name;
    size_t len = 0;
    while (bytes_next(&rest, '/', &name) && !source_has_wildcard(name))
        len += name.len + (rest.at != NULL);
    return bytes_head(path, len && len < path.len ? len - 1 : len);
}

static bool pivots_climbs(struct bytes below)
{
    struct bytes rest = below, name;
    while (bytes_next(&rest, '/', &name))
        if (bytes_equal(name, BYTES("..")))
            return true;
    return false;
}

int pivots_add(struct analysis *an, const struct stage *stage, const struct df_instruction *in,
               uint32_t line, struct bytes word, const struct df_expanded *expanded,
               struct failure *f)
{
    struct reads *reads = an->reads;
    struct bytes path, below;
    if (!pivot_split(expanded->text, &path, &below))
        return 0;
    path = path_clean_root(&reads->arena, path);
    if (path.len == 0)
        return 0;
    if (reads->n_pivots == PIVOTS_MAX)
        return fail(f, -E2BIG, "the file has more than %d sources with a pivot", PIVOTS_MAX);
    const struct df_instruction *all = an->df->instructions;
    struct df_pivot pivot = {
        .line = line,
        .stage = (uint32_t)(stage - an->stages),
        .source = arena_copy(&reads->arena, word),
        .path = path,
        .trigger = in < all || in >= all + an->df->n_instructions,
        .unsure = expanded->unknown || pivots_climbs(below),
    };
    struct df_read read = {.kind = DF_READ_COPY, .line = line, .source = word};
    bool exact_whole = an->exact_whole;
    int r = pivots_make_set(an, read, path, &pivot.entries, f);
    struct bytes head = pivots_head(path);
    if (r == 0 && head.len && head.len < path.len)
        r = pivots_make_set(an, read, head, &pivot.head, f);
    an->exact_whole = exact_whole;
    if (r < 0) {
        reads_free(pivot.entries);
        return r;
    }
    *ARENA_PUSH(&reads->arena, reads->pivots, &reads->n_pivots, &reads->cap_pivots) = pivot;
    return 0;
}
