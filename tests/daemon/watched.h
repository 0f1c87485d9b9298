/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small tree under a watch, and the check of most cases: the whole tree is scanned before and
 * after a change, and the marks of the drain must cover everything that differs. Then exactly
 * the directories that tree_make() would walk are entered, so that a missing watch shows.
 */
#ifndef CTXD_WATCHED_H
#define CTXD_WATCHED_H

#include "watch.h"

#include <sys/stat.h>

/* Takes the place of hashdb's struct dirty, and only remembers the marks. */
enum mark_kind { MARK_ENTRY, MARK_CONTENT, MARK_LISTING, MARK_BELOW };

struct mark {
    enum mark_kind kind;
    char *path;
};

struct dirty {
    struct mark *at;
    size_t n, cap;
    size_t calls, n_inodes;
    bool files; /* any file may have changed */
};

void dirty_clear(struct dirty *d);
bool marked(const struct dirty *d, enum mark_kind kind, const char *path);

struct seen {
    char *path;
    struct stat st;
    uint64_t content; /* a hash of the file's bytes or the link's target */
    bool spoilt;      /* it has or had several names: the tree looks at it by itself */
};

struct scan {
    struct seen *at;
    size_t n, cap;
};

struct fixture {
    char top[64];   /* contains the root, and what is outside the root */
    char path[80];  /* of the root */
    int top_fd, fd; /* descriptors of both */
    struct watch *watch;
    struct scan known;
};

/* Makes the tree, watches it and enters all directories. max_watches: see watch.h. */
struct fixture setup(size_t max_watches);
void teardown(struct fixture *x);

/* Runs a shell script in dir; returns its wait status. */
int sh(const char *dir, const char *script);
/* Writes a file of the root anew. */
void put(const struct fixture *x, const char *path, const char *text);
/* watch_drain(). */
bool drain(struct fixture *x, struct dirty *d);

/* Enters a directory of the root; does nothing if it is none. */
void enter(const struct fixture *x, const char *path);
/* Enters all directories, as tree_make() does the first time and after a drain returned false.
 */
void enter_all(struct fixture *x);

/* Whether a tree_make() with these marks looks at `path` again; content: also at its bytes. */
bool covered(const struct fixture *x, const struct dirty *d, const char *path, bool content);
/* Checks that the marks cover everything that differs from x->known. Then enters new
 * directories and leaves those that are gone, as tree_make() would. */
bool follow(struct fixture *x, const struct dirty *d);
/* Drains, follows, clears the marks. */
bool drain_and_follow(struct fixture *x, struct dirty *d);

uint64_t n_watches(const struct fixture *x);
/* Checks that there is one watch for each directory. */
bool check_watches(const struct fixture *x);

#endif
