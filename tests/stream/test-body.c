/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that is pulled: its bytes, its ETag, and a file that changes after the ETag. */
#include "stream-fixture.h"

#include <errno.h>
#include <string.h>

/* Reads to the end or a failure; appends to *got. */
static ssize_t pull(struct body *body, size_t block, struct buf *got, struct failure *f)
{
    cleanup_free uint8_t *at = xmalloc(block);
    ssize_t n;
    while ((n = body_read(body, at, block, f)) > 0)
        if (buf_add(got, at, (size_t)n) < 0)
            abort();
    return n;
}

static struct sha256 etag_of(const struct fixture *x, enum send_codec codec)
{
    struct failure f = {0};
    struct sha256 etag = {0};
    struct body *body = NULL;
    cleanup_asked struct asked asked;
    int r = ask_tree(x, 2, &asked, &f);
    asked.request.codec = codec;
    if (r == 0)
        r = body_open(&asked.request, NULL, NULL, &body, &f);
    if (!TAP_CHECKF(r == 0, "%s", f.text))
        return etag;
    etag = *body_etag(body);
    body_free(body);
    return etag;
}

static bool same_etag(struct sha256 a, struct sha256 b)
{
    return sha256_equal(&a, &b);
}

static void test_bytes(void)
{
    struct fixture x = setup();
    struct failure f = {0};
    put_tree(&x);
    static const char *const names[] = {"plain", "gzip", "zstd"};
    for (enum send_codec codec = SEND_TAR; codec <= SEND_ZSTD; codec++) {
        tap_case("a %s body has the bytes of the stream, and says how many", names[codec]);
        cleanup_sent struct sent s = send_tree(&x, 2, codec, NULL);
        cleanup_buf struct buf got = BUF(SIZE_MAX / 2);
        cleanup_asked struct asked asked;
        struct body *body = NULL;
        int r = ask_tree(&x, 2, &asked, &f);
        asked.request.codec = codec;
        if (r < 0 || body_open(&asked.request, NULL, NULL, &body, &f) < 0) {
            TAP_CHECKF(false, "%s", f.text);
            continue;
        }
        TAP_CHECKF(pull(body, 50021, &got, &f) == 0, "%s", f.text);
        TAP_CHECK(body_length(body) == s.bytes.len &&
                  bytes_equal(buf_bytes(&got), buf_bytes(&s.bytes)));
        body_free(body);
    }
    teardown(&x);
}

static void test_etag(void)
{
    struct fixture x = setup();
    put_tree(&x);
    tap_case("the same context has the same ETag, packed another one");
    struct sha256 etag = etag_of(&x, SEND_TAR);
    TAP_CHECK(same_etag(etag, etag_of(&x, SEND_TAR)));
    TAP_CHECK(!same_etag(etag, etag_of(&x, SEND_GZIP)));
    tap_case("another file that no instruction reads changes nothing");
    put_text(&x, "unread", "another");
    TAP_CHECK(same_etag(etag, etag_of(&x, SEND_TAR)));
    tap_case("another content has another ETag");
    put_text(&x, "src/file-9", "another");
    TAP_CHECK(!same_etag(etag, etag_of(&x, SEND_TAR)));
    teardown(&x);
}

/* Changes `path` after the ETag was made, and pulls. */
static void change_after(const char *path, size_t len)
{
    struct fixture x = setup();
    struct failure f = {0};
    cleanup_asked struct asked asked;
    cleanup_buf struct buf got = BUF(SIZE_MAX / 2);
    cleanup_free uint8_t *other = xcalloc(1, len);
    struct body *body = NULL;
    put_tree(&x);
    int r = ask_tree(&x, 2, &asked, &f);
    if (r == 0)
        r = body_open(&asked.request, NULL, NULL, &body, &f);
    if (TAP_CHECKF(r == 0, "%s", f.text)) {
        put(&x, path, other, len);
        TAP_CHECK(pull(body, 50021, &got, &f) == -ESTALE && strstr(f.text, "changed"));
        TAP_CHECK(got.len < body_length(body));
        body_free(body);
    }
    teardown(&x);
}

int main(void)
{
    test_bytes();
    test_etag();
    tap_case("a file that changes after the ETag breaks the body off, short of its length");
    change_after("src/file-299", 299 * 37);
    tap_case("... also a large one, of which only the end is missing");
    change_after("big", 3000001);
    return tap_end();
}
