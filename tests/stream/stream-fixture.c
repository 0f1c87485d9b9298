/* SPDX-License-Identifier: Apache-2.0 */
#include "stream-fixture.h"

#include "scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct fixture setup(void)
{
    struct fixture x = {.path = "/tmp/ctxd-stream-XXXXXX"};
    scratch_make(x.path);
    x.root = open(x.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return x;
}

void teardown(struct fixture *x)
{
    close(x->root);
    scratch_remove(x->path);
}

void put(const struct fixture *x, const char *path, const void *at, size_t len)
{
    cleanup_fd int fd = openat(x->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || io_write_full(fd, at, len) < 0)
        abort();
}

void put_text(const struct fixture *x, const char *path, const char *text)
{
    put(x, path, text, strlen(text));
}

void sent_release(struct sent *s)
{
    buf_release(&s->bytes);
}
int ask_tree(const struct fixture *x, size_t threads, struct asked *ret, struct failure *f)
{
    struct control_request from = {.root_fd = x->root, .root_name = BYTES(".")};
    *ret = (struct asked){.pool = pool_new(threads)};
    int r = control_load(&from, &ret->notes, &ret->control, f);
    if (r == 0)
        r = dockerfile_load(ret->control.dockerfile_name, ret->control.dockerfile, &ret->df, f);
    ret->request = (struct send_request){.root_fd = x->root,
                                         .root_name = BYTES("."),
                                         .control = &ret->control,
                                         .dockerfile = ret->df,
                                         .level = 1,
                                         .out_fd = -1,
                                         .pool = ret->pool};
    return r;
}

void asked_release(struct asked *asked)
{
    dockerfile_free(asked->df);
    control_release(&asked->control);
    notes_release(&asked->notes);
    pool_free(asked->pool);
}

struct sent send_tree(const struct fixture *x, size_t threads, enum send_codec codec,
                      void (*change)(struct send_request *))
{
    struct sent s = {.bytes = BUF(SIZE_MAX / 2)};
    cleanup_fd int out = memfd_create("stream", MFD_CLOEXEC);
    struct asked asked;
    s.result = ask_tree(x, threads, &asked, &s.failure);
    asked.request.codec = codec;
    asked.request.out_fd = out;
    if (s.result == 0 && change)
        change(&asked.request);
    if (s.result == 0)
        s.result = send_run(&asked.request, NULL, &asked.notes, &s.stats, &s.failure);
    s.n_notes = asked.notes.n;
    if (lseek(out, 0, SEEK_SET) < 0 || io_read_rest(out, &s.bytes) < 0)
        abort();
    asked_release(&asked);
    return s;
}

struct bytes header_path(const struct buf *tar, size_t n, uint8_t *ret_type)
{
    for (size_t at = 0; at + USTAR_BLOCK <= tar->len;) {
        const uint8_t *block = tar->at + at;
        uint64_t size = 0;
        for (size_t i = 0; i < 11; i++)
            size = size * 8 + (uint64_t)(block[124 + i] - '0');
        if (n-- == 0) {
            *ret_type = block[156];
            return bytes_of((const char *)block);
        }
        at += USTAR_BLOCK + size + ustar_padding(size);
    }
    *ret_type = 0;
    return BYTES("");
}

bool has_path(const struct buf *tar, const char *path)
{
    uint8_t type = 1;
    for (size_t n = 0; type; n++)
        if (bytes_equal(header_path(tar, n, &type), bytes_of(path)) && type)
            return true;
    return false;
}

struct bytes last_path(const struct buf *tar)
{
    uint8_t type;
    struct bytes last = BYTES("");
    for (size_t n = 0;; n++) {
        struct bytes path = header_path(tar, n, &type);
        if (!type || !path.len)
            return last;
        last = path;
    }
}

void put_tree(const struct fixture *x)
{
    static uint8_t large[3000001];
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (uint8_t)(i * 7 + i / 1000);
    put_text(x, "Dockerfile", "FROM scratch\nCOPY src /src\nCOPY big /\n");
    if (mkdirat(x->root, "src", 0755) < 0)
        abort();
    put(x, "big", large, sizeof(large));
    for (size_t i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof(name), "src/file-%zu", i);
        put(x, name, large, i * 37);
    }
    put_text(x, "unread", "no instruction reads this");
    if (linkat(x->root, "src/file-7", x->root, "src/hard", 0) < 0 ||
        symlinkat("file-9", x->root, "src/soft") < 0)
        abort();
}
