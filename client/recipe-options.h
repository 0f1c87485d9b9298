/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of ctx-recipe. One table is what is parsed, what --help prints and what the
 * man page and the completions are checked against (tests/recipe).
 *
 * Thread: one at a time.
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
    const char **words; /* what is no option */
    size_t n_words, cap_words;
    char *const *child; /* what follows --, NULL-terminated; NULL: none */

    const struct recipe_option **given; /* the options, in their order */
    size_t n_given, cap_given;
    const char *making; /* of those that say what a recipe is made of, the first; NULL: none */

    const char *output, *recipe, *directory, *ignore_file, *dockerfile;
    bool no_ignore, quiet, verbose, tar, units;
    struct recipe_options prepare;
    const char **bins;
    size_t cap_bins;
    bool no_std, force, no_journal;
};

/* -EINVAL with a message that names the option and what it takes. Release *ret all the same. */
int recipe_command_line(int argc, char **argv, struct recipe_command_line *ret,
                        struct failure *f) must_use;
/* The whole of --help: 80 columns at most. */
void recipe_help(FILE *to);

#endif
