/* SPDX-License-Identifier: Apache-2.0 */
/* Text files that are taken nearly as they are: line ends of one kind, and no credentials. */
#include "recipe-priv.h"

#include <errno.h>

struct bytes text_lf(struct arena *a, struct bytes text)
{
    uint8_t *out = arena_alloc(a, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '\r' || i + 1 == text.len || text.at[i + 1] != '\n')
            out[len++] = text.at[i];
    return bytes_at(out, len);
}

static size_t find_text(struct bytes in, struct bytes what)
{
    for (size_t i = 0; i + what.len <= in.len; i++)
        if (memcmp(in.at + i, what.at, what.len) == 0)
            return i;
    return in.len;
}

bool text_has(struct bytes in, const char *what)
{
    return find_text(in, bytes_of(what)) < in.len;
}

bool text_has_nocase(struct bytes in, const char *what)
{
    struct bytes word = bytes_of(what);
    for (size_t i = 0; i + word.len <= in.len; i++)
        if (bytes_equal_nocase(bytes_head(bytes_from(in, i), word.len), word))
            return true;
    return false;
}

static bool is_break(uint8_t c)
{
    return c == '\n' || c == '\r';
}

/* Behind a backslash at i that ends a line, and the blanks that begin the next one; or i. */
static size_t pass_joint(struct bytes text, size_t i)
{
    if (i + 1 >= text.len || text.at[i] != '\\' || !is_break(text.at[i + 1]))
        return i;
    for (i += 2; i < text.len && strchr(" \t\f", text.at[i]) && text.at[i];)
        i++;
    return i;
}

/* "https://user:password@host" without its "user:password@"; a variable is no secret, and the
 * user of ssh is none. A string may go on in the next line. */
struct bytes text_without_logins(struct arena *a, struct bytes text, bool *ret_found)
{
    uint8_t *out = arena_alloc(a, text.len + 1);
    size_t len = 0;
    struct bytes mark = BYTES("://");
    while (text.len) {
        size_t at = find_text(text, mark);
        size_t head = at + mark.len < text.len ? at + mark.len : text.len;
        bool ssh = bytes_ends(bytes_head(text, at), BYTES("ssh"));
        memcpy(out + len, text.at, head);
        len += head;
        text = bytes_from(text, head);
        size_t end = 0;
        while (end < text.len && !strchr("/ \t\r\n\"'?#,)", text.at[end]) && text.at[end]) {
            size_t joint = pass_joint(text, end);
            end = joint > end ? joint : end + 1;
        }
        size_t login = bytes_find_last(bytes_head(text, end), '@');
        struct bytes user = bytes_head(text, login);
        if (head == 0 || login >= end || ssh || text_has(user, "${") || text_has(user, "$("))
            continue;
        text = bytes_from(text, login + 1);
        *ret_found = true;
    }
    return bytes_at(out, len);
}

int unit_text(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct failure *f)
{
    struct bytes text;
    bool executable, found = false;
    if (!listing_is_file(p->l, path) || unit_has(p, unit, path))
        return 0;
    int r = listing_read(p->l, &p->values.arena, path, MANIFEST_MAX, &text, &executable, f);
    if (r < 0)
        return r;
    text = text_without_logins(&p->values.arena, text_lf(&p->values.arena, text), &found);
    if (found)
        unit_secret(p, unit, path);
    unit_file(p, unit, path, executable ? 0755 : 0644, text);
    return 0;
}

/* A line with those it goes on in, off *rest: as they stand, without the last break. */
static struct bytes next_lines(struct bytes *rest)
{
    struct bytes text = *rest;
    size_t end = 0, first = 0;
    while (first < text.len && strchr(" \t\f", text.at[first]) && text.at[first])
        first++;
    /* A comment ends with its line. */
    bool escapes = first < text.len && !strchr("#;!", text.at[first]);
    while (end < text.len && !is_break(text.at[end]))
        end += escapes && text.at[end] == '\\' && end + 1 < text.len ? 2 : 1;
    *rest = bytes_from(text, end < text.len ? end + 1 : end);
    return bytes_head(text, end);
}

static struct bytes joined(struct arena *a, struct bytes lines)
{
    uint8_t *out = arena_alloc(a, lines.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < lines.len;) {
        size_t joint = pass_joint(lines, i);
        if (joint > i) {
            i = joint;
            continue;
        }
        if (lines.at[i] == '\\' && i + 1 < lines.len)
            out[len++] = lines.at[i++];
        out[len++] = lines.at[i++];
    }
    return bytes_at(out, len);
}

int unit_lines(struct prepare *p, struct recipe_unit *unit, struct bytes path,
               enum line_verdict (*judge)(struct bytes line, void *context), void *context,
               struct failure *f)
{
    struct arena *a = &p->values.arena;
    struct bytes text;
    cleanup_buf struct buf out = BUF(MANIFEST_MAX);
    bool found = false;
    if (!listing_is_file(p->l, path))
        return 0;
    int r = prepare_read(p, path, &text, f);
    if (r < 0)
        return r;
    text = text_lf(a, text);
    while (text.len && r == 0) {
        struct bytes lines = next_lines(&text), trimmed = utf8_trim(lines);
        if (trimmed.len == 0 || strchr("#;!", trimmed.at[0]))
            continue;
        enum line_verdict verdict = judge(joined(a, lines), context);
        found |= verdict == LINE_SECRET;
        if (verdict != LINE_KEEP)
            continue;
        r = buf_add_bytes(&out, text_without_logins(a, lines, &found));
        if (r == 0)
            r = buf_add_byte(&out, '\n');
    }
    if (found)
        unit_secret(p, unit, path);
    if (r == 0)
        unit_file(p, unit, path, 0644, buf_bytes(&out));
    return r;
}

void unit_secret(struct prepare *p, struct recipe_unit *unit, struct bytes path)
{
    unit_note(p, unit,
              "%s holds a credential, which was left out: give it as a secret of the "
              "build",
              QUOTE(path));
}

static void value_without_logins(struct prepare *p, struct value *v, bool *ret_found)
{
    if (v->kind == VALUE_STRING)
        v->text = text_without_logins(&p->values.arena, v->text, ret_found);
    for (size_t i = 0; i < value_count(v); i++)
        value_without_logins(p, v->pairs[i].value, ret_found);
}

static int unit_value(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                      struct value *v, bool toml, bool secret, struct failure *f)
{
    cleanup_buf struct buf out =
        BUF(2ul * MANIFEST_MAX); /* it may be indented where it wasn't */
    value_without_logins(p, v, &secret);
    if (secret)
        unit_secret(p, unit, path);
    int r = toml ? toml_write(v, &out) : json_write_pretty(v, &out);
    if (r < 0)
        return fail(f, r, "%s is too large", QUOTE(path));
    unit_file(p, unit, path, 0644, buf_bytes(&out));
    return 0;
}

int unit_json(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              bool secret, struct failure *f)
{
    return unit_value(p, unit, path, v, false, secret, f);
}

int unit_toml(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              bool secret, struct failure *f)
{
    return unit_value(p, unit, path, v, true, secret, f);
}

/* A word that is the path of a small file of the context: what a script will read. */
int unit_script_files(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                      struct bytes script, struct failure *f)
{
    int r = 0;
    for (size_t i = 0; i < script.len && r == 0;) {
        size_t end = i;
        while (end < script.len && !strchr(" \t\n\"'`;&|()<>=", script.at[end]))
            end++;
        struct bytes word = bytes_head(bytes_from(script, i), end - i), path, content;
        i = end + 1;
        if (word.len == 0 || !path_resolve(&p->values.arena, dir, word, &path) ||
            path.len == 0 || !listing_is_file(p->l, path))
            continue;
        struct failure ignored;
        if (listing_read(p->l, &p->values.arena, path, 64u << 10, &content, NULL, &ignored) ==
            0)
            r = unit_raw(p, unit, path, f);
    }
    return r;
}

bool unit_worth(struct prepare *p, struct bytes dir)
{
    const char *asked = p->options->dir;
    return dir.len == 0 ||
           (asked && bytes_equal(path_clean_root(&p->values.arena, bytes_of(asked)), dir));
}

struct bytes prepare_path(struct prepare *p, struct bytes dir, const char *name)
{
    return path_join(&p->values.arena, dir, bytes_of(name));
}

bool prepare_has(struct prepare *p, struct bytes dir, const char *name)
{
    return listing_is_file(p->l, prepare_path(p, dir, name));
}

static int compare_dirs(const void *a, const void *b)
{
    return path_shallow_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* Directories with a file of this name, shallow ones first. */
struct bytes *prepare_dirs(struct prepare *p, const char *name, size_t *ret_n)
{
    struct bytes *dirs = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < p->l->n; i++)
        if (listed_named(p->l, i, name))
            *ARENA_PUSH(&p->values.arena, dirs, &n, &cap) = path_dir(p->l->at[i].path);
    if (n)
        qsort(dirs, n, sizeof(*dirs), compare_dirs);
    *ret_n = n;
    return dirs;
}
