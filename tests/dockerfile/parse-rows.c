/* SPDX-License-Identifier: Apache-2.0 */
#include "parse-rows.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void add(struct buf *out, const char *before, struct bytes text)
{
    if (buf_add_bytes(out, bytes_of(before)) < 0 || buf_add_bytes(out, text) < 0)
        abort();
}

static void show(struct buf *out, const struct df_instruction *ins)
{
    add(out, "", ins->word);
    add(out, ins->json ? " json" : "", BYTES(""));
    for (size_t i = 0; i < ins->n_flags; i++) {
        add(out, " --", ins->flags[i].name);
        if (ins->flags[i].has_value)
            add(out, "=", ins->flags[i].value);
    }
    if (ins->n_words || ins->rest.len)
        add(out, " ", BYTES(""));
    for (size_t i = 0; i < ins->n_words; i++) {
        bool copies = ins->keyword == DF_COPY || ins->keyword == DF_ADD;
        bool heredoc = copies && df_is_heredoc(ins->words[i]);
        add(out, heredoc ? "<" : "[", ins->words[i]);
        add(out, heredoc ? ">" : "]", BYTES(""));
    }
    if (ins->n_words == 0 && !ins->trigger)
        add(out, "", ins->rest);
    for (size_t i = 0; i < ins->n_heredocs && !ins->trigger; i++) {
        const struct df_heredoc *h = &ins->heredocs[i];
        add(out, " {", h->name);
        add(out, h->expand ? "" : " quoted", BYTES(""));
        add(out, h->chomp ? " chomp:" : ":", h->body);
        add(out, "}", BYTES(""));
    }
    if (ins->trigger)
        show(out, ins->trigger);
}

void parse_render(struct bytes text, struct buf *out)
{
    struct failure f = {0};
    struct dockerfile *df = NULL;
    int r = dockerfile_parse(BYTES("Dockerfile"), text, &df, &f);
    if (r < 0) {
        TAP_CHECK(f.code == r && (r == -EINVAL || r == -E2BIG));
        add(out, "", bytes_of(f.text));
        return;
    }
    if (df->foreign)
        add(out, "foreign ", df->syntax);
    for (size_t i = 0; i < df->n_instructions; i++) {
        const struct df_instruction *ins = &df->instructions[i];
        if (buf_addf(out, i ? "\n%u" : "%u", ins->line) < 0)
            abort();
        if (ins->last_line != ins->line && buf_addf(out, "-%u", ins->last_line) < 0)
            abort();
        add(out, " ", BYTES(""));
        show(out, ins);
    }
    dockerfile_free(df);
}

void parse_rows(const struct parse_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cleanup_buf struct buf out = BUF(1 << 20);
        tap_case("%s (%s)", rows[i].title, rows[i].source);
        parse_render(rows[i].text, &out);
        TAP_EQUAL(buf_bytes(&out), bytes_of(rows[i].want));
    }
}

struct dockerfile *parse_good(struct bytes text)
{
    struct failure f = {0};
    struct dockerfile *df = NULL;
    int r = dockerfile_parse(BYTES("Dockerfile"), text, &df, &f);
    TAP_CHECKF(r == 0, "%s: %s", QUOTE(text), f.text);
    return r == 0 ? df : NULL;
}
