/* SPDX-License-Identifier: Apache-2.0 */
#include "unit-text.h"

#include "text.h"
#include "unit-told.h"

#include <string.h>

/* Bytes. A larger file that a script names is data, and hardly what the script needs to run. */
#define SCRIPT_FILE_MAX (64u << 10)

int unit_text(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct failure *f)
{
    struct bytes text;
    bool executable;
    if (!listing_is_file(p->l, path) || unit_has(p, unit, path))
        return 0;
    int r = prepare_read_file(p, path, MANIFEST_MAX, &text, &executable, f);
    if (r == 0)
        unit_file(p, unit, path, executable ? 0755 : 0644, text_lf(&p->values.arena, text));
    return r;
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
        enum line_verdict verdict =
            judge ? judge(text_join_lines(a, lines), context) : LINE_KEEP;
        found |= verdict == LINE_SECRET;
        if (verdict != LINE_KEEP)
            continue;
        r = buf_add_bytes(&out, lines);
        if (r == 0)
            r = buf_add_byte(&out, '\n');
    }
    if (found)
        unit_secret(p, unit, path);
    if (r == 0)
        unit_file(p, unit, path, 0644, buf_bytes(&out));
    return r;
}

static int unit_changed(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                        struct value *v, bool toml, struct failure *f)
{
    cleanup_buf struct buf out =
        BUF(2ul * MANIFEST_MAX); /* room for indentation that the original lacks */
    int r = toml ? toml_write(v, &out) : json_write_pretty(v, &out);
    if (r < 0)
        return fail(f, r, "%s is too large", QUOTE(path));
    unit_file(p, unit, path, 0644, buf_bytes(&out));
    return 0;
}

int unit_json(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              struct failure *f)
{
    return unit_changed(p, unit, path, v, false, f);
}

int unit_toml(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              struct failure *f)
{
    return unit_changed(p, unit, path, v, true, f);
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
        if (prepare_read_file(p, path, SCRIPT_FILE_MAX, &content, NULL, &ignored) == 0)
            r = unit_raw(p, unit, path, f);
    }
    return r;
}
