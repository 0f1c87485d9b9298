/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunk store. In its directory (0700, ours, no link):
 *
 *     key                  192 random bytes, mode 0600: the key of names and checksums
 *     chunks/ab/abcd….tar  a chunk: 32 hex digits, the first two of which are its shard,
 *                          then .tar, .gz-LEVEL or .zst-LEVEL
 *     .tmp-…               an unfinished file, if the file system has no O_TMPFILE
 *
 * A chunk's file; numbers are little-endian:
 *
 *     offset  size
 *          0     8  "ctxchunk"
 *          8     4  version: 1
 *         12     4  codec: 0 tar, 1 gzip, 2 zstd
 *         16     4  level; 0 of a tar
 *         20     4  0
 *         24     8  length of the packed bytes: the rest of the file
 *         32     8  length of the plain bytes
 *         40    16  the digest it is named by
 *         56    32  SHA-256 of the plain bytes
 *         88    16  XXH3-128, keyed, of the 88 bytes above and the packed ones
 *        104     …  the packed bytes
 *
 * Only this user (or root) can write to the directory, so the checksum guards against disks,
 * crashes and faulty programs. It has a key, because the packed bytes come from trees that
 * other users write to, and none of them must be able to make up a file that is taken for
 * another.
 *
 * The guarantee of store_get():
 *
 * 1. this process has verified the checksum of the whole file, and its inode, times and length
 *    still are those that fstat() gave before that;
 * 2. neither ctxd nor ctx-send changes a file after it has its name, so the descriptor gives
 *    these bytes even if the name is removed.
 *
 * The time of the last use is the file's access time. It is set by futimens() only (a get opens
 * with O_NOATIME), so that it is the same on mounts with noatime. Only the key is synced: a
 * chunk that was damaged by a crash fails its checksum.
 */
#include "store-dir.h"
#include "store-priv.h"
#include "store-sweep.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define STORE_VERSION 1

struct header {
    uint8_t magic[8];
    uint32_t version, codec, level, zero;
    uint64_t packed_len, plain_len;
    struct digest128 content;
    struct sha256 plain_sha;
    struct digest128 checksum; /* last */
};

#define CHECKED offsetof(struct header, checksum)
static_assert(sizeof(struct header) == 104 && CHECKED == 88, "the format, without gaps");

static const uint8_t magic[8] = {'c', 't', 'x', 'c', 'h', 'u', 'n', 'k'};

/* ---- opening -------------------------------------------------------------------------- */

static char *store_copy_path(const char *directory)
{
    size_t len = strlen(directory);
    /* O_NOFOLLOW would follow "link/". */
    while (len > 1 && directory[len - 1] == '/')
        len--;
    char *copy = xmalloc(len + 1);
    memcpy(copy, directory, len);
    copy[len] = '\0';
    return copy;
}

void store_open(const char *directory, const struct store_limits *limits, bool read_only,
                struct notes *notes, struct store **ret)
{
    struct store *store = xcalloc(1, sizeof(*store));
    store->directory = store_copy_path(directory);
    store->limits = *limits;
    store->read_only = read_only;
    store->dir_fd = store->chunks_fd = -1;
    store_seen_init(&store->seen);
    pthread_mutex_init(&store->healing, NULL);
    pthread_mutex_init(&store->sweeping, NULL);
    pthread_mutex_init(&store->counting, NULL);
    /* A fresh key; store_dir_open() replaces it by the one on disk. Up to 256 bytes, the call
     * can't fail or fall short. */
    if (getrandom(store->key.secret, sizeof(store->key.secret), 0) !=
        (ssize_t)sizeof(store->key.secret))
        abort();
    struct failure f;
    int r = store_dir_open(store, notes, &f);
    store->usable = r == 0;
    /* If no daemon ever ran, a client finds no store: that is no reason to warn. */
    if (r < 0)
        notes_add(notes, read_only && r == -ENOENT ? NOTE_INFO : NOTE_WARNING,
                  "nothing is kept packed: %s", f.text);
    *ret = store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->dir_fd >= 0)
        close(store->dir_fd);
    if (store->chunks_fd >= 0)
        close(store->chunks_fd);
    pthread_mutex_destroy(&store->healing);
    pthread_mutex_destroy(&store->sweeping);
    pthread_mutex_destroy(&store->counting);
    store_seen_release(&store->seen);
    free(store->directory);
    free(store);
}

const struct digest_key *store_key(const struct store *store)
{
    return &store->key;
}

static void store_count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* The name with level 0 if nothing is packed, whatever the caller's default is. */
static struct store_name store_normal_name(const struct store_name *name)
{
    struct store_name out = *name;
    if (out.codec == SEND_TAR)
        out.level = 0;
    return out;
}

/* ---- get ------------------------------------------------------------------------------ */

static struct store_identity store_identity_of(const struct stat *st)
{
    return (struct store_identity){
        .ino = st->st_ino,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec};
}

static bool store_header_matches(const struct header *h, const struct store_name *name,
                                 const struct stat *st)
{
    uint64_t packed_len = le64toh(h->packed_len);
    return memcmp(h->magic, magic, sizeof(magic)) == 0 &&
           le32toh(h->version) == STORE_VERSION && le32toh(h->codec) == (uint32_t)name->codec &&
           le32toh(h->level) == (uint32_t)name->level && h->zero == 0 &&
           digest128_equal(&h->content, &name->content) &&
           (uint64_t)st->st_size - sizeof(*h) == packed_len;
}

/* Reads the whole file with pread(): reading a mapping of a file that shrinks raises SIGBUS. */
static bool store_checksum_holds(const struct store *store, int fd, const struct header *h)
{
    struct digest128_state *state = digest128_new(&store->key);
    digest128_add(state, bytes_at(h, CHECKED));
    uint64_t left = le64toh(h->packed_len);
    off_t at = sizeof(*h);
    uint8_t block[65536]; /* stays in the second-level cache */
    while (left) {
        size_t n = left < sizeof(block) ? (size_t)left : sizeof(block);
        if (io_pread_full(fd, block, n, at) != (ssize_t)n)
            break;
        digest128_add(state, bytes_at(block, n));
        at += (off_t)n;
        left -= n;
    }
    struct digest128 got = digest128_end(state);
    digest128_free(state);
    return left == 0 && digest128_equal(&got, &h->checksum);
}

/* Sets the access time, unless that was done within the last hour. */
static void store_touch(struct store *store, int fd, const struct store_name *name,
                        struct stat *st)
{
    struct timespec now;
    if (store->read_only || clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
        return;
    time_t age = now.tv_sec - st->st_atim.tv_sec;
    /* Negative, if the clock was set back: then the old time means nothing. */
    if (age < STORE_TOUCH_SECONDS && age > -STORE_RECENT_SECONDS)
        return;
    struct stat after;
    if (futimens(fd, (struct timespec[]){{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}}) <
            0 ||
        fstat(fd, &after) < 0)
        return;
    /* futimens() changed the change time, but not the content. */
    struct store_identity was = store_identity_of(st), id = store_identity_of(&after);
    if (was.mtime_ns == id.mtime_ns && st->st_size == after.st_size)
        store_seen_add(&store->seen, name, &id);
}

/* Checks an open file and fills *ret except for its fd; false: the file is damaged. */
static bool store_examine(struct store *store, int fd, const struct store_name *name,
                          struct stored *ret)
{
    struct stat st;
    struct header h;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        st.st_size < (off_t)sizeof(h))
        return false;
    /* read(), not pread(): it leaves the offset where the packed bytes begin. */
    if (io_read_full(fd, &h, sizeof(h)) != (ssize_t)sizeof(h) ||
        !store_header_matches(&h, name, &st))
        return false;
    struct store_identity id = store_identity_of(&st);
    if (!store_seen_check(&store->seen, name, &id)) {
        if (!store_checksum_holds(store, fd, &h))
            return false;
        store_seen_add(&store->seen, name, &id);
    }
    store_touch(store, fd, name, &st);
    *ret = (struct stored){.fd = -1,
                           .offset = sizeof(h),
                           .packed_len = le64toh(h.packed_len),
                           .plain_len = le64toh(h.plain_len),
                           .plain_sha = h.plain_sha};
    return true;
}

/* Removes a file that is not the chunk of its name. If another process has just replaced it by
 * a good one, that one is lost, and the next get misses. */
static void store_drop_damaged(struct store *store, const char *path)
{
    store_count(&store->damaged);
    if (store->read_only)
        return;
    cleanup_fd int shard = store_shard(store, path);
    if (shard >= 0)
        unlinkat(shard, path + 3, 0);
}

/* Whether this error of open() says that the file is no chunk, rather than something about this
 * process or the moment. */
static bool store_is_foreign(int r)
{
    return r == -ELOOP || r == -EPERM || r == -EACCES || r == -ENXIO || r == -EIO;
}

static bool store_find(struct store *store, const struct store_name *name, struct stored *ret)
{
    char path[STORE_PATH_MAX];
    store_path(path, name);
    cleanup_fd int fd =
        io_open_beneath(store->chunks_fd, path, O_RDONLY | O_NOATIME | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 ? store_is_foreign(fd) : !store_examine(store, fd, name, ret)) {
        store_drop_damaged(store, path);
        return false;
    }
    if (fd < 0)
        return false;
    ret->fd = steal_fd(&fd);
    return true;
}

bool store_get(struct store *store, const struct store_name *name, struct stored *ret)
{
    struct store_name asked = store_normal_name(name);
    struct stored found;
    bool is_there = store->usable && store_find(store, &asked, &found);
    store_count(is_there ? &store->hits : &store->misses);
    if (is_there)
        *ret = found;
    return is_there;
}

/* ---- put ------------------------------------------------------------------------------ */

/* Opens the directory of the path; makes it if it is missing. */
static int store_have_shard(struct store *store, const char *path)
{
    int fd = store_shard(store, path);
    for (int tries = 0; fd == -ENOENT && tries < 2; tries++) {
        const char shard[] = {path[0], path[1], '\0'};
        if (mkdirat(store->chunks_fd, shard, 0700) < 0 && errno != EEXIST) {
            if (errno != ENOENT)
                return -errno;
            store_dir_heal(store);
        }
        fd = store_shard(store, path);
    }
    return fd;
}

static struct header store_make_header(const struct store *store, const struct store_name *name,
                                       struct bytes packed, uint64_t plain_len,
                                       const struct sha256 *plain_sha)
{
    struct header h = {.version = htole32(STORE_VERSION),
                       .codec = htole32((uint32_t)name->codec),
                       .level = htole32((uint32_t)name->level),
                       .packed_len = htole64(packed.len),
                       .plain_len = htole64(plain_len),
                       .content = name->content,
                       .plain_sha = *plain_sha};
    memcpy(h.magic, magic, sizeof(magic));
    struct digest128_state *state = digest128_new(&store->key);
    digest128_add(state, bytes_at(&h, CHECKED));
    digest128_add(state, packed);
    h.checksum = digest128_end(state);
    digest128_free(state);
    return h;
}

static int store_add(struct store *store, const struct store_name *name, struct bytes packed,
                     uint64_t plain_len, const struct sha256 *plain_sha)
{
    char path[STORE_PATH_MAX];
    store_path(path, name);
    uint64_t len = sizeof(struct header) + (uint64_t)packed.len;
    cleanup_fd int shard = store_have_shard(store, path);
    if (shard < 0)
        return shard;
    struct stat st;
    if (fstatat(shard, path + 3, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0; /* if it is damaged, the next get finds out */
    int r = store_make_room(store, len);
    if (r < 0)
        return r;
    struct header h = store_make_header(store, name, packed, plain_len, plain_sha);
    r = store_publish(store, shard, path + 3, bytes_at(&h, sizeof(h)), packed, false);
    if (r == 0) {
        store_count_put(store, len);
        store_count(&store->puts);
    }
    return r == -EEXIST ? 0 : r;
}

int store_put(struct store *store, const struct store_name *name, struct bytes packed,
              uint64_t plain_len, const struct sha256 *plain_sha)
{
    if (!store->usable)
        return -ENODEV;
    if (store->read_only)
        return -EROFS;
    struct store_name asked = store_normal_name(name);
    int r = store_add(store, &asked, packed, plain_len, plain_sha);
    if (r < 0)
        store_count(&store->put_failures);
    return r;
}

void store_stats(struct store *store, struct store_stats *ret)
{
    pthread_mutex_lock(&store->counting);
    *ret = (struct store_stats){.bytes = store->bytes, .n_chunks = store->n_chunks};
    pthread_mutex_unlock(&store->counting);
    ret->hits = atomic_load_explicit(&store->hits, memory_order_relaxed);
    ret->misses = atomic_load_explicit(&store->misses, memory_order_relaxed);
    ret->puts = atomic_load_explicit(&store->puts, memory_order_relaxed);
    ret->put_failures = atomic_load_explicit(&store->put_failures, memory_order_relaxed);
    ret->damaged = atomic_load_explicit(&store->damaged, memory_order_relaxed);
    ret->usable = store->usable;
}
