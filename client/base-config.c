/* SPDX-License-Identifier: Apache-2.0 */
#include "base-config.h"

#include <errno.h>

/* Copies a list of strings into the arena. A missing or null list leaves *ret as it is. */
static int base_strings(const struct value *list, struct arena *arena, const struct bytes **ret,
                        size_t *ret_n)
{
    if (!list || list->kind == VALUE_NULL)
        return 0;
    if (list->kind != VALUE_LIST)
        return -EINVAL;
    struct bytes *strings = ARENA_ARRAY(arena, list->n, struct bytes);
    for (size_t i = 0; i < list->n; i++) {
        if (list->pairs[i].value->kind != VALUE_STRING)
            return -EINVAL;
        strings[i] = arena_copy(arena, value_text(list->pairs[i].value));
    }
    *ret = strings;
    *ret_n = list->n;
    return 0;
}

int base_from_image(const struct value *image, struct arena *arena, struct df_base *base)
{
    const struct value *config = value_get(image, "Config");
    if (!value_is(config, VALUE_MAP)) {
        base->reason = BYTES("its description has no Config");
        return -EINVAL;
    }
    if (base_strings(value_get(config, "Env"), arena, &base->env, &base->n_env) < 0 ||
        base_strings(value_get(config, "OnBuild"), arena, &base->onbuild, &base->n_onbuild) <
            0) {
        base->reason = BYTES("Env or OnBuild of its description is no list of strings");
        return -EINVAL;
    }
    base->known = true;
    return 0;
}
