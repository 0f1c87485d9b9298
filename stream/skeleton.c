/* SPDX-License-Identifier: Apache-2.0 */
#include "skeleton.h"

#include "content.h"
#include "recipe.h"
#include "skeleton-priv.h"

#include <errno.h>
#include <pthread.h>

enum {
    KEPT_MAX = 8,   /* recipes of one root: one for each choice of ecosystems and ignore file */
    READ_TRIES = 6, /* as for the files of a stream: pack.c */
};

/* A larger one is made anew each time, rather than kept in memory. */
#define KEPT_BYTES_MAX (64u << 20)

static void skeleton_free(struct skeleton *s)
{
    recipe_free(s->recipe);
    table_release(&s->sources);
    notes_release(&s->notes);
    arena_release(&s->arena);
    free(s);
}

static struct skeleton *skeleton_ref(struct skeleton *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void skeleton_unref(struct skeleton *s)
{
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        skeleton_free(s);
}

/* ---- tree -> listing ------------------------------------------------------------------- */

struct making {
    const struct skeleton_request *request;
    struct skeleton *skeleton;
    struct listing listing;
    struct content_source source;
    struct content_dir dir;
};

static bool skeleton_look_up(void *context, struct bytes path, enum listed_kind *ret_kind,
                             struct bytes *ret_target)
{
    const struct making *m = context;
    uint32_t bit = m->request->bit;
    const struct node *node = tree_find(m->request->tree, path);
    if (!node || !(node->sent & bit))
        return false;
    *ret_kind = S_ISDIR(node->id.mode)   ? LISTED_DIR
                : S_ISLNK(node->id.mode) ? LISTED_LINK
                                         : LISTED_FILE;
    if (*ret_kind == LISTED_DIR)
        return true;
    *ret_target = node_target(node);
    return node->keep & bit && !(node->empty & bit) &&
           (*ret_kind == LISTED_LINK || S_ISREG(node->id.mode));
}

/* The regular file of the context at a path, with links followed inside it; {NULL}: none. */
static struct bytes skeleton_find_file(struct making *m, struct arena *a, struct bytes path)
{
    return listing_follow(a, path, skeleton_look_up, m);
}

static void skeleton_list_dir(struct making *m, const struct dir *dir, struct bytes path);

static void skeleton_list_node(struct making *m, const struct node *node, struct bytes parent,
                               const struct listing_beside *beside)
{
    uint32_t bit = m->request->bit, mode = node->id.mode;
    bool is_dir = S_ISDIR(mode);
    if (!(node->sent & bit) || (node->empty & bit) ||
        (is_dir && listing_is_product(node_name(node), parent, beside)))
        return;
    struct bytes path = path_join(&m->listing.arena, parent, node_name(node));
    if (node->below)
        skeleton_list_dir(m, node->below, path);
    if (!(node->keep & bit) || !(is_dir || S_ISREG(mode) || S_ISLNK(mode)))
        return;
    cleanup_arena struct arena arena = {0};
    listing_add(&m->listing, path,
                is_dir          ? LISTED_DIR
                : S_ISREG(mode) ? LISTED_FILE
                                : LISTED_LINK,
                S_ISLNK(mode) && skeleton_find_file(m, &arena, path).at);
}

static void skeleton_list_dir(struct making *m, const struct dir *dir, struct bytes path)
{
    struct listing_beside beside = {0};
    for (size_t i = 0; i < dir->n; i++)
        if (dir->nodes[i].keep & m->request->bit)
            listing_look_beside(node_name(&dir->nodes[i]), &beside);
    for (size_t i = 0; i < dir->n && !beside.venv && !pool_cancelled(m->request->send->pool);
         i++)
        skeleton_list_node(m, &dir->nodes[i], path, &beside);
}

/* ---- contents ---------------------------------------------------------------------------- */

/* Reads one version of a file that may have changed since the walk. */
static int skeleton_read_opened(struct making *m, struct bytes path,
                                const struct stat_identity *walked, struct buf *to,
                                bool *ret_executable, struct failure *f)
{
    for (int tries = 1;; tries++) {
        struct stat st;
        cleanup_fd int fd = -1;
        buf_clear(to);
        int r = content_open(&m->source, path, &fd, &st, f);
        if (r < 0)
            return r;
        *ret_executable = st.st_mode & 0111;
        r = io_read_rest(fd, to);
        if (r < 0)
            return fail_errno(f, r, "can't read %s", QUOTE(path));
        r = content_check(fd, &st, path, f);
        struct stat_identity is = stat_identity(&st);
        if (!stat_identity_equal(&is, walked) || content_is_sure(fd) == CONTENT_HELD)
            m->skeleton->as_walked = false;
        if (r != -ESTALE || tries == READ_TRIES)
            return r;
    }
}

/* Reads a file as the stream does: one version, and it notices if that is not the tree's. */
static int skeleton_read_source(void *context, struct bytes listed, struct buf *to,
                                bool *ret_executable, struct failure *f)
{
    struct making *m = context;
    struct skeleton *s = m->skeleton;
    int r = pool_check(m->request->send->pool, f);
    if (r < 0)
        return r;
    struct bytes path = skeleton_find_file(m, &m->listing.arena, listed);
    if (!path.at)
        return fail(f, -ENOENT, "can't read %s: it is no file of the context", QUOTE(listed));
    path = arena_copy(&s->arena, path);
    *table_put(&s->sources, path, NULL) = 1;
    const struct stat_identity *id = &tree_find(m->request->tree, path)->id;
    if (id->size > to->max || buf_reserve(to, (size_t)id->size) < 0)
        return fail(f, -E2BIG, "%s is larger than %zu MiB, which no manifest is", QUOTE(path),
                    to->max >> 20);
    enum content_sure sure = CONTENT_UNKNOWN;
    if (!content_read_as_walked(&m->source, &m->dir, path, id, to->at, &sure))
        return skeleton_read_opened(m, path, id, to, ret_executable, f);
    if (sure == CONTENT_HELD)
        s->as_walked = false;
    to->len = (size_t)id->size;
    *ret_executable = id->mode & 0111;
    return 0;
}

static int skeleton_make(const struct skeleton_request *request, struct skeleton **ret,
                         struct failure *f)
{
    struct skeleton *s = xcalloc(1, sizeof(*s));
    *s = (struct skeleton){.refs = 1, .as_walked = true};
    struct making m = {.request = request,
                       .skeleton = s,
                       .source = {request->send->root_fd, request->send->control->ignore_name,
                                  request->tree->clock_ns},
                       .dir = {.fd = -1}};
    m.listing.root_fd = request->send->root_fd;
    m.listing.reader = skeleton_read_source;
    m.listing.reader_context = &m;
    skeleton_list_dir(&m, request->tree->root.below, BYTES(""));
    int r = pool_check(request->send->pool, f);
    listing_seal(&m.listing);
    struct bytes ecos = request->send->recipe_ecos;
    struct recipe_options options = {.ecos = ecos.len ? arena_string(&s->arena, ecos) : NULL};
    r = r < 0 ? r : recipe_prepare(&m.listing, &options, &s->notes, &s->recipe, f);
    if (r == 0)
        r = recipe_carried(s->recipe, &s->arena, &s->at, &s->n, f);
    /* An ecosystem may go on without a file that it could not read. */
    r = r < 0 ? r : pool_check(request->send->pool, f);
    content_dir_close(&m.dir);
    listing_release(&m.listing);
    if (r < 0) {
        skeleton_free(s);
        fail_wrap(f, r, "--recipe");
        return r;
    }
    s->ecos = arena_copy(&s->arena, ecos);
    *ret = s;
    return 0;
}

/* ---- kept skeletons ---------------------------------------------------------------------- */

struct kept {
    struct skeleton *skeleton; /* NULL: free */
    struct tree *tree;         /* that it was made from */
    uint64_t serial, used_ns;
    struct bytes ecos; /* the skeleton's */
};

struct skeletons {
    pthread_mutex_t lock; /* guards at */
    struct kept at[KEPT_MAX];
};

struct skeletons *skeletons_new(void)
{
    struct skeletons *kept = xcalloc(1, sizeof(*kept));
    pthread_mutex_init(&kept->lock, NULL);
    return kept;
}

static void kept_drop(struct kept *kept)
{
    skeleton_unref(kept->skeleton);
    tree_unref(kept->tree);
    *kept = (struct kept){0};
}

void skeletons_free(struct skeletons *kept)
{
    for (size_t i = 0; i < KEPT_MAX; i++)
        kept_drop(&kept->at[i]);
    pthread_mutex_destroy(&kept->lock);
    free(kept);
}

void skeletons_trim(struct skeletons *kept, uint64_t since_ns)
{
    pthread_mutex_lock(&kept->lock);
    for (size_t i = 0; i < KEPT_MAX; i++)
        if (kept->at[i].used_ns < since_ns)
            kept_drop(&kept->at[i]);
    pthread_mutex_unlock(&kept->lock);
}

static uint64_t skeleton_bytes(const struct skeleton *s)
{
    return s->arena.used_bytes + recipe_bytes(s->recipe);
}

uint64_t skeletons_bytes(struct skeletons *kept)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&kept->lock);
    for (size_t i = 0; i < KEPT_MAX; i++)
        if (kept->at[i].skeleton)
            bytes += skeleton_bytes(kept->at[i].skeleton);
    pthread_mutex_unlock(&kept->lock);
    return bytes;
}

static bool kept_is_for(const struct kept *k, const struct skeleton_request *request)
{
    return k->skeleton && k->serial == request->serial &&
           bytes_equal(k->ecos, request->send->recipe_ecos);
}

/* The place of the request's skeleton; if it has none, the free or oldest place for it. */
static struct kept *kept_find__with_lock(struct skeletons *kept,
                                         const struct skeleton_request *request)
{
    struct kept *oldest = &kept->at[0];
    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct kept *k = &kept->at[i];
        if (kept_is_for(k, request))
            return k;
        if (k->used_ns < oldest->used_ns)
            oldest = k;
    }
    return oldest;
}

struct comparing {
    const struct skeleton *skeleton;
    const struct tree *was, *is;
    uint32_t bit;
    bool differs;
};

/* A recipe depends on names, on links, and on the contents of its sources. */
static void kept_on_difference(void *context, struct bytes path)
{
    struct comparing *c = context;
    const struct node *was = tree_find(c->was, path), *is = tree_find(c->is, path);
    if (!was || !is || (was->keep & c->bit) != (is->keep & c->bit) ||
        (was->empty & c->bit) != (is->empty & c->bit) ||
        (was->id.mode & S_IFMT) != (is->id.mode & S_IFMT) || S_ISLNK(is->id.mode) ||
        table_get(&c->skeleton->sources, path))
        c->differs = true;
}

static bool kept_still_holds(const struct kept *k, const struct skeleton_request *request)
{
    struct comparing c = {
        .skeleton = k->skeleton, .was = k->tree, .is = request->tree, .bit = request->bit};
    tree_compare(k->tree, request->tree, request->bit, kept_on_difference, &c);
    return !c.differs;
}

static void kept_put(struct skeletons *kept, const struct skeleton_request *request,
                     struct skeleton *skeleton)
{
    pthread_mutex_lock(&kept->lock);
    struct kept *k = kept_find__with_lock(kept, request);
    /* Another answer may have put one of a newer tree meanwhile. */
    if (!kept_is_for(k, request) || k->tree->generation <= request->tree->generation) {
        struct kept new = {.skeleton = skeleton_ref(skeleton),
                           .tree = tree_ref(request->tree),
                           .serial = request->serial,
                           .used_ns = clock_now_ns(),
                           .ecos = skeleton->ecos};
        kept_drop(k);
        *k = new;
    }
    pthread_mutex_unlock(&kept->lock);
}

/* What is kept for the request, with references of its own. */
static struct kept kept_get(struct skeletons *kept, const struct skeleton_request *request)
{
    struct kept found = {0};
    pthread_mutex_lock(&kept->lock);
    struct kept *k = kept_find__with_lock(kept, request);
    if (kept_is_for(k, request)) {
        found = *k;
        skeleton_ref(found.skeleton);
        tree_ref(found.tree);
    }
    pthread_mutex_unlock(&kept->lock);
    return found;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int skeleton_check_own(const struct skeleton_request *request, struct failure *f)
{
    const struct node *own = tree_find(request->tree, BYTES(RECIPE_CARRIED));
    if (!own || !(own->sent & request->bit))
        return 0;
    return fail(f, -EEXIST,
                "%s has a %s of its own, where --recipe puts the recipe: rename it, or exclude "
                "it by a line /%s in %s",
                QUOTE(request->send->root_name), RECIPE_CARRIED, RECIPE_CARRIED,
                QUOTE(request->send->control->ignore_name));
}

int skeleton_get(struct skeletons *kept, const struct skeleton_request *request,
                 struct notes *notes, struct skeleton **ret, struct failure *f)
{
    struct skeleton *s = NULL;
    int r = skeleton_check_own(request, f);
    if (r < 0)
        return r;
    if (kept) {
        struct kept found = kept_get(kept, request);
        if (found.skeleton && kept_still_holds(&found, request))
            s = skeleton_ref(found.skeleton);
        kept_drop(&found);
    }
    if (!s) {
        r = skeleton_make(request, &s, f);
        if (r < 0)
            return r;
    }
    if (kept && s->as_walked && skeleton_bytes(s) <= KEPT_BYTES_MAX)
        kept_put(kept, request, s);
    /* Warnings belong to units: skeleton_part() adds those of the units that are sent. */
    for (size_t i = 0; i < s->notes.n; i++)
        if (s->notes.at[i].level == NOTE_INFO)
            notes_add(notes, NOTE_INFO, "%.*s", BYTES_ARG(s->notes.at[i].text));
    *ret = s;
    return 0;
}
