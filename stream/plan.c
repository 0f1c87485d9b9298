/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes around the chunks of a view. The Dockerfile comes last of all, so that a stream
 * that is cut anywhere before its end has none:
 *
 *   plain:   [./] [guard] [.ctx] | chunks | Dockerfile, end
 *                                   ([./] only if the first entry is no plain ustar header:
 *                                    Docker sniffs 1,024 bytes and knows no other)
 *   inner:   [.ctx] ctx.tar{ [./] | chunks | end } Dockerfile, end
 *   bare:    [./] [.ctx] | chunks | end
 */
#include "plan.h"

#include <errno.h>

static const uint8_t end_marks[2 * USTAR_BLOCK];

/* The text of a guard entry: no builder knows its instruction, so that a cut stream fails. */
#define GUARD_TEXT                                                                             \
    "# This stream was cut short: its Dockerfile comes last.\nINCOMPLETE stream\n"

struct terms terms_of(const struct send_request *request, const struct tree *tree, uint32_t bit,
                      const struct carriage *carriage)
{
    struct terms terms = {.bit = bit,
                          .fixed_mtime = request->mtime == SEND_MTIME_FIXED,
                          .mtime_seconds = request->mtime_seconds,
                          .classic = request->builder == SEND_CLASSIC};
    if (carriage->how == CARRY_NODE) {
        const struct node *node = tree_find(tree, carriage->name);
        terms.aside = carriage->name;
        terms.dockerfile = request->control->dockerfile;
        terms.dev = node->id.dev;
        terms.ino = node->id.ino;
    } else if (carriage->how == CARRY_EXTRA && carriage->replaces) {
        terms.aside = carriage->name;
        terms.aside_dropped = true;
    }
    return terms;
}

/* ---- literal entries ---------------------------------------------------------------- */

struct planner {
    const struct send_request *request;
    const struct carriage *carriage;
    struct plan *plan;
    struct send_stats *stats;
};

static void plan_add(struct planner *p, struct entries *to, struct entry e)
{
    *ARENA_PUSH(&to->arena, to->at, &to->n, &to->cap) = e;
    p->plan->tar_bytes += entry_tar_bytes(&p->plan->terms, &e);
}

static void plan_add_raw(struct planner *p, struct entries *to, struct bytes raw)
{
    plan_add(p, to, (struct entry){.kind = ENTRY_RAW, .path = BYTES(""), .text = raw});
}

static void plan_add_text(struct planner *p, struct entries *to, struct bytes path,
                          struct bytes text)
{
    p->stats->n_files++;
    p->stats->content_bytes += text.len;
    plan_add(p, to, (struct entry){.kind = ENTRY_TEXT, .path = path, .text = text});
}

/* The header of a directory "." with the root's own mode. */
static struct bytes plan_dot_header(struct planner *p)
{
    cleanup_buf struct buf out = BUF(USTAR_BLOCK);
    const struct entry root = {.path = BYTES("."), .node = &p->plan->tree->root};
    struct tar_header h = entry_header(&p->plan->terms, &root, NULL);
    tar_add_header(&out, &h);
    return arena_copy(&p->plan->arena, buf_bytes(&out));
}

static struct bytes plan_inner_header(struct planner *p, uint64_t size)
{
    cleanup_buf struct buf out = BUF(4 * USTAR_BLOCK);
    struct tar_header h = {
        .path = p->carriage->tar_name, .type = '0', .mode = 0644, .size = size};
    if (!tar_is_plain(&h) && buf_add_bytes(&out, plan_dot_header(p)) < 0)
        abort();
    tar_add_header(&out, &h);
    return arena_copy(&p->plan->arena, buf_bytes(&out));
}

static void plan_add_recipe(struct planner *p)
{
    if (p->plan->recipe.len)
        plan_add_raw(p, &p->plan->before, p->plan->recipe);
}

static void plan_add_inner(struct planner *p)
{
    struct plan *plan = p->plan;
    bool empty = !(plan->tree->root.sent & plan->terms.bit);
    uint64_t inside = plan->tar_bytes + sizeof(end_marks) + (empty ? USTAR_BLOCK : 0);
    plan_add_recipe(p);
    plan_add_raw(p, &plan->before, plan_inner_header(p, inside));
    /* Docker takes a tar without entries for a plain file, and would copy it, not unpack it. */
    if (empty)
        plan_add_raw(p, &plan->before, plan_dot_header(p));
    plan_add_raw(p, &plan->after, bytes_at(end_marks, sizeof(end_marks)));
    plan_add_text(p, &plan->after, p->carriage->name, p->carriage->text);
    plan->fixed_sizes = true;
}

/* The tree's own Dockerfile, last: with the text that was parsed, or as a link to another of
 * its names. */
static void plan_add_dockerfile(struct planner *p)
{
    struct plan *plan = p->plan;
    const struct node *node = tree_find(plan->tree, p->carriage->name);
    struct entry e;
    if (!entry_of(&plan->terms, plan->links, p->carriage->name, node, &e))
        abort(); /* carry_decide() chose a regular file */
    if (e.kind == ENTRY_LINK)
        p->stats->n_hardlinks++;
    else
        p->stats->n_files++, p->stats->content_bytes += e.text.len;
    plan_add(p, &plan->after, e);
}

static bool plan_first_is_plain(const struct plan *plan)
{
    struct entries own = {0};
    const struct entry *first = plan->before.n ? &plan->before.at[0] : NULL;
    for (size_t i = 0; !first && i < plan->chunks.n; i++) {
        if (!plan->chunks.at[i]->n)
            continue;
        chunk_entries(&plan->terms, plan->links, plan->tree, plan->chunks.at[i], &own);
        first = &own.at[0];
    }
    if (!first)
        first = &plan->after.at[0];
    bool plain = true;
    if (first->kind != ENTRY_RAW) {
        struct tar_header h = entry_header(&plan->terms, first, NULL);
        plain = tar_is_plain(&h);
    }
    arena_release(&own.arena);
    return plain;
}

/* Whether this view sends the path: a daemon's tree has nodes that only other views send. */
static bool plan_sends(const struct planner *p, struct bytes path)
{
    const struct node *node = tree_find(p->plan->tree, path);
    return node && (node->keep & p->plan->terms.bit);
}

static void plan_add_plain(struct planner *p)
{
    struct plan *plan = p->plan;
    const struct carriage *c = p->carriage;
    if (c->how == CARRY_NODE)
        plan_add_dockerfile(p);
    else if (c->how == CARRY_EXTRA)
        plan_add_text(p, &plan->after, c->name, c->text);
    if (c->guard)
        plan_add_text(p, &plan->before, BYTES("Dockerfile"), BYTES(GUARD_TEXT));
    if (c->ship_ignore && !plan_sends(p, BYTES(".dockerignore")))
        plan_add_text(p, &plan->before, BYTES(".dockerignore"), p->request->control->ignore);
    plan_add_recipe(p);
}

/* ---- sums, notes and limits -------------------------------------------------------------- */

static void plan_sum_chunks(struct planner *p)
{
    struct send_stats *stats = p->stats;
    for (size_t i = 0; i < p->plan->chunks.n; i++) {
        const struct chunk *chunk = p->plan->chunks.at[i];
        const struct chunk_counts *c = &chunk->counts;
        stats->n_files += c->n_files;
        stats->n_dirs += c->n_dirs;
        stats->n_links += c->n_links;
        stats->n_hardlinks += c->n_hardlinks;
        stats->n_skipped += c->n_skipped;
        stats->content_bytes += c->content_bytes;
        p->plan->tar_bytes += chunk->tar_bytes;
    }
    stats->n_chunks = p->plan->chunks.n;
}

struct noting {
    const struct planner *p;
    struct notes *notes;
    struct bytes end; /* the first path of the next chunk; {NULL}: there is none */
};

static const char *plan_special_kind(uint32_t mode)
{
    return S_ISSOCK(mode) ? "socket" : "device";
}

static bool plan_note_entry(void *context, struct bytes path, const struct node *node)
{
    const struct noting *n = context;
    const struct plan *plan = n->p->plan;
    struct entry e;
    if (n->end.at && stream_order(path, n->end) >= 0)
        return false;
    if (!entry_of(&plan->terms, plan->links, path, node, &e))
        notes_add(n->notes, NOTE_WARNING, "%s is a %s: not sent", QUOTE(path),
                  plan_special_kind(node->id.mode));
    else if (e.empty && S_ISREG(node->id.mode))
        notes_add(
            n->notes, NOTE_WARNING,
            "%s is sent without its content: one rule of %s keeps it, another refuses its "
            "content (as BuildKit has it)",
            QUOTE(path), QUOTE(n->p->request->control->ignore_name));
    return true;
}

static void plan_add_notes(const struct planner *p, struct notes *notes)
{
    const struct plan *plan = p->plan;
    for (size_t i = 0; i < plan->chunks.n; i++) {
        if (!plan->chunks.at[i]->counts.n_notes)
            continue;
        struct noting n = {.p = p, .notes = notes};
        if (i + 1 < plan->chunks.n)
            n.end = chunk_first(plan->chunks.at[i + 1]);
        entries_walk(&plan->terms, plan->tree, chunk_first(plan->chunks.at[i]), plan_note_entry,
                     &n);
    }
}

/* The path of the largest file, in the plan's arena. */
static struct bytes plan_largest_path(struct planner *p, uint64_t *ret_size)
{
    struct plan *plan = p->plan;
    const struct chunk *largest = NULL;
    struct bytes path = BYTES("");
    for (size_t i = 0; i < plan->chunks.n; i++)
        if (!largest || plan->chunks.at[i]->largest > largest->largest)
            largest = plan->chunks.at[i];
    *ret_size = largest ? largest->largest : 0;
    if (!largest)
        return path;
    struct entries own;
    chunk_entries(&plan->terms, plan->links, plan->tree, largest, &own);
    for (size_t i = 0; i < own.n && path.len == 0; i++)
        if (own.at[i].kind != ENTRY_LINK && S_ISREG(own.at[i].node->id.mode) &&
            own.at[i].node->id.size == largest->largest)
            path = arena_copy(&plan->arena, own.at[i].path);
    arena_release(&own.arena);
    return path;
}

static int plan_check_gates(struct planner *p, struct failure *f)
{
    const struct send_request *request = p->request;
    const struct send_stats *stats = p->stats;
    uint64_t n_files = stats->n_files + stats->n_links + stats->n_hardlinks, largest_bytes;
    char size[16], limit[16], largest[16];
    if (request->max_files && n_files > request->max_files)
        return fail(f, SEND_REFUSED, "the context has %llu files, more than --max-files=%llu",
                    (unsigned long long)n_files, (unsigned long long)request->max_files);
    if (!request->max_bytes || stats->content_bytes <= request->max_bytes)
        return 0;
    struct bytes path = plan_largest_path(p, &largest_bytes);
    return fail(f, SEND_REFUSED,
                "the context has %s of files, more than --max-size (%s); the largest is %s "
                "with %s",
                number_human(size, stats->content_bytes),
                number_human(limit, request->max_bytes), QUOTE(path),
                number_human(largest, largest_bytes));
}

int plan_finish(const struct send_request *request, const struct carriage *carriage,
                struct notes *notes, struct plan *plan, struct send_stats *stats,
                struct failure *f)
{
    struct planner p = {request, carriage, plan, stats};
    plan->tar_bytes = 0;
    plan_sum_chunks(&p);
    plan_add_notes(&p, notes);
    if (carriage->how == CARRY_INNER)
        plan_add_inner(&p);
    else
        plan_add_plain(&p);
    plan_add_raw(&p, &plan->after, bytes_at(end_marks, sizeof(end_marks)));
    if (carriage->how != CARRY_INNER && !plan_first_is_plain(plan)) {
        struct entries before = plan->before;
        plan->before = (struct entries){0};
        plan_add_raw(&p, &plan->before, plan_dot_header(&p));
        for (size_t i = 0; i < before.n; i++)
            *ARENA_PUSH(&plan->before.arena, plan->before.at, &plan->before.n,
                        &plan->before.cap) = before.at[i];
        arena_release(&before.arena);
    }
    return plan_check_gates(&p, f);
}

void plan_release(struct plan *plan)
{
    arena_release(&plan->before.arena);
    arena_release(&plan->after.arena);
    chunks_release(&plan->chunks);
    links_unref(plan->links);
    hashes_free(plan->hashes);
    arena_release(&plan->arena);
    tree_unref(plan->tree);
    *plan = (struct plan){0};
}
