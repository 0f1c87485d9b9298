/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"
#include "tap.h"
#include "urls.h"

#include <errno.h>
#include <stdio.h>

#define TOKEN "0123456789abcdef0123456789abcdef"

struct fixture {
    char directory[64];
    struct hashdb *hashes;
    struct urls *urls;
};

static void open_urls(struct fixture *x)
{
    hashdb_open(x->directory, NULL, &x->hashes);
    x->urls = urls_open(x->hashes);
}

static void close_urls(struct fixture *x)
{
    urls_close(x->urls);
    hashdb_close(x->hashes);
}

static struct fixture setup(void)
{
    struct fixture x = {.directory = "/tmp/ctxd-http-XXXXXX"};
    scratch_make(x.directory);
    open_urls(&x);
    return x;
}

static void teardown(struct fixture *x)
{
    close_urls(x);
    scratch_remove(x->directory);
}

static struct url_token token_of(struct fixture *x, struct bytes line)
{
    struct url_token token = {0};
    struct failure f = {0};
    TAP_CHECKF(urls_token(x->urls, line, &token, &f) == 0, "%s", f.text);
    return token;
}

static bool same(struct url_token a, struct url_token b)
{
    return memcmp(a.at, b.at, sizeof(a.at)) == 0;
}

static bool known(struct fixture *x, struct url_token token, struct bytes line)
{
    cleanup_buf struct buf found = BUF(URLS_BYTES_MAX);
    return urls_find(x->urls, &token, &found) == 0 && bytes_equal(buf_bytes(&found), line);
}

static void test_urls(void)
{
    struct fixture x = setup();
    tap_case("a selection has one token, and keeps it");
    struct url_token a = token_of(&x, BYTES("{\"a\": \"b c\"}")), b = token_of(&x, BYTES("b"));
    TAP_CHECK(!same(a, b));
    TAP_CHECK(same(a, token_of(&x, BYTES("{\"a\": \"b c\"}"))));
    TAP_CHECK(known(&x, a, BYTES("{\"a\": \"b c\"}")));
    TAP_CHECK(known(&x, b, BYTES("b")));

    tap_case("a token that is wrong in one bit is unknown");
    for (size_t bit = 0; bit < 8 * URL_TOKEN_BYTES; bit++) {
        struct url_token wrong = a;
        cleanup_buf struct buf line = BUF(100);
        wrong.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        TAP_CHECK(urls_find(x.urls, &wrong, &line) == -ENOENT);
        TAP_CHECK(line.len == 0);
    }

    tap_case("tokens and port outlive a restart");
    urls_set_port(x.urls, 23456);
    close_urls(&x);
    open_urls(&x);
    TAP_CHECK(urls_port(x.urls) == 23456);
    TAP_CHECK(same(a, token_of(&x, BYTES("{\"a\": \"b c\"}"))));
    TAP_CHECK(known(&x, b, BYTES("b")));

    tap_case("what another release kept, or somebody broke, is dropped");
    struct bytes broken[] = {BYTES("2 5 line"), BYTES("1 x line"), BYTES("1 5"), BYTES("1 5 "),
                             BYTES("")};
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        char key[] = "url/" TOKEN;
        key[4] = (char)('0' + i);
        TAP_CHECK(hashdb_set(x.hashes, bytes_of(key), &broken[i]) == 0);
    }
    TAP_CHECK(hashdb_set(x.hashes, BYTES("url/short"), &broken[0]) == 0);
    close_urls(&x);
    open_urls(&x);
    TAP_CHECK(urls_count(x.urls) == 2);
    TAP_CHECK(known(&x, a, BYTES("{\"a\": \"b c\"}")));
    teardown(&x);
}

/* Puts an address into the database with a time of use that we choose. The clock counts whole
 * seconds, so real uses would all have the same. */
static void keep(struct fixture *x, size_t i, uint64_t used_s, size_t size)
{
    cleanup_buf struct buf value = BUF(2u << 20);
    char key[4 + URL_TOKEN_HEX + 1];
    snprintf(key, sizeof(key), "url/%032zx", i);
    int r = buf_addf(&value, "1 %llu %zu ", (unsigned long long)used_s, i);
    r = r < 0 ? r : buf_add_zeros(&value, size);
    struct bytes bytes = buf_bytes(&value);
    if (r < 0 || hashdb_set(x->hashes, bytes_of(key), &bytes) < 0)
        abort();
}

static bool kept(struct fixture *x, size_t i)
{
    char text[URL_TOKEN_HEX + 1];
    struct url_token token;
    cleanup_buf struct buf line = BUF(URLS_BYTES_MAX);
    snprintf(text, sizeof(text), "%032zx", i);
    return url_token_parse(bytes_of(text), &token) && urls_find(x->urls, &token, &line) == 0;
}

static void test_limits(void)
{
    struct fixture x = setup();
    tap_case("past the number of addresses the longest unused goes");
    for (size_t i = 0; i < URLS_MAX + 3; i++)
        keep(&x, i, 1000 + (i * 7) % (URLS_MAX + 3), 0);
    close_urls(&x);
    open_urls(&x);
    TAP_CHECK(urls_count(x.urls) == URLS_MAX);
    /* The three oldest were used at 1000, 1001 and 1002. */
    size_t gone = 0;
    for (size_t i = 0; i < URLS_MAX + 3; i++)
        if ((i * 7) % (URLS_MAX + 3) < 3)
            gone += !kept(&x, i);
    TAP_CHECK(gone == 3);
    token_of(&x, BYTES("new"));
    TAP_CHECK(urls_count(x.urls) == URLS_MAX);
    close_urls(&x);
    open_urls(&x);
    TAP_CHECK(urls_count(x.urls) == URLS_MAX);
    teardown(&x);

    tap_case("past their sum of bytes, too");
    x = setup();
    size_t size = (1u << 20) - 100;
    for (size_t i = 0; i < 9; i++)
        keep(&x, i, 2000 - i, size);
    close_urls(&x);
    open_urls(&x);
    TAP_CHECK(urls_count(x.urls) == 8);
    TAP_CHECK(!kept(&x, 8));
    TAP_CHECK(kept(&x, 0));

    tap_case("a selection that is too large is refused");
    struct url_token token;
    struct failure f = {0};
    uint8_t *large = xcalloc(1, PROTO_REQUEST_MAX + 1);
    TAP_CHECK(urls_token(x.urls, bytes_at(large, PROTO_REQUEST_MAX + 1), &token, &f) == -E2BIG);
    TAP_CHECK(f.text[0]);
    free(large);
    teardown(&x);
}

int main(void)
{
    test_urls();
    test_limits();
    return tap_end();
}
