/* SPDX-License-Identifier: Apache-2.0 */
#include "trie.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

struct trie_slot {
    uint64_t hash;  /* of node, kind and text */
    uint32_t child; /* 0: the slot is free */
    uint32_t node, kind;
    struct bytes text;
};

static uint64_t trie_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 wide = (unsigned __int128)a * b;
    return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

static uint64_t trie_word_at(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* With a seed, because both patterns and names may be chosen to collide. */
static uint64_t trie_hash_text(uint64_t seed, struct bytes text)
{
    uint64_t hash = seed ^ text.len;
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    if (text.len < 8) {
        uint64_t word = 0;
        for (size_t i = 0; i < text.len; i++)
            word = word << 8 | text.at[i];
        return trie_fold(hash ^ word, odd ^ seed);
    }
    size_t i = 0;
    for (; i + 8 < text.len; i += 8)
        hash = trie_fold(hash ^ trie_word_at(text.at + i), odd ^ seed);
    /* The last eight bytes; some of them may be hashed for the second time. */
    return trie_fold(hash ^ trie_word_at(text.at + text.len - 8), odd ^ seed);
}

uint64_t trie_hash(const struct trie *t, struct bytes name)
{
    return trie_hash_text(t->seed, name);
}

static uint64_t trie_slot_hash(uint64_t text_hash, uint32_t node, uint32_t kind)
{
    return trie_fold(text_hash ^ ((uint64_t)node << 4 | kind), 0xd6e8feb86659fd93u);
}

/* The slot of the edge, or the free one where it belongs. The table is never full. */
static struct trie_slot *trie_find_slot(const struct trie *t, uint32_t node, uint32_t kind,
                                        struct bytes text, uint64_t hash)
{
    for (size_t i = hash & (t->cap_slots - 1);; i = (i + 1) & (t->cap_slots - 1)) {
        struct trie_slot *slot = &t->slots[i];
        if (slot->child == 0 || (slot->hash == hash && slot->node == node &&
                                 slot->kind == kind && bytes_equal(slot->text, text)))
            return slot;
    }
}

static void trie_grow_slots(struct trie *t)
{
    struct trie_slot *old = t->slots;
    size_t cap = t->cap_slots;
    t->cap_slots = cap ? cap * 2 : 64;
    t->slots = xcalloc(t->cap_slots, sizeof(*t->slots));
    for (size_t i = 0; i < cap; i++)
        if (old[i].child)
            *trie_find_slot(t, old[i].node, old[i].kind, old[i].text, old[i].hash) = old[i];
    free(old);
}

static uint32_t trie_new_node(struct trie *t)
{
    if (t->n_nodes == t->cap_nodes) {
        t->cap_nodes = t->cap_nodes ? t->cap_nodes * 2 : 16;
        t->nodes = xrealloc(t->nodes, t->cap_nodes * sizeof(*t->nodes));
    }
    t->nodes[t->n_nodes] = (struct node){0};
    return (uint32_t)t->n_nodes++;
}

struct trie *trie_new(struct arena *arena)
{
    struct trie *t = ARENA_NEW(arena, struct trie);
    t->arena = arena;
    if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != (ssize_t)sizeof(t->seed))
        t->seed = (uintptr_t)t * 0x9e3779b97f4a7c15u;
    trie_new_node(t);
    trie_grow_slots(t);
    return t;
}

void trie_release(struct trie *t)
{
    if (!t)
        return;
    free(t->nodes);
    free(t->slots);
}

static struct branches *trie_branches_of(struct trie *t, uint32_t node)
{
    if (!t->nodes[node].branches)
        t->nodes[node].branches = ARENA_NEW(t->arena, struct branches);
    return t->nodes[node].branches;
}

/* Inserts a length into a sorted array, unless it is there. */
static void trie_add_length(struct trie *t, uint32_t **lens, size_t *n, size_t *cap, size_t len)
{
    size_t at = 0;
    while (at < *n && (*lens)[at] < len)
        at++;
    if (at < *n && (*lens)[at] == len)
        return;
    arena_push(t->arena, lens, n, cap, sizeof(**lens));
    memmove(*lens + at + 1, *lens + at, (*n - 1 - at) * sizeof(**lens));
    (*lens)[at] = (uint32_t)len;
}

/* The child that a literal, a start or an end leads to. */
static uint32_t trie_text_child(struct trie *t, uint32_t node, const struct edge *edge)
{
    struct branches *b = trie_branches_of(t, node);
    uint64_t text_hash = trie_hash(t, edge->text);
    uint64_t hash = trie_slot_hash(text_hash, node, edge->kind);
    struct trie_slot *slot = trie_find_slot(t, node, edge->kind, edge->text, hash);
    if (slot->child)
        return slot->child;
    if (edge->kind == EDGE_LITERAL) {
        b->literals |= 1ull << text_hash % 64;
    } else if (edge->kind == EDGE_STARTS) {
        b->starts |= 1ull << edge->text.at[0] % 64;
        trie_add_length(t, &b->start_lens, &b->n_start_lens, &b->cap_start_lens,
                        edge->text.len);
    } else if (edge->kind == EDGE_ENDS) {
        b->ends |= 1ull << edge->text.at[edge->text.len - 1] % 64;
        trie_add_length(t, &b->end_lens, &b->n_end_lens, &b->cap_end_lens, edge->text.len);
    }
    *slot = (struct trie_slot){hash, trie_new_node(t), node, edge->kind,
                               arena_copy(t->arena, edge->text)};
    uint32_t child = slot->child;
    if (++t->n_slots > t->cap_slots / 2)
        trie_grow_slots(t);
    return child;
}

/* The bytes that a name may have where the glob has this instruction. */
static void trie_allow_bytes(const struct regex *re, uint32_t pc, uint64_t allowed[4])
{
    const struct instruction *in = &re->at[pc];
    /* A byte beyond ASCII tells little of its rune, so all are allowed. */
    allowed[2] = allowed[3] = UINT64_MAX;
    if (in->op == OP_CLASS) {
        allowed[0] = re->classes[in->arg].ascii[0];
        allowed[1] = re->classes[in->arg].ascii[1];
    } else if (in->op != OP_RUNE) {
        allowed[0] = allowed[1] = UINT64_MAX;
    } else if (in->arg < 128) {
        allowed[in->arg / 64] = 1ull << in->arg % 64;
    }
}

static bool trie_is_allowed(const uint64_t allowed[4], uint8_t byte)
{
    return allowed[byte / 64] >> byte % 64 & 1;
}

static bool trie_same_glob(const struct edge *a, const struct edge *b)
{
    if (a->to - a->from != b->to - b->from)
        return false;
    for (uint32_t i = 0; i < a->to - a->from; i++) {
        const struct instruction *x = &a->regex->at[a->from + i];
        const struct instruction *y = &b->regex->at[b->from + i];
        if (x->op != y->op || x->op == OP_CLASS || (x->op == OP_RUNE && x->arg != y->arg))
            return false;
    }
    return true;
}

static uint32_t trie_glob_child(struct trie *t, uint32_t node, const struct edge *edge)
{
    struct branches *b = trie_branches_of(t, node);
    /* Compares with the last glob only: in a sorted ignore file equal globs follow each other,
     * and a long file takes linear time. */
    if (b->n_globs && trie_same_glob(&b->globs[b->n_globs - 1].edge, edge))
        return b->globs[b->n_globs - 1].child;
    struct glob_edge *glob = ARENA_PUSH(t->arena, b->globs, &b->n_globs, &b->cap_globs);
    glob->edge = *edge;
    trie_allow_bytes(edge->regex, edge->from, glob->first);
    trie_allow_bytes(edge->regex, edge->to - 1, glob->last);
    return glob->child = trie_new_node(t);
}

static uint32_t trie_child_of(struct trie *t, uint32_t node, const struct edge *edge)
{
    struct branches *b = trie_branches_of(t, node);
    uint32_t *child = NULL;
    switch (edge->kind) {
    case EDGE_GLOB:
        return trie_glob_child(t, node, edge);
    case EDGE_ANY:
        child = &b->any;
        break;
    case EDGE_LINE:
        child = &b->line;
        break;
    case EDGE_FLOAT_ALL:
        child = &b->float_all;
        break;
    case EDGE_FLOAT_LINE:
        child = &b->float_line;
        break;
    case EDGE_LITERAL:
    case EDGE_STARTS:
    case EDGE_ENDS:
    case EDGE_PRUNE:
        return trie_text_child(t, node, edge);
    }
    if (*child == 0) {
        *child = trie_new_node(t);
        t->nodes[*child].floats = edge->kind == EDGE_FLOAT_ALL || edge->kind == EDGE_FLOAT_LINE;
        t->nodes[*child].floats_line = edge->kind == EDGE_FLOAT_LINE;
    }
    return *child;
}

static uint32_t trie_lead(struct trie *t, uint32_t node, const struct edge *edge,
                          uint32_t pattern, bool exception)
{
    node = trie_child_of(t, node, edge);
    t->nodes[node].last_pattern = pattern;
    if (exception)
        t->nodes[node].last_exception = pattern;
    return node;
}

static void trie_accept(struct trie *t, uint32_t node, uint32_t pattern, bool exception)
{
    struct node *n = &t->nodes[node];
    if (exception)
        *ARENA_PUSH(t->arena, n->keeps, &n->n_keeps, &n->cap_keeps) = pattern;
    else
        *ARENA_PUSH(t->arena, n->drops, &n->n_drops, &n->cap_drops) = pattern;
}

int trie_add(struct trie *t, uint32_t pattern, bool exception, const struct edges *edges)
{
    if (edges->n + 2 > TRIE_NODES_MAX - t->n_nodes)
        return -E2BIG;
    uint32_t node = 0;
    for (size_t i = 0; i < edges->n; i++)
        node = trie_lead(t, node, &edges->at[i], pattern, exception);
    trie_accept(t, node, pattern, exception);
    if (!edges->below)
        return 0;
    node = trie_lead(t, node, &(struct edge){.kind = EDGE_FLOAT_ALL}, pattern, exception);
    node = trie_lead(t, node, &(struct edge){.kind = EDGE_ANY}, pattern, exception);
    trie_accept(t, node, pattern, exception);
    return 0;
}

int trie_add_text(struct trie *t, struct bytes text)
{
    if (text.len + 2 > TRIE_NODES_MAX - t->n_nodes)
        return -E2BIG;
    if (t->texts == 0)
        t->texts = trie_new_node(t);
    uint32_t node = t->texts;
    struct edge edge = {.kind = EDGE_PRUNE};
    for (struct bytes rest = text; bytes_next(&rest, '/', &edge.text);)
        node = trie_child_of(t, node, &edge);
    return 0;
}

uint32_t trie_step_text(const struct trie *t, uint32_t node, struct bytes name, uint64_t hash)
{
    return trie_find_slot(t, node, EDGE_PRUNE, name, trie_slot_hash(hash, node, EDGE_PRUNE))
        ->child;
}

void node_list_init(struct node_list *l)
{
    l->at = l->small;
    l->n = 0;
    l->cap = ARRAY_SIZE(l->small);
}

void node_list_release(struct node_list *l)
{
    if (l->at != l->small)
        free(l->at);
}

void node_list_add(struct node_list *l, uint32_t node)
{
    if (l->n == l->cap) {
        uint32_t *more = xmalloc(2 * l->cap * sizeof(*more));
        memcpy(more, l->at, l->n * sizeof(*more));
        node_list_release(l);
        l->at = more;
        l->cap *= 2;
    }
    l->at[l->n++] = node;
}

static void trie_follow_text(const struct trie *t, uint32_t node, enum edge_kind kind,
                             struct bytes text, uint64_t text_hash, struct node_list *into)
{
    uint64_t hash = trie_slot_hash(text_hash, node, kind);
    uint32_t child = trie_find_slot(t, node, kind, text, hash)->child;
    if (child)
        node_list_add(into, child);
}

void trie_step(const struct trie *t, uint32_t node, struct bytes name, uint64_t hash,
               struct node_list *into)
{
    const struct branches *b = t->nodes[node].branches;
    if (!b)
        return;
    if (b->literals >> hash % 64 & 1)
        trie_follow_text(t, node, EDGE_LITERAL, name, hash, into);
    if (b->ends >> name.at[name.len - 1] % 64 & 1)
        for (size_t i = 0; i < b->n_end_lens && b->end_lens[i] <= name.len; i++) {
            struct bytes end = bytes_from(name, name.len - b->end_lens[i]);
            trie_follow_text(t, node, EDGE_ENDS, end, trie_hash(t, end), into);
        }
    if (b->starts >> name.at[0] % 64 & 1)
        for (size_t i = 0; i < b->n_start_lens && b->start_lens[i] <= name.len; i++) {
            struct bytes start = bytes_head(name, b->start_lens[i]);
            trie_follow_text(t, node, EDGE_STARTS, start, trie_hash(t, start), into);
        }
    for (size_t i = 0; i < b->n_globs; i++) {
        const struct glob_edge *glob = &b->globs[i];
        if (trie_is_allowed(glob->first, name.at[0]) &&
            trie_is_allowed(glob->last, name.at[name.len - 1]) &&
            edge_match_glob(&glob->edge, name))
            node_list_add(into, glob->child);
    }
    if (b->any)
        node_list_add(into, b->any);
    if (b->line && !memchr(name.at, '\n', name.len))
        node_list_add(into, b->line);
}
