/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of daemon/ share. ctxd's threads:
 *
 *   loop   one; all of libuv: the listening socket, sessions, timers, signals (loop.c)
 *   lane   one a running request of the socket: a straight line of calls (lanes.c)
 *   http   libmicrohttpd's own; a request takes a lane's place for as long as it works (http.c)
 *   pool   pure fan-out, a pool for each lane
 *
 * Only the loop's thread calls libuv. Where a function says no thread, any may call it.
 */
#ifndef CTXD_DAEMON_PRIV_H
#define CTXD_DAEMON_PRIV_H

#include "mounts.h"
#include "proto.h"

#include <pthread.h>

/* ---- settings (config.c) --------------------------------------------------------------- */

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

#define HTTP_OFF (-1)
#define HTTP_CHOSEN 0 /* a free port, kept over restarts */

struct config {
    char socket[PROTO_PATH_MAX];
    char cache_dir[PATH_MAX];
    char config_file[PATH_MAX]; /* empty: there is none */
    uint64_t lanes;             /* requests that work at once */
    uint64_t max_clients;       /* connections of the socket, and HTTP's again */
    uint64_t max_watches;       /* inotify watches of one root */
    uint64_t max_cache_bytes;   /* of the chunk store */
    uint64_t max_roots;         /* trees that are watched */
    uint64_t idle_exit_s;       /* 0: never */
    uint64_t audit_s;           /* from one look at the whole of a root to the next; 0: never */
    int64_t http_port;          /* or HTTP_OFF, HTTP_CHOSEN */
    unsigned log_level;
};

/* ---- counters -------------------------------------------------------------------------- */

/* Upper ends of the latency classes in ns; one more class takes what is slower. */
#define LATENCY_CLASSES 8
extern const uint64_t latency_limits_ns[LATENCY_CLASSES];

/* What took how long. A body by HTTP counts once it is sent whole; what failed doesn't. */
enum latency_kind {
    LATENCY_SEND,
    LATENCY_DIGEST,
    LATENCY_URL,
    LATENCY_HTTP_GET,
    LATENCY_HTTP_HEAD,
    LATENCY_HTTP_UNCHANGED, /* 304, to either */
    LATENCY_ANSWERS,        /* those above are somebody's answers */
    LATENCY_AUDIT = LATENCY_ANSWERS,
    LATENCY_KINDS
};

struct latency {
    atomic_uint_fast64_t classes[LATENCY_CLASSES + 1], sum_ns;
};

/* Since the daemon began. Each is added to by whoever does it; metrics.c and status read. */
struct counters {
    atomic_uint_fast64_t requests[PROTO_KINDS]; /* of the socket, by enum proto_kind */
    atomic_uint_fast64_t http_requests, http_not_modified;
    atomic_uint_fast64_t failed, declined, cancelled, parked;
    atomic_uint_fast64_t bytes_out;          /* of streams, by socket and HTTP */
    atomic_uint_fast64_t chunks, chunks_hit; /* of streams; those found packed */
    atomic_uint_fast64_t audits, audit_missed;
    struct latency latency[LATENCY_KINDS];
};

static inline void count(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t counted(atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* ---- the daemon ------------------------------------------------------------------------ */

struct roots;
struct lanes;
struct loop;
struct http;

struct daemon {
    struct config config;
    struct counters counters;
    struct hashdb *hashes; /* never NULL */
    struct store *store;   /* never NULL */
    struct roots *roots;
    struct lanes *lanes;
    struct loop *loop;
    struct http *http;           /* http.c's; NULL: off */
    struct failure http_failure; /* why it is, where it was wanted; code 0: it was not */
    int http_fd;                 /* a listening TCP socket that we were started with, or -1 */
    uint64_t began_ns;           /* clock_now_ns() */
    atomic_uint_fast64_t active_ns; /* when something was last asked */
    atomic_bool ending;
};

/* Somebody is served: the daemon is not idle. */
void daemon_touch(struct daemon *daemon);
/* For how long nobody was. */
uint64_t daemon_quiet_ns(struct daemon *daemon);
/* Counts what took so long. */
void daemon_count_latency(struct daemon *daemon, enum latency_kind kind, uint64_t ns);

/* ---- memory (memory.c) ------------------------------------------------------------------- */

/* How the allocator is to keep memory. Before there is a second thread. */
void memory_setup(void);
/* What was freed goes back to the kernel, where a page of it is free: some milliseconds. */
void memory_give_back(void);

struct memory_stats {
    uint64_t resident_bytes;  /* 0 where /proc doesn't say */
    uint64_t heap_used_bytes; /* what was allocated, and each thread's small freed pieces */
    uint64_t heap_free_bytes; /* kept by the allocator; part of it is resident */
};
void memory_stats(struct memory_stats *ret);

/* ---- roots (roots.c) ------------------------------------------------------------------- */

struct watch;

/* A context's directory, as long as somebody has it. What is here never changes. */
struct root {
    struct bytes path; /* its real path, NUL-terminated */
    int fd;
    struct identity id;
    struct watch *watch; /* NULL: every answer looks at everything by stat */
    struct warm *warm;
};

/*
 * The root at a real path; one object for all who ask. root_fd: the directory as the client
 * sees it, borrowed; -1: as we see it. -EXDEV: that path leads us to another directory, or by
 * another mount (a replaced root, one that was mounted over). -ENOENT … of opening it. *ret is
 * the caller's until root_put(). Past config.max_roots the longest unused goes.
 */
int root_get(struct daemon *daemon, int root_fd, struct bytes real_path, struct root **ret,
             struct failure *f) must_use;
void root_put(struct daemon *daemon, struct root *root);

/* Calls tell for each root; holds none up meanwhile. */
void roots_each(struct daemon *daemon, void (*tell)(void *context, struct root *root),
                void *context);

/* ---- lanes (lanes.c) ------------------------------------------------------------------- */

/* The right to work, and what work needs. */
struct lane {
    struct daemon *daemon;
    struct pool *pool;       /* for this request alone, until lane_leave() */
    struct send_hooks hooks; /* park a stalled reader; cancel when lane_job_cancel() says so */
    struct lane_state *state;
};

/*
 * Waits until one of config.lanes is free. -EBUSY: too many wait already. -ESHUTDOWN: the
 * daemon ends. *ret is the caller's until lane_leave(). Thread: not the loop.
 */
int lane_enter(struct daemon *daemon, struct lane **ret, struct failure *f) must_use;
void lane_leave(struct lane *lane);

/* ---- HTTP (http.c, urls.c, metrics.c) ---------------------------------------------------- */

/* Begins to serve on 127.0.0.1; daemon->http is set. Thread: loop. */
int http_start(struct daemon *daemon, struct failure *f) must_use;
/* Ends all connections, then its threads. NULL daemon->http is fine. Thread: loop. */
void http_stop(struct daemon *daemon);
/* "127.0.0.1:1234", or "off". */
const char *http_address(struct daemon *daemon);

#define URL_LEN_MAX 256
/*
 * The address that serves what the request (PROTO_URL) selects; the same for the same request,
 * over restarts. It may keep proto_request_print()'s line. -EOPNOTSUPP: HTTP is off. Thread:
 * lane.
 */
int url_make(struct daemon *daemon, struct root *root, const struct proto_request *request,
             char url[URL_LEN_MAX], struct failure *f) must_use;

/* ---- log (log.c): logfmt, one line an event, on standard error -------------------------- */

void log_set_level(enum log_level level);
/* log_event(LOG_INFO, "answered", "kind=%s ms=%llu", …); format may be NULL. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* text as a logfmt value: bare or quoted. */
const char *log_value(struct quoted *q, struct bytes text);
#define LOG_VALUE(b) log_value(&(struct quoted){.text = ""}, (b))

#endif
