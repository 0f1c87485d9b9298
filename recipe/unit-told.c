/* SPDX-License-Identifier: Apache-2.0 */
#include "unit-told.h"

/* Findings of a file that are named one by one. */
#define NAMED_MAX 6

void unit_note_and_warn(struct prepare *p, struct recipe_unit *unit, struct bytes note,
                        struct bytes warning)
{
    struct arena *a = &p->recipe->arena;
    *ARENA_PUSH(a, unit->notes, &unit->n_notes, &unit->cap_notes) = arena_copy(a, note);
    recipe_unit_warn(unit, warning, p->notes);
}

static bool unit_told_before(struct prepare *p, const struct recipe_unit *unit,
                             struct bytes path)
{
    bool first;
    table_put(&p->told,
              arena_printf(&p->values.arena, "%zu:%.*s", (size_t)(unit - p->recipe->units),
                           BYTES_ARG(path)),
              &first);
    return !first;
}

/*
 * Lists what was found: "line 3: token; line 7: a login in a URL". Without lines, each is named
 * once: that text enters the recipe, which must not change when only lines move.
 */
static void unit_list_findings(struct buf *out, const struct scrubbed *clean, bool lines)
{
    size_t named = 0, more = 0;
    for (size_t i = 0; i < clean->n; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !lines && !seen; j++)
            seen = bytes_equal(clean->found[i].what, clean->found[j].what);
        if (seen)
            continue;
        if (named++ == NAMED_MAX)
            more = clean->n - i;
        if (named > NAMED_MAX)
            break;
        (void)!buf_addf(out, "%s", named > 1 ? "; " : "");
        if (lines)
            (void)!buf_addf(out, "line %u: ", clean->found[i].line);
        struct bytes what = clean->found[i].what;
        bool ours = bytes_starts(what, BYTES("a ")) || bytes_starts(what, BYTES("the "));
        (void)!(ours && bytes_plain(what, 0) == what.len ? buf_add_bytes(out, what)
                                                         : buf_addf(out, "%s", QUOTE(what)));
    }
    if (more)
        (void)!buf_addf(out, lines ? "; and %zu more" : "; and more", more);
}

static void unit_tell_findings(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                               const struct scrubbed *clean, bool lines)
{
    struct bytes texts[2];
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        cleanup_buf struct buf out = BUF(4096);
        (void)!buf_addf(&out,
                        "%s holds a credential, which was left out: give it as a secret of the "
                        "build (",
                        QUOTE(path));
        unit_list_findings(&out, clean, i == 1 && lines);
        (void)!buf_addf(&out, clean->code ? "; it is a program, in which only what is written "
                                            "as text is found)"
                                          : ")");
        texts[i] = arena_copy(&p->values.arena, buf_bytes(&out));
    }
    unit_note_and_warn(p, unit, texts[0], texts[1]);
}

/* Adds a note that is the same in the recipe and for the user; `what` follows the path. */
static void unit_note_path(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                           const char *what)
{
    struct bytes text = arena_printf(
        &p->values.arena, "%s %s: give it as a secret of the build", QUOTE(path), what);
    unit_note_and_warn(p, unit, text, text);
}

bool unit_tell(struct prepare *p, struct recipe_unit *unit, struct bytes path,
               struct bytes *content)
{
    struct scrubbed again = scrub_text(&p->values.arena, path, *content);
    const uintptr_t *read = table_get(&p->scrubbed, path);
    const struct scrubbed *before = read ? (const struct scrubbed *)*read : NULL;
    *content = again.text;
    if ((again.n || again.all || before) && !unit_told_before(p, unit, path)) {
        if (again.all)
            unit_note_path(p, unit, path, "is left out, since it holds credentials alone");
        else
            unit_tell_findings(p, unit, path, before ? before : &again, before != NULL);
    }
    return !again.all;
}

void unit_secret(struct prepare *p, struct recipe_unit *unit, struct bytes path)
{
    if (!unit_told_before(p, unit, path))
        unit_note_path(p, unit, path, "holds a credential, which was left out");
}
