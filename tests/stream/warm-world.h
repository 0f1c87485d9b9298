/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree in a directory of its own, what a daemon keeps of it, and who watches it: each change
 * is told by tell() as inotify would, or not at all.
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

/* What is left to chance: the same for the same state. Never 0. */
extern uint64_t random_state;
uint32_t random_below(uint32_t n);

struct world {
    char path[64], store_path[64], db_path[64];
    int root;
    struct dirty *told; /* since the last drain */
    bool lost;          /* … and more, that can't be told */
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
void tell_nothing(void); /* of what was told since the last drain */

struct ask {
    struct control control;
    struct dockerfile *df;
    struct send_request request;
};

extern int view; /* of the Dockerfiles and ignore files, 0: the whole context; -1: by chance */
bool ask_begin(struct world *w, struct ask *ask);
int send_to_memory(const struct send_request *from, struct warm *warm, struct buf *out,
                   struct send_stats *stats);
/* Whether some view's answer is the one that is made from nothing; by chance also that of HTTP
 * and its digest. */
bool answers_agree(struct world *w);

#endif
