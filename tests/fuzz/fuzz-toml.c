/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads any text as TOML. No input may crash or stall the reader. What it read must be
 * writable; and after it is written and read, it must be written to the same bytes.
 */
#include "formats.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf once = BUF(64u << 20), twice = BUF(64u << 20);
    struct failure f = {0};
    struct value *root;
    if (toml_read(&pool, BYTES("input"), bytes_at(data, size), &root, &f) < 0) {
        FUZZ_CHECK(strncmp(f.text, "input:", 6) == 0, "a failure without its line");
        return 0;
    }
    FUZZ_CHECK(toml_write(root, &once) == 0, "can't be written");
    int r = toml_read(&pool, BYTES("written"), buf_bytes(&once), &root, &f);
    FUZZ_CHECK(r == 0, "%s", f.text);
    FUZZ_CHECK(toml_write(root, &twice) == 0, "can't be written again");
    FUZZ_CHECK(bytes_equal(buf_bytes(&once), buf_bytes(&twice)), "is written in two ways");
    return 0;
}
