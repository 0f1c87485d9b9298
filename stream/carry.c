/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the Dockerfile travels. The stream must build with plain `docker build -`, so it contains
 * the chosen Dockerfile under the name that the builders look for. If an instruction would read
 * this entry, and with `docker build .` there would be none, the whole context goes into an
 * inner tar, and the Dockerfile is rewritten to read from there. The table:
 *
 *   the tree's kept "Dockerfile" is the chosen one      it stays, as the last entry
 *   nothing reads the name it would get                 added, as the last entry
 *   an instruction reads it (COPY . .)                  inner tar and rewritten Dockerfile
 *   … and the file can't be rewritten                   added; a warning says what the image
 *                                                       gains
 *   a kept "dockerfile" that would build a cut stream   inner tar; else a guard entry, first
 *   an instruction reads .ctx without naming it         inner tar, .ctx beside it
 *   … and the file can't be rewritten                   a warning says what the image gains
 *   the builder gets a Dockerfile in another way (bare) the tree as it is
 */
#include "carry.h"

#include "hide.h"

#include <errno.h>

#define TAR_NAME "ctx.tar"

static const struct node *carry_find_kept(const struct tree *tree, uint32_t bit,
                                          struct bytes path)
{
    const struct node *node = tree_find(tree, path);
    return node && (node->keep & bit) ? node : NULL;
}

static bool carry_is_chosen(const struct node *node, const struct control *control)
{
    const struct stat *st = &control->dockerfile_stat;
    return node && st->st_ino && S_ISREG(node->id.mode) && node->id.ino == st->st_ino &&
           node->id.dev == st->st_dev;
}

/* Why the image would differ if the Dockerfile travelled the plain way. */
struct reason {
    bool shows;       /* an instruction can read an entry that docker build . would not have */
    bool alters;      /* … in the place of another file of that name, which the context has */
    bool guard;       /* a cut stream could build with another file as its Dockerfile */
    const char *text; /* for the user */
    uint32_t recipe_line; /* of an instruction that would take .ctx along; 0: none */
};

/*
 * Tells whether an instruction reads the added entry. BuildKit's client doesn't send what links
 * below the first wildcard lead to (dockerfile/follow.c), but BuildKit follows such a link to
 * an entry that is there.
 */
static int carry_shows(const struct send_request *request, const struct reads *reads,
                       struct bytes name, bool *ret_shows, struct failure *f)
{
    *ret_shows = reads_cover(reads, name);
    if (*ret_shows || reads->deep_links)
        return 0;
    struct reads *deep = NULL;
    int r = dockerfile_reads(request->dockerfile, &request->reads, NULL, &deep, f);
    if (r == 0) {
        deep->deep_links = true;
        r = reads_resolve(deep, request->root_fd, f);
    }
    if (r == 0)
        *ret_shows = reads_cover(deep, name);
    reads_free(deep);
    return r;
}

static struct reason carry_find_reason(const struct carriage *c, const struct tree *tree,
                                       uint32_t bit, bool shows, uint32_t recipe_line)
{
    struct reason reason = {0};
    const struct node *same = carry_find_kept(tree, bit, c->name);
    if (shows) {
        reason.shows = true;
        reason.alters = same;
        reason.text = same ? "another file of that name is part of the context"
                           : "it is no part of the context, and an instruction could read it";
    }
    bool lower = carry_find_kept(tree, bit, BYTES("dockerfile")) &&
                 !bytes_equal(c->name, BYTES("dockerfile"));
    if (lower || carry_find_kept(tree, bit, BYTES("Containerfile"))) {
        reason.guard = true;
        if (!reason.text)
            reason.text = lower
                              ? "the context has a file dockerfile, which a stream that is cut "
                                "short would be built by"
                              : "the context has a Containerfile, which some builders prefer";
    }
    reason.recipe_line = recipe_line;
    if (recipe_line && !reason.text)
        reason.text = "an instruction that doesn't name .ctx would take it along";
    return reason;
}

/*
 * The classic builder removes the Dockerfile itself if the .dockerignore in the stream excludes
 * the name of its entry. Source: docker v20.10.24, builder/remotecontext/detect.go.
 */
static int carry_classic_removes(const struct send_request *request,
                                 const struct ignore *ignore, const struct carriage *c,
                                 bool *ret_removes, struct failure *f)
{
    *ret_removes = false;
    if (request->builder != SEND_CLASSIC || c->how != CARRY_EXTRA ||
        !request->control->ignore_of_root)
        return 0;
    return ignore_path(ignore, c->name, ret_removes, f);
}

/* Says that the image gets .ctx: the build itself would not tell. */
static void carry_note_recipe(const struct dockerfile *dockerfile, uint32_t line,
                              const char *cause, struct notes *notes)
{
    notes_add(notes, NOTE_WARNING,
              "%s: the image may gain .ctx, which --recipe adds to the context (%s); name "
              "what is copied, or say --exclude=.ctx there",
              DF_WHERE(dockerfile, line), cause);
}

static int carry_plain(const struct send_request *request, const struct reason *reason,
                       const struct failure *why, struct notes *notes, struct carriage *c,
                       struct failure *f)
{
    const char *name = QUOTE(request->control->dockerfile_name);
    bool asked = request->dockerfile_mode == SEND_DOCKERFILE_PLAIN;
    const char *cause = asked ? "--dockerfile=plain" : why->text;
    c->guard = reason->guard;
    if (reason->alters && !asked)
        return fail(f, -EOPNOTSUPP,
                    "%s can't travel as Dockerfile: the context has another file of that name "
                    "that an instruction reads, and the rewrite that would keep both is not "
                    "possible (%s); rename one, exclude that one, or say --dockerfile=plain",
                    name, cause);
    if (reason->shows)
        notes_add(notes, NOTE_WARNING,
                  "the image %s a file Dockerfile that docker build . would not give it (%s)",
                  reason->alters ? "gets, in place of its own," : "may gain", cause);
    if (reason->recipe_line)
        carry_note_recipe(request->dockerfile, reason->recipe_line, cause, notes);
    return 0;
}

/* The tree's file that the Dockerfile is, if a builder would find it there; else an entry. */
static struct carriage carry_begin(const struct send_request *request, const struct tree *tree,
                                   uint32_t bit)
{
    const struct control *control = request->control;
    struct carriage c = {.how = CARRY_EXTRA,
                         .name = BYTES("Dockerfile"),
                         .text = control->dockerfile,
                         .tar_name = BYTES(TAR_NAME)};
    const struct node *upper = carry_find_kept(tree, bit, BYTES("Dockerfile"));
    if (carry_is_chosen(upper, control)) {
        c.how = CARRY_NODE;
    } else if (!upper &&
               carry_is_chosen(carry_find_kept(tree, bit, BYTES("dockerfile")), control)) {
        /* Both builders look for the lower-case name if the other one is missing. */
        c.how = CARRY_NODE;
        c.name = BYTES("dockerfile");
    }
    c.replaces = c.how == CARRY_EXTRA && upper;
    return c;
}

/* Puts the whole context into an inner tar. -EOPNOTSUPP: the file can't be rewritten so. */
static int carry_inner(const struct send_request *request, const struct hidden *hidden,
                       struct notes *notes, struct arena *arena, const struct reason *reason,
                       struct carriage *c, struct failure *f)
{
    struct df_rewrite ask = {.tar_name = c->tar_name,
                             .outside = request->recipe ? BYTES(".ctx") : BYTES(""),
                             .hides = hidden->at,
                             .n_hides = hidden->n};
    struct bytes text;
    if (request->dockerfile_mode != SEND_DOCKERFILE_AUTO)
        return -EOPNOTSUPP;
    int r = dockerfile_rewrite(request->dockerfile, &request->reads, &ask, arena, &text, f);
    if (r < 0)
        return r;
    *c = (struct carriage){.how = CARRY_INNER,
                           .name = BYTES("Dockerfile"),
                           .text = text,
                           .tar_name = c->tar_name,
                           .rewritten = true};
    notes_add(notes, NOTE_INFO, "%s travels rewritten, beside an inner tar of the context: %s",
              QUOTE(request->control->dockerfile_name), reason->text);
    return 0;
}

/* Hides names of the context from instructions, without an inner tar. */
static int carry_hide(const struct send_request *request, const struct hidden *hidden,
                      struct notes *notes, struct arena *arena, struct carriage *c,
                      struct failure *f)
{
    struct df_rewrite ask = {.outside = request->recipe ? BYTES(".ctx") : BYTES(""),
                             .hides = hidden->at,
                             .n_hides = hidden->n};
    if (c->how == CARRY_NODE)
        return fail(f, -EOPNOTSUPP,
                    "an instruction reads the Dockerfile, which would have to change");
    int r = dockerfile_rewrite(request->dockerfile, &request->reads, &ask, arena, &c->text, f);
    if (r < 0)
        return r;
    c->rewritten = true;
    notes_add(notes, NOTE_INFO, "%s travels rewritten: COPY --parents must not see %s%s",
              QUOTE(request->control->dockerfile_name), QUOTE(hidden->at[0].patterns[0]),
              hidden->at[0].n > 1 || hidden->n > 1 ? " and others" : "");
    return 0;
}

/* Names that can't be hidden: the image would be another one. */
static int carry_visible(const struct send_request *request, uint32_t line, struct bytes name,
                         const char *why, struct notes *notes, struct failure *f)
{
    if (request->bare || request->dockerfile_mode == SEND_DOCKERFILE_PLAIN) {
        notes_add(notes, NOTE_WARNING,
                  "%s: COPY --parents also sees %s, which docker build . would not give it "
                  "(%s)",
                  DF_WHERE(request->dockerfile, line), QUOTE(name), why);
        return 0;
    }
    return fail(f, -EOPNOTSUPP,
                "%s: COPY --parents would also see %s, which docker build . would not give it, "
                "and that can't be hidden (%s); name the directories before the pivot, "
                "exclude the name, or say --dockerfile=plain",
                DF_WHERE(request->dockerfile, line), QUOTE(name), why);
}

/* The carriage if no inner tar is needed, or none is possible. */
static int carry_outer(const struct send_request *request, const struct hidden *hidden,
                       struct notes *notes, struct arena *arena, struct carriage *c,
                       struct failure *f)
{
    struct failure why = {0};
    if (request->dockerfile_mode != SEND_DOCKERFILE_AUTO)
        return carry_visible(request, hidden->at[0].line, hidden->at[0].patterns[0],
                             "--dockerfile=plain", notes, f);
    int r = carry_hide(request, hidden, notes, arena, c, &why);
    if (r == -EOPNOTSUPP)
        return carry_visible(request, hidden->at[0].line, hidden->at[0].patterns[0], why.text,
                             notes, f);
    if (r < 0 && f)
        *f = why;
    return r;
}

static int carry_bare(const struct send_request *request, const struct hidden *hidden,
                      uint32_t recipe_line, struct notes *notes, struct carriage *ret)
{
    if (recipe_line)
        carry_note_recipe(request->dockerfile, recipe_line, "--bare", notes);
    *ret = (struct carriage){.how = CARRY_NONE};
    if (hidden->failed_why)
        return carry_visible(request, hidden->failed_line, hidden->failed_name, "--bare", notes,
                             NULL);
    return hidden->n ? carry_visible(request, hidden->at[0].line, hidden->at[0].patterns[0],
                                     "--bare", notes, NULL)
                     : 0;
}

int carry_decide(const struct send_request *request, const struct rules *rules,
                 const struct tree *tree, uint32_t bit, uint32_t recipe_line,
                 struct notes *notes, struct arena *arena, struct carriage *ret,
                 struct failure *f)
{
    struct carriage c = carry_begin(request, tree, bit);
    struct hidden hidden;
    struct bytes added = c.how == CARRY_EXTRA && !request->bare ? c.name : BYTES("");
    int r = hide_find(request, rules->reads, tree, bit, added, notes, arena, &hidden, f);
    if (r < 0)
        return r;
    if (request->bare)
        return carry_bare(request, &hidden, recipe_line, notes, ret);
    bool shows = false, removed = false;
    if (c.how == CARRY_EXTRA)
        r = carry_shows(request, rules->reads, c.name, &shows, f);
    if (r < 0)
        return r;
    struct reason reason = carry_find_reason(&c, tree, bit, shows, recipe_line);
    r = carry_classic_removes(request, rules->ignore, &c, &removed, f);
    if (r < 0)
        return r;
    if (reason.shows && removed) {
        c.ship_ignore = true;
        reason.shows = false;
    }
    bool inner = reason.shows || reason.guard || recipe_line;
    if (!inner && hidden.n && c.how == CARRY_NODE) {
        inner = true;
        reason.text = "it is part of the context, and COPY --parents must not see all of that";
    }
    struct failure why = {0};
    if (inner) {
        r = carry_inner(request, &hidden, notes, arena, &reason, &c, &why);
        if (r == -EOPNOTSUPP)
            r = carry_plain(request, &reason, &why, notes, &c, f);
        else if (r < 0 && f)
            *f = why;
    }
    if (r == 0 && hidden.failed_why)
        r = carry_visible(request, hidden.failed_line, hidden.failed_name, hidden.failed_why,
                          notes, f);
    else if (r == 0 && hidden.n && c.how != CARRY_INNER)
        r = carry_outer(request, &hidden, notes, arena, &c, f);
    if (r == 0)
        *ret = c;
    return r;
}
