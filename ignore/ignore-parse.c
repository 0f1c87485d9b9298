/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ignore file -> lines -> patterns, in the order and with the quirks of moby/patternmatcher. It
 * cleans a pattern twice, the second time together with its '!': so `!../../x` loses its '!',
 * and `/!x` becomes an exception.
 */
#include "ignore-parse.h"

#include "ignore-engine.h"
#include "pattern.h"
#include "syntax.h"
#include "translate.h"

#include <errno.h>

/* Bytes of a line: Go's bufio.Scanner fails if a line and its terminator fill 64 KiB. */
#define LINE_MAX_BYTES 65536u
/* At up to a kilobyte each, these take 250 MB of memory. No real file has so many. */
#define PATTERNS_MAX 250000u
/* Bytes of all compiled programs of one ignore file. Go's limit is 128 MiB for each. */
#define PROGRAMS_MAX_BYTES (256u << 20)

/* A line without its terminator -> a pattern, or an empty view if it contains none. */
static struct bytes ignore_clean_line(struct arena *arena, struct bytes line)
{
    if (line.len && line.at[0] == '#')
        return BYTES("");
    line = utf8_trim(line);
    bool exception = line.len && line.at[0] == '!';
    if (exception)
        line = utf8_trim(bytes_from(line, 1));
    if (line.len) {
        line = path_clean(arena, line);
        if (line.len > 1 && line.at[0] == '/')
            line = bytes_from(line, 1);
    }
    if (!exception)
        return line;
    uint8_t *out = arena_alloc(arena, line.len + 1);
    out[0] = '!';
    if (line.len)
        memcpy(out + 1, line.at, line.len);
    return bytes_at(out, line.len + 1);
}

int ignore_read(struct arena *arena, struct bytes name, struct bytes text,
                struct line **ret_lines, size_t *ret_n, struct failure *f)
{
    struct line *lines = NULL;
    size_t n = 0, cap = 0;
    uint32_t number = 0;
    for (struct bytes rest = text; rest.len;) {
        size_t len = bytes_find(rest, '\n');
        number++;
        if (len >= LINE_MAX_BYTES)
            return fail(f, -EINVAL,
                        "%s: a line of more than 65,535 bytes, at which Docker rejects the "
                        "whole file: shorten it",
                        pattern_place(&(struct quoted){.text = ""}, name, number));
        struct bytes line = bytes_head(rest, len);
        rest = bytes_from(rest, len + 1);
        if (line.len && line.at[line.len - 1] == '\r')
            line.len--;
        if (number == 1 && bytes_starts(line, BYTES("\xef\xbb\xbf")))
            line = bytes_from(line, 3);
        struct bytes clean = ignore_clean_line(arena, line);
        if (clean.len == 0)
            continue;
        if (n == PATTERNS_MAX)
            return fail(f, -E2BIG, "%s: more than 250,000 patterns",
                        pattern_place(&(struct quoted){.text = ""}, name, number));
        *ARENA_PUSH(arena, lines, &n, &cap) = (struct line){clean, number};
    }
    *ret_lines = lines;
    *ret_n = n;
    return 0;
}

/*
 * BuildKit's frontend sends the patterns to the client as JSON, which turns each byte that is
 * not UTF-8 into U+FFFD. Source: a live engine.
 */
static struct bytes ignore_through_json(struct arena *arena, struct bytes text)
{
    uint8_t *out = arena_alloc(arena, text.len * 3);
    size_t len = 0;
    for (struct bytes rest = text; rest.len;) {
        uint32_t rune;
        size_t used = utf8_decode(rest, &rune);
        len += utf8_encode(rune, out + len);
        rest = bytes_from(rest, used);
    }
    return bytes_at(out, len);
}

/* 1: *p is filled; 0: the line is not a pattern after all; -EINVAL: the set is rejected. */
static int ignore_take_line(struct ignore *ig, struct arena *scratch, const struct line *line,
                            struct pattern *p, struct failure *f)
{
    struct bytes text = line->text;
    if (ig->rules == IGNORE_BUILDKIT)
        text = ignore_through_json(scratch, text);
    text = utf8_trim(text);
    if (text.len == 0)
        return 0;
    text = path_clean(scratch, text);
    struct quoted place;
    pattern_place(&place, ig->name, line->number);
    *p = (struct pattern){.line = line->number, .exception = text.at[0] == '!'};
    if (p->exception && text.len == 1)
        return fail(f, -EINVAL,
                    "%s: pattern %s is an exception to nothing: write a path after the \"!\", "
                    "or remove the line",
                    place.text, QUOTE(line->text));
    text = arena_copy(&ig->arena, text);
    p->shown = bytes_equal(text, line->text) ? text : arena_copy(&ig->arena, line->text);
    p->text = bytes_from(text, p->exception);
    if (!pattern_valid(p->text))
        return fail(f, -EINVAL,
                    "%s: pattern %s is malformed: close its \"[\", or write \"\\\" before a "
                    "\"[\" or \"\\\" that is meant literally",
                    place.text, QUOTE(line->text));
    return 1;
}

/* Whether the exception contains no wildcard other than a last `*` or `**`. */
static bool exception_is_prefix(const struct pattern *p)
{
    struct bytes text = exception_text(p);
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] && strchr("*[]?^\\", text.at[i]))
            return false;
    return true;
}

static int ignore_compile_lines(struct ignore *ig, const struct line *lines, size_t n_lines,
                                struct notes *notes, struct failure *f)
{
    struct regex_budget budget = {PROGRAMS_MAX_BYTES};
    ig->patterns = ARENA_ARRAY(&ig->arena, n_lines, struct pattern);
    ig->prefix_exceptions = true;
    for (size_t i = 0; i < n_lines; i++) {
        cleanup_arena struct arena scratch = {0};
        struct pattern *p = &ig->patterns[ig->n];
        int r = ignore_take_line(ig, &scratch, &lines[i], p, f);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        r = pattern_compile(&ig->arena, p, ig->rules, &budget);
        struct quoted place;
        pattern_place(&place, ig->name, p->line);
        if (r < 0)
            return fail(f, r, "%s: pattern %s needs too much memory: write it simpler",
                        place.text, QUOTE(p->shown));
        ig->n++;
        ig->n_bad += p->kind == PATTERN_BAD;
        ig->n_exceptions += p->exception;
        if (p->exception && !exception_is_prefix(p))
            ig->prefix_exceptions = false;
        if (bytes_equal(p->text, BYTES(".")) || bytes_equal(p->text, BYTES("/")) ||
            bytes_equal(p->text, BYTES("..")) || bytes_starts(p->text, BYTES("../")))
            notes_add(notes, NOTE_WARNING, "%s: pattern %s matches nothing", place.text,
                      QUOTE(p->shown));
    }
    return 0;
}

int ignore_parse(struct bytes name, struct bytes text, enum ignore_rules rules,
                 struct notes *notes, struct ignore **ret_ignore, struct failure *f)
{
    if (text.len > IGNORE_FILE_MAX)
        return fail(f, -E2BIG, "%s: larger than 16 MiB", QUOTE(name));
    struct ignore *ig = xcalloc(1, sizeof(*ig));
    ig->rules = rules;
    ig->name = arena_copy(&ig->arena, name);
    cleanup_arena struct arena scratch = {0};
    struct line *lines = NULL;
    size_t n = 0;
    int r = ignore_read(&scratch, ig->name, text, &lines, &n, f);
    if (r == 0)
        r = ignore_compile_lines(ig, lines, n, notes, f);
    if (r < 0) {
        ignore_free(ig);
        return r;
    }
    ig->engine = rules == IGNORE_CLASSIC ? &classic_engine
                 : ig->n_bad             ? &literal_engine
                                         : &automaton_engine;
    r = ig->engine->root(ig, &ig->root);
    if (r < 0) {
        ignore_free(ig);
        return fail(f, r, "%s: the patterns have too many components: write them simpler",
                    QUOTE(name));
    }
    *ret_ignore = ig;
    return 0;
}
