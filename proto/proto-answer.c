/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of answers. The key "answer" is a word for enum proto_answer_kind. Which keys go
 * with it depends on that kind and, for `done`, on the kind of the request:
 *
 *   progress          progress_keys
 *   done, of send     "stats": {stats_keys}
 *         of digest   "sha256", digest_keys, and
 *                     "lines": [[line, "source", "sha256", files, bytes], ...]
 *         of url      "url"
 *         of wait     wait_keys
 *         of status   "status": the object that daemon/status.c makes
 *   failed, declined  failure_keys, "code" (an errno), "text"
 *   done, failed      "notes": [[level, "text"], ...], and
 *                     "notes_dropped", the number of further notes
 */
#include "proto-answer.h"

#include "json-keys.h"

#include <assert.h>
#include <errno.h>

static const char *const answer_words[] = {"started", "progress", "done",
                                           "failed",  "declined", NULL};
static const char *const why_words[] = {"version", "foreign", "busy", "ending", "unable", NULL};

static const struct json_key progress_keys[] = {
    {"entries", JSON_KEY_NUMBER, offsetof(struct proto_progress, entries), NULL, 0},
    {"entries_total", JSON_KEY_NUMBER, offsetof(struct proto_progress, entries_total), NULL, 0},
    {"bytes", JSON_KEY_NUMBER, offsetof(struct proto_progress, bytes), NULL, 0},
    {"bytes_total", JSON_KEY_NUMBER, offsetof(struct proto_progress, bytes_total), NULL, 0},
    {"bytes_out", JSON_KEY_NUMBER, offsetof(struct proto_progress, bytes_out), NULL, 0},
};

#define STAT_KEY(member)                                                                       \
    {                                                                                          \
#member, JSON_KEY_NUMBER, offsetof(struct send_stats, member), NULL, 0                 \
    }

static const struct json_key stats_keys[] = {
    STAT_KEY(n_files),
    STAT_KEY(n_dirs),
    STAT_KEY(n_links),
    STAT_KEY(n_hardlinks),
    STAT_KEY(n_skipped),
    STAT_KEY(content_bytes),
    STAT_KEY(tar_bytes),
    STAT_KEY(out_bytes),
    STAT_KEY(n_dirs_read),
    STAT_KEY(n_stats),
    STAT_KEY(n_chunks),
    STAT_KEY(n_stored),
    STAT_KEY(n_unlearnt),
    STAT_KEY(walk_ns),
    STAT_KEY(total_ns),
    {"rewritten", JSON_KEY_BOOL, offsetof(struct send_stats, rewritten), NULL, 0},
    {"everything", JSON_KEY_BOOL, offsetof(struct send_stats, everything), NULL, 0},
};

static_assert(sizeof(void *) != 8 || sizeof(struct send_stats) == 128, "stats_keys");

#define AT(member) offsetof(struct proto_answer, member)

static const struct json_key wait_keys[] = {
    {"seq", JSON_KEY_NUMBER, AT(seq), NULL, 0},
    {"changed", JSON_KEY_BOOL, AT(changed), NULL, 0},
    {"slow", JSON_KEY_BOOL, AT(slow), NULL, 0},
};

static const struct json_key digest_keys[] = {
    {"files", JSON_KEY_NUMBER, AT(digest.n_files), NULL, 0},
    {"bytes", JSON_KEY_NUMBER, AT(digest.bytes), NULL, 0},
};

/* Of PROTO_FAILED and PROTO_DECLINED. */
static const struct json_key failure_keys[] = {
    {"why", JSON_KEY_WORD, AT(why), why_words, 0},
    {"untouched", JSON_KEY_BOOL, AT(untouched), NULL, 0},
};

void proto_answer_release(struct proto_answer *answer)
{
    notes_release(&answer->notes);
    arena_release(&answer->arena);
    *answer = (struct proto_answer){0};
}

/* ---- to a line ----------------------------------------------------------------------- */

static json_t *answer_sha(const struct sha256 *sha)
{
    char hex[2 * sizeof(sha->at) + 1];
    return json_string(hex_text(hex, sha->at, sizeof(sha->at)));
}

static json_t *answer_notes(const struct notes *notes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < notes->n; i++) {
        json_t *note = json_array();
        json_array_append_new(note, json_integer(notes->at[i].level));
        json_array_append_new(note, json_of_bytes(notes->at[i].text));
        json_array_append_new(list, note);
    }
    return list;
}

static void answer_put_digest(json_t *object, const struct proto_answer *answer)
{
    const struct digest_answer *digest = &answer->digest;
    json_set(object, "sha256", answer_sha(&digest->sha));
    json_put_keys(object, answer, digest_keys, ARRAY_SIZE(digest_keys));
    json_t *list = json_array();
    for (size_t i = 0; i < digest->n_lines; i++) {
        const struct digest_line *line = &digest->lines[i];
        json_t *item = json_array();
        json_array_append_new(item, json_integer(line->line));
        json_array_append_new(item, json_of_bytes(line->source));
        json_array_append_new(item, answer_sha(&line->sha));
        json_array_append_new(item, json_integer((json_int_t)line->n_files));
        json_array_append_new(item, json_integer((json_int_t)line->bytes));
        json_array_append_new(list, item);
    }
    json_set(object, "lines", list);
}

static void answer_put_done(json_t *object, const struct proto_answer *answer,
                            enum proto_kind of)
{
    json_t *stats, *status;
    switch (of) {
    case PROTO_SEND:
        stats = json_object();
        json_put_keys(stats, &answer->stats, stats_keys, ARRAY_SIZE(stats_keys));
        json_set(object, "stats", stats);
        break;
    case PROTO_DIGEST:
        answer_put_digest(object, answer);
        break;
    case PROTO_URL:
        json_set(object, "url", json_of_bytes(answer->url));
        break;
    case PROTO_WAIT:
        json_put_keys(object, answer, wait_keys, ARRAY_SIZE(wait_keys));
        break;
    case PROTO_STATUS:
        status = json_loadb((const char *)answer->status.at, answer->status.len, 0, NULL);
        json_set(object, "status", status ? status : json_object());
        break;
    case PROTO_STOP:
        break;
    }
}

int proto_answer_print(const struct proto_answer *answer, enum proto_kind of, struct buf *line)
{
    cleanup_json json_t *object = json_object();
    json_set(object, "answer", json_string(answer_words[answer->kind]));
    if (answer->kind == PROTO_PROGRESS)
        json_put_keys(object, &answer->progress, progress_keys, ARRAY_SIZE(progress_keys));
    else if (answer->kind == PROTO_DONE)
        answer_put_done(object, answer, of);
    if (answer->kind == PROTO_FAILED || answer->kind == PROTO_DECLINED) {
        json_put_keys(object, answer, failure_keys, ARRAY_SIZE(failure_keys));
        json_set(object, "code", json_integer(-answer->failure.code));
        json_set(object, "text", json_of_bytes(bytes_of(answer->failure.text)));
    }
    if (answer->kind == PROTO_DONE || answer->kind == PROTO_FAILED) {
        json_set(object, "notes", answer_notes(&answer->notes));
        json_set(object, "notes_dropped", json_integer((json_int_t)answer->notes.dropped));
    }
    return json_print(object, line);
}

/* ---- from a line --------------------------------------------------------------------- */

static int answer_take_sha(const json_t *value, struct sha256 *ret)
{
    struct bytes text = bytes_at(json_string_value(value), json_string_length(value));
    return text.len == 2 * sizeof(ret->at) && hex_bytes(text, ret->at) ? 0 : -EBADMSG;
}

static int answer_take_notes(const json_t *object, struct proto_answer *ret)
{
    const json_t *list = json_object_get(object, "notes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *note = json_array_get(list, i);
        struct bytes text;
        if (json_to_bytes(json_array_get(note, 1), &ret->arena, &text) < 0)
            return -EBADMSG;
        bool warning = json_integer_value(json_array_get(note, 0)) == NOTE_WARNING;
        notes_add(&ret->notes, warning ? NOTE_WARNING : NOTE_INFO, "%.*s", BYTES_ARG(text));
    }
    json_int_t dropped = json_integer_value(json_object_get(object, "notes_dropped"));
    ret->notes.dropped += dropped > 0 ? (size_t)dropped : 0;
    return 0;
}

static int answer_take_digest(const json_t *object, struct proto_answer *ret)
{
    struct digest_answer *digest = &ret->digest;
    const json_t *list = json_object_get(object, "lines");
    size_t n = json_array_size(list);
    digest->lines = ARENA_ARRAY(&ret->arena, n, struct digest_line);
    digest->n_lines = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        struct digest_line *line = &digest->lines[i];
        line->line = (uint32_t)json_integer_value(json_array_get(item, 0));
        line->n_files = (uint64_t)json_integer_value(json_array_get(item, 3));
        line->bytes = (uint64_t)json_integer_value(json_array_get(item, 4));
        if (json_to_bytes(json_array_get(item, 1), &ret->arena, &line->source) < 0 ||
            answer_take_sha(json_array_get(item, 2), &line->sha) < 0)
            return -EBADMSG;
    }
    return answer_take_sha(json_object_get(object, "sha256"), &digest->sha);
}

static int answer_take_failure(const json_t *object, struct proto_answer *ret)
{
    struct bytes text;
    json_int_t code = json_integer_value(json_object_get(object, "code"));
    if (json_to_bytes(json_object_get(object, "text"), &ret->arena, &text) < 0 || code < 1 ||
        code > 4095)
        return -EBADMSG;
    fail(&ret->failure, -(int)code, "%.*s", BYTES_ARG(text));
    return 0;
}

/* Takes the parts of a `done` that are present. */
static int answer_take_done(const json_t *object, struct proto_answer *ret, struct failure *f)
{
    struct arena *arena = &ret->arena;
    const json_t *status = json_object_get(object, "status");
    const json_t *url = json_object_get(object, "url");
    if (url && json_to_bytes(url, arena, &ret->url) < 0)
        return -EBADMSG;
    if (status) {
        cleanup_buf struct buf text = BUF(PROTO_ANSWER_MAX);
        int r = json_print(status, &text);
        if (r < 0)
            return r;
        ret->status = arena_copy(arena, buf_bytes(&text));
    }
    int r = json_take_keys(json_object_get(object, "stats"), &ret->stats, stats_keys,
                           ARRAY_SIZE(stats_keys), arena, f);
    r = r < 0 ? r : json_take_keys(object, ret, wait_keys, ARRAY_SIZE(wait_keys), arena, f);
    r = r < 0 ? r : json_take_keys(object, ret, digest_keys, ARRAY_SIZE(digest_keys), arena, f);
    if (r == 0 && json_object_get(object, "sha256"))
        r = answer_take_digest(object, ret);
    return r;
}

static int answer_take(const json_t *object, struct proto_answer *ret, struct failure *f)
{
    static const struct json_key kind_key = {"answer", JSON_KEY_WORD, AT(kind), answer_words,
                                             0};
    int r = json_object_get(object, "answer") ? 0 : -EBADMSG;
    r = r < 0 ? r : json_take_keys(object, ret, &kind_key, 1, &ret->arena, f);
    if (r == 0 && ret->kind == PROTO_PROGRESS)
        r = json_take_keys(object, &ret->progress, progress_keys, ARRAY_SIZE(progress_keys),
                           &ret->arena, f);
    if (r == 0 && ret->kind == PROTO_DONE)
        r = answer_take_done(object, ret, f);
    if (r == 0 && (ret->kind == PROTO_FAILED || ret->kind == PROTO_DECLINED)) {
        r = json_take_keys(object, ret, failure_keys, ARRAY_SIZE(failure_keys), &ret->arena, f);
        r = r < 0 ? r : answer_take_failure(object, ret);
    }
    return r < 0 ? r : answer_take_notes(object, ret);
}

int proto_answer_parse(struct bytes line, struct proto_answer *ret, struct failure *f)
{
    *ret = (struct proto_answer){0};
    cleanup_json json_t *object = NULL;
    struct failure why = {0};
    int r = json_parse(line, &object, &why);
    if (r == 0)
        r = answer_take(object, ret, &why);
    if (r < 0) {
        proto_answer_release(ret);
        return fail(f, -EBADMSG, "the daemon's answer can't be read%s%s",
                    why.text[0] ? ": " : "", why.text);
    }
    return 0;
}
