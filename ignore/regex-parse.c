/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regex text -> program, in one pass and without recursion. Source: Go regexp/syntax with Perl
 * flags, without what a translated pattern can't contain (`(?…`, lazy operators).
 *
 * The fragment of the program for a part of the regex is contiguous and jumps by distances. So
 * a repetition copies the fragment, and an alternation moves it to make space for a SPLIT:
 *
 *     a|b|c     SPLIT->1  a  JUMP->end   1: SPLIT->2  b  JUMP->end   2: c   end:
 *     x+        x  SPLIT->x              x{2,3}   x x SPLIT->end x  end:
 */
#include "regex-parse.h"

#include "regex-class.h"

#include <errno.h>
#include <stdlib.h>

/* The limits of Go's regexp/syntax. */
#define REPEAT_MAX 1000u     /* of one counted repetition, and of the product of nested ones */
#define DEPTH_MAX 1000u      /* nested groups */
#define PROGRAM_MAX 3355443u /* instructions of one program: syntax.maxSize */

struct group {
    uint32_t start;  /* its first instruction */
    uint32_t branch; /* the first of its current alternative */
    int64_t jump;    /* the jump at the end of the last alternative; its arg is the index of the
                        one before, until regex_end_group() sets the distances; -1: none */
    uint32_t weight; /* the largest product of nested repetitions in it */
};

struct parser {
    struct bytes text;
    struct instruction *at;
    uint32_t n;
    size_t cap;
    struct group *groups;
    size_t depth, cap_groups;
    bool has_atom; /* an operator would repeat the instructions [atom, n) */
    uint32_t atom, atom_weight;
    struct rune_class *classes;
    size_t n_classes, cap_classes;
    struct arena *arena;
    struct regex_budget *budget;
};

static int regex_grow(struct parser *p, uint32_t more)
{
    if (more > PROGRAM_MAX - p->n)
        return -EINVAL; /* Go: expression too large */
    if ((size_t)(p->n + more) * sizeof(*p->at) > p->budget->bytes)
        return -E2BIG;
    if (p->n + more > p->cap) {
        p->cap = (p->n + more) * 2;
        p->at = xrealloc(p->at, p->cap * sizeof(*p->at));
    }
    return 0;
}

static int regex_emit(struct parser *p, enum regex_op op, int64_t arg)
{
    int r = regex_grow(p, 1);
    if (r == 0)
        p->at[p->n++] = (struct instruction){op, (int32_t)arg};
    return r;
}

/* Ends the last atom: an operator can no longer repeat it. */
static void regex_close_atom(struct parser *p)
{
    struct group *g = &p->groups[p->depth];
    if (p->has_atom && p->atom_weight > g->weight)
        g->weight = p->atom_weight;
    p->has_atom = false;
}

/* Adds an atom of one instruction. */
static int regex_emit_atom(struct parser *p, enum regex_op op, int64_t arg)
{
    regex_close_atom(p);
    p->has_atom = true;
    p->atom = p->n;
    p->atom_weight = 1;
    return regex_emit(p, op, arg);
}

/* Moves the instructions [from, n) up by one, and puts an instruction at `from`. */
static int regex_insert(struct parser *p, uint32_t from, enum regex_op op, int64_t arg)
{
    int r = regex_grow(p, 1);
    if (r < 0)
        return r;
    memmove(p->at + from + 1, p->at + from, (p->n - from) * sizeof(*p->at));
    p->at[from] = (struct instruction){op, (int32_t)arg};
    p->n++;
    return 0;
}

static int regex_emit_class(struct parser *p, struct class_builder *c)
{
    class_clean(c);
    size_t bytes = c->n * sizeof(*c->ranges) + sizeof(struct rune_class);
    if (bytes > p->budget->bytes)
        return -E2BIG;
    p->budget->bytes -= bytes;
    struct rune_class *class = ARENA_PUSH(p->arena, p->classes, &p->n_classes, &p->cap_classes);
    class->ranges = ARENA_ARRAY(p->arena, c->n, struct rune_range);
    class->n = c->n;
    if (c->n)
        memcpy(class->ranges, c->ranges, c->n * sizeof(*c->ranges));
    for (uint32_t i = 0; i < c->n; i++)
        for (uint32_t rune = c->ranges[i].low; rune <= c->ranges[i].high && rune < 128; rune++)
            class->ascii[rune / 64] |= 1ull << rune % 64;
    return regex_emit_atom(p, OP_CLASS, (int64_t)p->n_classes - 1);
}

/* Applies `*` to the last atom. */
static int regex_repeat_star(struct parser *p)
{
    uint32_t len = p->n - p->atom;
    struct instruction *one = &p->at[p->atom];
    if (len == 1 && (one->op == OP_NOT_SLASH || one->op == OP_NOT_NEWLINE)) {
        one->op = one->op == OP_NOT_SLASH ? OP_NOT_SLASH_LOOP : OP_NOT_NEWLINE_LOOP;
        return 0;
    }
    int r = regex_insert(p, p->atom, OP_SPLIT, (int64_t)len + 2);
    return r ? r : regex_emit(p, OP_JUMP, -(int64_t)len - 1);
}

/* Applies `{min,max}` to the last atom; max < 0: any number. */
static int regex_repeat_counted(struct parser *p, int64_t min, int64_t max)
{
    uint32_t start = p->atom, len = p->n - start;
    if (min == 0 && max < 0)
        return regex_repeat_star(p);
    if (max == 0) {
        p->n = start;
        return 0;
    }
    int64_t copies = max < 0 ? min : max;
    if ((uint64_t)copies * (len + 1) > PROGRAM_MAX)
        return -EINVAL;
    int r = regex_grow(p, (uint32_t)copies * (len + 1));
    if (r < 0)
        return r;
    /* The first copy exists. A SPLIT before each optional copy leads to the end of all. */
    int64_t end = start + min * len + (copies - min) * (len + 1);
    if (min == 0)
        r = regex_insert(p, start, OP_SPLIT, end - start);
    uint32_t from = min == 0 ? start + 1 : start;
    for (int64_t i = 1; i < copies && r == 0; i++) {
        if (i >= min)
            r = regex_emit(p, OP_SPLIT, end - p->n);
        if (r == 0 && (r = regex_grow(p, len)) == 0) {
            memcpy(p->at + p->n, p->at + from, len * sizeof(*p->at));
            p->n += len;
        }
    }
    return r == 0 && max < 0 ? regex_emit(p, OP_SPLIT, -(int64_t)len) : r;
}

/* Takes a decimal number without leading zeros off *text; -1 if it is too large for Go. */
static bool regex_take_count(struct bytes *text, int64_t *ret)
{
    struct bytes t = *text;
    if (t.len == 0 || t.at[0] < '0' || t.at[0] > '9' ||
        (t.len >= 2 && t.at[0] == '0' && t.at[1] >= '0' && t.at[1] <= '9'))
        return false;
    int64_t n = 0;
    for (; t.len && t.at[0] >= '0' && t.at[0] <= '9'; t = bytes_from(t, 1))
        n = n < 0 || n >= 100000000 ? -1 : n * 10 + (t.at[0] - '0');
    *text = t;
    *ret = n;
    return true;
}

/* Takes `{n}`, `{n,}` or `{n,m}` off p->text. Returns false if the brace is literal. */
static bool regex_take_counts(struct parser *p, int64_t *min, int64_t *max)
{
    struct bytes t = bytes_from(p->text, 1);
    if (!regex_take_count(&t, min) || t.len == 0)
        return false;
    *max = *min;
    if (t.at[0] == ',') {
        t = bytes_from(t, 1);
        if (t.len == 0)
            return false;
        if (t.at[0] == '}')
            *max = -1;
        else if (!regex_take_count(&t, max))
            return false;
        else if (*max < 0)
            *min = -1;
    }
    if (t.len == 0 || t.at[0] != '}')
        return false;
    p->text = bytes_from(t, 1);
    return true;
}

/* Parses an operator, or a literal brace. *repeated: an operator precedes it, too. */
static int regex_parse_repeat(struct parser *p, bool *repeated)
{
    uint8_t c = p->text.at[0];
    int64_t min = c == '+', max = c == '?' ? 1 : -1;
    if (c != '{') {
        p->text = bytes_from(p->text, 1);
    } else if (!regex_take_counts(p, &min, &max)) {
        p->text = bytes_from(p->text, 1);
        *repeated = false;
        return regex_emit_atom(p, OP_RUNE, '{');
    } else if (min < 0 || min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && min > max)) {
        return -EINVAL;
    }
    if (*repeated || !p->has_atom)
        return -EINVAL;
    *repeated = true;
    /* The product can't overflow: it is refused as soon as it exceeds REPEAT_MAX. */
    int64_t times = max < 0 ? min : max;
    if (c == '{' && max == 0)
        p->atom_weight = 1;
    else if (c == '{' && times > 1)
        p->atom_weight *= (uint32_t)times;
    if (p->atom_weight > REPEAT_MAX)
        return -EINVAL;
    if (c == '*')
        return regex_repeat_star(p);
    return regex_repeat_counted(p, min, max);
}

static int regex_parse_bar(struct parser *p)
{
    regex_close_atom(p);
    struct group *g = &p->groups[p->depth];
    int64_t len = p->n - g->branch;
    int r = regex_insert(p, g->branch, OP_SPLIT, len + 2);
    if (r == 0)
        r = regex_emit(p, OP_JUMP, g->jump);
    g->jump = (int64_t)p->n - 1;
    g->branch = p->n;
    return r;
}

/* Ends the innermost group: sets the distances of its alternatives' jumps to the end. */
static void regex_end_group(struct parser *p)
{
    regex_close_atom(p);
    struct group *g = &p->groups[p->depth];
    for (int64_t jump = g->jump; jump >= 0;) {
        int64_t next = p->at[jump].arg;
        p->at[jump].arg = (int32_t)(p->n - jump);
        jump = next;
    }
}

static int regex_parse_paren(struct parser *p, bool opens)
{
    if (opens) {
        regex_close_atom(p);
        if (p->depth == DEPTH_MAX)
            return -EINVAL;
        if (p->depth + 1 == p->cap_groups) {
            p->cap_groups *= 2;
            p->groups = xrealloc(p->groups, p->cap_groups * sizeof(*p->groups));
        }
        p->groups[++p->depth] = (struct group){p->n, p->n, -1, 1};
        return 0;
    }
    if (p->depth == 0)
        return -EINVAL;
    regex_end_group(p);
    struct group *g = &p->groups[p->depth--];
    p->has_atom = true;
    p->atom = g->start;
    p->atom_weight = g->weight;
    return 0;
}

static int regex_parse_quoted(struct parser *p)
{
    struct bytes t = bytes_from(p->text, 2);
    int r = 0;
    while (t.len && !bytes_starts(t, BYTES("\\E")) && r == 0) {
        uint32_t rune;
        t = bytes_from(t, utf8_decode(t, &rune));
        r = regex_emit_atom(p, OP_RUNE, rune);
    }
    p->text = bytes_from(t, 2);
    return r;
}

static int regex_parse_escape(struct parser *p)
{
    uint8_t c = p->text.len > 1 ? p->text.at[1] : 0;
    if (c == 'Q')
        return regex_parse_quoted(p);
    static const struct {
        uint8_t c;
        enum regex_op op;
    } assertions[] = {{'A', OP_BEGIN}, {'z', OP_END}, {'b', OP_WORD}, {'B', OP_NOT_WORD}};
    for (size_t i = 0; i < ARRAY_SIZE(assertions); i++)
        if (c == assertions[i].c) {
            p->text = bytes_from(p->text, 2);
            return regex_emit_atom(p, assertions[i].op, 0);
        }
    struct class_builder class = {0};
    int r = class_parse_escape(&p->text, &class);
    if (r > 0)
        r = regex_emit_class(p, &class);
    else if (r == 0) {
        uint32_t rune;
        r = rune_parse_escape(&p->text, &rune);
        r = r < 0 ? r : regex_emit_atom(p, OP_RUNE, rune);
    }
    free(class.ranges);
    return r;
}

static int regex_parse_class(struct parser *p)
{
    if (bytes_starts(p->text, BYTES("[^/]"))) {
        p->text = bytes_from(p->text, 4);
        return regex_emit_atom(p, OP_NOT_SLASH, 0);
    }
    struct class_builder class = {0};
    int r = class_parse(&p->text, &class);
    r = r < 0 ? r : regex_emit_class(p, &class);
    free(class.ranges);
    return r;
}

static int regex_parse_one(struct parser *p, bool *repeated)
{
    uint8_t c = p->text.at[0];
    if (strchr("*+?{", c) && c)
        return regex_parse_repeat(p, repeated);
    *repeated = false;
    if (c == '\\')
        return regex_parse_escape(p);
    if (c == '[')
        return regex_parse_class(p);
    uint32_t rune;
    p->text = bytes_from(p->text, utf8_decode(p->text, &rune));
    if (c == '|')
        return regex_parse_bar(p);
    if (c == '(' || c == ')')
        return regex_parse_paren(p, c == '(');
    if (c == '^' || c == '$')
        return regex_emit_atom(p, c == '^' ? OP_BEGIN : OP_END, 0);
    if (c == '.')
        return regex_emit_atom(p, OP_NOT_NEWLINE, 0);
    return regex_emit_atom(p, OP_RUNE, rune);
}

/* Parses the whole text. A program that can match elsewhere than at the start of a text begins
 * with OP_ANY_LOOP. */
static int regex_parse_all(struct parser *p)
{
    bool repeated = false;
    int r = 0;
    while (p->text.len && r == 0)
        r = regex_parse_one(p, &repeated);
    if (r == 0 && p->depth > 0)
        r = -EINVAL;
    if (r < 0)
        return r;
    regex_end_group(p);
    r = regex_emit(p, OP_MATCH, 0);
    bool anchored = p->at[0].op == OP_BEGIN && p->groups[0].jump < 0;
    return r || anchored ? r : regex_insert(p, 0, OP_ANY_LOOP, 0);
}

int regex_compile(struct arena *arena, struct bytes text, struct regex_budget *budget,
                  struct regex **ret)
{
    struct parser *p = xcalloc(1, sizeof(*p));
    p->text = text;
    p->arena = arena;
    p->budget = budget;
    p->cap_groups = 4;
    p->groups = xmalloc(p->cap_groups * sizeof(*p->groups));
    p->groups[0] = (struct group){0, 0, -1, 1};
    int r = regex_parse_all(p);
    if (r == 0) {
        struct regex *re = ARENA_NEW(arena, struct regex);
        struct instruction *at = ARENA_ARRAY(arena, p->n, struct instruction);
        memcpy(at, p->at, p->n * sizeof(*at));
        *re = (struct regex){at, p->n, p->classes};
        budget->bytes -= p->n * sizeof(*at);
        *ret = re;
    }
    free(p->groups);
    free(p->at);
    free(p);
    return r;
}
