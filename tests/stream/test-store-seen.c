/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded table of verified chunks. */
#include "store-fixture.h"

static void test_seen(void)
{
    tap_case("the table of verified chunks stays within its bound, and keeps the latest");
    struct store_seen seen;
    store_seen_init(&seen);
    struct store_identity id = {.ino = 1};
    for (size_t i = 0; i < 150000; i++) {
        struct store_name name = name_of(i);
        id.mtime_ns = (int64_t)i;
        store_seen_add(&seen, &name, &id);
        if (i == 5000 || i == 40000 || i == 149999) {
            size_t known = 0;
            for (size_t k = i - 5000; k <= i; k++) {
                name = name_of(k);
                id.mtime_ns = (int64_t)k;
                known += store_seen_check(&seen, &name, &id);
                id.mtime_ns++;
                TAP_CHECK(!store_seen_check(&seen, &name, &id));
            }
            TAP_CHECKF(known == 5001, "%zu known", known);
        }
    }
    TAP_CHECKF(seen.n_sets == 8192, "%zu sets", seen.n_sets);
    store_seen_release(&seen);
}

int main(void)
{
    test_seen();
    return tap_end();
}
