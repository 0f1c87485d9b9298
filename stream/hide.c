/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source with a pivot copies by what was transferred (df_pivot). `docker build .` transfers
 * what the instructions of its target read, with the values of its arguments. The stream
 * contains more: what other targets and other values may read, what the classic builder reads,
 * and the Dockerfile. So this file asks the Dockerfile again:
 *
 *     likely   what docker build . transfers for the target and the values of the request
 *     sure     … whatever the values are, if only the stage of the source is built
 *     widest   … with any values, for any target that the stream serves
 *
 * A name that the source would see and that is not likely is hidden from it. Where the three
 * differ, the image depends on what the stream can't know, and a warning says so.
 *
 * Of directories only the presence counts, because below a pivot nothing but the source's own
 * names is copied: without any directory that matches, BuildKit makes no destination, and
 * without the directory before the first wildcard the build fails. So directories are hidden if
 * nothing that matches is likely.
 */
#include "hide.h"

#include <errno.h>
#include <stdlib.h>

struct hiding {
    const struct send_request *request;
    const struct reads *reads;
    const struct tree *tree;
    uint32_t bit;
    struct bytes added;
    struct notes *notes;
    struct arena *arena;
    struct hidden *hidden;
    struct reads *target, *widest;
    struct reads **likely, **sure; /* by stage; NULL: not asked yet */
};

/* What `docker build .` would transfer. A file that no such build can read gives NULL. */
static int hide_ask(const struct hiding *h, enum df_unknowns unknowns, uint32_t stage,
                    struct reads **ret, struct failure *f)
{
    struct df_request request = h->request->reads;
    request.builder = DF_BUILDKIT;
    request.unknowns = unknowns;
    request.stage = stage;
    if (unknowns == DF_GUESS) {
        request.args_final = true;
        request.last_only = true;
    }
    int r = dockerfile_reads(h->request->dockerfile, &request, NULL, ret, f);
    if (r == -EINVAL)
        return 0;
    if (r == 0)
        r = reads_resolve(*ret, h->request->root_fd, f);
    return r;
}

/* ---- names of the tree -------------------------------------------------------------- */

static bool hide_holds_below(const struct hiding *h, const struct select_dir *at,
                             const struct node *node)
{
    for (size_t i = 0; node->below && i < node->below->n; i++) {
        const struct node *child = &node->below->nodes[i];
        struct select_verdict verdict;
        struct select_dir *below;
        if (!(child->sent & h->bit))
            continue;
        select_check(at, node_name(child), S_ISDIR(child->id.mode), &verdict, &below);
        bool holds = verdict.select || (verdict.descend && hide_holds_below(h, below, child));
        select_leave(below);
        if (holds)
            return true;
    }
    return false;
}

/* Tells whether the reads contain the node at `path`, or something below it. */
static bool hide_holds(const struct hiding *h, const struct reads *reads, struct bytes path,
                       const struct node *node)
{
    const struct select_dir *at = reads ? select_root(reads) : NULL;
    struct select_dir *owned = NULL;
    struct select_verdict verdict = {.select = reads};
    struct bytes rest = path, name;
    while (at && bytes_next(&rest, '/', &name)) {
        struct select_dir *below = NULL;
        select_check(at, name, rest.at || S_ISDIR(node->id.mode), &verdict, &below);
        select_leave(owned);
        at = owned = below;
        if (verdict.select || !verdict.descend)
            break;
    }
    bool holds = verdict.select || (verdict.descend && at && hide_holds_below(h, at, node));
    select_leave(owned);
    return holds;
}

/* ---- one source ---------------------------------------------------------------------- */

struct pivot_look {
    struct hiding *h;
    const struct df_pivot *pivot;
    const struct reads *likely, *sure;
    struct bytes *dirs; /* that match, and have nothing that is likely */
    size_t n_dirs, cap_dirs;
    bool found; /* something that matches is likely */
    bool noted;
};

static bool hide_is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("./_-+,=:@%~", c));
}

/* The path as a pattern that needs no quotes: every other character becomes a `?`. */
static struct bytes hide_pattern(struct arena *arena, struct bytes path)
{
    uint8_t *out = arena_alloc(arena, path.len + 1);
    size_t len = 0;
    while (path.len) {
        uint32_t rune;
        size_t n = utf8_decode(path, &rune);
        out[len++] = n == 1 && hide_is_plain(path.at[0]) ? path.at[0] : '?';
        path = bytes_from(path, n);
    }
    return bytes_at(out, len);
}

/* Tells whether the pattern of the path matches another path of the tree, too. */
static bool hide_is_vague(const struct hiding *h, struct bytes path, struct bytes pattern)
{
    const struct node *node = &h->tree->root, *next;
    struct bytes name, glob;
    while (node && bytes_next(&path, '/', &name) && bytes_next(&pattern, '/', &glob)) {
        next = NULL;
        for (size_t i = 0; node->below && i < node->below->n; i++) {
            const struct node *child = &node->below->nodes[i];
            if (bytes_equal(node_name(child), name))
                next = child;
            else if ((child->sent & h->bit) && glob_match(glob, node_name(child)))
                return true;
        }
        node = next;
    }
    return false;
}

static void hide_put(struct pivot_look *look, struct bytes name)
{
    struct hidden *hidden = look->h->hidden;
    struct arena *arena = look->h->arena;
    struct bytes pattern = hide_pattern(arena, name);
    const char *why = look->pivot->trigger ? "an ONBUILD trigger can't be rewritten"
                      : hide_is_vague(look->h, name, pattern)
                          ? "--exclude can't tell its name from others"
                          : NULL;
    if (why) {
        hidden->failed_line = look->pivot->line;
        hidden->failed_name = arena_copy(arena, name);
        hidden->failed_why = why;
        return;
    }
    struct df_hide *hide = hidden->n ? &hidden->at[hidden->n - 1] : NULL;
    if (!hide || hide->line != look->pivot->line) {
        hide = ARENA_PUSH(arena, hidden->at, &hidden->n, &hidden->cap);
        *hide = (struct df_hide){.line = look->pivot->line};
    }
    for (size_t i = 0; i < hide->n; i++)
        if (bytes_equal(hide->patterns[i], pattern))
            return;
    *ARENA_PUSH(arena, hide->patterns, &hide->n, &hide->cap) = pattern;
}

static void hide_note(struct pivot_look *look, struct bytes name, bool shown)
{
    const struct hiding *h = look->h;
    if (look->noted)
        return;
    look->noted = true;
    notes_add(h->notes, NOTE_WARNING,
              "%s: COPY --parents %s takes %s along only in a build that also reads it "
              "elsewhere; the stream %s it, as for the target and the values given here: "
              "--target and --args-final settle that",
              DF_WHERE(h->request->dockerfile, look->pivot->line), QUOTE(look->pivot->source),
              QUOTE(name), shown ? "shows" : "hides");
}

/* Judges a name that the source would see. */
static void hide_judge(struct pivot_look *look, struct bytes path, const struct node *node)
{
    const struct hiding *h = look->h;
    bool likely = hide_holds(h, look->likely, path, node);
    look->found = look->found || likely;
    if (S_ISDIR(node->id.mode)) {
        if (!likely)
            *ARENA_PUSH(h->arena, look->dirs, &look->n_dirs, &look->cap_dirs) =
                arena_copy(h->arena, path);
        return;
    }
    if (!likely)
        hide_put(look, path);
    if (likely ? !hide_holds(h, look->sure, path, node) : hide_holds(h, h->widest, path, node))
        hide_note(look, path, likely);
}

/* Walks what the set matches, down to the first match on each path. */
static void hide_walk(struct pivot_look *look, const struct select_dir *at, struct bytes path,
                      const struct node *node)
{
    const struct hiding *h = look->h;
    for (size_t i = 0; node->below && i < node->below->n; i++) {
        const struct node *child = &node->below->nodes[i];
        struct select_verdict verdict;
        struct select_dir *below;
        if (!(child->sent & h->bit))
            continue;
        select_check(at, node_name(child), S_ISDIR(child->id.mode), &verdict, &below);
        if (verdict.select || verdict.descend) {
            struct bytes name = path_join(h->arena, path, node_name(child));
            if (verdict.select)
                hide_judge(look, name, child);
            else
                hide_walk(look, below, name, child);
        }
        select_leave(below);
    }
}

static void hide_look(struct pivot_look *look, const struct reads *set)
{
    if (!set->everything)
        hide_walk(look, select_root(set), BYTES(""), &look->h->tree->root);
}

/* Hides what the stream adds beside the tree. */
static void hide_added(struct pivot_look *look)
{
    const struct hiding *h = look->h;
    const struct reads *set = look->pivot->entries;
    struct select_verdict verdict;
    struct select_dir *below;
    if (h->added.len && reads_path(set, h->added, false))
        hide_put(look, h->added);
    if (!h->request->recipe || path_under(look->pivot->path, BYTES(".ctx")))
        return;
    select_check(select_root(set), BYTES(".ctx"), true, &verdict, &below);
    if (verdict.select || verdict.descend)
        hide_put(look, BYTES(".ctx"));
    select_leave(below);
}

/* The answers for the source. What the target of the request doesn't need is built as a target
 * of its own. */
static int hide_answers(struct hiding *h, const struct df_pivot *pivot, struct pivot_look *look,
                        struct failure *f)
{
    bool of_target = false;
    for (size_t i = 0; h->target && i < h->target->n_pivots; i++)
        of_target = of_target || h->target->pivots[i].line == pivot->line;
    struct reads **likely = of_target ? &h->target : &h->likely[pivot->stage];
    struct reads **sure = &h->sure[pivot->stage];
    int r = *likely ? 0 : hide_ask(h, DF_GUESS, pivot->stage + 1, likely, f);
    if (r == 0 && !*sure)
        r = hide_ask(h, DF_OMIT, pivot->stage + 1, sure, f);
    look->likely = *likely;
    look->sure = *sure;
    return r;
}

static int hide_pivot(struct hiding *h, const struct df_pivot *pivot, struct failure *f)
{
    struct pivot_look look = {.h = h, .pivot = pivot};
    int r = hide_answers(h, pivot, &look, f);
    if (r < 0 || !look.likely)
        return r; /* no build gets as far as this */
    hide_look(&look, pivot->entries);
    hide_added(&look);
    if (!look.found) {
        if (pivot->head)
            hide_look(&look, pivot->head);
        for (size_t i = 0; i < look.n_dirs; i++)
            hide_put(&look, look.dirs[i]);
    }
    if (pivot->unsure && !look.noted)
        notes_add(h->notes, NOTE_WARNING,
                  "%s: what COPY --parents %s copies depends on a value that is not final, "
                  "and on what else the build reads; --args-final says that it is",
                  DF_WHERE(h->request->dockerfile, pivot->line), QUOTE(pivot->source));
    return 0;
}

int hide_find(const struct send_request *request, const struct reads *reads,
              const struct tree *tree, uint32_t bit, struct bytes added, struct notes *notes,
              struct arena *arena, struct hidden *ret, struct failure *f)
{
    size_t n_stages = request->dockerfile->n_stages;
    struct hiding h = {.request = request,
                       .reads = reads,
                       .tree = tree,
                       .bit = bit,
                       .added = added,
                       .notes = notes,
                       .arena = arena,
                       .hidden = ret,
                       .likely = ARENA_ARRAY(arena, n_stages, struct reads *),
                       .sure = ARENA_ARRAY(arena, n_stages, struct reads *)};
    *ret = (struct hidden){0};
    if (!reads->n_pivots)
        return 0;
    int r = hide_ask(&h, DF_GUESS, 0, &h.target, f);
    if (r == 0)
        r = hide_ask(&h, DF_WIDEN, 0, &h.widest, f);
    for (size_t i = 0; r == 0 && i < reads->n_pivots; i++)
        r = hide_pivot(&h, &reads->pivots[i], f);
    for (size_t i = 0; i < n_stages; i++) {
        reads_free(h.likely[i]);
        reads_free(h.sure[i]);
    }
    reads_free(h.target);
    reads_free(h.widest);
    return r;
}
