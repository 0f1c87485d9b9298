/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The freshness torture. Random writers (torture-writers.c, torture-files.c) change a tree that
 * a private ctxd watches, and accidents happen to the daemon, the root and the event queue
 * (torture-accidents.c). After each step the daemon's answer, asked for through its socket,
 * must be byte for byte the one that this process makes from nothing (torture-answers.c).
 * torture.c has the runs.
 */
#ifndef CTXD_TORTURE_H
#define CTXD_TORTURE_H

#include "connect.h"

#include <pthread.h>
#include <sys/stat.h>

enum {
    MOUNTS_MAX = 4,  /* in the world at once */
    SHOWN = 20,      /* operations that are printed if an answer is wrong: the last ones */
    URLS_MAX = 2,    /* addresses that are asked for by HTTP */
    OPTIONS_MAX = 3, /* of ctxd, and NULL */
};

/* The last body that an address gave, and its ETag. */
struct url {
    char etag[80];
    struct sha256 sha;
};

struct world {
    char top[64];                     /* a private directory that contains all others */
    char root_path[80];               /* the context */
    int root;                         /* descriptor of root_path */
    int outside;                      /* a directory beside it, on the same file system */
    const char *ctxd;                 /* the program */
    const char *options[OPTIONS_MAX]; /* of ctxd, besides the usual ones; then NULL */
    bool calm;                        /* no accident ends the daemon, or the root */
    pid_t daemon;
    struct pool *pool; /* for the answers that are made from nothing */
    struct url urls[URLS_MAX];
    uint64_t seed, step;
    bool failed; /* the last request failed, with the daemon and without */
    uint64_t n_answers, n_overflows, n_ends; /* ends of daemons */
    /* The writer's, which may be another thread for a while: */
    uint64_t n_operations;
    int held; /* a file that is open for writing, for which each answer waits 100 ms; -1: none
               */
    pthread_mutex_t lock; /* guards all below */
    char last[SHOWN][240];
    uint64_t n_told;
};

/* Seeds the random numbers of the calling thread. */
void random_seed(uint64_t seed);
/* A random number below n. */
uint32_t below(uint32_t n);
/* Remembers an operation, as text. Thread: any. */
void tell_done(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the last operations, and how to repeat them. */
void show_last(struct world *w);

/* ---- torture-writers.c ------------------------------------------------------------------ */

/* Makes the control files, a git repository, some files and directories. */
void writers_begin(struct world *w);
/* Does one operation of a random kind. */
void write_something(struct world *w);
/* Unmounts and closes everything. */
void writers_let_go(struct world *w);
/* Lets go, and writes a Dockerfile that reads everything; nothing is ignored. */
void keep_everything(struct world *w);
/* Removes path and everything below it on the same mount. */
void remove_below(int dir_fd, const char *path);
/* Runs a program without output and waits for it; returns its exit status. */
int run_program(int dir_fd, const char *const *words);

/*
 * A second name of a file, and changes through it. If an answer comes between link_begin() and
 * what follows, up to link_end(), nothing else reports the name. If both names are in one
 * directory (`together`), an ordinary answer must know of link_change(), too.
 */
struct link_pair {
    char from[128], to[128];
    bool together;
};
bool link_begin(struct world *w, struct link_pair *ret);
void link_change(struct world *w, const struct link_pair *pair);
void link_end(struct world *w, const struct link_pair *pair);

/* ---- torture-untold.c ------------------------------------------------------------------- */

/*
 * A change that Linux doesn't report to a watcher of directories (watch.h lists them), in three
 * steps, with an answer after each: untold_begin() makes what is known before; untold_change()
 * makes the change, any number of times; untold_end() closes.
 */
enum untold_kind {
    UNTOLD_LINK,
    UNTOLD_TMPFILE,
    UNTOLD_UNLINKED,
    UNTOLD_MAPPED,
    UNTOLD_SUBMITTED,
    UNTOLD_KINDS
};
struct untold {
    enum untold_kind kind;
    int fd;
    uint8_t *map; /* NULL: none */
};
bool untold_begin(struct world *w, enum untold_kind kind, struct untold *ret);
void untold_change(struct world *w, struct untold *u);
void untold_end(struct untold *u);

/* ---- torture-answers.c ------------------------------------------------------------------- */

/* Asks for a random view. false: the answer is not fresh; prints what is known about it. */
bool answers_agree(struct world *w, bool verify);
/* The same for a digest, a packed stream, and by HTTP. */
bool other_answers_agree(struct world *w);
/* Asks, and drops the answer, which may be a failure. */
void ask_in_vain(struct world *w);
/*
 * The sum of all numbers of that name in what ctx status --json prints: a root that was asked
 * for while it was elsewhere is another root. UINT64_MAX: there is no such number.
 */
uint64_t status_number(const char *key);

/* ---- torture-accidents.c ----------------------------------------------------------------- */

/* Starts ctxd and waits until it answers. false: it doesn't. */
bool daemon_start(struct world *w);
void daemon_end(struct world *w, int signal);
/* Lets an accident happen, or mostly none. false: an answer was not fresh. */
bool maybe_accident(struct world *w);

#endif
