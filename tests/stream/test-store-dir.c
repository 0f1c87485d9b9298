/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of the chunk store: its key, the names in it, and new files. */
#include "scratch.h"
#include "store-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void test_names(void)
{
    tap_case("a chunk's file name says which it is, and other names say nothing");
    for (size_t i = 0; i < 300; i++) {
        char path[STORE_PATH_MAX];
        struct store_name name = name_of(i), back;
        name.level = name.codec == SEND_TAR ? 0 : (int)(i % 20);
        store_path(path, &name);
        TAP_CHECK(path[0] == path[3] && path[1] == path[4] && path[2] == '/');
        TAP_CHECK(store_parse_name(bytes_of(path + 3), &back) && back.codec == name.codec &&
                  back.level == name.level && digest128_equal(&back.content, &name.content));
        TAP_CHECK(!store_parse_name(bytes_head(bytes_of(path + 3), 35), &back));
    }
    static const char *const others[] = {"",
                                         "key",
                                         ".tmp-0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef.tar1",
                                         "0123456789abcdef0123456789abcdef.gz-",
                                         "0123456789abcdef0123456789abcdef.gz-x",
                                         "0123456789abcdef0123456789abcdef.zst-128",
                                         "0123456789abcdef0123456789abcdeg.tar",
                                         "0123456789ABCDEF0123456789abcdef.tar"};
    struct store_name name;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        TAP_CHECKF(!store_parse_name(bytes_of(others[i]), &name), "%s", others[i]);
}

static void test_publish(void)
{
    struct fixture x = setup();
    struct store *store = open_store(&x, &roomy, false);
    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    for (int named = 0; named < 2; named++) {
        tap_case("a new file is whole or not there, and never takes another's place%s",
                 named ? ", without O_TMPFILE" : "");
        store->no_tmpfile = named;
        const char *file = named ? "b" : "a";
        cleanup_buf struct buf text = BUF(100);
        TAP_CHECK(store_publish(store, store->dir_fd, file, BYTES("one"), BYTES("1"), false) ==
                  0);
        TAP_CHECK(store_publish(store, store->dir_fd, file, BYTES("two"), BYTES(""), true) ==
                  -EEXIST);
        TAP_CHECK(io_read_file(store->dir_fd, file, &text) == 0);
        TAP_EQUAL(buf_bytes(&text), BYTES("one1"));
        TAP_CHECK(store_publish(store, store->dir_fd, name, BYTES("one"), BYTES(""), false) ==
                  -ENAMETOOLONG);
        TAP_CHECK(count_files(&x, STORE_TEMP) == 0 && store->no_tmpfile == named);
    }
    store_close(store);
    teardown(&x);
}

struct race {
    const struct fixture *x;
    int go_fd, key_fd;
};

static void open_at_once(void *context)
{
    struct race *race = context;
    char c;
    if (read(race->go_fd, &c, 1) != 0)
        _exit(1);
    struct store *store = open_store(race->x, &roomy, false);
    if (!store->usable || io_write_full(race->key_fd, store_key(store)->secret, 192) < 0)
        _exit(1);
    store_close(store);
}

static void test_key_race(void)
{
    tap_case("processes that make the store at once agree on its key");
    for (size_t round = 0; round < 40; round++) {
        struct fixture x = setup();
        int go[2], keys[2];
        if (pipe2(go, O_CLOEXEC) < 0 || pipe2(keys, O_CLOEXEC) < 0)
            abort();
        struct race race = {.x = &x, .go_fd = go[0], .key_fd = keys[1]};
        pid_t pids[4];
        for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
            fflush(NULL);
            pids[i] = fork();
            if (pids[i] == 0) {
                close(go[1]);
                open_at_once(&race);
                _exit(0);
            }
        }
        close(go[1]);
        close(keys[1]);
        uint8_t got[4][192];
        for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
            TAP_CHECK(ended_well(pids[i]));
        TAP_CHECK(io_read_full(keys[0], got, sizeof(got)) == (ssize_t)sizeof(got));
        for (size_t i = 1; i < 4; i++)
            TAP_EQUAL(bytes_at(got[i], 192), bytes_at(got[0], 192));
        TAP_CHECK(count_files(&x, "") == 1);
        close(go[0]), close(keys[0]);
        teardown(&x);
    }
}

/* Whether the store can't be used, and its only note contains the word. */
static bool refused(const struct fixture *x, const char *word)
{
    cleanup_notes struct notes notes = {0};
    struct store *store;
    store_open(x->path, &roomy, false, &notes, &store);
    bool unusable = !store->usable && put_chunk(store, 1, 10) == -ENODEV &&
                    get_chunk(store, 1, 10) == MISSED && store_sweep(store) == 0 &&
                    notes.n == 1 && strstr((const char *)notes.at[0].text.at, word);
    if (!unusable && notes.n)
        printf("# %s\n", (const char *)notes.at[0].text.at);
    store_close(store);
    return unusable;
}

static void test_directory(void)
{
    struct fixture x = setup();
    char other[PATH_ROOM], chunks[PATH_ROOM];
    store_close(open_store(&x, &roomy, false));
    snprintf(other, sizeof(other), "%s/other", x.top);
    snprintf(chunks, sizeof(chunks), "%s/chunks", x.path);

    tap_case("a directory that others may enter is refused");
    static const mode_t modes[] = {0710, 0701, 0750, 0770, 0707, 0777};
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        TAP_CHECK(chmod(x.path, modes[i]) == 0 && refused(&x, "chmod 700"));
    TAP_CHECK(chmod(x.path, 0700) == 0 && chmod(chunks, 0770) == 0 &&
              refused(&x, "chmod 700") && chmod(chunks, 0700) == 0);

    tap_case("a link is refused, at the end of the path and for chunks/");
    TAP_CHECK(rename(chunks, other) == 0 && symlink(other, chunks) == 0 &&
              refused(&x, "link") && unlink(chunks) == 0 && rename(other, chunks) == 0);
    TAP_CHECK(rename(x.path, other) == 0 && symlink(other, x.path) == 0 && refused(&x, "link"));
    struct fixture slash = x;
    strncat(slash.path, "//", 3);
    TAP_CHECK(refused(&slash, "link"));
    TAP_CHECK(unlink(x.path) == 0 && rename(other, x.path) == 0);

    tap_case("a file and a place that can't be written to are refused");
    struct fixture file = x;
    snprintf(file.path, sizeof(file.path), "%s/file", x.top);
    close(open(file.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    TAP_CHECK(refused(&file, "file"));
    strncat(file.path, "/below", 7);
    TAP_CHECK(refused(&file, "can't make"));
    snprintf(file.path, sizeof(file.path), "/proc/ctxd");
    TAP_CHECK(refused(&file, "can't make"));

    tap_case("another user's directory is refused");
    if (geteuid() != 0)
        tap_skip("not root");
    else
        TAP_CHECK(chown(x.path, 12345, 0) == 0 && refused(&x, "12345") &&
                  chown(x.path, 0, 0) == 0 && chown(chunks, 12345, 0) == 0 &&
                  refused(&x, "12345") && chown(chunks, 0, 0) == 0);

    tap_case("and afterwards it is used as before");
    struct store *store = open_store(&x, &roomy, false);
    TAP_CHECK(store->usable && put_chunk(store, 1, 10) == 0);

    tap_case("a directory that is removed in use is made anew, with the same key");
    scratch_remove(x.path);
    TAP_CHECK(get_chunk(store, 1, 10) == MISSED);
    TAP_CHECK(put_chunk(store, 1, 10) == 0 && get_chunk(store, 1, 10) == RIGHT &&
              is_there(&x, 1));
    struct store *second = open_store(&x, &roomy, false);
    TAP_CHECK(get_chunk(second, 1, 10) == RIGHT);
    store_close(second);
    scratch_remove(x.path);
    TAP_CHECK(put_chunk(store, 1, 10) == -ENOENT); /* it was healed just now */
    store->next_heal_ns = 0;
    TAP_CHECK(put_chunk(store, 1, 10) == 0 && is_there(&x, 1));
    store_close(store);
    teardown(&x);
}

static void test_bad_key(void)
{
    struct fixture x = setup();
    char key[PATH_ROOM];
    snprintf(key, sizeof(key), "%s/key", x.path);
    tap_case(
        "a key that is short, long, readable by others or a link is replaced, with a word");
    for (size_t i = 0; i < 5; i++) {
        struct store *store = open_store(&x, &roomy, false);
        struct digest_key was = *store_key(store);
        TAP_CHECK(put_chunk(store, i, 10) == 0);
        store_close(store);
        char other[PATH_ROOM];
        snprintf(other, sizeof(other), "%s/other", x.top);
        bool done = i == 0   ? truncate(key, 191) == 0
                    : i == 1 ? truncate(key, 193) == 0
                    : i == 2 ? truncate(key, 0) == 0
                    : i == 3 ? chmod(key, 0640) == 0
                             : rename(key, other) == 0 && symlink(other, key) == 0;
        TAP_CHECK(done);
        cleanup_notes struct notes notes = {0};
        store_open(x.path, &roomy, false, &notes, &store);
        TAP_CHECKF(store->usable && notes.n == 1, "%zu: %zu notes", i, notes.n);
        TAP_CHECK(memcmp(&was, store_key(store), sizeof(was)) != 0);
        TAP_CHECK(get_chunk(store, i, 10) == MISSED && stats_of(store).damaged == 1);
        store_close(store);
    }
    tap_case("a key that can't be replaced leaves the store unused");
    struct store *store = open_store(&x, &roomy, false);
    TAP_CHECK(put_chunk(store, 1, 10) == 0);
    store_close(store);
    TAP_CHECK(unlink(key) == 0 && mkdir(key, 0700) == 0 && refused(&x, "key") &&
              is_there(&x, 1));
    teardown(&x);
}

int main(void)
{
    test_names();
    test_publish();
    test_key_race();
    test_directory();
    test_bad_key();
    return tap_end();
}
