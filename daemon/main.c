/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctxd: watches contexts, keeps them hashed and packed, and serves them to its user. Read
 * main() upwards: settings, sockets, caches, the loop; then all of it in reverse.
 */
#include "config.h"
#include "listen.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

#define CACHE_AGE_S (14 * 24 * 3600)

static void log_notes(const struct notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        log_event(notes->at[i].level == NOTE_WARNING ? LOG_WARNING : LOG_INFO, "note",
                  "text=%s", LOG_VALUE(notes->at[i].text));
}

static void open_caches(struct daemon *daemon)
{
    cleanup_notes struct notes notes = {0};
    char chunks[PATH_MAX + 16];
    /* What fails shows when it is opened. */
    (void)!io_make_directories(daemon->config.cache_dir);
    snprintf(chunks, sizeof(chunks), "%s/chunks", daemon->config.cache_dir);
    struct store_limits limits = {daemon->config.max_cache_bytes, CACHE_AGE_S};
    store_open(chunks, &limits, false, &notes, &daemon->store);
    hashdb_open(daemon->config.cache_dir, &notes, &daemon->hashes);
    log_notes(&notes);
}

/* A stream, a root and a client cost a few descriptors each. */
static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_event(LOG_WARNING, "limit", "why=%s", LOG_VALUE(bytes_of(strerror(errno))));
}

static void start_http(struct daemon *daemon)
{
    struct failure *f = &daemon->http_failure;
    if (daemon->config.http_port == HTTP_OFF)
        return;
    /* The socket serves without it: a taken port is no reason to do nothing. */
    if (http_start(daemon, f) < 0)
        log_event(LOG_WARNING, "http", "why=%s", LOG_VALUE(bytes_of(f->text)));
}

static int serve(struct daemon *daemon, struct failure *f)
{
    struct listener listener;
    int r = listener_open(&daemon->config, &listener, f);
    if (r < 0)
        return r;
    daemon->http_fd = listener.http_fd;
    daemon->began_ns = clock_now_ns();
    daemon_touch(daemon);
    open_caches(daemon);
    daemon->roots = roots_new(daemon);
    daemon->lanes = lanes_new(daemon);
    r = loop_new(daemon, listener.fd, f);
    if (r == 0) {
        start_http(daemon);
        log_event(LOG_INFO, "serving", "version=%s build=%s pid=%d socket=%s http=%s",
                  proto_version, proto_build, (int)getpid(),
                  LOG_VALUE(bytes_of(daemon->config.socket)), http_address(daemon));
        loop_run(daemon);
        http_stop(daemon);
    }
    /* Before the lock is let go: whoever comes next makes its own. */
    listener_unlink(&daemon->config, &listener);
    lanes_end(daemon);
    lanes_free(daemon->lanes);
    roots_free(daemon->roots);
    loop_free(daemon->loop);
    store_close(daemon->store);
    hashdb_close(daemon->hashes);
    if (listener.lock_fd >= 0)
        close(listener.lock_fd);
    log_event(LOG_INFO, "ended", NULL);
    return r;
}

static enum exit_status print_answer(enum config_action action)
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
    if (config_read(argc, argv, &daemon.config, &action, &f) < 0) {
        fprintf(stderr, "ctxd: %s\nTry: ctxd --help\n", f.text);
        return EXIT_USAGE;
    }
    if (action != CONFIG_SERVE)
        return print_answer(action);
    log_set_level(daemon.config.log_level);
    raise_limits();
    memory_setup();
    if (serve(&daemon, &f) < 0) {
        fprintf(stderr, "ctxd: %s\n", f.text);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}
