/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages of a file, what each one is built on, and which other stages it needs:
 *
 *     FROM a AS build            0
 *     FROM build AS test         1 --parent--> 0
 *     FROM scratch               2
 *     COPY --from=build /x /     2 --needs---> 0
 *
 * A stage can use only earlier ones, so one pass from the top finds all edges, and one pass
 * from the bottom finds all stages that a target needs. The classic builder does not look at
 * what a target needs: it runs every stage from the top to the target.
 */
#include "analysis.h"
#include "base-images.h"
#include "line.h"
#include "run-mounts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool stages_number(struct bytes text, uint64_t *ret)
{
    bool minus = text.len && text.at[0] == '-';
    if (minus || (text.len && text.at[0] == '+'))
        text = bytes_from(text, 1);
    int r = number_parse(text, ret);
    if (r == -ERANGE)
        *ret = UINT64_MAX; /* the index of no stage: both builders fail */
    return (r == 0 || r == -ERANGE) && (!minus || *ret == 0);
}

bool df_find_flag(const struct df_instruction *in, struct bytes name, struct bytes *ret_value)
{
    for (size_t i = in->n_flags; i > 0; i--)
        if (bytes_equal(in->flags[i - 1].name, name)) {
            *ret_value = in->flags[i - 1].value;
            return true;
        }
    return false;
}

static struct bytes stages_lower(struct arena *arena, struct bytes text)
{
    uint8_t *out = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        out[i] = (uint8_t)tolower(text.at[i]);
    return bytes_at(out, text.len);
}

/* The latest stage so far of that name, in upper or lower case; UINT32_MAX if there is none. */
static uint32_t stages_find_name(struct analysis *an, struct bytes name)
{
    const uintptr_t *at = table_get(&an->names, stages_lower(&an->arena, name));
    return at ? (uint32_t)*at - 1 : UINT32_MAX;
}

static void stages_add_need(struct analysis *an, struct stage *stage, uint32_t other)
{
    if (other != UINT32_MAX && (!stage->n_deps || stage->deps[stage->n_deps - 1] != other))
        *ARENA_PUSH(&an->arena, stage->deps, &stage->n_deps, &stage->cap_deps) = other;
}

static int stages_visit_needs(struct analysis *an, struct stage *stage,
                              const struct df_instruction *in, uint32_t line, struct failure *f)
{
    (void)line, (void)f;
    struct bytes from;
    uint64_t index;
    if (in->keyword == DF_COPY && df_find_flag(in, BYTES("from"), &from) && from.len) {
        if (!stages_number(from, &index))
            stages_add_need(an, stage, stages_find_name(an, from));
        else if (index < (size_t)(stage - an->stages))
            stages_add_need(an, stage, (uint32_t)index);
    }
    for (size_t i = 0; in->keyword == DF_RUN && i < in->n_flags; i++) {
        struct mount mount;
        if (bytes_equal(in->flags[i].name, BYTES("mount")) &&
            df_mount_parse(&an->arena, in->flags[i].value, &mount, NULL) == 0 && mount.from.len)
            stages_add_need(an, stage, stages_find_name(an, mount.from));
    }
    return 0;
}

/* Parses the triggers of a config, once. */
static const struct triggers *stages_config_triggers(struct analysis *an,
                                                     const struct df_base *base)
{
    struct triggers *t = &an->triggers[base - an->request->bases];
    if (t->tried)
        return t;
    t->tried = true;
    t->at = ARENA_ARRAY(&an->arena, base->n_onbuild, struct dockerfile *);
    for (size_t i = 0; i < base->n_onbuild; i++) {
        struct bytes text =
            arena_printf(&an->arena, "FROM scratch\n%.*s\n", BYTES_ARG(base->onbuild[i]));
        struct dockerfile *df;
        if (dockerfile_parse(BYTES("ONBUILD"), text, &df, NULL) < 0) {
            t->malformed = true;
            continue;
        }
        t->at[t->n++] = df;
        /* More than one line is an error to the builders. */
        if (df->n_instructions != 2 || df->n_stages != 1)
            t->malformed = true;
    }
    return t;
}

/* Visits a trigger. WORDS_RUN_MAX bounds the sum: one trigger may run in many stages. */
static int stages_run_trigger(struct analysis *an, struct stage *stage,
                              const struct df_instruction *in, uint32_t line,
                              stage_visit *visit, struct failure *f)
{
    an->words_run += in->n_words + in->n_flags + 1;
    if (an->words_run > WORDS_RUN_MAX)
        return df_wrap(an->df, line, f,
                       fail(f, -E2BIG, "more than %d words of ONBUILD instructions are run",
                            WORDS_RUN_MAX));
    return visit(an, stage, in, line, f);
}

int stages_run(struct analysis *an, struct stage *stage, stage_visit *visit, struct failure *f)
{
    const struct df_instruction *all = an->df->instructions;
    int r = 0;
    if (stage->base == BASE_CONFIG) {
        const struct triggers *t = stages_config_triggers(an, stage->config);
        for (size_t i = 0; r == 0 && i < t->n; i++)
            if (t->at[i]->n_instructions == 2)
                r = stages_run_trigger(an, stage, &t->at[i]->instructions[1], stage->from->line,
                                       visit, f);
    }
    if (stage->base == BASE_STAGE) {
        const struct df_stage *base = an->stages[stage->parent].df;
        for (uint32_t i = base->from; r == 0 && i < base->end; i++)
            if (all[i].keyword == DF_ONBUILD && all[i].trigger)
                r = stages_run_trigger(an, stage, all[i].trigger, all[i].line, visit, f);
    }
    for (uint32_t i = stage->df->from + 1; r == 0 && i < stage->df->end; i++)
        r = visit(an, stage, &all[i], all[i].line, f);
    return r;
}

/* Finds what the stage is built on. */
static int stages_find_base(struct analysis *an, struct stage *stage, struct failure *f)
{
    struct df_expanded image;
    int r = scope_expand(&an->globals, stage->df->base, &image, f);
    if (r < 0)
        return df_wrap(an->df, stage->from->line, f, r);
    stage->image = bytes_head(image.text, image.known_prefix);
    stage->image_unknown = image.unknown;
    stage->image_variable = image.variable;
    uint32_t parent = image.unknown ? UINT32_MAX : stages_find_name(an, stage->image);
    bool maybe_stage = true;
    for (size_t i = 0; i < stage->image.len; i++)
        maybe_stage = maybe_stage && !strchr("/:@", stage->image.at[i]);
    if (parent != UINT32_MAX) {
        stage->base = BASE_STAGE;
        stage->parent = parent;
        stage->depth = an->stages[parent].depth + 1;
    } else if (image.unknown && maybe_stage) {
        stage->base = BASE_ANY;
    } else if (bytes_equal(stage->image, BYTES("scratch"))) {
        stage->base = BASE_SCRATCH;
    } else {
        df_base_judge(an, stage);
        if (stage->base == BASE_CONFIG && stages_config_triggers(an, stage->config)->malformed)
            stage->base = BASE_UNKNOWN;
    }
    if (stage->depth > STAGE_DEPTH_MAX)
        return df_wrap(
            an->df, stage->from->line, f,
            fail(f, -E2BIG, "more than %d stages are built on each other", STAGE_DEPTH_MAX));
    return 0;
}

int stages_build(struct analysis *an, struct failure *f)
{
    an->n_stages = an->df->n_stages;
    an->stages = ARENA_ARRAY(&an->arena, an->n_stages, struct stage);
    for (size_t i = 0; i < an->n_stages; i++) {
        struct stage *stage = &an->stages[i];
        stage->df = &an->df->stages[i];
        stage->from = &an->df->instructions[stage->df->from];
        int r = stages_find_base(an, stage, f);
        if (r == 0)
            r = stages_run(an, stage, stages_visit_needs, f);
        if (r < 0)
            return r;
        if (stage->df->name.len)
            *table_put(&an->names, stages_lower(&an->arena, stage->df->name), NULL) = i + 1;
    }
    return 0;
}

uint32_t stages_find_target(const struct dockerfile *df, struct bytes target, bool last)
{
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < df->n_stages; i++)
        if (bytes_equal_nocase(df->stages[i].name, target) && (last || found == UINT32_MAX))
            found = i;
    return found;
}

static int stages_unknown_target(const struct analysis *an, struct failure *f)
{
    char names[1024] = "";
    size_t len = 0, n = 0;
    for (size_t i = 0; i < an->n_stages; i++) {
        struct bytes name = an->stages[i].df->name;
        if (name.len == 0)
            continue;
        if (name.len + 8 > sizeof(names) - len) {
            snprintf(names + len, sizeof(names) - len, ", …");
            break;
        }
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%.*s", n++ ? ", " : "",
                                BYTES_ARG(name));
    }
    return fail(f, -EINVAL, "%s has no stage %s; %s%s", QUOTE(an->df->name),
                QUOTE(an->request->target),
                n ? "its stages are " : "none of its stages has a name", names);
}

/* Sets `needed` of the stage `user` and of all stages that it needs, directly or not. */
static void stages_close_needs(struct analysis *an, uint32_t user)
{
    uint32_t all_below = 0; /* all stages before this one are needed: a stage with BASE_ANY may
                               be built on any of them */
    an->stages[user].needed = true;
    for (uint32_t i = user + 1; i-- > 0;) {
        struct stage *stage = &an->stages[i];
        stage->needed = stage->needed || i < all_below;
        if (!stage->needed)
            continue;
        if (stage->base == BASE_STAGE)
            an->stages[stage->parent].needed = true;
        if (stage->base == BASE_ANY && i > all_below)
            all_below = i;
        for (size_t k = 0; k < stage->n_deps; k++)
            an->stages[stage->deps[k]].needed = true;
    }
}

int stages_reach(struct analysis *an, struct failure *f)
{
    const struct df_request *request = an->request;
    uint32_t last = (uint32_t)an->n_stages - 1;
    if (request->stage) {
        last = request->stage - 1;
    } else if (request->target.len) {
        last = stages_find_target(an->df, request->target, an->dialect == BUILDKIT);
        if (last == UINT32_MAX)
            return stages_unknown_target(an, f);
    }
    bool one = request->stage || request->target.len || request->last_only || an->n_stages == 1;
    if (one && an->dialect == BUILDKIT)
        stages_close_needs(an, last);
    for (uint32_t i = 0; i < an->n_stages; i++) {
        struct stage *stage = &an->stages[i];
        if (!one || an->dialect == CLASSIC)
            stage->needed = !one || i <= last;
        stage->certain = one && stage->needed;
    }
    return 0;
}
