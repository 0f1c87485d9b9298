/* SPDX-License-Identifier: Apache-2.0 */
#include "base-config.h"

#include <errno.h>
#include <jansson.h>

/* Copies an array of strings into the arena. A missing or null array leaves *ret as it is. */
static int base_strings_from_json(const json_t *array, struct arena *arena,
                                  const struct bytes **ret, size_t *ret_n)
{
    if (!array || json_is_null(array))
        return 0;
    if (!json_is_array(array))
        return -EINVAL;
    size_t n = json_array_size(array);
    struct bytes *strings = ARENA_ARRAY(arena, n, struct bytes);
    for (size_t i = 0; i < n; i++) {
        const json_t *string = json_array_get(array, i);
        if (!json_is_string(string))
            return -EINVAL;
        strings[i] =
            arena_copy(arena, bytes_at(json_string_value(string), json_string_length(string)));
    }
    *ret = strings;
    *ret_n = n;
    return 0;
}

int base_from_json(const json_t *image, struct arena *arena, struct df_base *base)
{
    const json_t *config = json_object_get(image, "Config");
    if (!json_is_object(config)) {
        base->reason = BYTES("its description has no Config");
        return -EINVAL;
    }
    if (base_strings_from_json(json_object_get(config, "Env"), arena, &base->env,
                               &base->n_env) < 0 ||
        base_strings_from_json(json_object_get(config, "OnBuild"), arena, &base->onbuild,
                               &base->n_onbuild) < 0) {
        base->reason = BYTES("Env or OnBuild of its description is no list of strings");
        return -EINVAL;
    }
    base->known = true;
    return 0;
}
