/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the hash database share: a directory, files that are made of a number. */
#ifndef CTXD_DB_FIXTURE_H
#define CTXD_DB_FIXTURE_H

#include "hashdb.h"

#include <sqlite3.h>

#define DB_ROOT BYTES("/src/app")

struct fixture {
    char dir[64];
    char path[128]; /* of hashes.db */
    struct notes notes;
    struct hashdb *db;
    int64_t tree;
};

struct fixture setup(void);
void teardown(struct fixture *x);
/* As the next process would find it. */
void reopen(struct fixture *x);

/* File n, and a hash that can only be that file's; each third has a SHA-256. */
struct stat_identity file(uint64_t n);
struct content_hash hash(uint64_t n);
bool is_hash(const struct content_hash *h, uint64_t n);

void put(struct fixture *x, uint64_t n);
void put_many(struct fixture *x, uint64_t from, uint64_t to); /* and waits */
void forget(struct fixture *x, uint64_t n);
/* Whether there is a hash; a check fails where it is another than file n's. */
bool known_as(struct fixture *x, const struct stat_identity *id, uint64_t n);
/* The same by both ways to ask, which must agree. */
bool knows(struct fixture *x, uint64_t n);
size_t count_known(struct fixture *x, uint64_t from, uint64_t to);
struct hashdb_stats stats(struct fixture *x);
bool noted(const struct fixture *x, const char *text);
const char *last_note(const struct fixture *x);

/* A connection past all of our code, as another program's. */
sqlite3 *raw_open(const char *path);
void raw_run(const char *path, const char *sql);
int64_t raw_number(const char *path, const char *sql);

/* Files of the directory whose name begins and ends so; the last one's name into name[256]. */
size_t count_names(const char *dir, const char *start, const char *end, char *name);
void write_file(const char *path, off_t at, const void *data, size_t len);
void scribble(const char *path, off_t from, off_t to);
off_t size_of(const char *path);

#endif
