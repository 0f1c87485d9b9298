/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits a Dockerfile into logical lines, and the logical lines into stages. This file decides
 * where each instruction begins and ends; instruction.c reads what is in it. line.h shows how
 * offsets lead back to the text.
 */
#include "directive.h"
#include "heredoc.h"
#include "instruction.h"
#include "line.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct parser {
    struct dockerfile *df;
    struct failure *f;
    size_t at;        /* offset in the text of the next physical line */
    uint32_t n_lines; /* physical lines read so far */
    struct df_directives directives;
    struct df_line line; /* the logical line at hand */
    struct buf joined;   /* its text */
    size_t cap_instructions, cap_stages;
    size_t words_left; /* of DOCKERFILE_WORDS_MAX */
};

/* ---- physical lines ---------------------------------------------------------------- */

/* The next line with its newline; false at the end of the text. */
static bool df_parse_next_line(struct parser *p, struct bytes *ret)
{
    struct bytes rest = bytes_from(p->df->text, p->at);
    if (rest.len == 0)
        return false;
    *ret = bytes_head(rest, bytes_find(rest, '\n') + 1);
    p->at += ret->len;
    p->n_lines++;
    return true;
}

static struct bytes df_parse_trim_newline(struct bytes line)
{
    while (line.len && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
        line.len--;
    return line;
}

static bool df_parse_is_comment(struct bytes line)
{
    line = utf8_trim_left(line);
    return line.len && line.at[0] == '#';
}

static int df_parse_check_lines(const struct dockerfile *df, struct failure *f)
{
    struct bytes rest = df->text, line;
    for (uint32_t n = 1; bytes_next(&rest, '\n', &line); n++) {
        if (line.len > DOCKERFILE_LINE_MAX)
            return df_fail(df, n, f, "the line has more than %u bytes: break it with a \"\\\"",
                           DOCKERFILE_LINE_MAX);
    }
    return 0;
}

/* ---- logical lines ----------------------------------------------------------------- */

/* Adds a physical line without its continuation mark. *ret_more: there was such a mark. */
static int df_parse_join(struct parser *p, struct bytes line, bool *ret_more)
{
    uint8_t escape = p->df->escape;
    size_t len = line.len;
    while (len && (line.at[len - 1] == ' ' || line.at[len - 1] == '\t'))
        len--;
    /* A doubled escape at the end is no mark. Three of them count as a doubled one. */
    *ret_more = len && line.at[len - 1] == escape && (len == 1 || line.at[len - 2] != escape);
    if (*ret_more)
        line.len = len - 1;
    if (line.len || p->line.n_spans == 0) {
        struct df_span *span =
            ARENA_PUSH(&p->df->arena, p->line.spans, &p->line.n_spans, &p->line.cap_spans);
        *span =
            (struct df_span){.joined = p->joined.len, .at = (size_t)(line.at - p->df->text.at)};
    }
    int r = buf_add_bytes(&p->joined, line);
    return r < 0 ? df_wrap(p->df, p->line.first, p->f, fail(p->f, r, "the line is too long"))
                 : 0;
}

/* Reads the physical lines that continue `line`, and makes p->line of all of them. */
static int df_parse_logical_line(struct parser *p, struct bytes line)
{
    bool more, alone = true;
    buf_clear(&p->joined);
    p->line.n_spans = 0;
    p->line.first = p->n_lines;
    int r = df_parse_join(p, line, &more);
    p->line.text = bytes_head(line, p->joined.len);
    while (r == 0 && more && df_parse_next_line(p, &line)) {
        line = df_parse_trim_newline(line);
        /* Comments and blank lines don't end a continued line. */
        struct bytes content = utf8_trim_left(line);
        if (content.len == 0 || content.at[0] == '#')
            continue;
        alone = false;
        r = df_parse_join(p, line, &more);
    }
    if (r == 0 && !alone)
        p->line.text = arena_copy(&p->df->arena, buf_bytes(&p->joined));
    return r;
}

/* ---- heredoc bodies ---------------------------------------------------------------- */

static bool df_parse_ends_heredoc(const struct df_heredoc *heredoc, struct bytes line)
{
    line = df_parse_trim_newline(line);
    while (heredoc->chomp && line.len && line.at[0] == '\t')
        line = bytes_from(line, 1);
    return bytes_equal(line, heredoc->name);
}

static int df_parse_heredocs(struct parser *p, struct df_instruction *ins)
{
    struct df_instruction *command = ins->trigger ? ins->trigger : ins;
    bool takes =
        command->keyword == DF_RUN || command->keyword == DF_COPY || command->keyword == DF_ADD;
    if (!takes || command->json || p->df->no_heredocs)
        return 0;
    int r = df_heredocs(&p->df->arena, p->line.text, &ins->heredocs, &ins->n_heredocs, p->f);
    if (r < 0)
        return df_wrap(p->df, ins->line, p->f, r);
    for (size_t i = 0; i < ins->n_heredocs; i++) {
        struct df_heredoc *heredoc = &ins->heredocs[i];
        struct bytes line;
        size_t start = p->at, end;
        do {
            end = p->at;
            if (!df_parse_next_line(p, &line))
                return df_fail(p->df, ins->line, p->f,
                               "the heredoc %s is not closed: a line that contains only its "
                               "name is missing",
                               QUOTE(heredoc->name));
        } while (!df_parse_ends_heredoc(heredoc, line));
        heredoc->body = bytes_head(bytes_from(p->df->text, start), end - start);
    }
    return 0;
}

/* ---- the file ---------------------------------------------------------------------- */

static int df_parse_add_stage(struct parser *p, const struct df_instruction *ins)
{
    struct dockerfile *df = p->df;
    if (df->n_stages)
        df->stages[df->n_stages - 1].end = (uint32_t)df->n_instructions - 1;
    struct df_stage *stage = ARENA_PUSH(&df->arena, df->stages, &df->n_stages, &p->cap_stages);
    *stage = (struct df_stage){.base = ins->words[0], .from = (uint32_t)df->n_instructions - 1};
    if (ins->n_words == 3)
        return df_stage_name(df, ins->line, ins->words[2], &stage->name, p->f);
    return 0;
}

static int df_parse_add_instruction(struct parser *p)
{
    struct dockerfile *df = p->df;
    if (df->n_instructions == DOCKERFILE_INSTRUCTIONS_MAX) {
        int r = fail(p->f, -E2BIG, "the file has more than %u instructions",
                     DOCKERFILE_INSTRUCTIONS_MAX);
        return df_wrap(df, p->line.first, p->f, r);
    }
    struct df_instruction *ins =
        ARENA_PUSH(&df->arena, df->instructions, &df->n_instructions, &p->cap_instructions);
    int r = df_instruction(df, &p->line, &p->words_left, ins, p->f);
    if (r == 0)
        r = df_parse_heredocs(p, ins);
    if (r < 0)
        return r;
    ins->last_line = p->n_lines;
    ins->end = p->at;
    if (ins->keyword == DF_FROM)
        r = df_parse_add_stage(p, ins);
    ins->stage = df->n_stages ? (uint32_t)df->n_stages - 1 : DF_GLOBAL;
    if (ins->trigger) {
        df_reread_trigger(df, &p->line, ins);
        ins->trigger->last_line = ins->last_line;
        ins->trigger->end = ins->end;
        ins->trigger->stage = ins->stage;
        ins->trigger->heredocs = ins->heredocs;
        ins->trigger->n_heredocs = ins->n_heredocs;
    }
    if (r == 0 && ins->stage == DF_GLOBAL && ins->keyword != DF_ARG)
        return df_fail(df, ins->line, p->f,
                       "%.*s comes before the first FROM, where only ARG may stand",
                       BYTES_ARG(ins->word));
    return r;
}

static int df_parse_directive(struct parser *p, struct bytes line)
{
    struct bytes value;
    int which = df_directive(&p->directives, line, BYTES("#"), &value);
    if (which < 0)
        return df_fail(p->df, p->n_lines, p->f,
                       "a directive stands here twice: keep one of the lines");
    if (which != DF_ESCAPE)
        return 0;
    if (value.len != 1 || (value.at[0] != '\\' && value.at[0] != '`'))
        return df_fail(p->df, p->n_lines, p->f, "the escape %s is neither ` nor \\",
                       QUOTE(value));
    p->df->escape = value.at[0];
    return 0;
}

static int df_parse_text(struct parser *p)
{
    struct dockerfile *df = p->df;
    struct bytes line;
    int r = df_parse_check_lines(df, p->f);
    if (bytes_starts(df->text, BYTES("\xef\xbb\xbf")))
        p->at = 3;
    while (r == 0 && df_parse_next_line(p, &line)) {
        line = utf8_trim_left(df_parse_trim_newline(line));
        r = df_parse_directive(p, line);
        if (r < 0 || line.len == 0 || df_parse_is_comment(line))
            continue;
        r = df_parse_logical_line(p, line);
        if (r == 0)
            r = df_parse_add_instruction(p);
    }
    if (r < 0)
        return r;
    if (df->n_instructions == 0)
        return df_fail(df, p->n_lines ? p->n_lines : 1, p->f,
                       "the file has no instruction: it needs a FROM");
    if (df->n_stages == 0)
        return df_fail(df, p->n_lines, p->f, "the file has no FROM, so no stage to build");
    df->stages[df->n_stages - 1].end = (uint32_t)df->n_instructions;
    return 0;
}

static int df_parse_as(struct bytes name, struct bytes text, bool no_heredocs,
                       struct dockerfile **ret, struct failure *f)
{
    if (text.len > DOCKERFILE_MAX)
        return fail(f, -E2BIG, "%s has more than %u MB", QUOTE(name), DOCKERFILE_MAX >> 20);
    struct dockerfile *df = xcalloc(1, sizeof(*df));
    df->name = arena_copy(&df->arena, name);
    df->text = arena_copy(&df->arena, text);
    df->escape = '\\';
    df->no_heredocs = no_heredocs;
    df->syntax = df_detect_syntax(&df->arena, df->text);
    df->foreign = df->syntax.len && !df_syntax_is_ours(df->syntax);
    if (!df->foreign) {
        struct parser p = {
            .df = df,
            .f = f,
            .joined = BUF(DOCKERFILE_MAX),
            .words_left = DOCKERFILE_WORDS_MAX,
        };
        int r = df_parse_text(&p);
        buf_release(&p.joined);
        if (r < 0) {
            dockerfile_free(df);
            return r;
        }
    }
    *ret = df;
    return 0;
}

int dockerfile_parse(struct bytes name, struct bytes text, struct dockerfile **ret,
                     struct failure *f)
{
    return df_parse_as(name, text, false, ret, f);
}

static bool df_parse_has_heredocs(const struct dockerfile *df)
{
    for (size_t i = 0; i < df->n_instructions; i++)
        if (df->instructions[i].n_heredocs)
            return true;
    return false;
}

int dockerfile_load(struct bytes name, struct bytes text, struct dockerfile **ret,
                    struct failure *f)
{
    struct failure why = {0};
    struct dockerfile *older = NULL;
    int r = dockerfile_parse(name, text, ret, &why);
    bool differ = r == 0 ? df_parse_has_heredocs(*ret) : r == -EINVAL;
    if (differ && df_parse_as(name, text, true, &older, NULL) == 0) {
        assert(older); /* which the analyzer can't see */
        if (r == 0) {
            (*ret)->older = older;
            return 0;
        }
        older->why = arena_copy(&older->arena, bytes_of(why.text));
        *ret = older;
        return 0;
    }
    if (r < 0 && f)
        *f = why;
    return r;
}

void dockerfile_free(struct dockerfile *df)
{
    if (!df)
        return;
    dockerfile_free(df->older);
    arena_release(&df->arena);
    free(df);
}
