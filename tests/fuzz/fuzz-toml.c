/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML of any kind. No input may break or stall the reader; what it read must be writable, and
 * what was written must be read, and be written the same.
 */
#include "readers.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf once = BUF(64u << 20), twice = BUF(64u << 20);
    struct failure f = {0};
    struct value *root;
    if (toml_parse(&pool, BYTES("input"), bytes_at(data, size), &root, &f) < 0) {
        must(strncmp(f.text, "input:", 6) == 0, "a failure without its line");
        return 0;
    }
    must(toml_write(root, &once) == 0, "can't be written");
    int r = toml_parse(&pool, BYTES("written"), buf_bytes(&once), &root, &f);
    must(r == 0, f.text);
    must(toml_write(root, &twice) == 0, "can't be written again");
    must(bytes_equal(buf_bytes(&once), buf_bytes(&twice)), "is written in two ways");
    return 0;
}
