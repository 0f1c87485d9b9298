/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of paths: one component at a time, and `**` for any number of them. */
#include "pathglob.h"

/* Bytes of a component of a pattern: no name can be longer. */
#define COMPONENT_MAX 255

/* Matches one component. Rust and npm write [!a] for what glob_match() reads as [^a]. */
static bool pathglob_match_name(struct bytes pattern, struct bytes name)
{
    char text[COMPONENT_MAX + 1];
    if (pattern.len > COMPONENT_MAX)
        return false;
    memcpy(text, pattern.at, pattern.len);
    for (size_t i = 0; i + 1 < pattern.len; i++)
        if (text[i] == '[' && text[i + 1] == '!')
            text[i + 1] = '^';
    return glob_match(bytes_at(text, pattern.len), name);
}

/* Every `**` tries all lengths, which is exponential in their number; `fuel` counts the steps
 * that are left. */
static bool pathglob_match_rest(struct bytes pattern, struct bytes path, bool hidden,
                                unsigned *fuel)
{
    struct bytes component, name;
    if (*fuel == 0)
        return false;
    --*fuel;
    if (!bytes_next(&pattern, '/', &component))
        return path.at == NULL;
    if (bytes_equal(component, BYTES("**"))) {
        for (;;) {
            if (pathglob_match_rest(pattern, path, hidden, fuel))
                return true;
            if (!bytes_next(&path, '/', &name) || (!hidden && name.len && name.at[0] == '.'))
                return false;
        }
    }
    if (!bytes_next(&path, '/', &name))
        return false;
    bool dotted = name.len && name.at[0] == '.' && (!component.len || component.at[0] != '.');
    return (hidden || !dotted) && pathglob_match_name(component, name) &&
           pathglob_match_rest(pattern, path, hidden, fuel);
}

bool path_glob(struct bytes pattern, struct bytes path, bool hidden)
{
    unsigned fuel = 10000; /* steps; far more than any pattern of a manifest needs */
    if (path.len == 0)
        path = (struct bytes){NULL, 0}; /* the root has no component, not an empty one */
    return pathglob_match_rest(pattern, path, hidden, &fuel);
}
