/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree in a directory of its own, what a daemon keeps of it, and a watch: a test reports its
 * changes with tell(), as inotify would, or not at all.
 *
 *     struct world w = world_new();
 *     open_warm(&w);
 *     write_file(&w, "f", 100);
 *     tell(TELL_CONTENT, "f");
 *     … ask_begin(&w, &ask), send_run(&ask.request, w.warm, …) …
 *     close_warm(&w);
 *     world_end(&w);
 */
#ifndef CTXD_WARM_WORLD_H
#define CTXD_WARM_WORLD_H

#include "stream.h"
#include "tap.h"

/* The state of random_below(): the same state gives the same numbers. Never 0. */
extern uint64_t random_state;
uint32_t random_below(uint32_t n);

struct world {
    char path[64], store_path[64], db_path[64];
    int root;
    bool lost; /* the next drain says that some changes are unknown */
    struct pool *pool;
    struct store *store;
    struct hashdb *hashes;
    struct warm *warm;
    struct tree_watch watch;
    uint64_t n_entered, n_left;
};

struct world world_new(void);
void world_end(struct world *w);
void open_warm(struct world *w);
void close_warm(struct world *w);
void write_file(const struct world *w, const char *path, size_t len);

enum telling_what { TELL_STAT, TELL_CONTENT, TELL_BELOW };
void tell(enum telling_what what, const char *path);
/* tell(TELL_STAT, path), but only to the drain after the next one. */
void tell_late(const char *path);
void tell_nothing(void); /* forgets what was told since the last drain */

struct ask {
    struct control control;
    struct dockerfile *df;
    struct send_request request;
};

extern int
    view; /* the Dockerfile and ignore file to ask with. 0: the whole context; -1: random */
bool ask_begin(struct world *w, struct ask *ask);
int send_to_memory(const struct send_request *from, struct warm *warm, struct buf *out,
                   struct send_stats *stats);
/* Whether the answer of `view` is, byte for byte, the one that is made from nothing. One time
 * in four it also compares the answer of HTTP, and one time in four the digest. */
bool answers_agree(struct world *w);

#endif
