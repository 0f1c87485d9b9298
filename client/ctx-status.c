/* SPDX-License-Identifier: Apache-2.0 */
#include "ctx-status.h"

#include "connect.h"

const struct command_line status_line = {
    .name = "ctx status",
    .usage = "Usage: ctx status [--json]\n"
             "\n"
             "Shows what ctxd watches and keeps, why an answer is slow, and its limits. Exit\n"
             "status 1: no ctxd runs.\n",
    .more = "",
    .groups = {&group_json},
};

static unsigned long long status_number(const struct value *object, const char *key)
{
    return (unsigned long long)value_number(value_get(object, key));
}

static const char *status_text(const struct value *object, const char *key)
{
    struct bytes value = value_text(value_get(object, key));
    return value.at ? (const char *)value.at : ""; /* a NUL follows: see arena_copy() */
}

static const char *status_size(char at[16], const struct value *object, const char *key)
{
    return number_human(at, status_number(object, key));
}

static void status_print_root(const struct value *root)
{
    char bytes[16];
    printf("root    %s\n", QUOTE(bytes_of(status_text(root, "path"))));
    printf("        %llu entries, %llu directories, %llu views, %llu chunks: %s of memory\n",
           status_number(root, "entries"), status_number(root, "directories"),
           status_number(root, "views"), status_number(root, "chunks"),
           status_size(bytes, root, "bytes"));
    printf(
        "        %llu watches, %llu events, %llu overflows; looked at as a whole %llu s ago\n",
        status_number(root, "watches"), status_number(root, "events"),
        status_number(root, "overflows"), status_number(root, "audited_s"));
    printf("        %llu paths changed at the last look; since then %s\n",
           status_number(root, "dirty"),
           status_number(root, "queued_bytes") ? "something happened" : "nothing happened");
    if (*status_text(root, "slow"))
        printf("        slow: %s\n", status_text(root, "slow"));
}

static void status_print_text(const struct value *status)
{
    char a[16], b[16];
    const struct value *lanes = value_get(status, "lanes");
    const struct value *store = value_get(status, "store");
    const struct value *hashes = value_get(status, "hashes");
    const struct value *counters = value_get(status, "counters");
    const struct value *roots = value_get(status, "roots");
    const struct value *limits = value_get(status, "limits");
    printf("ctxd    %s, process %llu, for %llu s, %s of memory\n",
           status_text(status, "version"), status_number(status, "pid"),
           status_number(status, "uptime_s"), status_size(a, status, "resident_bytes"));
    const char *no_http = status_text(status, "http_failure");
    printf("socket  %s\nhttp    %s%s%s\n", status_text(status, "socket"),
           status_text(status, "http"), *no_http ? ": " : "", no_http);
    printf("asked   %llu streams, %llu digests, %llu urls, %llu by http; %llu failed, %llu "
           "declined, %llu cancelled\n",
           status_number(counters, "send"), status_number(counters, "digest"),
           status_number(counters, "url"), status_number(counters, "http"),
           status_number(counters, "failed"), status_number(counters, "declined"),
           status_number(counters, "cancelled"));
    printf("lanes   %llu of %llu at work, %llu wait, %llu parked\n",
           status_number(lanes, "running"), status_number(limits, "lanes"),
           status_number(lanes, "waiting"), status_number(lanes, "parked"));
    printf("cache   %s of %s, %llu chunks, %llu hits, %llu misses",
           status_size(a, store, "bytes"), number_human(b, status_number(limits, "max-cache")),
           status_number(store, "chunks"), status_number(store, "hits"),
           status_number(store, "misses"));
    if (status_number(store, "put_failures") > 0)
        printf("; %llu not kept: is the disk full, or --max-cache small?",
               status_number(store, "put_failures"));
    puts(value_true(value_get(store, "usable")) ? "" : "; can't be used");
    if (value_true(value_get(hashes, "usable")))
        printf("hashes  %llu files of %llu trees, %s\n", status_number(hashes, "files"),
               status_number(hashes, "trees"), status_size(a, hashes, "bytes"));
    else
        printf("hashes  can't be kept, next try in %llu s: %s\n",
               status_number(hashes, "retry_s"), status_text(hashes, "why"));
    printf("in      %s\n", status_text(status, "cache_dir"));
    printf("roots   %zu of %llu, %llu watches each; audits missed %llu\n", value_count(roots),
           status_number(limits, "max-roots"), status_number(limits, "max-watches"),
           status_number(counters, "audit_missed"));
    for (size_t i = 0; i < value_count(roots); i++)
        status_print_root(roots->pairs[i].value);
}

enum exit_status ctx_status(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    cleanup_answer struct proto_answer answer = {0};
    (void)notes;
    if (connect_ask(&(struct connect_ask){.kind = PROTO_STATUS}, NULL, &answer, &f) < 0)
        return report_failed(&f);
    cleanup_values struct values pool = {0};
    struct value *status;
    if (options->json)
        printf("%.*s\n", BYTES_ARG(answer.status));
    else if (json_read(&pool, BYTES("status"), answer.status, &status, NULL) == 0)
        status_print_text(status);
    return report_flush();
}
