/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of a tar, field by field. */
#include "base.h"
#include "tap.h"

#include <stdio.h>

static void test_split(void)
{
    /* Source: POSIX.1-2017, pax: a name of 100 bytes, a prefix of 155 before a slash. */
    uint8_t path[300];
    memset(path, 'p', sizeof(path));
    path[155] = '/';
    tap_case("a path is split at a slash that leaves at most 155 and 100 bytes, or not at all");
    TAP_CHECK(ustar_split(bytes_at(path, 100)) == 100);
    TAP_CHECK(ustar_split(bytes_at(path, 101)) == SIZE_MAX);
    TAP_CHECK(ustar_split(bytes_at(path, 256)) == 155);
    TAP_CHECK(ustar_split(bytes_at(path, 257)) == SIZE_MAX);
    path[20] = '/';
    TAP_CHECK(ustar_split(bytes_at(path, 121)) == 20 &&
              ustar_split(bytes_at(path, 122)) == SIZE_MAX);
    TAP_CHECK(ustar_split(bytes_at(path, 156)) == SIZE_MAX); /* the last slash is the name's */
    path[0] = '/', path[20] = 'p';
    TAP_CHECK(ustar_split(bytes_at(path, 101)) == SIZE_MAX); /* a prefix is not empty */
}

static void test_header(void)
{
    uint8_t path[121];
    memset(path, 'p', sizeof(path));
    path[20] = '/';
    tap_case("a header has its fields where ustar has them, and a checksum over all of it");
    uint8_t block[USTAR_BLOCK];
    struct ustar_header header = {.path = bytes_at(path, sizeof(path)),
                                  .link = BYTES("to"),
                                  .type = '2',
                                  .mode = 0755,
                                  .size = 010,
                                  .mtime = USTAR_NUMBER_MAX};
    ustar_fill(block, &header);
    ustar_octal(block + USTAR_DEVICE_MAJOR_AT, 7, 5);
    ustar_seal(block);
    TAP_EQUAL(bytes_at(block, 100), bytes_at(path + 21, 100));
    TAP_EQUAL(bytes_at(block + 100, 24), BYTES("0000755\0"
                                               "0000000\0"
                                               "0000000\0"));
    TAP_EQUAL(bytes_at(block + 124, 24), BYTES("00000000010\0"
                                               "77777777777\0"));
    TAP_EQUAL(bytes_at(block + 156, 4), BYTES("2to\0"));
    TAP_EQUAL(bytes_at(block + 257, 8), BYTES("ustar\0"
                                              "00"));
    TAP_EQUAL(bytes_at(block + 329, 8), BYTES("0000005\0"));
    TAP_EQUAL(bytes_at(block + 345, 21), BYTES("pppppppppppppppppppp\0"));
    unsigned sum = 0;
    char want[8];
    for (size_t i = 0; i < USTAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : block[i];
    snprintf(want, sizeof(want), "%06o", sum);
    TAP_EQUAL(
        bytes_at(block + 148, 8),
        bytes_at((char[]){want[0], want[1], want[2], want[3], want[4], want[5], '\0', ' '}, 8));
}

static void test_padding_and_records(void)
{
    uint8_t value[120];
    memset(value, 'v', sizeof(value));
    tap_case("contents are padded to whole blocks");
    TAP_CHECK(ustar_padding(0) == 0 && ustar_padding(1) == 511 && ustar_padding(512) == 0 &&
              ustar_padding(UINT64_C(1) << 40) == 0);
    tap_case("a long text is an entry with a NUL at its end");
    for (size_t len = 509; len < 515; len++) {
        cleanup_buf struct buf entry = BUF(2048);
        uint8_t text[520];
        memset(text, 0xc3, sizeof(text));
        TAP_CHECK(ustar_long(&entry, 'L', bytes_at(text, len)) == 0);
        TAP_CHECK(entry.len == ustar_long_size(bytes_at(text, len)) &&
                  entry.len % USTAR_BLOCK == 0);
        TAP_EQUAL(bytes_of((const char *)entry.at + USTAR_BLOCK), bytes_at(text, len));
    }
    TAP_CHECK(ustar_is_ascii(BYTES("a\x7f\n")) && !ustar_is_ascii(BYTES("a\x80")));
    tap_case("the length of a PAX record counts itself, also where it grows by a digit");
    for (size_t len = 0; len < sizeof(value); len++) {
        cleanup_buf struct buf record = BUF(200);
        uint64_t said = 0;
        TAP_CHECK(ustar_record(&record, "path", bytes_at(value, len)) == 0);
        struct bytes all = buf_bytes(&record);
        TAP_CHECK(number_parse(bytes_head(all, bytes_find(all, ' ')), &said) == 0);
        TAP_CHECKF(said == all.len && bytes_ends(all, BYTES("\n")), "%zu", len);
    }
}

int main(void)
{
    test_split();
    test_header();
    test_padding_and_records();
    return tap_end();
}
