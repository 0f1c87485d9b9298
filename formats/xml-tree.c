/* SPDX-License-Identifier: Apache-2.0 */
#include "xml-tree.h"

struct xml *xml_get(const struct xml *at, const char *name)
{
    for (size_t i = 0; at && i < at->n; i++)
        if (bytes_equal(at->below[i]->name, bytes_of(name)) && at->below[i]->name.len)
            return at->below[i];
    return NULL;
}

struct bytes xml_text(const struct xml *at)
{
    for (size_t i = 0; at && i < at->n; i++)
        if (!at->below[i]->name.len)
            return at->below[i]->text;
    return (struct bytes){NULL, 0};
}

struct bytes xml_attribute(const struct xml *at, const char *name)
{
    for (size_t i = 0; at && i < at->n_attributes; i++)
        if (bytes_equal(at->attributes[i].key, bytes_of(name)))
            return at->attributes[i].value->text;
    return (struct bytes){NULL, 0};
}

struct xml *xml_add(struct values *pool, struct xml *into, struct xml *child)
{
    *ARENA_PUSH(&pool->arena, into->below, &into->n, &into->cap) = child;
    return child;
}

void xml_drop(struct xml *at, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; at && i < at->n; i++)
        if (!bytes_equal(at->below[i]->name, bytes_of(name)))
            at->below[n++] = at->below[i];
    if (at)
        at->n = n;
}

void xml_set_text(struct values *pool, struct xml *at, struct bytes text)
{
    at->n = 0;
    xml_add(pool, at, ARENA_NEW(&pool->arena, struct xml))->text = text;
}

static int xml_write_text(struct bytes text, bool attribute, struct buf *to)
{
    int r = 0;
    for (size_t i = 0; i < text.len && r == 0; i++) {
        uint8_t c = text.at[i];
        if (c == '&')
            r = buf_add_bytes(to, BYTES("&amp;"));
        else if (c == '<')
            r = buf_add_bytes(to, BYTES("&lt;"));
        else if (c == '>')
            r = buf_add_bytes(to, BYTES("&gt;"));
        else if (c == '"' && attribute)
            r = buf_add_bytes(to, BYTES("&quot;"));
        else if (c < 0x20 && attribute)
            r = buf_addf(to, "&#%u;", c);
        else
            r = buf_add_byte(to, c);
    }
    return r;
}

/* Writes one element. Its text is trimmed, because white space at its ends has no meaning for
 * the build tools that we write for. */
static int xml_write_element(const struct xml *at, int depth, struct buf *to)
{
    cleanup_buf struct buf text = BUF(MANIFEST_MAX);
    bool elements = false;
    int r = buf_addf(to, "%*s<%.*s", depth, "", BYTES_ARG(at->name));
    for (size_t i = 0; i < at->n_attributes && r == 0; i++) {
        r = buf_addf(to, " %.*s=\"", BYTES_ARG(at->attributes[i].key));
        if (r == 0)
            r = xml_write_text(at->attributes[i].value->text, true, to);
        if (r == 0)
            r = buf_add_byte(to, '"');
    }
    for (size_t i = 0; i < at->n && r == 0; i++) {
        elements |= at->below[i]->name.len > 0;
        if (!at->below[i]->name.len)
            r = buf_add_bytes(&text, at->below[i]->text);
    }
    struct bytes trimmed = utf8_trim(buf_bytes(&text));
    if (r < 0 || (!elements && trimmed.len == 0))
        return r < 0 ? r : buf_add_bytes(to, BYTES("/>\n"));
    r = buf_add_byte(to, '>');
    if (r == 0)
        r = xml_write_text(trimmed, false, to);
    if (r == 0 && elements)
        r = buf_add_byte(to, '\n');
    for (size_t i = 0; i < at->n && r == 0; i++)
        if (at->below[i]->name.len)
            r = xml_write_element(at->below[i], depth + 1, to);
    if (r == 0 && elements)
        r = buf_addf(to, "%*s", depth, "");
    return r < 0 ? r : buf_addf(to, "</%.*s>\n", BYTES_ARG(at->name));
}

int xml_write(const struct xml *root, struct buf *to)
{
    int r = buf_add_bytes(to, BYTES("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
    return r < 0 ? r : xml_write_element(root, 0, to);
}
