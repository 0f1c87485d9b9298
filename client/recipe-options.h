/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of ctx-recipe. One table contains the options: the parser and --help use it,
 * and tests/recipe checks the man page and the completions against it.
 *
 * Thread: any.
 */
#ifndef CTXD_RECIPE_OPTIONS_H
#define CTXD_RECIPE_OPTIONS_H

#include "recipe.h"

#include <stdio.h>

enum recipe_command {
    COMMAND_NONE,
    COMMAND_PREPARE,
    COMMAND_COOK,
    COMMAND_SKELETON,
    COMMAND_DIGEST,
    COMMAND_VERIFY,
    COMMAND_DIFF,
    COMMAND_HELP,
    COMMAND_VERSION,
};

struct recipe_option;

struct recipe_command_line {
    struct arena arena;
    enum recipe_command command;
    const char **words; /* the arguments that are not options */
    size_t n_words, cap_words;
    char *const *child; /* the command after --, NULL-terminated; NULL: none */

    const struct recipe_option **given; /* the options that were given, in their order */
    size_t n_given, cap_given;
    const char *making; /* the first option that says what a recipe is made of; NULL: none */

    const char *output, *recipe, *directory, *ignore_file, *dockerfile;
    bool no_ignore, quiet, verbose, tar, units;
    struct recipe_options prepare;
    const char **bins;
    size_t cap_bins;
    bool no_std, force, no_journal;
};

/*
 * Parses the command line. -EINVAL, with a message that names the option and what it takes. The
 * caller releases ret->arena, also after a failure.
 */
int recipe_command_line(int argc, char **argv, struct recipe_command_line *ret,
                        struct failure *f) must_use;
/* Prints --help, in at most 80 columns. */
void recipe_help(FILE *to);

#endif
