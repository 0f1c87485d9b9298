/* SPDX-License-Identifier: Apache-2.0 */
#include "go-warm.h"

#include "text.h"
#include "unit.h"

void go_add_module(struct go *go, struct bytes dir, struct go_directive *all, size_t n,
                   bool main)
{
    *ARENA_PUSH(&go->p->values.arena, go->modules, &go->n_modules, &go->cap_modules) =
        (struct go_module){dir, all, n, main};
}

/* ---- imports of a file ------------------------------------------------------------- */

static struct bytes go_warm_skip_blank(struct bytes text)
{
    for (;;) {
        text = utf8_trim(text);
        if (bytes_starts(text, BYTES("//"))) {
            text = bytes_from(text, bytes_find(text, '\n'));
        } else if (bytes_starts(text, BYTES("/*"))) {
            size_t end = 2;
            while (end < text.len && !bytes_starts(bytes_from(text, end), BYTES("*/")))
                end++;
            text = bytes_from(text, end + 2);
        } else if (bytes_starts(text, BYTES(";"))) {
            text = bytes_from(text, 1);
        } else {
            return text;
        }
    }
}

/* Takes the path of an import; a name, . or _ may come before it. False if there is none. */
static bool go_warm_take_import(struct bytes *text, struct bytes *ret)
{
    struct bytes rest = go_warm_skip_blank(*text);
    while (rest.len && rest.at[0] != '"' && rest.at[0] != '`' && rest.at[0] != ')' &&
           rest.at[0] != '\n')
        rest = bytes_from(rest, 1);
    if (!rest.len || (rest.at[0] != '"' && rest.at[0] != '`'))
        return false;
    uint8_t end = rest.at[0];
    rest = bytes_from(rest, 1);
    *ret = bytes_head(rest, bytes_find(rest, end));
    *text = bytes_from(rest, ret->len + 1);
    return true;
}

/* Tells whether a file is not built on Linux, or only with a build tag. */
static bool go_warm_is_elsewhere(struct bytes name, struct bytes text)
{
    static const char *const systems[] = {
        "_windows", "_darwin",    "_js",      "_plan9",   "_freebsd", "_netbsd",
        "_openbsd", "_wasip1",    "_solaris", "_android", "_ios",     "_aix",
        "_illumos", "_dragonfly", "_wasm",    "_test",
    };
    struct bytes stem = bytes_head(name, name.len - 3);
    /* x_windows.go, x_windows_amd64.go */
    for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
        if (text_has(stem, systems[i]))
            return true;
    size_t package = 0;
    while (package < text.len && !bytes_starts(bytes_from(text, package), BYTES("\npackage ")))
        package++;
    struct bytes head = bytes_head(text, package);
    return (text_has(head, "//go:build") || text_has(head, "// +build")) &&
           (text_has(head, "!") || !(text_has(head, "linux") || text_has(head, "unix")));
}

/* ---- which packages are external ---------------------------------------------------- */

static bool go_warm_is_below(struct bytes path, struct bytes module)
{
    return path_under(path, module) && module.len;
}

/* Tells whether a required module provides a package. Not if a directory replaces that module,
 * because its sources are not there yet, and not if the package is internal. */
static bool go_warm_is_required(struct go *go, const struct go_module *m, struct bytes path)
{
    bool required = false;
    if (text_has(path, "/internal/") || bytes_ends(path, BYTES("/internal")))
        return false;
    for (size_t i = 0; i < m->n; i++) {
        const struct go_directive *d = &m->all[i];
        if (bytes_equal(d->verb, BYTES("require")) && go_warm_is_below(path, d->words[0]))
            required = true;
        struct bytes to = d->words[d->n - 1];
        if (bytes_equal(d->verb, BYTES("replace")) && go_warm_is_below(path, d->words[0]) &&
            to.len && to.at[0] == '.')
            return false;
    }
    for (size_t i = 0; i < go->n_modules; i++)
        for (size_t j = 0; j < go->modules[i].n; j++)
            if (bytes_equal(go->modules[i].all[j].verb, BYTES("module")) &&
                go_warm_is_below(path, go->modules[i].all[j].words[0]))
                return false;
    return required;
}

/* Puts the external packages that a file imports into a map. */
static void go_warm_take_file(struct go *go, const struct go_module *m, struct bytes text,
                              struct value *into)
{
    struct values *pool = &go->p->values;
    struct bytes path;
    text = go_warm_skip_blank(text);
    if (!bytes_starts(text, BYTES("package ")))
        return;
    text = bytes_from(text, bytes_find(text, '\n'));
    for (text = go_warm_skip_blank(text); bytes_starts(text, BYTES("import"));
         text = go_warm_skip_blank(text)) {
        text = go_warm_skip_blank(bytes_from(text, 6));
        bool block = bytes_starts(text, BYTES("("));
        if (block)
            text = bytes_from(text, 1);
        do {
            if (!go_warm_take_import(&text, &path))
                break;
            if (go_warm_is_required(go, m, path))
                value_put(pool, into, path, value_bool(pool, true));
        } while (block);
        if (block)
            text = bytes_from(text, bytes_find(text, ')') + 1);
    }
}

/* Tells whether `./...` skips the directory of a file, or another module has it. */
static bool go_warm_is_passed_over(struct go *go, const struct go_module *m, struct bytes path)
{
    for (struct bytes dir = path_dir(path); dir.len > m->dir.len; dir = path_dir(dir)) {
        struct bytes name = path_name(dir);
        if (name.at[0] == '.' || name.at[0] == '_' || bytes_equal(name, BYTES("testdata")) ||
            bytes_equal(name, BYTES("vendor")) || prepare_has(go->p, dir, "go.mod"))
            return true;
    }
    return false;
}

int go_warm(struct go *go, struct recipe_unit *unit, struct failure *f)
{
    struct prepare *p = go->p;
    for (size_t i = 0; i < go->n_modules; i++) {
        const struct go_module *m = &go->modules[i];
        struct value *imports = value_new(&p->values, VALUE_MAP);
        cleanup_buf struct buf out = BUF(MANIFEST_MAX);
        size_t first, end;
        listing_below(p->l, m->dir, &first, &end);
        for (size_t j = first; j < end && m->main; j++) {
            struct bytes path = p->l->at[j].path, text;
            struct failure ignored;
            if (p->l->at[j].kind != LISTED_FILE || !bytes_ends(path, BYTES(".go")) ||
                go_warm_is_passed_over(go, m, path) ||
                prepare_read(p, path, &text, &ignored) < 0 ||
                go_warm_is_elsewhere(path_name(path), text))
                continue;
            go_warm_take_file(go, m, text, imports);
        }
        value_sort(imports);
        int r = buf_add_bytes(&out, BYTES("//go:build ctxwarm\n\npackage ctxwarm\n"));
        for (size_t j = 0; j < imports->n && r == 0; j++) {
            r = buf_add_bytes(&out, j ? BYTES("import _ \"") : BYTES("\nimport _ \""));
            if (r == 0)
                r = buf_add_bytes(&out, imports->pairs[j].key);
            if (r == 0)
                r = buf_add_bytes(&out, BYTES("\"\n"));
        }
        if (r < 0)
            return fail(f, r, "too many imports");
        if (imports->n)
            unit_file(p, unit, prepare_path(p, m->dir, ".ctx-stub/gowarm/warm.go"), 0644,
                      buf_bytes(&out));
    }
    unit_after(p, unit, "go build -tags ctxwarm ./.ctx-stub/gowarm # before the sources");
    return 0;
}
