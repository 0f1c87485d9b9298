/* SPDX-License-Identifier: Apache-2.0 */
/* tar headers: what needs a PAX record, and what it says. */
#include "tap.h"
#include "tar-header.h"

static void test_headers(void)
{
    uint8_t name[300];
    memset(name, 'n', sizeof(name));
    cleanup_buf struct buf out = BUF(1 << 20);

    tap_case("a name of 100 bytes is plain ustar, a directory's of 100 is not");
    struct tar_header h = {.path = bytes_at(name, 100), .type = '0', .mode = 0644};
    TAP_CHECK(tar_is_plain(&h));
    h.type = '5';
    TAP_CHECK(!tar_is_plain(&h));

    tap_case("a path is split at a slash as far as prefix and name reach");
    name[155] = '/';
    h = (struct tar_header){.path = bytes_at(name, 256), .type = '0'};
    TAP_CHECK(tar_is_plain(&h));
    h.path = bytes_at(name, 257);
    TAP_CHECK(!tar_is_plain(&h));

    tap_case("what ustar can't say is in PAX records, sorted, each with its own length");
    h = (struct tar_header){.path = BYTES("f"), .type = '0', .size = 8ull << 30, .mtime = -5};
    tar_add_header(&out, &h);
    TAP_CHECK(out.len == 3 * USTAR_BLOCK && tar_header_size(&h) == out.len);
    TAP_EQUAL(bytes_of((const char *)out.at + USTAR_BLOCK),
              BYTES("12 mtime=-5\n19 size=8589934592\n"));

    tap_case("a long path of letters that are not ASCII is an entry before it, byte for byte");
    buf_clear(&out);
    /* Decomposed: libarchive would compose a record. */
    name[50] = 'r';
    name[51] = 0xcc;
    name[52] = 0x91;
    name[155] = 'n';
    h = (struct tar_header){.path = bytes_at(name, 150), .type = '0'};
    tar_add_header(&out, &h);
    TAP_CHECK(out.len == 3 * USTAR_BLOCK && tar_header_size(&h) == out.len &&
              out.at[156] == 'L');
    TAP_EQUAL(bytes_of((const char *)out.at), BYTES("././@LongLink"));
    TAP_EQUAL(bytes_of((const char *)out.at + 124), BYTES("00000000227")); /* with its NUL */
    TAP_EQUAL(bytes_of((const char *)out.at + USTAR_BLOCK), h.path);
    tap_case("... so is one that is not UTF-8, and a target");
    buf_clear(&out);
    name[50] = 0xff;
    h = (struct tar_header){.path = bytes_at(name, 150), .type = '1', .link = h.path};
    tar_add_header(&out, &h);
    TAP_CHECK(out.len == 5 * USTAR_BLOCK && tar_header_size(&h) == out.len);
    TAP_CHECK(out.at[156] == 'K' && out.at[2 * USTAR_BLOCK + 156] == 'L');
    TAP_EQUAL(bytes_of((const char *)out.at + USTAR_BLOCK), h.link);
    tap_case("... and a number is in a record all the same");
    buf_clear(&out);
    h = (struct tar_header){.path = bytes_at(name, 150), .type = '0', .mtime = -5};
    tar_add_header(&out, &h);
    TAP_CHECK(tar_header_size(&h) == out.len && out.at[156] == 'x');
    TAP_EQUAL(bytes_of((const char *)out.at + USTAR_BLOCK), BYTES("12 mtime=-5\n"));
    TAP_CHECK(out.at[2 * USTAR_BLOCK + 156] == 'L');
    tap_case("a short name needs nothing, whatever its letters are");
    h = (struct tar_header){
        .path = BYTES("r\xcc\x91\xff"), .type = '2', .link = BYTES("e\xcc\x81")};
    TAP_CHECK(tar_is_plain(&h));

    tap_case("a record's length counts itself where it gains a digit");
    for (size_t len = 101; len < 300; len++) {
        buf_clear(&out);
        memset(name, 'n', sizeof(name));
        h.path = bytes_at(name, len);
        tar_add_header(&out, &h);
        uint64_t said = 0;
        struct bytes record = bytes_of((const char *)out.at + USTAR_BLOCK);
        TAP_CHECK(number_parse(bytes_head(record, bytes_find(record, ' ')), &said) == 0);
        TAP_CHECKF(said == record.len, "length %zu", len);
    }
}

int main(void)
{
    test_headers();
    return tap_end();
}
