/* SPDX-License-Identifier: Apache-2.0 */
#include "ctx-status.h"

#include "connect.h"

#include <jansson.h>

const struct command_line status_line = {
    .name = "ctx status",
    .usage = "Usage: ctx status [--json]\n"
             "\n"
             "Shows what ctxd watches and keeps, why an answer is slow, and its limits. Exit\n"
             "status 1: no ctxd runs.\n",
    .more = "",
    .groups = {&group_json},
};

static unsigned long long number(const json_t *object, const char *key)
{
    return (unsigned long long)json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static const char *size(char at[16], const json_t *object, const char *key)
{
    return number_human(at, number(object, key));
}

static void print_root(const json_t *root)
{
    char bytes[16];
    printf("root    %s\n", QUOTE(bytes_of(text(root, "path"))));
    printf("        %llu entries, %llu directories, %llu views, %llu chunks: %s of memory\n",
           number(root, "entries"), number(root, "directories"), number(root, "views"),
           number(root, "chunks"), size(bytes, root, "bytes"));
    printf(
        "        %llu watches, %llu events, %llu overflows; looked at as a whole %llu s ago\n",
        number(root, "watches"), number(root, "events"), number(root, "overflows"),
        number(root, "audited_s"));
    printf("        %llu paths changed at the last look; since then %s\n",
           number(root, "dirty"),
           number(root, "queued_bytes") ? "something happened" : "nothing happened");
    if (*text(root, "slow"))
        printf("        slow: %s\n", text(root, "slow"));
}

static void print_text(const json_t *status)
{
    char a[16], b[16];
    const json_t *lanes = json_object_get(status, "lanes");
    const json_t *store = json_object_get(status, "store");
    const json_t *hashes = json_object_get(status, "hashes");
    const json_t *counters = json_object_get(status, "counters");
    const json_t *roots = json_object_get(status, "roots");
    const json_t *limits = json_object_get(status, "limits");
    printf("ctxd    %s, process %llu, for %llu s, %s of memory\n", text(status, "version"),
           number(status, "pid"), number(status, "uptime_s"),
           size(a, status, "resident_bytes"));
    const char *no_http = text(status, "http_failure");
    printf("socket  %s\nhttp    %s%s%s\n", text(status, "socket"), text(status, "http"),
           *no_http ? ": " : "", no_http);
    printf("asked   %llu streams, %llu digests, %llu urls, %llu by http; %llu failed, %llu "
           "declined, %llu cancelled\n",
           number(counters, "send"), number(counters, "digest"), number(counters, "url"),
           number(counters, "http"), number(counters, "failed"), number(counters, "declined"),
           number(counters, "cancelled"));
    printf("lanes   %llu of %llu at work, %llu wait, %llu parked\n", number(lanes, "running"),
           number(limits, "lanes"), number(lanes, "waiting"), number(lanes, "parked"));
    printf("cache   %s of %s, %llu chunks, %llu hits, %llu misses", size(a, store, "bytes"),
           number_human(b, number(limits, "max-cache")), number(store, "chunks"),
           number(store, "hits"), number(store, "misses"));
    if (number(store, "put_failures") > 0)
        printf("; %llu not kept: is the disk full, or --max-cache small?",
               number(store, "put_failures"));
    puts(json_is_true(json_object_get(store, "usable")) ? "" : "; can't be used");
    if (json_is_true(json_object_get(hashes, "usable")))
        printf("hashes  %llu files of %llu trees, %s\n", number(hashes, "files"),
               number(hashes, "trees"), size(a, hashes, "bytes"));
    else
        printf("hashes  can't be kept, next try in %llu s: %s\n", number(hashes, "retry_s"),
               text(hashes, "why"));
    printf("in      %s\n", text(status, "cache_dir"));
    printf("roots   %zu of %llu, %llu watches each; audits missed %llu\n",
           json_array_size(roots), number(limits, "max-roots"), number(limits, "max-watches"),
           number(counters, "audit_missed"));
    for (size_t i = 0; i < json_array_size(roots); i++)
        print_root(json_array_get(roots, i));
}

enum exit_status ctx_status(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    cleanup_answer struct proto_answer answer = {0};
    (void)notes;
    if (connect_ask(&(struct connect_ask){.kind = PROTO_STATUS}, NULL, &answer, &f) < 0)
        return report_failed(&f);
    json_t *status = json_loadb((const char *)answer.status.at, answer.status.len, 0, NULL);
    if (options->json)
        printf("%.*s\n", BYTES_ARG(answer.status));
    else if (status)
        print_text(status);
    json_decref(status);
    return report_flush();
}
