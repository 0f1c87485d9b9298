/* SPDX-License-Identifier: Apache-2.0 */
#include "warm-world.h"

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

uint64_t random_state = 1;

uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % n;
}

/* ---- a tree and its watch ------------------------------------------------------------ */

static void on_enter(void *watch, int fd, struct bytes path)
{
    struct world *w = watch;
    (void)fd, (void)path;
    __atomic_fetch_add(&w->n_entered, 1, __ATOMIC_RELAXED);
}

static void on_leave(void *watch, struct bytes path)
{
    struct world *w = watch;
    (void)path;
    w->n_left++;
}

/* Changes since the last drain, which adds them to its set. */
struct telling {
    enum telling_what what;
    char path[256];
};
static struct telling tellings[64];
static size_t n_tellings;
static pthread_mutex_t tellings_lock = PTHREAD_MUTEX_INITIALIZER; /* a learner drains, too */

void tell(enum telling_what what, const char *path)
{
    pthread_mutex_lock(&tellings_lock);
    tellings[n_tellings].what = what;
    snprintf(tellings[n_tellings].path, sizeof(tellings->path), "%s", path);
    n_tellings++;
    pthread_mutex_unlock(&tellings_lock);
}

static const char *late;
static int late_drains; /* how many drains it is kept from */

void tell_late(const char *path)
{
    late = path;
    late_drains = 1;
}

void tell_nothing(void)
{
    n_tellings = 0;
}

static bool drain(void *watch, struct dirty *dirty)
{
    struct world *w = watch;
    if (late && late_drains-- == 0)
        tell(TELL_STAT, steal(&late));
    pthread_mutex_lock(&tellings_lock);
    for (size_t i = 0; i < n_tellings; i++) {
        struct bytes path = bytes_of(tellings[i].path);
        if (tellings[i].what == TELL_BELOW)
            dirty_below(dirty, path);
        else
            dirty_entry(dirty, path, tellings[i].what == TELL_CONTENT);
        /* As the watcher does, because the name may be one that no view sees. */
        struct stat st;
        if (fstatat(w->root, tellings[i].path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            !S_ISDIR(st.st_mode) && st.st_nlink > 1)
            dirty_inode(dirty, st.st_dev, st.st_ino);
    }
    n_tellings = 0;
    pthread_mutex_unlock(&tellings_lock);
    bool told = !w->lost;
    w->lost = false;
    return told;
}

void open_warm(struct world *w)
{
    struct notes notes = {0};
    struct store_limits limits = {.max_bytes = 1u << 30, .max_age_seconds = 3600};
    store_open(w->store_path, &limits, false, &notes, &w->store);
    hashdb_open(w->db_path, &notes, &w->hashes);
    w->watch = (struct tree_watch){w, on_enter, on_leave};
    struct warm_setup setup = {.root_fd = w->root,
                               .root_name = bytes_of(w->path),
                               .store = w->store,
                               .hashes = w->hashes,
                               .watch = &w->watch,
                               .drain = drain};
    w->warm = warm_new(&setup);
    for (size_t i = 0; i < notes.n; i++)
        printf("# %.*s\n", BYTES_ARG(notes.at[i].text));
    notes_release(&notes);
}

void close_warm(struct world *w)
{
    warm_free(w->warm);
    hashdb_close(w->hashes);
    store_close(w->store);
    n_tellings = 0;
    w->lost = false;
}

/* Writes a manifest, by chance with a change that the recipe shows. */
static size_t write_manifest(struct bytes name, char text[static 256])
{
    unsigned version = random_below(4), dependency = random_below(4);
    int n = 0;
    if (bytes_equal(name, BYTES("package.json")))
        n = snprintf(text, 256,
                     "{\"version\": \"1.0.%u\", \"dependencies\": {\"a\": \"%u\"}}\n", version,
                     dependency);
    else if (bytes_equal(name, BYTES("requirements.txt")))
        n = snprintf(text, 256, "# %u\na==1.%u\n", version, dependency);
    else if (bytes_equal(name, BYTES("go.mod")))
        n = snprintf(text, 256, "module m // %u\nrequire example.com/a v1.0.%u\n", version,
                     dependency);
    return (size_t)n;
}

void write_file(const struct world *w, const char *path, size_t len)
{
    cleanup_fd int fd = openat(w->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cleanup_free uint8_t *bytes = xmalloc(len + 1);
    char manifest[256];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)('a' + (i * 7 + random_state) % 23);
    size_t n = write_manifest(path_name(bytes_of(path)), manifest);
    if (n) {
        free(bytes);
        bytes = xmalloc(n);
        memcpy(bytes, manifest, len = n);
    }
    if (fd >= 0 && io_write_full(fd, bytes, len) < 0)
        abort();
}

static const char *const dockerfiles[] = {
    "FROM scratch\nCOPY . /\n",
    "FROM scratch\nCOPY d0 /x\nCOPY *.txt /y/\n",
    "FROM scratch\nCOPY --from=other / /\nCOPY d1/d0 /z\nADD d2 /w\n",
    "FROM scratch\nCOPY d1 d2 /x/\n",
    "FROM scratch\nCOPY .ctx/go/root /r\nCOPY d1 /x\n",
    "FROM scratch\nCOPY .ctx /r\nCOPY . /x\n",
};
static const char *const ignores[] = {"", "*.log\n**/d1\n!**/keep.txt\n", "d2\n!d2/f1.txt\n"};

struct world world_new(void)
{
    struct world w = {.path = "/tmp/ctxd-warm-XXXXXX",
                      .store_path = "/tmp/ctxd-warm-XXXXXX",
                      .db_path = "/tmp/ctxd-warm-XXXXXX"};
    scratch_make(w.path);
    scratch_make(w.store_path);
    scratch_make(w.db_path);
    w.root = open(w.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    w.pool = pool_new(2);
    write_file(&w, "go.mod", 0);
    return w;
}

void world_end(struct world *w)
{
    close(w->root);
    pool_free(w->pool);
    scratch_remove(w->path);
    scratch_remove(w->store_path);
    scratch_remove(w->db_path);
}

/* ---- answers --------------------------------------------------------------------------- */

int view = -1;

bool ask_begin(struct world *w, struct ask *ask)
{
    struct failure f = {0};
    size_t given = (size_t)view;
    const char *text = dockerfiles[view < 0 ? random_below(ARRAY_SIZE(dockerfiles)) : given];
    const char *ignore = ignores[view < 0 ? random_below(ARRAY_SIZE(ignores)) : given];
    *ask = (struct ask){.control = {.dockerfile_name = BYTES("Dockerfile"),
                                    .ignore_name = BYTES(".dockerignore"),
                                    .has_ignore = true}};
    ask->control.dockerfile = bytes_of(text);
    ask->control.ignore = bytes_of(ignore);
    if (dockerfile_parse(BYTES("Dockerfile"), bytes_of(text), &ask->df, &f) < 0)
        return TAP_CHECKF(false, "%s", f.text);
    ask->request = (struct send_request){.root_fd = w->root,
                                         .root_name = bytes_of(w->path),
                                         .control = &ask->control,
                                         .dockerfile = ask->df,
                                         .codec = (enum send_codec)random_below(3),
                                         .level = 1,
                                         .full = view < 0 && random_below(8) == 0,
                                         .recipe = view < 0 && random_below(3) == 0,
                                         .learn_max = random_below(3),
                                         .pool = w->pool};
    if (random_below(6) == 0)
        ask->request.mtime = SEND_MTIME_FIXED;
    return true;
}

int send_to_memory(const struct send_request *from, struct warm *warm, struct buf *out,
                   struct send_stats *stats)
{
    struct send_request request = *from;
    struct failure f = {0};
    cleanup_fd int fd = memfd_create("stream", MFD_CLOEXEC);
    request.out_fd = fd;
    int r = send_run(&request, warm, NULL, stats, &f);
    if (!TAP_CHECKF(r == 0, "%s", f.text))
        return r;
    return lseek(fd, 0, SEEK_SET) < 0 ? -errno : io_read_rest(fd, out);
}

static bool same_counts(const struct send_stats *a, const struct send_stats *b)
{
    return a->n_files == b->n_files && a->n_dirs == b->n_dirs && a->n_links == b->n_links &&
           a->n_hardlinks == b->n_hardlinks && a->n_skipped == b->n_skipped &&
           a->content_bytes == b->content_bytes && a->tar_bytes == b->tar_bytes;
}

static bool pulled_is(struct world *w, const struct ask *ask, const struct buf *want)
{
    struct failure f = {0};
    struct body *body;
    if (!TAP_CHECKF(body_open(&ask->request, w->warm, NULL, &body, &f) == 0, "%s", f.text))
        return false;
    cleanup_buf struct buf got = BUF(SIZE_MAX / 2);
    uint8_t block[70000];
    ssize_t n;
    while ((n = body_read(body, block, sizeof(block), &f)) > 0)
        if (buf_add(&got, block, (size_t)n) < 0)
            abort();
    bool ok = TAP_CHECKF(n == 0, "%s", f.text);
    ok &= TAP_CHECK(body_length(body) == want->len);
    ok &= TAP_CHECK(bytes_equal(buf_bytes(&got), buf_bytes(want)));
    body_free(body);
    return ok;
}

static bool same_digest(struct world *w, const struct ask *ask)
{
    struct digest_answer cold, warm;
    struct failure f = {0};
    if (!TAP_CHECKF(digest_run(&ask->request, NULL, true, NULL, &cold, &f) == 0, "%s",
                    f.text) ||
        !TAP_CHECKF(digest_run(&ask->request, w->warm, true, NULL, &warm, &f) == 0, "%s",
                    f.text))
        return false;
    bool ok = TAP_CHECK(sha256_equal(&cold.sha, &warm.sha)) &&
              TAP_CHECK(cold.n_files == warm.n_files && cold.bytes == warm.bytes);
    for (size_t i = 0; i < cold.n_lines; i++)
        ok &= TAP_CHECK(sha256_equal(&cold.lines[i].sha, &warm.lines[i].sha));
    digest_release(&cold);
    digest_release(&warm);
    return ok;
}

static bool learns(struct world *w, const struct ask *ask)
{
    struct failure f = {0};
    return TAP_CHECKF(learn_run(&ask->request, w->warm, &f) == 0, "%s", f.text);
}

bool answers_agree(struct world *w)
{
    struct ask ask;
    if (!ask_begin(w, &ask))
        return false;
    cleanup_buf struct buf cold = BUF(SIZE_MAX / 2), warm = BUF(SIZE_MAX / 2);
    struct send_stats cold_stats = {0}, warm_stats = {0};
    bool ok = send_to_memory(&ask.request, w->warm, &warm, &warm_stats) == 0 &&
              send_to_memory(&ask.request, NULL, &cold, &cold_stats) == 0;
    ok = ok && TAP_CHECKF(bytes_equal(buf_bytes(&cold), buf_bytes(&warm)),
                          "%zu bytes warm, %zu cold", warm.len, cold.len);
    ok = ok && TAP_CHECK(same_counts(&cold_stats, &warm_stats));
    if (ok && warm_stats.n_unlearnt && random_below(2) == 0)
        ok = learns(w, &ask);
    if (ok && random_below(4) == 0)
        ok = pulled_is(w, &ask, &cold);
    if (ok && random_below(4) == 0)
        ok = same_digest(w, &ask);
    dockerfile_free(ask.df);
    return ok;
}
