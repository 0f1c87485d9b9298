/* SPDX-License-Identifier: Apache-2.0 */
#include "reads-rows.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_items(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

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

struct bytes reads_text(struct arena *arena, const char *file, const char *options,
                        struct notes *notes)
{
    struct ask ask;
    struct dockerfile *df = NULL;
    struct reads *reads = NULL;
    struct failure f = {0};
    ask_read(&ask, options);
    int r = dockerfile_load(BYTES("Dockerfile"), bytes_of(file), &df, &f);
    if (r == 0)
        r = dockerfile_reads(df, &ask.request, notes, &reads, &f);
    struct bytes text = r == 0 ? list_reads(arena, reads) : arena_printf(arena, "%s", f.text);
    reads_free(reads);
    dockerfile_free(df);
    return text;
}

void reads_rows(const struct reads_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cleanup_arena struct arena arena = {0};
        cleanup_notes struct notes notes = {0};
        tap_case("%s %s %s", rows[i].source, QUOTE(bytes_of(rows[i].options)),
                 QUOTE(bytes_of(rows[i].file)));
        struct bytes got = reads_text(&arena, rows[i].file, rows[i].options, &notes);
        if (!TAP_EQUAL(got, bytes_of(rows[i].want)))
            for (size_t k = 0; k < notes.n; k++)
                printf("# note: %.*s\n", BYTES_ARG(notes.at[k].text));
    }
}
