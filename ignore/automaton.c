/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The automaton engine (ignore-engine.h): a walk carries the live nodes of the trie from a
 * directory to its entries. BuildKit carries a bit for each pattern; here two numbers are
 * enough.
 *
 * A bit tells that a pattern has taken effect on a directory above: it matched, and changed the
 * verdict of the patterns before it. A later pattern overrules an earlier one, so of all
 * patterns with a bit only the last one counts: `walk`. The patterns before it can't change a
 * verdict any more, at any depth below, and are dead. If a pattern matches but changes nothing,
 * BuildKit skips it, and it has no effect on what lies below.
 *
 * BuildKit decides without that skipping whether the content of a file may be opened: `path` is
 * the last pattern that has matched above, with effect or without.
 */
#include "edges.h"
#include "ignore-engine.h"
#include "literal.h"
#include "pattern.h"
#include "regex-run.h"
#include "trie.h"

#include <stdlib.h>

/* Patterns that are not rows of components run as programs. In an array of words each one is:
 * the number of the pattern, the number n of its positions, n positions. */
enum { PROGRAM_HEAD = 2 };

struct place {
    uint32_t walk, path; /* patterns, 1-based; 0: none */
    uint32_t text;       /* the node of the path in the trie of texts (trie.h); 0: none */
};

struct live {
    struct ignore_dir base;
    bool is_root;
    struct place at;
    uint32_t n_nodes;
    uint32_t n_programs; /* words of all programs */
    uint32_t words[];    /* live nodes, ascending; then the programs */
};

static const struct live *live_of(const struct ignore_dir *dir)
{
    return (const struct live *)(const void *)dir;
}

static struct live *live_new(uint32_t n_nodes, uint32_t n_programs)
{
    struct live *live =
        xmalloc(sizeof(*live) + ((size_t)n_nodes + n_programs) * sizeof(live->words[0]));
    *live = (struct live){.n_nodes = n_nodes, .n_programs = n_programs};
    atomic_init(&live->base.refs, 1);
    return live;
}

static bool live_has_names(const struct branches *b)
{
    return b->literals || b->starts || b->ends || b->n_globs || b->any || b->line;
}

static void live_add_one(const struct trie *t, uint32_t node, uint32_t walk,
                         struct node_list *l)
{
    const struct node *n = &t->nodes[node];
    if (n->last_pattern > walk && n->branches && live_has_names(n->branches))
        node_list_add(l, node);
}

/* Adds a node that a name has led to, and the floating nodes below it. */
static void live_add(const struct trie *t, uint32_t node, uint32_t walk, struct node_list *l)
{
    live_add_one(t, node, walk, l);
    const struct branches *b = t->nodes[node].branches;
    if (b && b->float_all)
        live_add_one(t, b->float_all, walk, l);
    if (b && b->float_line)
        live_add_one(t, b->float_line, walk, l);
}

static int live_compare_words(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void live_sort_unique(struct node_list *l)
{
    if (l->n < 2)
        return;
    qsort(l->at, l->n, sizeof(*l->at), live_compare_words);
    size_t n = 1;
    for (size_t i = 1; i < l->n; i++)
        if (l->at[i] != l->at[n - 1])
            l->at[n++] = l->at[i];
    l->n = n;
}

/* What matches an entry: the nodes that it leads to, and the programs that match here. */
struct hits {
    struct node_list nodes;
    struct node_list programs; /* pattern numbers, ascending */
    struct node_list below;    /* the words of the programs for the entries below */
    uint32_t drop, keep;       /* the last exclusion and the last exception among them, or 0 */
};

static void hits_init(struct hits *hits)
{
    /* An initialiser would also clear the arrays in the lists, which costs a good part of the
     * time of a verdict. */
    node_list_init(&hits->nodes);
    node_list_init(&hits->programs);
    node_list_init(&hits->below);
    hits->drop = hits->keep = 0;
}

static void hits_release(struct hits *hits)
{
    node_list_release(&hits->nodes);
    node_list_release(&hits->programs);
    node_list_release(&hits->below);
}

static void hits_run_programs(const struct ignore *ig, const struct live *dir,
                              struct bytes name, bool is_dir, struct hits *hits)
{
    const uint32_t *at = dir->words + dir->n_nodes, *end = at + dir->n_programs;
    for (; at < end; at += PROGRAM_HEAD + at[1]) {
        const struct pattern *p = &ig->patterns[at[0] - 1];
        cleanup_free uint32_t *below = NULL;
        size_t n = 0;
        if (is_dir)
            below = xmalloc(p->regex->n * sizeof(*below));
        if (regex_step(p->regex, at + PROGRAM_HEAD, at[1], dir->is_root, name, below, &n)) {
            node_list_add(&hits->programs, at[0]);
            uint32_t *last = p->exception ? &hits->keep : &hits->drop;
            *last = at[0];
        }
        if (n == 0 || !below)
            continue;
        node_list_add(&hits->below, at[0]);
        node_list_add(&hits->below, (uint32_t)n);
        for (size_t i = 0; i < n; i++)
            node_list_add(&hits->below, below[i]);
    }
}

static void hits_find(const struct ignore *ig, const struct live *dir, struct bytes name,
                      uint64_t hash, bool is_dir, struct hits *hits)
{
    const struct trie *t = ig->trie;
    for (uint32_t i = 0; i < dir->n_nodes; i++)
        trie_step(t, dir->words[i], name, hash, &hits->nodes);
    hits_run_programs(ig, dir, name, is_dir, hits);
    for (size_t i = 0; i < hits->nodes.n; i++) {
        const struct node *n = &t->nodes[hits->nodes.at[i]];
        if (n->n_drops && n->drops[n->n_drops - 1] > hits->drop)
            hits->drop = n->drops[n->n_drops - 1];
        if (n->n_keeps && n->keeps[n->n_keeps - 1] > hits->keep)
            hits->keep = n->keeps[n->n_keeps - 1];
    }
}

/* The first number greater than `after`, or 0. */
static uint32_t hits_first_after(const uint32_t *at, size_t n, uint32_t after)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at[middle] <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n ? at[low] : 0;
}

static bool rule_drops(const struct ignore *ig, uint32_t pattern)
{
    return pattern && !ig->patterns[pattern - 1].exception;
}

/*
 * The last pattern that takes effect on the entry, or took effect above. Of the hits that come
 * after the last hit of the losing kind, it is the first one: those after it change nothing.
 */
static uint32_t hits_last_effective(const struct ignore *ig, const struct live *dir,
                                    const struct hits *hits)
{
    bool dropped = hits->drop > hits->keep;
    uint32_t winner = dropped ? hits->drop : hits->keep;
    uint32_t loser = dropped ? hits->keep : hits->drop;
    if (winner <= dir->at.walk)
        return dir->at.walk;
    if (loser <= dir->at.walk) {
        if (rule_drops(ig, dir->at.walk) == dropped)
            return dir->at.walk;
        loser = dir->at.walk;
    }
    uint32_t first = winner;
    for (size_t i = 0; i < hits->nodes.n; i++) {
        const struct node *n = &ig->trie->nodes[hits->nodes.at[i]];
        uint32_t own = dropped ? hits_first_after(n->drops, n->n_drops, loser)
                               : hits_first_after(n->keeps, n->n_keeps, loser);
        if (own && own < first)
            first = own;
    }
    for (size_t i = 0; i < hits->programs.n; i++) {
        uint32_t own = hits->programs.at[i];
        if (own > loser && own < first && rule_drops(ig, own) == dropped)
            first = own;
    }
    return first;
}

/* Collects what is live below the entry: nodes into *live, programs into hits->below. */
static void live_find(const struct ignore *ig, const struct live *dir, bool has_newline,
                      uint32_t walk, struct hits *hits, struct node_list *live)
{
    const struct trie *t = ig->trie;
    for (uint32_t i = 0; i < dir->n_nodes; i++) {
        const struct node *n = &t->nodes[dir->words[i]];
        if (n->floats && n->last_pattern > walk && !(n->floats_line && has_newline))
            node_list_add(live, dir->words[i]);
    }
    for (size_t i = 0; i < hits->nodes.n; i++)
        live_add(t, hits->nodes.at[i], walk, live);
    live_sort_unique(live);
    size_t kept = 0;
    for (size_t i = 0; i < hits->below.n;) {
        size_t words = PROGRAM_HEAD + hits->below.at[i + 1];
        if (hits->below.at[i] > walk) {
            memmove(hits->below.at + kept, hits->below.at + i, words * sizeof(uint32_t));
            kept += words;
        }
        i += words;
    }
    hits->below.n = kept;
}

/* Whether anything below may be kept. Below an excluded entry only a live exception can do
 * that. */
static bool live_may_keep(const struct ignore *ig, bool excluded, uint32_t walk,
                          const struct node_list *live, const struct hits *hits)
{
    bool all_dropped = excluded;
    for (size_t i = 0; i < live->n; i++) {
        const struct node *n = &ig->trie->nodes[live->at[i]];
        if (n->last_exception > walk)
            return true;
        /* `*` excludes every entry, and so all that lies below. */
        const struct node *any = n->branches->any ? &ig->trie->nodes[n->branches->any] : NULL;
        if (any && any->n_drops && any->drops[any->n_drops - 1] > walk)
            all_dropped = true;
    }
    for (size_t i = 0; i < hits->below.n; i += PROGRAM_HEAD + hits->below.at[i + 1])
        if (!rule_drops(ig, hits->below.at[i]))
            return true;
    return !all_dropped;
}

/* The state of a directory. If it equals the state of its parent, they share it. */
static struct ignore_dir *live_make(const struct live *dir, const struct place *at,
                                    const struct node_list *live, const struct hits *hits)
{
    size_t nodes = live->n * sizeof(uint32_t), programs = hits->below.n * sizeof(uint32_t);
    if (!dir->is_root && memcmp(&dir->at, at, sizeof(*at)) == 0 && dir->n_nodes == live->n &&
        dir->n_programs == hits->below.n && memcmp(dir->words, live->at, nodes) == 0 &&
        memcmp(dir->words + live->n, hits->below.at, programs) == 0) {
        struct live *same = (struct live *)(uintptr_t)dir;
        atomic_fetch_add_explicit(&same->base.refs, 1, memory_order_relaxed);
        return &same->base;
    }
    struct live *made = live_new((uint32_t)live->n, (uint32_t)hits->below.n);
    made->at = *at;
    memcpy(made->words, live->at, nodes);
    memcpy(made->words + live->n, hits->below.at, programs);
    return &made->base;
}

/* Decides whether to enter a directory with these hits; if so, *ret_below is its state. */
static void live_enter(const struct ignore *ig, const struct live *dir, struct bytes name,
                       struct hits *hits, const struct place *at,
                       struct ignore_verdict *verdict, struct ignore_dir **ret_below)
{
    /* BuildKit compares texts here, and so prunes what an exception with a `{`, say, would
     * keep. The walk must do the same. */
    if (!verdict->keep && ig->prefix_exceptions && at->text == 0)
        return;
    bool has_newline = memchr(name.at, '\n', name.len);
    struct node_list live;
    node_list_init(&live);
    live_find(ig, dir, has_newline, at->walk, hits, &live);
    verdict->descend = live_may_keep(ig, !verdict->keep, at->walk, &live, hits);
    if (verdict->descend)
        *ret_below = live_make(dir, at, &live, hits);
    node_list_release(&live);
}

static int automaton_check(const struct ignore *ig, const struct ignore_dir *ignore_dir,
                           struct bytes name, bool is_dir, struct ignore_verdict *ret_verdict,
                           struct ignore_dir **ret_below, struct failure *f)
{
    (void)f;
    const struct live *dir = live_of(ignore_dir);
    struct hits hits;
    hits_init(&hits);
    uint64_t hash = dir->n_nodes || dir->at.text ? trie_hash(ig->trie, name) : 0;
    hits_find(ig, dir, name, hash, is_dir, &hits);
    struct place at = {.walk = hits_last_effective(ig, dir, &hits)};
    at.path = hits.drop > hits.keep ? hits.drop : hits.keep;
    if (at.path < dir->at.path)
        at.path = dir->at.path;
    bool excluded = rule_drops(ig, at.walk);
    *ret_verdict = (struct ignore_verdict){
        .keep = !excluded,
        .rule = at.walk,
        .no_content = !is_dir && !excluded && rule_drops(ig, at.path),
    };
    if (ret_verdict->no_content)
        ret_verdict->content_rule = at.path;
    *ret_below = NULL;
    if (is_dir) {
        at.text = dir->at.text ? trie_step_text(ig->trie, dir->at.text, name, hash) : 0;
        live_enter(ig, dir, name, &hits, &at, ret_verdict, ret_below);
    }
    hits_release(&hits);
    return 0;
}

/* Adds the patterns to the trie, and those that are no rows of components to *programs: each
 * with one position, its first instruction. */
static int automaton_add_patterns(struct ignore *ig, struct node_list *programs)
{
    int r = 0;
    for (uint32_t i = 0; i < ig->n && r == 0; i++) {
        const struct pattern *p = &ig->patterns[i];
        cleanup_arena struct arena scratch = {0};
        struct edges edges = {.arena = &scratch};
        if (p->exception && ig->prefix_exceptions)
            r = trie_add_text(ig->trie, exception_text(p));
        if (r == 0 && pattern_edges(p, &edges)) {
            r = trie_add(ig->trie, i + 1, p->exception, &edges);
        } else if (r == 0) {
            node_list_add(programs, i + 1);
            node_list_add(programs, 1);
            node_list_add(programs, 0);
        }
    }
    return r;
}

static int automaton_root(struct ignore *ig, struct ignore_dir **ret)
{
    struct node_list live, programs;
    node_list_init(&live);
    node_list_init(&programs);
    ig->trie = trie_new(&ig->arena);
    int r = automaton_add_patterns(ig, &programs);
    if (r == 0) {
        ig->trie->nodes[0].last_pattern = (uint32_t)ig->n;
        live_add(ig->trie, 0, 0, &live);
        live_sort_unique(&live);
        struct live *root = live_new((uint32_t)live.n, (uint32_t)programs.n);
        root->is_root = true;
        root->at.text = ig->trie->texts;
        memcpy(root->words, live.at, live.n * sizeof(uint32_t));
        memcpy(root->words + live.n, programs.at, programs.n * sizeof(uint32_t));
        *ret = &root->base;
    }
    node_list_release(&live);
    node_list_release(&programs);
    return r;
}

const struct engine automaton_engine = {automaton_root, automaton_check, literal_path};
