/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pip's requirements files. The path of an included file is relative to the file that includes
 * it; the path of a package is relative to pip's working directory, which we assume is the
 * unit's. Source: pip's documentation, "Requirements File Format".
 */
#include "python-requirements.h"

#include "text.h"
#include "unit-text.h"

struct reading {
    struct python *py;
    struct recipe_unit *unit;
    struct bytes dir; /* of the unit */
    struct failure *f;
};

bool python_is_requirements(struct bytes name)
{
    return bytes_ends(name, BYTES(".txt")) && (bytes_starts(name, BYTES("requirements")) ||
                                               bytes_starts(name, BYTES("constraints")));
}

static int requirements_read_file(struct reading *x, struct bytes path, unsigned depth);

/* The value of an option, "-r file", "-rfile" or "--requirement=file"; {NULL, 0} if the line
 * has another one. */
static struct bytes requirements_option(struct bytes line, const char *letter, const char *word)
{
    struct bytes value = {NULL, 0};
    if (bytes_starts(line, bytes_of(word)))
        value = bytes_from(line, strlen(word));
    else if (letter && bytes_starts(line, bytes_of(letter)))
        value = bytes_from(line, strlen(letter));
    else
        return value;
    if (value.len && value.at[0] == '=')
        value = bytes_from(value, 1);
    return utf8_trim(value);
}

/* The path in "file:./a[extra] ; marker". */
static struct bytes requirements_path_of(struct bytes line)
{
    if (bytes_starts(line, BYTES("file:")))
        line = bytes_from(line, 5);
    size_t end = 0;
    while (end < line.len && !strchr(" ;[#\t", line.at[end]))
        end++;
    return bytes_head(line, end);
}

static bool requirements_is_path(struct bytes line)
{
    return line.len && (line.at[0] == '.' || bytes_starts(line, BYTES("file:")) ||
                        bytes_ends(requirements_path_of(line), BYTES(".whl")) ||
                        bytes_ends(requirements_path_of(line), BYTES(".tar.gz")));
}

/*
 * Takes a package that is given by its path. An archive is added. A directory would need its
 * sources, so it is installed after they have been copied: the line is dropped (*ret_keep).
 */
static int requirements_take_path(struct reading *x, struct bytes line, bool editable,
                                  bool *ret_keep)
{
    struct bytes path;
    struct prepare *p = x->py->p;
    *ret_keep = true;
    if (text_has(line, "://") ||
        !path_resolve(&p->values.arena, x->dir, requirements_path_of(line), &path))
        return 0;
    if (listing_is_file(p->l, path))
        return unit_raw(p, x->unit, path, x->f);
    if (!listing_is_dir(p->l, path) && path.len)
        return 0;
    *ret_keep = false;
    unit_after(p, x->unit,
               (const char *)prepare_printf(p, "pip install --no-deps %s%.*s",
                                            editable ? "-e " : "",
                                            BYTES_ARG(requirements_path_of(line)))
                   .at);
    return 0;
}

/* Takes a logical line, and adds the files that it names. *ret_keep: it stays in the skeleton.
 */
static int requirements_take_line(struct reading *x, struct bytes file, struct bytes line,
                                  unsigned depth, bool *ret_keep)
{
    struct bytes value, path;
    *ret_keep = true;
    static const char *const includes[][2] = {{"-r", "--requirement"}, {"-c", "--constraint"}};
    for (size_t i = 0; i < ARRAY_SIZE(includes); i++) {
        value = requirements_option(line, includes[i][0], includes[i][1]);
        if (value.at)
            return path_resolve(&x->py->p->values.arena, path_dir(file), value, &path)
                       ? requirements_read_file(x, path, depth + 1)
                       : 0;
    }
    value = requirements_option(line, "-e", "--editable");
    if (value.at)
        return requirements_take_path(x, value, true, ret_keep);
    value = requirements_option(line, "-f", "--find-links");
    if (value.at) {
        if (!text_has(value, "://") &&
            path_resolve(&x->py->p->values.arena, path_dir(file), value, &path))
            return unit_vendored_tree(x->py->p, x->unit, path, x->f);
        return 0;
    }
    return requirements_is_path(line) ? requirements_take_path(x, line, false, ret_keep) : 0;
}

static bool requirements_is_blank(struct bytes line, size_t i)
{
    return i < line.len && (line.at[i] == ' ' || line.at[i] == '\t');
}

/* The offset of a comment, or the length of the line. */
static size_t requirements_find_comment(struct bytes line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] == '#' && (i == 0 || requirements_is_blank(line, i - 1)))
            return i;
    return line.len;
}

/*
 * Takes the next logical line off *rest: continued lines are joined, comments are dropped. The
 * words on both sides of a joint become one word if there is no blank between them. Source:
 * pip, join_lines.
 */
static struct bytes requirements_next_line(struct prepare *p, struct bytes *rest)
{
    cleanup_buf struct buf joined = BUF(MANIFEST_MAX);
    struct bytes line;
    bool goes_on = true, blank = false;
    while (goes_on && rest->at && bytes_next(rest, '\n', &line)) {
        bool comment = bytes_starts(utf8_trim(line), BYTES("#"));
        goes_on = bytes_ends(line, BYTES("\\")) && !comment;
        if (goes_on)
            line.len--;
        struct bytes trimmed = utf8_trim(line);
        if (joined.len && trimmed.len && (blank || comment || requirements_is_blank(line, 0)))
            (void)!buf_add_byte(&joined, ' ');
        (void)!buf_add_bytes(&joined, trimmed); /* fits: it is not longer than the file */
        blank = line.len ? requirements_is_blank(line, line.len - 1) : blank;
    }
    line = buf_bytes(&joined);
    return arena_copy(&p->values.arena,
                      utf8_trim(bytes_head(line, requirements_find_comment(line))));
}

/* Depth of files that include each other. A cycle ends earlier, because each file is read once.
 */
#define INCLUDES_MAX 32

static int requirements_read_file(struct reading *x, struct bytes path, unsigned depth)
{
    struct prepare *p = x->py->p;
    cleanup_buf struct buf out = BUF(MANIFEST_MAX);
    struct bytes text;
    if (!listing_is_file(p->l, path) || unit_has(p, x->unit, path) || depth > INCLUDES_MAX)
        return 0;
    int r = prepare_read(p, path, &text, x->f);
    if (r < 0)
        return r;
    /* The file is added empty first, so that a cycle ends; its content follows below. */
    size_t at = p->recipe->n_files;
    unit_file(p, x->unit, path, 0644, BYTES(""));
    text = text_lf(&p->values.arena, text);
    while (r == 0 && text.at && text.len) {
        bool keep;
        struct bytes line = requirements_next_line(p, &text);
        if (line.len == 0)
            continue;
        r = requirements_take_line(x, path, line, depth, &keep);
        if (r == 0 && keep)
            r = buf_add_bytes(&out, line);
        if (r == 0 && keep)
            r = buf_add_byte(&out, '\n');
    }
    if (r == 0)
        unit_set_content(p, x->unit, &p->recipe->files[at], buf_bytes(&out));
    *table_put(&p->claimed, path, NULL) = 1;
    return r;
}

int python_requirements(struct python *py, struct recipe_unit *unit, struct bytes dir,
                        struct failure *f)
{
    struct reading x = {py, unit, dir, f};
    const struct listing *l = py->p->l;
    size_t first, end;
    int r = 0;
    listing_below(l, dir, &first, &end);
    for (size_t i = first; i < end && r == 0; i++) {
        struct bytes name;
        bool direct = listing_child(l, dir, i, &name);
        bool nested = bytes_starts(name, BYTES("requirements/")) &&
                      bytes_ends(name, BYTES(".txt")) &&
                      bytes_find(bytes_from(name, 13), '/') == name.len - 13;
        if (l->at[i].kind == LISTED_DIR ||
            !(nested || (direct && python_is_requirements(name))))
            continue;
        r = requirements_read_file(&x, l->at[i].path, 0);
    }
    return r;
}
