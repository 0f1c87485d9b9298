/* SPDX-License-Identifier: Apache-2.0 */
#include "option-parse.h"

#include "option.h"

#include <assert.h>
#include <errno.h>

/* The enums that an option sets are written through a pointer to unsigned int. */
static_assert(sizeof(enum send_builder) == sizeof(unsigned), "an enum has the size of an int");

static void *option_field(struct options *options, const struct option *option)
{
    return (char *)options + option->offset;
}

static int option_take_choice(struct options *options, const struct option *option,
                              const char *value, struct failure *f)
{
    assert(option->metavar);
    struct bytes rest = bytes_of(option->metavar), choice;
    for (unsigned i = 0; bytes_next(&rest, '|', &choice); i++) {
        if (bytes_equal(choice, bytes_of(value))) {
            *(unsigned *)option_field(options, option) = i;
            return 0;
        }
    }
    char accepted[64];
    size_t n = 0;
    for (const char *c = option->metavar; *c && n + 3 < sizeof(accepted); c++) {
        accepted[n++] = *c == '|' ? ',' : *c;
        if (*c == '|')
            accepted[n++] = ' ';
    }
    accepted[n] = 0;
    return fail(f, -EINVAL, "--%s=%s: not one of %s", option->name, QUOTE(bytes_of(value)),
                accepted);
}

static int option_take_number(struct options *options, const struct option *option,
                              const char *value, struct failure *f)
{
    uint64_t number;
    bool size = option->kind == OPTION_SIZE;
    int r = size ? number_parse_size(bytes_of(value), &number)
                 : number_parse(bytes_of(value), &number);
    if (r == 0 && number == 0)
        r = -EINVAL;
    if (r < 0)
        return fail(f, -EINVAL, "--%s=%s: %s", option->name, QUOTE(bytes_of(value)),
                    size ? "not a size above 0, such as 4096, 500M or 2GiB"
                         : "not a number above 0");
    *(uint64_t *)option_field(options, option) = number;
    return 0;
}

static int option_take(struct options *options, const struct option *option, const char *value,
                       struct failure *f)
{
    bool text = option->kind == OPTION_STRING || option->kind == OPTION_BYTES;
    assert(!text || value);
    if (text && !*value)
        return fail(f, -EINVAL, "--%s: %s is empty", option->name, option->metavar);
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option_field(options, option) = true;
        return 0;
    case OPTION_SET:
        *(unsigned *)option_field(options, option) = option->set;
        return 0;
    case OPTION_STRING:
        *(const char **)option_field(options, option) = value;
        return 0;
    case OPTION_BYTES:
        *(struct bytes *)option_field(options, option) = bytes_of(value);
        return 0;
    case OPTION_CHOICE:
        return option_take_choice(options, option, value, f);
    case OPTION_SIZE:
    case OPTION_COUNT:
        return option_take_number(options, option, value, f);
    case OPTION_CALL:
        return option->take(options, value, f);
    }
    return fail(f, -EINVAL, "--%s: not an option", option->name);
}

/* ---- suggestions ------------------------------------------------------------------- */

/* Options of `docker build` that a user may give here. They belong after the pipe. */
static const char docker_options[][16] = {
    "t",        "tag",      "no-cache", "pull",     "network",  "label",         "secret",
    "ssh",      "progress", "rm",       "force-rm", "squash",   "iidfile",       "cache-from",
    "cache-to", "load",     "push",     "memory",   "add-host", "build-context",
};

/* Bytes of a name that is compared. The longest of ours has 15. */
#define NAME_MAX_COMPARED 24

/*
 * Counts the insertions, deletions and changes that lead from a to b. SIZE_MAX if a name is too
 * long to compare. Source: Wagner and Fischer, 1974.
 */
static size_t option_edit_distance(struct bytes a, struct bytes b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    if (a.len > NAME_MAX_COMPARED || b.len > NAME_MAX_COMPARED)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = diagonal + (a.at[i - 1] != b.at[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[b.len];
}

/* Finds an option of the group that takes fewer than *least edits, and lowers *least. */
static void option_nearest_in(const struct option_group *group, struct bytes name,
                              size_t *least, const char **nearest)
{
    for (size_t i = 0; i < group->n; i++) {
        struct bytes known = bytes_of(group->at[i].name);
        size_t edits = option_edit_distance(name, known);
        if (name.len >= 3 && bytes_starts(known, name))
            edits = 0;
        if (edits < *least && edits < name.len) {
            *least = edits;
            *nearest = group->at[i].name;
        }
    }
}

/*
 * For a word that names no option: writes what was probably meant to text. false if there is no
 * good guess; text is then empty.
 */
static bool option_suggest(const struct command_line *line, struct bytes name, char *text,
                           size_t size)
{
    text[0] = 0;
    for (size_t i = 0; line->docker && i < ARRAY_SIZE(docker_options); i++) {
        if (!bytes_equal(bytes_of(docker_options[i]), name))
            continue;
        snprintf(text, size,
                 "docker build takes it, after the pipe: ctx-send | docker build %s%.*s ... -",
                 name.len == 1 ? "-" : "--", BYTES_ARG(name));
        return true;
    }
    const char *nearest = NULL;
    size_t least = 3; /* with three edits or more it is another word */
    for (size_t i = 0; i < GROUPS_MAX && line->groups[i]; i++)
        option_nearest_in(line->groups[i], name, &least, &nearest);
    if (nearest)
        snprintf(text, size, "did you mean --%s?", nearest);
    return nearest != NULL;
}

/* ---- words ------------------------------------------------------------------------- */

/* Returns the option of that letter or, if letter is 0, of that name. NULL: none. */
static const struct option *option_find(const struct command_line *line, struct bytes name,
                                        char letter)
{
    for (size_t i = 0; i < GROUPS_MAX && line->groups[i]; i++) {
        for (size_t j = 0; j < line->groups[i]->n; j++) {
            const struct option *option = &line->groups[i]->at[j];
            if (letter ? option->letter == letter : bytes_equal(bytes_of(option->name), name))
                return option;
        }
    }
    return NULL;
}

/* The words of a command line that are not parsed yet. */
struct words {
    const struct command_line *line;
    char **at, **end;
};

static int option_parse_long(struct options *options, struct words *words, const char *word,
                             struct failure *f)
{
    struct bytes text = bytes_of(word);
    size_t equals = bytes_find(text, '=');
    struct bytes name = bytes_from(bytes_head(text, equals), 2);
    const char *value = equals < text.len ? word + equals + 1 : NULL;
    const struct option *option = option_find(words->line, name, 0);
    if (!option) {
        char hint[256];
        return fail(f, -EINVAL, "%s: no such option%s%s", QUOTE(bytes_head(text, equals)),
                    option_suggest(words->line, name, hint, sizeof(hint)) ? "; " : "", hint);
    }
    if (!option->metavar && value)
        return fail(f, -EINVAL, "--%s takes no value", option->name);
    if (option->metavar && !option->optional && !value) {
        if (words->at == words->end)
            return fail(f, -EINVAL, "--%s needs a value: --%s=%s", option->name, option->name,
                        option->metavar);
        value = *words->at++;
    }
    return option_take(options, option, value, f);
}

/*
 * Parses a word of letters: "-vqf FILE", "-fFILE", "-z9". The rest of the word is the value of
 * the first letter that takes one.
 */
static int option_parse_letters(struct options *options, struct words *words, const char *word,
                                struct failure *f)
{
    for (const char *c = word + 1; *c; c++) {
        const struct option *option = option_find(words->line, BYTES(""), *c);
        if (!option) {
            char hint[256];
            return fail(f, -EINVAL, "%s: no such option%s%s", QUOTE(bytes_of(word)),
                        option_suggest(words->line, bytes_at(c, 1), hint, sizeof(hint)) ? "; "
                                                                                        : "",
                        hint);
        }
        if (!option->metavar) {
            int r = option_take(options, option, NULL, f);
            if (r < 0)
                return r;
            continue;
        }
        const char *value = c[1] ? c + 1 + (c[1] == '=') : NULL;
        if (!value && !option->optional) {
            if (words->at == words->end)
                return fail(f, -EINVAL, "-%c needs a value: -%c %s", *c, *c, option->metavar);
            value = *words->at++;
        }
        return option_take(options, option, value, f);
    }
    return 0;
}

static int option_take_path(struct options *options, const struct command_line *line,
                            const char *word, struct failure *f)
{
    if (!line->path)
        return fail(f, -EINVAL, "%s: %s takes no PATH", QUOTE(bytes_of(word)), line->name);
    if (options->path)
        return fail(f, -EINVAL, "%s: one PATH only, and it is %s already%s",
                    QUOTE(bytes_of(word)), QUOTE(bytes_of(options->path)),
                    line->command ? "; a command comes after --" : "");
    options->path = word;
    return 0;
}

/*
 * Handles what follows `--`: the command, or words that are not options. A command ends in
 * NULL because argv does.
 */
static void option_take_rest(struct options *options, struct words *words, bool *only_paths)
{
    if (!words->line->command) {
        *only_paths = true;
        return;
    }
    options->command = words->at;
    words->at = words->end;
}

int options_parse(const struct command_line *line, int argc, char **argv, struct notes *notes,
                  struct options *ret, struct failure *f)
{
    struct words words = {line, argv + (argc > 0), argv + argc};
    bool only_paths = false;
    int r = 0;
    while (r == 0 && words.at < words.end && ret->action == ACTION_SEND) {
        const char *word = *words.at++;
        if (only_paths || word[0] != '-' || !word[1])
            r = option_take_path(ret, line, word, f);
        else if (!strcmp(word, "--"))
            option_take_rest(ret, &words, &only_paths);
        else if (word[1] == '-')
            r = option_parse_long(ret, &words, word, f);
        else
            r = option_parse_letters(ret, &words, word, f);
    }
    if (r < 0 || ret->action != ACTION_SEND)
        return r;
    if (!ret->path)
        ret->path = ".";
    /* A command without --mtime has no use for SOURCE_DATE_EPOCH. */
    return option_find(line, BYTES("mtime"), 0) ? options_environment(ret, notes, f) : 0;
}

void options_release(struct options *options)
{
    arena_release(&options->arena);
}
