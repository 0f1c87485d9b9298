/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunk store in a directory of its own, and chunks that are known by a number: their name,
 * codec, level and bytes follow from it, the same in each process.
 */
#ifndef CTXD_STORE_FIXTURE_H
#define CTXD_STORE_FIXTURE_H

#include "store-dir.h"
#include "tap.h"

#include <time.h>

struct fixture {
    char top[64], path[80]; /* a directory, and where the store is in it: not made yet */
};

/* Limits that no test reaches. */
extern const struct store_limits roomy;

struct fixture setup(void);
void teardown(struct fixture *x);
struct store *open_store(const struct fixture *x, const struct store_limits *limits,
                         bool read_only);

struct store_name name_of(size_t i);
/* At most 256 KiB; until the thread's next call. */
struct bytes content_of(size_t i, size_t len);
int put_chunk(struct store *store, size_t i, size_t len);

enum got { MISSED, RIGHT, WRONG };
/* WRONG: it differs from what put_chunk() put in its bytes or in what is said of them. */
enum got get_chunk(struct store *store, size_t i, size_t len);
/* What fd has from where it stands is that chunk. */
bool is_content(int fd, size_t i, size_t len);

#define PATH_ROOM 200
void path_of(const struct fixture *x, size_t i, char path[PATH_ROOM]);
bool is_there(const struct fixture *x, size_t i);
/* As if last used so long ago. */
void set_age(const struct fixture *x, size_t i, time_t seconds);
/* Turns one bit over; the times stay. */
bool damage(const char *path, off_t at);

struct store_stats stats_of(struct store *store);
/* Files below the store whose names begin so. */
size_t count_files(const struct fixture *x, const char *prefix);

/* run() in another process, which then ends well. */
pid_t start(void (*run)(void *context), void *context);
bool ended_well(pid_t pid);

#endif
