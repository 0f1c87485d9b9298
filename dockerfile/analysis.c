/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis.h"
#include "directive.h"
#include "line.h"
#include "reads-set.h"

void analysis_begin(struct analysis *an, const struct dockerfile *df,
                    const struct df_request *request)
{
    *an = (struct analysis){.df = df, .request = request, .reads = reads_new()};
    an->triggers = ARENA_ARRAY(&an->arena, request->n_bases, struct triggers);
}

void analysis_end(struct analysis *an)
{
    for (size_t i = 0; i < an->request->n_bases; i++)
        for (size_t k = 0; k < an->triggers[i].n; k++)
            dockerfile_free(an->triggers[i].at[k]);
    reads_free(an->reads);
    table_release(&an->seen);
    table_release(&an->noted);
    table_release(&an->wanted);
    arena_release(&an->arena);
}

static int analysis_run_globals(struct analysis *an, struct failure *f)
{
    scope_global(&an->globals, an);
    for (size_t i = 0; i < an->df->n_instructions; i++) {
        const struct df_instruction *in = &an->df->instructions[i];
        if (in->stage != DF_GLOBAL)
            break;
        int r = in->keyword == DF_ARG ? scope_arg(&an->globals, in, f) : 0;
        if (r < 0)
            return df_wrap(an->df, in->line, f, r);
    }
    return 0;
}

int analysis_dialect(struct analysis *an, enum dialect dialect, struct failure *f)
{
    an->dialect = dialect;
    an->failed = false;
    int r = analysis_run_globals(an, f);
    if (r == 0)
        r = stages_build(an, f);
    if (r == 0)
        r = stages_reach(an, f);
    return r;
}

void analysis_dialect_end(struct analysis *an)
{
    scope_release(&an->globals);
    for (size_t i = 0; i < an->n_stages; i++)
        scope_release(&an->stages[i].scope);
    table_release(&an->names);
    an->n_stages = 0;
}

bool analysis_asks(const struct analysis *an, enum dialect dialect)
{
    return an->request->builder != (dialect == BUILDKIT ? DF_CLASSIC : DF_BUILDKIT);
}

struct bytes df_foreign_syntax(const struct dockerfile *df, const struct df_request *request,
                               bool *ret_by_arg)
{
    *ret_by_arg = false;
    if (df->foreign)
        return df->syntax;
    for (size_t i = 0; i < request->n_args; i++) {
        const struct df_arg *arg = &request->args[i];
        if (request->builder == DF_CLASSIC || !arg->has_value || !arg->value.len ||
            !bytes_equal(arg->name, BYTES("BUILDKIT_SYNTAX")) ||
            df_syntax_is_ours(bytes_head(arg->value, bytes_find(arg->value, ' '))))
            continue;
        *ret_by_arg = true;
        return arg->value;
    }
    return BYTES("");
}
