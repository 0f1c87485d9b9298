/* SPDX-License-Identifier: Apache-2.0 */
/* Maven: the poms of a multi-module build (a reactor), with its own modules' versions masked.
 */
#include "ecos.h"
#include "text.h"
#include "unit-text.h"

/* The version of every masked module. */
#define MASKED "0-ctx"

struct pom {
    struct bytes dir, path;
    struct xml *xml;    /* NULL: it can't be parsed */
    struct bytes wrong; /* why it can't be parsed */
    struct bytes group, artifact, version;
    bool member;
};

struct maven {
    struct prepare *p;
    struct table by_path; /* -> struct pom * */
    struct pom **all;
    size_t n_all, cap_all;
    struct pom **of; /* of the unit that is being made */
    size_t n_of, cap_of;
    bool revision; /* the root's version is ${revision}: the property is masked instead */
};

static int maven_compare(const void *a, const void *b)
{
    struct pom *const *x = a, *const *y = b;
    return path_shallow_compare((*x)->path, (*y)->path);
}

static int maven_read_poms(struct maven *m, struct failure *f)
{
    struct prepare *p = m->p;
    for (size_t i = 0; i < p->l->n; i++) {
        struct failure why = {0};
        struct bytes text;
        bool named = listing_named(p->l, i, "pom.xml") ||
                     (p->l->at[i].kind == LISTED_FILE &&
                      bytes_ends(p->l->at[i].path, BYTES(".pom.xml")));
        if (!named)
            continue;
        struct pom *pom = ARENA_NEW(&p->values.arena, struct pom);
        pom->path = p->l->at[i].path;
        pom->dir = path_dir(pom->path);
        int r = prepare_read(p, pom->path, &text, f);
        if (r < 0)
            return r;
        if (xml_read(&p->values, pom->path, text, &pom->xml, &why) < 0) {
            pom->wrong = arena_copy(&p->values.arena, bytes_of(why.text));
            pom->xml = NULL;
        }
        struct xml *parent = xml_get(pom->xml, "parent");
        pom->group = xml_text(xml_get(pom->xml, "groupId"));
        if (!pom->group.at)
            pom->group = xml_text(xml_get(parent, "groupId"));
        pom->artifact = xml_text(xml_get(pom->xml, "artifactId"));
        pom->version = xml_text(xml_get(pom->xml, "version"));
        if (!pom->version.at)
            pom->version = xml_text(xml_get(parent, "version"));
        *ARENA_PUSH(&p->values.arena, m->all, &m->n_all, &m->cap_all) = pom;
        *table_put(&m->by_path, pom->path, NULL) = (uintptr_t)pom;
    }
    if (m->n_all)
        qsort(m->all, m->n_all, sizeof(struct pom *), maven_compare);
    return 0;
}

/* The pom that a module or a parent names: a directory, or a pom with another name. */
static struct pom *maven_find_pom(struct maven *m, struct bytes dir, struct bytes rel)
{
    struct bytes path;
    if (!path_resolve(&m->p->values.arena, dir, rel, &path))
        return NULL;
    uintptr_t *at = table_get(&m->by_path, path);
    if (!at)
        at = table_get(&m->by_path, prepare_path(m->p, path, "pom.xml"));
    return at ? (struct pom *)*at : NULL;
}

static void maven_claim(struct maven *m, struct pom *pom)
{
    if (!pom || pom->member)
        return;
    pom->member = true;
    *ARENA_PUSH(&m->p->values.arena, m->of, &m->n_of, &m->cap_of) = pom;
}

static void maven_claim_modules(struct maven *m, const struct pom *pom, const struct xml *in)
{
    const struct xml *modules = xml_get(in, "modules");
    for (size_t i = 0; modules && i < modules->n; i++)
        maven_claim(m, maven_find_pom(m, pom->dir, xml_text(modules->below[i])));
    const struct xml *profiles = xml_get(in, "profiles");
    for (size_t i = 0; profiles && i < profiles->n; i++)
        maven_claim_modules(m, pom, profiles->below[i]);
}

/* The parent of a pom if it is in the context; NULL if it comes from a repository. Names must
 * match, because Maven's default path may lead to an unrelated pom. */
static struct pom *maven_parent_of(struct maven *m, const struct pom *pom)
{
    const struct xml *parent = xml_get(pom->xml, "parent"),
                     *rel = xml_get(parent, "relativePath");
    if (!parent || (rel && !xml_text(rel).at))
        return NULL;
    struct pom *found = maven_find_pom(m, pom->dir, rel ? xml_text(rel) : BYTES("../pom.xml"));
    bool same = found &&
                bytes_equal(found->artifact, xml_text(xml_get(parent, "artifactId"))) &&
                bytes_equal(found->group, xml_text(xml_get(parent, "groupId")));
    return same ? found : NULL;
}

static void maven_find_members(struct maven *m, struct pom *root)
{
    m->of = NULL;
    m->n_of = m->cap_of = 0;
    for (size_t i = 0; i < m->n_all; i++)
        m->all[i]->member = false;
    maven_claim(m, root);
    for (size_t i = 0; i < m->n_of; i++) { /* the loop adds to the list */
        maven_claim_modules(m, m->of[i], m->of[i]->xml);
        maven_claim(m, maven_parent_of(m, m->of[i]));
    }
    m->revision = text_has(root->version, "${");
}

/* ---- masking ----------------------------------------------------------------------- */

static bool maven_is_literal(struct bytes version)
{
    return version.len && !text_has(version, "${");
}

/* The module of this unit that an element names, or NULL. */
static struct pom *maven_local_of(struct maven *m, const struct pom *of, const struct xml *at)
{
    struct bytes group = xml_text(xml_get(at, "groupId"));
    struct bytes artifact = xml_text(xml_get(at, "artifactId"));
    if (bytes_equal(group, BYTES("${project.groupId}")) ||
        bytes_equal(group, BYTES("${pom.groupId}")))
        group = of->group;
    for (size_t i = 0; i < m->n_of && artifact.at; i++)
        if (bytes_equal(m->of[i]->artifact, artifact) && bytes_equal(m->of[i]->group, group))
            return m->of[i];
    return NULL;
}

/* Masks the versions in dependencies on modules of this unit. */
static void maven_mask_versions(struct maven *m, const struct pom *of, struct xml *at)
{
    struct xml *version = xml_get(at, "version");
    bool names_one = bytes_equal(at->name, BYTES("dependency")) ||
                     bytes_equal(at->name, BYTES("parent")) ||
                     bytes_equal(at->name, BYTES("plugin"));
    if (names_one && version) {
        struct pom *local = maven_local_of(m, of, at);
        if (local && maven_is_literal(local->version) &&
            bytes_equal(local->version, xml_text(version)))
            xml_set_text(&m->p->values, version, BYTES(MASKED));
    }
    for (size_t i = 0; i < at->n; i++)
        if (at->below[i]->name.len)
            maven_mask_versions(m, of, at->below[i]);
}

static int maven_mask(struct maven *m, struct recipe_unit *unit, const struct pom *pom,
                      struct failure *f)
{
    static const char *const for_people[] = {
        "name",
        "description",
        "url",
        "licenses",
        "developers",
        "contributors",
        "scm",
        "issueManagement",
        "ciManagement",
        "inceptionYear",
        "distributionManagement",
        "mailingLists",
        "organization",
        "reporting",
        "prerequisites",
    };
    struct values *pool = &m->p->values;
    cleanup_buf struct buf text = BUF(MANIFEST_MAX);
    if (!pom->xml) {
        unit_note(m->p, unit, "copied as it is: %.*s", BYTES_ARG(pom->wrong));
        return unit_text(m->p, unit, pom->path, f);
    }
    for (size_t i = 0; i < ARRAY_SIZE(for_people); i++)
        xml_drop(pom->xml, for_people[i]);
    if (m->revision) {
        struct xml *revision = xml_get(xml_get(pom->xml, "properties"), "revision");
        if (revision)
            xml_set_text(pool, revision, BYTES(MASKED));
    } else {
        struct xml *version = xml_get(pom->xml, "version");
        if (version && maven_is_literal(xml_text(version)))
            xml_set_text(pool, version, BYTES(MASKED));
        maven_mask_versions(m, pom, pom->xml);
    }
    int r = xml_write(pom->xml, &text);
    if (r < 0)
        return fail(f, r, "%s is too large", QUOTE(pom->path));
    unit_file(m->p, unit, pom->path, 0644, buf_bytes(&text));
    return 0;
}

/* ---- files that poms name ---------------------------------------------------------- */

/* A path without the properties that mean the directory of the pom. */
static struct bytes maven_without_base(struct bytes path)
{
    static const char *const bases[] = {"file://", "${project.basedir}", "${basedir}",
                                        "${maven.multiModuleProjectDirectory}",
                                        "${project.baseUri}"};
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
        if (bytes_starts(path, bytes_of(bases[i])))
            path = bytes_from(path, strlen(bases[i]));
    while (path.len && path.at[0] == '/')
        path = bytes_from(path, 1);
    return path;
}

/* Adds what a pom names: a dependency's systemPath, and repositories in the context. */
static int maven_add_named(struct maven *m, struct recipe_unit *unit, const struct pom *pom,
                           const struct xml *at, struct failure *f)
{
    struct bytes text = xml_text(at), path;
    bool file = bytes_equal(at->name, BYTES("systemPath"));
    bool url = bytes_equal(at->name, BYTES("url")) &&
               (bytes_starts(text, BYTES("file:")) || bytes_starts(text, BYTES("${")));
    int r = 0;
    if ((file || url) &&
        path_resolve(&m->p->values.arena, pom->dir, maven_without_base(text), &path) &&
        path.len)
        r = file ? unit_raw(m->p, unit, path, f) : unit_vendored_tree(m->p, unit, path, f);
    for (size_t i = 0; i < at->n && r == 0; i++)
        if (at->below[i]->name.len)
            r = maven_add_named(m, unit, pom, at->below[i], f);
    return r;
}

/* Adds settings.xml without its proxies, which are those of a machine. */
static int maven_add_settings(struct maven *m, struct recipe_unit *unit, struct bytes path,
                              struct failure *f)
{
    struct prepare *p = m->p;
    struct bytes text;
    struct xml *xml;
    cleanup_buf struct buf out = BUF(MANIFEST_MAX);
    int r = prepare_read(p, path, &text, f);
    if (r < 0 || xml_read(&p->values, path, text, &xml, NULL) < 0)
        return r;
    xml_drop(xml, "proxies");
    r = xml_write(xml, &out);
    if (r == 0)
        unit_file(p, unit, path, 0644, buf_bytes(&out));
    return r;
}

/* Adds the directory .mvn, the settings that maven.config names, and the wrapper. */
static int maven_add_config(struct maven *m, struct recipe_unit *unit, struct bytes dir,
                            struct failure *f)
{
    struct prepare *p = m->p;
    size_t first, end;
    struct bytes mvn = prepare_path(p, dir, ".mvn");
    int r = 0;
    listing_below(p->l, mvn, &first, &end);
    for (size_t i = first; i < end && r == 0; i++) {
        struct bytes path = p->l->at[i].path, name = path_name(path), text, word;
        if (bytes_ends(name, BYTES("settings.xml"))) {
            r = maven_add_settings(m, unit, path, f);
            continue;
        }
        r = bytes_ends(name, BYTES(".jar")) ? unit_raw(p, unit, path, f)
                                            : unit_text(p, unit, path, f);
        if (r < 0 || !bytes_equal(name, BYTES("maven.config")) ||
            prepare_read(p, path, &text, f) < 0)
            continue;
        while (r == 0 && text.at && bytes_next(&text, '\n', &word)) {
            struct bytes rest = word, one, at;
            while (r == 0 && rest.at && bytes_next(&rest, ' ', &one))
                if (bytes_ends(one, BYTES("settings.xml")) &&
                    path_resolve(&p->values.arena, dir, maven_without_base(one), &at) &&
                    listing_is_file(p->l, at))
                    r = maven_add_settings(m, unit, at, f);
        }
    }
    return r == 0 ? unit_text(p, unit, prepare_path(p, dir, "mvnw"), f) : r;
}

/* ---- units ------------------------------------------------------------------------- */

static int maven_make_unit(struct maven *m, struct pom *root, struct failure *f)
{
    static const char *const package[] = {"mvn",
                                          "-B",
                                          "-ntp",
                                          "-DskipTests",
                                          "-Dmaven.main.skip",
                                          "-Dspring-boot.repackage.skip",
                                          "package",
                                          NULL};
    maven_find_members(m, root);
    for (size_t i = 0; i < m->n_of; i++)
        *table_put(&m->p->claimed, m->of[i]->path, NULL) = 1;
    struct recipe_unit *unit = unit_new(m->p, "maven", root->dir);
    if (!unit)
        return 0;
    unit_needs(m->p, unit, "mvn");
    unit_install(m->p, unit, package);
    unit_after(m->p, unit, "find . -name target -prune -exec rm -rf {} + # before the sources");
    unit_after(m->p, unit, "mvn -B -ntp -o -DskipTests package");
    int r = 0;
    for (size_t i = 0; i < m->n_of && r == 0; i++) {
        if (m->of[i]->xml)
            r = maven_add_named(m, unit, m->of[i], m->of[i]->xml, f);
        if (r == 0)
            r = maven_mask(m, unit, m->of[i], f);
    }
    return r == 0 ? maven_add_config(m, unit, root->dir, f) : r;
}

static int maven_find(struct prepare *p, struct failure *f)
{
    struct maven m = {.p = p};
    bool any = false;
    int r = maven_read_poms(&m, f);
    for (size_t i = 0; i < m.n_all && !any; i++)
        any = unit_worth(p, m.all[i]->dir);
    for (size_t i = 0; i < m.n_all && r == 0; i++) {
        struct pom *pom = m.all[i];
        if (table_get(&p->claimed, pom->path) ||
            !bytes_equal(path_name(pom->path), BYTES("pom.xml")) ||
            (any && !unit_worth(p, pom->dir) && !xml_get(pom->xml, "modules")))
            continue;
        r = maven_make_unit(&m, pom, f);
    }
    table_release(&m.by_path);
    return r;
}

/* ---- for diff ---------------------------------------------------------------------- */

static void maven_list_in(struct values *pool, const struct xml *at, struct value *into)
{
    bool one = bytes_equal(at->name, BYTES("dependency")) ||
               bytes_equal(at->name, BYTES("plugin")) || bytes_equal(at->name, BYTES("parent"));
    struct bytes version = xml_text(xml_get(at, "version"));
    if (one && version.at && !bytes_equal(version, BYTES(MASKED)))
        value_put(pool, into,
                  arena_printf(&pool->arena, "%.*s:%.*s",
                               BYTES_ARG(xml_text(xml_get(at, "groupId"))),
                               BYTES_ARG(xml_text(xml_get(at, "artifactId")))),
                  value_string(pool, version));
    for (size_t i = 0; i < at->n; i++)
        maven_list_in(pool, at->below[i], into);
}

static bool maven_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct xml *xml;
    if (!bytes_ends(file->path, BYTES("pom.xml")) ||
        xml_read(pool, file->path, file->content, &xml, NULL) < 0)
        return false;
    maven_list_in(pool, xml, into);
    return true;
}

const struct eco eco_maven = {"maven", maven_find, maven_list};
