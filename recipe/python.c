/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python: uv, poetry, pdm, pipenv and pip. A lock or a requirements file makes a unit of its
 * directory; the members of a uv workspace belong to its root.
 */
#include "ecos.h"
#include "pathglob.h"
#include "python-project.h"
#include "python-requirements.h"
#include "text.h"
#include "unit-text.h"

static struct manifest *python_project(struct python *py, struct bytes dir)
{
    return manifest_at(&py->projects, dir);
}

/* ---- members ----------------------------------------------------------------------- */

static const struct value *python_uv_of(const struct manifest *project)
{
    return value_get(value_get(project->value, "tool"), "uv");
}

static bool python_matches(struct python *py, struct bytes base, const struct value *patterns,
                           struct bytes dir)
{
    for (size_t i = 0; i < value_count(patterns); i++) {
        struct bytes full;
        if (path_resolve(&py->p->values.arena, base, value_text(patterns->pairs[i].value),
                         &full) &&
            (bytes_equal(full, dir) || path_glob(full, dir, true)))
            return true;
    }
    return false;
}

static int python_add_project(struct python *py, struct recipe_unit *unit,
                              struct manifest *project, struct failure *f);

/* Follows { path = "../lib" } of uv and poetry: adds the project there, or the archive. */
static int python_add_sources(struct python *py, struct recipe_unit *unit,
                              const struct manifest *project, const struct value *sources,
                              struct failure *f)
{
    int r = 0;
    for (size_t i = 0; i < value_count(sources) && r == 0; i++) {
        const struct value *one = sources->pairs[i].value;
        struct bytes rel = value_text(value_get(one, "path")), path;
        if (!rel.at && one->kind == VALUE_LIST)
            r = python_add_sources(py, unit, project, one, f);
        if (!rel.at)
            continue;
        if (!path_resolve(&py->p->values.arena, project->dir, rel, &path)) {
            unit_note(py->p, unit, "%s: %s lies outside of the context", QUOTE(project->path),
                      QUOTE(rel));
            continue;
        }
        struct manifest *to = python_project(py, path);
        r = to                                ? python_add_project(py, unit, to, f)
            : listing_is_file(py->p->l, path) ? unit_raw(py->p, unit, path, f)
                                              : 0;
    }
    return r;
}

static int python_add_poetry_sources(struct python *py, struct recipe_unit *unit,
                                     const struct manifest *project, struct failure *f)
{
    const struct value *poetry = value_get(value_get(project->value, "tool"), "poetry");
    const struct value *groups = value_get(poetry, "group");
    int r = python_add_sources(py, unit, project, value_get(poetry, "dependencies"), f);
    if (r == 0)
        r = python_add_sources(py, unit, project, value_get(poetry, "dev-dependencies"), f);
    for (size_t i = 0; i < value_count(groups) && r == 0; i++)
        r = python_add_sources(py, unit, project,
                               value_get(groups->pairs[i].value, "dependencies"), f);
    return r;
}

static int python_add_project(struct python *py, struct recipe_unit *unit,
                              struct manifest *project, struct failure *f)
{
    if (unit_has(py->p, unit, project->path))
        return 0;
    *table_put(&py->p->claimed, project->path, NULL) = 1;
    int r = python_mask(py, unit, project, f);
    if (r == 0)
        r = python_add_sources(py, unit, project, value_get(python_uv_of(project), "sources"),
                               f);
    return r == 0 ? python_add_poetry_sources(py, unit, project, f) : r;
}

static int python_add_members(struct python *py, struct recipe_unit *unit,
                              const struct manifest *root, struct failure *f)
{
    const struct value *workspace = value_get(python_uv_of(root), "workspace");
    int r = 0;
    for (size_t i = 0; i < py->projects.n && r == 0 && workspace; i++) {
        struct bytes dir = py->projects.at[i]->dir;
        if (python_matches(py, root->dir, value_get(workspace, "members"), dir) &&
            !python_matches(py, root->dir, value_get(workspace, "exclude"), dir))
            r = python_add_project(py, unit, py->projects.at[i], f);
    }
    return r;
}

/* ---- other files ------------------------------------------------------------------- */

static int python_add_pipfile(struct python *py, struct recipe_unit *unit, struct bytes dir,
                              struct failure *f)
{
    struct prepare *p = py->p;
    struct bytes path = prepare_path(p, dir, "Pipfile"), text;
    struct value *toml;
    int r = prepare_read(p, path, &text, f);
    if (r < 0)
        return r;
    if (toml_read(&p->values, path, text, &toml, NULL) < 0)
        return unit_text(p, unit, path, f);
    value_drop(toml, "scripts");
    value_drop(toml, "pipenv");
    return unit_toml(p, unit, path, toml, f);
}

/* Adds setup.cfg: the project's name, and the lines of [options] that name dependencies. */
static int python_add_setup_cfg(struct python *py, struct recipe_unit *unit, struct bytes dir,
                                struct failure *f)
{
    static const char *const keys[] = {"install_requires", "python_requires", "setup_requires",
                                       "tests_require"};
    struct prepare *p = py->p;
    struct bytes path = prepare_path(p, dir, "setup.cfg"), text, line, section = BYTES("");
    cleanup_buf struct buf out = BUF(MANIFEST_MAX);
    bool keep = false;
    int r = prepare_read(p, path, &text, f);
    text = text_lf(&p->values.arena, r < 0 ? BYTES("") : text);
    while (r == 0 && text.at && text.len && bytes_next(&text, '\n', &line)) {
        struct bytes trimmed = utf8_trim(line);
        if (!trimmed.len || trimmed.at[0] == '#' || trimmed.at[0] == ';')
            continue;
        if (line.at[0] == '[') {
            section = trimmed;
            keep = bytes_equal(section, BYTES("[metadata]")) ||
                   bytes_equal(section, BYTES("[options]")) ||
                   bytes_equal(section, BYTES("[options.extras_require]"));
        } else if (line.at[0] != ' ' && line.at[0] != '\t') {
            struct bytes key = utf8_trim(bytes_head(line, bytes_find(line, '=')));
            keep =
                bytes_equal(section, BYTES("[options.extras_require]")) ||
                (bytes_equal(section, BYTES("[metadata]")) && bytes_equal(key, BYTES("name")));
            for (size_t i = 0; i < ARRAY_SIZE(keys) && !keep; i++)
                keep = bytes_equal(section, BYTES("[options]")) &&
                       bytes_equal(key, bytes_of(keys[i]));
        }
        if (keep)
            r = buf_add_bytes(&out, line);
        if (r == 0 && keep)
            r = buf_add_byte(&out, '\n');
    }
    if (r == 0)
        unit_file(p, unit, path, 0644, buf_bytes(&out));
    return r;
}

static int python_add_texts(struct python *py, struct recipe_unit *unit, struct bytes dir,
                            struct failure *f)
{
    static const char *const texts[] = {"poetry.lock",     "poetry.toml",      "pdm.lock",
                                        "Pipfile.lock",    ".python-version",  "uv.toml",
                                        "environment.yml", "environment.yaml", "conda-lock.yml",
                                        "pylock.toml"};
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(texts) && r == 0; i++)
        r = unit_text(py->p, unit, prepare_path(py->p, dir, texts[i]), f);
    if (r == 0 && prepare_has(py->p, dir, "Pipfile"))
        r = python_add_pipfile(py, unit, dir, f);
    if (r == 0 && prepare_has(py->p, dir, "setup.cfg"))
        r = python_add_setup_cfg(py, unit, dir, f);
    if (r == 0 && py->p->options->setup_raw && prepare_has(py->p, dir, "setup.py"))
        r = unit_text(py->p, unit, prepare_path(py->p, dir, "setup.py"), f);
    return r;
}

/* ---- units ------------------------------------------------------------------------- */

static const struct tool {
    const char *file, *needs;
    const char *install[8], *after;
} tools[] = {
    {"uv.lock", "uv", {"uv", "sync", "--locked", "--no-install-workspace"}, "uv sync --locked"},
    {"poetry.lock",
     "poetry",
     {"poetry", "install", "--no-root", "--no-directory"},
     "poetry install --only-root"},
    {"pdm.lock", "pdm", {"pdm", "sync", "--no-self"}, "pdm sync"},
    {"Pipfile.lock", "pipenv", {"pipenv", "sync"}, NULL},
    {"requirements.txt", "pip", {"pip", "install", "-r", "requirements.txt"}, NULL},
    {"pyproject.toml", "uv", {"uv", "pip", "install", "-r", "pyproject.toml"}, NULL},
};

static const struct tool *python_tool_of(struct python *py, struct bytes dir)
{
    for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
        if (prepare_has(py->p, dir, tools[i].file))
            return &tools[i];
    return NULL;
}

static void python_read_uv_lock(struct python *py, struct recipe_unit *unit, struct bytes dir)
{
    struct bytes path = prepare_path(py->p, dir, "uv.lock"), text;
    struct failure why = {0};
    py->uv_lock = NULL;
    if (!listing_is_file(py->p->l, path) || prepare_read(py->p, path, &text, &why) < 0)
        return;
    if (toml_read(&py->p->values, path, text, &py->uv_lock, &why) < 0) {
        py->uv_lock = NULL;
        unit_note(py->p, unit, "copied as it is: %s", why.text);
    }
}

/* Claims the members of a root although the options exclude its unit. */
static void python_claim_members(struct python *py, const struct manifest *root)
{
    const struct value *workspace = value_get(python_uv_of(root), "workspace");
    for (size_t i = 0; i < py->projects.n && workspace; i++)
        if (python_matches(py, root->dir, value_get(workspace, "members"),
                           py->projects.at[i]->dir))
            *table_put(&py->p->claimed, py->projects.at[i]->path, NULL) = 1;
}

static int python_make_unit(struct python *py, struct bytes dir, struct failure *f)
{
    struct manifest *root = python_project(py, dir);
    struct recipe_unit *unit = unit_new(py->p, "python", dir);
    if (!unit) {
        if (root)
            python_claim_members(py, root);
        return 0;
    }
    const struct tool *tool = python_tool_of(py, dir);
    if (tool) {
        unit_needs(py->p, unit, tool->needs);
        unit_install(py->p, unit, tool->install);
        if (tool->after)
            unit_after(py->p, unit, tool->after);
    }
    python_read_uv_lock(py, unit, dir);
    int r = root ? python_add_project(py, unit, root, f) : 0;
    if (r == 0 && root)
        r = python_add_members(py, unit, root, f);
    if (r == 0 && prepare_has(py->p, dir, "uv.lock"))
        r = python_uv_lock(py, unit, dir, f);
    if (r == 0)
        r = python_requirements(py, unit, dir, f);
    return r == 0 ? python_add_texts(py, unit, dir, f) : r;
}

static bool python_is_locked(struct python *py, struct bytes dir)
{
    static const char *const locks[] = {"uv.lock",      "poetry.lock", "pdm.lock",
                                        "Pipfile.lock", "Pipfile",     "pylock.toml"};
    for (size_t i = 0; i < ARRAY_SIZE(locks); i++)
        if (prepare_has(py->p, dir, locks[i]))
            return true;
    return false;
}

/* Tells whether a pyproject.toml describes a project: many only configure linters. */
static bool python_is_project(const struct manifest *project)
{
    const struct value *tool = value_get(project->value, "tool");
    return value_get(project->value, "project") || value_get(tool, "poetry") ||
           value_get(tool, "uv") || value_get(project->value, "dependency-groups") ||
           !project->value;
}

static bool python_is_candidate(struct python *py, size_t i, struct bytes *ret_dir)
{
    const struct listed *e = &py->p->l->at[i];
    struct bytes name = path_name(e->path);
    *ret_dir = path_dir(e->path);
    if (e->kind == LISTED_DIR)
        return false;
    if (bytes_equal(path_name(*ret_dir), BYTES("requirements")) &&
        bytes_ends(name, BYTES(".txt"))) {
        *ret_dir = path_dir(*ret_dir);
        return true;
    }
    struct manifest *project =
        bytes_equal(name, BYTES("pyproject.toml")) ? python_project(py, *ret_dir) : NULL;
    return python_is_requirements(name) || bytes_equal(name, BYTES("Pipfile")) ||
           bytes_equal(name, BYTES("environment.yml")) ||
           (bytes_equal(name, BYTES("setup.cfg")) && unit_worth(py->p, *ret_dir) &&
            prepare_has(py->p, *ret_dir, "setup.py")) ||
           (project && python_is_project(project) &&
            (python_is_locked(py, *ret_dir) || unit_worth(py->p, *ret_dir)));
}

static int python_find(struct prepare *p, struct failure *f)
{
    struct python py = {.p = p};
    struct bytes *dirs = NULL, dir;
    size_t n = 0, cap = 0;
    cleanup_table struct table seen = {0};
    int r = manifests_read(p, "pyproject.toml", toml_read, &py.projects, f);
    manifests_sort(&py.projects);
    for (size_t i = 0; i < p->l->n && r == 0; i++) {
        bool first = false;
        if (python_is_candidate(&py, i, &dir))
            table_put(&seen, dir, &first);
        if (first)
            *ARENA_PUSH(&p->values.arena, dirs, &n, &cap) = dir;
    }
    /* A repository that only has libraries: each of them is a unit. */
    for (size_t i = 0; i < py.projects.n && n == 0; i++)
        if (python_is_project(py.projects.at[i]))
            *ARENA_PUSH(&p->values.arena, dirs, &n, &cap) = py.projects.at[i]->dir;
    prepare_sort_dirs(dirs, n);
    for (size_t i = 0; i < n && r == 0; i++) {
        struct manifest *project = python_project(&py, dirs[i]);
        bool claimed = project && table_get(&p->claimed, project->path);
        if (!claimed || python_is_locked(&py, dirs[i]))
            r = python_make_unit(&py, dirs[i], f);
    }
    manifests_release(&py.projects);
    return r;
}

/* ---- for diff ---------------------------------------------------------------------- */

static void python_list_version(struct values *pool, struct value *into, struct bytes name,
                                struct bytes version)
{
    if (name.len)
        value_put(pool, into, name, value_string(pool, version.at ? version : BYTES("?")));
}

static bool python_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct bytes name = path_name(file->path), rest = file->content, line;
    struct value *toml;
    if (bytes_ends(name, BYTES(".txt"))) {
        while (rest.at && bytes_next(&rest, '\n', &line)) {
            size_t at = 0;
            while (at < line.len && !strchr("=<>!~ ;[@", line.at[at]))
                at++;
            struct bytes version = utf8_trim(bytes_from(line, at));
            version = bytes_head(version, bytes_find(version, ' '));
            if (line.len && line.at[0] != '-')
                python_list_version(pool, into, bytes_head(line, at), version);
        }
        return true;
    }
    if (!bytes_ends(name, BYTES(".lock")) || bytes_equal(name, BYTES("Pipfile.lock")) ||
        toml_read(pool, file->path, file->content, &toml, NULL) < 0)
        return false;
    const struct value *packages = value_get(toml, "package");
    for (size_t i = 0; i < value_count(packages); i++) {
        const struct value *one = packages->pairs[i].value;
        python_list_version(pool, into, value_text(value_get(one, "name")),
                            value_text(value_get(one, "version")));
    }
    return true;
}

const struct eco eco_python = {"python", python_find, python_list};
