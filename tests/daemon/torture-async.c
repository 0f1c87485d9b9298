/* SPDX-License-Identifier: Apache-2.0 */
/* Writes of the torture that a process hands to the kernel: by io_uring, which raises events,
 * and by io_submit(2), which raises none until the descriptor is closed. */
#include "torture-priv.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

bool write_submitted(int fd, off_t at, const void *bytes, size_t len)
{
    aio_context_t context = 0;
    struct iocb block = {.aio_lio_opcode = IOCB_CMD_PWRITE,
                         .aio_fildes = (uint32_t)fd,
                         .aio_buf = (uintptr_t)bytes,
                         .aio_nbytes = len,
                         .aio_offset = at};
    struct iocb *blocks[] = {&block};
    struct io_event done = {0};
    if (syscall(SYS_io_setup, 1, &context) < 0)
        return false;
    bool ok = syscall(SYS_io_submit, context, 1, blocks) == 1 &&
              syscall(SYS_io_getevents, context, 1, 1, &done, NULL) == 1 &&
              done.res == (int64_t)len;
    syscall(SYS_io_destroy, context);
    return ok;
}

/* A ring for one write. */
static bool uring_write(int ring, const struct io_uring_params *p, int fd, const void *bytes,
                        size_t len)
{
    size_t ring_len = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
    size_t entries_len = p->sq_entries * sizeof(struct io_uring_sqe);
    uint8_t *at = mmap(NULL, ring_len, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
                       (off_t)IORING_OFF_SQ_RING);
    struct io_uring_sqe *entries = mmap(NULL, entries_len, PROT_READ | PROT_WRITE, MAP_SHARED,
                                        ring, (off_t)IORING_OFF_SQES);
    bool ok = at != MAP_FAILED && entries != MAP_FAILED;
    if (ok) {
        entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_WRITE,
                                           .fd = fd,
                                           .addr = (uintptr_t)bytes,
                                           .len = (uint32_t)len};
        memset(at + p->sq_off.array, 0, sizeof(uint32_t));
        __atomic_store_n((uint32_t *)(void *)(at + p->sq_off.tail), 1, __ATOMIC_RELEASE);
        ok = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1;
    }
    if (at != MAP_FAILED)
        munmap(at, ring_len);
    if (entries != MAP_FAILED)
        munmap(entries, entries_len);
    return ok;
}

bool do_uring(struct world *w)
{
    char path[128];
    struct stat st;
    struct io_uring_params p = {0};
    if (!random_file(w, path, &st) || st.st_size == 0)
        return false;
    /* Often forbidden in containers. */
    cleanup_fd int ring = (int)syscall(SYS_io_uring_setup, 1, &p);
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_CLOEXEC);
    char text[16];
    snprintf(text, sizeof(text), "%08x", below(UINT32_MAX));
    size_t len = st.st_size < 8 ? (size_t)st.st_size : 8;
    if (ring < 0 || fd < 0 || !uring_write(ring, &p, fd, text, len))
        return false;
    tell_done(w, "write to %s by io_uring", path);
    return true;
}
