/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the chunk store within its limits, with memory that doesn't depend on the store's size.
 * A first pass adds up the bytes by the time for which they have been unused. That gives the
 * age above which chunks must be removed; a second pass removes them.
 *
 * Ages have a precision of three per cent: a bucket is as long as a 32nd of the power of two
 * that it is in.
 *
 *     age    0 1 2 … 63 | 64-65 … 126-127 | 128-131 … | … ms
 *
 * If two processes sweep at the same time, they remove together what either would have removed.
 * At worst each counts bytes that the other is about to remove, and both together remove
 * somewhat more than necessary.
 */
#include "store-sweep.h"

#include "store-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PER_OCTAVE 32u
#define N_BUCKETS ((64u - 4u) * PER_OCTAVE)
/* An hour: a temporary file that is older was left by a crash, as no write takes that long. */
#define STALE_TEMP_MS 3600000u
/* The age of a file whose time is in the future, because the clock was set back: older than all
 * others, but not above any limit. */
#define AGE_UNKNOWN UINT64_MAX
/* A sweep for a put frees an eighth of max_bytes, so that the next puts need none. */
#define SPARE 8

static size_t sweep_bucket(uint64_t age_ms)
{
    if (age_ms < PER_OCTAVE)
        return (size_t)age_ms;
    unsigned top = 63u - (unsigned)__builtin_clzll(age_ms);
    return (top - 4) * PER_OCTAVE + (size_t)(age_ms >> (top - 5)) % PER_OCTAVE;
}

/* The bytes that a file of that length takes on disk, and of max_bytes: whole pages. */
static uint64_t store_disk_size(uint64_t len)
{
    return (len + 4095) / 4096 * 4096;
}

struct sweep {
    struct store *store;
    int64_t now_ms;     /* since 1970: the clock of file times */
    size_t from_bucket; /* later buckets are removed; N_BUCKETS: none */
    uint64_t in_bucket; /* bytes to remove from that bucket itself */
    uint64_t bytes, n, freed;
    uint64_t by_age[N_BUCKETS]; /* bytes that may be removed */
};

static uint64_t sweep_age_since(const struct sweep *sweep, struct timespec at)
{
    int64_t age = sweep->now_ms - ((int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000);
    if (age >= 0)
        return (uint64_t)age;
    return age > -STORE_RECENT_SECONDS * 1000 ? 0 : AGE_UNKNOWN;
}

static uint64_t sweep_unused_ms(const struct sweep *sweep, struct bytes name,
                                const struct stat *st)
{
    uint64_t age = sweep_age_since(sweep, st->st_atim);
    struct store_name chunk;
    if (age < STORE_RECENT_SECONDS * 1000u || !store_parse_name(name, &chunk))
        return age;
    uint64_t here = store_seen_age_ms(&sweep->store->seen, &chunk);
    return here < age ? here : age;
}

static bool sweep_is_expired(const struct sweep *sweep, uint64_t age_ms)
{
    return age_ms != AGE_UNKNOWN && age_ms / 1000 > sweep->store->limits.max_age_seconds;
}

/* Whether to remove a file; in the first pass by its age alone. */
static bool sweep_must_go(struct sweep *sweep, uint64_t age_ms, uint64_t size)
{
    if (age_ms < STORE_RECENT_SECONDS * 1000u)
        return false;
    if (sweep_is_expired(sweep, age_ms))
        return true;
    size_t b = sweep_bucket(age_ms);
    if (b != sweep->from_bucket || sweep->in_bucket == 0)
        return b > sweep->from_bucket;
    sweep->in_bucket -= size < sweep->in_bucket ? size : sweep->in_bucket;
    return true;
}

static bool sweep_remove(struct sweep *sweep, int dir_fd, const char *name, uint64_t size)
{
    if (unlinkat(dir_fd, name, 0) < 0)
        return errno == ENOENT; /* another process was quicker */
    sweep->freed += size;
    return true;
}

/* Sweeps any file that is no directory, also one whose name is unknown: it takes room, too. */
static void sweep_file(struct sweep *sweep, int dir_fd, const char *name)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
        return;
    uint64_t size = store_disk_size((uint64_t)st.st_size);
    uint64_t age = sweep_unused_ms(sweep, bytes_of(name), &st);
    if (sweep_must_go(sweep, age, size) && sweep_remove(sweep, dir_fd, name, size))
        return;
    sweep->bytes += size;
    sweep->n++;
    if (age >= STORE_RECENT_SECONDS * 1000u)
        sweep->by_age[sweep_bucket(age)] += size;
}

/* Removes a temporary file by the time of its last write, however recently it was read. */
static void sweep_temp(struct sweep *sweep, int dir_fd, const char *name)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        sweep_age_since(sweep, st.st_mtim) > STALE_TEMP_MS)
        sweep_remove(sweep, dir_fd, name, store_disk_size((uint64_t)st.st_size));
}

static void sweep_directory(struct sweep *sweep, int at_fd, const char *path, bool temp_only)
{
    int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *d; (d = readdir(dir));)
        if (bytes_starts(bytes_of(d->d_name), BYTES(STORE_TEMP)))
            sweep_temp(sweep, fd, d->d_name);
        else if (!temp_only)
            sweep_file(sweep, fd, d->d_name);
    closedir(dir);
}

static void sweep_pass(struct sweep *sweep)
{
    sweep->bytes = sweep->n = 0;
    memset(sweep->by_age, 0, sizeof(sweep->by_age));
    for (unsigned i = 0; i < 256; i++) {
        char shard[3];
        uint8_t byte = (uint8_t)i;
        sweep_directory(sweep, sweep->store->chunks_fd, hex_text(shard, &byte, 1), false);
    }
}

/* Sets the age from which the second pass removes, so that it removes `excess` bytes. */
static void sweep_set_cut(struct sweep *sweep, uint64_t excess)
{
    size_t b = N_BUCKETS - 1;
    while (b > 0 && sweep->by_age[b] < excess)
        excess -= sweep->by_age[b--];
    sweep->from_bucket = b;
    sweep->in_bucket = excess;
}

/* If there are more than max_bytes, removes chunks until `target` bytes are left. With the lock
 * `sweeping`. Returns the bytes freed. */
static uint64_t sweep_to__with_lock(struct store *store, uint64_t max_bytes, uint64_t target)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct sweep sweep = {.store = store,
                          .now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
                          .from_bucket = N_BUCKETS};
    pthread_mutex_lock(&store->counting);
    uint64_t put_bytes = store->put_bytes, n_put = store->n_put;
    pthread_mutex_unlock(&store->counting);

    sweep_directory(&sweep, store->dir_fd, ".", true);
    sweep_pass(&sweep);
    if (sweep.bytes > max_bytes) {
        sweep_set_cut(&sweep, sweep.bytes - target);
        sweep_pass(&sweep);
    }
    /* A chunk that was put meanwhile may have been seen, too. It is then counted twice until
     * the next sweep, which is better than not at all. */
    pthread_mutex_lock(&store->counting);
    store->bytes = sweep.bytes + store->put_bytes - put_bytes;
    store->n_chunks = sweep.n + store->n_put - n_put;
    store->counted = true;
    pthread_mutex_unlock(&store->counting);
    return sweep.freed;
}

uint64_t store_sweep(struct store *store)
{
    if (!store->usable || store->read_only)
        return 0;
    pthread_mutex_lock(&store->sweeping);
    uint64_t freed =
        sweep_to__with_lock(store, store->limits.max_bytes, store->limits.max_bytes);
    pthread_mutex_unlock(&store->sweeping);
    return freed;
}

/* Sweeps to make room for `size` bytes, unless a sweep is running or the last one ended just
 * now: sweeps take a tenth of the time at most. */
static void sweep_if_due(struct store *store, uint64_t size)
{
    uint64_t begin = clock_now_ns();
    if (begin < atomic_load(&store->next_sweep_ns) ||
        pthread_mutex_trylock(&store->sweeping) != 0)
        return;
    uint64_t max = store->limits.max_bytes - size;
    sweep_to__with_lock(store, max, max - max / SPARE);
    uint64_t end = clock_now_ns(), pause = 9 * (end - begin);
    atomic_store(&store->next_sweep_ns, end + (pause > 1000000000 ? pause : 1000000000));
    pthread_mutex_unlock(&store->sweeping);
}

/* Whether `size` more bytes would exceed the limit. *ret_known: the bytes were counted, so that
 * the answer is right. */
static bool store_would_pass(struct store *store, uint64_t size, bool *ret_known)
{
    pthread_mutex_lock(&store->counting);
    bool passes = store->bytes + size > store->limits.max_bytes;
    *ret_known = store->counted;
    pthread_mutex_unlock(&store->counting);
    return passes;
}

int store_make_room(struct store *store, uint64_t len)
{
    uint64_t size = store_disk_size(len);
    if (size > store->limits.max_bytes)
        return -EFBIG;
    bool known;
    if (!store_would_pass(store, size, &known) && known)
        return 0;
    sweep_if_due(store, size);
    return store_would_pass(store, size, &known) && known ? -EDQUOT : 0;
}

void store_count_put(struct store *store, uint64_t len)
{
    uint64_t size = store_disk_size(len);
    pthread_mutex_lock(&store->counting);
    store->bytes += size;
    store->n_chunks++;
    store->put_bytes += size;
    store->n_put++;
    pthread_mutex_unlock(&store->counting);
}
