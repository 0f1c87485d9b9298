/* SPDX-License-Identifier: Apache-2.0 */
#include "db-fixture.h"
#include "scratch.h"

#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void reopen(struct fixture *x)
{
    hashdb_close(x->db);
    hashdb_open(x->dir, &x->notes, &x->db);
    x->tree = hashdb_tree(x->db, DB_ROOT, 1, 2);
}

struct fixture setup(void)
{
    struct fixture x = {.dir = "/tmp/ctxd-db-XXXXXX"};
    scratch_make(x.dir);
    snprintf(x.path, sizeof(x.path), "%s/hashes.db", x.dir);
    reopen(&x);
    return x;
}

void teardown(struct fixture *x)
{
    hashdb_close(x->db);
    notes_release(&x->notes);
    scratch_remove(x->dir);
}

struct stat_identity file(uint64_t n)
{
    return (struct stat_identity){.dev = 0xfd00 + n % 2,
                                  .ino = n,
                                  .size = n * 3,
                                  .mtime_ns = (int64_t)(1700000000000000000u + n),
                                  .ctime_ns = (int64_t)(1700000000000000007u + n),
                                  .mode = S_IFREG | 0644};
}

struct content_hash hash(uint64_t n)
{
    struct content_hash h = {.xxh = digest128(bytes_at(&n, sizeof(n))), .has_sha = n % 3 == 0};
    if (h.has_sha)
        memset(h.sha.at, (int)(n % 251) + 1, sizeof(h.sha.at));
    return h;
}

bool is_hash(const struct content_hash *h, uint64_t n)
{
    struct content_hash want = hash(n);
    return digest128_equal(&h->xxh, &want.xxh) && h->has_sha == want.has_sha &&
           (!h->has_sha || sha256_equal(&h->sha, &want.sha));
}

void put(struct fixture *x, uint64_t n)
{
    struct stat_identity id = file(n);
    struct content_hash h = hash(n);
    hashdb_put(x->db, x->tree, &id, &h);
}

void put_many(struct fixture *x, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++)
        put(x, n);
    hashdb_sync(x->db);
}

void forget(struct fixture *x, uint64_t n)
{
    struct stat_identity id = file(n);
    hashdb_void(x->db, x->tree, id.dev, id.ino);
}

bool known_as(struct fixture *x, const struct stat_identity *id, uint64_t n)
{
    struct content_hash h;
    bool known = hashdb_get(x->db, x->tree, id, &h);
    if (known)
        TAP_CHECKF(is_hash(&h, n), "file %llu has a hash that was never put",
                   (unsigned long long)n);
    return known;
}

bool knows(struct fixture *x, uint64_t n)
{
    struct stat_identity id = file(n);
    bool known = known_as(x, &id, n);
    struct hashes *all = hashdb_load(x->db, x->tree);
    struct content_hash h;
    bool loaded = hashes_get(all, &id, &h);
    hashes_free(all);
    TAP_CHECKF(loaded == known && (!loaded || is_hash(&h, n)),
               "file %llu: hashdb_get says %d, hashdb_load %d", (unsigned long long)n, known,
               loaded);
    return known;
}

size_t count_known(struct fixture *x, uint64_t from, uint64_t to)
{
    struct hashes *all = hashdb_load(x->db, x->tree);
    size_t known = 0;
    for (uint64_t n = from; n < to; n++) {
        struct stat_identity id = file(n);
        struct content_hash h;
        bool there = hashes_get(all, &id, &h);
        known += there;
        if (there && !is_hash(&h, n))
            TAP_CHECKF(false, "file %llu has a hash that was never put", (unsigned long long)n);
    }
    hashes_free(all);
    return known;
}

struct hashdb_stats stats(struct fixture *x)
{
    struct hashdb_stats s;
    hashdb_stats(x->db, &s);
    return s;
}

sqlite3 *raw_open(const char *path)
{
    sqlite3 *raw;
    if (sqlite3_open(path, &raw) != SQLITE_OK)
        abort();
    return raw;
}

void raw_run(const char *path, const char *sql)
{
    sqlite3 *raw = raw_open(path);
    TAP_CHECKF(sqlite3_exec(raw, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
               sqlite3_errmsg(raw));
    sqlite3_close(raw);
}

int64_t raw_number(const char *path, const char *sql)
{
    sqlite3 *raw = raw_open(path);
    sqlite3_stmt *row = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(raw, sql, -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        number = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(raw);
    return number;
}

size_t count_names(const char *dir, const char *start, const char *end, char *name)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    if (!d)
        return 0;
    for (const struct dirent *entry; (entry = readdir(d));)
        if (bytes_starts(bytes_of(entry->d_name), bytes_of(start)) &&
            bytes_ends(bytes_of(entry->d_name), bytes_of(end))) {
            n++;
            if (name)
                snprintf(name, 256, "%s", entry->d_name);
        }
    closedir(d);
    return n;
}

const char *last_note(const struct fixture *x)
{
    return x->notes.n ? (const char *)x->notes.at[x->notes.n - 1].text.at : "no note";
}

bool noted(const struct fixture *x, const char *text)
{
    for (size_t i = 0; i < x->notes.n; i++)
        if (memmem(x->notes.at[i].text.at, x->notes.at[i].text.len, text, strlen(text)))
            return true;
    return false;
}

void write_file(const char *path, off_t at, const void *data, size_t len)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || lseek(fd, at, SEEK_SET) < 0 || io_write_full(fd, data, len) < 0)
        abort();
}

void scribble(const char *path, off_t from, off_t to)
{
    uint8_t noise[4096];
    for (off_t at = from; at < to; at += (off_t)sizeof(noise)) {
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)((uint64_t)(at + (off_t)i + 1) * 0x9e3779b97f4a7c15u >> 56);
        write_file(path, at, noise,
                   to - at < (off_t)sizeof(noise) ? (size_t)(to - at) : sizeof(noise));
    }
}

off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}
