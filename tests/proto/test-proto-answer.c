/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: each kind is read as it was written, and what is none is refused. */
#include "proto.h"
#include "tap.h"

#include <errno.h>

static bool same_stats(const struct send_stats *a, const struct send_stats *b)
{
    return memcmp(a, b, offsetof(struct send_stats, rewritten)) == 0 &&
           a->rewritten == b->rewritten && a->everything == b->everything;
}

static void test_answers(void)
{
    cleanup_buf struct buf line = BUF(PROTO_ANSWER_MAX), again = BUF(PROTO_ANSWER_MAX);
    struct failure f = {0};
    cleanup_notes struct notes notes = {0};
    notes_add(&notes, NOTE_WARNING, "w\xc3\xa9");
    notes_add(&notes, NOTE_INFO, "i");
    struct digest_line digest_lines[] = {{7, BYTES("a\xff"), sha256(BYTES("x")), 1, 2}};
    struct proto_answer answers[] = {
        {.kind = PROTO_STARTED},
        {.kind = PROTO_PROGRESS, .progress = {1, 2, 3, 4, 5}},
        {.kind = PROTO_DONE,
         .stats = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, true, true}},
        {.kind = PROTO_DONE,
         .digest = {.sha = sha256(BYTES("y")),
                    .n_files = 3,
                    .bytes = 4,
                    .lines = digest_lines,
                    .n_lines = 1}},
        {.kind = PROTO_DONE, .url = BYTES("http://x/")},
        {.kind = PROTO_DONE, .seq = 5, .changed = true, .slow = true},
        {.kind = PROTO_DONE, .status = BYTES("{\"a\":[1]}")},
        {.kind = PROTO_FAILED, .failure = {-EACCES, "a \"b\""}, .untouched = true},
        {.kind = PROTO_DECLINED, .why = PROTO_BUSY, .failure = {-EBUSY, "busy"}},
    };
    static const enum proto_kind kinds[] = {PROTO_SEND,   PROTO_SEND, PROTO_SEND,
                                            PROTO_DIGEST, PROTO_URL,  PROTO_WAIT,
                                            PROTO_STATUS, PROTO_SEND, PROTO_SEND};
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        tap_case("answer %zu is read as it was written", i);
        answers[i].notes = notes;
        struct proto_answer is;
        buf_clear(&line);
        buf_clear(&again);
        TAP_CHECK(proto_answer_print(&answers[i], kinds[i], &line) == 0);
        int r = proto_answer_parse(buf_bytes(&line), &is, &f);
        TAP_CHECKF(r == 0, "%s", f.text);
        TAP_CHECK(r < 0 || proto_answer_print(&is, kinds[i], &again) == 0);
        TAP_EQUAL(buf_bytes(&again), buf_bytes(&line));
        if (r == 0) {
            TAP_CHECK(is.kind == answers[i].kind && is.why == answers[i].why);
            TAP_CHECK(same_stats(&is.stats, &answers[i].stats));
            TAP_CHECK(memcmp(&is.progress, &answers[i].progress, sizeof(is.progress)) == 0);
            TAP_CHECK(is.failure.code == answers[i].failure.code);
            TAP_CHECK(strcmp(is.failure.text, answers[i].failure.text) == 0);
            TAP_CHECK(is.untouched == answers[i].untouched && is.seq == answers[i].seq);
            TAP_CHECK(is.changed == answers[i].changed && is.slow == answers[i].slow);
            TAP_EQUAL(is.url, answers[i].url);
            TAP_EQUAL(is.status, answers[i].status);
            TAP_CHECK(is.digest.n_files == answers[i].digest.n_files);
            proto_answer_release(&is);
        }
    }
    static const char *const wrong[] = {
        "{}",
        "[]",
        "x",
        "{\"answer\":\"ok\"}",
        "{\"answer\":\"failed\"}",
        "{\"answer\":\"failed\",\"code\":0,\"text\":\"\"}",
        "{\"answer\":\"done\",\"sha256\":\"12\"}",
        "{\"answer\":\"done\",\"stats\":{\"n_files\":-1}}",
        "{\"answer\":\"done\",\"url\":[]}",
        "{\"answer\":\"done\",\"notes\":[[1]]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        tap_case("no answer: %s", wrong[i]);
        struct proto_answer is;
        TAP_CHECK(proto_answer_parse(bytes_of(wrong[i]), &is, &f) == -EBADMSG);
    }
}

int main(void)
{
    test_answers();
    return tap_end();
}
