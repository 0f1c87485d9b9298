/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashes.db as a file. A new one is written under another name and then renamed, so that after
 * a kill, or to another process, it is either whole or missing. Setting one aside renames its
 * -wal before the file itself, because a new database would use a -wal that is left. The lock
 * on the directory makes sure that only one process at a time does such things.
 */
#include "db-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#define NAME "hashes.db"
#define NAME_NEW "hashes.db.new"
#define NAME_ASIDE "hashes.db.damaged-"

/* ---- the directory --------------------------------------------------------------------- */

/* It is a lock of flock(2), which ends with the process. */
static int db_lock_directory(int fd, const char *path, struct failure *f)
{
    const struct timespec tick = {.tv_nsec = 10000000};
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += 10) {
        if (errno == EINTR)
            continue;
        /* A network file system may have no locks. Then two processes may both make a new file,
         * and db_conn_moved() tells the one whose file was replaced. */
        if (errno != EWOULDBLOCK)
            return 0;
        if (waited_ms >= DB_BUSY_MS)
            return fail(f, -EBUSY, "another process keeps %s locked", QUOTE(bytes_of(path)));
        nanosleep(&tick, NULL);
    }
    return 0;
}

char *db_absolute(const char *path)
{
    cleanup_free char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *absolute;
    if (path[0] != '/' && !here)
        return NULL;
    if (asprintf(&absolute, "%s%s%s", here ? here : "", here ? "/" : "", path) < 0)
        return NULL;
    return absolute;
}

int db_directory_open(const char *path, struct failure *f)
{
    int r = io_make_directories(path);
    if (r < 0)
        return fail_errno(f, r, "can't make the directory %s", QUOTE(bytes_of(path)));
    cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_errno(f, -errno, "can't open the directory %s", QUOTE(bytes_of(path)));
    if (st.st_uid != geteuid())
        return fail(f, -EPERM, "%s belongs to user %u, not to us (user %u)",
                    QUOTE(bytes_of(path)), st.st_uid, geteuid());
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return fail(f, -EPERM, "others may write to %s; make it yours alone by chmod 700",
                    QUOTE(bytes_of(path)));
    r = db_lock_directory(fd, path, f);
    return r < 0 ? r : steal_fd(&fd);
}

/* ---- making ---------------------------------------------------------------------------- */

static int db_write_new(int dir_fd, const unsigned char *image, size_t len)
{
    /* A killed process may have left a file of this name, which others may have open. */
    if (unlinkat(dir_fd, NAME_NEW, 0) < 0 && errno != ENOENT)
        return -errno;
    cleanup_fd int fd =
        openat(dir_fd, NAME_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, 0600) < 0)
        return -errno;
    int r = io_write_full(fd, image, len);
    /* Without this, a crash of the machine could leave the name without the bytes. */
    if (r == 0 && fdatasync(fd) < 0)
        r = -errno;
    return r;
}

/* Makes hashes.db, of which there is none. */
static int db_make_new(int dir_fd, struct failure *f)
{
    static const char *const stray[] = {NAME "-wal", NAME "-shm", NAME "-journal"};
    unsigned char *image = NULL;
    size_t len = 0;
    int r = db_make_image(&image, &len, f);
    if (r < 0)
        return r;
    r = db_write_new(dir_fd, image, len);
    sqlite3_free(image);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(stray); i++)
        if (unlinkat(dir_fd, stray[i], 0) < 0 && errno != ENOENT)
            r = -errno;
    if (r == 0 && renameat(dir_fd, NAME_NEW, dir_fd, NAME) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(dir_fd, NAME_NEW, 0);
        return fail_errno(f, r, "can't make it");
    }
    return 0;
}

/* ---- setting aside --------------------------------------------------------------------- */

static void db_remove_older(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (bytes_starts(bytes_of(entry->d_name), BYTES(NAME_ASIDE)))
            unlinkat(dir_fd, entry->d_name, 0);
    closedir(dir);
}

int db_set_aside(int dir_fd, char ret_name[64], struct failure *f)
{
    /* The file itself comes last: as long as it has its name, no process makes a new one. */
    static const char *const suffixes[] = {"-wal", "-shm", "-journal", ""};
    time_t now = time(NULL);
    struct tm utc;
    char stamp[32] = "0";
    if (gmtime_r(&now, &utc))
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
    db_remove_older(dir_fd);
    snprintf(ret_name, 64, NAME_ASIDE "%s", stamp);
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        char from[64], to[128];
        snprintf(from, sizeof(from), NAME "%s", suffixes[i]);
        snprintf(to, sizeof(to), "%s%s", ret_name, suffixes[i]);
        if (renameat(dir_fd, from, dir_fd, to) < 0 && errno != ENOENT)
            return fail_errno(f, -errno, "can't rename it to %s", to);
    }
    return 0;
}

/* ---- opening --------------------------------------------------------------------------- */

/* Looks at the file before SQLite does. 0: it may be opened; -ENOENT; DB_FOREIGN: it belongs to
 * another user; -EUCLEAN: it is empty. */
static int db_file_look(int dir_fd, struct failure *f)
{
    struct stat st;
    if (fstatat(dir_fd, NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? -ENOENT : fail_errno(f, -errno, "can't look at it");
    if (!S_ISREG(st.st_mode))
        return fail(f, -EINVAL, "it is not a regular file; remove it");
    if (st.st_uid != geteuid())
        return fail(f, DB_FOREIGN, "it belongs to user %u", st.st_uid);
    /* SQLite accepts an empty file as a new database, but we never leave one. */
    return st.st_size == 0 ? fail(f, -EUCLEAN, "it is empty") : 0;
}

int db_files_open(int dir_fd, const char *directory, bool set_aside, struct notes *notes,
                  struct db_conn *writer, struct db_conn *reader, uint64_t *n_aside,
                  struct failure *f)
{
    char path[PATH_MAX + sizeof("/" NAME)];
    if (snprintf(path, sizeof(path), "%s/" NAME, directory) >= (int)sizeof(path))
        return fail(f, -ENAMETOOLONG, "%s: too long", QUOTE(bytes_of(directory)));
    /* A second try is enough: if the file that was just made can't be opened, no other can. */
    for (int tries = 0;; tries++) {
        struct failure why = {0};
        int r = db_file_look(dir_fd, &why);
        if (r == -ENOENT)
            r = db_make_new(dir_fd, &why);
        if (r == 0)
            r = db_connect(path, writer, reader, &why);
        if (r == 0)
            return 0;
        struct failure reason = why;
        char name[64];
        bool take_away = r == -EUCLEAN || (r == DB_FOREIGN && set_aside);
        if (take_away && tries == 0)
            take_away = db_set_aside(dir_fd, name, &why) == 0;
        if (!take_away || tries)
            return fail(f, r, "%s: %s", QUOTE(bytes_of(path)), why.text);
        ++*n_aside;
        notes_add(notes, NOTE_WARNING,
                  "the hash database %s can't be used: %s; it is kept as %s, and a new one is "
                  "made: files are hashed again",
                  QUOTE(bytes_of(path)), reason.text, name);
    }
}

uint64_t db_file_bytes(const char *directory)
{
    static const char *const names[] = {NAME, NAME "-wal"};
    cleanup_fd int dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    uint64_t sum = 0;
    struct stat st;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (dir_fd >= 0 && fstatat(dir_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            sum += (uint64_t)st.st_size;
    return sum;
}
