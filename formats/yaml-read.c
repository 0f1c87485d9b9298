/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml-read.h"

#include <assert.h>
#include <errno.h>
#include <yaml.h>

static int yaml_fail(struct bytes name, size_t line, const char *what, struct failure *f)
{
    return fail(f, -EINVAL, "%.*s:%zu: %s", BYTES_ARG(name), line + 1, what);
}

/* Adds v to a list. To a map, the first of two calls gives the key, which is kept in *key, and
 * the second its value. */
static void yaml_attach(struct values *pool, struct value *into, struct bytes *key,
                        struct value *v)
{
    if (into->kind == VALUE_LIST) {
        value_add(pool, into, v);
    } else if (key->at) {
        value_put(pool, into, *key, v);
        *key = (struct bytes){NULL, 0};
    } else {
        *key = v->text;
    }
}

struct yaml_open {
    struct value *at;
    struct bytes key;
};

static struct value *yaml_value(struct values *pool, const yaml_event_t *event)
{
    struct value *v = value_new(pool, event->type == YAML_SCALAR_EVENT           ? VALUE_STRING
                                      : event->type == YAML_SEQUENCE_START_EVENT ? VALUE_LIST
                                                                                 : VALUE_MAP);
    v->line = (uint32_t)event->start_mark.line + 1;
    if (v->kind == VALUE_STRING)
        v->text = arena_copy(&pool->arena,
                             bytes_at(event->data.scalar.value, event->data.scalar.length));
    return v;
}

static bool yaml_has_anchor(const yaml_event_t *event)
{
    return event->type == YAML_ALIAS_EVENT ||
           (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) ||
           (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor) ||
           (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor);
}

/* The lists and maps that have begun and not ended, outermost first. */
struct yaml_stack {
    struct yaml_open at[MANIFEST_DEPTH];
    size_t depth;
    struct value *root;
};

/* Takes a scalar, or the start of a list or map. Returns NULL, or what is wrong with it. */
static const char *yaml_take_value(struct values *pool, const yaml_event_t *event, bool starts,
                                   struct yaml_stack *stack)
{
    struct value *v = yaml_value(pool, event);
    struct yaml_open *top = stack->depth ? &stack->at[stack->depth - 1] : NULL;
    assert(!top || top->at);
    if (top && top->at->kind == VALUE_MAP && !top->key.at && starts)
        return "a key must be a word";
    if (top)
        yaml_attach(pool, top->at, &top->key, v);
    else
        stack->root = v;
    if (!starts)
        return NULL;
    if (stack->depth == MANIFEST_DEPTH)
        return "too deep";
    stack->at[stack->depth++] = (struct yaml_open){.at = v};
    return NULL;
}

static int yaml_take_events(struct values *pool, struct bytes name, yaml_parser_t *parser,
                            struct value **ret_root, struct failure *f)
{
    struct yaml_stack stack = {0};
    for (bool end = false; !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return yaml_fail(name, parser->problem_mark.line,
                             parser->problem ? parser->problem : "no YAML", f);
        size_t line = event.start_mark.line;
        const char *wrong = yaml_has_anchor(&event) ? "anchors are not read here" : NULL;
        bool starts =
            event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        if (!wrong && (starts || event.type == YAML_SCALAR_EVENT)) {
            wrong = yaml_take_value(pool, &event, starts, &stack);
        } else if (event.type == YAML_SEQUENCE_END_EVENT ||
                   event.type == YAML_MAPPING_END_EVENT) {
            stack.depth--;
        } else if (event.type == YAML_DOCUMENT_END_EVENT ||
                   event.type == YAML_STREAM_END_EVENT) {
            end = true;
        }
        yaml_event_delete(&event);
        if (wrong)
            return yaml_fail(name, line, wrong, f);
    }
    *ret_root = stack.root ? stack.root : value_new(pool, VALUE_MAP);
    return 0;
}

int yaml_read(struct values *pool, struct bytes name, struct bytes text,
              struct value **ret_root, struct failure *f)
{
    yaml_parser_t parser;
    if (text.len > MANIFEST_MAX)
        return fail(f, -E2BIG, "%.*s: larger than %u MiB", BYTES_ARG(name), MANIFEST_MAX >> 20);
    if (!yaml_parser_initialize(&parser))
        return fail(f, -ENOMEM, "%.*s: no memory to read it", BYTES_ARG(name));
    yaml_parser_set_input_string(&parser, text.at, text.len);
    int r = yaml_take_events(pool, name, &parser, ret_root, f);
    yaml_parser_delete(&parser);
    return r;
}
