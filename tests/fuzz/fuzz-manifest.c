/* SPDX-License-Identifier: Apache-2.0 */
/* Reads JSON, YAML or XML, as the first byte says. No input may crash or stall a reader or its
 * writer. */
#include "formats.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf once = BUF(64u << 20), twice = BUF(64u << 20);
    struct failure f = {0};
    struct value *root;
    struct xml *xml;
    struct bytes text = bytes_from(bytes_at(data, size), 1), name = BYTES("input");
    int r;
    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        if (json_read(&pool, name, text, &root, &f) < 0)
            break;
        FUZZ_CHECK(json_write_pretty(root, &once) == 0, "can't be written");
        r = json_read(&pool, name, buf_bytes(&once), &root, &f);
        FUZZ_CHECK(r == 0, "%s", f.text);
        FUZZ_CHECK(json_write_pretty(root, &twice) == 0 &&
                       bytes_equal(buf_bytes(&once), buf_bytes(&twice)),
                   "is written in two ways");
        break;
    case 1:
        r = yaml_read(&pool, name, text, &root, &f);
        FUZZ_CHECK(r < 0 || json_write_pretty(root, &once) == 0, "can't be written");
        break;
    default:
        if (xml_read(&pool, name, text, &xml, &f) < 0)
            break;
        FUZZ_CHECK(xml_write(xml, &once) == 0, "can't be written");
        r = xml_read(&pool, name, buf_bytes(&once), &xml, &f);
        FUZZ_CHECK(r == 0, "%s", f.text);
        FUZZ_CHECK(xml_write(xml, &twice) == 0 &&
                       bytes_equal(buf_bytes(&once), buf_bytes(&twice)),
                   "is written in two ways");
    }
    FUZZ_CHECK(!f.code || strncmp(f.text, "input:", 6) == 0, "a failure without its line");
    return 0;
}
