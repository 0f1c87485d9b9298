/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a chunk store, the names in it, and its new files, which are written without
 * a name and linked when they are whole. Only what this user put into the directory is
 * believed, and no link in it is followed.
 */
#include "store-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

/* Ten seconds: the pause between two tries to make a removed directory again. It may be removed
 * for good, and each chunk that is put would try. */
#define HEAL_PAUSE_NS 10000000000u

static const char *const suffixes[] = {
    [SEND_TAR] = ".tar", [SEND_GZIP] = ".gz-", [SEND_ZSTD] = ".zst-"};

void store_path(char path[STORE_PATH_MAX], const struct store_name *name)
{
    hex_text(path, name->content.at, 1);
    path[2] = '/';
    hex_text(path + 3, name->content.at, sizeof(name->content.at));
    char *end = path + 3 + 2 * sizeof(name->content.at);
    size_t room = (size_t)(path + STORE_PATH_MAX - end);
    if (name->codec == SEND_TAR)
        snprintf(end, room, "%s", suffixes[SEND_TAR]);
    else
        snprintf(end, room, "%s%d", suffixes[name->codec], name->level);
}

bool store_parse_name(struct bytes name, struct store_name *ret)
{
    struct store_name out = {.codec = SEND_TAR};
    size_t n = sizeof(out.content.at);
    if (name.len < 2 * n || !hex_bytes(bytes_head(name, 2 * n), out.content.at))
        return false;
    struct bytes rest = bytes_from(name, 2 * n);
    for (size_t codec = 0; codec < ARRAY_SIZE(suffixes); codec++) {
        struct bytes suffix = bytes_of(suffixes[codec]);
        if (!bytes_starts(rest, suffix))
            continue;
        struct bytes digits = bytes_from(rest, suffix.len);
        uint64_t level = 0;
        if (codec == SEND_TAR ? digits.len != 0
                              : number_parse(digits, &level) < 0 || level > INT8_MAX)
            return false;
        out.codec = (enum send_codec)codec;
        out.level = (int)level;
        *ret = out;
        return true;
    }
    return false;
}

int store_shard(const struct store *store, const char *path)
{
    const char shard[] = {path[0], path[1], '\0'};
    int fd = openat(store->chunks_fd, shard, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* ---- new files ------------------------------------------------------------------------ */

static int store_write_parts(int fd, struct bytes head, struct bytes body, bool synced)
{
    int r = io_write_full(fd, head.at, head.len);
    if (r == 0)
        r = io_write_full(fd, body.at, body.len);
    return r == 0 && synced && fsync(fd) < 0 ? -errno : r;
}

/* -EOPNOTSUPP: the file system or the process's /proc doesn't allow it. */
static int store_publish_unnamed(int dir_fd, const char *name, struct bytes head,
                                 struct bytes body, bool synced)
{
    cleanup_fd int fd = openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EISDIR || errno == EINVAL ? -EOPNOTSUPP : -errno;
    int r = store_write_parts(fd, head, body, synced);
    if (r < 0)
        return r;
    /* AT_EMPTY_PATH would need a capability. */
    char self[32];
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, self, dir_fd, name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    r = -errno;
    return r == -ENOENT && access(self, F_OK) < 0 ? -EOPNOTSUPP : r;
}

/* Uses a temporary name. A crash may leave it behind; the sweep removes it. */
static int store_publish_named(int dir_fd, const char *name, struct bytes head,
                               struct bytes body, bool synced)
{
    uint8_t random[8];
    char temp[sizeof(STORE_TEMP) + 2 * sizeof(random)] = STORE_TEMP;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    hex_text(temp + strlen(STORE_TEMP), random, sizeof(random));
    int fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = store_write_parts(fd, head, body, synced);
    /* Network file systems report a full disk only here. */
    if (close(fd) < 0 && r == 0)
        r = -errno;
    /* Not rename(), which would replace the key of another process. */
    if (r == 0 && linkat(dir_fd, temp, dir_fd, name, 0) < 0) {
        r = -errno;
        if ((r == -EPERM || r == -EOPNOTSUPP) &&
            renameat2(dir_fd, temp, dir_fd, name, RENAME_NOREPLACE) == 0)
            return 0;
    }
    unlinkat(dir_fd, temp, 0);
    return r;
}

int store_publish(struct store *store, int dir_fd, const char *name, struct bytes head,
                  struct bytes body, bool synced)
{
    if (!atomic_load_explicit(&store->no_tmpfile, memory_order_relaxed)) {
        int r = store_publish_unnamed(dir_fd, name, head, body, synced);
        if (r != -EOPNOTSUPP)
            return r;
        atomic_store_explicit(&store->no_tmpfile, true, memory_order_relaxed);
    }
    return store_publish_named(dir_fd, name, head, body, synced);
}

/* ---- the directory -------------------------------------------------------------------- */

/* 0 if the directory is this user's and no other may enter it. `path` is for messages. */
static int store_check_directory(int fd, const char *path, struct failure *f)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fail_errno(f, -errno, "can't use %s", QUOTE(bytes_of(path)));
    if (st.st_uid != geteuid())
        return fail(f, -EPERM, "%s belongs to user %u; remove it or name another directory",
                    QUOTE(bytes_of(path)), (unsigned)st.st_uid);
    if (st.st_mode & 077)
        return fail(f, -EPERM, "others may enter %s; chmod 700 it if nobody else wrote there",
                    QUOTE(bytes_of(path)));
    return 0;
}

static int store_open_directory(int at_fd, const char *name, const char *path,
                                struct failure *f)
{
    cleanup_fd int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR)
        return fail(f, -ENOTDIR, "%s is a link or a file; name a directory itself",
                    QUOTE(bytes_of(path)));
    if (fd < 0)
        return fail_errno(f, -errno, "can't open %s", QUOTE(bytes_of(path)));
    int r = store_check_directory(fd, path, f);
    return r < 0 ? r : steal_fd(&fd);
}

static int store_open_both(const struct store *store, int *ret_dir, int *ret_chunks,
                           struct failure *f)
{
    if (!store->read_only) {
        int r = io_make_directories(store->directory);
        if (r < 0)
            return fail_errno(f, r, "can't make %s", QUOTE(bytes_of(store->directory)));
    }
    cleanup_fd int dir = store_open_directory(AT_FDCWD, store->directory, store->directory, f);
    if (dir < 0)
        return dir;
    if (!store->read_only && mkdirat(dir, "chunks", 0700) < 0 && errno != EEXIST)
        return fail_errno(f, -errno, "can't make chunks in %s",
                          QUOTE(bytes_of(store->directory)));
    int chunks = store_open_directory(dir, "chunks", "chunks", f);
    if (chunks < 0)
        return fail_wrap(f, chunks, "in %s", QUOTE(bytes_of(store->directory)));
    *ret_dir = steal_fd(&dir);
    *ret_chunks = chunks;
    return 0;
}

/* ---- the key -------------------------------------------------------------------------- */

/* 0; -ENOENT: there is none; -EBADMSG: the file, with inode *ret_ino, can't be ours; -errno. */
static int store_read_key(int dir_fd, struct digest_key *ret, ino_t *ret_ino)
{
    cleanup_fd int fd =
        openat(dir_fd, "key", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno != ELOOP && errno != EACCES && errno != ENXIO)
        return -errno;
    if (fstatat(dir_fd, "key", &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    *ret_ino = st.st_ino;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -EBADMSG;
    struct digest_key key;
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) ||
        st.st_size != (off_t)sizeof(key) || st.st_ino != *ret_ino ||
        io_read_full(fd, &key, sizeof(key)) != (ssize_t)sizeof(key))
        return -EBADMSG;
    *ret = key;
    return 0;
}

/* Removes the key with that inode, unless another process has replaced it already. */
static int store_remove_bad_key(int dir_fd, ino_t bad)
{
    struct stat st;
    if (fstatat(dir_fd, "key", &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != bad)
        return 0;
    return unlinkat(dir_fd, "key", 0) < 0 && errno != ENOENT ? -errno : 0;
}

/*
 * Reads the key that all processes of the user share, or makes it: the first process to link
 * one wins. Only the key is synced, once in the life of the store, because after a loss of
 * power it might consist of zeros, which others would guess.
 */
static int store_have_key(struct store *store, struct notes *notes, struct failure *f)
{
    struct bytes fresh = bytes_at(store->key.secret, sizeof(store->key.secret));
    int r = 0;
    for (int tries = 0; tries < 8; tries++) {
        ino_t ino = 0;
        r = store_read_key(store->dir_fd, &store->key, &ino);
        if (r == 0 || store->read_only)
            break;
        if (r == -EBADMSG) {
            r = store_remove_bad_key(store->dir_fd, ino);
            if (r < 0)
                break;
            notes_add(notes, NOTE_WARNING,
                      "the key in %s is not one; it is replaced, and all chunks with it",
                      QUOTE(bytes_of(store->directory)));
        } else if (r != -ENOENT) {
            break;
        }
        r = store_publish(store, store->dir_fd, "key", fresh, BYTES(""), true);
        if (r < 0 && r != -EEXIST)
            break;
    }
    return r < 0 ? fail_errno(f, r, "can't have a key in %s", QUOTE(bytes_of(store->directory)))
                 : 0;
}

int store_dir_open(struct store *store, struct notes *notes, struct failure *f)
{
    int r = store_open_both(store, &store->dir_fd, &store->chunks_fd, f);
    return r < 0 ? r : store_have_key(store, notes, f);
}

/*
 * Uses dup3(), so that the next call of another thread finds the new directory at the old
 * descriptor. If another process has made a key of its own meanwhile, we keep ours: the chunks
 * of the two have different names.
 */
static void store_heal__with_lock(struct store *store)
{
    struct stat st;
    if (fstat(store->chunks_fd, &st) < 0 || st.st_nlink > 0)
        return; /* nothing was removed, or another thread has repaired it */
    int dir = -1, chunks = -1;
    if (store_open_both(store, &dir, &chunks, NULL) < 0)
        return;
    struct bytes key = bytes_at(store->key.secret, sizeof(store->key.secret));
    int r = store_publish(store, dir, "key", key, BYTES(""), true);
    if (r == 0 || r == -EEXIST) {
        dup3(dir, store->dir_fd, O_CLOEXEC);
        dup3(chunks, store->chunks_fd, O_CLOEXEC);
    }
    close(dir);
    close(chunks);
}

void store_dir_heal(struct store *store)
{
    pthread_mutex_lock(&store->healing);
    uint64_t now = clock_now_ns();
    if (now >= store->next_heal_ns) {
        store_heal__with_lock(store);
        store->next_heal_ns = now + HEAL_PAUSE_NS;
    }
    pthread_mutex_unlock(&store->healing);
}
