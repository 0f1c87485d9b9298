/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the instructions of the needed stages read from the context. The stages are walked by
 * the rules of each builder that may read the stream, and the answer contains what any of them
 * reads.
 */
#include "analysis.h"
#include "base-images.h"
#include "line.h"
#include "pivots.h"
#include "reads-set.h"
#include "run-mounts.h"
#include "sources.h"

#include <errno.h>
#include <stdlib.h>

/* ---- notes ---------------------------------------------------------------------------- */

/* Keeps a note until the end, once per key. Only then it is known whether the widening made a
 * difference. `whole`: the note is about the whole context. */
static void reads_note(struct analysis *an, uint32_t line, bool whole, struct bytes key,
                       struct bytes text)
{
    bool new;
    *table_put(&an->noted, key, &new) = 1;
    if (new && an->n_notes < NOTES_MAX)
        *ARENA_PUSH(&an->arena, an->notes, &an->n_notes, &an->cap_notes) =
            (struct pending_note){line, whole, text};
}

static int reads_compare_notes(const void *a, const void *b)
{
    const struct pending_note *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return bytes_compare(x->text, y->text);
}

static void reads_tell_notes(const struct analysis *an, struct notes *notes)
{
    if (an->n_notes)
        qsort(an->notes, an->n_notes, sizeof(*an->notes), reads_compare_notes);
    for (size_t i = 0; i < an->n_notes; i++) {
        /* If the file contains a `COPY . .` anyway, widening to the whole changes nothing. */
        bool matters = an->notes[i].whole && !an->exact_whole;
        notes_add(notes, matters ? NOTE_WARNING : NOTE_INFO, "%.*s",
                  BYTES_ARG(an->notes[i].text));
    }
}

/* Notes `Dockerfile:7: COPY ${SRC} sends all of "src/": SRC may be set by …`. */
static void reads_note_widened(struct analysis *an, const struct df_read *read,
                               struct bytes word, struct bytes source, struct bytes what,
                               struct bytes why)
{
    struct arena *a = &an->arena;
    struct bytes text = arena_printf(
        a, "%s: %.*s %.*s sends %.*s: %.*s", DF_WHERE(an->df, read->line), BYTES_ARG(word),
        BYTES_ARG(df_plain_text(a, source)), BYTES_ARG(what), BYTES_ARG(why));
    /* Two stages that begin with the same image need one note. */
    struct bytes key = read->kind == DF_READ_ALL ? source : text;
    reads_note(an, read->line, bytes_equal(what, BYTES("everything")), key, text);
}

/* ---- instructions --------------------------------------------------------------------- */

static int reads_unknown(struct analysis *an, struct stage *stage, struct df_read read,
                         struct bytes word, const struct df_instruction *in,
                         const struct df_expanded *expanded, struct failure *f)
{
    struct bytes what;
    struct variable variable = scope_lookup(&stage->scope, expanded->variable);
    if (variable.cause == CAUSE_BASE)
        df_base_want(an, stage);
    read.widened = scope_reason(&an->arena, &stage->scope, expanded->variable);
    bool whole;
    size_t n = an->reads->n;
    int r = source_add_widened(an, read, word, expanded, &whole, f);
    if (r < 0)
        return r;
    what = BYTES("everything");
    if (!whole && an->reads->n > n) {
        const struct df_read *added = &an->reads->at[n];
        bool dir = !bytes_ends(added->pattern, BYTES("*"));
        what = arena_printf(&an->arena, "all of %s",
                            QUOTE(arena_printf(&an->arena, "%.*s%s", BYTES_ARG(added->pattern),
                                               dir ? "/" : "")));
    }
    if (whole || an->reads->n > n)
        reads_note_widened(an, &read, in->word, word, what, read.widened);
    return 0;
}

static bool reads_flag_is_set(const struct df_instruction *in, struct bytes name)
{
    struct bytes value;
    return df_find_flag(in, name, &value) && !bytes_equal_nocase(value, BYTES("false"));
}

static int reads_source(struct analysis *an, struct stage *stage,
                        const struct df_instruction *in, uint32_t line, struct bytes word,
                        struct failure *f)
{
    struct df_read read = {.kind = in->keyword == DF_ADD ? DF_READ_ADD : DF_READ_COPY,
                           .line = line,
                           .source = word};
    bool parents = in->keyword == DF_COPY && reads_flag_is_set(in, BYTES("parents"));
    if (df_is_heredoc(word) && !an->df->no_heredocs)
        /* Builders from before heredocs took one in the JSON form for a path. */
        return in->json ? source_add_path(an, read, word, f) : 0;
    struct df_expanded expanded;
    int r = scope_expand(&stage->scope, word, &expanded, f);
    if (r < 0)
        return r;
    struct bytes certain = bytes_head(expanded.text, expanded.known_prefix);
    if (in->keyword == DF_ADD &&
        (bytes_starts(certain, BYTES("http://")) || bytes_starts(certain, BYTES("https://"))))
        return 0;
    struct bytes path, below;
    read.globstar = parents;
    read.pivot = parents && pivot_split(expanded.text, &path, &below);
    if (read.pivot && an->dialect == BUILDKIT && !an->df->no_heredocs)
        r = pivots_add(an, stage, in, line, word, &expanded, f);
    if (r < 0)
        return r;
    if (expanded.unknown && an->request->unknowns == DF_WIDEN)
        return reads_unknown(an, stage, read, word, in, &expanded, f);
    if (expanded.unknown && an->request->unknowns == DF_OMIT)
        return 0;
    return source_add_exact(an, read, expanded.text, parents, f);
}

/* Adds what a mount reads. The oldest BuildKit takes its values as written, the newest one
 * expands them, so both are added. */
static int reads_mount(struct analysis *an, struct stage *stage,
                       const struct df_instruction *in, uint32_t line, struct bytes value,
                       struct failure *f)
{
    struct mount mount;
    struct df_expanded type = {0}, from = {0}, source = {0};
    int r = df_mount_parse(&an->arena, value, &mount, f);
    if (r == 0)
        r = scope_expand(&stage->scope, mount.type, &type, f);
    if (r == 0)
        r = scope_expand(&stage->scope, mount.from, &from, f);
    if (r < 0)
        return r;
    if ((!df_mount_may_read(type.text) && !type.unknown) || from.text.len || from.unknown)
        return 0;
    struct df_read read = {.kind = DF_READ_MOUNT, .line = line, .source = value};
    r = source_add_path(an, read, mount.source, f);
    if (r == 0)
        r = scope_expand(&stage->scope, mount.source, &source, f);
    if (r < 0 || bytes_equal(source.text, mount.source))
        return r;
    if (!source.unknown || an->request->unknowns != DF_WIDEN)
        return source_add_path(an, read, source.text, f);
    return reads_unknown(an, stage, read, mount.source, in, &source, f);
}

static int reads_instruction(struct analysis *an, struct stage *stage,
                             const struct df_instruction *in, uint32_t line, struct failure *f)
{
    struct bytes from;
    int r = 0;
    switch (in->keyword) {
    case DF_ARG:
        return scope_arg(&stage->scope, in, f);
    case DF_ENV:
        return scope_env(&stage->scope, in, f);
    case DF_COPY:
        if (df_find_flag(in, BYTES("from"), &from) && from.len)
            return 0;
        __attribute__((fallthrough));
    case DF_ADD:
        for (size_t i = 0; r == 0 && i + 1 < in->n_words; i++)
            r = reads_source(an, stage, in, line, in->words[i], f);
        return r;
    case DF_RUN:
        /* The classic builder has no flags of RUN. */
        for (size_t i = 0; r == 0 && an->dialect == BUILDKIT && i < in->n_flags; i++)
            if (bytes_equal(in->flags[i].name, BYTES("mount")))
                r = reads_mount(an, stage, in, line, in->flags[i].value, f);
        return r;
    default:
        return 0;
    }
}

/* Runs one instruction. A malformed word is a failure only if every build runs into it. */
static int reads_visit(struct analysis *an, struct stage *stage,
                       const struct df_instruction *in, uint32_t line, struct failure *f)
{
    struct failure own = {0};
    int r = reads_instruction(an, stage, in, line, &own);
    if (r == 0)
        return 0;
    df_wrap(an->df, line, &own, r);
    if (r != -EINVAL)
        return fail(f, r, "%s", own.text);
    if (stage->certain && !an->failed) {
        an->failed = true;
        an->failure = own;
    }
    struct bytes text = arena_printf(&an->arena, "%s", own.text);
    reads_note(an, line, false, text, text);
    return 0;
}

/* Adds the whole context if the base may have triggers, because they may read all of it. */
static int reads_base(struct analysis *an, const struct stage *stage, struct failure *f)
{
    if (stage->base != BASE_UNKNOWN && stage->base != BASE_ANY)
        return 0;
    if (an->request->unknowns != DF_WIDEN)
        return 0;
    struct arena *a = &an->arena;
    struct df_read read = {.kind = DF_READ_ALL,
                           .line = stage->from->line,
                           .source = stage->df->base,
                           .widened = BYTES("the image's ONBUILD instructions are not known")};
    struct bytes why, name, trust = BYTES("");
    df_base_want(an, stage);
    if (df_base_name(stage, &name))
        trust = arena_printf(
            a, "; --trust-bases=%.*s says there are none",
            BYTES_ARG(df_plain_text(a, stage->image_unknown ? name : stage->image)));
    if (stage->image_unknown)
        why = arena_printf(a, "the image may have ONBUILD instructions, and %.*s",
                           BYTES_ARG(scope_reason(a, &an->globals, stage->image_variable)));
    else if (stage->config && stage->config->known)
        why = BYTES("the image has malformed ONBUILD instructions");
    else if (stage->config)
        why = arena_printf(a, "its ONBUILD instructions are not known (%.*s)",
                           BYTES_ARG(stage->config->reason));
    else
        why = BYTES(
            "its ONBUILD instructions are not known; --base-config=engine asks the engine");
    why = arena_printf(a, "%.*s%.*s", BYTES_ARG(why), BYTES_ARG(trust));
    reads_note_widened(an, &read, stage->from->word, stage->df->base, BYTES("everything"), why);
    return source_add_path(an, read, BYTES(""), f);
}

/* ---- the whole ------------------------------------------------------------------------ */

static int reads_dialect(struct analysis *an, enum dialect dialect, struct failure *f)
{
    int r = analysis_dialect(an, dialect, f);
    for (size_t i = 0; r == 0 && i < an->n_stages; i++) {
        struct stage *stage = &an->stages[i];
        if (!stage->needed)
            continue;
        scope_begin(&stage->scope, an, stage);
        r = reads_base(an, stage, f);
        if (r == 0)
            r = stages_run(an, stage, reads_visit, f);
    }
    analysis_dialect_end(an);
    return r;
}

/* Tells whether the file is in another language, and notes that its reads can't be known. */
static bool reads_is_foreign(struct analysis *an)
{
    bool by_arg;
    struct bytes syntax = df_foreign_syntax(an->df, an->request, &by_arg);
    if (syntax.len)
        reads_note(
            an, 1, true, syntax,
            arena_printf(&an->arena, "%s: %s=%s sends everything: what it reads is not known",
                         DF_WHERE(an->df, 1),
                         by_arg ? "--build-arg BUILDKIT_SYNTAX" : "# syntax", QUOTE(syntax)));
    return syntax.len;
}

/* The reads by the rules of each builder that the request is for. */
static int reads_builders(struct analysis *an, struct failure *f)
{
    if (reads_is_foreign(an)) {
        struct df_read all = {.kind = DF_READ_ALL, .widened = BYTES("a foreign syntax")};
        return reads_add(an->reads, all, f);
    }
    bool all_fail = true;
    struct failure first = {0};
    for (enum dialect dialect = BUILDKIT; dialect <= CLASSIC; dialect++) {
        if (!analysis_asks(an, dialect))
            continue;
        int r = reads_dialect(an, dialect, f);
        if (r < 0)
            return r;
        all_fail = all_fail && an->failed;
        if (an->failed && !first.code)
            first = an->failure;
    }
    if (!all_fail)
        return 0;
    if (f)
        *f = first;
    return first.code;
}

/* The same, and what engines without heredocs read. */
static int reads_all(struct analysis *an, struct failure *f)
{
    const struct dockerfile *df = an->df;
    if (df->why.len && an->request->builder == DF_BUILDKIT)
        return fail(f, -EINVAL, "%.*s", BYTES_ARG(df->why));
    int r = reads_builders(an, f);
    if (!df->older || an->request->builder == DF_BUILDKIT || (r < 0 && r != -EINVAL))
        return r;
    struct failure why = {0};
    an->df = df->older;
    int older = reads_builders(an, &why);
    an->df = df;
    if (older < 0 && older != -EINVAL)
        return fail(f, older, "%s", why.text);
    return older == 0 ? 0 : r;
}

int dockerfile_reads(const struct dockerfile *df, const struct df_request *request,
                     struct notes *notes, struct reads **ret, struct failure *f)
{
    struct analysis an;
    analysis_begin(&an, df, request);
    int r = reads_all(&an, f);
    if (r == 0) {
        reads_tell_notes(&an, notes);
        an.reads->deep_links = request->builder != DF_BUILDKIT;
        *ret = steal(&an.reads);
    }
    analysis_end(&an);
    return r;
}

int dockerfile_bases(struct dockerfile *df, const struct df_request *request,
                     struct bytes **ret_names, size_t *ret_n, struct failure *f)
{
    struct analysis an;
    analysis_begin(&an, df, request);
    int r = reads_all(&an, f);
    if (r == 0) {
        struct bytes *names = ARENA_ARRAY(&df->arena, an.n_wanted, struct bytes);
        for (size_t i = 0; i < an.n_wanted; i++)
            names[i] = arena_copy(&df->arena, an.wanted_at[i]);
        *ret_names = names;
        *ret_n = an.n_wanted;
    }
    analysis_end(&an);
    return r;
}
