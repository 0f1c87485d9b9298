/* SPDX-License-Identifier: Apache-2.0 */
#include "ecos.h"

#include <errno.h>
#include <stdio.h>

const struct eco *const ecos[] = {
    &eco_cargo, &eco_dotnet, &eco_elixir, &eco_go,     &eco_gradle,
    &eco_maven, &eco_npm,    &eco_php,    &eco_python, &eco_ruby,
};
const size_t n_ecos = ARRAY_SIZE(ecos);

int recipe_check_ecos(const char *names, struct failure *f)
{
    char all[256] = "";
    struct bytes rest = bytes_of(names), one;
    for (size_t i = 0; i < n_ecos; i++)
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
                 ecos[i]->name);
    while (bytes_next(&rest, ',', &one)) {
        bool known = false;
        for (size_t i = 0; i < n_ecos; i++)
            known |= bytes_equal(one, bytes_of(ecos[i]->name));
        if (!known)
            return fail(f, -EINVAL, "%s is no ecosystem that is known here: %s", QUOTE(one),
                        all);
    }
    return 0;
}
