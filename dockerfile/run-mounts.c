/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the value of a RUN --mount. It is a line of CSV, whose fields are key=value:
 *
 *     type=bind,"source=a b",target=/x
 *
 * Source: BuildKit instructions/commands_runmount.go, Go encoding/csv.
 */
#include "run-mounts.h"

#include <errno.h>

/* Takes one field off *rest, and removes its quotes. rest->at is NULL after the last one. */
static int run_mount_next_field(struct arena *arena, struct bytes *rest, struct bytes *ret,
                                struct failure *f)
{
    if (rest->len == 0 || rest->at[0] != '"') {
        bytes_next(rest, ',', ret);
        if (bytes_find(*ret, '"') < ret->len)
            return fail(f, -EINVAL, "bare quote in a --mount");
        return 0;
    }
    uint8_t *out = arena_alloc(arena, rest->len);
    size_t len = 0, i = 1;
    for (; i < rest->len; i++) {
        if (rest->at[i] == '"') {
            if (i + 1 == rest->len || rest->at[i + 1] != '"')
                break;
            i++;
        }
        out[len++] = rest->at[i];
    }
    *ret = bytes_at(out, len);
    if (i == rest->len || (i + 1 < rest->len && rest->at[i + 1] != ','))
        return fail(f, -EINVAL, "unclosed quote in a --mount");
    *rest = i + 1 < rest->len ? bytes_from(*rest, i + 2) : (struct bytes){NULL, 0};
    return 0;
}

int df_mount_parse(struct arena *arena, struct bytes value, struct mount *ret,
                   struct failure *f)
{
    struct mount mount = {.type = BYTES("bind")};
    struct bytes rest = value, field;
    if (value.len == 0)
        return fail(f, -EINVAL, "a --mount has no value");
    while (rest.at) {
        int r = run_mount_next_field(arena, &rest, &field, f);
        if (r < 0)
            return r;
        size_t equals = bytes_find(field, '=');
        struct bytes key = bytes_head(field, equals), of = bytes_from(field, equals + 1);
        if (equals == field.len)
            continue;
        if (bytes_equal_nocase(key, BYTES("type")))
            mount.type = of;
        else if (bytes_equal_nocase(key, BYTES("from")))
            mount.from = of, mount.has_from = true;
        else if (bytes_equal_nocase(key, BYTES("source")) ||
                 bytes_equal_nocase(key, BYTES("src")))
            mount.source = of;
    }
    *ret = mount;
    return 0;
}

bool df_mount_may_read(struct bytes type)
{
    static const char *const others[] = {"cache", "secret", "ssh", "tmpfs"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (bytes_equal_nocase(type, bytes_of(others[i])))
            return false;
    return true;
}
