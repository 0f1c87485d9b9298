/* SPDX-License-Identifier: Apache-2.0 */
#include "option-help.h"

#include "option.h"

void options_help(const struct command_line *line, FILE *to)
{
    fputs(line->usage, to);
    for (size_t i = 0; i < GROUPS_MAX && line->groups[i]; i++) {
        const struct option_group *group = line->groups[i];
        fprintf(to, "\n%s\n", group->heading);
        for (size_t j = 0; j < group->n; j++) {
            const struct option *o = &group->at[j];
            help_option(to, o->letter, o->name, o->metavar, o->optional, o->help);
        }
    }
    fputs(line->more, to);
}
