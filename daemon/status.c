/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include "heap.h"
#include "http.h"
#include "lanes.h"
#include "roots.h"
#include "thread-kind.h"
#include "watch.h"

#include <jansson.h>
#include <stdio.h>

static void status_put(json_t *object, const char *key, uint64_t number)
{
    json_object_set_new(object, key,
                        json_integer((json_int_t)(number > INT64_MAX ? INT64_MAX : number)));
}

/* A path that is not UTF-8 can't be a JSON string, so it is quoted for people. */
static void status_put_text(json_t *object, const char *key, struct bytes text)
{
    json_t *string = json_stringn((const char *)text.at, text.len);
    json_object_set_new(object, key, string ? string : json_string(QUOTE(text)));
}

static uint64_t status_seconds_since(uint64_t ns)
{
    return (clock_now_ns() - ns) / 1000000000;
}

static void status_put_root(void *context, struct root *root)
{
    json_t *list = context, *object = json_object();
    struct root_use use = root_use(root);
    struct warm_stats warm;
    struct watch_stats watch = {.slow = "it can't be watched"};
    warm_stats(root->warm, &warm);
    if (root->watch)
        watch_stats(root->watch, &watch);
    status_put_text(object, "path", root->path);
    status_put(object, "views", warm.n_views);
    status_put(object, "entries", warm.n_entries);
    status_put(object, "directories", warm.n_dirs);
    status_put(object, "chunks", warm.n_chunks);
    status_put(object, "bytes", warm.bytes);
    status_put(object, "dirty", warm.n_dirty);
    status_put(object, "dirty_total", warm.n_dirty_total);
    status_put(object, "watches", watch.n_watches);
    status_put(object, "unwatched", watch.n_unwatched);
    status_put(object, "watch_bytes", watch.bytes);
    status_put(object, "events", watch.n_events);
    status_put(object, "queued_bytes", watch.queued_bytes);
    status_put(object, "overflows", watch.n_overflows);
    status_put(object, "mounts", watch.n_mounts);
    status_put_text(object, "slow", bytes_of(watch.slow));
    status_put(object, "unused_s", status_seconds_since(use.used_ns));
    status_put(object, "audited_s", status_seconds_since(use.audited_ns));
    json_array_append_new(list, object);
}

static json_t *status_limits(const struct config *config)
{
    json_t *object = json_object();
    status_put(object, "lanes", config->lanes);
    status_put(object, "max-clients", config->max_clients);
    status_put(object, "max-roots", config->max_roots);
    status_put(object, "max-watches", config->max_watches);
    status_put(object, "max-cache", config->max_cache_bytes);
    status_put(object, "idle-exit", config->idle_exit_s);
    status_put(object, "audit", config->audit_s);
    return object;
}

static json_t *status_lanes(struct daemon *daemon)
{
    json_t *object = json_object();
    struct lanes_stats lanes;
    lanes_stats(daemon, &lanes);
    status_put(object, "running", lanes.running);
    status_put(object, "waiting", lanes.waiting);
    status_put(object, "parked", lanes.parked);
    status_put(object, "threads", lanes.threads);
    return object;
}

static json_t *status_store(struct daemon *daemon)
{
    json_t *object = json_object();
    struct store_stats store;
    store_stats(daemon->store, &store);
    json_object_set_new(object, "usable", json_boolean(store.usable));
    status_put(object, "bytes", store.bytes);
    status_put(object, "chunks", store.n_chunks);
    status_put(object, "hits", store.hits);
    status_put(object, "misses", store.misses);
    status_put(object, "puts", store.puts);
    status_put(object, "put_failures", store.put_failures);
    status_put(object, "damaged", store.damaged);
    return object;
}

static json_t *status_hashes(struct daemon *daemon)
{
    json_t *object = json_object();
    struct hashdb_stats hashes;
    hashdb_stats(daemon->hashes, &hashes);
    json_object_set_new(object, "usable", json_boolean(hashes.usable));
    status_put_text(object, "why", bytes_of(hashes.why));
    status_put(object, "retries", hashes.n_retries);
    status_put(object, "retry_s", (hashes.retry_in_ns + 999999999) / 1000000000);
    status_put(object, "files", hashes.n_files);
    status_put(object, "trees", hashes.n_trees);
    status_put(object, "bytes", hashes.file_bytes);
    status_put(object, "queued", hashes.n_queued);
    status_put(object, "dropped", hashes.n_dropped);
    return object;
}

static json_t *status_counters(struct daemon *daemon)
{
    static const char *const kinds[] = {"send", "digest", "url", "wait", "status", "stop"};
    struct counters *counters = &daemon->counters;
    json_t *object = json_object();
    for (size_t i = 0; i < PROTO_KINDS; i++)
        status_put(object, kinds[i], counted(&counters->requests[i]));
    status_put(object, "http", counted(&counters->http_requests));
    status_put(object, "http_not_modified", counted(&counters->http_not_modified));
    status_put(object, "failed", counted(&counters->failed));
    status_put(object, "declined", counted(&counters->declined));
    status_put(object, "cancelled", counted(&counters->cancelled));
    status_put(object, "parked", counted(&counters->parked));
    status_put(object, "bytes_out", counted(&counters->bytes_out));
    status_put(object, "chunks", counted(&counters->chunks));
    status_put(object, "chunks_hit", counted(&counters->chunks_hit));
    status_put(object, "audits", counted(&counters->audits));
    status_put(object, "audit_missed", counted(&counters->audit_missed));
    return object;
}

static json_t *status_daemon(struct daemon *daemon)
{
    const struct config *config = &daemon->config;
    json_t *object = json_object(), *roots = json_array();
    struct heap_stats heap;
    heap_stats(&heap);
    status_put_text(object, "version", bytes_of(proto_version));
    status_put_text(object, "build", bytes_of(proto_build));
    status_put(object, "pid", (uint64_t)getpid());
    status_put(object, "uptime_s", status_seconds_since(daemon->began_ns));
    status_put(object, "resident_bytes", heap.resident_bytes);
    status_put(object, "heap_used_bytes", heap.used_bytes);
    status_put(object, "heap_free_bytes", heap.free_bytes);
    status_put_text(object, "socket", bytes_of(config->socket));
    status_put_text(object, "cache_dir", bytes_of(config->cache_dir));
    status_put_text(object, "config_file", bytes_of(config->config_file));
    status_put_text(object, "http", bytes_of(http_address(daemon)));
    status_put_text(object, "http_failure", bytes_of(daemon->http_failure.text));
    roots_each(daemon, status_put_root, roots);
    json_object_set_new(object, "roots", roots);
    json_object_set_new(object, "store", status_store(daemon));
    json_object_set_new(object, "hashes", status_hashes(daemon));
    json_object_set_new(object, "lanes", status_lanes(daemon));
    json_object_set_new(object, "counters", status_counters(daemon));
    json_object_set_new(object, "limits", status_limits(config));
    return object;
}

void status_answer(struct daemon *daemon, struct buf *line)
{
    ASSERT_THREAD(THREAD_LANE);
    json_t *object = status_daemon(daemon);
    char *text = json_dumps(object, JSON_COMPACT);
    struct proto_answer answer = {.kind = PROTO_DONE, .status = bytes_of(text)};
    int r = proto_answer_print(&answer, PROTO_STATUS, line);
    r = r < 0 ? r : buf_add_byte(line, '\n');
    if (r < 0)
        buf_clear(line);
    free(text);
    json_decref(object);
}
