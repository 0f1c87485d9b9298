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

static struct reason carry_find_reason(const struct carriage *c, const struct tree *tree,
                                       uint32_t bit, const struct reads *reads,
                                       uint32_t recipe_line)
{
    struct reason reason = {0};
    const struct node *same = carry_find_kept(tree, bit, c->name);
    if (c->how == CARRY_EXTRA && reads_cover(reads, c->name)) {
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

int carry_decide(const struct send_request *request, const struct rules *rules,
                 const struct tree *tree, uint32_t bit, uint32_t recipe_line,
                 struct notes *notes, struct arena *arena, struct carriage *ret,
                 struct failure *f)
{
    if (request->bare) {
        if (recipe_line)
            carry_note_recipe(request->dockerfile, recipe_line, "--bare", notes);
        *ret = (struct carriage){.how = CARRY_NONE};
        return 0;
    }
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
    struct reason reason = carry_find_reason(&c, tree, bit, rules->reads, recipe_line);
    bool removed;
    int r = carry_classic_removes(request, rules->ignore, &c, &removed, f);
    if (r < 0)
        return r;
    if (reason.shows && removed) {
        c.ship_ignore = true;
        reason.shows = false;
    }
    if (!reason.shows && !reason.guard && !recipe_line) {
        *ret = c;
        return 0;
    }
    struct failure why = {0};
    r = -EOPNOTSUPP;
    struct bytes text;
    if (request->dockerfile_mode == SEND_DOCKERFILE_AUTO)
        r = dockerfile_rewrite(request->dockerfile, &request->reads, c.tar_name,
                               request->recipe ? BYTES(".ctx") : BYTES(""), arena, &text, &why);
    if (r == -EOPNOTSUPP) {
        r = carry_plain(request, &reason, &why, notes, &c, f);
    } else if (r == 0) {
        c = (struct carriage){.how = CARRY_INNER,
                              .name = BYTES("Dockerfile"),
                              .text = text,
                              .tar_name = c.tar_name};
        notes_add(notes, NOTE_INFO,
                  "%s travels rewritten, beside an inner tar of the context: %s",
                  QUOTE(control->dockerfile_name), reason.text);
    } else if (f) {
        *f = why;
    }
    if (r == 0)
        *ret = c;
    return r;
}
