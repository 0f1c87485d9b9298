/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include "heap.h"
#include "http-priv.h"
#include "lanes.h"
#include "learner.h"
#include "metrics-text.h"
#include "roots.h"
#include "watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

/* ---- what is gathered ---------------------------------------------------------------- */

/* Sums over all roots. */
struct root_sums {
    uint64_t n_roots, n_views, n_entries, tree_bytes;
    uint64_t n_watches, n_unwatched, n_events, n_overflows, n_slow;
    uint64_t n_dirty, n_dirty_total, n_changed, queued_bytes;
};

static void metrics_gather_root(void *context, struct root *root)
{
    struct root_sums *sum = context;
    struct warm_stats warm;
    struct watch_stats watch = {0};
    warm_stats(root->warm, &warm);
    if (root->watch)
        watch_stats(root->watch, &watch);
    sum->n_roots++;
    sum->n_views += warm.n_views;
    sum->n_entries += warm.n_entries;
    sum->tree_bytes += warm.bytes + watch.bytes;
    sum->n_dirty += warm.n_dirty;
    sum->n_dirty_total += warm.n_dirty_total;
    sum->n_changed += watch.queued_bytes > 0;
    sum->queued_bytes += watch.queued_bytes;
    sum->n_watches += watch.n_watches;
    sum->n_unwatched += watch.n_unwatched;
    sum->n_events += watch.n_events;
    sum->n_overflows += watch.n_overflows;
    sum->n_slow += !root->watch || watch.slow[0];
}

static uint64_t metrics_open_fds(void)
{
    uint64_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n - 1; /* without the descriptor of dir */
}

/* ---- what is printed ----------------------------------------------------------------- */

/* A metric without labels. */
struct plain_metric {
    const char *name;
    enum metric_type type;
    const char *help;
    uint64_t number;
};

static int metrics_print_plain(struct buf *text, const struct plain_metric *ones, size_t n)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = metric_begin(text, ones[i].name, ones[i].type, ones[i].help);
        r = r < 0 ? r : metric_sample(text, ones[i].name, NULL, BYTES(""), ones[i].number);
    }
    return r;
}

/* One sample of a metric with a label. */
struct labelled_metric {
    const char *value;
    uint64_t number;
};

static int metrics_print_labelled(struct buf *text, const char *name, enum metric_type type,
                                  const char *help, const char *label,
                                  const struct labelled_metric *samples, size_t n)
{
    int r = metric_begin(text, name, type, help);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = metric_sample(text, name, label, bytes_of(samples[i].value), samples[i].number);
    return r;
}

static int metrics_print_requests(struct buf *text, struct counters *c)
{
    static const char *const kinds[PROTO_KINDS] = {
        [PROTO_SEND] = "send", [PROTO_DIGEST] = "digest", [PROTO_URL] = "url",
        [PROTO_WAIT] = "wait", [PROTO_STATUS] = "status", [PROTO_STOP] = "stop"};
    struct labelled_metric requests[PROTO_KINDS + 1];
    for (size_t i = 0; i < PROTO_KINDS; i++)
        requests[i] = (struct labelled_metric){kinds[i], counted(&c->requests[i])};
    requests[PROTO_KINDS] = (struct labelled_metric){"http", counted(&c->http_requests)};
    int r = metrics_print_labelled(text, "ctxd_requests_total", METRIC_COUNTER,
                                   "Requests, by what was asked; http: of the TCP port.",
                                   "kind", requests, ARRAY_SIZE(requests));
    struct labelled_metric results[] = {
        {"failed", counted(&c->failed)},
        {"declined", counted(&c->declined)},
        {"cancelled", counted(&c->cancelled)},
        {"not_modified", counted(&c->http_not_modified)},
    };
    r = r < 0 ? r
              : metrics_print_labelled(
                    text, "ctxd_results_total", METRIC_COUNTER,
                    "Requests that ended in another way than with an answer sent.", "result",
                    results, ARRAY_SIZE(results));
    uint64_t chunks = counted(&c->chunks), hit = counted(&c->chunks_hit);
    struct labelled_metric by_cache[] = {
        {"hit", hit},
        {"packed", chunks > hit ? chunks - hit : 0},
    };
    r = r < 0 ? r
              : metrics_print_labelled(text, "ctxd_chunks_total", METRIC_COUNTER,
                                       "Chunks of streams, by whether the cache had them.",
                                       "result", by_cache, ARRAY_SIZE(by_cache));
    struct plain_metric rest[] = {
        {"ctxd_bytes_out_total", METRIC_COUNTER, "Bytes of contexts that were sent.",
         counted(&c->bytes_out)},
        {"ctxd_parked_total", METRIC_COUNTER, "Times that a stalled reader left its lane.",
         counted(&c->parked)},
        {"ctxd_audits_total", METRIC_COUNTER,
         "Looks at a whole context for changes that no watch reported.", counted(&c->audits)},
        {"ctxd_audit_missed_total", METRIC_COUNTER, "Changes that only an audit found.",
         counted(&c->audit_missed)},
    };
    return r < 0 ? r : metrics_print_plain(text, rest, ARRAY_SIZE(rest));
}

static int metrics_print_histogram(struct buf *text, const char *name, const char *label,
                                   const char *value, struct latency *latency)
{
    uint64_t counts[LATENCY_CLASSES + 1];
    for (size_t i = 0; i <= LATENCY_CLASSES; i++)
        counts[i] = counted(&latency->classes[i]);
    return metric_histogram(text, name, label, bytes_of(value), latency_limits_ns,
                            LATENCY_CLASSES, counts, counted(&latency->sum_ns));
}

static int metrics_print_latency(struct buf *text, struct counters *c)
{
    static const char *const kinds[LATENCY_ANSWERS] = {[LATENCY_SEND] = "send",
                                                       [LATENCY_DIGEST] = "digest",
                                                       [LATENCY_URL] = "url",
                                                       [LATENCY_HTTP_GET] = "http_get",
                                                       [LATENCY_HTTP_HEAD] = "http_head",
                                                       [LATENCY_HTTP_UNCHANGED] =
                                                           "http_unchanged"};
    int r = metric_begin(text, "ctxd_answer_seconds", METRIC_HISTOGRAM,
                         "How long answers took, from the request to their last byte.");
    for (size_t i = 0; r == 0 && i < LATENCY_ANSWERS; i++)
        r = metrics_print_histogram(text, "ctxd_answer_seconds", "kind", kinds[i],
                                    &c->latency[i]);
    r = r < 0 ? r
              : metric_begin(text, "ctxd_audit_seconds", METRIC_HISTOGRAM,
                             "How long audits took.");
    return r < 0 ? r
                 : metrics_print_histogram(text, "ctxd_audit_seconds", NULL, "",
                                           &c->latency[LATENCY_AUDIT]);
}

static int metrics_print_trees(struct buf *text, struct daemon *daemon)
{
    struct root_sums sum = {0};
    roots_each(daemon, metrics_gather_root, &sum);
    struct plain_metric ones[] = {
        {"ctxd_roots", METRIC_GAUGE, "Contexts that are held.", sum.n_roots},
        {"ctxd_views", METRIC_GAUGE, "Selections (views) of these contexts.", sum.n_views},
        {"ctxd_entries", METRIC_GAUGE, "Files, directories and links in their trees.",
         sum.n_entries},
        {"ctxd_tree_bytes", METRIC_GAUGE, "Memory of trees, chunk lists and watch tables.",
         sum.tree_bytes},
        {"ctxd_dirty_entries", METRIC_GAUGE,
         "Paths that the last answer of each context found changed, and looked at again.",
         sum.n_dirty},
        {"ctxd_dirty_roots", METRIC_GAUGE,
         "Contexts in which something happened since their last answer.", sum.n_changed},
        {"ctxd_watch_queued_bytes", METRIC_GAUGE,
         "Events that wait for the next answer to read them.", sum.queued_bytes},
        {"ctxd_watches", METRIC_GAUGE, "Directories that are watched.", sum.n_watches},
        {"ctxd_unwatched_directories", METRIC_GAUGE,
         "Directories that were refused a watch, and are looked at by stat.", sum.n_unwatched},
        {"ctxd_slow_roots", METRIC_GAUGE,
         "Contexts that are looked at by stat: ctx status says why.", sum.n_slow},
        /* Sums of the roots that are held. When a root is freed they fall, as at a restart. */
        {"ctxd_dirty_entries_total", METRIC_COUNTER,
         "Paths that answers found changed, and looked at again.", sum.n_dirty_total},
        {"ctxd_watch_events_total", METRIC_COUNTER, "Events that the kernel reported.",
         sum.n_events},
        {"ctxd_watch_overflows_total", METRIC_COUNTER,
         "Times that the kernel's queue was full.", sum.n_overflows},
    };
    return metrics_print_plain(text, ones, ARRAY_SIZE(ones));
}

static int metrics_print_lanes(struct buf *text, struct daemon *daemon)
{
    struct lanes_stats stats;
    lanes_stats(daemon, &stats);
    struct labelled_metric lanes[] = {
        {"busy", stats.running},
        {"waiting", stats.waiting},
        {"parked", stats.parked},
    };
    int r = metrics_print_labelled(
        text, "ctxd_lanes", METRIC_GAUGE,
        "Requests: at work, waiting for a lane, parked for their reader.", "state", lanes,
        ARRAY_SIZE(lanes));
    struct plain_metric ones[] = {
        {"ctxd_lanes_max", METRIC_GAUGE, "Requests that may work at once.",
         daemon->config.lanes},
        {"ctxd_learning", METRIC_GAUGE, "Streams that are learnt, or wait for that.",
         learner_count(daemon)},
    };
    return r < 0 ? r : metrics_print_plain(text, ones, ARRAY_SIZE(ones));
}

static int metrics_print_caches(struct buf *text, struct daemon *daemon)
{
    struct store_stats store;
    struct hashdb_stats hashes;
    store_stats(daemon->store, &store);
    hashdb_stats(daemon->hashes, &hashes);
    struct plain_metric ones[] = {
        {"ctxd_cache_bytes", METRIC_GAUGE, "Size of the packed chunks on disk.", store.bytes},
        {"ctxd_cache_max_bytes", METRIC_GAUGE,
         "The limit of that size; past it, chunks that were used longest ago are deleted.",
         daemon->config.max_cache_bytes},
        {"ctxd_cache_chunks", METRIC_GAUGE, "Packed chunks on disk.", store.n_chunks},
        {"ctxd_cache_hits_total", METRIC_COUNTER, "Chunks that were looked for and found.",
         store.hits},
        {"ctxd_cache_misses_total", METRIC_COUNTER,
         "Chunks that were looked for and not found.", store.misses},
        {"ctxd_cache_put_failures_total", METRIC_COUNTER,
         "Chunks that could not be kept: is the disk full?", store.put_failures},
        {"ctxd_cache_damaged_total", METRIC_COUNTER, "Chunks whose checksum was wrong.",
         store.damaged},
        {"ctxd_hashes", METRIC_GAUGE, "Files whose hash is known.", hashes.n_files},
        {"ctxd_hashes_dropped_total", METRIC_COUNTER, "Hashes that the queue had no room for.",
         hashes.n_dropped},
    };
    return metrics_print_plain(text, ones, ARRAY_SIZE(ones));
}

static int metrics_print_http(struct buf *text, struct http *http)
{
    struct labelled_metric codes[HTTP_CLASSES];
    char words[HTTP_CLASSES][8];
    for (size_t i = 0; i < HTTP_CLASSES; i++) {
        snprintf(words[i], sizeof(words[i]), "%u", http_statuses[i]);
        codes[i] = (struct labelled_metric){words[i], counted(&http->counts.statuses[i])};
    }
    int r = metrics_print_labelled(text, "ctxd_http_responses_total", METRIC_COUNTER,
                                   "Responses, by status.", "code", codes, ARRAY_SIZE(codes));
    struct plain_metric ones[] = {
        {"ctxd_http_connections", METRIC_GAUGE, "Connections of the TCP port.",
         http_connections_count(&http->connections)},
        {"ctxd_http_cut_total", METRIC_COUNTER,
         "Bodies that failed, and were cut before their end.", counted(&http->counts.cut)},
        {"ctxd_http_timed_out_total", METRIC_COUNTER,
         "Connections that were closed because the client was too slow.",
         counted(&http->counts.timed_out)},
        {"ctxd_urls", METRIC_GAUGE, "Addresses of ctx url that are served.",
         urls_count(http->urls)},
    };
    return r < 0 ? r : metrics_print_plain(text, ones, ARRAY_SIZE(ones));
}

static int metrics_print_process(struct buf *text, struct daemon *daemon)
{
    int r = metric_begin(text, "ctxd_build_info", METRIC_GAUGE, "The release that runs.");
    r = r < 0 ? r
              : metric_sample(text, "ctxd_build_info", "version", bytes_of(proto_version), 1);
    struct heap_stats stats;
    heap_stats(&stats);
    struct labelled_metric heap[] = {
        {"used", stats.used_bytes},
        {"free", stats.free_bytes},
    };
    r = r < 0 ? r
              : metrics_print_labelled(
                    text, "ctxd_heap_bytes", METRIC_GAUGE,
                    "Memory of the allocator: given out, and kept for the next use.", "state",
                    heap, ARRAY_SIZE(heap));
    struct plain_metric ones[] = {
        {"ctxd_uptime_seconds", METRIC_GAUGE, "Seconds since the daemon began.",
         (clock_now_ns() - daemon->began_ns) / 1000000000},
        {"process_resident_memory_bytes", METRIC_GAUGE, "Resident memory.",
         stats.resident_bytes},
        {"process_open_fds", METRIC_GAUGE, "Open descriptors.", metrics_open_fds()},
    };
    return r < 0 ? r : metrics_print_plain(text, ones, ARRAY_SIZE(ones));
}

int metrics_print(struct daemon *daemon, struct buf *text)
{
    int r = metrics_print_process(text, daemon);
    r = r < 0 ? r : metrics_print_requests(text, &daemon->counters);
    r = r < 0 ? r : metrics_print_latency(text, &daemon->counters);
    r = r < 0 ? r : metrics_print_lanes(text, daemon);
    r = r < 0 ? r : metrics_print_trees(text, daemon);
    r = r < 0 ? r : metrics_print_caches(text, daemon);
    return r == 0 && daemon->http ? metrics_print_http(text, daemon->http) : r;
}
