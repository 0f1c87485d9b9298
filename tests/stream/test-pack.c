/* SPDX-License-Identifier: Apache-2.0 */
/* The names of packed chunks. */
#include "pack.h"
#include "warm-world.h"

static const char *other_version(void)
{
    return "0.0.1";
}

static void other_library(void)
{
    struct world w = world_new();
    tap_case("what another version of the library packed is not found in the store");
    open_warm(&w);
    const struct plan plan = {.store = w.store};
    const struct send_request request = {.codec = SEND_GZIP, .level = 1};
    struct codec other = codec_gzip;
    other.version = other_version;
    const struct packing ours = {.request = &request, .plan = &plan, .codec = &codec_gzip};
    const struct packing theirs = {.request = &request, .plan = &plan, .codec = &other};
    struct digest128 content = digest128(BYTES("x"));
    struct store_name a = store_name_of(&ours, &content), b = store_name_of(&theirs, &content),
                      c = store_name_of(&ours, &content);
    TAP_CHECK(!digest128_equal(&a.content, &b.content));
    TAP_CHECK(digest128_equal(&a.content, &c.content) && a.level == 1);
    close_warm(&w);
    world_end(&w);
}

int main(void)
{
    other_library();
    return tap_end();
}
