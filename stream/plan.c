/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree -> entries in order. Per directory names in byte order, children directly after their
 * directory; the Dockerfile last of all, so that a stream cut anywhere before its end has none.
 *
 *   plain:   [./] entries … Dockerfile, end             ([./] only where the first entry is
 *   inner:   ctx.tar{ entries … end } Dockerfile, end    no plain ustar header: Docker sniffs
 *                                                        1,024 bytes and knows no other)
 */
#include "stream-priv.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

static const uint8_t end_marks[2 * TAR_BLOCK];

/* What a guard entry says: neither builder knows the instruction, so a cut stream fails. */
#define GUARD_TEXT                                                                             \
    "# This stream was cut short: its Dockerfile comes last.\nINCOMPLETE stream\n"

struct planner {
    const struct send_request *request;
    const struct carriage *carriage;
    struct notes *notes;
    struct plan *plan;
    struct send_stats *stats;
    struct table inodes; /* (dev, ino) -> index + 1 of the first entry */
    const struct node *dockerfile, *largest;
    struct bytes largest_path;
    /* The walk opened each directory by its path; one more name fits behind it. */
    char path[PATH_MAX + NAME_MAX + 2];
};

static int64_t entry_mtime(const struct send_request *request, const struct stat_identity *id)
{
    if (request->mtime == SEND_MTIME_FIXED || !id)
        return request->mtime == SEND_MTIME_FIXED ? request->mtime_seconds : 0;
    /* Whole seconds, rounded down also before 1970. */
    int64_t ns = id->mtime_ns, second = 1000000000;
    return ns / second - (ns % second < 0);
}

struct tar_header entry_header(const struct send_request *request, const struct entry *e,
                               const struct stat_identity *now)
{
    assert(e->node || e->kind == ENTRY_TEXT); /* of the tree, or a text of ours */
    const struct stat_identity *id = now ? now : e->node ? &e->node->id : NULL;
    struct tar_header h = {.path = e->path,
                           .type = '0',
                           .mode = id ? id->mode & 07777 : 0644,
                           .mtime = entry_mtime(request, id)};
    if (e->kind == ENTRY_TEXT) {
        h.size = e->text.len;
    } else if (e->kind == ENTRY_LINK) {
        h.type = '1';
        h.link = e->text;
    } else if (S_ISDIR(id->mode)) {
        h.type = '5';
        /* The classic client passes through an excluded directory and doesn't send it: the
         * engine makes it anew. */
        if (request->builder == SEND_CLASSIC && !(e->node->flags & NODE_KEEP))
            h.mode = 0755;
    } else if (S_ISLNK(id->mode)) {
        h.type = '2';
        h.link = e->node->target;
        h.mode = 0777;
    } else if (!(e->node->flags & NODE_NO_CONTENT)) {
        h.size = id->size;
    }
    return h;
}

static uint64_t entry_bytes(const struct send_request *request, const struct entry *e)
{
    if (e->kind == ENTRY_RAW)
        return e->text.len;
    struct tar_header h = entry_header(request, e, NULL);
    return tar_header_size(&h) + h.size + tar_padding(h.size);
}

static struct entry *add(struct planner *p, struct entry e)
{
    struct plan *plan = p->plan;
    struct entry *at = ARENA_PUSH(&plan->arena, plan->at, &plan->n, &plan->cap);
    *at = e;
    plan->tar_bytes += entry_bytes(p->request, at);
    return at;
}

static void add_raw(struct planner *p, const void *at, size_t len)
{
    add(p, (struct entry){.kind = ENTRY_RAW, .path = BYTES(""), .text = bytes_at(at, len)});
}

/* The path by which an inode of several names was added before, or an empty one. */
static struct bytes first_path(struct planner *p, const struct node *node)
{
    if (node->n_links < 2)
        return BYTES("");
    uint64_t key[2] = {node->id.dev, node->id.ino};
    uintptr_t *first = table_get(&p->inodes, bytes_at(key, sizeof(key)));
    if (first)
        return p->plan->at[*first - 1].path;
    *table_put(&p->inodes, arena_copy(&p->plan->arena, bytes_at(key, sizeof(key))), NULL) =
        p->plan->n + 1;
    return BYTES("");
}

/* Links within the selected set: the first path is the file, each later one a link to it. */
static void add_file(struct planner *p, struct bytes path, const struct node *node)
{
    const struct control *control = p->request->control;
    struct entry e = {.kind = ENTRY_NODE, .path = path, .node = node};
    bool is_dockerfile = p->carriage->how == CARRY_NODE && p->dockerfile &&
                         node->id.ino == p->dockerfile->id.ino &&
                         node->id.dev == p->dockerfile->id.dev;
    if (is_dockerfile) {
        /* Sent as it was analysed, by whichever of its names comes first. */
        e.kind = ENTRY_TEXT;
        e.text = control->dockerfile;
    }
    struct bytes first = node->flags & NODE_NO_CONTENT ? BYTES("") : first_path(p, node);
    if (first.len) {
        e.kind = ENTRY_LINK;
        e.text = first;
        p->stats->n_hardlinks++;
    } else {
        p->stats->n_files++;
        p->stats->content_bytes += node->flags & NODE_NO_CONTENT ? 0 : node->id.size;
        if (!p->largest || node->id.size > p->largest->id.size) {
            p->largest = node;
            p->largest_path = path;
        }
    }
    if (node->flags & NODE_NO_CONTENT)
        notes_add(
            p->notes, NOTE_WARNING,
            "%s is sent without its content: one rule of %s keeps it, another refuses its "
            "content (as BuildKit has it)",
            QUOTE(path), QUOTE(control->ignore_name));
    add(p, e);
}

/* BuildKit makes a link of each name; the classic builder keeps the names of one link together.
 */
static void add_symlink(struct planner *p, struct bytes path, const struct node *node)
{
    struct entry e = {.kind = ENTRY_NODE, .path = path, .node = node};
    if (p->request->builder == SEND_CLASSIC)
        e.text = first_path(p, node);
    if (e.text.len) {
        e.kind = ENTRY_LINK;
        p->stats->n_hardlinks++;
    } else {
        p->stats->n_links++;
    }
    add(p, e);
}

static const char *special_kind(uint32_t mode)
{
    return S_ISSOCK(mode) ? "socket" : S_ISFIFO(mode) ? "FIFO" : "device";
}

static void add_node(struct planner *p, struct bytes path, const struct node *node)
{
    if (S_ISREG(node->id.mode)) {
        add_file(p, path, node);
    } else if (S_ISDIR(node->id.mode)) {
        p->stats->n_dirs++;
        add(p, (struct entry){.kind = ENTRY_NODE, .path = path, .node = node});
    } else if (S_ISLNK(node->id.mode)) {
        add_symlink(p, path, node);
    } else {
        p->stats->n_skipped++;
        notes_add(p->notes, NOTE_WARNING, "%s is a %s: not sent", QUOTE(path),
                  special_kind(node->id.mode));
    }
}

/* Whether a node of the root waits for the end of the stream, or is left out for the added one.
 */
static bool is_set_aside(const struct planner *p, size_t path_len, const struct node *node)
{
    const struct carriage *c = p->carriage;
    return path_len == 0 && bytes_equal(node->name, c->name) &&
           (c->how == CARRY_NODE || (c->how == CARRY_EXTRA && c->replaces));
}

/* Adds what is sent of a directory whose path is the first path_len bytes of p->path. */
static void add_dir(struct planner *p, const struct dir *dir, size_t path_len)
{
    for (size_t i = 0; dir && i < dir->n; i++) {
        const struct node *node = &dir->nodes[i];
        if (!(node->flags & NODE_SENT) || is_set_aside(p, path_len, node))
            continue;
        size_t at = path_len;
        if (at)
            p->path[at++] = '/';
        memcpy(p->path + at, node->name.at, node->name.len);
        at += node->name.len;
        add_node(p, arena_copy(&p->plan->arena, bytes_at(p->path, at)), node);
        add_dir(p, node->below, at); /* as deep as PATH_MAX allows */
    }
}

static void add_text(struct planner *p, struct bytes path, struct bytes text)
{
    p->stats->n_files++;
    p->stats->content_bytes += text.len;
    add(p, (struct entry){.kind = ENTRY_TEXT, .path = path, .text = text});
}

/* The header of a directory "." with the root's own mode. */
static struct bytes dot_header(struct planner *p, const struct tree *tree)
{
    cleanup_buf struct buf out = BUF(TAR_BLOCK);
    struct tar_header h = {.path = BYTES("."),
                           .type = '5',
                           .mode = tree->root.id.mode & 07777,
                           .mtime = entry_mtime(p->request, &tree->root.id)};
    tar_add_header(&out, &h);
    return arena_copy(&p->plan->arena, buf_bytes(&out));
}

/* Puts the inner tar's own header into entry 0, now that its length is known. */
static void add_inner_header(struct planner *p, const struct tree *tree)
{
    struct plan *plan = p->plan;
    cleanup_buf struct buf out = BUF(4 * TAR_BLOCK);
    struct tar_header h = {.path = p->carriage->tar_name,
                           .type = '0',
                           .mode = 0644,
                           .size = plan->tar_bytes,
                           .mtime = 0};
    if (!tar_is_plain(&h)) {
        struct bytes dot = dot_header(p, tree);
        if (buf_add_bytes(&out, dot) < 0)
            abort();
    }
    tar_add_header(&out, &h);
    plan->at[0].text = arena_copy(&plan->arena, buf_bytes(&out));
    plan->tar_bytes += out.len;
}

static void plan_inner(struct planner *p, const struct tree *tree)
{
    add_raw(p, NULL, 0); /* the inner tar's header, by add_inner_header() */
    if (!(tree->root.flags & NODE_SENT)) {
        /* Docker takes a tar without entries for a file, and would copy instead of unpack. */
        struct bytes dot = dot_header(p, tree);
        add_raw(p, dot.at, dot.len);
    }
    add_dir(p, tree->root.below, 0);
    add_raw(p, end_marks, sizeof(end_marks));
    add_inner_header(p, tree);
    add_text(p, p->carriage->name, p->carriage->text);
    p->plan->fixed_sizes = true;
}

static void plan_plain(struct planner *p, const struct tree *tree)
{
    const struct carriage *c = p->carriage;
    add_raw(p, NULL, 0); /* "./", where the first entry needs it */
    if (c->guard)
        add_text(p, BYTES("Dockerfile"), BYTES(GUARD_TEXT));
    if (c->ship_ignore && !tree_find(tree, BYTES(".dockerignore")))
        add_text(p, BYTES(".dockerignore"), p->request->control->ignore);
    add_dir(p, tree->root.below, 0);
    if (c->how == CARRY_NODE)
        add_node(p, c->name, p->dockerfile);
    else
        add_text(p, c->name, c->text);
    struct tar_header first = entry_header(p->request, &p->plan->at[1], NULL);
    if (!tar_is_plain(&first)) {
        p->plan->at[0].text = dot_header(p, tree);
        p->plan->tar_bytes += p->plan->at[0].text.len;
    }
}

static int check_gates(const struct planner *p, struct failure *f)
{
    const struct send_request *request = p->request;
    const struct send_stats *stats = p->stats;
    uint64_t n_files = stats->n_files + stats->n_links + stats->n_hardlinks;
    char size[16], limit[16], largest[16];
    if (request->max_files && n_files > request->max_files)
        return fail(f, SEND_REFUSED, "the context has %llu files, more than --max-files=%llu",
                    (unsigned long long)n_files, (unsigned long long)request->max_files);
    if (request->max_bytes && stats->content_bytes > request->max_bytes)
        return fail(f, SEND_REFUSED,
                    "the context has %s of files, more than --max-size (%s); the largest is %s "
                    "with %s",
                    number_human(size, stats->content_bytes),
                    number_human(limit, request->max_bytes), QUOTE(p->largest_path),
                    number_human(largest, p->largest->id.size));
    return 0;
}

int plan_make(const struct send_request *request, const struct tree *tree,
              const struct carriage *carriage, struct notes *notes, struct plan *ret,
              struct send_stats *stats, struct failure *f)
{
    struct planner *p = xcalloc(1, sizeof(*p));
    p->request = request;
    p->carriage = carriage;
    p->notes = notes;
    p->plan = ret;
    p->stats = stats;
    if (carriage->how == CARRY_NODE)
        p->dockerfile = tree_find(tree, carriage->name);
    *ret = (struct plan){.clock_ns = tree->clock_ns};
    if (carriage->how == CARRY_INNER)
        plan_inner(p, tree);
    else
        plan_plain(p, tree);
    add_raw(p, end_marks, sizeof(end_marks));
    int r = check_gates(p, f);
    table_release(&p->inodes);
    free(p);
    if (r < 0)
        plan_release(ret);
    return r;
}

void plan_release(struct plan *plan)
{
    arena_release(&plan->arena);
    *plan = (struct plan){0};
}
