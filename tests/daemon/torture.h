/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The freshness torture: random writers (torture-writers.c) change a tree that a private ctxd
 * watches, accidents happen to the daemon, the root and the queue (torture-accidents.c), and
 * after each the daemon's answer, asked for through its socket, must be, byte for byte, the one
 * that is made here from nothing (torture-answers.c). torture.c has the runs.
 */
#ifndef CTXD_TORTURE_H
#define CTXD_TORTURE_H

#include "connect.h"

#include <pthread.h>
#include <sys/stat.h>

enum {
    MOUNTS_MAX = 4, /* in the world, at once */
    SHOWN = 20,     /* of the last operations, where something is wrong */
    URLS_MAX = 2,   /* addresses asked for by HTTP */
    OPTIONS_MAX = 3,
};

/* The last bytes that a URL gave, and what they were called. */
struct url {
    char etag[80];
    struct sha256 sha;
};

struct world {
    char top[64];                     /* holds all that follows; private */
    char root_path[80];               /* the context */
    int root;                         /* its descriptor */
    int outside;                      /* a directory beside it, of the same file system */
    const char *ctxd;                 /* the program */
    const char *options[OPTIONS_MAX]; /* of its own, besides the usual; then NULL */
    bool calm;                        /* no accident ends the daemon, or the root */
    pid_t daemon;
    struct pool *pool; /* of the answers that are made from nothing */
    struct url urls[URLS_MAX];
    uint64_t seed, step;
    bool failed; /* the last question had no answer, here as there */
    uint64_t n_answers, n_overflows, n_ends; /* ends of daemons */
    /* The writer's, which may be another thread for a while: */
    uint64_t n_operations;
    int held; /* -1: none. Open for writing: an answer waits 100 ms for it to be closed */
    pthread_mutex_t lock; /* of what follows */
    char last[SHOWN][240];
    uint64_t n_told;
};

/* Each thread has numbers of its own. */
void random_seed(uint64_t seed);
uint32_t below(uint32_t n);
/* Remembers what was done, for people. Thread: any. */
void tell_done(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints what was done last, and how to repeat it. */
void show_last(struct world *w);

/* ---- torture-writers.c ------------------------------------------------------------------ */

/* The control files, a git repository, some files and directories. */
void writers_begin(struct world *w);
/* One operation of a random kind. */
void write_something(struct world *w);
/* Unmounts and closes all. */
void writers_let_go(struct world *w);
/* Lets go, and has a Dockerfile that reads everything, of which nothing is ignored. */
void keep_everything(struct world *w);
/* Removes path and all below it, without leaving its mount. */
void remove_below(int dir_fd, const char *path);
/* Runs a program, and waits for it: its exit status. Its output is dropped. */
int run_program(int dir_fd, const char *const *words);

/*
 * A second name, and what is done by it. It is told of by nothing else as long as an answer
 * comes between link_begin() and all that follows, up to link_end(); where both are together in
 * one directory, also link_change() is for an ordinary answer to know.
 */
struct link_pair {
    char from[128], to[128];
    bool together;
};
bool link_begin(struct world *w, struct link_pair *ret);
void link_change(struct world *w, const struct link_pair *pair);
void link_end(struct world *w, const struct link_pair *pair);

/*
 * What Linux doesn't report to whom watches directories (watch.h has the list). In three steps,
 * with an answer after each: what is known of it before; a change that no event tells of, any
 * number of times; the end.
 */
enum untold_kind { UNTOLD_LINK, UNTOLD_TMPFILE, UNTOLD_UNLINKED, UNTOLD_MAPPED, UNTOLD_KINDS };
struct untold {
    enum untold_kind kind;
    int fd;
    uint8_t *map; /* NULL: none */
};
bool untold_begin(struct world *w, enum untold_kind kind, struct untold *ret);
void untold_change(struct world *w, struct untold *u);
void untold_end(struct untold *u);

/* ---- torture-answers.c ------------------------------------------------------------------- */

/* Asks for a random view; false, with all there is to say about it, if it isn't fresh. */
bool answers_agree(struct world *w, bool verify);
/* The same for a digest, a packed stream, and by HTTP. */
bool other_answers_agree(struct world *w);
/* Asks, and drops the answer, which may be a failure. */
void ask_in_vain(struct world *w);
/*
 * The numbers of that name in what ctx status --json prints, added up: a root that was asked
 * for while it lay elsewhere is one more. UINT64_MAX: there is none.
 */
uint64_t status_number(const char *key);

/* ---- torture-accidents.c ----------------------------------------------------------------- */

/* Starts ctxd and waits until it answers; false: it doesn't. */
bool daemon_start(struct world *w);
void daemon_end(struct world *w, int signal);
/* What may happen between two answers; mostly nothing. false: an answer was not fresh. */
bool maybe_accident(struct world *w);

#endif
