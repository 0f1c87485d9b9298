/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The substitutions $x and ${x…}. If an unknown variable takes part, the result is a guess, and
 * the table says how much of it is certain:
 *
 *     form         x unknown   x known, word or pattern unknown
 *     ${x-w} …     nothing     if w is taken, what is certain of w; else all
 *     ${x#p}       nothing     nothing: p may take any part of x off its front
 *     ${x%p}       nothing     nothing: p may match all of x
 *     ${x/p/r}     nothing     p unknown: nothing; r unknown: what is before the first match
 *
 * An error that depends on a guess is no error.
 *
 * This file and lex.c call each other, because the grammar is recursive: a substitution
 * contains words (lex_until()), and a word contains substitutions (lex_dollar()).
 */
#include "expand.h"
#include "letters.h"
#include "read-pattern.h"

#include <errno.h>

/* Steps of one match, each a rune of the value against an element of the pattern. 2^26 of them
 * take about 50 ms; matching a path takes hundreds. */
#define MATCH_STEPS_MAX (1u << 26)
/* Steps that count as one byte of the arena, so that EXPAND_ARENA_MAX bounds the time too. */
#define MATCH_STEPS_PER_BYTE 16

/* A substitution. */
struct form {
    struct bytes name;
    uint32_t op;         /* '-' '+' '?' '#' '%' '/' */
    bool null_counts;    /* `:`: an empty value counts as unset */
    bool all;            /* `//` */
    enum df_value state; /* of the variable */
    struct bytes value;  /* empty if it is unset; a guess if it is unknown */
    bool set;            /* value is the variable's, or a guess of the lookup's */
};

/* Appends text of which the first `known` bytes are certain, because `variable` is unknown. */
static void expand_put_guess(struct lex *l, struct lex_text *out, struct bytes text,
                             size_t known, struct bytes variable)
{
    if (!out->unknown) {
        out->unknown = true;
        out->known = out->text.len + (known < text.len ? known : text.len);
        out->variable = variable;
    }
    lex_put(l, out, text);
}

static void expand_put_text(struct lex *l, struct lex_text *out, const struct lex_text *text)
{
    if (text->unknown)
        expand_put_guess(l, out, buf_bytes(&text->text), text->known, text->variable);
    else
        lex_put(l, out, buf_bytes(&text->text));
}

/* ---- names ------------------------------------------------------------------------- */

static bool expand_is_special_name(uint32_t c)
{
    return c < 0x80 && c != 0 && strchr("@*#?-$!0", (int)c);
}

/* Reads a name: digits; or one special character; or letters, digits and `_`. Empty: there is
 * none. */
static struct bytes expand_read_name(struct lex *l)
{
    struct bytes start = l->rest;
    uint32_t c = lex_peek(l);
    if (c == LEX_END)
        return bytes_head(start, 0);
    if (rune_is_digit(c)) {
        while (l->rest.len && rune_is_digit(lex_peek(l)))
            lex_next(l);
    } else if (expand_is_special_name(c)) {
        lex_next(l);
    } else {
        while (l->rest.len &&
               (c = lex_peek(l), c == '_' || rune_is_letter(c) || rune_is_digit(c)))
            lex_next(l);
    }
    return bytes_head(start, start.len - l->rest.len);
}

static void expand_look_up(struct lex *l, struct form *form)
{
    form->value = (struct bytes){0};
    form->state = l->lookup(l->scope, form->name, &form->value);
    form->set = form->state == DF_KNOWN || (form->state == DF_UNKNOWN && form->value.at);
    if (!form->set)
        form->value = BYTES("");
}

/* ---- ${x-w} ${x+w} ${x?w} ---------------------------------------------------------- */

static int expand_choice(struct lex *l, const struct form *form, const struct lex_text *word,
                         struct lex_text *out)
{
    bool absent = !form->set || (form->null_counts && form->value.len == 0);
    bool unknown = form->state == DF_UNKNOWN;
    if (form->op == '?' && absent && !unknown) {
        struct bytes why = buf_bytes(&word->text);
        return fail(l->f, -EINVAL, "%.*s %s%s%s", BYTES_ARG(form->name),
                    form->set ? "is empty" : "is not set", why.len ? ": " : "",
                    why.len ? QUOTE(why) : "");
    }
    bool take_word = form->op == (absent ? '-' : '+');
    bool take_value = !absent && form->op != '+';
    if (unknown) {
        struct bytes guess = take_word    ? buf_bytes(&word->text)
                             : take_value ? form->value
                                          : BYTES("");
        expand_put_guess(l, out, guess, 0, form->name);
    } else if (take_word) {
        expand_put_text(l, out, word);
    } else if (take_value) {
        lex_put(l, out, form->value);
    }
    return 0;
}

/* ---- ${x#p} ${x%p} ${x/p/r} -------------------------------------------------------- */

/* Refuses a match that would take too long, and charges any other to the arena. */
static int expand_charge(struct lex *l, size_t n_runes, size_t n_pattern)
{
    uint64_t runes = (uint64_t)n_runes + 1, steps = runes * ((uint64_t)n_pattern + 1);
    if (steps > MATCH_STEPS_MAX)
        return fail(l->f, -E2BIG, "a pattern of %zu characters is too long for a value of %zu",
                    n_pattern, n_runes);
    /* To decode and copy a rune takes about as long as 32 steps. */
    l->arena->used_bytes += (size_t)((steps + 32 * runes) / MATCH_STEPS_PER_BYTE);
    return 0;
}

static int expand_trim(struct lex *l, const struct form *form, const struct lex_text *word,
                       struct lex_text *out)
{
    cleanup_arena struct arena scratch = {0};
    struct bytes text = buf_bytes(&word->text);
    bool greedy = text.len && text.at[0] == form->op, mirror = form->op == '%';
    struct rune_pattern pattern;
    int r = rune_pattern_compile(&scratch, bytes_from(text, greedy), mirror, &pattern, l->f);
    bool unknown = form->state == DF_UNKNOWN || (word->unknown && form->value.len);
    struct bytes variable = form->state == DF_UNKNOWN ? form->name : word->variable;
    if (r < 0) {
        if (word->unknown) {
            expand_put_guess(l, out, form->value, 0, variable);
            r = 0;
        }
        return r;
    }
    struct runes value;
    runes_decode(&scratch, form->value, &value);
    r = expand_charge(l, value.n, pattern.n);
    if (r < 0)
        return r;
    if (mirror)
        runes_mirror(&value);
    uint32_t *ends = ARENA_ARRAY(&scratch, value.n + 1, uint32_t);
    rune_pattern_match(&pattern, &value, greedy, ends);
    size_t cut = ends[0] == PATTERN_NONE ? 0 : ends[0];

    cleanup_lex_text struct lex_text left = LEX_TEXT;
    if (!mirror)
        lex_put(l, &left, bytes_from(form->value, value.at[cut]));
    /* The builder turns the runes around twice, which makes the result valid UTF-8. */
    for (size_t i = value.n; mirror && i > cut; i--)
        lex_put_rune(l, &left, value.rune[i - 1]);
    if (unknown)
        expand_put_guess(l, out, buf_bytes(&left.text), 0, variable);
    else
        lex_put(l, out, buf_bytes(&left.text));
    return 0;
}

/* The name after the `$` of a template. Empty: there is none, and the `$` is text. *ret_rest is
 * what follows. */
static struct bytes expand_template_name(struct bytes text, struct bytes *ret_rest)
{
    bool brace = text.len && text.at[0] == '{';
    struct bytes name = bytes_from(text, brace);
    size_t len = 0;
    while (len < name.len) {
        uint32_t c;
        size_t rune_len = utf8_decode(bytes_from(name, len), &c);
        if (c != '_' && !rune_is_letter(c) && !rune_is_digit(c))
            break;
        len += rune_len;
    }
    if (brace && (len == name.len || name.at[len] != '}'))
        len = 0;
    *ret_rest = len ? bytes_from(name, len + brace) : text;
    return bytes_head(name, len);
}

/*
 * Puts one replacement of `//`. The builder hands the text to Go's regexp, for which `$0` is
 * the match, `$$` is a dollar, and any other `$name` is a group that doesn't exist, so it is
 * empty. Source: Go regexp.Expand.
 */
static void expand_put_template(struct lex *l, struct lex_text *out, struct bytes text,
                                struct bytes match)
{
    while (text.len && !l->too_long) {
        size_t dollar = bytes_find(text, '$');
        lex_put(l, out, bytes_head(text, dollar));
        if (dollar == text.len)
            return;
        text = bytes_from(text, dollar + 1);
        if (text.len && text.at[0] == '$') {
            lex_put(l, out, bytes_head(text, 1));
            text = bytes_from(text, 1);
            continue;
        }
        struct bytes name = expand_template_name(text, &text);
        if (name.len == 0)
            lex_put(l, out, BYTES("$"));
        else if (bytes_equal(name, BYTES("0")))
            lex_put(l, out, match);
    }
}

/* Puts the value, matches replaced. Returns the offset of the first match, or SIZE_MAX. */
static size_t expand_replace_matches(struct lex *l, const struct form *form, struct bytes with,
                                     const struct runes *value, const uint32_t *ends,
                                     struct lex_text *out)
{
    size_t copied = 0, i = 0; /* byte after the last match; rune to look for the next one at */
    size_t first = SIZE_MAX;
    while (i <= value->n && !l->too_long) {
        if (ends[i] == PATTERN_NONE) {
            i++;
            continue;
        }
        size_t from = value->at[i], end = value->at[ends[i]];
        if (first > from)
            first = from;
        lex_put(l, out, bytes_head(bytes_from(form->value, copied), from - copied));
        /* Go puts nothing for an empty match right after another match. */
        struct bytes match = bytes_head(bytes_from(form->value, from), end - from);
        if (!form->all)
            lex_put(l, out, with);
        else if (end > copied || i == 0)
            expand_put_template(l, out, with, match);
        copied = end;
        if (!form->all)
            break;
        i = ends[i] > i ? ends[i] : i + 1;
    }
    lex_put(l, out, bytes_from(form->value, copied));
    return first;
}

static int expand_replace(struct lex *l, const struct form *form, const struct lex_text *word,
                          const struct lex_text *with, struct lex_text *out)
{
    cleanup_arena struct arena scratch = {0};
    struct bytes variable = form->state == DF_UNKNOWN ? form->name
                            : word->unknown           ? word->variable
                                                      : with->variable;
    struct rune_pattern pattern;
    int r = rune_pattern_compile(&scratch, buf_bytes(&word->text), false, &pattern, l->f);
    if (r < 0 && word->unknown) {
        expand_put_guess(l, out, form->value, 0, variable);
        return 0;
    }
    if (r < 0)
        return r;
    struct runes value;
    runes_decode(&scratch, form->value, &value);
    r = expand_charge(l, value.n, pattern.n);
    if (r < 0)
        return r;
    uint32_t *ends = ARENA_ARRAY(&scratch, value.n + 1, uint32_t);
    rune_pattern_match(&pattern, &value, true, ends);

    cleanup_lex_text struct lex_text done = LEX_TEXT;
    size_t first = expand_replace_matches(l, form, buf_bytes(&with->text), &value, ends, &done);
    if (form->state == DF_UNKNOWN || word->unknown)
        expand_put_guess(l, out, buf_bytes(&done.text), 0, variable);
    else if (with->unknown && first < SIZE_MAX)
        expand_put_guess(l, out, buf_bytes(&done.text), first, variable);
    else
        lex_put(l, out, buf_bytes(&done.text));
    return 0;
}

/* ---- reading of a substitution ----------------------------------------------------- */

static void expand_put_value(struct lex *l, struct form *form, struct lex_text *out)
{
    expand_look_up(l, form);
    if (form->state == DF_UNKNOWN)
        expand_put_guess(l, out, form->value, 0, form->name);
    else
        lex_put(l, out, form->value);
}

static int expand_bad_substitution(struct lex *l, struct bytes name, uint32_t op)
{
    if (op == LEX_END)
        return fail(l->f, -EINVAL, "a substitution lacks its closing '}'");
    uint8_t text[4];
    return fail(l->f, -EINVAL, "${%.*s…}: %s is no operator of a substitution", BYTES_ARG(name),
                QUOTE(bytes_at(text, utf8_encode(op, text))));
}

/* Reads the rest of a substitution after `${x/`. */
static int expand_lex_replace(struct lex *l, struct form *form, struct lex_text *out)
{
    cleanup_lex_text struct lex_text word = LEX_TEXT, replacement = LEX_TEXT;
    form->all = lex_peek(l) == '/';
    if (form->all)
        lex_next(l);
    int r = lex_until(l, '/', LEX_PATTERN, &word);
    if (r == 0)
        r = lex_until(l, '}', LEX_RAW, &replacement);
    if (r < 0)
        return r;
    if (!l->lookup) {
        /* The builder writes one slash, also for `//`. */
        lex_put(l, out, BYTES("${"));
        lex_put(l, out, form->name);
        lex_put(l, out, BYTES("/"));
        expand_put_text(l, out, &word);
        lex_put(l, out, BYTES("/"));
        expand_put_text(l, out, &replacement);
        lex_put(l, out, BYTES("}"));
        return 0;
    }
    expand_look_up(l, form);
    return expand_replace(l, form, &word, &replacement, out);
}

/* Reads the rest of a substitution after `${x` and an operator that takes one word. */
static int expand_lex_operator(struct lex *l, struct form *form, struct lex_text *out)
{
    bool trims = form->op == '#' || form->op == '%';
    bool choice = form->op == '-' || form->op == '+' || form->op == '?';
    if (form->null_counts ? trims : !trims && !choice)
        return expand_bad_substitution(l, form->name, form->op);
    cleanup_lex_text struct lex_text word = LEX_TEXT;
    int r = lex_until(l, '}', trims ? LEX_PATTERN : LEX_WORD, &word);
    if (r < 0)
        return r;
    if (!l->lookup) {
        lex_put(l, out, BYTES("${"));
        lex_put(l, out, form->name);
        lex_put(l, out, form->null_counts ? BYTES(":") : BYTES(""));
        lex_put_rune(l, out, form->op);
        expand_put_text(l, out, &word);
        lex_put(l, out, BYTES("}"));
        return 0;
    }
    if (!trims && !choice)
        return expand_bad_substitution(l, form->name, form->op);
    expand_look_up(l, form);
    return choice ? expand_choice(l, form, &word, out) : expand_trim(l, form, &word, out);
}

int lex_dollar(struct lex *l, struct lex_text *out)
{
    struct form form = {0};
    struct bytes start = l->rest;
    lex_next(l);
    bool brace = lex_peek(l) == '{';
    if (brace) {
        lex_next(l);
        uint32_t c = lex_peek(l);
        if (c == '{' || c == '}' || c == ':')
            return fail(l->f, -EINVAL, "\"${\" is not followed by a name");
    }
    form.name = expand_read_name(l);
    if (brace)
        form.op = lex_next(l);
    if (!brace && form.name.len == 0) {
        lex_put(l, out, BYTES("$"));
        return 0;
    }
    if (!brace || form.op == '}') {
        if (l->lookup)
            expand_put_value(l, &form, out);
        else
            lex_put(l, out, bytes_head(start, start.len - l->rest.len));
        return 0;
    }
    if (form.op == '/')
        return expand_lex_replace(l, &form, out);
    form.null_counts = form.op == ':';
    if (form.null_counts)
        form.op = lex_next(l);
    if (form.op == LEX_END)
        return expand_bad_substitution(l, form.name, form.op);
    return expand_lex_operator(l, &form, out);
}

/* ---- the whole word ---------------------------------------------------------------- */

/* Tells whether the lexer would change nothing in the word, which holds for most words. */
static bool expand_is_plain(struct bytes word, uint8_t escape)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.at[i];
        if (c == '$' || c == '\'' || c == '"' || c == escape || c >= 0x80)
            return false;
    }
    return true;
}

int df_expand(struct arena *arena, struct bytes word, uint8_t escape, df_lookup *lookup,
              void *scope, struct df_expanded *ret, struct failure *f)
{
    if (arena->used_bytes > EXPAND_ARENA_MAX)
        return fail(f, -E2BIG, "the variables of this file expand to more than %u MB",
                    EXPAND_ARENA_MAX >> 20);
    if (word.len <= EXPAND_MAX && expand_is_plain(word, escape)) {
        *ret = (struct df_expanded){.text = arena_copy(arena, word), .known_prefix = word.len};
        return 0;
    }
    struct lex l;
    cleanup_lex_text struct lex_text out = LEX_TEXT;
    lex_init(&l, arena, word, escape);
    l.lookup = lookup;
    l.scope = scope;
    l.f = f;
    int r = lex_until(&l, LEX_END, LEX_WORD, &out);
    lex_release(&l);
    /* Another failure may be the result of text that was cut off at its maximum. */
    if (l.too_long)
        return fail(f, -E2BIG, "a word expands to more than %u MB", EXPAND_MAX >> 20);
    if (r < 0)
        return r;
    struct bytes text = arena_copy(arena, buf_bytes(&out.text));
    *ret = (struct df_expanded){
        .text = text,
        .unknown = out.unknown,
        .known_prefix = out.unknown ? out.known : text.len,
        .variable = out.unknown ? arena_copy(arena, out.variable) : (struct bytes){0},
    };
    return 0;
}
