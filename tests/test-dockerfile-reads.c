/* SPDX-License-Identifier: Apache-2.0 */
/* Stages -> reads: dockerfile/stages.c, scope.c, bases.c, mounts.c, sources.c, reads.c. */
#include "ask.h"
#include "dockerfile.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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
    ask_read(&ask, options);
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
