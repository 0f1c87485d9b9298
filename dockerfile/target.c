/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request's target means, for a digest. Two targets that mean the same give the same
 * image: a name in upper or lower case, or no name and the name of the last stage. The spelling
 * shows in one place only: BuildKit sets the variable TARGETSTAGE to it. Without a target
 * TARGETSTAGE is "default" to older BuildKits, and the name of the last stage to the newest.
 */
#include "analysis.h"

/* Bytes that are removed, or read in another way, when the name of an ARG is expanded. */
static bool target_is_plain_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (strchr("$\"'\\`", name.at[i]))
            return false;
    return true;
}

static bool target_is_named(struct bytes text)
{
    static const char name[] = "TARGETSTAGE";
    const size_t len = sizeof(name) - 1;
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.at + i, name, len) == 0)
            return true;
    return false;
}

/* Tells whether the instruction may read TARGETSTAGE. An ARG must declare it, or FROM or an ARG
 * before FROM use it; a trigger may do so in another stage. */
static bool target_is_read_by(const struct df_instruction *in)
{
    if (in->trigger)
        return target_is_read_by(in->trigger);
    for (size_t i = 0; in->keyword == DF_ARG && i < in->n_words; i++) {
        struct bytes word = in->words[i];
        if (!target_is_plain_name(bytes_head(word, bytes_find(word, '='))))
            return true;
    }
    return (in->keyword == DF_ARG || in->keyword == DF_FROM) && target_is_named(in->args);
}

static bool target_is_read(const struct dockerfile *df, const struct df_request *request)
{
    bool by_arg;
    if (df_foreign_syntax(df, request, &by_arg).len)
        return true;
    for (size_t i = 0; i < df->n_instructions; i++)
        if (target_is_read_by(&df->instructions[i]))
            return true;
    for (size_t i = 0; i < request->n_bases; i++)
        for (size_t j = 0; j < request->bases[i].n_onbuild; j++)
            if (target_is_named(request->bases[i].onbuild[j]))
                return true;
    return false;
}

struct df_target dockerfile_target(const struct dockerfile *df,
                                   const struct df_request *request)
{
    struct df_target target = {.spelling = BYTES("")};
    if (df->n_stages > 0)
        target.first = target.last = (uint32_t)df->n_stages - 1;
    if (target_is_read(df, request))
        target.spelling = request->target;
    if (request->target.len == 0 || df->n_stages == 0)
        return target;
    target.first = stages_find_target(df, request->target, false);
    target.last = stages_find_target(df, request->target, true);
    if (request->builder == DF_BUILDKIT)
        target.first = target.last;
    if (request->builder == DF_CLASSIC)
        target.last = target.first;
    return target;
}
