/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk store: its limits, full disks, killed writers, and many at once. */
#include "scratch.h"
#include "store-fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- limits ----------------------------------------------------------------------------- */

static void test_last_use(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    struct stat was = {0}, is = {0};
    char path[PATH_ROOM];
    path_of(&x, 1, path);
    tap_case("a use is written down once an hour, and does not look like a change");
    TAP_CHECK(put_chunk(store, 1, 100) == 0);
    static const struct {
        time_t age;
        bool written;
    } ages[] = {{3700, true}, {3000, false}, {30 * 86400, true}, {-7200, true}, {-20, false}};
    for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
        set_age(&x, 1, ages[i].age);
        TAP_CHECK(stat(path, &was) == 0 && get_chunk(store, 1, 100) == RIGHT &&
                  stat(path, &is) == 0);
        time_t moved = is.st_atim.tv_sec - was.st_atim.tv_sec;
        TAP_CHECKF((moved != 0) == ages[i].written &&
                       (!ages[i].written || (moved >= ages[i].age && moved < ages[i].age + 60)),
                   "age %ld moved %ld", (long)ages[i].age, (long)moved);
        TAP_CHECK(is.st_mtim.tv_nsec == was.st_mtim.tv_nsec);
        struct store_name name = name_of(1);
        struct store_identity id = {
            .ino = is.st_ino,
            .mtime_ns = (int64_t)is.st_mtim.tv_sec * 1000000000 + is.st_mtim.tv_nsec,
            .ctime_ns = (int64_t)is.st_ctim.tv_sec * 1000000000 + is.st_ctim.tv_nsec};
        TAP_CHECK(store_seen_check(&store->seen, &name, &id));
    }
    store_close(store);
    teardown(&x);
}

/* n chunks of 3 pages; the i-th was used (i * 7 % n + 2) hours ago. */
static void put_aged(const struct fixture *x, size_t n)
{
    struct store *store = open_store(x, &roomy, false);
    for (size_t i = 0; i < n; i++) {
        TAP_CHECK(put_chunk(store, i, 8192) == 0);
        set_age(x, i, (time_t)(i * 7 % n + 2) * 3600);
    }
    store_close(store);
}

static void test_sweep(void)
{
    struct fixture x = setup();
    enum { N = 20, SIZE = 12288 };
    tap_case("a sweep by size removes the longest unused, and no more than it must");
    put_aged(&x, N);
    for (size_t keep = N + 1; keep-- > 0; keep -= keep > 4 ? 4 : 0) {
        struct store *store =
            open_store(&x, &(struct store_limits){keep * SIZE + 100, 86400}, false);
        uint64_t freed = store_sweep(store);
        TAP_CHECKF(freed % SIZE == 0, "%ju bytes", (uintmax_t)freed);
        for (size_t i = 0; i < N; i++)
            TAP_CHECKF(is_there(&x, i) == (i * 7 % N < keep), "chunk %zu of %zu kept", i, keep);
        struct store_stats stats = stats_of(store);
        TAP_CHECK(stats.n_chunks == keep && stats.bytes == keep * SIZE);
        store_close(store);
    }
    tap_case("a sweep by age removes what was unused for longer, whatever its size");
    put_aged(&x, N);
    struct store *store =
        open_store(&x, &(struct store_limits){1ull << 40, 9 * 3600 + 1800}, false);
    TAP_CHECK(store_sweep(store) == (N - 8) * SIZE);
    for (size_t i = 0; i < N; i++)
        TAP_CHECK(is_there(&x, i) == (i * 7 % N + 2 < 10));
    store_close(store);

    tap_case("what was used in the last minute stays: put, got here, or written down");
    store = open_store(&x, &(struct store_limits){0, 0}, false);
    scratch_remove(x.path);
    store_close(store);
    put_aged(&x, 4);
    store = open_store(&x, &(struct store_limits){5 * SIZE, 0}, false);
    TAP_CHECK(put_chunk(store, 10, 8192) == 0); /* sweeps, as nothing was counted yet */
    TAP_CHECK(is_there(&x, 10) && !is_there(&x, 0));
    store_close(store);
    put_aged(&x, 4);
    store = open_store(&x, &(struct store_limits){SIZE, 86400}, false);
    TAP_CHECK(get_chunk(store, 2, 8192) == RIGHT);
    set_age(&x, 2, 7200);
    set_age(&x, 3, 30);
    TAP_CHECK(store_sweep(store) == 2 * SIZE);
    TAP_CHECK(!is_there(&x, 0) && !is_there(&x, 1) && is_there(&x, 2) && is_there(&x, 3) &&
              is_there(&x, 10));

    tap_case(
        "times in the future go first by size, and never by age; by a little, they are now");
    set_age(&x, 10, -86400);
    store_close(store);
    set_age(&x, 3, -20);
    store = open_store(&x, &(struct store_limits){1 << 20, 3600}, false);
    TAP_CHECK(store_sweep(store) == SIZE && is_there(&x, 10) && is_there(&x, 3));
    store_close(store);
    store = open_store(&x, &(struct store_limits){SIZE, 3600}, false);
    TAP_CHECK(store_sweep(store) == SIZE && !is_there(&x, 10) && is_there(&x, 3));
    store_close(store);
    teardown(&x);
}

static void test_put_limits(void)
{
    struct fixture x = setup();
    enum { SIZE = 12288 };
    put_aged(&x, 90);
    tap_case("a put that would pass the limit sweeps first, and then has room for more");
    struct store *store = open_store(&x, &(struct store_limits){100 * SIZE, 30 * 86400}, false);
    size_t n = 90;
    while (n < 100)
        TAP_CHECK(put_chunk(store, n++, 8192) == 0);
    TAP_CHECK(stats_of(store).bytes == 100 * SIZE);
    TAP_CHECK(put_chunk(store, n, 8192) == -EDQUOT); /* the first put swept just now */
    atomic_store(&store->next_sweep_ns, 0);
    TAP_CHECK(put_chunk(store, n, 8192) == 0 && is_there(&x, n));
    TAP_CHECK(count_files(&x, "") == 1 + 87 && stats_of(store).n_chunks == 87);
    TAP_CHECK(stats_of(store).put_failures == 1);

    tap_case("a put that finds only what was used just now keeps nothing");
    for (size_t i = 0; i <= n; i++)
        set_age(&x, i, 1);
    int r = 0;
    while ((r = put_chunk(store, ++n, 8192)) == 0 && n < 200)
        ;
    atomic_store(&store->next_sweep_ns, 0);
    TAP_CHECK(r == -EDQUOT && put_chunk(store, n, 8192) == -EDQUOT);
    TAP_CHECK(stats_of(store).bytes == 100 * SIZE && count_files(&x, "") == 101);

    tap_case("a chunk larger than all the room is refused");
    store_close(store);
    store = open_store(&x, &(struct store_limits){SIZE, 86400}, false);
    TAP_CHECK(put_chunk(store, 500, 16384) == -EFBIG);
    store_close(store);
    teardown(&x);
}

static void test_temp(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    tap_case("unfinished files go when they are old, others of unknown names with their age");
    TAP_CHECK(put_chunk(store, 1, 100) == 0);
    char path[PATH_ROOM], shard[PATH_ROOM];
    path_of(&x, 1, path);
    snprintf(shard, sizeof(shard), "%.*s", (int)(strrchr(path, '/') - path), path);
    static const struct {
        const char *name;
        time_t age;
        bool top, stays;
    } files[] = {{".tmp-1", 3000, false, true},    {".tmp-2", 3700, false, false},
                 {".tmp-3", 3000, true, true},     {".tmp-4", 3700, true, false},
                 {"hashes.db", 1e8, true, true},   {"unknown", 8 * 86400, false, false},
                 {"newer", 6 * 86400, false, true}};
    for (int swept = 0; swept < 2; swept++) {
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
            snprintf(path, sizeof(path), "%.100s/%s", files[i].top ? x.path : shard,
                     files[i].name);
            if (swept) {
                TAP_CHECKF((access(path, F_OK) == 0) == files[i].stays, "%s", files[i].name);
                continue;
            }
            close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
            struct timespec then;
            clock_gettime(CLOCK_REALTIME, &then);
            then.tv_sec -= files[i].age;
            TAP_CHECK(utimensat(AT_FDCWD, path, (struct timespec[]){then, then}, 0) == 0);
        }
        if (!swept)
            store_sweep(store);
    }
    TAP_CHECK(get_chunk(store, 1, 100) == RIGHT);
    store_close(store);
    teardown(&x);
}

/* ---- accidents -------------------------------------------------------------------------- */

/* In a process and mount namespace of its own. */
static void fill_tmpfs(void *context)
{
    struct fixture *x = context;
    int bad = 0;
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", x->top, "tmpfs", 0, "size=1m,nr_inodes=600,mode=0700") < 0)
        _exit(77);
    for (int named = 0; named < 2; named++) {
        struct store *store = open_store(x, &roomy, false);
        store->no_tmpfile = named;
        size_t n = 0, refusals = 0;
        for (size_t i = 0; i < 40; i++) {
            int r = put_chunk(store, i, 50000);
            bad += !TAP_CHECKF(r == 0 || r == -ENOSPC, "put gives %d", r);
            n += r == 0, refusals += r < 0;
        }
        bad += !TAP_CHECKF(n > 10 && refusals > 10 && count_files(x, "") == n + 1,
                           "%zu put, %zu refused, %zu files", n, refusals, count_files(x, ""));
        for (size_t i = 0; i < 40; i++)
            bad += !TAP_CHECK(get_chunk(store, i, 50000) == (is_there(x, i) ? RIGHT : MISSED));
        bad += !TAP_CHECK(stats_of(store).damaged == 0 &&
                          stats_of(store).put_failures == refusals);
        scratch_remove(x->path);
        store_close(store);
    }
    /* Not one inode more. */
    struct store *store = open_store(x, &roomy, false);
    int r = 0;
    for (size_t i = 0; i < 1000 && r == 0; i++)
        r = put_chunk(store, i, 10);
    bad += !TAP_CHECKF(r == -ENOSPC && count_files(x, STORE_TEMP) == 0, "put gives %d", r);
    fflush(NULL);
    _exit(bad != 0);
}

static void test_disk_full(void)
{
    struct fixture x = setup();
    tap_case(
        "a full disk refuses puts, leaves nothing half there, and what was there is right");
    pid_t pid = start(fill_tmpfs, &x);
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        tap_skip("may not mount");
    else
        TAP_CHECK(status == 0);
    teardown(&x);
}

struct writer {
    const struct fixture *x;
    int tick_fd; /* a byte for each put */
    bool named;  /* as on a file system without O_TMPFILE */
    bool dies;   /* by a signal, in the middle of writing a file */
};

enum { KILLED_CHUNKS = 40, KILLED_LEN = 200000 };

static void put_for_ever(void *context)
{
    struct writer *writer = context;
    struct store *store = open_store(writer->x, &roomy, false);
    store->no_tmpfile = writer->named;
    if (writer->dies) {
        signal(SIGXFSZ, SIG_DFL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){KILLED_LEN / 2, KILLED_LEN / 2});
    }
    for (size_t i = 0;; i++) {
        if (write(writer->tick_fd, "", 1) != 1)
            _exit(1);
        put_chunk(store, i % KILLED_CHUNKS, KILLED_LEN);
        if (i % 7 == 6) {
            char path[PATH_ROOM];
            path_of(writer->x, (i - 5) % KILLED_CHUNKS, path);
            unlink(path);
        }
    }
}

static void test_killed(void)
{
    struct fixture x = setup();
    tap_case("a writer killed 50 times leaves whole chunks and old unfinished files only");
    size_t n_right = 0, n_temp = 0;
    for (size_t round = 0; round < 50; round++) {
        int ticks[2];
        if (pipe2(ticks, O_CLOEXEC) < 0)
            abort();
        struct writer writer = {
            .x = &x, .tick_fd = ticks[1], .named = round % 2, .dies = round < 2};
        pid_t pid = start(put_for_ever, &writer);
        close(ticks[1]);
        uint8_t got[64];
        ssize_t n = io_read_full(ticks[0], got, 1 + round);
        TAP_CHECK(writer.dies || n == (ssize_t)(1 + round));
        /* At some moment of the 300 us that a put takes. */
        for (uint64_t end = clock_now_ns() + round * 37 % 50 * 6000; clock_now_ns() < end;)
            ;
        if (!writer.dies)
            kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(ticks[0]);
        struct store *store = open_store(&x, &roomy, false);
        TAP_CHECK(store->usable);
        for (size_t i = 0; i < KILLED_CHUNKS; i++) {
            enum got is = get_chunk(store, i, KILLED_LEN);
            TAP_CHECK(is == (is_there(&x, i) ? RIGHT : MISSED));
            n_right += is == RIGHT;
        }
        TAP_CHECK(stats_of(store).damaged == 0);
        size_t temps = count_files(&x, STORE_TEMP);
        TAP_CHECKF(writer.named ? temps >= n_temp : temps == n_temp, "%zu unfinished", temps);
        n_temp = temps;
        store_close(store);
    }
    TAP_CHECKF(n_right > 500 && n_temp > 0, "%zu right, %zu unfinished", n_right, n_temp);
    struct store *store = open_store(&x, &roomy, false);
    char shard[PATH_ROOM];
    for (unsigned i = 0; i < 256; i++) {
        snprintf(shard, sizeof(shard), "%s/chunks/%02x", x.path, i);
        DIR *dir = opendir(shard);
        for (const struct dirent *d; dir && (d = readdir(dir));)
            if (bytes_starts(bytes_of(d->d_name), BYTES(STORE_TEMP)))
                utimensat(dirfd(dir), d->d_name, (struct timespec[2]){{0}, {0}}, 0);
        if (dir)
            closedir(dir);
    }
    store_sweep(store);
    TAP_CHECK(count_files(&x, STORE_TEMP) == 0);
    store_close(store);
    teardown(&x);
}

/* ---- many at once ----------------------------------------------------------------------- */

enum { BUSY_CHUNKS = 120, BUSY_LEN = 9000, BUSY_STEPS = 1500 };

struct busy {
    const struct fixture *x;
    struct store *store;
    uint64_t random;
    size_t wrong, right;
};

static void *be_busy(void *context)
{
    struct busy *busy = context;
    for (size_t step = 0; step < BUSY_STEPS; step++) {
        busy->random = busy->random * 6364136223846793005u + 1442695040888963407u;
        size_t i = (size_t)(busy->random >> 33) % BUSY_CHUNKS;
        unsigned what = (unsigned)(busy->random >> 58);
        int r = 0;
        if (what < 20) {
            r = put_chunk(busy->store, i, BUSY_LEN);
        } else if (what < 44) {
            enum got got = get_chunk(busy->store, i, BUSY_LEN);
            busy->wrong += got == WRONG;
            busy->right += got == RIGHT;
        } else if (what < 56) {
            set_age(busy->x, i, (time_t)(i + 1) * 3600);
        } else if (what < 62) {
            char path[PATH_ROOM];
            path_of(busy->x, i, path);
            unlink(path);
        } else {
            store_sweep(busy->store);
        }
        busy->wrong += r < 0 && r != -EDQUOT;
    }
    return NULL;
}

static void run_busy(void *context)
{
    const struct fixture *x = context;
    /* Half of them fit. */
    struct store *store =
        open_store(x, &(struct store_limits){BUSY_CHUNKS / 2 * 12288, 80 * 3600}, false);
    struct busy busy[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        busy[i] = (struct busy){.x = x, .store = store, .random = (uint64_t)getpid() * 8 + i};
        if (pthread_create(&threads[i], NULL, be_busy, &busy[i]) != 0)
            _exit(1);
    }
    size_t wrong = 0, right = 0;
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        wrong += busy[i].wrong, right += busy[i].right;
    }
    struct store_stats stats = stats_of(store);
    bool well = wrong == 0 && right > 100 && stats.damaged == 0 && stats.puts > 100 &&
                stats.hits == right;
    if (!well)
        printf("# %zu wrong, %zu right, %ju damaged, %ju puts\n", wrong, right,
               (uintmax_t)stats.damaged, (uintmax_t)stats.puts);
    store_close(store);
    fflush(NULL);
    if (!well)
        _exit(1);
}

static void test_at_once(void)
{
    struct fixture x = setup();
    tap_case(
        "four threads in each of two processes put, get, age and sweep without a wrong byte");
    pid_t other = start(run_busy, &x), one = start(run_busy, &x);
    TAP_CHECK(ended_well(one));
    TAP_CHECK(ended_well(other));
    TAP_CHECK(count_files(&x, STORE_TEMP) == 0);
    struct store *store = open_store(&x, &roomy, false);
    for (size_t i = 0; i < BUSY_CHUNKS; i++)
        TAP_CHECK(get_chunk(store, i, BUSY_LEN) == (is_there(&x, i) ? RIGHT : MISSED));
    store_close(store);
    teardown(&x);
}

int main(void)
{
    test_last_use();
    test_sweep();
    test_put_limits();
    test_temp();
    test_disk_full();
    test_killed();
    test_at_once();
    return tap_end();
}
