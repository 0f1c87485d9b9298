/* SPDX-License-Identifier: Apache-2.0 */
/* Gradle. Its scripts are programs, so this chooses files and changes none. */
#include "ecos.h"
#include "unit-text.h"

/* Fetches the files of every configuration; `gradle dependencies` would only fetch metadata. */
static const char resolve_script[] =
    "// Written by ctx-recipe: fetches what every project's configurations hold.\n"
    "allprojects {\n"
    "    tasks.register('ctxResolve') {\n"
    "        doLast {\n"
    "            def all = project.configurations.toList() +\n"
    "                    project.buildscript.configurations.toList()\n"
    "            all.findAll { it.canBeResolved }.each {\n"
    "                it.incoming.artifactView { lenient(true) }.files.files\n"
    "            }\n"
    "        }\n"
    "    }\n"
    "}\n";

static bool gradle_is_script(struct bytes name)
{
    return bytes_ends(name, BYTES(".gradle")) || bytes_ends(name, BYTES(".gradle.kts"));
}

/* Tells whether Gradle reads a file before it compiles anything. */
static bool gradle_is_wanted(struct bytes rel)
{
    struct bytes name = path_name(rel);
    bool in_gradle = bytes_starts(rel, BYTES("gradle/"));
    return gradle_is_script(name) || bytes_equal(name, BYTES("gradle.properties")) ||
           bytes_ends(name, BYTES(".lockfile")) || bytes_equal(rel, BYTES("gradlew")) ||
           (in_gradle && (bytes_ends(name, BYTES(".toml")) || bytes_ends(name, BYTES(".xml")) ||
                          bytes_ends(name, BYTES(".gpg")) || bytes_ends(name, BYTES(".keys")) ||
                          bytes_starts(rel, BYTES("gradle/wrapper/"))));
}

/* Adds the builds of includeBuild("x") with their sources, because their code runs in this
 * build. */
static int gradle_add_included(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                               struct failure *f)
{
    struct bytes text, dir;
    int r = prepare_read(p, path, &text, f);
    for (size_t i = 0; r == 0 && i + 12 < text.len; i++) {
        if (memcmp(text.at + i, "includeBuild", 12) != 0)
            continue;
        size_t at = i + 12;
        while (at < text.len && strchr(" (", text.at[at]))
            at++;
        if (at >= text.len || (text.at[at] != '"' && text.at[at] != '\''))
            continue;
        struct bytes rest = bytes_from(text, at + 1);
        if (path_resolve(&p->values.arena, path_dir(path),
                         bytes_head(rest, bytes_find(rest, text.at[at])), &dir) &&
            dir.len)
            r = unit_raw_tree(p, unit, dir, f);
    }
    return r;
}

static int gradle_make_unit(struct prepare *p, struct bytes dir, struct failure *f)
{
    struct recipe_unit *unit = unit_new(p, "gradle", dir);
    size_t first, end;
    struct bytes rel;
    int r = 0;
    bool wrapper = prepare_has(p, dir, "gradlew");
    const char *const install[] = {wrapper ? "./gradlew" : "gradle",
                                   "-I",
                                   ".ctx-stub/resolve.gradle",
                                   "ctxResolve",
                                   "--no-daemon",
                                   NULL};
    if (unit) {
        unit_needs(p, unit, wrapper ? "java" : "gradle");
        unit_install(p, unit, install);
        unit_file(p, unit, prepare_path(p, dir, ".ctx-stub/resolve.gradle"), 0644,
                  bytes_of(resolve_script));
    }
    listing_below(p->l, dir, &first, &end);
    for (size_t i = first; i < end && r == 0; i++) {
        struct bytes path = p->l->at[i].path;
        listing_child(p->l, dir, i, &rel);
        if (p->l->at[i].kind == LISTED_DIR)
            continue;
        bool built = bytes_starts(rel, BYTES("buildSrc/"));
        if (gradle_is_script(path_name(path)))
            *table_put(&p->claimed, path, NULL) = 1;
        if (!unit || !(built || gradle_is_wanted(rel)))
            continue;
        bool settings = bytes_starts(path_name(path), BYTES("settings.gradle"));
        r = bytes_equal(path_name(path), BYTES("gradle.properties"))
                ? unit_lines(p, unit, path, NULL, NULL, f)
            : built || bytes_ends(path, BYTES(".jar")) ? unit_raw(p, unit, path, f)
                                                       : unit_text(p, unit, path, f);
        if (r == 0 && settings)
            r = gradle_add_included(p, unit, path, f);
    }
    return r;
}

static int gradle_find(struct prepare *p, struct failure *f)
{
    static const char *const names[] = {"settings.gradle", "settings.gradle.kts",
                                        "build.gradle", "build.gradle.kts"};
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t n;
        struct bytes *dirs = prepare_dirs(p, names[i], &n);
        for (size_t j = 0; j < n && r == 0; j++)
            if (!table_get(&p->claimed, prepare_path(p, dirs[j], names[i])))
                r = gradle_make_unit(p, dirs[j], f);
    }
    return r;
}

/* A line of a lock file: "group:name:1.0=configuration,…". */
static bool gradle_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct bytes rest = file->content, line;
    if (!bytes_ends(file->path, BYTES(".lockfile")))
        return false;
    while (rest.at && bytes_next(&rest, '\n', &line)) {
        struct bytes what = bytes_head(line, bytes_find(line, '='));
        size_t at = bytes_find_last(what, ':');
        if (line.len && line.at[0] != '#' && at < what.len)
            value_put(pool, into, bytes_head(what, at),
                      value_string(pool, bytes_from(what, at + 1)));
    }
    return true;
}

const struct eco eco_gradle = {"gradle", gradle_find, gradle_list};
