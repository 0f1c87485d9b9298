/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go: go.mod and go.sum of a module, and of every module that `use` and local `replace` lead
 * to, because `go mod download` fails without them. Source: the Go modules reference.
 */
#include "ecos.h"
#include "go-warm.h"
#include "text.h"
#include "unit-text.h"

/* Takes the next line, without its comment. False at the end. */
static bool go_next_line(struct bytes *rest, struct bytes *ret)
{
    struct bytes line;
    if (!rest->at || !bytes_next(rest, '\n', &line))
        return false;
    for (size_t i = 0; i + 1 < line.len; i++)
        if (line.at[i] == '/' && line.at[i + 1] == '/' && (i == 0 || line.at[i - 1] <= ' ')) {
            line = bytes_head(line, i);
            break;
        }
    *ret = utf8_trim(line);
    return true;
}

static struct bytes go_take_word(struct bytes *line)
{
    struct bytes trimmed = utf8_trim(*line);
    size_t end = 0;
    while (end < trimmed.len && trimmed.at[end] != ' ' && trimmed.at[end] != '\t')
        end++;
    struct bytes word = bytes_head(trimmed, end);
    *line = bytes_from(trimmed, end);
    if (word.len >= 2 && strchr("\"`", word.at[0]))
        word = bytes_at(word.at + 1, word.len - 2);
    return word;
}

static void go_directives(struct arena *a, struct bytes text, struct go_directive **ret,
                          size_t *ret_n)
{
    struct bytes line, block = {NULL, 0};
    struct go_directive *at = NULL;
    size_t n = 0, cap = 0;
    while (go_next_line(&text, &line)) {
        struct go_directive d = {.verb = block};
        if (block.at && bytes_equal(line, BYTES(")"))) {
            block.at = NULL;
            continue;
        }
        if (!block.at)
            d.verb = go_take_word(&line);
        line = utf8_trim(line);
        if (!block.at && bytes_equal(line, BYTES("("))) {
            block = d.verb;
            continue;
        }
        while (line.len && d.n < ARRAY_SIZE(d.words)) {
            d.words[d.n++] = go_take_word(&line);
            line = utf8_trim(line);
        }
        if (d.verb.len && d.n)
            *ARENA_PUSH(a, at, &n, &cap) = d;
    }
    *ret = at;
    *ret_n = n;
}

/* Drops lines that are only a comment. A comment after a requirement, as // indirect, stays. */
static struct bytes go_strip_comments(struct arena *a, struct bytes text)
{
    uint8_t *out = arena_alloc(a, text.len + 2);
    size_t len = 0;
    struct bytes line;
    text = text_lf(a, text);
    while (text.at && text.len && bytes_next(&text, '\n', &line)) {
        struct bytes trimmed = utf8_trim(line);
        if (trimmed.len == 0 || bytes_starts(trimmed, BYTES("//")))
            continue;
        memcpy(out + len, trimmed.at, trimmed.len);
        len += trimmed.len;
        out[len++] = '\n';
    }
    return bytes_at(out, len);
}

static bool go_is_local(struct bytes path)
{
    return bytes_starts(path, BYTES("./")) || bytes_starts(path, BYTES("../")) ||
           bytes_equal(path, BYTES(".")) || bytes_equal(path, BYTES(".."));
}

/* Adds go.mod (or go.work) of a directory, with its sums. leads: also what it uses and
 * replaces. */
static int go_add_manifest(struct go *go, struct recipe_unit *unit, struct bytes dir,
                           const char *name, bool leads, struct failure *f)
{
    struct prepare *p = go->p;
    struct bytes path = prepare_path(p, dir, name), text;
    struct go_directive *all;
    size_t n;
    if (!listing_is_file(p->l, path) || unit_has(p, unit, path))
        return 0;
    int r = prepare_read(p, path, &text, f);
    if (r < 0)
        return r;
    *table_put(&p->claimed, path, NULL) = 1;
    unit_file(p, unit, path, 0644, go_strip_comments(&p->values.arena, text));
    bool work = strcmp(name, "go.work") == 0;
    r = unit_text(p, unit, prepare_path(p, dir, work ? "go.work.sum" : "go.sum"), f);
    go_directives(&p->values.arena, text, &all, &n);
    if (!work)
        go_add_module(go, dir, all, n, leads);
    for (size_t i = 0; i < n && r == 0 && leads; i++) {
        struct bytes to = all[i].words[all[i].n - 1], at;
        bool replace = bytes_equal(all[i].verb, BYTES("replace"));
        bool use = work && bytes_equal(all[i].verb, BYTES("use"));
        if (!(replace || use) || (!go_is_local(to) && !use))
            continue;
        if (path_resolve(&p->values.arena, dir, to, &at))
            /* Go ignores replacements in a replaced module, and honours those in a used one. */
            r = go_add_manifest(go, unit, at, "go.mod", use, f);
        else
            unit_note(p, unit, "%s: %s lies outside of the context", QUOTE(path), QUOTE(to));
    }
    return r;
}

static int go_make_unit(struct prepare *p, struct bytes dir, struct failure *f)
{
    static const char *const download[] = {"go", "mod", "download", NULL};
    struct go go = {.p = p};
    bool work = prepare_has(p, dir, "go.work");
    struct recipe_unit *unit = unit_new(p, "go", dir);
    if (!unit)
        return 0;
    unit_needs(p, unit, "go");
    unit_install(p, unit, download);
    int r = work ? go_add_manifest(&go, unit, dir, "go.work", true, f) : 0;
    if (r == 0)
        r = go_add_manifest(&go, unit, dir, "go.mod", true, f);
    if (prepare_has(p, dir, "vendor/modules.txt") && !p->options->go_warm)
        unit_note(p, unit,
                  "dependencies are vendored: nothing has to be fetched; --go-warm saves "
                  "compiling them");
    return r == 0 && p->options->go_warm ? go_warm(&go, unit, f) : r;
}

static int go_find(struct prepare *p, struct failure *f)
{
    struct bytes *dirs = NULL;
    size_t n = 0, cap = 0;
    bool any = false;
    int r = 0;
    for (size_t i = 0; i < p->l->n; i++) {
        struct bytes dir = path_dir(p->l->at[i].path);
        if (!listing_named(p->l, i, "go.mod") && !listing_named(p->l, i, "go.work"))
            continue;
        *ARENA_PUSH(&p->values.arena, dirs, &n, &cap) =
            prepare_printf(p, "%.*s", BYTES_ARG(dir));
        any |= unit_worth(p, dir) || prepare_has(p, dir, "go.sum");
    }
    prepare_sort_dirs(dirs, n);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n && r == 0; i++) {
            bool work = prepare_has(p, dirs[i], "go.work");
            bool worth =
                !any || work || unit_worth(p, dirs[i]) || prepare_has(p, dirs[i], "go.sum");
            struct bytes path = prepare_path(p, dirs[i], work ? "go.work" : "go.mod");
            if (work != (pass == 0) || !worth || table_get(&p->claimed, path))
                continue;
            *table_put(&p->claimed, path, NULL) = 1;
            r = go_make_unit(p, dirs[i], f);
        }
    }
    return r;
}

static bool go_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct go_directive *all;
    size_t n;
    if (!bytes_equal(path_name(file->path), BYTES("go.mod")))
        return false;
    go_directives(&pool->arena, file->content, &all, &n);
    for (size_t i = 0; i < n; i++)
        if (bytes_equal(all[i].verb, BYTES("require")) && all[i].n >= 2)
            value_put(pool, into, all[i].words[0], value_string(pool, all[i].words[1]));
    return true;
}

const struct eco eco_go = {"go", go_find, go_list};
