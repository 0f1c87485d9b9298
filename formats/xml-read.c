/* SPDX-License-Identifier: Apache-2.0 */
#include "xml-read.h"

#include <errno.h>
#include <expat.h>

struct xml_reading {
    struct values *pool;
    XML_Parser parser;
    struct xml *open[MANIFEST_DEPTH];
    size_t depth;
    struct xml *root;
    struct buf text; /* of the current element, which expat gives in several calls */
    const char *wrong;
};

static void xml_stop(struct xml_reading *x, const char *why)
{
    if (!x->wrong)
        x->wrong = why;
    XML_StopParser(x->parser, XML_FALSE);
}

/* Makes the text before a tag a child of its element, unless it is only white space. */
static void xml_flush_text(struct xml_reading *x)
{
    struct bytes text = utf8_trim(buf_bytes(&x->text));
    if (x->depth && text.len)
        xml_add(x->pool, x->open[x->depth - 1], ARENA_NEW(&x->pool->arena, struct xml))->text =
            arena_copy(&x->pool->arena, text);
    buf_clear(&x->text);
}

static void XMLCALL xml_on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct xml_reading *x = user;
    struct arena *a = &x->pool->arena;
    if (x->depth == MANIFEST_DEPTH) {
        xml_stop(x, "too deep");
        return;
    }
    xml_flush_text(x);
    struct xml *at = ARENA_NEW(a, struct xml);
    at->name = arena_copy(a, bytes_of(name));
    at->line = (uint32_t)XML_GetCurrentLineNumber(x->parser);
    for (; attributes[0]; attributes += 2)
        *ARENA_PUSH(a, at->attributes, &at->n_attributes, &at->cap_attributes) =
            (struct pair){arena_copy(a, bytes_of(attributes[0])),
                          value_string(x->pool, arena_copy(a, bytes_of(attributes[1])))};
    struct value sorted = {.kind = VALUE_MAP, .pairs = at->attributes, .n = at->n_attributes};
    value_sort(&sorted); /* their order has no meaning */
    if (x->depth)
        xml_add(x->pool, x->open[x->depth - 1], at);
    else
        x->root = at;
    x->open[x->depth++] = at;
}

static void XMLCALL xml_on_end(void *user, const XML_Char *name)
{
    struct xml_reading *x = user;
    (void)name;
    xml_flush_text(x);
    x->depth--;
}

static void XMLCALL xml_on_text(void *user, const XML_Char *at, int len)
{
    struct xml_reading *x = user;
    if (buf_add(&x->text, at, (size_t)len) < 0)
        xml_stop(x, "too large");
}

/* Entities could make a small file grow without bound, and could name other files. */
static void XMLCALL xml_on_doctype(void *user, const XML_Char *name, const XML_Char *system,
                                   const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    xml_stop(user, "a DOCTYPE is not read here");
}

int xml_read(struct values *pool, struct bytes name, struct bytes text, struct xml **ret_root,
             struct failure *f)
{
    if (text.len > MANIFEST_MAX)
        return fail(f, -E2BIG, "%.*s: larger than %u MiB", BYTES_ARG(name), MANIFEST_MAX >> 20);
    struct xml_reading x = {
        .pool = pool, .parser = XML_ParserCreate(NULL), .text = BUF(MANIFEST_MAX)};
    if (!x.parser)
        return fail(f, -ENOMEM, "%.*s: no memory to read it", BYTES_ARG(name));
    XML_SetUserData(x.parser, &x);
    XML_SetElementHandler(x.parser, xml_on_start, xml_on_end);
    XML_SetCharacterDataHandler(x.parser, xml_on_text);
    XML_SetStartDoctypeDeclHandler(x.parser, xml_on_doctype);
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
