/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources that the context doesn't have. Docker fails with a checksum of a name that nobody
 * gave; the warning says where the name stands, why it is missing, and what to do.
 *
 * There is a warning only if the build is certain to fail:
 *
 *     the stage runs            the target and what it needs; not the triggers of a stage that
 *                               nothing is built on
 *     the source is literal     BuildKit copies nothing, and succeeds, if a wildcard matches
 *                               nothing; a variable that the build may set is no literal
 *     nothing is there          as BuildKit looks: links are followed below the root
 *     or it is excluded         with all below it, under the name that links lead to
 *
 * Source: the answers of BuildKit in tests/live/cases_missing.py.
 */
#include "missing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { MISSING_WARNINGS_MAX = 20 }; /* nobody reads more */

struct missing {
    const struct send_request *request;
    const struct rules *rules;
    const struct tree *tree;
    uint32_t bit;
    struct notes *notes;
    const char *build; /* what fails, in the words of a warning */
};

/* A FROM whose variable may name an earlier stage: which stages run is not known. */
static bool missing_stages_unknown(const struct dockerfile *df)
{
    for (size_t i = 0; i < df->n_stages; i++) {
        struct bytes base = df->stages[i].base;
        bool image = false;
        for (size_t k = 0; k < base.len; k++)
            image = image || strchr("/:@", base.at[k]);
        if (!image && bytes_find(base, '$') < base.len)
            return true;
    }
    return false;
}

static bool missing_has(struct bytes text, const char *characters)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] && strchr(characters, text.at[i]))
            return true;
    return false;
}

/* Whether today's builder looks for exactly this path in the context. */
static bool missing_is_literal(const struct df_read *read)
{
    if (!read->literal || read->widened.len || read->via.len || !read->pattern.len ||
        missing_has(read->pattern, "\\"))
        return false;
    switch (read->kind) {
    case DF_READ_COPY:
        return !bytes_starts(read->source, BYTES("<<"));
    case DF_READ_ADD: /* what may be an address is none of ours */
        return !bytes_starts(read->source, BYTES("<<")) && !missing_has(read->pattern, ":@") &&
               !bytes_ends(read->pattern, BYTES(".git"));
    case DF_READ_MOUNT: /* old builders take a variable as written */
        return !missing_has(read->source, "$");
    default:
        return false;
    }
}

static const char *missing_word(enum df_read_kind kind)
{
    return kind == DF_READ_COPY ? "COPY" : kind == DF_READ_ADD ? "ADD" : "RUN --mount";
}

/*
 * The pattern of the ignore file because of which nothing at a path is sent; 0: none, or it
 * can't be told. The directories above it are entered as the walk did.
 */
static uint32_t missing_rule(const struct ignore *ig, struct bytes path, bool is_dir)
{
    const struct ignore_dir *dir = ignore_root(ig);
    struct ignore_dir *held = NULL;
    struct bytes rest = path, name;
    uint32_t rule = 0;
    while (dir && bytes_next(&rest, '/', &name)) {
        struct ignore_verdict verdict;
        struct ignore_dir *below = NULL;
        bool last = rest.len == 0;
        if (ignore_check(ig, dir, name, !last || is_dir, &verdict, &below, NULL) < 0)
            break;
        if (!verdict.keep && (last || !below))
            rule = verdict.rule;
        ignore_leave(held);
        dir = held = below;
        if (rule || last)
            break;
    }
    ignore_leave(held);
    return rule;
}

static void missing_note_excluded(const struct missing *m, const struct df_read *read,
                                  struct bytes path, const struct stat *st)
{
    const struct send_request *request = m->request;
    const struct node *node = tree_find(m->tree, path);
    if (!m->rules->ignore || (node && (node->sent & m->bit)))
        return;
    uint32_t number = missing_rule(m->rules->ignore, path, S_ISDIR(st->st_mode));
    if (!number)
        return;
    struct ignore_rule rule = ignore_rule(m->rules->ignore, number);
    cleanup_arena struct arena arena = {0};
    struct bytes place =
        arena_printf(&arena, "%.*s:%u", BYTES_ARG(request->control->ignore_name), rule.line);
    notes_add(
        m->notes, NOTE_WARNING,
        "%s: %s %s: %s is excluded by %s, %s, so %s fails; add %s as the last line of that "
        "file, or copy something else",
        DF_WHERE(request->dockerfile, read->line), missing_word(read->kind),
        QUOTE(read->source), QUOTE(path), QUOTE(place), QUOTE(rule.text), m->build,
        QUOTE(arena_printf(&arena, "!%.*s", BYTES_ARG(path))));
}

static void missing_note_absent(const struct missing *m, const struct df_read *read)
{
    const struct send_request *request = m->request;
    struct stat st;
    const char *path = (const char *)read->pattern.at; /* a NUL follows it */
    bool recipe = bytes_equal(read->pattern, BYTES(".ctx")) ||
                  bytes_starts(read->pattern, BYTES(".ctx/"));
    if (recipe && request->recipe)
        return; /* skeleton-part.c knows what is in it */
    bool is_link = fstatat(request->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
    notes_add(m->notes, NOTE_WARNING, "%s: %s %s: %s %s, so %s fails; %s",
              DF_WHERE(request->dockerfile, read->line), missing_word(read->kind),
              QUOTE(read->source), QUOTE(read->pattern),
              recipe    ? "is in the context only with --recipe"
              : is_link ? "is a link that leads to nothing in the context"
                        : "is not in the context",
              m->build,
              recipe    ? "give --recipe"
              : is_link ? "make what it leads to, or copy that"
                        : "make it first, or correct the path");
}

/* The path of an open file below the root, without links; false if it has none there. */
static bool missing_real_path(int root_fd, int fd, char text[static PATH_MAX],
                              struct bytes *ret)
{
    char link[64], root[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", root_fd);
    ssize_t root_len = readlink(link, root, sizeof(root));
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, text, PATH_MAX);
    if (root_len <= 0 || len <= 0 || root_len == PATH_MAX || len == PATH_MAX)
        return false;
    struct bytes dir = bytes_at(root, (size_t)root_len), path = bytes_at(text, (size_t)len);
    if (path.len <= dir.len || !path_under(path, dir))
        return false;
    *ret = bytes_from(path, dir.len + (dir.len > 1));
    return true;
}

/* true: there was a warning. */
static bool missing_look(const struct missing *m, const struct df_read *read)
{
    const char *path = (const char *)read->pattern.at;
    size_t n = m->notes->n;
    struct stat st;
    if (read->pattern.len >= PATH_MAX)
        return false;
    cleanup_fd int fd = io_open_in_root(m->request->root_fd, path, O_PATH);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) {
        missing_note_absent(m, read);
        return m->notes->n > n;
    }
    if (fd < 0)
        return false;
    /* The rules are about names of the tree: a path through a link has another one. */
    char text[PATH_MAX];
    struct bytes real;
    if (fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
        missing_real_path(m->request->root_fd, fd, text, &real))
        missing_note_excluded(m, read, real, &st);
    return m->notes->n > n;
}

void missing_note(const struct send_request *request, const struct rules *rules,
                  const struct tree *tree, uint32_t bit, struct notes *notes)
{
    if (!notes || missing_stages_unknown(request->dockerfile))
        return;
    struct df_request ask = request->reads;
    struct reads *reads;
    ask.last_only = true;
    if (ask.builder == DF_ANY)
        ask.builder = DF_BUILDKIT;
    if (dockerfile_reads(request->dockerfile, &ask, NULL, &reads, NULL) < 0)
        return; /* it is valid for other stages */
    struct missing m = {request, rules, tree, bit, notes, "docker build"};
    if (!request->reads.target.len && request->dockerfile->n_stages > 1)
        m.build = "docker build without --target";
    size_t warned = 0;
    for (size_t i = 0; i < reads->n && warned < MISSING_WARNINGS_MAX; i++)
        if (missing_is_literal(&reads->at[i]))
            warned += missing_look(&m, &reads->at[i]);
    reads_free(reads);
}
