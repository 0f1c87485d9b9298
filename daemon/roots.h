/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roots: the directories of contexts that clients asked for, each with its watch and what
 * is kept warm of it.
 *
 *     r = root_get(daemon, fd, path, &root, f);
 *     if (r == 0) {
 *         r = send_run(&request, root->warm, …);
 *         root_put(daemon, root);
 *     }
 *
 * Requests on any thread get and put roots. Only the loop polls their watches (polls.c), and
 * only the loop frees a root: when it was replaced or unmounted, when nobody has asked for it
 * in config.forget_s, or when it is the longest unused of more than config.max_roots.
 */
#ifndef CTXD_ROOTS_H
#define CTXD_ROOTS_H

#include "daemon.h"
#include "mounts.h"

struct polled;
struct watch;

/* Lives as long as somebody holds a reference. These members never change. */
struct root {
    struct bytes path; /* its real path, NUL-terminated */
    int fd;            /* the directory from root_get() to root_put(), and while root_hold() */
    struct identity id;
    struct watch *watch; /* NULL: each answer looks at everything by stat */
    char unwatched[256]; /* why watch is NULL, and the remedy */
    struct warm *warm;
};

/* ---- for all threads --------------------------------------------------------------------- */

struct roots *roots_new(void);
/* Frees all roots. No reference may be left. NULL is fine. */
void roots_free(struct roots *roots);

/*
 * Gets a reference of the root at a real path; all callers get the same object, unless it could
 * not be watched and now can: then a new one takes its place. root_fd is the
 * directory as the client sees it, borrowed; -1: the directory as we see it. *ret is the
 * caller's until root_put().
 *
 * -EXDEV: the path leads us to another directory than root_fd, or by another mount (the root
 * was replaced, or mounted over). -ENOENT …: the directory can't be opened.
 */
int root_get(struct daemon *daemon, int root_fd, struct bytes real_path, struct root **ret,
             struct failure *f) must_use;
void root_put(struct daemon *daemon, struct root *root);
/* Another reference, for a caller that has one of root_get(). Returns root. */
struct root *root_ref(struct daemon *daemon, struct root *root);

/*
 * The descriptor of a root to which the caller has a reference by roots_each() only, until
 * root_release(). Doesn't count as use. -EXDEV: its path leads elsewhere; it will go.
 */
int root_hold(struct daemon *daemon, struct root *root, struct failure *f) must_use;
void root_release(struct daemon *daemon, struct root *root);

/* Calls tell() for each root. Other threads may get and put roots meanwhile. The root has no
 * descriptor: root_hold(). */
void roots_each(struct daemon *daemon, void (*tell)(void *context, struct root *root),
                void *context);

/* clock_now_ns() of when the root was last got or put, and when it was last audited. */
struct root_use {
    uint64_t used_ns, audited_ns;
};
struct root_use root_use(struct root *root);
/* Notes that the root was audited now. */
void root_audited(struct root *root);

/* ---- for the loop alone ------------------------------------------------------------------ */

/* What polls.c keeps of the root; NULL until it has set something. Thread: loop. */
struct polled *root_polled(struct root *root);
void root_set_polled(struct root *root, struct polled *polled);

/* A root with a watch that is not polled yet, or NULL. No reference is taken. Thread: loop. */
struct root *roots_unpolled(struct daemon *daemon);
/* Notes that the root is not at its path any more: it goes when unused. Thread: any. */
void root_replaced(struct daemon *daemon, struct root *root);
/*
 * Takes a root that must go out of the table: an unused one that was replaced at its path or
 * that nobody has asked for in config.forget_s, or the longest unused if there are too many.
 * NULL: there is none. The loop ends its polls, then calls root_free(). Thread: loop.
 */
struct root *roots_surplus(struct daemon *daemon);
/* Thread: loop, or main after the loop has ended. */
void root_free(struct root *root);

#endif
