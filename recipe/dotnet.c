/* SPDX-License-Identifier: Apache-2.0 */
/* .NET: the solutions and projects that `dotnet restore` reads, and the files that they lead
 * to. */
#include "ecos.h"
#include "text.h"
#include "unit-text.h"

struct dotnet {
    struct prepare *p;
    struct recipe_unit *unit;
    struct failure *f;
};

static bool dotnet_is_project(struct bytes path)
{
    return bytes_ends(path, BYTES(".csproj")) || bytes_ends(path, BYTES(".fsproj")) ||
           bytes_ends(path, BYTES(".vbproj")) || bytes_ends(path, BYTES(".esproj")) ||
           bytes_ends(path, BYTES(".sqlproj"));
}

static bool dotnet_is_solution(struct bytes path)
{
    return bytes_ends(path, BYTES(".sln")) || bytes_ends(path, BYTES(".slnx"));
}

/* Resolves a path, in which backslashes separate components. */
static bool dotnet_resolve(struct dotnet *d, struct bytes dir, struct bytes rel,
                           struct bytes *ret)
{
    char *copy = arena_string(&d->p->values.arena, rel);
    for (char *at = copy; *at; at++)
        *at = *at == '\\' ? '/' : *at;
    return path_resolve(&d->p->values.arena, dir, bytes_of(copy), ret) && ret->len;
}

/* ---- masking ----------------------------------------------------------------------- */

static void dotnet_drop_named(struct xml *at, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        xml_drop(at, names[i]);
}

static void dotnet_mask(struct xml *xml)
{
    static const char *const properties[] = {
        "Version",
        "VersionPrefix",
        "VersionSuffix",
        "AssemblyVersion",
        "FileVersion",
        "InformationalVersion",
        "PackageVersion",
        "Description",
        "Authors",
        "Company",
        "Copyright",
        "PackageTags",
        "PackageReleaseNotes",
        "RepositoryUrl",
        "RepositoryType",
        "PackageProjectUrl",
        "PackageLicenseExpression",
        "PackageReadmeFile",
        "PackageIcon",
        "Title",
        "Product",
    };
    static const char *const items[] = {
        "Compile",  "Content",        "None",   "EmbeddedResource",
        "Resource", "Page",           "Folder", "InternalsVisibleTo",
        "Using",    "AdditionalFiles"};
    for (size_t i = 0; i < xml->n; i++) {
        struct xml *group = xml->below[i];
        if (bytes_equal(group->name, BYTES("PropertyGroup")))
            dotnet_drop_named(group, properties, ARRAY_SIZE(properties));
        else if (bytes_equal(group->name, BYTES("ItemGroup")))
            dotnet_drop_named(group, items, ARRAY_SIZE(items));
    }
    /* Drop the groups that are empty now. */
    size_t n = 0;
    for (size_t i = 0; i < xml->n; i++) {
        struct xml *group = xml->below[i];
        bool empty = group->n == 0 && (bytes_equal(group->name, BYTES("PropertyGroup")) ||
                                       bytes_equal(group->name, BYTES("ItemGroup")));
        if (!empty)
            xml->below[n++] = group;
    }
    xml->n = n;
}

static int dotnet_add_xml(struct dotnet *d, struct bytes path, bool masked, struct xml **ret)
{
    struct prepare *p = d->p;
    struct failure why = {0};
    struct bytes text;
    cleanup_buf struct buf out = BUF(MANIFEST_MAX);
    *ret = NULL;
    int r = prepare_read(p, path, &text, d->f);
    if (r < 0)
        return r;
    *table_put(&p->claimed, path, NULL) = 1;
    if (xml_read(&p->values, path, text, ret, &why) < 0) {
        *ret = NULL;
        unit_note(p, d->unit, "copied as it is: %s", why.text);
        return unit_text(p, d->unit, path, d->f);
    }
    if (masked)
        dotnet_mask(*ret);
    r = xml_write(*ret, &out);
    if (r < 0)
        return fail(d->f, r, "%s is too large", QUOTE(path));
    unit_file(p, d->unit, path, 0644, buf_bytes(&out));
    return 0;
}

/* ---- files that a project leads to ------------------------------------------------- */

static int dotnet_add_project(struct dotnet *d, struct bytes path);

/* Adds the projects and files that an element refers to. */
static int dotnet_follow(struct dotnet *d, struct bytes dir, const struct xml *at)
{
    struct bytes path, include = xml_attribute(at, "Include");
    struct bytes import = xml_attribute(at, "Project");
    int r = 0;
    if (bytes_equal(at->name, BYTES("ProjectReference")) && include.at &&
        dotnet_resolve(d, dir, include, &path))
        r = dotnet_add_project(d, path);
    /* $(MSBuildThisFileDirectory) is the directory of this file. */
    if (bytes_starts(import, BYTES("$(MSBuildThisFileDirectory)")))
        import = bytes_from(import, 27);
    if (bytes_equal(at->name, BYTES("Import")) && import.at && !text_has(import, "$(") &&
        dotnet_resolve(d, dir, import, &path) && listing_is_file(d->p->l, path) &&
        !unit_has(d->p, d->unit, path)) {
        struct xml *xml;
        r = dotnet_add_xml(d, path, true, &xml);
        if (r == 0 && xml)
            r = dotnet_follow(d, path_dir(path), xml);
    }
    for (size_t i = 0; i < at->n && r == 0; i++)
        if (at->below[i]->name.len)
            r = dotnet_follow(d, dir, at->below[i]);
    return r;
}

/* Adds the package sources of nuget.config that are directories of the context. */
static int dotnet_add_feeds(struct dotnet *d, struct bytes dir, const struct xml *config)
{
    const struct xml *sources = xml_get(config, "packageSources");
    int r = 0;
    for (size_t i = 0; sources && i < sources->n && r == 0; i++) {
        struct bytes value = xml_attribute(sources->below[i], "value"), path;
        if (value.at && !text_has(value, "://") && dotnet_resolve(d, dir, value, &path) &&
            listing_is_dir(d->p->l, path))
            r = unit_vendored_tree(d->p, d->unit, path, d->f);
    }
    return r;
}

/* Adds a file of a directory if it exists, and what it leads to. */
static int dotnet_add_found(struct dotnet *d, struct bytes dir, const char *name, bool config)
{
    struct bytes path = prepare_path(d->p, dir, name);
    struct xml *xml;
    if (!listing_is_file(d->p->l, path) || unit_has(d->p, d->unit, path))
        return 0;
    int r = dotnet_add_xml(d, path, !config, &xml);
    if (r < 0 || !xml)
        return r;
    return config ? dotnet_add_feeds(d, dir, xml) : dotnet_follow(d, dir, xml);
}

/* Adds the files that MSBuild and NuGet search for, from a directory upwards. */
static int dotnet_add_above(struct dotnet *d, struct bytes dir)
{
    static const char *const names[] = {"Directory.Build.props", "Directory.Build.targets",
                                        "Directory.Packages.props", "Directory.Solution.props",
                                        "Directory.Solution.targets"};
    static const char *const texts[] = {"global.json", ".config/dotnet-tools.json",
                                        "dotnet-tools.json", "Directory.Build.rsp"};
    static const char *const configs[] = {"nuget.config", "NuGet.config", "NuGet.Config",
                                          "Nuget.Config"};
    int r = 0;
    for (;; dir = path_dir(dir)) {
        for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++)
            r = dotnet_add_found(d, dir, names[i], false);
        for (size_t i = 0; i < ARRAY_SIZE(configs) && r == 0; i++)
            r = dotnet_add_found(d, dir, configs[i], true);
        for (size_t i = 0; i < ARRAY_SIZE(texts) && r == 0; i++)
            r = unit_text(d->p, d->unit, prepare_path(d->p, dir, texts[i]), d->f);
        if (r < 0 || dir.len == 0)
            return r;
    }
}

static int dotnet_add_project(struct dotnet *d, struct bytes path)
{
    struct bytes dir = path_dir(path);
    struct xml *xml;
    if (!listing_is_file(d->p->l, path) || unit_has(d->p, d->unit, path))
        return 0;
    int r = dotnet_add_xml(d, path, true, &xml);
    if (r == 0)
        r = unit_text(d->p, d->unit, prepare_path(d->p, dir, "packages.lock.json"), d->f);
    if (r == 0)
        r = dotnet_add_above(d, dir);
    return r == 0 && xml ? dotnet_follow(d, dir, xml) : r;
}

static int dotnet_add_slnx(struct dotnet *d, struct bytes dir, const struct xml *at)
{
    struct bytes to = xml_attribute(at, "Path"), path;
    int r = to.at && dotnet_is_project(to) && dotnet_resolve(d, dir, to, &path)
                ? dotnet_add_project(d, path)
                : 0;
    for (size_t i = 0; i < at->n && r == 0; i++)
        if (at->below[i]->name.len)
            r = dotnet_add_slnx(d, dir, at->below[i]);
    return r;
}

/* A line of a solution: Project("{…}") = "Name", "src\\Name.csproj", "{…}" */
static int dotnet_add_sln_line(struct dotnet *d, struct bytes dir, struct bytes line)
{
    struct bytes quoted = BYTES(""), path;
    if (!bytes_starts(line, BYTES("Project(")))
        return 0;
    for (size_t i = 0; i <= 5; i++)
        if (!line.at || !bytes_next(&line, '"', &quoted))
            return 0;
    return dotnet_is_project(quoted) && dotnet_resolve(d, dir, quoted, &path)
               ? dotnet_add_project(d, path)
               : 0;
}

static int dotnet_add_solution(struct dotnet *d, struct bytes path)
{
    struct bytes text, line, dir = path_dir(path);
    struct xml *xml;
    int r = prepare_read(d->p, path, &text, d->f);
    if (r == 0)
        r = unit_text(d->p, d->unit, path, d->f);
    if (r < 0)
        return r;
    if (bytes_ends(path, BYTES(".slnx")))
        return xml_read(&d->p->values, path, text, &xml, NULL) < 0
                   ? 0
                   : dotnet_add_slnx(d, dir, xml);
    while (r == 0 && text.at && bytes_next(&text, '\n', &line))
        r = dotnet_add_sln_line(d, dir, line);
    return r;
}

/* ---- units ------------------------------------------------------------------------- */

static int dotnet_make_unit(struct prepare *p, struct bytes path, struct failure *f)
{
    static const char *const restore[] = {"dotnet", "restore", NULL};
    struct dotnet d = {p, unit_new(p, "dotnet", path_dir(path)), f};
    *table_put(&p->claimed, path, NULL) = 1;
    if (!d.unit)
        return 0;
    unit_needs(p, d.unit, "dotnet");
    unit_install(p, d.unit, restore);
    int r = dotnet_add_above(&d, path_dir(path));
    return r < 0                      ? r
           : dotnet_is_solution(path) ? dotnet_add_solution(&d, path)
                                      : dotnet_add_project(&d, path);
}

static int dotnet_find(struct prepare *p, struct failure *f)
{
    struct bytes *paths = NULL;
    size_t n = 0, cap = 0;
    int r = 0;
    for (size_t i = 0; i < p->l->n; i++)
        if (p->l->at[i].kind == LISTED_FILE &&
            (dotnet_is_project(p->l->at[i].path) || dotnet_is_solution(p->l->at[i].path)))
            *ARENA_PUSH(&p->values.arena, paths, &n, &cap) = p->l->at[i].path;
    for (int pass = 0; pass < 2; pass++) {
        struct bytes last = {NULL, 0};
        for (size_t i = 0; i < n && r == 0; i++) {
            struct bytes dir = path_dir(paths[i]);
            if (dotnet_is_solution(paths[i]) != (pass == 0) ||
                table_get(&p->claimed, paths[i]) || (last.at && bytes_equal(last, dir)))
                continue; /* only the first of a directory: dotnet wants one, too */
            last = dir;
            r = dotnet_make_unit(p, paths[i], f);
        }
    }
    return r;
}

static void dotnet_list_in(struct values *pool, const struct xml *at, struct value *into)
{
    bool one = bytes_equal(at->name, BYTES("PackageReference")) ||
               bytes_equal(at->name, BYTES("PackageVersion"));
    struct bytes name = xml_attribute(at, "Include"), version = xml_attribute(at, "Version");
    if (!version.at)
        version = xml_text(xml_get(at, "Version"));
    if (one && name.at && version.at)
        value_put(pool, into, name, value_string(pool, version));
    for (size_t i = 0; i < at->n; i++)
        dotnet_list_in(pool, at->below[i], into);
}

static bool dotnet_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct xml *xml;
    if (!(dotnet_is_project(file->path) || bytes_ends(file->path, BYTES(".props"))) ||
        xml_read(pool, file->path, file->content, &xml, NULL) < 0)
        return false;
    dotnet_list_in(pool, xml, into);
    return true;
}

const struct eco eco_dotnet = {"dotnet", dotnet_find, dotnet_list};
