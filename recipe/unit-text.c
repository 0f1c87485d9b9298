/* SPDX-License-Identifier: Apache-2.0 */
#include "unit-text.h"

#include "text.h"

#include <string.h>

/* Bytes. A larger file that a script names is data, and hardly what the script needs to run. */
#define SCRIPT_FILE_MAX (64u << 10)

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
        struct bytes lines = text_take_lines(&text), trimmed = utf8_trim(lines);
        if (trimmed.len == 0 || strchr("#;!", trimmed.at[0]))
            continue;
        enum line_verdict verdict = judge(text_join_lines(a, lines), context);
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

static void unit_value_without_logins(struct prepare *p, struct value *v, bool *ret_found)
{
    if (v->kind == VALUE_STRING)
        v->text = text_without_logins(&p->values.arena, v->text, ret_found);
    for (size_t i = 0; i < value_count(v); i++)
        unit_value_without_logins(p, v->pairs[i].value, ret_found);
}

static int unit_changed(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                        struct value *v, bool toml, bool secret, struct failure *f)
{
    cleanup_buf struct buf out =
        BUF(2ul * MANIFEST_MAX); /* room for indentation that the original lacks */
    unit_value_without_logins(p, v, &secret);
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
    return unit_changed(p, unit, path, v, false, secret, f);
}

int unit_toml(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              bool secret, struct failure *f)
{
    return unit_changed(p, unit, path, v, true, secret, f);
}

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
        if (listing_read(p->l, &p->values.arena, path, SCRIPT_FILE_MAX, &content, NULL,
                         &ignored) == 0)
            r = unit_raw(p, unit, path, f);
    }
    return r;
}
