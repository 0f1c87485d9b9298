/* SPDX-License-Identifier: Apache-2.0 */
/* Stages -> reads: dockerfile/stages.c, scope.c, bases.c, mounts.c, sources.c, reads.c. */
#include "dockerfile.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What a case asks, from "target=x arg=K=V final …", and what came of it. */
struct ask {
    struct df_request request;
    struct df_arg args[8];
    struct bytes trusted[8];
    struct df_base base;
    struct bytes env[8], onbuild[8];
};

static void read_ask(struct ask *ask, const char *options)
{
    *ask = (struct ask){.request = {.args = ask->args, .trusted = ask->trusted}};
    ask->base = (struct df_base){.env = ask->env, .onbuild = ask->onbuild};
    struct df_request *request = &ask->request;
    struct bytes rest = bytes_of(options), item;
    while (bytes_next(&rest, ';', &item)) {
        size_t equals = bytes_find(item, '=');
        struct bytes key = bytes_head(item, equals), value = bytes_from(item, equals + 1);
        if (bytes_equal(key, BYTES("target"))) {
            request->target = value;
        } else if (bytes_equal(key, BYTES("last"))) {
            request->last_only = true;
        } else if (bytes_equal(key, BYTES("final"))) {
            request->args_final = true;
        } else if (bytes_equal(key, BYTES("platform"))) {
            request->platform = value;
        } else if (bytes_equal(key, BYTES("buildkit"))) {
            request->builder = DF_BUILDKIT;
        } else if (bytes_equal(key, BYTES("classic"))) {
            request->builder = DF_CLASSIC;
        } else if (bytes_equal(key, BYTES("trust"))) {
            ask->trusted[request->n_trusted++] = value;
        } else if (bytes_equal(key, BYTES("arg"))) {
            size_t e = bytes_find(value, '=');
            ask->args[request->n_args++] =
                (struct df_arg){bytes_head(value, e), bytes_from(value, e + 1), e < value.len};
        } else if (bytes_equal(key, BYTES("base"))) {
            ask->base.name = value;
            ask->base.known = true;
            request->bases = &ask->base;
            request->n_bases = 1;
        } else if (bytes_equal(key, BYTES("silent"))) {
            ask->base.known = false;
            ask->base.reason = BYTES("no such image");
        } else if (bytes_equal(key, BYTES("env"))) {
            ask->env[ask->base.n_env++] = value;
        } else if (bytes_equal(key, BYTES("onbuild"))) {
            ask->onbuild[ask->base.n_onbuild++] = value;
        }
    }
}

static int compare_items(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* "a b c~": the patterns, sorted, once; `.` the whole, `~` widened, `!` literal magic. */
static struct bytes list_reads(struct arena *arena, const struct reads *reads)
{
    struct bytes *items = ARENA_ARRAY(arena, reads->n, struct bytes);
    for (size_t i = 0; i < reads->n; i++) {
        const struct df_read *read = &reads->at[i];
        bool literal_magic = read->literal && glob_magic(read->pattern);
        items[i] = arena_printf(arena, "%.*s%s%s",
                                BYTES_ARG(read->pattern.len ? read->pattern : BYTES(".")),
                                literal_magic ? "!" : "", read->widened.len ? "~" : "");
    }
    qsort(items, reads->n, sizeof(*items), compare_items);
    struct bytes text = BYTES("");
    for (size_t i = 0; i < reads->n; i++)
        if (i == 0 || !bytes_equal(items[i], items[i - 1]))
            text = arena_printf(arena, "%.*s%s%.*s", BYTES_ARG(text), i ? " " : "",
                                BYTES_ARG(items[i]));
    return text;
}

/* The reads as text, or "-EINVAL: …" */
static struct bytes reads_text(struct arena *arena, const char *file, const char *options,
                               struct notes *notes)
{
    struct ask ask;
    struct dockerfile *df = NULL;
    struct reads *reads = NULL;
    struct failure f = {0};
    read_ask(&ask, options);
    int r = dockerfile_parse(BYTES("Dockerfile"), bytes_of(file), &df, &f);
    if (r == 0)
        r = dockerfile_reads(df, &ask.request, notes, &reads, &f);
    struct bytes text = r == 0 ? list_reads(arena, reads) : arena_printf(arena, "%s", f.text);
    reads_free(reads);
    dockerfile_free(df);
    return text;
}

static const struct {
    const char *source, *file, *options, *want;
} cases[] = {
#include "dockerfile-reads-cases.inc"
};

static void test_cases(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_arena struct arena arena = {0};
        cleanup_notes struct notes notes = {0};
        tap_case("%s %s %s", cases[i].source, QUOTE(bytes_of(cases[i].options)),
                 QUOTE(bytes_of(cases[i].file)));
        struct bytes got = reads_text(&arena, cases[i].file, cases[i].options, &notes);
        if (!TAP_EQUAL(got, bytes_of(cases[i].want)))
            for (size_t k = 0; k < notes.n; k++)
                printf("# note: %.*s\n", BYTES_ARG(notes.at[k].text));
    }
}

int main(void)
{
    test_cases();
    return tap_end();
}
