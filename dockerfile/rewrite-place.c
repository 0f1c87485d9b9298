/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a rewrite adds its stage, in which case, and which blank lines it takes in exchange:
 *
 *     # syntax=docker/dockerfile:1      # syntax=docker/dockerfile:1
 *     # build compiles                  from scratch as ctxd-context
 *     from golang as build              add ctx.tar /
 *                                       # build compiles
 *     workdir /src                      from golang as build
 *                                       workdir /src
 *     copy . .                          copy --from=ctxd-context . .
 *
 * - The builder counts the instructions in upper and in lower case, and reports those of the
 *   minority. Added to the majority, the stage changes no report.
 * - Comments belong to the instruction that follows: they describe a stage, or say what isn't
 *   checked there. So the stage goes before them: after the last global ARG, or after the
 *   directives.
 * - A blank line means nothing to the builder. (Its documentation says that one ends the
 *   comment before it. So one is left after each comment.)
 */
#include "rewrite-place.h"
#include "directive.h"

#include <ctype.h>

static bool place_has_no(struct bytes word, int (*kind)(int))
{
    for (size_t i = 0; i < word.len; i++)
        if (kind(word.at[i]))
            return false;
    return true;
}

static bool place_is_lower(const struct dockerfile *df)
{
    size_t lower = 0, upper = 0;
    for (size_t i = 0; i < df->n_instructions; i++) {
        const struct df_instruction *in = &df->instructions[i];
        if (in->stage == DF_GLOBAL)
            continue; /* the builder doesn't count them */
        if (place_has_no(in->word, isupper))
            lower++;
        else if (place_has_no(in->word, islower))
            upper++;
    }
    return lower > upper;
}

/* The offset after the lines at the head of the text that must stay there. */
static size_t place_skip_head(struct bytes text)
{
    struct df_directives d = {0};
    struct bytes rest = text, line, value;
    if (bytes_starts(rest, BYTES("\xef\xbb\xbf")))
        rest = bytes_from(rest, 3);
    if (bytes_starts(rest, BYTES("#!"))) /* the search for a syntax goes on behind it */
        rest = bytes_from(rest, bytes_find(rest, '\n') + 1);
    for (;;) {
        struct bytes next = rest;
        if (!bytes_next(&next, '\n', &line))
            break;
        if (bytes_ends(line, BYTES("\r")))
            line.len--;
        if (df_directive(&d, line, BYTES("#"), &value) <= 0)
            break;
        rest = next;
    }
    return (size_t)(rest.at - text.at);
}

static bool place_is_blank(struct bytes line)
{
    for (size_t i = 0; i < line.len; i++)
        if (!strchr(" \t\r", line.at[i]))
            return false;
    return true;
}

/* Takes blank lines of the text from `from` to `to`, between two instructions. */
static void place_take_blank(struct rewrite_place *place, struct bytes text, size_t from,
                             size_t to, size_t n_lines)
{
    bool needed = false; /* the next blank line ends a comment */
    while (from < to && place->n_blank < n_lines) {
        struct bytes rest = bytes_from(text, from);
        size_t len = bytes_find(rest, '\n') + 1;
        struct bytes line = bytes_head(rest, len - 1);
        if (from + len > to)
            return; /* the indentation of the instruction */
        if (!place_is_blank(line)) {
            size_t space = 0;
            while (space < line.len && strchr(" \t", line.at[space]))
                space++;
            if (line.at[space] != '#')
                return; /* a continuation mark: the instruction has begun */
            needed = true;
        } else if (needed) {
            needed = false;
        } else {
            place->blank[place->n_blank].at = from;
            place->blank[place->n_blank++].len = len;
        }
        from += len;
    }
}

struct rewrite_place rewrite_find_place(const struct dockerfile *df, size_t n_lines)
{
    struct rewrite_place place = {.lower = place_is_lower(df)};
    uint32_t first = df->stages[0].from;
    place.at = first ? df->instructions[first - 1].end : place_skip_head(df->text);
    size_t from = place.at;
    for (size_t i = first; i < df->n_instructions; i++) {
        place_take_blank(&place, df->text, from, df->instructions[i].at,
                         n_lines < REWRITE_LINES ? n_lines : REWRITE_LINES);
        from = df->instructions[i].end;
    }
    return place;
}
