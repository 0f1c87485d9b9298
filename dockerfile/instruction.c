/* SPDX-License-Identifier: Apache-2.0 */
#include "instruction.h"
#include "heredoc.h"
#include "json-form.h"
#include "words.h"

#include <errno.h>

static const struct {
    const char *name; /* lower case */
    enum df_keyword keyword;
} keywords[] = {
    {"from", DF_FROM},        {"run", DF_RUN},           {"copy", DF_COPY},
    {"add", DF_ADD},          {"arg", DF_ARG},           {"env", DF_ENV},
    {"onbuild", DF_ONBUILD},  {"cmd", DF_OTHER},         {"entrypoint", DF_OTHER},
    {"expose", DF_OTHER},     {"healthcheck", DF_OTHER}, {"label", DF_OTHER},
    {"maintainer", DF_OTHER}, {"shell", DF_OTHER},       {"stopsignal", DF_OTHER},
    {"user", DF_OTHER},       {"volume", DF_OTHER},      {"workdir", DF_OTHER},
};

/* Go's strings.ToLower, as far as its result can be ASCII. Two letters outside ASCII have a
 * lower case in ASCII: the dotted capital I and the Kelvin sign. */
static struct bytes instruction_lower(struct arena *arena, struct bytes text)
{
    uint8_t *out = arena_alloc(arena, text.len);
    size_t n = 0;
    while (text.len) {
        uint32_t rune;
        size_t len = utf8_decode(text, &rune);
        if (rune >= 'A' && rune <= 'Z')
            out[n++] = (uint8_t)(rune | 0x20);
        else if (rune == 0x130)
            out[n++] = 'i';
        else if (rune == 0x212a)
            out[n++] = 'k';
        else
            for (size_t i = 0; i < len; i++)
                out[n++] = text.at[i];
        text = bytes_from(text, len);
    }
    return bytes_at(out, n);
}

static bool instruction_find_keyword(struct dockerfile *df, struct bytes word,
                                     enum df_keyword *ret)
{
    /* The longest keyword has 11 letters, and a letter has 3 bytes at most: a longer word is
     * no keyword. */
    struct bytes name = word.len <= 40 ? instruction_lower(&df->arena, word) : word;
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
        if (bytes_equal(name, bytes_of(keywords[i].name))) {
            *ret = keywords[i].keyword;
            return true;
        }
    }
    *ret = DF_OTHER;
    return false;
}

/* Go's `^[a-z][a-z0-9-_.]*$`. */
static bool instruction_is_stage_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        bool letter = c >= 'a' && c <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!letter && (!other || i == 0))
            return false;
    }
    return name.len > 0;
}

int df_stage_name(struct dockerfile *df, uint32_t line, struct bytes written, struct bytes *ret,
                  struct failure *f)
{
    struct bytes name = instruction_lower(&df->arena, written);
    if (!instruction_is_stage_name(name))
        return df_fail(df, line, f,
                       "%s is no name for a stage: it takes a letter, then letters, digits, "
                       "\"-\", \"_\" and \".\"",
                       QUOTE(written));
    *ret = name;
    return 0;
}

/* ---- what both builders refuse ----------------------------------------------------- */

/* Tells whether the word is `AS` to Go's strings.EqualFold, which takes a long s for an s. */
static bool instruction_is_as(struct bytes word)
{
    return bytes_equal_nocase(word, BYTES("as")) || bytes_equal(word, BYTES("a\u017f")) ||
           bytes_equal(word, BYTES("A\u017f"));
}

static int instruction_check_copy(struct dockerfile *df, const struct df_instruction *ins,
                                  struct failure *f)
{
    if (ins->n_words < 2)
        return df_fail(df, ins->line, f, "%.*s needs a source and a destination",
                       BYTES_ARG(ins->word));
    if (!df->no_heredocs && df_is_heredoc(ins->words[ins->n_words - 1]))
        return df_fail(df, ins->line, f, "the destination of %.*s can't be a heredoc",
                       BYTES_ARG(ins->word));
    return 0;
}

static int instruction_check_names(struct dockerfile *df, const struct df_instruction *ins,
                                   struct failure *f)
{
    if (ins->n_words == 0)
        return df_fail(df, ins->line, f, "%.*s needs a name", BYTES_ARG(ins->word));
    size_t step = ins->keyword == DF_ENV ? 2 : 1;
    for (size_t i = 0; i < ins->n_words; i += step) {
        struct bytes word = ins->words[i];
        if (word.len == 0 || (step == 1 && word.at[0] == '='))
            return df_fail(df, ins->line, f, "%.*s has a value without a name",
                           BYTES_ARG(ins->word));
    }
    return 0;
}

static int instruction_check_onbuild(struct dockerfile *df, const struct df_instruction *ins,
                                     struct failure *f)
{
    if (!ins->trigger)
        return df_fail(df, ins->line, f, "ONBUILD needs an instruction");
    static const struct bytes refused[] = {
        {(const uint8_t *)"ONBUILD", 7},
        {(const uint8_t *)"FROM", 4},
        {(const uint8_t *)"MAINTAINER", 10},
    };
    struct bytes word = utf8_trim(ins->trigger->word);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        if (bytes_equal_nocase(word, refused[i]))
            return df_fail(df, ins->line, f, "ONBUILD can't take %.*s", BYTES_ARG(word));
    }
    return 0;
}

static int instruction_check_arguments(struct dockerfile *df, const struct df_instruction *ins,
                                       struct failure *f)
{
    switch (ins->keyword) {
    case DF_FROM:
        if (ins->n_words != 1 && (ins->n_words != 3 || !instruction_is_as(ins->words[1])))
            return df_fail(df, ins->line, f, "FROM takes an image, or an image, AS and a name");
        return 0;
    case DF_COPY:
    case DF_ADD:
        return instruction_check_copy(df, ins, f);
    case DF_ARG:
    case DF_ENV:
        return instruction_check_names(df, ins, f);
    case DF_ONBUILD:
        return instruction_check_onbuild(df, ins, f);
    case DF_RUN:
    case DF_OTHER:
        return 0;
    }
    return 0;
}

/* ---- words ------------------------------------------------------------------------- */

static int instruction_split_json(struct dockerfile *df, struct df_instruction *ins,
                                  struct df_words *words, struct failure *f)
{
    int r = df_json_words(&df->arena, ins->rest, words);
    if (r == -EINVAL)
        return df_fail(df, ins->line, f,
                       "the array of %.*s has something else than strings in it",
                       BYTES_ARG(ins->word));
    ins->json = r > 0;
    return r;
}

static int instruction_split_words(struct dockerfile *df, struct df_instruction *ins,
                                   uint8_t escape, size_t *words_left, struct failure *f)
{
    struct arena *arena = &df->arena;
    struct df_words words = {.left = *words_left};
    int r = 0;
    switch (ins->keyword) {
    case DF_FROM:
        r = df_split_blanks(arena, ins->rest, &words);
        break;
    case DF_COPY:
    case DF_ADD:
        r = instruction_split_json(df, ins, &words, f);
        if (r == 0)
            r = df_split_blanks(arena, ins->rest, &words);
        break;
    case DF_RUN:
        r = instruction_split_json(df, ins, &words, f);
        words.n = 0;
        break;
    case DF_ARG:
        r = df_split_quoted(arena, ins->rest, escape, &words);
        break;
    case DF_ENV:
        r = df_split_env(arena, ins->rest, escape, &words, f);
        if (r == -EINVAL)
            df_wrap(df, ins->line, f, r);
        break;
    case DF_ONBUILD:
    case DF_OTHER:
        break;
    }
    if (r == -E2BIG)
        return df_wrap(df, ins->line, f,
                       fail(f, r, "the file has more than %u words", DOCKERFILE_WORDS_MAX));
    if (r < 0)
        return r;
    ins->words = words.at;
    ins->n_words = words.n;
    *words_left -= words.n;
    return 0;
}

/* ---- the instruction --------------------------------------------------------------- */

/* Fills *ins from `text`, which is a part of the logical line. Leaves ins->trigger alone. */
static int instruction_read(struct dockerfile *df, const struct df_line *line,
                            struct bytes text, uint8_t escape, size_t *words_left,
                            struct df_instruction *ins, struct failure *f)
{
    text = utf8_trim(text);
    size_t start = (size_t)(text.at - line->text.at), len = 0;
    while (len < text.len && !df_is_blank(text.at[len]))
        len++;
    *ins = (struct df_instruction){
        .word = bytes_head(text, len),
        .line = line->first,
        .at = df_line_at(line, start),
        .word_end = df_line_end(line, start + len),
    };
    while (len < text.len && df_is_blank(text.at[len]))
        len++;
    ins->args = bytes_from(text, len);
    instruction_find_keyword(df, ins->word, &ins->keyword);
    int r = df_split_flags(&df->arena, line, ins->args, escape, &ins->flags, &ins->n_flags,
                           &ins->rest);
    if (r < 0)
        return df_wrap(df, line->first, f, fail(f, r, "the flags are too many"));
    ins->rest = utf8_trim(ins->rest);
    return instruction_split_words(df, ins, escape, words_left, f);
}

/* Tells whether `<<` in the arguments of the instruction means a heredoc. */
static bool instruction_takes_heredocs(const struct df_instruction *ins)
{
    bool takes = ins->keyword == DF_RUN || ins->keyword == DF_COPY || ins->keyword == DF_ADD;
    return takes && !ins->json;
}

/* The text without a continuation mark `\` at its end. The rule is that of df_parse_join(). */
static struct bytes instruction_trim_continuation(struct bytes text)
{
    size_t len = text.len;
    while (len && text.at[len - 1] == '\r')
        len--;
    while (len && (text.at[len - 1] == ' ' || text.at[len - 1] == '\t'))
        len--;
    bool continues = len && text.at[len - 1] == '\\' && (len == 1 || text.at[len - 2] != '\\');
    return continues ? bytes_head(text, len - 1) : text;
}

void df_reread_trigger(struct dockerfile *df, const struct df_line *line,
                       struct df_instruction *ins)
{
    size_t start = (size_t)(ins->args.at - line->text.at), words_left = DOCKERFILE_WORDS_MAX;
    struct bytes whole = bytes_from(line->text, start),
                 again = instruction_trim_continuation(whole);
    bool cut = again.len < whole.len;
    /* The builder cuts off the trigger at blanks other than a vertical tab. If one stands
     * there, the trigger begins with it, and a byte-order mark after it is not dropped. */
    const uint8_t *word_end = ins->word.at + ins->word.len;
    if (bytes_starts(again, BYTES("\xef\xbb\xbf")) &&
        !memchr(word_end, '\v', (size_t)(ins->args.at - word_end)))
        again = bytes_from(again, 3);
    if (df->escape == '\\' && !cut && again.at == ins->rest.at)
        return;
    /* The builder recognises the keyword ONBUILD by one rule and cuts it off by another. With
     * a dotted I it isn't cut off, and the trigger is an ONBUILD. And if there is a heredoc,
     * its body is what continues the line. */
    if (!bytes_equal_nocase(ins->word, BYTES("onbuild")) || (cut && ins->n_heredocs))
        return;
    struct df_instruction *trigger = ARENA_NEW(&df->arena, struct df_instruction);
    if (instruction_read(df, line, again, '\\', &words_left, trigger, NULL) < 0 ||
        trigger->word.len == 0 || trigger->word.at[0] == '#')
        return;
    /* The byte-order mark hid the heredocs from the first reading, so their bodies were not
     * read, and the second reading lacks them. */
    struct df_heredoc *heredocs;
    size_t n_heredocs = 0;
    if (instruction_takes_heredocs(trigger) && !instruction_takes_heredocs(ins->trigger) &&
        !df->no_heredocs &&
        (df_heredocs(&df->arena, again, &heredocs, &n_heredocs, NULL) < 0 || n_heredocs))
        return;
    ins->trigger = trigger;
}

int df_instruction(struct dockerfile *df, const struct df_line *line, size_t *words_left,
                   struct df_instruction *ret, struct failure *f)
{
    int r = instruction_read(df, line, line->text, df->escape, words_left, ret, f);
    if (r < 0)
        return r;
    enum df_keyword keyword;
    if (!instruction_find_keyword(df, ret->word, &keyword)) {
        if (memchr(df->text.at, 0, df->text.len))
            return df_fail(df, ret->line, f, "this is no text: it has NUL bytes");
        if (ret->word.len == 0)
            return df_fail(df, ret->line, f, "the line is continued, but has nothing in it");
        return df_fail(df, ret->line, f,
                       "%s is no instruction; to continue the line above, end that in \"%c\"",
                       QUOTE(ret->word), df->escape);
    }
    if (keyword == DF_ONBUILD && ret->rest.len) {
        ret->trigger = ARENA_NEW(&df->arena, struct df_instruction);
        r = instruction_read(df, line, ret->rest, df->escape, words_left, ret->trigger, f);
    }
    return r < 0 ? r : instruction_check_arguments(df, ret, f);
}
