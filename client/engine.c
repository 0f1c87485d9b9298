/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include "base-config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

/* Images asked for at once. A Dockerfile with more external bases is not a real one. */
#define IMAGES_MAX 64

/*
 * Tells whether a name has only the bytes that a registry allows in a reference. Anything else
 * could lead to another path of the engine's API. Source: distribution/reference.
 */
static bool engine_is_image_name(struct bytes name)
{
    if (name.len == 0 || name.len > 512 || name.at[0] == '-' || name.at[0] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == 0 || !strchr("._-/:@+", c)))
            return false;
        if (c == '.' && i > 0 && name.at[i - 1] == '.')
            return false;
    }
    return true;
}

/*
 * Finds the helper: beside this program (in a build directory), or where it is installed. The
 * kernel tells the path of this program. PATH and argv[0] are not used, because the caller of
 * the program chooses them.
 */
static int engine_find_helper(char path[PATH_MAX])
{
    static const char *const places[] = {"/ctx-engine-config",
                                         "/../libexec/ctxd/ctx-engine-config"};
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    struct bytes dir = len > 0 ? path_dir(bytes_at(self, (size_t)len)) : BYTES("");
    for (size_t i = 0; len > 0 && i < ARRAY_SIZE(places); i++) {
        int n = snprintf(path, PATH_MAX, "%.*s%s", BYTES_ARG(dir), places[i]);
        if (n > 0 && n < PATH_MAX && access(path, X_OK) == 0)
            return 0;
    }
    snprintf(path, PATH_MAX, "%s", CTXD_LIBEXECDIR "/ctx-engine-config");
    return access(path, X_OK) == 0 ? 0 : -errno;
}

/* Starts the helper. *ret_out is the read end of its standard output. 0 or -errno. */
static int engine_start_helper(char **words, pid_t *ret_pid, int *ret_out)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    cleanup_fd int read_end = ends[0], write_end = ends[1];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE); /* ignored by us, and the helper would inherit that */
    int r = posix_spawn_file_actions_init(&actions);
    if (r != 0)
        return -r;
    r = posix_spawnattr_init(&attributes);
    if (r != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -r;
    }
    /* Standard input may be the Dockerfile, which the helper must not read. */
    r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    r = r ? r : posix_spawn_file_actions_adddup2(&actions, write_end, 1);
    r = r ? r : posix_spawnattr_setsigdefault(&attributes, &defaults);
    r = r ? r : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    r = r ? r : posix_spawn(ret_pid, words[0], &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (r != 0)
        return -r;
    *ret_out = steal_fd(&read_end);
    return 0;
}

/* Reads to the end of the file. 0, -ETIMEDOUT at the deadline, -E2BIG or -errno of read. */
static int engine_read_until(int fd, uint64_t deadline_ns, struct buf *into)
{
    for (;;) {
        uint64_t now = clock_now_ns();
        if (now >= deadline_ns)
            return -ETIMEDOUT;
        struct pollfd one = {.fd = fd, .events = POLLIN};
        int n = poll(&one, 1, (int)((deadline_ns - now + 999999) / 1000000));
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n <= 0)
            continue;
        int r = buf_reserve(into, 1);
        if (r < 0)
            return r;
        ssize_t len = read(fd, into->at + into->len, into->cap - into->len);
        if (len < 0 && errno != EINTR)
            return -errno;
        if (len == 0)
            return 0;
        into->len += len > 0 ? (size_t)len : 0;
    }
}

/*
 * Copies text from outside for use in a message: without control bytes, and no more than 300
 * bytes of it.
 */
static struct bytes engine_printable(struct arena *arena, struct bytes text)
{
    char *copy = arena_string(arena, bytes_head(text, 300));
    for (char *c = copy; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    return bytes_of(copy);
}

/* Handles one line of the helper: {"name": …, "image": {…}} or {"name": …, "error": "…"}. */
static void engine_take_line(struct bytes line, struct df_base *bases, size_t n,
                             struct arena *arena)
{
    cleanup_values struct values pool = {0};
    struct value *answer;
    if (json_read(&pool, BYTES("the engine's answer"), line, &answer, NULL) < 0)
        return;
    struct bytes name = value_text(value_get(answer, "name"));
    struct bytes error = value_text(value_get(answer, "error"));
    for (size_t i = 0; name.at && i < n; i++) {
        if (bases[i].known || !bytes_equal(bases[i].name, name))
            continue;
        if (error.at)
            bases[i].reason = engine_printable(arena, error);
        else if (base_from_image(value_get(answer, "image"), arena, &bases[i]) < 0)
            bases[i].known = false;
    }
}

static void engine_set_reasons(struct df_base *bases, size_t n, struct bytes reason)
{
    for (size_t i = 0; i < n; i++)
        bases[i].reason = reason;
}

void engine_ask(struct df_base *bases, size_t n, struct arena *arena)
{
    char path[PATH_MAX];
    int r = engine_find_helper(path);
    if (r < 0) {
        engine_set_reasons(bases, n, BYTES("the program ctx-engine-config is not installed"));
        return;
    }
    /* The program, the names, NULL. */
    char **words = ARENA_ARRAY(arena, IMAGES_MAX + 2, char *);
    size_t n_words = 0;
    words[n_words++] = path;
    for (size_t i = 0; i < n; i++) {
        if (!engine_is_image_name(bases[i].name)) {
            bases[i].reason = BYTES("it is not the name of an image");
        } else if (n_words > IMAGES_MAX) {
            bases[i].reason = BYTES("the engine is asked for 64 images at most");
        } else {
            bases[i].reason = BYTES("the engine's answer says nothing of it");
            words[n_words++] = arena_string(arena, bases[i].name);
        }
    }
    if (n_words == 1)
        return;

    uint64_t deadline_ns = clock_now_ns() + ENGINE_TIMEOUT_MS * 1000000ull;
    cleanup_fd int out = -1;
    pid_t pid = -1;
    r = engine_start_helper(words, &pid, &out);
    if (r < 0) {
        engine_set_reasons(bases, n,
                           arena_printf(arena, "%s: %s", QUOTE(bytes_of(path)), strerror(-r)));
        return;
    }
    cleanup_buf struct buf text = BUF(BASE_CONFIG_MAX);
    r = engine_read_until(out, deadline_ns, &text);
    if (r < 0)
        engine_set_reasons(bases, n,
                           r == -ETIMEDOUT ? BYTES("the engine did not answer within 2 seconds")
                           : r == -E2BIG   ? BYTES("the engine's answer is larger than 4 MiB")
                                           : BYTES("the engine's answer could not be read"));
    /* A helper that has closed its output has no more to say. */
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    /* Whole lines count even if the deadline passed after them. A cut one has no newline. */
    struct bytes rest = buf_bytes(&text);
    for (size_t end; (end = bytes_find(rest, '\n')) < rest.len;
         rest = bytes_from(rest, end + 1))
        engine_take_line(bytes_head(rest, end), bases, n, arena);
}
