/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunk store in a directory of its own, and numbered chunks: the name, codec, level and
 * bytes of a chunk follow from its number, and are the same in each process.
 */
#ifndef CTXD_STORE_FIXTURE_H
#define CTXD_STORE_FIXTURE_H

#include "store-dir.h"
#include "tap.h"

#include <time.h>

struct fixture {
    char top[64], path[80]; /* a directory, and the path in it where a store can be made */
};

/* Limits that no test reaches. */
extern const struct store_limits roomy;

struct fixture setup(void);
void teardown(struct fixture *x);
struct store *open_store(const struct fixture *x, const struct store_limits *limits,
                         bool read_only);

struct store_name name_of(size_t i);
/* The bytes of the i-th chunk, at most 256 KiB. Valid until the next call of this thread. */
struct bytes content_of(size_t i, size_t len);
int put_chunk(struct store *store, size_t i, size_t len);

enum got { MISSED, RIGHT, WRONG };
/* WRONG: the bytes, their lengths or their SHA-256 differ from what put_chunk() put. */
enum got get_chunk(struct store *store, size_t i, size_t len);
/* Whether the rest of fd, from its offset on, is the i-th chunk. */
bool is_content(int fd, size_t i, size_t len);

#define PATH_ROOM 200
void path_of(const struct fixture *x, size_t i, char path[PATH_ROOM]);
bool is_there(const struct fixture *x, size_t i);
/* Sets the time of the last use to that many seconds ago. */
void set_age(const struct fixture *x, size_t i, time_t seconds);
/* Flips one bit of the byte at that offset, and keeps the file's times. */
bool damage(const char *path, off_t at);

struct store_stats stats_of(struct store *store);
/* The number of files below the store whose names begin with the prefix. */
size_t count_files(const struct fixture *x, const char *prefix);

/* Calls run() in another process, which then exits with 0. */
pid_t start(void (*run)(void *context), void *context);
bool ended_well(pid_t pid);

#endif
