/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one version of a file, or fails. content.c has the guarantee.
 *
 *     if (!content_read_as_walked(&source, &dir, path, &node->id, buffer, &sure)) {
 *         int fd; struct stat st;
 *         int r = content_open(&source, path, &fd, &st, f);
 *         … read st.st_size bytes …
 *         r = content_check(fd, &st, path, f);      // -ESTALE: read it again
 *     }
 *
 * Thread: any, unless a function says otherwise.
 */
#ifndef CTXD_CONTENT_H
#define CTXD_CONTENT_H

#include "base.h"
#include "hashdb.h"

struct content_source {
    int root_fd;
    struct bytes ignore_name; /* messages tell the user to add a line to this file */
    int64_t clock_ns;         /* the tree's */
};

/* The directory of the last file, kept open for the next one. One thread's own. */
struct content_dir {
    int fd; /* -1: none */
    struct bytes path;
};

void content_dir_close(struct content_dir *dir);

/*
 * Tells whether any process has the file open for writing, by taking a read lease. If none has,
 * the bytes read before under a settled stat are the bytes of that stat.
 */
enum content_sure {
    CONTENT_SURE,    /* none */
    CONTENT_HELD,    /* one has, and can write without the stat changing once more */
    CONTENT_UNKNOWN, /* another user's file: this process may not take a lease on it */
};
enum content_sure content_is_sure(int fd);

/*
 * Stats a file so that any later write will give it another stat. To that end it waits until
 * the clock tick of a recent change has passed and no process has the file open for writing; a
 * tenth of a second at most (content.c says what that leaves open). 0, or -errno of fstat().
 */
int content_settle(int fd, struct stat *st) must_use;

/*
 * Reads walked->size bytes to `at` if the file certainly still is the one that the walk saw.
 * false: it isn't, or that can't be told; content_open() then says which. If it returns true
 * and ret_sure is not NULL, *ret_sure says whether the bytes may be remembered by this stat.
 * `path` is NUL-terminated. Thread: any, with a dir of its own.
 */
bool content_read_as_walked(const struct content_source *source, struct content_dir *dir,
                            struct bytes path, const struct stat_identity *walked, void *at,
                            enum content_sure *ret_sure);

/*
 * Opens path (NUL-terminated) for reading and takes its stat as content_settle() does. -ESTALE:
 * it vanished or is no regular file any more; -EACCES … with a message that says what to do.
 */
int content_open(const struct content_source *source, struct bytes path, int *ret_fd,
                 struct stat *ret_stat, struct failure *f) must_use;

/* Checks, after the last read, that the file did not change since *seen. -ESTALE: it did. */
int content_check(int fd, const struct stat *seen, struct bytes path,
                  struct failure *f) must_use;

#endif
