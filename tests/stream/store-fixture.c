/* SPDX-License-Identifier: Apache-2.0 */
#include "store-fixture.h"
#include "scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

const struct store_limits roomy = {1ull << 30, 7 * 86400};

struct fixture setup(void)
{
    struct fixture x = {.top = "/tmp/ctxd-store-XXXXXX"};
    scratch_make(x.top);
    snprintf(x.path, sizeof(x.path), "%s/a/store", x.top);
    return x;
}

void teardown(struct fixture *x)
{
    scratch_remove(x->top);
}

struct store *open_store(const struct fixture *x, const struct store_limits *limits,
                         bool read_only)
{
    struct store *store;
    store_open(x->path, limits, read_only, NULL, &store);
    return store;
}

struct store_name name_of(size_t i)
{
    static const struct {
        enum send_codec codec;
        int level;
    } kinds[] = {{SEND_TAR, 0}, {SEND_GZIP, 1}, {SEND_ZSTD, 19}};
    return (struct store_name){.content = digest128(bytes_at(&i, sizeof(i))),
                               .codec = kinds[i % 3].codec,
                               .level = kinds[i % 3].level};
}

struct bytes content_of(size_t i, size_t len)
{
    static _Thread_local uint64_t room[1 << 15];
    uint64_t x = i * 0x9e3779b97f4a7c15u + 1;
    for (size_t k = 0; k < (len + 7) / 8; k++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        room[k] = x;
    }
    return bytes_at(room, len);
}

int put_chunk(struct store *store, size_t i, size_t len)
{
    struct store_name name = name_of(i);
    struct bytes b = content_of(i, len);
    struct sha256 sha = {{(uint8_t)i, 7}};
    return store_put(store, &name, b, name.codec == SEND_TAR ? len : len * 3, &sha);
}

bool is_content(int fd, size_t i, size_t len)
{
    static _Thread_local uint8_t got[1 << 18];
    ssize_t n = io_read_full(fd, got, sizeof(got));
    return n >= 0 && bytes_equal(bytes_at(got, (size_t)n), content_of(i, len));
}

enum got get_chunk(struct store *store, size_t i, size_t len)
{
    struct store_name name = name_of(i);
    struct stored s;
    if (!store_get(store, &name, &s))
        return MISSED;
    cleanup_fd int fd = s.fd;
    return s.packed_len == len && s.plain_len == (name.codec == SEND_TAR ? len : len * 3) &&
                   s.plain_sha.at[0] == (uint8_t)i && s.plain_sha.at[1] == 7 &&
                   lseek(fd, 0, SEEK_CUR) == (off_t)s.offset && is_content(fd, i, len)
               ? RIGHT
               : WRONG;
}

void path_of(const struct fixture *x, size_t i, char path[PATH_ROOM])
{
    char below[STORE_PATH_MAX];
    struct store_name name = name_of(i);
    store_path(below, &name);
    snprintf(path, PATH_ROOM, "%s/chunks/%s", x->path, below);
}

bool is_there(const struct fixture *x, size_t i)
{
    char path[PATH_ROOM];
    struct stat st;
    path_of(x, i, path);
    return lstat(path, &st) == 0;
}

void set_age(const struct fixture *x, size_t i, time_t seconds)
{
    char path[PATH_ROOM];
    path_of(x, i, path);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    utimensat(AT_FDCWD, path,
              (struct timespec[]){{.tv_sec = now.tv_sec - seconds}, {.tv_nsec = UTIME_OMIT}},
              0);
}

struct store_stats stats_of(struct store *store)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats;
}

static const char *counted_prefix;
static size_t counted;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    if (type == FTW_F)
        counted += bytes_starts(bytes_of(path + at->base), bytes_of(counted_prefix));
    return 0;
}

size_t count_files(const struct fixture *x, const char *prefix)
{
    counted = 0;
    counted_prefix = prefix;
    nftw(x->path, count_one, 16, FTW_PHYS);
    return counted;
}

pid_t start(void (*run)(void *context), void *context)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        run(context);
        _exit(0);
    }
    return pid;
}

bool ended_well(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool damage(const char *path, off_t at)
{
    cleanup_fd int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    uint8_t byte;
    if (fd < 0 || fstat(fd, &st) < 0 || pread(fd, &byte, 1, at) != 1)
        return false;
    byte ^= 0x10;
    return pwrite(fd, &byte, 1, at) == 1 &&
           futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}) == 0;
}
