/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include "formats.h"
#include "heap.h"
#include "http.h"
#include "lanes.h"
#include "learner.h"
#include "roots.h"
#include "thread-kind.h"
#include "watch.h"

#include <stdio.h>

/* Numbers beyond INT64_MAX, which JSON readers don't take, are shown as INT64_MAX. */
static void status_put(struct values *pool, struct value *object, const char *key,
                       uint64_t number)
{
    value_put(pool, object, bytes_of(key),
              value_integer(pool, number > INT64_MAX ? INT64_MAX : (int64_t)number));
}

/* Copies the text: a root's path and the texts of statistics are gone before the object is
 * written. */
static void status_put_text(struct values *pool, struct value *object, const char *key,
                            struct bytes text)
{
    value_put(pool, object, bytes_of(key), value_shown(pool, arena_copy(&pool->arena, text)));
}

static uint64_t status_seconds_since(uint64_t ns)
{
    return (clock_now_ns() - ns) / 1000000000;
}

struct status_roots {
    struct values *pool;
    struct value *list;
};

static void status_put_root(void *context, struct root *root)
{
    struct status_roots *roots = context;
    struct values *pool = roots->pool;
    struct value *object = value_new(pool, VALUE_MAP);
    struct root_use use = root_use(root);
    struct warm_stats warm;
    struct watch_stats watch = {0};
    snprintf(watch.slow, sizeof(watch.slow), "%s", root->unwatched);
    warm_stats(root->warm, &warm);
    if (root->watch)
        watch_stats(root->watch, &watch);
    status_put_text(pool, object, "path", root->path);
    status_put(pool, object, "views", warm.n_views);
    status_put(pool, object, "entries", warm.n_entries);
    status_put(pool, object, "directories", warm.n_dirs);
    status_put(pool, object, "chunks", warm.n_chunks);
    status_put(pool, object, "bytes", warm.bytes);
    status_put(pool, object, "dirty", warm.n_dirty);
    status_put(pool, object, "dirty_total", warm.n_dirty_total);
    status_put(pool, object, "watches", watch.n_watches);
    status_put(pool, object, "unwatched", watch.n_unwatched);
    status_put(pool, object, "watch_bytes", watch.bytes);
    status_put(pool, object, "events", watch.n_events);
    status_put(pool, object, "queued_bytes", watch.queued_bytes);
    status_put(pool, object, "overflows", watch.n_overflows);
    status_put(pool, object, "mounts", watch.n_mounts);
    status_put_text(pool, object, "slow", bytes_of(watch.slow));
    status_put(pool, object, "unused_s", status_seconds_since(use.used_ns));
    status_put(pool, object, "audited_s", status_seconds_since(use.audited_ns));
    value_add(pool, roots->list, object);
}

static struct value *status_limits(struct values *pool, const struct config *config)
{
    struct value *object = value_new(pool, VALUE_MAP);
    status_put(pool, object, "lanes", config->lanes);
    status_put(pool, object, "max-clients", config->max_clients);
    status_put(pool, object, "max-roots", config->max_roots);
    status_put(pool, object, "max-watches", config->max_watches);
    status_put(pool, object, "max-cache", config->max_cache_bytes);
    status_put(pool, object, "forget", config->forget_s);
    status_put(pool, object, "idle-exit", config->idle_exit_s);
    status_put(pool, object, "audit", config->audit_s);
    return object;
}

static struct value *status_lanes(struct values *pool, struct daemon *daemon)
{
    struct value *object = value_new(pool, VALUE_MAP);
    struct lanes_stats lanes;
    lanes_stats(daemon, &lanes);
    status_put(pool, object, "running", lanes.running);
    status_put(pool, object, "waiting", lanes.waiting);
    status_put(pool, object, "parked", lanes.parked);
    status_put(pool, object, "threads", lanes.threads);
    status_put(pool, object, "learning", learner_count(daemon));
    return object;
}

static struct value *status_store(struct values *pool, struct daemon *daemon)
{
    struct value *object = value_new(pool, VALUE_MAP);
    struct store_stats store;
    store_stats(daemon->store, &store);
    value_put(pool, object, BYTES("usable"), value_bool(pool, store.usable));
    status_put(pool, object, "bytes", store.bytes);
    status_put(pool, object, "chunks", store.n_chunks);
    status_put(pool, object, "hits", store.hits);
    status_put(pool, object, "misses", store.misses);
    status_put(pool, object, "puts", store.puts);
    status_put(pool, object, "put_failures", store.put_failures);
    status_put(pool, object, "damaged", store.damaged);
    return object;
}

static struct value *status_hashes(struct values *pool, struct daemon *daemon)
{
    struct value *object = value_new(pool, VALUE_MAP);
    struct hashdb_stats hashes;
    hashdb_stats(daemon->hashes, &hashes);
    value_put(pool, object, BYTES("usable"), value_bool(pool, hashes.usable));
    status_put_text(pool, object, "why", bytes_of(hashes.why));
    status_put(pool, object, "retries", hashes.n_retries);
    status_put(pool, object, "retry_s", (hashes.retry_in_ns + 999999999) / 1000000000);
    status_put(pool, object, "files", hashes.n_files);
    status_put(pool, object, "trees", hashes.n_trees);
    status_put(pool, object, "bytes", hashes.file_bytes);
    status_put(pool, object, "queued", hashes.n_queued);
    status_put(pool, object, "dropped", hashes.n_dropped);
    return object;
}

static struct value *status_counters(struct values *pool, struct daemon *daemon)
{
    static const char *const kinds[] = {"send", "digest", "url", "wait", "status", "stop"};
    struct counters *counters = &daemon->counters;
    struct value *object = value_new(pool, VALUE_MAP);
    for (size_t i = 0; i < PROTO_KINDS; i++)
        status_put(pool, object, kinds[i], counted(&counters->requests[i]));
    status_put(pool, object, "http", counted(&counters->http_requests));
    status_put(pool, object, "http_not_modified", counted(&counters->http_not_modified));
    status_put(pool, object, "failed", counted(&counters->failed));
    status_put(pool, object, "declined", counted(&counters->declined));
    status_put(pool, object, "cancelled", counted(&counters->cancelled));
    status_put(pool, object, "parked", counted(&counters->parked));
    status_put(pool, object, "bytes_out", counted(&counters->bytes_out));
    status_put(pool, object, "chunks", counted(&counters->chunks));
    status_put(pool, object, "chunks_hit", counted(&counters->chunks_hit));
    status_put(pool, object, "audits", counted(&counters->audits));
    status_put(pool, object, "audit_missed", counted(&counters->audit_missed));
    return object;
}

static struct value *status_daemon(struct values *pool, struct daemon *daemon)
{
    const struct config *config = &daemon->config;
    struct value *object = value_new(pool, VALUE_MAP);
    struct status_roots roots = {pool, value_new(pool, VALUE_LIST)};
    struct heap_stats heap;
    heap_stats(&heap);
    status_put_text(pool, object, "version", bytes_of(proto_version));
    status_put_text(pool, object, "build", bytes_of(proto_build));
    status_put(pool, object, "pid", (uint64_t)getpid());
    status_put(pool, object, "uptime_s", status_seconds_since(daemon->began_ns));
    status_put(pool, object, "resident_bytes", heap.resident_bytes);
    status_put(pool, object, "heap_used_bytes", heap.used_bytes);
    status_put(pool, object, "heap_free_bytes", heap.free_bytes);
    status_put_text(pool, object, "socket", bytes_of(config->socket));
    status_put_text(pool, object, "cache_dir", bytes_of(config->cache_dir));
    status_put_text(pool, object, "config_file", bytes_of(config->config_file));
    status_put_text(pool, object, "http", bytes_of(http_address(daemon)));
    status_put_text(pool, object, "http_failure", bytes_of(daemon->http_failure.text));
    roots_each(daemon, status_put_root, &roots);
    value_put(pool, object, BYTES("roots"), roots.list);
    value_put(pool, object, BYTES("store"), status_store(pool, daemon));
    value_put(pool, object, BYTES("hashes"), status_hashes(pool, daemon));
    value_put(pool, object, BYTES("lanes"), status_lanes(pool, daemon));
    value_put(pool, object, BYTES("counters"), status_counters(pool, daemon));
    value_put(pool, object, BYTES("limits"), status_limits(pool, config));
    return object;
}

void status_answer(struct daemon *daemon, struct buf *line)
{
    ASSERT_THREAD(THREAD_LANE);
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf text = BUF(PROTO_ANSWER_MAX);
    int r = json_write(status_daemon(&pool, daemon), &text);
    struct proto_answer answer = {.kind = PROTO_DONE, .status = buf_bytes(&text)};
    r = r < 0 ? r : proto_answer_print(&answer, PROTO_STATUS, line);
    r = r < 0 ? r : buf_add_byte(line, '\n');
    if (r < 0)
        buf_clear(line);
}
