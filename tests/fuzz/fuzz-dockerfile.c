/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses any text as a Dockerfile, and expands each of its words. Checks that:
 *
 *   - instructions follow each other in the text, and keywords and flags are at their offsets
 *   - a flag that is inserted after the keyword is read as a flag, and bytes that are inserted
 *     at the end of a value are read as part of the value
 *   - the certain bytes of a word are in its expansion, whatever values its unknown variables
 *     get; and a word that is refused with unknown variables is refused with every value
 */
#include "dockerfile.h"
#include "fuzz.h"

#include <errno.h>

#define MUST(claim) FUZZ_CHECK(claim, "not so: %s", #claim)

/* ---- words ------------------------------------------------------------------------------ */

/* The bytes of a name decide its state and value, so that the input alone decides what happens.
 */
struct world {
    bool hides; /* a third of the names are unknown */
    uint64_t n; /* else: they have the values of the n-th world */
};

static enum df_value look_up(void *scope, struct bytes name, struct bytes *ret_value)
{
    static const char *const values[] = {"",  "a",    "b",        "a/b.c", "aab",
                                         "*", "x y",  "\xc3\xa9", "$0",    "\\",
                                         "'", "a\nb", "\xff",     "aaaaaa"};
    const struct world *world = scope;
    uint64_t hash = bytes_hash(name);
    bool hidden = hash % 3 == 0;
    if (hidden && world->hides) {
        if (hash % 2)
            *ret_value = BYTES("guess");
        return DF_UNKNOWN;
    }
    uint64_t pick = hash / 3 + (hidden ? world->n : 0);
    if (pick % (ARRAY_SIZE(values) + 2) >= ARRAY_SIZE(values))
        return DF_UNSET;
    *ret_value = bytes_of(values[pick % (ARRAY_SIZE(values) + 2)]);
    return DF_KNOWN;
}

static void check_word(struct bytes word, uint8_t escape)
{
    cleanup_arena struct arena arena = {0};
    struct failure f = {0};
    struct df_expanded part;
    int r = df_expand(&arena, word, escape, look_up, &(struct world){.hides = true}, &part, &f);
    MUST(r == 0 || (r == -EINVAL && f.text[0]) || (r == -E2BIG && f.text[0]));
    MUST(r < 0 || part.known_prefix <= part.text.len);
    MUST(r < 0 || part.unknown || part.known_prefix == part.text.len);
    MUST(r < 0 || !part.unknown || part.variable.at);
    for (uint64_t n = 0; n < 6 && r != -E2BIG; n++) {
        struct df_expanded whole;
        int again =
            df_expand(&arena, word, escape, look_up, &(struct world){.n = n}, &whole, &f);
        MUST(again < 0 || r == 0);
        MUST(again < 0 || !whole.unknown);
        if (again == 0 && part.unknown)
            MUST(bytes_starts(whole.text, bytes_head(part.text, part.known_prefix)));
        else if (again == 0)
            MUST(bytes_equal(whole.text, part.text));
    }
}

/* ---- places ----------------------------------------------------------------------------- */

/* Parses the file with `more` inserted at `at`. NULL: a line or the file becomes too long. */
static struct dockerfile *with(const struct dockerfile *df, size_t at, struct bytes more)
{
    struct arena arena = {0};
    struct bytes text =
        arena_printf(&arena, "%*s", (int)(df->text.len + more.len), ""); /* room */
    uint8_t *out = (uint8_t *)(uintptr_t)text.at;
    memcpy(out, df->text.at, at);
    memcpy(out + at, more.at, more.len);
    memcpy(out + at + more.len, df->text.at + at, df->text.len - at);
    struct dockerfile *changed = NULL;
    struct failure f = {0};
    int r = dockerfile_parse(df->name, text, &changed, &f);
    arena_release(&arena);
    /* A line, or the file, may already have its maximum length. */
    MUST(r == 0 || r == -E2BIG || strstr(f.text, "more than"));
    return r == 0 ? changed : NULL;
}

static void check_inserts(const struct dockerfile *df, size_t i)
{
    const struct df_instruction *ins = &df->instructions[i];
    struct dockerfile *changed = NULL;
    if (ins->keyword == DF_COPY || ins->keyword == DF_RUN)
        changed = with(df, ins->word_end, BYTES(" --of=x"));
    if (changed) {
        const struct df_instruction *now = &changed->instructions[i];
        MUST(changed->n_instructions == df->n_instructions && now->n_flags == ins->n_flags + 1);
        MUST(bytes_equal(now->flags[0].value, BYTES("x")) && now->n_words == ins->n_words);
        dockerfile_free(changed);
    }
    if (ins->n_flags == 0 || !ins->flags[0].has_value)
        return;
    changed = with(df, ins->flags[0].value_end, BYTES(",x"));
    if (changed) {
        const struct df_instruction *now = &changed->instructions[i];
        struct bytes value = ins->flags[0].value;
        MUST(changed->n_instructions == df->n_instructions && now->n_flags == ins->n_flags);
        MUST(bytes_starts(now->flags[0].value, value) &&
             bytes_ends(now->flags[0].value, BYTES(",x")));
        MUST(now->flags[0].value.len == value.len + 2);
        dockerfile_free(changed);
    }
}

static void check_places(const struct dockerfile *df, const struct df_instruction *ins)
{
    MUST(ins->at <= ins->word_end && ins->word_end <= ins->end && ins->end <= df->text.len);
    MUST(ins->line >= 1 && ins->line <= ins->last_line);
    if (ins->word.len)
        MUST(df->text.at[ins->at] == ins->word.at[0] &&
             df->text.at[ins->word_end - 1] == ins->word.at[ins->word.len - 1]);
    for (size_t i = 0; i < ins->n_flags; i++) {
        const struct df_flag *flag = &ins->flags[i];
        MUST(flag->at >= ins->word_end && flag->at < flag->value_end);
        MUST(flag->value_at >= flag->at && flag->value_at <= flag->value_end);
        MUST(flag->value_end <= ins->end && df->text.at[flag->at] == '-');
    }
    for (size_t i = 0; i < ins->n_heredocs; i++) {
        struct bytes body = ins->heredocs[i].body;
        MUST(body.at >= df->text.at && body.at + body.len <= df->text.at + ins->end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dockerfile *df = NULL;
    struct failure f = {0};
    int r = dockerfile_parse(BYTES("Dockerfile"), bytes_at(data, size), &df, &f);
    MUST(r == 0 || (f.code == r && f.text[0] && !strchr(f.text, '\n')));
    if (r < 0)
        return 0;
    MUST(df->foreign || (df->n_stages && df->n_instructions));
    for (size_t i = 0, end = 0; i < df->n_instructions; i++) {
        const struct df_instruction *ins = &df->instructions[i];
        MUST(ins->at >= end);
        end = ins->end;
        check_places(df, ins);
        if (ins->trigger)
            check_places(df, ins->trigger);
        /* Each check parses the whole file again. */
        if (i < 8)
            check_inserts(df, i);
        for (size_t n = 0; n < ins->n_words && n < 64; n++)
            check_word(ins->words[n], df->escape);
    }
    dockerfile_free(df);
    return 0;
}
