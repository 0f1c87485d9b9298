/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the hash database: a private directory, and files made from a number. */
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
/* Closes and opens the database, as the next process would. */
void reopen(struct fixture *x);

/* The stat of file n, and a hash that no other file has. Every third has a SHA-256. */
struct stat_identity file(uint64_t n);
struct content_hash hash(uint64_t n);
bool is_hash(const struct content_hash *h, uint64_t n);

void put(struct fixture *x, uint64_t n);
/* Puts the files [from, to), and waits until they are written. */
void put_many(struct fixture *x, uint64_t from, uint64_t to);
void forget(struct fixture *x, uint64_t n);
/* Whether there is a hash for this stat. A check fails if it is not that of file n. */
bool known_as(struct fixture *x, const struct stat_identity *id, uint64_t n);
/* The same for file n, by hashdb_get() and hashdb_load(), which must agree. */
bool knows(struct fixture *x, uint64_t n);
size_t count_known(struct fixture *x, uint64_t from, uint64_t to);
struct hashdb_stats stats(struct fixture *x);
bool noted(const struct fixture *x, const char *text);
const char *last_note(const struct fixture *x);

/* A connection without our code, like that of another program. */
sqlite3 *raw_open(const char *path);
void raw_run(const char *path, const char *sql);
int64_t raw_number(const char *path, const char *sql);

/* How many names in the directory begin and end so. name[256], or NULL, gets the last. */
size_t count_names(const char *dir, const char *start, const char *end, char *name);
void write_file(const char *path, off_t at, const void *data, size_t len);
/* Overwrites [from, to) with bytes that look random. */
void scribble(const char *path, off_t from, off_t to);
off_t size_of(const char *path);

#endif
