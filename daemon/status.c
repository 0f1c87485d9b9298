/* SPDX-License-Identifier: Apache-2.0 */
/* What `ctx status` shows, as one JSON object. */
#include "loop.h"
#include "watch.h"

#include <jansson.h>
#include <stdio.h>

static void put(json_t *object, const char *key, uint64_t number)
{
    json_object_set_new(object, key,
                        json_integer((json_int_t)(number > INT64_MAX ? INT64_MAX : number)));
}

/* Paths need not be UTF-8; to a person a quoted one says as much. */
static void put_text(json_t *object, const char *key, struct bytes text)
{
    json_t *string = json_stringn((const char *)text.at, text.len);
    json_object_set_new(object, key, string ? string : json_string(QUOTE(text)));
}

static uint64_t seconds_since(uint64_t ns)
{
    return (clock_now_ns() - ns) / 1000000000;
}

static void put_root(void *context, struct root *root)
{
    json_t *list = context, *object = json_object();
    struct root_use use = root_use(root);
    struct warm_stats warm;
    struct watch_stats watch = {.slow = "it can't be watched"};
    warm_stats(root->warm, &warm);
    if (root->watch)
        watch_stats(root->watch, &watch);
    put_text(object, "path", root->path);
    put(object, "views", warm.n_views);
    put(object, "entries", warm.n_entries);
    put(object, "directories", warm.n_dirs);
    put(object, "chunks", warm.n_chunks);
    put(object, "bytes", warm.bytes);
    put(object, "dirty", warm.n_dirty);
    put(object, "dirty_total", warm.n_dirty_total);
    put(object, "watches", watch.n_watches);
    put(object, "unwatched", watch.n_unwatched);
    put(object, "watch_bytes", watch.bytes);
    put(object, "events", watch.n_events);
    put(object, "queued_bytes", watch.queued_bytes);
    put(object, "overflows", watch.n_overflows);
    put(object, "mounts", watch.n_mounts);
    put_text(object, "slow", bytes_of(watch.slow));
    put(object, "unused_s", seconds_since(use.used_ns));
    put(object, "audited_s", seconds_since(use.audited_ns));
    json_array_append_new(list, object);
}

static json_t *limits(const struct config *config)
{
    json_t *object = json_object();
    put(object, "lanes", config->lanes);
    put(object, "max-clients", config->max_clients);
    put(object, "max-roots", config->max_roots);
    put(object, "max-watches", config->max_watches);
    put(object, "max-cache", config->max_cache_bytes);
    put(object, "idle-exit", config->idle_exit_s);
    put(object, "audit", config->audit_s);
    return object;
}

static json_t *lanes_object(struct daemon *daemon)
{
    json_t *object = json_object();
    struct lanes_stats lanes;
    lanes_stats(daemon, &lanes);
    put(object, "running", lanes.running);
    put(object, "waiting", lanes.waiting);
    put(object, "parked", lanes.parked);
    put(object, "threads", lanes.threads);
    return object;
}

static json_t *store_object(struct daemon *daemon)
{
    json_t *object = json_object();
    struct store_stats store;
    store_stats(daemon->store, &store);
    json_object_set_new(object, "usable", json_boolean(store.usable));
    put(object, "bytes", store.bytes);
    put(object, "chunks", store.n_chunks);
    put(object, "hits", store.hits);
    put(object, "misses", store.misses);
    put(object, "puts", store.puts);
    put(object, "put_failures", store.put_failures);
    put(object, "damaged", store.damaged);
    return object;
}

static json_t *hashes_object(struct daemon *daemon)
{
    json_t *object = json_object();
    struct hashdb_stats hashes;
    hashdb_stats(daemon->hashes, &hashes);
    json_object_set_new(object, "usable", json_boolean(hashes.usable));
    put_text(object, "why", bytes_of(hashes.why));
    put(object, "retries", hashes.n_retries);
    put(object, "retry_s", (hashes.retry_in_ns + 999999999) / 1000000000);
    put(object, "files", hashes.n_files);
    put(object, "trees", hashes.n_trees);
    put(object, "bytes", hashes.file_bytes);
    put(object, "queued", hashes.n_queued);
    put(object, "dropped", hashes.n_dropped);
    return object;
}

static json_t *counters_object(struct daemon *daemon)
{
    static const char *const kinds[] = {"send", "digest", "url", "wait", "status", "stop"};
    struct counters *counters = &daemon->counters;
    json_t *object = json_object();
    for (size_t i = 0; i < PROTO_KINDS; i++)
        put(object, kinds[i], counted(&counters->requests[i]));
    put(object, "http", counted(&counters->http_requests));
    put(object, "http_not_modified", counted(&counters->http_not_modified));
    put(object, "failed", counted(&counters->failed));
    put(object, "declined", counted(&counters->declined));
    put(object, "cancelled", counted(&counters->cancelled));
    put(object, "parked", counted(&counters->parked));
    put(object, "bytes_out", counted(&counters->bytes_out));
    put(object, "chunks", counted(&counters->chunks));
    put(object, "chunks_hit", counted(&counters->chunks_hit));
    put(object, "audits", counted(&counters->audits));
    put(object, "audit_missed", counted(&counters->audit_missed));
    return object;
}

static json_t *status_object(struct daemon *daemon)
{
    const struct config *config = &daemon->config;
    json_t *object = json_object(), *roots = json_array();
    struct memory_stats memory;
    memory_stats(&memory);
    put_text(object, "version", bytes_of(proto_version));
    put_text(object, "build", bytes_of(proto_build));
    put(object, "pid", (uint64_t)getpid());
    put(object, "uptime_s", seconds_since(daemon->began_ns));
    put(object, "resident_bytes", memory.resident_bytes);
    put(object, "heap_used_bytes", memory.heap_used_bytes);
    put(object, "heap_free_bytes", memory.heap_free_bytes);
    put_text(object, "socket", bytes_of(config->socket));
    put_text(object, "cache_dir", bytes_of(config->cache_dir));
    put_text(object, "config_file", bytes_of(config->config_file));
    put_text(object, "http", bytes_of(http_address(daemon)));
    put_text(object, "http_failure", bytes_of(daemon->http_failure.text));
    roots_each(daemon, put_root, roots);
    json_object_set_new(object, "roots", roots);
    json_object_set_new(object, "store", store_object(daemon));
    json_object_set_new(object, "hashes", hashes_object(daemon));
    json_object_set_new(object, "lanes", lanes_object(daemon));
    json_object_set_new(object, "counters", counters_object(daemon));
    json_object_set_new(object, "limits", limits(config));
    return object;
}

void answer_status(struct daemon *daemon, struct buf *line)
{
    json_t *object = status_object(daemon);
    char *text = json_dumps(object, JSON_COMPACT);
    struct proto_answer answer = {.kind = PROTO_DONE, .status = bytes_of(text)};
    int r = proto_answer_print(&answer, PROTO_STATUS, line);
    r = r < 0 ? r : buf_add_byte(line, '\n');
    if (r < 0)
        buf_clear(line);
    free(text);
    json_decref(object);
}
