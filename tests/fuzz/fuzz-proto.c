/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a line of a client. Its first byte says how many descriptors come with it. A request
 * that is accepted, written and read again must give the same bytes. The same text is then read
 * as an answer of the daemon.
 */
#include "fuzz.h"
#include "proto.h"

static void request(struct bytes line, const int *fds, size_t n, bool stored)
{
    struct proto_request *was = NULL, *is = NULL;
    struct failure f = {0};
    if (proto_request_parse(line, fds, n, stored, &was, &f) < 0) {
        FUZZ_CHECK(f.code < 0 && f.text[0], "refused without a word");
        return;
    }
    FUZZ_CHECK(was->kind == PROTO_STATUS || was->kind == PROTO_STOP ||
                   (was->root_path.len && was->root_path.at[0] == '/'),
               "no root");
    cleanup_buf struct buf first = BUF(8 * PROTO_REQUEST_MAX),
                           again = BUF(8 * PROTO_REQUEST_MAX);
    if (proto_request_print(was, &first, &f) == 0) {
        /* The second read gets no descriptors. */
        FUZZ_CHECK(proto_request_parse(buf_bytes(&first), NULL, 0, true, &is, &f) == 0 || n > 0,
                   "what was written can't be read");
        if (is && n == 0) {
            FUZZ_CHECK(proto_request_print(is, &again, &f) == 0, "can't be written again");
            FUZZ_CHECK(bytes_equal(buf_bytes(&first), buf_bytes(&again)), "other bytes");
        }
    }
    proto_request_free(is);
    proto_request_free(was);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t n = data[0] % (PROTO_FDS + 2);
    int fds[PROTO_FDS + 1];
    for (size_t i = 0; i < n; i++)
        fds[i] = dup(STDERR_FILENO);
    struct bytes line = bytes_at(data + 1, size - 1);
    request(line, fds, n, false);
    int next = dup(STDERR_FILENO);
    FUZZ_CHECK(next <= STDERR_FILENO + 8, "descriptors are left open");
    close(next);
    request(line, NULL, 0, true);
    struct proto_answer answer;
    if (proto_answer_parse(line, &answer, NULL) == 0)
        proto_answer_release(&answer);
    return 0;
}
