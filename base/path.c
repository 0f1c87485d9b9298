/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

/* The length of a path without its last component, but at least `floor`. */
static size_t path_drop_last(const uint8_t *path, size_t len, size_t floor)
{
    size_t slash = bytes_find_last(bytes_at(path, len), '/');
    return slash == len || slash < floor ? floor : slash;
}

struct bytes path_clean(struct arena *a, struct bytes path)
{
    bool rooted = path.len && path.at[0] == '/';
    uint8_t *out = arena_alloc(a, path.len + 2);
    size_t len = 0, floor = 0; /* floor: what ".." may not remove */
    if (rooted)
        out[len++] = '/', floor = 1;
    struct bytes rest = path, part;
    while (bytes_next(&rest, '/', &part)) {
        if (part.len == 0 || bytes_equal(part, BYTES(".")))
            continue;
        if (bytes_equal(part, BYTES(".."))) {
            if (len > floor) {
                len = path_drop_last(out, len, floor);
                continue;
            }
            if (rooted)
                continue;
        }
        if (len > (rooted ? 1u : 0u))
            out[len++] = '/';
        memcpy(out + len, part.at, part.len);
        len += part.len;
        if (!rooted && bytes_equal(part, BYTES("..")))
            floor = len;
    }
    if (len == 0)
        out[len++] = '.';
    return bytes_at(out, len);
}

struct bytes path_clean_root(struct arena *a, struct bytes path)
{
    uint8_t *rooted = arena_alloc(a, path.len + 1);
    rooted[0] = '/';
    if (path.len)
        memcpy(rooted + 1, path.at, path.len);
    return bytes_from(path_clean(a, bytes_at(rooted, path.len + 1)), 1);
}

struct bytes path_join(struct arena *a, struct bytes dir, struct bytes name)
{
    if (dir.len == 0)
        return arena_copy(a, name);
    uint8_t *out = arena_alloc(a, dir.len + 1 + name.len + 1);
    memcpy(out, dir.at, dir.len);
    out[dir.len] = '/';
    if (name.len)
        memcpy(out + dir.len + 1, name.at, name.len);
    return bytes_at(out, dir.len + 1 + name.len);
}

struct bytes path_name(struct bytes path)
{
    size_t slash = bytes_find_last(path, '/');
    return slash == path.len ? path : bytes_from(path, slash + 1);
}

struct bytes path_dir(struct bytes path)
{
    size_t slash = bytes_find_last(path, '/');
    return slash == path.len ? bytes_head(path, 0) : bytes_head(path, slash);
}

bool path_resolve(struct arena *a, struct bytes dir, struct bytes rel, struct bytes *ret)
{
    if (rel.len && rel.at[0] == '/')
        return false;
    struct bytes joined = path_clean(a, path_join(a, dir, rel));
    if (bytes_equal(joined, BYTES("..")) || bytes_starts(joined, BYTES("../")) ||
        bytes_find(joined, 0) < joined.len)
        return false;
    *ret = bytes_equal(joined, BYTES(".")) ? BYTES("") : joined;
    return true;
}

bool path_under(struct bytes path, struct bytes dir)
{
    return dir.len == 0 ||
           (bytes_starts(path, dir) && (path.len == dir.len || path.at[dir.len] == '/'));
}

struct bytes path_between(struct arena *a, struct bytes from, struct bytes to)
{
    struct bytes out = BYTES("");
    while (!path_under(to, from)) {
        out = path_join(a, out, BYTES(".."));
        from = path_dir(from);
    }
    struct bytes rest = from.len ? bytes_from(to, from.len + 1) : to;
    if (rest.len)
        out = path_join(a, out, rest);
    return out.len ? out : BYTES(".");
}

int path_depth_compare(struct bytes a, struct bytes b)
{
    struct bytes x, y;
    while (a.at && b.at) {
        bytes_next(&a, '/', &x);
        bytes_next(&b, '/', &y);
        int order = bytes_compare(x, y);
        if (order)
            return order;
    }
    return (a.at != NULL) - (b.at != NULL);
}

static size_t path_depth(struct bytes path)
{
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++)
        n += path.at[i] == '/';
    return n;
}

int path_shallow_compare(struct bytes a, struct bytes b)
{
    size_t m = path_depth(a), n = path_depth(b);
    return m != n ? (m > n) - (m < n) : path_depth_compare(a, b);
}
