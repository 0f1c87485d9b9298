/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe-options.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

enum kind { HEADING, FLAG, TEXT, ECOS, BIN, ALL_TARGETS, SETUP, ACTION };

/* Sets of commands, for the options that they take. */
#define OF(command) (1u << (command))
enum {
    MAKES = OF(COMMAND_PREPARE) | OF(COMMAND_DIGEST) | OF(COMMAND_VERIFY) | OF(COMMAND_DIFF),
    COOKS = OF(COMMAND_COOK) | OF(COMMAND_SKELETON),
    READS = COOKS | OF(COMMAND_DIGEST) | OF(COMMAND_VERIFY),
    EVERY = MAKES | COOKS,
};

struct recipe_option {
    enum kind kind;
    char letter;
    const char *name, *metavar;
    size_t offset;
    const char *help;
    unsigned of; /* the commands that take it; 0: as the heading above it says */
};

#define AT(member) offsetof(struct recipe_command_line, member)
#define PREPARE(member) (AT(prepare) + offsetof(struct recipe_options, member))

static const struct recipe_option table[] = {
    {HEADING,
     .help = "What a recipe is made of (prepare; also digest, verify, diff of a directory):",
     .of = MAKES},
    {TEXT, 'o', "output", "FILE", AT(output),
     "Write to FILE instead of standard output. A file that has the same content already is "
     "not touched.",
     OF(COMMAND_PREPARE) | OF(COMMAND_SKELETON)},
    {ECOS, 0, "eco", "ECO[,ECO...]", PREPARE(ecos),
     "Only these ecosystems: cargo, dotnet, elixir, go, gradle, maven, npm, php, python, ruby.",
     EVERY},
    {TEXT, 0, "dir", "DIR", PREPARE(dir),
     "Only the units of this directory, below PATH; . is PATH itself.", EVERY},
    {TEXT, 'f', "file", "FILE", AT(dockerfile),
     "The Dockerfile. Its own ignore file, FILE.dockerignore, is used if it exists."},
    {TEXT, 0, "ignore-file", "FILE", AT(ignore_file),
     "The ignore file. Default: PATH/.dockerignore."},
    {FLAG, 0, "no-ignore", NULL, AT(no_ignore), "Ignore nothing: read everything in PATH."},
    {BIN, 0, "bin", "NAME", 0,
     "Cargo: only what this package or binary needs; may be given several times."},
    {BIN, 'p', "package", "NAME", 0, "The same as --bin."},
    {FLAG, 0, "tests", NULL, PREPARE(tests),
     "Cargo: add a stub test for each package with tests, so that cargo test can be cooked."},
    {FLAG, 0, "benches", NULL, PREPARE(benches), "Cargo: the same for benches."},
    {FLAG, 0, "examples", NULL, PREPARE(examples), "Cargo: the same for examples."},
    {ALL_TARGETS, 0, "all-targets", NULL, 0, "The same as --tests --benches --examples."},
    {FLAG, 0, "keep-metadata", NULL, PREPARE(keep_metadata),
     "Cargo: keep [package.metadata], which cargo-leptos, wasm-pack and cross read."},
    {FLAG, 0, "chef-exact", NULL, PREPARE(chef_exact),
     "Cargo: what cargo-chef 0.1.77 would write, with its lock file corrected."},
    {FLAG, 0, "ignore-scripts", NULL, PREPARE(ignore_scripts),
     "npm, pnpm, yarn, bun: drop lifecycle scripts. Run them after the sources are copied."},
    {FLAG, 0, "go-warm", NULL, PREPARE(go_warm),
     "Go: add a stub that compiles the packages which the sources import."},
    {SETUP, 0, "python-setup", "raw", 0, "Python: copy setup.py as it is."},

    {HEADING, .help = "Where a skeleton goes (cook, skeleton):", .of = COOKS},
    {TEXT, 'r', "recipe-path", "FILE", AT(recipe),
     "The recipe; - reads it from standard input. Default: recipe.json.", READS},
    {TEXT, 'C', "directory", "DIR", AT(directory),
     "Cook in this directory. Default: the working directory.", OF(COMMAND_COOK)},
    {FLAG, 0, "tar", NULL, AT(tar), "skeleton: write a tar to standard output, or to --output.",
     OF(COMMAND_SKELETON)},
    {FLAG, 0, "no-std", NULL, AT(no_std), "Cargo: stubs for targets without std."},
    {FLAG, 0, "force", NULL, AT(force), "Also write to a directory that holds other files."},
    {FLAG, 0, "no-journal", NULL, AT(no_journal),
     "Don't write .ctx-stub/cook.journal, which tells a later cook what it may replace."},

    {HEADING, .help = "Output:", .of = EVERY},
    {FLAG, 0, "units", NULL, AT(units),
     "digest: print a line for each unit: ecosystem, directory, digest, how to install.",
     OF(COMMAND_DIGEST)},
    {FLAG, 'v', "verbose", NULL, AT(verbose),
     "Also print notes, such as what was skipped and why."},
    {FLAG, 'q', "quiet", NULL, AT(quiet), "Print nothing but the reason of a failure."},
    {ACTION, 'h', "help", NULL, COMMAND_HELP, "Print this and end."},
    {ACTION, 'V', "version", NULL, COMMAND_VERSION, "Print the version and end."},
};

static int recipe_option_take(struct recipe_command_line *line,
                              const struct recipe_option *option, const char *value,
                              struct failure *f)
{
    char *at = (char *)line + option->offset;
    assert(value || !option->metavar);
    if (!value)
        value = "";
    switch (option->kind) {
    case FLAG:
        *(bool *)(void *)at = true;
        return 0;
    case TEXT:
        *(const char **)(void *)at = value;
        return *value ? 0
                      : fail(f, -EINVAL, "--%s: %s is empty", option->name, option->metavar);
    case ECOS:
        *(const char **)(void *)at = value;
        return recipe_check_ecos(value, f) < 0 ? fail_wrap(f, -EINVAL, "--%s", option->name)
                                               : 0;
    case BIN:
        if (!*value)
            return fail(f, -EINVAL, "--%s: %s is empty", option->name, option->metavar);
        *ARENA_PUSH(&line->arena, line->bins, &line->prepare.n_bins, &line->cap_bins) = value;
        line->prepare.bins = line->bins;
        return 0;
    case ALL_TARGETS:
        line->prepare.tests = line->prepare.benches = line->prepare.examples = true;
        return 0;
    case SETUP:
        line->prepare.setup_raw = true;
        return strcmp(value, "raw") == 0
                   ? 0
                   : fail(f, -EINVAL, "--python-setup=%s: not raw", QUOTE(bytes_of(value)));
    case ACTION:
        line->command = (enum recipe_command)option->offset;
        return 0;
    case HEADING:
        break;
    }
    return -EINVAL;
}

static const struct recipe_option *recipe_option_find(struct bytes name, char letter)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct recipe_option *option = &table[i];
        if (option->kind != HEADING &&
            (letter ? option->letter == letter : bytes_equal(bytes_of(option->name), name)))
            return option;
    }
    return NULL;
}

struct words {
    char **at, **end;
};

static int recipe_option_take_word(struct recipe_command_line *line, struct words *words,
                                   const char *word, struct failure *f)
{
    bool is_long = word[1] == '-';
    struct bytes text = bytes_of(word);
    size_t equals = is_long ? bytes_find(text, '=') : text.len;
    const struct recipe_option *option =
        is_long ? recipe_option_find(bytes_from(bytes_head(text, equals), 2), 0)
                : recipe_option_find(BYTES(""), word[1]);
    const char *value = equals < text.len ? word + equals + 1 : NULL;
    if (!option)
        return fail(f, -EINVAL, "%s: no such option", QUOTE(bytes_head(text, equals)));
    if (!is_long && word[2]) {
        if (!option->metavar)
            return fail(f, -EINVAL, "%s: letters are given one by one", QUOTE(text));
        value = word + 2 + (word[2] == '=');
    }
    if (!option->metavar && value)
        return fail(f, -EINVAL, "--%s takes no value", option->name);
    if (option->metavar && !value) {
        if (words->at == words->end)
            return fail(f, -EINVAL, "--%s needs a value: --%s=%s", option->name, option->name,
                        option->metavar);
        value = *words->at++;
    }
    *ARENA_PUSH(&line->arena, line->given, &line->n_given, &line->cap_given) = option;
    return recipe_option_take(line, option, value, f);
}

static const char *const commands[] = {
    [COMMAND_PREPARE] = "prepare", [COMMAND_COOK] = "cook",     [COMMAND_SKELETON] = "skeleton",
    [COMMAND_DIGEST] = "digest",   [COMMAND_VERIFY] = "verify", [COMMAND_DIFF] = "diff",
    [COMMAND_HELP] = "help",
};

static enum recipe_command recipe_option_command(const char *word)
{
    for (size_t i = COMMAND_PREPARE; i < ARRAY_SIZE(commands); i++)
        if (strcmp(word, commands[i]) == 0)
            return (enum recipe_command)i;
    return COMMAND_NONE;
}

static unsigned recipe_option_commands(const struct recipe_option *option)
{
    if (option->of)
        return option->of;
    while (option->kind != HEADING)
        option--;
    return option->of;
}

/* Checks that the command takes the options. Done at the end, because options may come before
 * the command. */
static int recipe_option_check_given(struct recipe_command_line *line, struct failure *f)
{
    for (size_t i = 0; i < line->n_given; i++) {
        unsigned of = recipe_option_commands(line->given[i]);
        if (!(of & OF(line->command)))
            return fail(f, -EINVAL, "--%s: ctx-recipe %s doesn't take it", line->given[i]->name,
                        commands[line->command]);
        if (!line->making && (of == MAKES || (of == EVERY && line->given[i]->metavar)))
            line->making = line->given[i]->name;
    }
    return 0;
}

static int recipe_option_check_words(struct recipe_command_line *line, struct failure *f)
{
    static const struct {
        size_t least, most;
        const char *what;
    } counts[] = {
        [COMMAND_PREPARE] = {0, 1, "prepare [PATH]"},
        [COMMAND_COOK] = {0, 0, "cook [-- COMMAND...]"},
        [COMMAND_SKELETON] = {0, 1, "skeleton --tar, or skeleton DIR"},
        [COMMAND_DIGEST] = {0, 1, "digest [RECIPE or PATH]"},
        [COMMAND_VERIFY] = {0, 2, "verify [RECIPE [PATH]]"},
        [COMMAND_DIFF] = {2, 2, "diff OLD NEW"},
    };
    if (line->command == COMMAND_NONE)
        return fail(f, -EINVAL,
                    "what to do is missing: prepare, cook, skeleton, digest, verify "
                    "or diff");
    if (line->command >= COMMAND_HELP)
        return 0;
    if (line->n_words < counts[line->command].least ||
        line->n_words > counts[line->command].most)
        return fail(f, -EINVAL, "it is: ctx-recipe %s", counts[line->command].what);
    if (line->child && line->command != COMMAND_COOK)
        return fail(f, -EINVAL, "only cook runs a command");
    if (line->command == COMMAND_SKELETON && line->tar == (line->n_words == 1))
        return fail(f, -EINVAL, "skeleton needs --tar or a directory, and not both");
    return recipe_option_check_given(line, f);
}

int recipe_command_line(int argc, char **argv, struct recipe_command_line *ret,
                        struct failure *f)
{
    struct words words = {argv + (argc > 0), argv + argc};
    while (words.at < words.end) {
        const char *word = *words.at++;
        if (strcmp(word, "--") == 0) {
            if (words.at == words.end)
                return fail(f, -EINVAL, "a command is missing after --");
            ret->child = words.at;
            break;
        }
        if (word[0] == '-' && word[1]) {
            int r = recipe_option_take_word(ret, &words, word, f);
            if (r < 0 || ret->command >= COMMAND_HELP)
                return r;
            continue;
        }
        if (ret->command == COMMAND_NONE) {
            ret->command = recipe_option_command(word);
            if (ret->command == COMMAND_NONE)
                return fail(f, -EINVAL,
                            "%s: not one of prepare, cook, skeleton, digest, verify, diff",
                            QUOTE(bytes_of(word)));
            continue;
        }
        *ARENA_PUSH(&ret->arena, ret->words, &ret->n_words, &ret->cap_words) = word;
    }
    return recipe_option_check_words(ret, f);
}

/* ---- help -------------------------------------------------------------------------- */

void recipe_help(FILE *to)
{
    fputs("Usage: ctx-recipe prepare [OPTION]... [PATH]\n"
          "       ctx-recipe cook [OPTION]... [-- COMMAND...]\n"
          "       ctx-recipe skeleton [OPTION]... --tar | DIR\n"
          "       ctx-recipe digest [OPTION]... [RECIPE | PATH]\n"
          "       ctx-recipe verify [OPTION]... [RECIPE [PATH]]\n"
          "       ctx-recipe diff OLD NEW\n"
          "\n"
          "A recipe contains what an installer needs to fetch and build the dependencies of\n"
          "a project, and changes only when a dependency does. prepare makes it of the\n"
          "build context at PATH, without cargo, npm or a network. cook writes it out as a\n"
          "skeleton of the project, and runs the installer in it.\n",
          to);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct recipe_option *o = &table[i];
        if (o->kind == HEADING)
            fprintf(to, "\n%s\n", o->help);
        else
            help_option(to, o->letter, o->name, o->metavar, false, o->help);
    }
    fputs("\nExamples:\n"
          "  ctx-recipe prepare -o recipe.json\n"
          "  ctx-recipe cook -r /tmp/recipe.json -- cargo build --release --locked\n"
          "  ctx-recipe skeleton --tar | tar -C /app -x\n"
          "  ctx-recipe digest .\n"
          "\n"
          "Exit status: 0 done, 1 differs (diff, verify), 2 wrong usage, 3 nothing found or\n"
          "a later format, 4 an unsafe recipe or a directory with other files, 5 input or\n"
          "output failed; cook with a command: its status. More: man ctx-recipe\n",
          to);
}
