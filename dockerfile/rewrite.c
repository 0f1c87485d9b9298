/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewrites a Dockerfile to build from an inner tar: a new first stage unpacks the tar, and what
 * read the context now reads that stage:
 *
 *     ARG V=1                         ARG V=1
 *     FROM alpine                     FROM scratch AS ctxd-context
 *     COPY . /src                     ADD ctx.tar /
 *     RUN --mount=target=/m make      FROM alpine
 *                                     COPY --from=ctxd-context . /src
 *                                     RUN --mount=target=/m,from=ctxd-context make
 *
 * The text is edited in place, so every byte that need not change stays. ONBUILD triggers run
 * in stages in which they are not written, so they can't be edited. Therefore there is no
 * rewrite if a base image may have triggers, or if the triggers of a stage read the context and
 * run in another stage of the file.
 */
#include "analysis.h"
#include "base-images.h"
#include "rewrite-filter.h"
#include "rewrite-place.h"
#include "run-mounts.h"
#include "sources.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

struct edit {
    size_t at, len; /* the bytes of the text that are replaced */
    struct bytes by;
};

struct rewrite {
    const struct dockerfile *df;
    struct arena *arena;
    const struct df_rewrite *ask;
    struct bytes name; /* of the stage that has the inner tar; empty: there is none */
    struct filter *filters;
    size_t n_filters;
    size_t n_stages;      /* added ones */
    struct bytes outside; /* the directory that is not in the inner tar; empty: there is none */
    bool *needed;         /* by index of the stage: the request may build it */
    struct edit *edits;   /* no two overlap */
    size_t n, cap;
};

static void rewrite_put_edit(struct rewrite *rw, size_t at, size_t len, struct bytes by)
{
    *ARENA_PUSH(rw->arena, rw->edits, &rw->n, &rw->cap) = (struct edit){at, len, by};
}

/* Fails with -EOPNOTSUPP and "Dockerfile:7: …". */
static int rewrite_refuse(const struct dockerfile *df, uint32_t line, struct failure *f,
                          const char *why)
{
    return fail(f, -EOPNOTSUPP, "%s: %s", DF_WHERE(df, line), why);
}

/* ---- what an instruction reads -------------------------------------------------------- */

static enum df_value rewrite_lookup_unknown(void *scope, struct bytes name,
                                            struct bytes *ret_value)
{
    (void)scope, (void)name, (void)ret_value;
    return DF_UNKNOWN;
}

/* The first bytes of a word that are certain, whatever its variables are. *ret_all: all are. */
static struct bytes rewrite_certain(struct rewrite *rw, struct bytes word, bool *ret_all)
{
    struct df_expanded expanded;
    *ret_all = false;
    if (df_expand(rw->arena, word, rw->df->escape, rewrite_lookup_unknown, NULL, &expanded,
                  NULL) < 0)
        return BYTES("");
    *ret_all = !expanded.unknown;
    return bytes_head(expanded.text, expanded.known_prefix);
}

/* Tells whether a source is certainly in the directory that stays outside. */
static bool rewrite_is_outside(struct rewrite *rw, struct bytes word)
{
    bool all;
    if (rw->outside.len == 0)
        return false;
    struct bytes known = rewrite_certain(rw, word, &all);
    /* A variable may continue the name after the last slash. */
    while (!all && known.len && known.at[known.len - 1] != '/')
        known.len--;
    struct bytes path = path_clean_root(rw->arena, known);
    return path_under(path, rw->outside);
}

/* The sources of an instruction, counted by kind. */
struct sources {
    size_t files;   /* of the context, and in the inner tar */
    size_t outside; /* in the directory that is not in the inner tar */
    size_t heredocs;
};

static struct sources rewrite_count_sources(struct rewrite *rw, const struct df_instruction *in)
{
    struct sources n = {0};
    for (size_t i = 0; i + 1 < in->n_words; i++) {
        bool all;
        if (!rw->df->no_heredocs && df_is_heredoc(in->words[i]))
            n.heredocs++;
        else if (rewrite_is_outside(rw, in->words[i]))
            n.outside++;
        else if (in->keyword != DF_ADD ||
                 !source_is_remote(rewrite_certain(rw, in->words[i], &all)))
            n.files++;
    }
    return n;
}

/* 1: the mount reads the context. 0: it doesn't. -EOPNOTSUPP: it depends on a variable. */
static int rewrite_mount_reads(struct rewrite *rw, uint32_t line, struct bytes value,
                               struct failure *f)
{
    struct mount mount;
    bool all;
    /* The builder refuses a malformed mount, so it may stay as it is. */
    if (df_mount_parse(rw->arena, value, &mount, NULL) < 0)
        return 0;
    struct bytes type = rewrite_certain(rw, mount.type, &all);
    if (!all)
        return rewrite_refuse(rw->df, line, f, "the type of a --mount is a variable");
    for (size_t i = 0; i < mount.from.len; i++)
        if (strchr("$\"'\\`", mount.from.at[i]))
            return rewrite_refuse(rw->df, line, f,
                                  "the from of a --mount has a variable or quotes");
    return df_mount_may_read(type) && mount.from.len == 0 &&
           !rewrite_is_outside(rw, mount.source);
}

/* Refuses a trigger that the rewrite would break: it can't be edited. */
static int rewrite_check_trigger(struct rewrite *rw, const struct df_instruction *in,
                                 uint32_t line, struct failure *f)
{
    struct bytes from = BYTES("");
    uint64_t number;
    int r = 0;
    if (in->keyword == DF_COPY && df_find_flag(in, BYTES("from"), &from) && from.len)
        return stages_number(from, &number)
                   ? rewrite_refuse(rw->df, line, f,
                                    "an ONBUILD trigger names a stage by its number")
                   : 0;
    if (!rw->ask->tar_name.len)
        return 0; /* it goes on reading the context */
    if (in->keyword == DF_COPY || in->keyword == DF_ADD)
        r = rewrite_count_sources(rw, in).files > 0;
    for (size_t i = 0; in->keyword == DF_RUN && r == 0 && i < in->n_flags; i++)
        if (bytes_equal(in->flags[i].name, BYTES("mount")))
            r = rewrite_mount_reads(rw, line, in->flags[i].value, f);
    return r == 1 ? rewrite_refuse(rw->df, line, f, "an ONBUILD trigger reads the context") : r;
}

/* ---- edits ---------------------------------------------------------------------------- */

static int rewrite_edit_number(struct rewrite *rw, const struct df_instruction *in,
                               const struct df_flag *flag, uint64_t number, struct failure *f)
{
    struct bytes raw =
        bytes_head(bytes_from(rw->df->text, flag->value_at), flag->value_end - flag->value_at);
    if (!bytes_equal(raw, flag->value))
        return rewrite_refuse(rw->df, in->line, f, "the number of --from is quoted");
    if (number < UINT64_MAX - rw->n_stages)
        rewrite_put_edit(
            rw, flag->value_at, raw.len,
            arena_printf(rw->arena, "%llu", (unsigned long long)number + rw->n_stages));
    return 0;
}

static int rewrite_edit_copy(struct rewrite *rw, const struct df_instruction *in,
                             struct failure *f)
{
    const struct df_flag *from = NULL;
    for (size_t i = 0; i < in->n_flags; i++)
        if (bytes_equal(in->flags[i].name, BYTES("from")))
            from = &in->flags[i];
    if (from && from->value.len) {
        uint64_t number;
        if (stages_number(from->value, &number))
            return rewrite_edit_number(rw, in, from, number, f);
        if (bytes_find(from->value, '$') < from->value.len)
            return rewrite_refuse(rw->df, in->line, f, "--from has a variable");
        return 0;
    }
    const struct filter *filter = filters_find(rw->filters, rw->n_filters, rw->ask, in->line);
    struct bytes name = filter ? filter->name : rw->name;
    struct sources n = rewrite_count_sources(rw, in);
    if (n.files == 0 || name.len == 0)
        return 0;
    if (n.heredocs)
        return rewrite_refuse(rw->df, in->line, f,
                              "one COPY takes heredocs and files of the context: make it two");
    if (n.outside)
        return rewrite_refuse(rw->df, in->line, f,
                              "one COPY takes the recipe's files and others: make it two");
    if (from && !from->has_value)
        return rewrite_refuse(rw->df, in->line, f, "--from has no value");
    if (from)
        rewrite_put_edit(rw, from->value_end, 0, name);
    else
        rewrite_put_edit(rw, in->word_end, 0,
                         arena_printf(rw->arena, " --from=%.*s", BYTES_ARG(name)));
    return 0;
}

static int rewrite_edit_add(struct rewrite *rw, const struct df_instruction *in,
                            struct failure *f)
{
    return rewrite_count_sources(rw, in).files
               ? rewrite_refuse(rw->df, in->line, f,
                                "ADD can take files from the context alone")
               : 0;
}

static int rewrite_edit_run(struct rewrite *rw, const struct df_instruction *in,
                            struct failure *f)
{
    for (size_t i = 0; i < in->n_flags; i++) {
        const struct df_flag *flag = &in->flags[i];
        if (!bytes_equal(flag->name, BYTES("mount")) || flag->value.len == 0)
            continue;
        int r = rewrite_mount_reads(rw, in->line, flag->value, f);
        if (r < 0)
            return r;
        if (r == 1)
            rewrite_put_edit(rw, flag->value_end, 0,
                             arena_printf(rw->arena, ",from=%.*s", BYTES_ARG(rw->name)));
    }
    return 0;
}

static int rewrite_edit_instruction(struct rewrite *rw, const struct df_instruction *in,
                                    struct failure *f)
{
    switch (in->keyword) {
    case DF_COPY:
        return rewrite_edit_copy(rw, in, f);
    case DF_ADD:
        return rw->name.len ? rewrite_edit_add(rw, in, f) : 0;
    case DF_RUN:
        return rw->name.len ? rewrite_edit_run(rw, in, f) : 0;
    default:
        return 0;
    }
}

/* ---- the frame ------------------------------------------------------------------------ */

static int rewrite_visit_trigger(struct analysis *an, struct stage *stage,
                                 const struct df_instruction *in, uint32_t line,
                                 struct failure *f)
{
    const struct df_instruction *all = an->df->instructions;
    (void)stage;
    if (in >= all && in < all + an->df->n_instructions)
        return 0;
    struct rewrite rw = {
        .df = an->df, .arena = &an->arena, .ask = an->rewrite, .outside = an->rewrite->outside};
    return rewrite_check_trigger(&rw, in, line, f);
}

static int rewrite_check_stage(struct analysis *an, struct stage *stage, struct failure *f)
{
    /* Many files have a variable in the tag of an official image, and hardly any build uses an
     * `onbuild` tag today. If one does, the rewrite breaks its triggers. That is the lesser
     * evil: without a rewrite all those files would get a Dockerfile into their image. */
    bool maybe_onbuild = stage->image_unknown && df_base_is_official(stage);
    bool inner = an->rewrite->tar_name.len > 0;
    if (inner && (stage->base == BASE_ANY || (stage->base == BASE_UNKNOWN && !maybe_onbuild)))
        return rewrite_refuse(an->df, stage->from->line, f,
                              "the image may have ONBUILD instructions that read the context");
    return stages_run(an, stage, rewrite_visit_trigger, f);
}

/* Sets `needed` of the stages that may be built. Refuses triggers that run in them and that the
 * rewrite would break. */
static int rewrite_check_stages(const struct dockerfile *df, const struct df_request *request,
                                const struct df_rewrite *ask, bool *needed, struct failure *f)
{
    struct analysis an;
    int r = 0;
    analysis_begin(&an, df, request);
    an.rewrite = ask;
    for (enum dialect dialect = BUILDKIT; r == 0 && dialect <= CLASSIC; dialect++) {
        if (!analysis_asks(&an, dialect))
            continue;
        r = analysis_dialect(&an, dialect, f);
        for (size_t i = 0; r == 0 && i < an.n_stages; i++) {
            needed[i] = needed[i] || an.stages[i].needed;
            if (an.stages[i].needed)
                r = rewrite_check_stage(&an, &an.stages[i], f);
        }
        analysis_dialect_end(&an);
    }
    analysis_end(&an);
    return r;
}

static void rewrite_put_lower(struct rewrite *rw, struct table *names, struct bytes name)
{
    uint8_t *lower = arena_alloc(rw->arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++)
        lower[i] = (uint8_t)tolower(name.at[i]);
    *table_put(names, bytes_at(lower, name.len), NULL) = 1;
}

/* The next name of an added stage that nothing in the file can refer to. */
static struct bytes rewrite_next_name(struct rewrite *rw, struct table *names)
{
    struct bytes name = BYTES("ctxd-context");
    for (unsigned n = 2; table_get(names, name); n++)
        name = arena_printf(rw->arena, "ctxd-context-%u", n);
    *table_put(names, name, NULL) = 1;
    return name;
}

/* Chooses the names of the added stages. */
static void rewrite_choose_names(struct rewrite *rw)
{
    struct table names = {0};
    for (size_t i = 0; i < rw->df->n_stages; i++) {
        rewrite_put_lower(rw, &names, rw->df->stages[i].name);
        rewrite_put_lower(rw, &names, rw->df->stages[i].base);
    }
    for (size_t i = 0; i < rw->df->n_instructions; i++) {
        const struct df_instruction *in = &rw->df->instructions[i];
        in = in->trigger ? in->trigger : in;
        for (size_t k = 0; k < in->n_flags; k++) {
            struct mount mount;
            if (bytes_equal(in->flags[k].name, BYTES("from")))
                rewrite_put_lower(rw, &names, in->flags[k].value);
            else if (bytes_equal(in->flags[k].name, BYTES("mount")) &&
                     df_mount_parse(rw->arena, in->flags[k].value, &mount, NULL) == 0)
                rewrite_put_lower(rw, &names, mount.from);
        }
    }
    if (rw->ask->tar_name.len)
        rw->name = rewrite_next_name(rw, &names);
    for (size_t i = 0; i < rw->n_filters; i++)
        rw->filters[i].name = rewrite_next_name(rw, &names);
    rw->n_stages = rw->n_filters + (rw->name.len > 0);
    table_release(&names);
}

/* The lines of the added stages. */
static struct bytes rewrite_frame_text(struct rewrite *rw, bool lower)
{
    struct arena *a = rw->arena;
    struct bytes text = BYTES("");
    if (rw->name.len)
        text = arena_printf(a,
                            lower ? "from scratch as %.*s\nadd %.*s /\n"
                                  : "FROM scratch AS %.*s\nADD %.*s /\n",
                            BYTES_ARG(rw->name), BYTES_ARG(rw->ask->tar_name));
    for (size_t i = 0; i < rw->n_filters; i++) {
        struct bytes more = filter_text(a, &rw->filters[i], rw->name, rw->df->escape, lower);
        text = arena_printf(a, "%.*s%.*s", BYTES_ARG(text), BYTES_ARG(more));
    }
    return text;
}

/* Adds the stages, and leaves blank lines out for them. */
static void rewrite_edit_frame(struct rewrite *rw)
{
    struct rewrite_place place = rewrite_find_place(rw->df, 2 * rw->n_stages);
    rewrite_put_edit(rw, place.at, 0, rewrite_frame_text(rw, place.lower));
    for (size_t i = 0; i < place.n_blank; i++)
        rewrite_put_edit(rw, place.blank[i].at, place.blank[i].len, BYTES(""));
}

static int rewrite_compare_edits(const void *a, const void *b)
{
    const struct edit *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->len > y->len) - (x->len < y->len); /* the stage is put before a blank line */
}

static struct bytes rewrite_apply(const struct rewrite *rw)
{
    qsort(rw->edits, rw->n, sizeof(*rw->edits), rewrite_compare_edits);
    size_t len = rw->df->text.len, at = 0;
    for (size_t i = 0; i < rw->n; i++)
        len += rw->edits[i].by.len;
    uint8_t *out = arena_alloc(rw->arena, len + 1), *to = out;
    for (size_t i = 0; i < rw->n; i++) {
        const struct edit *e = &rw->edits[i];
        to = mempcpy(to, rw->df->text.at + at, e->at - at);
        to = mempcpy(to, e->by.at, e->by.len);
        at = e->at + e->len;
    }
    to = mempcpy(to, rw->df->text.at + at, rw->df->text.len - at);
    return bytes_at(out, (size_t)(to - out));
}

/* Tells whether a name needs no quotes in any form of ADD. */
static bool rewrite_is_plain_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum(name.at[i]) && !strchr("._-", name.at[i]))
            return false;
    return name.len && name.at[0] != '-';
}

/* One reading of the file. */
static int rewrite_reading(const struct dockerfile *df, const struct df_request *request,
                           const struct df_rewrite *ask, struct arena *arena,
                           struct bytes *ret_text, struct failure *f)
{
    bool by_arg;
    struct bytes foreign = df_foreign_syntax(df, request, &by_arg);
    if (foreign.len)
        return fail(f, -EOPNOTSUPP, "%s: its syntax %s is not Docker's own", DF_WHERE(df, 1),
                    QUOTE(foreign));
    if (ask->tar_name.len && !rewrite_is_plain_name(ask->tar_name))
        return fail(f, -EINVAL, "%s can't be the name of the inner tar", QUOTE(ask->tar_name));
    struct rewrite rw = {.df = df, .arena = arena, .ask = ask, .outside = ask->outside};
    rw.needed = ARENA_ARRAY(arena, df->n_stages, bool);
    rw.filters = filters_make(arena, ask, &rw.n_filters);
    int r = rewrite_check_stages(df, request, ask, rw.needed, f);
    if (r < 0)
        return r;
    rewrite_choose_names(&rw);
    rewrite_edit_frame(&rw);
    for (size_t i = 0; i < df->n_instructions; i++) {
        const struct df_instruction *in = &df->instructions[i];
        size_t n = rw.n;
        if (in->stage == DF_GLOBAL)
            continue;
        r = rewrite_edit_instruction(&rw, in, f);
        /* A stage that no build of the request needs may stay as it is. */
        if (r < 0 && rw.needed[in->stage])
            return r;
        if (r < 0)
            rw.n = n;
    }
    *ret_text = rewrite_apply(&rw);
    return 0;
}

int dockerfile_rewrite(const struct dockerfile *df, const struct df_request *request,
                       const struct df_rewrite *ask, struct arena *arena,
                       struct bytes *ret_text, struct failure *f)
{
    struct bytes older = {0};
    int r = rewrite_reading(df, request, ask, arena, ret_text, f);
    if (r < 0 || !df->older || request->builder == DF_BUILDKIT)
        return r;
    r = rewrite_reading(df->older, request, ask, arena, &older, f);
    if (r == 0 && !bytes_equal(older, *ret_text))
        return fail(f, -EOPNOTSUPP,
                    "%s: an engine without heredocs reads it otherwise; --builder=buildkit "
                    "says that it has them",
                    QUOTE(df->name));
    return r;
}
