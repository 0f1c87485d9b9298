/* SPDX-License-Identifier: Apache-2.0 */
#include "http-parse.h"

#include <stdio.h>

/* ---- paths --------------------------------------------------------------------------- */

void http_parse_path(struct bytes path, struct http_path *ret)
{
    *ret = (struct http_path){.what = HTTP_NOTHING};
    if (bytes_equal(path, BYTES("/healthz"))) {
        ret->what = HTTP_HEALTH;
        return;
    }
    if (bytes_equal(path, BYTES("/metrics"))) {
        ret->what = HTTP_METRICS;
        return;
    }
    if (!bytes_starts(path, BYTES("/")))
        return;
    struct bytes name = bytes_from(path, 1 + URL_TOKEN_HEX);
    struct http_path found = {.what = HTTP_CONTEXT};
    if (bytes_equal(name, BYTES("/context.tar")))
        found.codec = SEND_TAR;
    else if (bytes_equal(name, BYTES("/context.tar.gz")))
        found.codec = SEND_GZIP;
    else
        return;
    if (url_token_parse(bytes_head(bytes_from(path, 1), URL_TOKEN_HEX), &found.token))
        *ret = found;
}

/* ---- entity tags --------------------------------------------------------------------- */

void http_etag(const struct sha256 *sha, char etag[HTTP_ETAG_LEN + 1])
{
    char hex[2 * sizeof(sha->at) + 1];
    hex_text(hex, sha->at, sizeof(sha->at));
    snprintf(etag, HTTP_ETAG_LEN + 1, "\"sha256-%s\"", hex);
}

/* Optional white space is spaces and tabs. Source: RFC 9110, 5.6.3. */
static struct bytes http_skip_space(struct bytes b)
{
    while (b.len && (b.at[0] == ' ' || b.at[0] == '\t'))
        b = bytes_from(b, 1);
    return b;
}

/* Takes `"…"` off the front, with its quotes. A comma between them is a part of the tag. */
static bool http_take_tag(struct bytes *rest, struct bytes *ret_tag)
{
    if (!bytes_starts(*rest, BYTES("\"")))
        return false;
    size_t end = 1 + bytes_find(bytes_from(*rest, 1), '"');
    if (end >= rest->len)
        return false;
    *ret_tag = bytes_head(*rest, end + 1);
    *rest = bytes_from(*rest, end + 1);
    return true;
}

bool http_none_match(struct bytes value, struct bytes etag)
{
    struct bytes rest = http_skip_space(value);
    if (bytes_starts(rest, BYTES("*")))
        return http_skip_space(bytes_from(rest, 1)).len == 0;
    while (rest.len) {
        /* A list may have empty members: `, "a",,"b"`. */
        if (rest.at[0] == ',') {
            rest = http_skip_space(bytes_from(rest, 1));
            continue;
        }
        struct bytes tag;
        if (bytes_starts(rest, BYTES("W/")))
            rest = bytes_from(rest, 2);
        if (!http_take_tag(&rest, &tag))
            return false;
        rest = http_skip_space(rest);
        if (rest.len && rest.at[0] != ',')
            return false;
        if (bytes_equal(tag, etag))
            return true;
    }
    return false;
}

/* ---- hosts --------------------------------------------------------------------------- */

static bool http_all_of(struct bytes b, const char *letters)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] == 0 || !strchr(letters, b.at[i]))
            return false;
    return b.len > 0;
}

bool http_host_ours(struct bytes host)
{
    size_t colon = bytes_find_last(host, ':');
    struct bytes name = host, port = {0};
    /* In "[::1]" the last colon belongs to the address. */
    if (colon < host.len && !bytes_ends(host, BYTES("]"))) {
        name = bytes_head(host, colon);
        port = bytes_from(host, colon + 1);
        if (!http_all_of(port, "0123456789") || port.len > 5)
            return false;
    }
    if (bytes_equal_nocase(name, BYTES("localhost")))
        return true;
    if (bytes_starts(name, BYTES("[")) && bytes_ends(name, BYTES("]")))
        return http_all_of(bytes_head(bytes_from(name, 1), name.len - 2),
                           "0123456789abcdefABCDEF:.");
    /* If the last label is a number, it is an address: no resolver is asked for it.
     * Source: RFC 1123, 2.1; WHATWG URL, "ends in a number". */
    struct bytes label = bytes_from(name, bytes_find_last(name, '.') + 1);
    return http_all_of(name, "0123456789.") && label.len > 0;
}

/* ---- /proc/net/tcp ------------------------------------------------------------------- */

/* Takes spaces and the column after them off the front. */
static bool tcp_take_column(struct bytes *rest, struct bytes *ret)
{
    while (rest->len && rest->at[0] == ' ')
        *rest = bytes_from(*rest, 1);
    size_t end = bytes_find(*rest, ' ');
    *ret = bytes_head(*rest, end);
    *rest = bytes_from(*rest, end);
    return ret->len > 0;
}

/*
 * Whether a column such as "0100007F:9AD6" is this address and port. Each 32 bits of the
 * address are a number in this machine's byte order. tcp6 has IPv4 addresses as
 * ::ffff:127.0.0.1.
 */
static bool tcp_is_end(struct bytes column, const struct sockaddr_in *end)
{
    static const char mapped[] = "0000000000000000FFFF0000";
    struct bytes address = bytes_head(column, bytes_find(column, ':'));
    struct bytes port = bytes_from(column, address.len + 1);
    if (address.len == 32 && bytes_starts(address, BYTES("0000000000000000FFFF0000")))
        address = bytes_from(address, sizeof(mapped) - 1);
    uint32_t address_bits, port_number;
    return address.len == 8 && port.len == 4 && hex_number(address, &address_bits) &&
           hex_number(port, &port_number) && address_bits == end->sin_addr.s_addr &&
           port_number == ntohs(end->sin_port);
}

bool http_parse_tcp_line(struct bytes line, const struct tcp_ends *ends, uid_t *ret)
{
    /* sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode … */
    struct bytes columns[10];
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        if (!tcp_take_column(&line, &columns[i]))
            return false;
    if (!tcp_is_end(columns[1], &ends->other) || !tcp_is_end(columns[2], &ends->mine))
        return false;
    uint64_t uid, inode;
    if (number_parse(columns[7], &uid) < 0 || uid > UINT32_MAX ||
        number_parse(columns[9], &inode) < 0 || inode == 0)
        return false;
    *ret = (uid_t)uid;
    return true;
}
