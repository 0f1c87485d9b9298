/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a recipe of any hostile text. If it is accepted, its paths must be clean and below the
 * directory, and the recipe must be the same after it is written and read again.
 */
#include "fuzz.h"
#include "items.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_arena struct arena arena = {0};
    cleanup_buf struct buf text = BUF(64u << 20);
    struct failure f = {0};
    struct recipe *recipe, *again;
    struct item *items;
    size_t n;
    if (recipe_read(BYTES("input"), bytes_at(data, size), &recipe, &f) < 0) {
        FUZZ_CHECK(f.text[0], "a failure without a word");
        return 0;
    }
    if (recipe_items(recipe, &(struct cook){.dir_fd = -1}, &arena, &items, &n, &f) == 0) {
        for (size_t i = 0; i < n; i++) {
            FUZZ_CHECK(items[i].path.len && items[i].path.at[0] != '/', "an absolute path");
            FUZZ_CHECK(bytes_equal(path_clean_root(&arena, items[i].path), items[i].path),
                       "a path that is not clean");
        }
    }
    char before[RECIPE_DIGEST_TEXT], after[RECIPE_DIGEST_TEXT];
    recipe_digest(recipe, before);
    FUZZ_CHECK(recipe_write(recipe, &text, &f) == 0, "can't be written");
    FUZZ_CHECK(recipe_read(BYTES("again"), buf_bytes(&text), &again, &f) == 0, "%s", f.text);
    recipe_digest(again, after);
    FUZZ_CHECK(strcmp(before, after) == 0, "becomes another");
    recipe_free(recipe);
    recipe_free(again);
    return 0;
}
