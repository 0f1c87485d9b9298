/* SPDX-License-Identifier: Apache-2.0 */
#include "http-parse.h"
#include "tap.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define TAG "\"sha256-aa\""

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
        /* our own end; another port; another address; a socket that no process has */
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

int main(void)
{
    test_paths();
    test_none_match();
    test_hosts();
    test_tcp_lines();
    return tap_end();
}
