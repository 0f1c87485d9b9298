/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small tree under a watch, and the oracle of most cases: the tree is scanned whole before
 * and after a change, and what differs must be covered by what the drain marked. Then the
 * directories that a tree_make() would walk, and no others, are entered, so that a forgotten
 * watch shows.
 */
#ifndef CTXD_WATCHED_H
#define CTXD_WATCHED_H

#include "watch.h"

#include <sys/stat.h>

/* hashdb's struct dirty, as one that only remembers. */
enum mark_kind { MARK_ENTRY, MARK_CONTENT, MARK_LISTING, MARK_BELOW };

struct mark {
    enum mark_kind kind;
    char *path;
};

struct dirty {
    struct mark *at;
    size_t n, cap;
    size_t calls, n_inodes;
};

void dirty_clear(struct dirty *d);
bool marked(const struct dirty *d, enum mark_kind kind, const char *path);

struct seen {
    char *path;
    struct stat st;
    uint64_t content; /* of a file its bytes', of a link its target's */
    bool spoilt;      /* has or had several names: the tree looks at it itself */
};

struct scan {
    struct seen *at;
    size_t n, cap;
};

struct fixture {
    char top[64];   /* holds the root, and what is outside it */
    char path[80];  /* the root */
    int top_fd, fd; /* of both */
    struct watch *watch;
    struct scan known;
};

/* max_watches: see watch.h. All directories are entered. */
struct fixture setup(size_t max_watches);
void teardown(struct fixture *x);

/* Runs a shell script in dir; its wait status. */
int sh(const char *dir, const char *script);
/* Writes a file of the root anew. */
void put(const struct fixture *x, const char *path, const char *text);
/* Takes what waits. */
bool drain(struct fixture *x, struct dirty *d);

/* Enters a directory of the root, if it is one. */
void enter(const struct fixture *x, const char *path);
/* Enters all, as the first tree_make() does, and one after "can't be told". */
void enter_all(struct fixture *x);

/* Whether a tree_make() by these marks looks at `path` again; content: at its bytes, too. */
bool covered(const struct fixture *x, const struct dirty *d, const char *path, bool content);
/* Checks that all that differs from what was known is covered; then enters what is new, and
 * leaves what is no more, as tree_make() would. */
bool follow(struct fixture *x, const struct dirty *d);
/* Drains, follows, forgets the marks. */
bool drain_and_follow(struct fixture *x, struct dirty *d);

uint64_t n_watches(const struct fixture *x);
/* Checks that there is one watch for each directory. */
bool check_watches(const struct fixture *x);

#endif
