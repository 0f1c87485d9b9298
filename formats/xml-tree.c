/* SPDX-License-Identifier: Apache-2.0 */
#include "formats.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>

struct reading {
    struct values *pool;
    XML_Parser parser;
    struct xml *open[MANIFEST_DEPTH];
    size_t depth;
    struct xml *root;
    struct buf text; /* expat gives it in pieces */
    const char *wrong;
};

static void stop(struct reading *x, const char *why)
{
    if (!x->wrong)
        x->wrong = why;
    XML_StopParser(x->parser, XML_FALSE);
}

static struct xml *push(struct values *pool, struct xml *into, struct xml *child)
{
    *ARENA_PUSH(&pool->arena, into->below, &into->n, &into->cap) = child;
    return child;
}

/* Text that ended becomes a child, unless it is but white space. */
static void flush_text(struct reading *x)
{
    struct bytes text = utf8_trim(buf_bytes(&x->text));
    if (x->depth && text.len)
        push(x->pool, x->open[x->depth - 1], ARENA_NEW(&x->pool->arena, struct xml))->text =
            arena_copy(&x->pool->arena, text);
    buf_clear(&x->text);
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *x = user;
    struct arena *a = &x->pool->arena;
    if (x->depth == MANIFEST_DEPTH) {
        stop(x, "too deep");
        return;
    }
    flush_text(x);
    struct xml *at = ARENA_NEW(a, struct xml);
    at->name = arena_copy(a, bytes_of(name));
    at->line = (uint32_t)XML_GetCurrentLineNumber(x->parser);
    for (; attributes[0]; attributes += 2)
        *ARENA_PUSH(a, at->attributes, &at->n_attributes, &at->cap_attributes) =
            (struct pair){arena_copy(a, bytes_of(attributes[0])),
                          value_string(x->pool, arena_copy(a, bytes_of(attributes[1])))};
    struct value sorted = {.kind = VALUE_MAP, .pairs = at->attributes, .n = at->n_attributes};
    value_sort(&sorted); /* their order means nothing */
    if (x->depth)
        push(x->pool, x->open[x->depth - 1], at);
    else
        x->root = at;
    x->open[x->depth++] = at;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct reading *x = user;
    (void)name;
    flush_text(x);
    x->depth--;
}

static void XMLCALL on_text(void *user, const XML_Char *at, int len)
{
    struct reading *x = user;
    if (buf_add(&x->text, at, (size_t)len) < 0)
        stop(x, "too large");
}

/* Entities could grow a file without bound, and name others. */
static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(user, "a DOCTYPE is not read here");
}

int xml_read(struct values *pool, struct bytes name, struct bytes text, struct xml **ret_root,
             struct failure *f)
{
    if (text.len > MANIFEST_MAX)
        return fail(f, -E2BIG, "%.*s: larger than %u MiB", BYTES_ARG(name), MANIFEST_MAX >> 20);
    struct reading x = {
        .pool = pool, .parser = XML_ParserCreate(NULL), .text = BUF(MANIFEST_MAX)};
    if (!x.parser)
        return fail(f, -ENOMEM, "%.*s: no memory to read it", BYTES_ARG(name));
    XML_SetUserData(x.parser, &x);
    XML_SetElementHandler(x.parser, on_start, on_end);
    XML_SetCharacterDataHandler(x.parser, on_text);
    XML_SetStartDoctypeDeclHandler(x.parser, on_doctype);
    int r = 0;
    if (XML_Parse(x.parser, (const char *)text.at, (int)text.len, 1) != XML_STATUS_OK) {
        if (!x.wrong)
            x.wrong = XML_ErrorString(XML_GetErrorCode(x.parser));
        r = fail(f, -EINVAL, "%.*s:%lu: %s", BYTES_ARG(name),
                 (unsigned long)XML_GetCurrentLineNumber(x.parser), x.wrong);
    }
    XML_ParserFree(x.parser);
    buf_release(&x.text);
    if (r == 0)
        *ret_root = x.root;
    return r;
}

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
    push(pool, at, ARENA_NEW(&pool->arena, struct xml))->text = text;
}

static int write_text(struct bytes text, bool attribute, struct buf *to)
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

/* One element. Text is trimmed: no build tool of ours gives its edges a meaning. */
static int write_element(const struct xml *at, int depth, struct buf *to)
{
    cleanup_buf struct buf text = BUF(MANIFEST_MAX);
    bool elements = false;
    int r = buf_addf(to, "%*s<%.*s", depth, "", BYTES_ARG(at->name));
    for (size_t i = 0; i < at->n_attributes && r == 0; i++) {
        r = buf_addf(to, " %.*s=\"", BYTES_ARG(at->attributes[i].key));
        if (r == 0)
            r = write_text(at->attributes[i].value->text, true, to);
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
        r = write_text(trimmed, false, to);
    if (r == 0 && elements)
        r = buf_add_byte(to, '\n');
    for (size_t i = 0; i < at->n && r == 0; i++)
        if (at->below[i]->name.len)
            r = write_element(at->below[i], depth + 1, to);
    if (r == 0 && elements)
        r = buf_addf(to, "%*s", depth, "");
    return r < 0 ? r : buf_addf(to, "</%.*s>\n", BYTES_ARG(at->name));
}

int xml_write(const struct xml *root, struct buf *to)
{
    int r = buf_add_bytes(to, BYTES("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
    return r < 0 ? r : write_element(root, 0, to);
}
