/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pattern -> components. Nearly every pattern is a row of components, with `**` only between
 * whole ones. The components are read off the compiled program, so that escapes and classes are
 * parsed in one place only.
 */
#include "edges.h"

static struct edge *edge_push(struct edges *edges, enum edge_kind kind)
{
    struct edge *edge = ARENA_PUSH(edges->arena, edges->at, &edges->n, &edges->cap);
    edge->kind = kind;
    return edge;
}

static void edge_push_text(struct edges *edges, enum edge_kind kind, struct bytes text)
{
    edge_push(edges, kind)->text = text;
}

static void edge_push_float_line(struct edges *edges)
{
    if (edges->n == 0 || edges->at[edges->n - 1].kind != EDGE_FLOAT_LINE)
        edge_push(edges, EDGE_FLOAT_LINE);
}

/* Appends the components of a text: the first and the last one as edges of those kinds. */
static void edge_push_texts(struct edges *edges, struct bytes text, enum edge_kind first,
                            enum edge_kind last)
{
    struct bytes rest = text, component;
    enum edge_kind kind = first;
    while (bytes_next(&rest, '/', &component)) {
        edge_push_text(edges, rest.at || last == EDGE_LITERAL ? kind : last, component);
        kind = EDGE_LITERAL;
    }
}

/* text and two stars. Text "a" matches ab and all below it; text "a/" matches all below a. */
static void edge_push_prefix(struct edges *edges, struct bytes text)
{
    size_t slash = bytes_find_last(text, '/');
    if (slash + 1 != text.len) {
        edge_push_texts(edges, text, EDGE_LITERAL, EDGE_STARTS);
        edges->below = true;
        return;
    }
    edge_push_texts(edges, bytes_head(text, slash), EDGE_LITERAL, EDGE_LITERAL);
    edge_push(edges, EDGE_FLOAT_ALL);
    edge_push(edges, EDGE_ANY);
}

/* Whether a component ends before this instruction. */
static bool edge_is_component_end(const struct regex *re, uint32_t pc)
{
    return re->at[pc].op == OP_END || (re->at[pc].op == OP_RUNE && re->at[pc].arg == '/');
}

/* Whether the instruction takes runes of one name only, and then goes on to the next one. */
static bool edge_is_in_name(const struct regex *re, uint32_t pc)
{
    const struct instruction *in = &re->at[pc];
    switch ((enum regex_op)in->op) {
    case OP_RUNE:
        return in->arg != '/';
    case OP_CLASS:
        return !class_has(&re->classes[in->arg], '/');
    case OP_NOT_SLASH:
    case OP_NOT_SLASH_LOOP:
        return true;
    default:
        return false;
    }
}

/* The bytes of the runes [from, to). False if there is another instruction, or U+FFFD, which
 * matches any byte that is not UTF-8. */
static bool edge_encode_runes(struct arena *arena, const struct regex *re, uint32_t from,
                              uint32_t to, struct bytes *ret)
{
    uint8_t *out = arena_alloc(arena, 4 * (size_t)(to - from));
    size_t len = 0;
    for (uint32_t pc = from; pc < to; pc++) {
        uint32_t rune = (uint32_t)re->at[pc].arg;
        if (re->at[pc].op != OP_RUNE || rune == UTF8_INVALID)
            return false;
        len += utf8_encode(rune, out + len);
    }
    *ret = bytes_at(out, len);
    return true;
}

static void edge_push_component(struct edges *edges, const struct regex *re, uint32_t from,
                                uint32_t to)
{
    struct bytes text;
    bool opens = to > from && re->at[from].op == OP_NOT_SLASH_LOOP;
    bool ends_open = to > from && re->at[to - 1].op == OP_NOT_SLASH_LOOP;
    if (edge_encode_runes(edges->arena, re, from, to, &text)) {
        edge_push_text(edges, EDGE_LITERAL, text);
    } else if (opens && to - from == 1) {
        edge_push(edges, EDGE_ANY);
    } else if (opens && edge_encode_runes(edges->arena, re, from + 1, to, &text)) {
        edge_push_text(edges, EDGE_ENDS, text);
    } else if (ends_open && edge_encode_runes(edges->arena, re, from, to - 1, &text)) {
        edge_push_text(edges, EDGE_STARTS, text);
    } else {
        struct edge *glob = edge_push(edges, EDGE_GLOB);
        glob->regex = re;
        glob->from = from;
        glob->to = to;
    }
}

/* Whether the program of a `**` before a component begins here: any directories, or none. */
static bool edge_is_dirs(const struct regex *re, uint32_t pc)
{
    return re->n - pc > 3 && re->at[pc].op == OP_SPLIT && re->at[pc].arg == 3 &&
           re->at[pc + 1].op == OP_NOT_NEWLINE_LOOP && re->at[pc + 2].op == OP_RUNE &&
           re->at[pc + 2].arg == '/';
}

/* Edges of one pattern. More can only come from a counted repetition of slashes, and no path is
 * so deep: PATH_MAX is 4,096 bytes. */
#define PROGRAM_EDGES_MAX 4096u

static bool edges_of_program(const struct regex *re, struct edges *edges)
{
    if (re->at[0].op != OP_BEGIN)
        return false;
    for (uint32_t pc = 1; edges->n < PROGRAM_EDGES_MAX;) {
        /* A component begins here. */
        for (; edge_is_dirs(re, pc); pc += 3)
            edge_push_float_line(edges);
        if (re->at[pc].op == OP_NOT_NEWLINE_LOOP && re->at[pc + 1].op == OP_END) {
            edge_push_float_line(edges);
            edge_push(edges, EDGE_LINE);
            return re->at[pc + 2].op == OP_MATCH;
        }
        uint32_t from = pc;
        while (edge_is_in_name(re, pc))
            pc++;
        if (!edge_is_component_end(re, pc))
            return false;
        edge_push_component(edges, re, from, pc);
        if (re->at[pc++].op == OP_END)
            return re->at[pc].op == OP_MATCH;
    }
    return false;
}

bool pattern_edges(const struct pattern *p, struct edges *edges)
{
    switch ((enum pattern_kind)p->kind) {
    case PATTERN_EXACT:
        edge_push_texts(edges, p->literal, EDGE_LITERAL, EDGE_LITERAL);
        return true;
    case PATTERN_PREFIX:
        edge_push_prefix(edges, p->literal);
        return true;
    case PATTERN_SUFFIX:
        edge_push(edges, EDGE_FLOAT_ALL);
        if (p->literal.len == 0)
            edge_push(edges, EDGE_ANY);
        else if (p->literal.at[0] == '/')
            edge_push_texts(edges, bytes_from(p->literal, 1), EDGE_LITERAL, EDGE_LITERAL);
        else
            edge_push_texts(edges, p->literal, EDGE_ENDS, EDGE_LITERAL);
        return true;
    case PATTERN_REGEX:
        return edges_of_program(p->regex, edges);
    case PATTERN_BAD:
        break;
    }
    return false;
}

/* Matches an instruction other than a loop with the first rune. Returns the length of the rune,
 * or 0. */
static size_t edge_take_rune(const struct regex *re, uint32_t pc, struct bytes name)
{
    if (name.len == 0)
        return 0;
    uint32_t rune;
    size_t len = utf8_decode(name, &rune);
    const struct instruction *in = &re->at[pc];
    bool takes = in->op == OP_RUNE    ? rune == (uint32_t)in->arg
                 : in->op == OP_CLASS ? class_has(&re->classes[in->arg], rune)
                                      : true;
    return takes ? len : 0;
}

bool edge_match_glob(const struct edge *edge, struct bytes name)
{
    /* The instruction after the last star, and the name from where the star began: on a
     * mismatch the star takes one rune more. */
    uint32_t pc = edge->from, star = UINT32_MAX;
    struct bytes retry = {NULL, 0};
    for (;;) {
        if (pc < edge->to && edge->regex->at[pc].op == OP_NOT_SLASH_LOOP) {
            star = ++pc;
            retry = name;
            continue;
        }
        if (pc == edge->to && name.len == 0)
            return true;
        size_t len = pc < edge->to ? edge_take_rune(edge->regex, pc, name) : 0;
        if (len) {
            pc++;
            name = bytes_from(name, len);
            continue;
        }
        if (star == UINT32_MAX || retry.len == 0)
            return false;
        uint32_t rune;
        retry = bytes_from(retry, utf8_decode(retry, &rune));
        pc = star;
        name = retry;
    }
}
