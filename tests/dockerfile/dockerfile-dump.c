/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what dockerfile_parse() makes of files, for people:
 *
 *     dockerfile-dump FILE…
 *
 * Without arguments it answers requests of tests/oracle-dockerfile about dockerfile_parse() and
 * df_expand(). Requests come on standard input, answers go to standard output. Each is preceded
 * by its length, so one process serves a whole run:
 *
 *     parse LENGTH\n<text>
 *     expand ESCAPE LENGTH N\n<word>   and N variables:
 *         (set|unknown) NAME-LENGTH LENGTH\n<name><value>
 *
 *     answer: LENGTH\n<text>
 */
#include "dockerfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 256 << 20, VARIABLES_MAX = 64 };

struct variable {
    bool known;
    struct bytes name, value;
};

struct variables {
    struct variable at[VARIABLES_MAX];
    size_t n;
};

static void add(struct buf *out, const char *text)
{
    if (buf_add_bytes(out, bytes_of(text)) < 0)
        abort();
}

static void add_number(struct buf *out, const char *before, size_t number)
{
    if (buf_addf(out, "%s%zu", before, number) < 0)
        abort();
}

/* Adds text in double quotes. All but printable ASCII is \xNN: Go and C both write that without
 * a library. */
static void add_quoted(struct buf *out, const char *before, struct bytes text)
{
    int r = buf_addf(out, "%s\"", before);
    for (size_t i = 0; r == 0 && i < text.len; i++) {
        uint8_t c = text.at[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        r = plain ? buf_add_byte(out, c) : buf_addf(out, "\\x%02x", c);
    }
    if (r < 0 || buf_add_byte(out, '"') < 0)
        abort();
}

static void dump_instruction(struct buf *out, const struct df_instruction *ins, const char *tag)
{
    add_number(out, tag, ins->line);
    add_number(out, "-", ins->last_line);
    add_quoted(out, " ", ins->word);
    if (ins->json)
        add(out, " json");
    for (size_t i = 0; i < ins->n_flags; i++) {
        add_quoted(out, "\n  flag ", ins->flags[i].name);
        if (ins->flags[i].has_value)
            add_quoted(out, "=", ins->flags[i].value);
    }
    if (ins->keyword == DF_RUN && !ins->json && ins->rest.len)
        add_quoted(out, "\n  word ", ins->rest);
    for (size_t i = 0; i < ins->n_words; i++) {
        add_quoted(out, "\n  word ", ins->words[i]);
        if ((ins->keyword == DF_COPY || ins->keyword == DF_ADD) && df_is_heredoc(ins->words[i]))
            add(out, " heredoc");
    }
    for (size_t i = 0; i < ins->n_heredocs; i++) {
        const struct df_heredoc *h = &ins->heredocs[i];
        add_quoted(out, "\n  body ", h->name);
        add(out, h->expand ? " expand" : "");
        add(out, h->chomp ? " chomp" : "");
        add_quoted(out, " ", h->body);
    }
    add(out, "\n");
}

static void dump_offsets(struct buf *out, const struct df_instruction *ins)
{
    add_number(out, "at ", ins->at);
    add_number(out, " ", ins->word_end);
    add_number(out, " ", ins->end);
    for (size_t i = 0; i < ins->n_flags; i++) {
        add_number(out, "; ", ins->flags[i].at);
        add_number(out, " ", ins->flags[i].value_at);
        add_number(out, " ", ins->flags[i].value_end);
    }
    add(out, "\n");
}

static void dump_file(struct buf *out, const struct dockerfile *df, bool offsets)
{
    add_quoted(out, "syntax ", df->syntax);
    add(out, df->foreign ? " foreign\n" : "\n");
    if (df->foreign)
        return;
    add(out, df->escape == '`' ? "escape `\n" : "escape \\\n");
    for (size_t i = 0; i < df->n_instructions; i++) {
        const struct df_instruction *ins = &df->instructions[i];
        dump_instruction(out, ins, "");
        if (offsets)
            dump_offsets(out, ins);
        if (ins->trigger)
            dump_instruction(out, ins->trigger, " trigger ");
        if (ins->trigger && offsets)
            dump_offsets(out, ins->trigger);
    }
    for (size_t i = 0; i < df->n_stages; i++) {
        add_quoted(out, "stage ", df->stages[i].name);
        add_quoted(out, " ", df->stages[i].base);
        add_number(out, " ", df->stages[i].from);
        add_number(out, " ", df->stages[i].end);
        add(out, "\n");
    }
}

static void answer_parse(struct bytes name, struct bytes text, bool offsets, struct buf *out)
{
    struct failure f = {0};
    struct dockerfile *df;
    int r = dockerfile_parse(name, text, &df, &f);
    if (r < 0) {
        add(out, r == -E2BIG ? "limit: " : "error: ");
        add(out, f.text);
        add(out, "\n");
        return;
    }
    dump_file(out, df, offsets);
    dockerfile_free(df);
}

static enum df_value look_up(void *scope, struct bytes name, struct bytes *ret_value)
{
    const struct variables *variables = scope;
    for (size_t i = 0; i < variables->n; i++) {
        const struct variable *v = &variables->at[i];
        if (!bytes_equal(v->name, name))
            continue;
        if (v->known || v->value.len)
            *ret_value = v->value;
        return v->known ? DF_KNOWN : DF_UNKNOWN;
    }
    return DF_UNSET;
}

static void answer_expand(struct bytes word, uint8_t escape, struct variables *variables,
                          struct buf *out)
{
    cleanup_arena struct arena arena = {0};
    struct failure f = {0};
    struct df_expanded e;
    int r = df_expand(&arena, word, escape, look_up, variables, &e, &f);
    if (r < 0) {
        add(out, r == -E2BIG ? "limit: " : "error: ");
        add(out, f.text);
        add(out, "\n");
        return;
    }
    add_quoted(out, "", bytes_head(e.text, e.known_prefix));
    if (e.unknown) {
        add_quoted(out, " ", bytes_from(e.text, e.known_prefix));
        add_quoted(out, " ", e.variable);
    }
    add(out, "\n");
}

/* ---- requests ---------------------------------------------------------------------- */

static struct bytes read_line(char *line, size_t size)
{
    if (!fgets(line, (int)size, stdin))
        exit(0);
    struct bytes b = bytes_of(line);
    b.len -= b.len > 0;
    return b;
}

static struct bytes take_field(struct bytes *line)
{
    struct bytes field = {0};
    bytes_next(line, ' ', &field);
    return field;
}

static size_t take_number(struct bytes *line)
{
    uint64_t number;
    if (number_parse(take_field(line), &number) < 0 || number > ANSWER_MAX)
        abort();
    return (size_t)number;
}

static struct bytes read_bytes(struct arena *arena, size_t len)
{
    uint8_t *at = arena_alloc(arena, len);
    if (fread(at, 1, len, stdin) != len)
        abort();
    return bytes_at(at, len);
}

static void serve_one(struct buf *out)
{
    cleanup_arena struct arena arena = {0};
    char text[256];
    struct bytes line = read_line(text, sizeof(text));
    struct bytes verb = take_field(&line);
    if (bytes_equal(verb, BYTES("parse"))) {
        answer_parse(BYTES("Dockerfile"), read_bytes(&arena, take_number(&line)), true, out);
        return;
    }
    struct variables variables = {0};
    uint8_t escape = take_field(&line).at[0];
    size_t len = take_number(&line), n = take_number(&line);
    struct bytes word = read_bytes(&arena, len);
    if (!bytes_equal(verb, BYTES("expand")) || n > VARIABLES_MAX)
        abort();
    while (variables.n < n) {
        line = read_line(text, sizeof(text));
        struct variable *v = &variables.at[variables.n++];
        v->known = bytes_equal(take_field(&line), BYTES("set"));
        size_t name = take_number(&line), value = take_number(&line);
        v->name = read_bytes(&arena, name);
        v->value = read_bytes(&arena, value);
    }
    answer_expand(word, escape, &variables, out);
}

static int serve(void)
{
    for (;;) {
        cleanup_buf struct buf out = BUF(ANSWER_MAX);
        serve_one(&out);
        printf("%zu\n", out.len);
        fwrite(out.at, 1, out.len, stdout);
        if (fflush(stdout) != 0)
            return 1;
    }
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return serve();
    for (int i = 1; i < argc; i++) {
        cleanup_buf struct buf text = BUF(DOCKERFILE_MAX + 1), out = BUF(ANSWER_MAX);
        int r = io_read_file(AT_FDCWD, argv[i], &text);
        if (r < 0) {
            fprintf(stderr, "dockerfile-dump: %s: %s\n", argv[i], strerror(-r));
            return 1;
        }
        answer_parse(bytes_of(argv[i]), buf_bytes(&text), true, &out);
        fwrite(out.at, 1, out.len, stdout);
    }
    return 0;
}
