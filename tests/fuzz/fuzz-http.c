/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives one input to each parser of what a client can write into a request, and of a table of
 * the kernel. None may crash, and the invariants of their answers must hold.
 */
#include "fuzz.h"
#include "http-parse.h"
#include "metrics-text.h"

static void expect(bool holds, const char *what, struct bytes input)
{
    FUZZ_CHECK(holds, "%s: %s", what, QUOTE(input));
}

/* Each address has one spelling: an address that was parsed and written again is the same text.
 */
static void check_path(struct bytes input)
{
    struct http_path path;
    char spelled[URL_TOKEN_HEX + 32], token[URL_TOKEN_HEX + 1];
    http_parse_path(input, &path);
    url_token_text(&path.token, token);
    if (path.what == HTTP_CONTEXT)
        snprintf(spelled, sizeof(spelled), "/%s/context.tar%s", token,
                 path.codec == SEND_GZIP ? ".gz" : "");
    else
        snprintf(spelled, sizeof(spelled), "%s",
                 path.what == HTTP_METRICS ? "/metrics" : "/healthz");
    expect(path.what == HTTP_NOTHING || bytes_equal(input, bytes_of(spelled)), "path", input);
}

static bool contains(struct bytes b, struct bytes part)
{
    return part.len <= b.len && memmem(b.at, b.len, part.at, part.len);
}

static void check_none_match(struct bytes input)
{
    struct bytes etag = BYTES("\"sha256-0\"");
    bool met = http_none_match(input, etag);
    size_t first = 0;
    while (first < input.len && (input.at[first] == ' ' || input.at[first] == '\t'))
        first++;
    bool star = first < input.len && input.at[first] == '*';
    expect(!met || star || contains(input, etag), "a match of nothing", input);
    /* The tag is found at the front of any list, strong or weak. */
    cleanup_buf struct buf list = BUF(1u << 20);
    if (buf_addf(&list, "W/%.*s ,", BYTES_ARG(etag)) < 0 || buf_add_bytes(&list, input) < 0)
        return;
    expect(http_none_match(buf_bytes(&list), etag), "a tag not found", input);
    expect(http_none_match(bytes_from(buf_bytes(&list), 2), etag), "a tag not found", input);
}

static void check_host(struct bytes input)
{
    if (!http_host_ours(input))
        return;
    /* The only letters are those of localhost or of an IPv6 address, so that no name is left
     * that a resolver could be asked for. */
    bool local = input.len >= 9 && bytes_equal_nocase(bytes_head(input, 9), BYTES("localhost"));
    bool bracket = input.at[0] == '[';
    for (size_t i = local ? 9 : 0; !bracket && i < input.len; i++)
        expect(input.at[i] && strchr("0123456789.:", input.at[i]), "a name", input);
}

static void check_tcp(struct bytes input)
{
    struct tcp_ends ends = {
        .mine = {.sin_port = htons(0x4e20), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        .other = {.sin_port = htons(0x9ad6), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    uid_t uid;
    if (http_parse_tcp_line(input, &ends, &uid))
        expect(contains(input, BYTES(":4E20")) || contains(input, BYTES(":4e20")), "a row",
               input);
}

static void check_label(struct bytes input)
{
    cleanup_buf struct buf text = BUF(1u << 20);
    if (metric_sample(&text, "m", "l", input, 1) < 0)
        return;
    struct bytes line = buf_bytes(&text);
    expect(bytes_find(line, '\n') == line.len - 1, "a sample of two lines", input);
    /* The first quote that is not escaped ends the value; after the value only `"} 1` follows.
     */
    size_t i = strlen("m{l=\"");
    while (i < line.len && line.at[i] != '"')
        i += line.at[i] == '\\' ? 2 : 1;
    expect(bytes_equal(bytes_from(line, i), BYTES("\"} 1\n")), "a label that ends early",
           input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_at(data, size);
    check_path(input);
    check_none_match(input);
    check_host(input);
    check_tcp(input);
    check_label(input);
    return 0;
}
