/* SPDX-License-Identifier: Apache-2.0 */
/* Masks pyproject.toml and uv.lock. */
#include "python-project.h"

#include "text.h"
#include "unit-text.h"

#define MASKED_VERSION "0.0.0"

static void python_keep_tool(struct prepare *p, const struct value *tools, const char *name,
                             const char *const *keys, size_t n, struct value *into)
{
    const struct value *tool = value_get(tools, name);
    if (!value_is(tool, VALUE_MAP))
        return;
    struct value *kept =
        n ? value_keep(&p->values, tool, keys, n) : value_copy(&p->values, tool);
    if (kept->n)
        value_put(&p->values, into, bytes_of(name), kept);
}

/* The entry of a local package in uv.lock, or NULL. */
static struct value *python_uv_entry(const struct python *py, struct bytes name)
{
    const struct value *packages = value_get(py->uv_lock, "package");
    for (size_t i = 0; i < value_count(packages); i++) {
        struct value *one = packages->pairs[i].value;
        const struct value *source = value_get(one, "source");
        bool local = value_get(source, "editable") || value_get(source, "virtual") ||
                     value_get(source, "directory");
        if (local && bytes_equal(value_text(value_get(one, "name")), name))
            return one;
    }
    return NULL;
}

/* A name as the lock has it: in lower case, with a dash for each run of -_. (Source: PEP 503).
 */
static struct bytes python_normal_name(struct arena *a, struct bytes name)
{
    uint8_t *out = arena_alloc(a, name.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        bool dash = c == '-' || c == '_' || c == '.';
        if (dash && len && out[len - 1] == '-')
            continue;
        out[len++] = dash ? '-' : c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
    }
    return bytes_at(out, len);
}

/*
 * Makes the version constant, so that no build backend has to ask git for it. A dynamic version
 * stays dynamic if uv's lock has no version for the package.
 */
static void python_mask_version(const struct python *py, struct value *project)
{
    struct prepare *p = py->p;
    struct value *dynamic = value_get(project, "dynamic");
    bool is_dynamic = false;
    for (size_t i = 0; i < value_count(dynamic); i++)
        is_dynamic |= bytes_equal(value_text(dynamic->pairs[i].value), BYTES("version"));
    struct bytes name =
        python_normal_name(&p->values.arena, value_text(value_get(project, "name")));
    struct value *locked = python_uv_entry(py, name);
    if (is_dynamic && locked && !value_get(locked, "version"))
        return;
    for (size_t i = value_count(dynamic); i-- > 0;)
        if (bytes_equal(value_text(dynamic->pairs[i].value), BYTES("version")))
            value_drop_at(dynamic, i);
    if (dynamic && !value_count(dynamic))
        value_drop(project, "dynamic");
    value_put(&p->values, project, BYTES("version"),
              value_string(&p->values, BYTES(MASKED_VERSION)));
}

static void python_keep_project(const struct python *py, const struct value *toml,
                                struct value *out)
{
    static const char *const keys[] = {"name", "requires-python", "dependencies",
                                       "optional-dependencies", "dynamic"};
    const struct value *project = value_get(toml, "project");
    struct values *pool = &py->p->values;
    if (!value_is(project, VALUE_MAP))
        return;
    struct value *kept = value_copy(pool, value_keep(pool, project, keys, ARRAY_SIZE(keys)));
    python_mask_version(py, kept);
    value_put(pool, out, BYTES("project"), kept);
}

static void python_keep_poetry(struct prepare *p, const struct value *tools, struct value *into)
{
    static const char *const keys[] = {"name",         "dependencies",     "dev-dependencies",
                                       "group",        "extras",           "source",
                                       "package-mode", "requires-plugins", "requires-poetry"};
    const struct value *poetry = value_get(tools, "poetry");
    python_keep_tool(p, tools, "poetry", keys, ARRAY_SIZE(keys), into);
    struct value *kept = value_get(into, "poetry");
    if (!kept || !value_get(poetry, "version"))
        return;
    value_put(&p->values, kept, BYTES("version"),
              value_string(&p->values, BYTES(MASKED_VERSION)));
    if (!value_get(poetry, "description")) /* poetry 1 insists on version and these two */
        return;
    value_put(&p->values, kept, BYTES("description"), value_string(&p->values, BYTES("")));
    value_put(&p->values, kept, BYTES("authors"), value_new(&p->values, VALUE_LIST));
}

/* Adds the files of [tool.setuptools.dynamic] dependencies = {file = [...]}, which pip reads
 * when it builds. */
static int python_dynamic_files(struct prepare *p, struct recipe_unit *unit,
                                const struct manifest *project, const struct value *dynamic,
                                struct failure *f)
{
    int r = 0;
    for (size_t i = 0; i < value_count(dynamic) && r == 0; i++) {
        const struct value *v = dynamic->pairs[i].value, *file = value_get(v, "file");
        if (bytes_equal(dynamic->pairs[i].key, BYTES("optional-dependencies")))
            r = python_dynamic_files(p, unit, project, v, f);
        else if (!bytes_equal(dynamic->pairs[i].key, BYTES("dependencies")) && !file)
            continue;
        for (size_t j = 0; r == 0 && j < (value_text(file).at ? 1 : value_count(file)); j++) {
            struct bytes path;
            struct bytes name = value_text(value_text(file).at ? file : file->pairs[j].value);
            if (path_resolve(&p->values.arena, project->dir, name, &path) &&
                !bytes_equal(dynamic->pairs[i].key, BYTES("version")) &&
                !bytes_equal(dynamic->pairs[i].key, BYTES("readme")))
                r = unit_text(p, unit, path, f);
        }
    }
    return r;
}

static struct value *python_keep_tools(const struct python *py, const struct value *toml)
{
    static const char *const pdm[] = {"source",  "dev-dependencies", "resolution",
                                      "options", "distribution",     "ignore_package_warnings"};
    static const char *const hatch[] = {"envs", "metadata"};
    static const char *const setuptools[] = {"dynamic"};
    const struct value *tools = value_get(toml, "tool");
    struct value *kept = value_new(&py->p->values, VALUE_MAP);
    python_keep_tool(py->p, tools, "uv", NULL, 0, kept);
    python_keep_poetry(py->p, tools, kept);
    python_keep_tool(py->p, tools, "pdm", pdm, ARRAY_SIZE(pdm), kept);
    python_keep_tool(py->p, tools, "hatch", hatch, ARRAY_SIZE(hatch), kept);
    python_keep_tool(py->p, tools, "setuptools", setuptools, ARRAY_SIZE(setuptools), kept);
    return kept;
}

int python_mask(struct python *py, struct recipe_unit *unit, const struct manifest *project,
                struct failure *f)
{
    struct prepare *p = py->p;
    if (!project->value) {
        unit_note(p, unit, "copied as it is: %.*s", BYTES_ARG(project->wrong));
        return unit_text(p, unit, project->path, f);
    }
    static const char *const top[] = {"build-system", "dependency-groups"};
    struct value *out = value_keep(&p->values, project->value, top, ARRAY_SIZE(top));
    python_keep_project(py, project->value, out);
    struct value *tools = python_keep_tools(py, project->value);
    if (tools->n)
        value_put(&p->values, out, BYTES("tool"), tools);
    int r = unit_toml(p, unit, project->path, out, f);
    if (r < 0)
        return r;
    return python_dynamic_files(
        p, unit, project,
        value_get(value_get(value_get(project->value, "tool"), "setuptools"), "dynamic"), f);
}

/*
 * Writes the text of uv.lock with the version lines of local packages replaced: everything else
 * keeps uv's own layout, which can change. A package begins with its name, version and source.
 */
static int python_write_lock(struct python *py, struct bytes text, struct buf *to)
{
    struct bytes line, name = {NULL, 0}, unquoted;
    int r = 0;
    bool local = false;
    while (r == 0 && text.at && text.len && bytes_next(&text, '\n', &line)) {
        if (bytes_starts(line, BYTES("[["))) {
            local = false;
            name.at = NULL;
        } else if (bytes_starts(line, BYTES("name = \"")) && !name.at) {
            unquoted = bytes_from(line, 8);
            name = bytes_head(unquoted, bytes_find(unquoted, '"'));
            /* Local and other packages may share a name: the version in the next line decides.
             */
            local = python_uv_entry(py, name) != NULL;
        }
        struct value *entry = local ? python_uv_entry(py, name) : NULL;
        struct bytes version = value_text(value_get(entry, "version"));
        if (entry && version.at && bytes_starts(line, BYTES("version = \"")) &&
            bytes_starts(bytes_from(line, 11), version)) {
            r = buf_add_bytes(to, BYTES("version = \"" MASKED_VERSION "\"\n"));
            continue;
        }
        r = buf_add_bytes(to, line);
        if (r == 0)
            r = buf_add_byte(to, '\n');
    }
    return r;
}

int python_uv_lock(struct python *py, struct recipe_unit *unit, struct bytes dir,
                   struct failure *f)
{
    struct prepare *p = py->p;
    cleanup_buf struct buf out = BUF(MANIFEST_MAX);
    struct bytes path = prepare_path(p, dir, "uv.lock"), text;
    if (!py->uv_lock)
        return unit_text(p, unit, path, f);
    int r = prepare_read(p, path, &text, f);
    if (r < 0)
        return r;
    r = python_write_lock(py, text_lf(&p->values.arena, text), &out);
    if (r < 0)
        return fail(f, r, "%s is too large", QUOTE(path));
    unit_file(p, unit, path, 0644, buf_bytes(&out));
    return 0;
}
