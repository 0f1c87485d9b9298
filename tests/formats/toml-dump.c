/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads TOML from standard input and prints it as the tagged JSON of the toml-test suite, or,
 * with --canonical, as toml_write() does. For tests/oracle-toml/run.
 */
#include "formats.h"

#include <stdio.h>

static const char *tag(const struct value *v)
{
    if (v->kind != VALUE_TIME)
        return v->kind == VALUE_STRING    ? "string"
               : v->kind == VALUE_INTEGER ? "integer"
               : v->kind == VALUE_BOOL    ? "bool"
                                          : "float";
    if (v->text.at[2] == ':')
        return "time-local";
    if (v->text.len == 10)
        return "date-local";
    uint8_t last = v->text.at[v->text.len - 1];
    bool offset = last == 'Z' || last == 'z' ||
                  bytes_find(bytes_from(v->text, 11), '+') < v->text.len - 11 ||
                  bytes_find(bytes_from(v->text, 11), '-') < v->text.len - 11;
    return offset ? "datetime" : "datetime-local";
}

static int dump(const struct value *v, struct buf *to);

static int dump_pair(const struct value *v, size_t i, struct buf *to)
{
    int r = i ? buf_add_byte(to, ',') : 0;
    if (v->kind == VALUE_MAP) {
        r = r < 0 ? r : json_write_string(v->pairs[i].key, to);
        r = r < 0 ? r : buf_add_byte(to, ':');
    }
    return r < 0 ? r : dump(v->pairs[i].value, to);
}

static int dump(const struct value *v, struct buf *to)
{
    int r;
    if (v->kind == VALUE_MAP || v->kind == VALUE_LIST) {
        r = buf_add_byte(to, v->kind == VALUE_MAP ? '{' : '[');
        for (size_t i = 0; i < v->n && r == 0; i++)
            r = dump_pair(v, i, to);
        return r < 0 ? r : buf_add_byte(to, v->kind == VALUE_MAP ? '}' : ']');
    }
    r = buf_addf(to, "{\"type\":\"%s\",\"value\":", tag(v));
    if (r == 0 && v->kind == VALUE_INTEGER)
        r = buf_addf(to, "\"%lld\"", (long long)v->integer);
    else if (r == 0 && v->kind == VALUE_BOOL)
        r = buf_addf(to, "\"%s\"", v->boolean ? "true" : "false");
    else if (r == 0)
        r = json_write_string(v->text, to);
    return r < 0 ? r : buf_add_byte(to, '}');
}

int main(int argc, char **argv)
{
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf text = BUF(MANIFEST_MAX), out = BUF(1u << 30);
    struct failure f = {0};
    struct value *root;
    if (io_read_rest(STDIN_FILENO, &text) < 0)
        return 2;
    if (toml_read(&pool, BYTES("-"), buf_bytes(&text), &root, &f) < 0) {
        fprintf(stderr, "%s\n", f.text);
        return 1;
    }
    bool canonical = argc > 1 && strcmp(argv[1], "--canonical") == 0;
    if ((canonical ? toml_write(root, &out) : dump(root, &out)) < 0)
        return 2;
    return io_write_full(STDOUT_FILENO, out.at, out.len) < 0 ? 2 : 0;
}
