/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fakes.h"
#include "http-parse.h"
#include "http-peer.h"
#include "http.h"
#include "metrics-text.h"
#include "scratch.h"
#include "tap.h"
#include "url.h"
#include "urls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

#define TOKEN "0123456789abcdef0123456789abcdef"
#define TAG "\"sha256-aa\""

/* ---- parsers ------------------------------------------------------------------------- */

static void test_paths(void)
{
    static const struct {
        const char *path;
        enum http_what what;
        enum send_codec codec;
    } cases[] = {
        {"/healthz", HTTP_HEALTH, 0},
        {"/metrics", HTTP_METRICS, 0},
        {"/" TOKEN "/context.tar", HTTP_CONTEXT, SEND_TAR},
        {"/" TOKEN "/context.tar.gz", HTTP_CONTEXT, SEND_GZIP},
        {"", HTTP_NOTHING, 0},
        {"/", HTTP_NOTHING, 0},
        {"healthz", HTTP_NOTHING, 0},
        {"/healthz/", HTTP_NOTHING, 0},
        {"//healthz", HTTP_NOTHING, 0},
        {"/%68ealthz", HTTP_NOTHING, 0},
        {"/" TOKEN, HTTP_NOTHING, 0},
        {"/" TOKEN "/", HTTP_NOTHING, 0},
        {"/" TOKEN "/context.tar.zst", HTTP_NOTHING, 0},
        {"/" TOKEN "%2fcontext.tar", HTTP_NOTHING, 0},
        {"/" TOKEN "/context.tar?a", HTTP_NOTHING, 0},
        {"/" TOKEN "0/context.tar", HTTP_NOTHING, 0},
        {"/0123456789ABCDEF0123456789ABCDEF/context.tar", HTTP_NOTHING, 0},
        {"/g123456789abcdef0123456789abcdef/context.tar", HTTP_NOTHING, 0},
        {"/123456789abcdef0123456789abcdef/context.tar", HTTP_NOTHING, 0},
        {"x" TOKEN "/context.tar", HTTP_NOTHING, 0},
    };
    tap_case("an address has one spelling, and nothing else is one");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_path path;
        http_parse_path(bytes_of(cases[i].path), &path);
        TAP_CHECKF(path.what == cases[i].what, "%s", cases[i].path);
        TAP_CHECKF(path.codec == cases[i].codec, "%s", cases[i].path);
    }
    struct http_path path;
    char text[URL_TOKEN_HEX + 1];
    http_parse_path(BYTES("/" TOKEN "/context.tar"), &path);
    url_token_text(&path.token, text);
    TAP_EQUAL(bytes_of(text), BYTES(TOKEN));
    http_parse_path(BYTES("/" TOKEN "/context.tar\0"), &path);
    TAP_CHECK(path.what == HTTP_NOTHING);
}

static void test_none_match(void)
{
    /* Source: RFC 9110, 8.8.3, 13.1.2; BuildKit source/http joins its tags with ", ". */
    static const struct {
        const char *value;
        bool met;
    } cases[] = {
        {TAG, true},
        {"W/" TAG, true},
        {"\"b\", " TAG, true},
        {"\"b\",\tW/\"c\" ," TAG ",\"d\"", true},
        {"*", true},
        {" * ", true},
        {",, " TAG, true},
        {"\"b,c\"," TAG, true},
        {TAG ", nonsense", true},
        {"", false},
        {"\"b\"", false},
        {"sha256-aa", false},
        {"\"SHA256-AA\"", false},
        {"\"sha256-aa", false},
        {"w/" TAG, false},
        {"W/ " TAG, false},
        {"\"b\" " TAG, false},
        {"nonsense, " TAG, false},
        {"*, " TAG, false},
        {"\"*\"", false},
        {"\"\\\"sha256-aa\\\"\"", false},
    };
    tap_case("If-None-Match is a list of tags, compared whole");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        TAP_CHECKF(http_none_match(bytes_of(cases[i].value), BYTES(TAG)) == cases[i].met, "%s",
                   cases[i].value);

    tap_case("an ETag is the hash in quotes");
    char etag[HTTP_ETAG_LEN + 1];
    struct sha256 sha = sha256(BYTES("abc"));
    http_etag(&sha, etag);
    /* Source: FIPS 180-2, B.1. */
    TAP_EQUAL(bytes_of(etag),
              BYTES("\"sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
                    "\""));
    TAP_CHECK(strlen(etag) == HTTP_ETAG_LEN);
}

static void test_hosts(void)
{
    static const char *const ours[] = {
        "127.0.0.1", "127.0.0.1:20000",       "localhost", "LOCALHOST:1",
        "[::1]",     "[::ffff:127.0.0.1]:80", "10.1.2.3:9"};
    static const char *const others[] = {"",
                                         "evil.example",
                                         "evil.example:20000",
                                         "localhost.evil",
                                         "127.0.0.1.evil",
                                         "a@127.0.0.1",
                                         "127.0.0.1:",
                                         "127.0.0.1:x",
                                         "127.0.0.1:123456",
                                         "[::1",
                                         "[evil]",
                                         "127.0.0.1.",
                                         "localhost:80:80",
                                         "0x7f.1"};
    tap_case("a Host that is a name, but localhost, is another machine's");
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        TAP_CHECKF(http_host_ours(bytes_of(ours[i])), "%s", ours[i]);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        TAP_CHECKF(!http_host_ours(bytes_of(others[i])), "%s", others[i]);
}

/* ---- the peer ------------------------------------------------------------------------ */

static void test_tcp_lines(void)
{
    struct tcp_ends ends = {
        .mine = {.sin_port = htons(0x4e20), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        .other = {.sin_port = htons(0x9ad6), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    uid_t uid = 0;
#define REST " 01 00000000:00000000 00:00000000 00000000 "
    tap_case("a line of /proc/net/tcp is the other end's, and somebody's");
    TAP_CHECK(http_parse_tcp_line(
        BYTES("  2: 0100007F:9AD6 0100007F:4E20" REST "1000        0 60967 2 0"), &ends, &uid));
    TAP_CHECK(uid == 1000);
    TAP_CHECK(http_parse_tcp_line(BYTES("  2: 0000000000000000FFFF00000100007F:9AD6 "
                                        "0000000000000000FFFF00000100007F:4E20" REST
                                        "1001        0 60967 2 0"),
                                  &ends, &uid));
    TAP_CHECK(uid == 1001);
    static const char *const others[] = {
        /* our own end; another port; another address; nobody's */
        "  2: 0100007F:4E20 0100007F:9AD6" REST "1000 0 60967 2 0",
        "  2: 0100007F:9AD7 0100007F:4E20" REST "1000 0 60967 2 0",
        "  2: 0200007F:9AD6 0100007F:4E20" REST "1000 0 60967 2 0",
        "  2: 0100007F:9AD6 0100007F:4E20" REST "0 0 0 2 0",
        /* not mapped; cut short; no number */
        "  2: 0000000000000000000000000100007F:9AD6 0100007F:4E20" REST "1000 0 60967 2 0",
        "  2: 0100007F:9AD6 0100007F:4E20 01",
        "  2: 0100007F:9AD6 0100007F:4E20" REST "-1 0 60967 2 0",
        "  2: 0100007F:9AD6 0100007F:4E20" REST "4294967296 0 60967 2 0",
        "  2: 0100007F: 0100007F:4E20" REST "1000 0 60967 2 0",
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        TAP_CHECKF(!http_parse_tcp_line(bytes_of(others[i]), &ends, &uid), "%s", others[i]);
#undef REST
}

struct pair {
    int listener, client, server;
    struct tcp_ends ends;
};

static void pair_open(struct pair *pair, int family)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6,
                                  .sin6_addr = {{{[10] = 0xff, 0xff, 127, 0, 0, 1}}}};
    socklen_t len = sizeof(at);
    *pair = (struct pair){0};
    pair->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair->client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(pair->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(pair->listener, 1) < 0 ||
        getsockname(pair->listener, (struct sockaddr *)&pair->ends.mine, &len) < 0)
        abort();
    mapped.sin6_port = pair->ends.mine.sin_port;
    int r = family == AF_INET
                ? connect(pair->client, (struct sockaddr *)&pair->ends.mine, sizeof(at))
                : connect(pair->client, (struct sockaddr *)&mapped, sizeof(mapped));
    len = sizeof(pair->ends.other);
    if (r < 0)
        abort();
    pair->server = accept(pair->listener, (struct sockaddr *)&pair->ends.other, &len);
    if (pair->server < 0)
        abort();
}

static void pair_close(struct pair *pair)
{
    close(pair->listener);
    close(pair->server);
    if (pair->client >= 0)
        close(pair->client);
}

typedef int peer_way(const struct tcp_ends *ends, uid_t *ret);

static void test_peer(peer_way *way, const char *name)
{
    struct pair pair;
    uid_t uid = 77;
    tap_case("%s tells whose the other end is", name);
    pair_open(&pair, AF_INET);
    TAP_CHECK(way(&pair.ends, &uid) == 0);
    TAP_CHECK(uid == geteuid());

    /* What the kernel shows of an orphan is uid 0. */
    tap_case("%s takes nobody's socket for root's", name);
    shutdown(pair.client, SHUT_WR);
    TAP_CHECK(way(&pair.ends, &uid) == 0);
    close(pair.client);
    pair.client = -1;
    uid = 77;
    TAP_CHECK(way(&pair.ends, &uid) == -ENOENT);
    TAP_CHECK(uid == 77);
    pair_close(&pair);

    tap_case("%s knows a socket of IPv6 that speaks IPv4", name);
    pair_open(&pair, AF_INET6);
    TAP_CHECK(way(&pair.ends, &uid) == 0);
    TAP_CHECK(uid == geteuid());
    pair_close(&pair);

    tap_case("%s knows another user", name);
    if (geteuid() != 0) {
        tap_skip("only root can be another");
        return;
    }
    if (seteuid(65534) < 0)
        abort();
    pair_open(&pair, AF_INET);
    if (seteuid(0) < 0)
        abort();
    TAP_CHECK(way(&pair.ends, &uid) == 0);
    TAP_CHECK(uid == 65534);
    /* A listener on the port of a connection that is gone is somebody else. */
    pair.ends.other.sin_port = pair.ends.mine.sin_port;
    TAP_CHECK(way(&pair.ends, &uid) == -ENOENT);
    pair_close(&pair);
}

/* ---- addresses ----------------------------------------------------------------------- */

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

/* The clock counts whole seconds: those kept in the database have what ages we like. */
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
    /* Used at 1000, 1001 and 1002: 0, and those whose sevenfold is 1 and 2. */
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

static void make(struct daemon *daemon, const char *target, enum send_codec codec, int level,
                 bool bare, char url[URL_LEN_MAX])
{
    struct root root = {.path = BYTES("/made/up")};
    struct failure f = {0};
    struct proto_request *request = fake_request("/made/up", target, codec, level, bare);
    TAP_CHECKF(url_make(daemon, &root, request, url, &f) == 0, "%s", f.text);
    proto_request_free(request);
}

static void test_url_make(void)
{
    struct fixture x = setup();
    struct fake_setup fake = {
        .directory = x.directory, .port = HTTP_CHOSEN, .lanes = 2, .clients = 4, .quiet = true};
    struct daemon *daemon = fake_new(&fake);
    struct failure f = {0};
    char a[URL_LEN_MAX], b[URL_LEN_MAX];
    struct root root = {.path = BYTES("/made/up")};
    struct proto_request *request = fake_request("/made/up", "t", SEND_TAR, 0, false);

    tap_case("without HTTP there is no address");
    TAP_CHECK(url_make(daemon, &root, request, a, &f) == -EOPNOTSUPP);
    TAP_EQUAL(bytes_of(http_address(daemon)), BYTES("off"));
    TAP_CHECKF(http_start(daemon, &f) == 0, "%s", f.text);

    tap_case("the same selection has the same address, whoever asks");
    make(daemon, "t", SEND_TAR, 0, false, a);
    TAP_CHECK(bytes_starts(bytes_of(a), BYTES("http://127.0.0.1:2")));
    TAP_CHECK(bytes_ends(bytes_of(a), BYTES("/context.tar")));
    request->version = BYTES("0.0.1");
    request->build = BYTES("other");
    request->root_name = BYTES("../up");
    request->mount_ns_ino = 9;
    request->progress = true;
    request->control.dockerfile_stat.st_ino = 5;
    request->control.dockerfile_name = BYTES("x");
    TAP_CHECK(url_make(daemon, &root, request, b, &f) == 0);
    TAP_EQUAL(bytes_of(b), bytes_of(a));

    tap_case("plain and gzip share a token");
    make(daemon, "t", SEND_GZIP, SEND_GZIP_LEVEL, false, b);
    TAP_CHECK(bytes_ends(bytes_of(b), BYTES("/context.tar.gz")));
    TAP_EQUAL(bytes_head(bytes_of(b), strlen(a)), bytes_of(a));

    tap_case("another selection has another");
    make(daemon, "u", SEND_TAR, 0, false, b);
    TAP_CHECK(strcmp(a, b) != 0);
    make(daemon, "t", SEND_TAR, 0, true, b);
    TAP_CHECK(strcmp(a, b) != 0);
    make(daemon, "t", SEND_GZIP, 9, false, b);
    TAP_CHECK(strncmp(a, b, strlen(a)) != 0);
    request->dockerfile_path = BYTES("/made/up/other");
    TAP_CHECK(url_make(daemon, &root, request, b, &f) == 0);
    TAP_CHECK(strcmp(a, b) != 0);
    request->send.codec = SEND_ZSTD;
    TAP_CHECK(url_make(daemon, &root, request, b, &f) == -EINVAL);

    tap_case("a second daemon of the user takes the next port");
    struct daemon *other = fake_new(&fake);
    TAP_CHECKF(http_start(other, &f) == 0, "%s", f.text);
    TAP_CHECK(strcmp(http_address(other), http_address(daemon)) != 0);
    fake_free(other);

    tap_case("a port that was asked for and is taken is a failure that says so");
    struct bytes port = bytes_of(http_address(daemon) + strlen("127.0.0.1:"));
    uint64_t number;
    TAP_CHECK(number_parse(port, &number) == 0);
    fake.port = (int64_t)number;
    other = fake_new(&fake);
    TAP_CHECK(http_start(other, &f) == -EADDRINUSE);
    TAP_CHECK(strstr(f.text, "--http=PORT"));
    fake_free(other);

    tap_case("a passed socket that others can reach is refused");
    other = fake_new(&fake);
    struct sockaddr_in any = {.sin_family = AF_INET};
    other->http_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TAP_CHECK(bind(other->http_fd, (struct sockaddr *)&any, sizeof(any)) == 0);
    TAP_CHECK(listen(other->http_fd, 1) == 0);
    TAP_CHECK(http_start(other, &f) == -EINVAL);
    fake_free(other);
    proto_request_free(request);
    fake_free(daemon);
    teardown(&x);
}

/* ---- metrics ------------------------------------------------------------------------- */

static void test_metric_text(void)
{
    cleanup_buf struct buf text = BUF(4096);
    tap_case("labels and helps are escaped as Prometheus reads them");
    TAP_CHECK(metric_begin(&text, "m", METRIC_GAUGE, "a \\ \"b\"\nc") == 0);
    TAP_CHECK(metric_sample(&text, "m", "l", BYTES("a\\\"b\"\nc"), 7) == 0);
    TAP_EQUAL(buf_bytes(&text), BYTES("# HELP m a \\\\ \"b\"\\nc\n# TYPE m gauge\n"
                                      "m{l=\"a\\\\\\\"b\\\"\\nc\"} 7\n"));

    tap_case("a histogram's classes add up");
    buf_clear(&text);
    uint64_t limits[] = {500000, 1000000000}, counts[] = {1, 0, 2};
    TAP_CHECK(metric_histogram(&text, "h", NULL, BYTES(""), limits, 2, counts, 12000000345) ==
              0);
    TAP_EQUAL(buf_bytes(&text), BYTES("h_bucket{le=\"0.000500000\"} 1\n"
                                      "h_bucket{le=\"1.000000000\"} 1\n"
                                      "h_bucket{le=\"+Inf\"} 3\n"
                                      "h_sum 12.000000345\nh_count 3\n"));

    tap_case("and so do those of a histogram with a label, which is escaped");
    buf_clear(&text);
    TAP_CHECK(metric_histogram(&text, "h", "l", BYTES("a\"b"), limits, 1, counts, 5) == 0);
    TAP_EQUAL(buf_bytes(&text), BYTES("h_bucket{l=\"a\\\"b\",le=\"0.000500000\"} 1\n"
                                      "h_bucket{l=\"a\\\"b\",le=\"+Inf\"} 1\n"
                                      "h_sum{l=\"a\\\"b\"} 0.000000005\n"
                                      "h_count{l=\"a\\\"b\"} 1\n"));
}

int main(void)
{
    test_paths();
    test_none_match();
    test_hosts();
    test_tcp_lines();
    test_peer(http_peer_by_diag, "sock_diag");
    test_peer(http_peer_by_proc, "/proc/net/tcp");
    test_peer(http_peer_uid, "one of both");
    test_urls();
    test_limits();
    test_url_make();
    test_metric_text();
    return tap_end();
}
