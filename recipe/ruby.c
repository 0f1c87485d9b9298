/* SPDX-License-Identifier: Apache-2.0 */
/* Ruby, with bundler. A Gemfile is a program, so this chooses files and changes none. */
#include "ecos.h"
#include "unit-text.h"

/* Finds the quoted text after a word in a line of Ruby, as in `path: "engines/a"`. */
static bool ruby_quoted_after(struct bytes line, const char *word, struct bytes *ret)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len < line.len; i++) {
        if (memcmp(line.at + i, word, len) != 0 ||
            (i && line.at[i - 1] > ' ' && !strchr(",(:", line.at[i - 1])))
            continue;
        size_t at = i + len;
        while (at < line.len && strchr(" \t:=>(", line.at[at]))
            at++;
        if (at >= line.len || (line.at[at] != '"' && line.at[at] != '\''))
            continue;
        struct bytes rest = bytes_from(line, at + 1);
        *ret = bytes_head(rest, bytes_find(rest, line.at[at]));
        return true;
    }
    return false;
}

/* Adds the file that a quoted text names, with or without .rb, for each quoted text. */
static int ruby_add_quoted(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                           struct bytes text, struct failure *f)
{
    struct arena *a = &p->values.arena;
    int r = 0;
    for (size_t i = 0; i < text.len && r == 0; i++) {
        if (text.at[i] != '"' && text.at[i] != '\'')
            continue;
        struct bytes rest = bytes_from(text, i + 1), path;
        struct bytes word = bytes_head(rest, bytes_find(rest, text.at[i]));
        if (word.len == 0 || word.len > 200 || bytes_find(word, '\n') < word.len)
            continue;
        if (path_resolve(&p->values.arena, dir, arena_printf(a, "%.*s.rb", BYTES_ARG(word)),
                         &path) &&
            listing_is_file(p->l, path))
            r = unit_text(p, unit, path, f);
        else if (path_resolve(&p->values.arena, dir, word, &path) && path.len &&
                 listing_is_file(p->l, path))
            r = unit_text(p, unit, path, f);
        i += word.len + 1;
    }
    return r;
}

/* Adds the gemspecs of a directory, and the files that they load. */
static int ruby_add_gemspecs(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                             struct failure *f)
{
    size_t first, end;
    int r = 0;
    listing_below(p->l, dir, &first, &end);
    for (size_t i = first; i < end && r == 0; i++) {
        struct bytes path = p->l->at[i].path, text;
        if (!bytes_ends(path, BYTES(".gemspec")) || p->l->at[i].kind != LISTED_FILE)
            continue;
        r = prepare_read(p, path, &text, f);
        if (r == 0)
            r = unit_text(p, unit, path, f);
        if (r == 0)
            r = ruby_add_quoted(p, unit, path_dir(path), text, f);
    }
    return r;
}

/* Adds a Gemfile and the files that it names. `depth` ends a cycle of eval_gemfile. */
static int ruby_add_gemfile(struct prepare *p, struct recipe_unit *unit, struct bytes path,
                            unsigned depth, struct failure *f)
{
    struct bytes text, line, word, at, dir = path_dir(path);
    if (depth > 8 || !listing_is_file(p->l, path) || unit_has(p, unit, path))
        return 0;
    int r = prepare_read(p, path, &text, f);
    if (r == 0)
        r = unit_text(p, unit, path, f);
    while (r == 0 && text.at && bytes_next(&text, '\n', &line)) {
        struct bytes trimmed = utf8_trim(line);
        if (trimmed.len == 0 || trimmed.at[0] == '#')
            continue;
        if (bytes_starts(trimmed, BYTES("gemspec")))
            r = ruby_add_gemspecs(p, unit, dir, f);
        if (r == 0 && ruby_quoted_after(line, "eval_gemfile", &word) &&
            path_resolve(&p->values.arena, dir, word, &at))
            r = ruby_add_gemfile(p, unit, at, depth + 1, f);
        if (r == 0 && ruby_quoted_after(line, "path", &word) &&
            path_resolve(&p->values.arena, dir, word, &at) && listing_is_dir(p->l, at))
            r = ruby_add_gemspecs(p, unit, at, f);
        if (r == 0 && ruby_quoted_after(line, "file", &word) &&
            path_resolve(&p->values.arena, dir, word, &at))
            r = unit_text(p, unit, at, f);
    }
    return r;
}

/*
 * .bundle/config contains settings, and logins of gem servers whose names look like settings:
 * BUNDLE_MIRROR__CORP__COM is the login of mirror.corp.com, and BUNDLE_BUILD__CORP__COM may be
 * a login. So only known names are kept, and the options of a build, which begin with "--".
 */
static enum line_verdict ruby_judge_setting(struct bytes line, void *context)
{
    static const char *const known[] = {"BIN",
                                        "CLEAN",
                                        "DEPLOYMENT",
                                        "FORCE_RUBY_PLATFORM",
                                        "FROZEN",
                                        "JOBS",
                                        "MIRROR__ALL",
                                        "MIRROR__ALL__FALLBACK_TIMEOUT",
                                        "MIRROR__HTTP",
                                        "MIRROR__HTTPS",
                                        "NO_INSTALL",
                                        "NO_PRUNE",
                                        "PATH",
                                        "PATH__SYSTEM",
                                        "PATH_RELATIVE_TO_CWD",
                                        "RETRY",
                                        "WITH",
                                        "WITHOUT"};
    (void)context;
    if (bytes_starts(line, BYTES("---")))
        return LINE_KEEP;
    if (!bytes_starts(line, BYTES("BUNDLE_")))
        return LINE_DROP;
    struct bytes name = bytes_from(line, strlen("BUNDLE_"));
    size_t colon = bytes_find(name, ':');
    struct bytes value = bytes_from(name, colon);
    name = bytes_head(name, colon);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (bytes_equal(name, bytes_of(known[i])))
            return LINE_KEEP;
    bool option = bytes_starts(value, BYTES(": --")) || bytes_starts(value, BYTES(": \"--"));
    return option && bytes_starts(name, BYTES("BUILD__")) ? LINE_KEEP : LINE_SECRET;
}

static int ruby_make_unit(struct prepare *p, struct bytes dir, struct failure *f)
{
    static const char *const install[] = {"bundle", "install", NULL};
    static const char *const texts[] = {"Gemfile.lock", ".ruby-version", ".tool-versions"};
    struct recipe_unit *unit = unit_new(p, "ruby", dir);
    if (!unit)
        return 0;
    unit_needs(p, unit, "bundle");
    unit_install(p, unit, install);
    int r = ruby_add_gemfile(p, unit, prepare_path(p, dir, "Gemfile"), 0, f);
    for (size_t i = 0; i < ARRAY_SIZE(texts) && r == 0; i++)
        r = unit_text(p, unit, prepare_path(p, dir, texts[i]), f);
    return r == 0 ? unit_lines(p, unit, prepare_path(p, dir, ".bundle/config"),
                               ruby_judge_setting, NULL, f)
                  : r;
}

static int ruby_find(struct prepare *p, struct failure *f)
{
    return unit_each(p, "Gemfile", "Gemfile.lock", ruby_make_unit, f);
}

/* A line of Gemfile.lock: "    rails (7.1.0)". Four spaces begin a gem, six what it depends on.
 */
static bool ruby_list(struct values *pool, const struct recipe_file *file, struct value *into)
{
    struct bytes rest = file->content, line;
    if (!bytes_equal(path_name(file->path), BYTES("Gemfile.lock")))
        return false;
    while (rest.at && bytes_next(&rest, '\n', &line)) {
        size_t open = bytes_find(line, '(');
        if (!bytes_starts(line, BYTES("    ")) || line.len < 6 || line.at[4] == ' ' ||
            open == line.len)
            continue;
        struct bytes name = utf8_trim(bytes_head(line, open));
        struct bytes version = bytes_from(line, open + 1);
        value_put(pool, into, name,
                  value_string(pool, bytes_head(version, bytes_find(version, ')'))));
    }
    return true;
}

const struct eco eco_ruby = {"ruby", ruby_find, ruby_list};
