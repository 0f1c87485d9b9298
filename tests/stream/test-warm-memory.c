/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon remembers of files: it forgets what events report as changed, and can't be
 * fooled by contents that were made up to have the same hash. */
#include "warm-world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* ---- writes that leave no other stat ---------------------------------------------------- */

/* Makes directories so deep that their path can't be opened; or removes them again. */
static void deep(int fd, int levels, bool make)
{
    char name[201];
    memset(name, 'x', 200);
    name[200] = '\0';
    if (levels == 0)
        return;
    if (make && mkdirat(fd, name, 0755) < 0)
        abort();
    cleanup_fd int below = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    deep(below, levels - 1, make);
    if (!make && unlinkat(fd, name, AT_REMOVEDIR) < 0)
        abort();
}

/* Whether the database has a wrong hash for d0/f1.txt and its stat. put: stores one. */
static bool knows_wrongly(const struct world *w, bool put)
{
    struct stat st, root;
    const struct content_hash wrong = {.xxh = digest128(BYTES("wrong"))};
    struct content_hash known;
    if (fstatat(w->root, "d0/f1.txt", &st, 0) < 0 || fstat(w->root, &root) < 0)
        abort();
    struct stat_identity id = stat_identity(&st);
    int64_t tree = hashdb_tree(w->hashes, bytes_of(w->path), root.st_dev, root.st_ino);
    if (put)
        hashdb_put(w->hashes, tree, &id, &wrong);
    return hashdb_get(w->hashes, tree, &id, &known) && digest128_equal(&known.xxh, &wrong.xxh);
}

static void contents_are_remembered(void)
{
    struct world w = world_new();
    struct failure f = {0};
    struct ask ask;
    struct send_stats stats;
    random_state = 13;
    view = 0;
    tap_case("an answer that fails forgets nothing of what it was told");
    if (mkdirat(w.root, "d0", 0755) < 0 || mkdirat(w.root, "d1", 0755) < 0)
        abort();
    write_file(&w, "d0/f1.txt", 100);
    /* Two chunks end between the file and d1. So it is read again only if its own change was
     * remembered. */
    for (unsigned i = 0, ended = 0; ended < 2; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d0/g%06u", i);
        ended += (bytes_hash(bytes_of(name)) & 63) == 0;
        write_file(&w, name, 1);
    }
    open_warm(&w);
    TAP_CHECK(ask_begin(&w, &ask));
    cleanup_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    cleanup_fd int fd = openat(w.root, "d1", O_PATH | O_DIRECTORY | O_CLOEXEC);
    ask.request.out_fd = null;
    TAP_CHECK(send_run(&ask.request, w.warm, NULL, &stats, &f) == 0);
    TAP_CHECK(knows_wrongly(&w, true));
    tell(TELL_CONTENT, "d0/f1.txt");
    tell(TELL_BELOW, "d1");
    deep(fd, 25, true);
    TAP_CHECK(send_run(&ask.request, w.warm, NULL, &stats, &f) == -ENAMETOOLONG);
    deep(fd, 25, false);
    TAP_CHECK(send_run(&ask.request, w.warm, NULL, &stats, &f) == 0);
    TAP_CHECK(!knows_wrongly(&w, false));
    tap_case("... nor does an audit");
    TAP_CHECK(knows_wrongly(&w, true));
    tell(TELL_CONTENT, "d0/f1.txt");
    uint64_t missed = 0;
    TAP_CHECKF(warm_audit(w.warm, w.pool, &missed, &f) == 0, "%s", f.text);
    TAP_CHECK(!knows_wrongly(&w, false));
    dockerfile_free(ask.df);
    view = -1;
    close_warm(&w);
    world_end(&w);
}

/* ---- bytes that were made up to look like others ---------------------------------------- */

/*
 * If the low half of a lane is that of XXH3's secret (which is public), its product is 0, and
 * the other half is added to another lane: so two such lanes may change places.
 */
static const uint8_t secret_low[3][4] = {[1] = {0x7c, 0x01, 0x81, 0x2c}, /* by stripe */
                                         [2] = {0xde, 0xd4, 0x6d, 0xe9}};

/* Puts two texts of 4 bytes into the first lanes of two stripes. at: the offset of `text` in
 * the bytes that are hashed. */
static void make_up(uint8_t *text, size_t at, const char *first, const char *second)
{
    for (size_t stripe = 1; stripe <= 2; stripe++) {
        memcpy(text + stripe * 64 - at, secret_low[stripe], 4);
        memcpy(text + stripe * 64 - at + 4, stripe == 1 ? first : second, 4);
    }
}

static void write_bytes(const struct world *w, const char *path, const uint8_t *at, size_t len)
{
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || io_write_full(fd, at, len) < 0)
        abort();
}

static bool same_stream(struct world *w, const struct ask *ask)
{
    cleanup_buf struct buf cold = BUF(SIZE_MAX / 2), warm = BUF(SIZE_MAX / 2);
    struct send_stats stats;
    return send_to_memory(&ask->request, w->warm, &warm, &stats) == 0 &&
           send_to_memory(&ask->request, NULL, &cold, &stats) == 0 &&
           bytes_equal(buf_bytes(&cold), buf_bytes(&warm));
}

/* What is hashed before the text of an ignore file: its length of 8 bytes, after three flags
 * and theirs. */
enum { BEFORE_IGNORE = 8 + 3 + 8 };

/* Whether two texts have the same hash without a key, after the same bytes. */
static bool collide_after(size_t before, struct bytes a, struct bytes b)
{
    uint8_t at[1024] = {0};
    memcpy(at + before, a.at, a.len);
    struct digest128 of_a = digest128(bytes_at(at, before + a.len));
    memcpy(at + before, b.at, b.len);
    struct digest128 of_b = digest128(bytes_at(at, before + b.len));
    return digest128_equal(&of_a, &of_b);
}

static void made_up_bytes(void)
{
    struct world w = world_new();
    struct ask ask;
    uint8_t a[512], b[512];
    random_state = 17;
    view = 0;
    open_warm(&w);
    TAP_CHECK(ask_begin(&w, &ask));
    ask.request.mtime = SEND_MTIME_FIXED;

    tap_case("a file whose hash was made to be another's is not taken for it");
    memset(a, 'x', sizeof(a));
    memcpy(b, a, sizeof(a));
    make_up(a, 0, "good", "evil");
    make_up(b, 0, "evil", "good");
    TAP_CHECK(collide_after(0, bytes_at(a, sizeof(a)), bytes_at(b, sizeof(b))));
    write_bytes(&w, "f", a, sizeof(a));
    tell(TELL_CONTENT, "f");
    TAP_CHECK(same_stream(&w, &ask) && same_stream(&w, &ask));
    write_bytes(&w, "f", b, sizeof(b));
    tell(TELL_CONTENT, "f");
    TAP_CHECK(same_stream(&w, &ask) && same_stream(&w, &ask));

    tap_case("... nor is an ignore file");
    if (mkdirat(w.root, "d", 0755) < 0)
        abort();
    tell(TELL_BELOW, "d");
    memset(a, '#', sizeof(a));
    memcpy(b, a, sizeof(a));
    make_up(a, BEFORE_IGNORE, "\nd\n#", "\n!d\n");
    make_up(b, BEFORE_IGNORE, "\n!d\n", "\nd\n#");
    TAP_CHECK(collide_after(BEFORE_IGNORE, bytes_at(a, sizeof(a)), bytes_at(b, sizeof(b))));
    ask.control.ignore = bytes_at(a, sizeof(a));
    TAP_CHECK(same_stream(&w, &ask));
    ask.control.ignore = bytes_at(b, sizeof(b));
    TAP_CHECK(same_stream(&w, &ask));
    dockerfile_free(ask.df);
    view = -1;
    close_warm(&w);
    world_end(&w);
}

int main(void)
{
    contents_are_remembered();
    made_up_bytes();
    return tap_end();
}
