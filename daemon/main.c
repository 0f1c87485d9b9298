/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctxd: watches contexts, keeps them hashed and packed, and serves them to its user. Read from
 * main() at the end: settings, then main_serve() opens sockets and caches, runs the loop, and
 * closes all of it in reverse order.
 */
#include "config.h"
#include "heap.h"
#include "http.h"
#include "lanes.h"
#include "learner.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "roots.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

/* Seconds: a chunk of the cache that was not used this long (two weeks) is deleted. */
#define CACHE_AGE_S (14 * 24 * 3600)

static void main_log_notes(const struct notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        log_event(notes->at[i].level == NOTE_WARNING ? LOG_WARNING : LOG_INFO, "note",
                  "text=%s", LOG_VALUE(notes->at[i].text));
}

static void main_open_caches(struct daemon *daemon)
{
    cleanup_notes struct notes notes = {0};
    char chunks[PATH_MAX + 16];
    /* If it fails, opening the caches says so. */
    (void)!io_make_directories(daemon->config.cache_dir);
    snprintf(chunks, sizeof(chunks), "%s/chunks", daemon->config.cache_dir);
    struct store_limits limits = {daemon->config.max_cache_bytes, CACHE_AGE_S};
    store_open(chunks, &limits, false, &notes, &daemon->store);
    hashdb_open(daemon->config.cache_dir, &notes, &daemon->hashes);
    main_log_notes(&notes);
}

/* Allows as many descriptors as we may have: each stream, root and client takes a few. */
static void main_raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_event(LOG_WARNING, "limit", "why=%s", LOG_VALUE(bytes_of(strerror(errno))));
}

static void main_start_http(struct daemon *daemon)
{
    struct failure *f = &daemon->http_failure;
    if (daemon->config.http_port == HTTP_OFF)
        return;
    /* If it fails, for example because the port is taken, the socket is served all the same. */
    if (http_start(daemon, f) < 0)
        log_event(LOG_WARNING, "http", "why=%s", LOG_VALUE(bytes_of(f->text)));
}

static int main_serve(struct daemon *daemon, struct failure *f)
{
    struct listener listener;
    struct loop *loop = NULL;
    int r = listener_open(&daemon->config, &listener, f);
    if (r < 0)
        return r;
    daemon->http_fd = listener.http_fd;
    daemon->listener = &listener;
    daemon->began_ns = clock_now_ns();
    daemon_touch(daemon);
    main_open_caches(daemon);
    daemon->roots = roots_new();
    daemon->lanes = lanes_new(daemon);
    daemon->learner = learner_new();
    r = loop_new(daemon, listener.fd, &loop, f);
    if (r == 0) {
        main_start_http(daemon);
        log_event(LOG_INFO, "serving", "version=%s build=%s pid=%d socket=%s http=%s",
                  proto_version, proto_build, (int)getpid(),
                  LOG_VALUE(bytes_of(daemon->config.socket)), http_address(daemon));
        loop_run(loop);
        http_stop(daemon);
    }
    /* Before the lock is released: the next ctxd makes a socket of its own. */
    listener_unlink(&daemon->config, &listener);
    lanes_end(daemon);
    lanes_free(daemon->lanes);
    learner_end(daemon);
    learner_free(daemon->learner);
    roots_free(daemon->roots);
    loop_free(loop);
    store_close(daemon->store);
    hashdb_close(daemon->hashes);
    if (listener.lock_fd >= 0)
        close(listener.lock_fd);
    log_event(LOG_INFO, "ended", NULL);
    daemon->listener = NULL;
    if (r == 0 && daemon->unreachable)
        return fail(
            f, -ENOENT,
            "ended, because the socket %s or its lock was removed or replaced; ctx start "
            "begins another",
            QUOTE(bytes_of(daemon->config.socket)));
    return r;
}

static enum exit_status main_print(enum config_action action)
{
    if (action == CONFIG_HELP)
        config_help(stdout);
    else
        printf("ctxd %s\n", proto_version);
    if (fflush(stdout) == EOF || ferror(stdout)) {
        fprintf(stderr, "ctxd: standard output: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    static struct daemon daemon = {.http_fd = -1};
    struct failure f = {0};
    enum config_action action;
    io_hold_standard();
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    /* Past `ulimit -f` a write fails, and the caches go without it. */
    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    if (config_read(argc, argv, &daemon.config, &action, &f) < 0) {
        fprintf(stderr, "ctxd: %s\nTry: ctxd --help\n", f.text);
        return EXIT_USAGE;
    }
    if (action != CONFIG_SERVE)
        return (int)main_print(action);
    /* A working directory would keep its file system from being unmounted. */
    (void)!chdir("/");
    log_set_level(daemon.config.log_level);
    main_raise_limits();
    heap_setup();
    if (config_find_paths(&daemon.config, &f) < 0 || main_serve(&daemon, &f) < 0) {
        fprintf(stderr, "ctxd: %s\n", f.text);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}
