/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes any text as a Dockerfile, and finds its reads and its rewrite. The first byte chooses
 * the request. Checks that:
 *
 *   - a request that knows more reads nothing that a request that knows less did not select
 *   - a request for one builder reads nothing that was not selected for any builder
 *   - the rewritten file parses, has one stage more, and copies nothing from the context
 *   - its directives are the same, and lines have moved down by two at most
 */
#include "dockerfile.h"
#include "fuzz.h"

#include <errno.h>

static struct reads *reads_for(const struct dockerfile *df, const struct df_request *request)
{
    struct reads *reads = NULL;
    struct failure f = {0};
    if (dockerfile_reads(df, request, NULL, &reads, &f) < 0 && f.text[0] == '\0')
        abort();
    if (reads && reads_resolve(reads, -1, &f) < 0) {
        reads_free(reads);
        reads = NULL;
    }
    return reads;
}

/* Tells whether a path consists of components other than "", "." and "..", as a pattern must.
 */
static bool is_clean(struct bytes path)
{
    struct bytes rest = path, name;
    if (path.len == 0)
        return true;
    while (bytes_next(&rest, '/', &name))
        if (name.len == 0 || bytes_equal(name, BYTES(".")) || bytes_equal(name, BYTES("..")))
            return false;
    return true;
}

static void check_covers(const struct reads *wide, const struct reads *narrow)
{
    for (size_t i = 0; i < narrow->n; i++) {
        const struct df_read *read = &narrow->at[i];
        if (!is_clean(read->pattern))
            abort();
        if (read->literal && read->pattern.len && !reads_cover(wide, read->pattern))
            abort();
        if (read->pattern.len == 0 && !wide->everything)
            abort();
    }
}

/* An instruction of the original is at most two lines further down, and never further up. */
static void check_places(const struct dockerfile *df, const struct dockerfile *again)
{
    if (!bytes_equal(df->syntax, again->syntax) || df->escape != again->escape)
        abort();
    uint32_t moved = 2;
    for (size_t i = 0, k = 0; i < again->n_instructions; i++) {
        if (again->instructions[i].stage == 0)
            continue;
        const struct df_instruction *was = &df->instructions[k++],
                                    *is = &again->instructions[i];
        uint32_t by = is->line - was->line;
        if (!bytes_equal(was->word, is->word))
            abort();
        if (is->stage == DF_GLOBAL ? by != 0 : by > moved)
            abort();
        if (is->stage != DF_GLOBAL)
            moved = by;
    }
}

static void check_rewrite(const struct dockerfile *df, const struct df_request *request)
{
    struct arena arena = {0};
    struct bytes text;
    struct failure f = {0};
    struct dockerfile *again;
    const struct df_rewrite ask = {.tar_name = BYTES("ctx.tar"), .outside = BYTES(".ctx")};
    if (dockerfile_rewrite(df, request, &ask, &arena, &text, &f) == 0) {
        int r = dockerfile_parse(BYTES("Dockerfile"), text, &again, &f);
        /* The added text may pass only the maxima of size. */
        if (r == -EINVAL && text.len < 60000)
            abort();
        struct reads *reads = r == 0 ? reads_for(again, request) : NULL;
        if (r == 0 && (again->n_stages != df->n_stages + 1 ||
                       again->n_instructions != df->n_instructions + 2))
            abort();
        for (size_t i = 0; reads && i < reads->n; i++) {
            const struct df_read *read = &reads->at[i];
            bool heredoc = bytes_starts(read->source, BYTES("<<"));
            if ((read->kind == DF_READ_COPY && !heredoc) || read->kind == DF_READ_MOUNT)
                abort();
        }
        if (r == 0)
            check_places(df, again);
        reads_free(reads);
        if (r == 0)
            dockerfile_free(again);
    }
    arena_release(&arena);
}

/* Both readings of a file with heredocs. */
static void check_older(struct bytes text, const struct df_request *request)
{
    struct arena arena = {0};
    struct bytes rewritten;
    struct failure f = {0};
    struct dockerfile *df;
    const struct df_rewrite ask = {.tar_name = BYTES("ctx.tar")};
    if (dockerfile_load(BYTES("Dockerfile"), text, &df, &f) < 0)
        return;
    reads_free(reads_for(df, request));
    if (dockerfile_rewrite(df, request, &ask, &arena, &rewritten, &f) == 0 && !rewritten.len)
        abort();
    arena_release(&arena);
    dockerfile_free(df);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bytes onbuild[] = {{(const uint8_t *)"COPY $X b /", 11},
                                           {(const uint8_t *)"RUN --mount=from=s true", 23}};
    static const struct bytes env[] = {{(const uint8_t *)"X=x", 3}};
    const struct df_base base = {.name = BYTES("base"),
                                 .known = true,
                                 .env = env,
                                 .n_env = 1,
                                 .onbuild = onbuild,
                                 .n_onbuild = 2};
    const struct df_arg arg = {BYTES("X"), BYTES("a/x"), true};
    const struct bytes trusted = BYTES("t*");
    struct dockerfile *df;
    if (size == 0)
        return 0;
    struct df_request request = {.trusted = &trusted, .n_trusted = 1};
    check_older(bytes_at(data + 1, size - 1), &request);
    if (dockerfile_parse(BYTES("Dockerfile"), bytes_at(data + 1, size - 1), &df, NULL) < 0)
        return 0;
    if (data[0] & 1)
        request.args = &arg, request.n_args = 1;
    if (data[0] & 2)
        request.bases = &base, request.n_bases = 1;
    if (data[0] & 4 && df->n_stages)
        request.target = df->stages[0].name;
    request.last_only = data[0] & 8;
    struct df_request narrow = request;
    struct reads *any = reads_for(df, &request), *less;
    for (int builder = DF_ANY; any && builder <= DF_CLASSIC; builder++)
        for (int final = 0; final < 2; final++) {
            narrow.builder = (enum df_builder)builder;
            narrow.args_final = final;
            narrow.platform = final ? BYTES("linux/amd64") : BYTES("");
            if ((less = reads_for(df, &narrow)))
                check_covers(any, less);
            reads_free(less);
        }
    check_rewrite(df, &request);
    reads_free(any);
    dockerfile_free(df);
    return 0;
}
