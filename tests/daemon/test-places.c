/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

static void test_places(void)
{
    tap_case("places agree with a plain list through a hundred thousand random steps");
    enum { PATHS = 340, WDS = 50 };
    struct places places;
    places_init(&places);
    int32_t wds[PATHS] = {0};
    char names[PATHS][16];
    for (int i = 0; i < PATHS; i++)
        snprintf(names[i], sizeof(names[i]), i < 20 ? "%d" : "%d/x%d", i % 20, i);
    unsigned seed = 5;
    for (int step = 0; step < 100000; step++) {
        int i = (int)((unsigned)rand_r(&seed) % PATHS);
        int32_t wd = (int32_t)((unsigned)rand_r(&seed) % WDS);
        struct place *place = places_make(&places, bytes_of(names[i]));
        int32_t freed = places_set_wd(&places, place, wd);
        bool held = false;
        int32_t was = wds[i];
        wds[i] = wd;
        for (int j = 0; j < PATHS; j++)
            held |= wds[j] == was;
        TAP_CHECK(freed == (was && was != wd && !held ? was : 0));
        places_set_flags(&places, place, (uint8_t)(rand_r(&seed) & 1));
        uint8_t path[PLACE_PATH_MAX];
        TAP_EQUAL(place_path(place, path), bytes_of(names[i]));
        TAP_CHECK(places_find(&places, bytes_of(names[i])) == place);
        if (step & 1)
            places_set_flags(&places, place, 0);
        places_prune(&places, place);
        if (step % 1000)
            continue;
        size_t n = 0, want = 0;
        for (int32_t w = 1; w < WDS; w++)
            for (size_t at = 0; places_of_wd(&places, w, &at);)
                n++;
        for (int j = 0; j < PATHS; j++)
            want += wds[j] != 0;
        TAP_CHECK(n == want && n == places.by_wd.n);
    }
    places_release(&places);
}

int main(void)
{
    test_places();
    return tap_end();
}
