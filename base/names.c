/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "arena.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An entry of getdents64(2); glibc has no type for it. */
struct linux_dirent {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

static int names_fill(int fd, struct names *names)
{
    _Alignas(struct linux_dirent) uint8_t block[32768];
    for (;;) {
        long n = syscall(SYS_getdents64, fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        for (long i = 0; i < n;) {
            const struct linux_dirent *entry = (const void *)(block + i);
            i += entry->len;
            size_t len = strlen(entry->name);
            if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
                continue;
            if (names->n == names->cap) {
                names->cap = names->cap ? names->cap * 2 : 64;
                names->at = xrealloc(names->at, names->cap * sizeof(*names->at));
            }
            names->at[names->n++] = (struct name){
                .at = (uint32_t)names->bytes.len, .len = (uint16_t)len, .type = entry->type};
            int r = buf_add(&names->bytes, entry->name, len + 1);
            if (r < 0)
                return r;
        }
    }
}

static int names_compare(const void *a, const void *b, void *bytes)
{
    const struct name *x = a, *y = b;
    const uint8_t *base = bytes;
    return bytes_compare(bytes_at(base + x->at, x->len), bytes_at(base + y->at, y->len));
}

/* A name that is removed and made again while the directory is read may appear twice: POSIX
 * allows it, and tmpfs and btrfs do it. */
static void names_drop_repeated(struct names *names)
{
    size_t n = names->n ? 1 : 0;
    for (size_t i = 1; i < names->n; i++)
        if (names_compare(&names->at[n - 1], &names->at[i], names->bytes.at) != 0)
            names->at[n++] = names->at[i];
    names->n = n;
}

int names_read(int fd, struct names *names)
{
    int r = names_fill(fd, names);
    if (r < 0)
        return r;
    if (names->n)
        qsort_r(names->at, names->n, sizeof(*names->at), names_compare, names->bytes.at);
    names_drop_repeated(names);
    return r;
}

struct bytes names_at(const struct names *names, size_t i)
{
    return bytes_at(names->bytes.at + names->at[i].at, names->at[i].len);
}

void names_release(struct names *names)
{
    free(names->at);
    buf_release(&names->bytes);
}
