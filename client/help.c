/* SPDX-License-Identifier: Apache-2.0 */
#include "options-priv.h"

#define WIDTH 79       /* the last column stays free: some terminals wrap behind it */
#define TEXT_COLUMN 29 /* where descriptions begin */

/* Writes a paragraph between two columns; the cursor is at `column` already. */
static void print_wrapped(FILE *to, struct bytes text, size_t column, size_t indent)
{
    struct bytes word;
    while (bytes_next(&text, ' ', &word)) {
        if (column + 1 + word.len > WIDTH && column > indent) {
            fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', to);
            column++;
        }
        fprintf(to, "%.*s", BYTES_ARG(word));
        column += word.len;
    }
    fputc('\n', to);
}

static void print_option(FILE *to, const struct option *option)
{
    char letter[4] = "", left[96];
    if (option->letter)
        snprintf(letter, sizeof(letter), "-%c,", option->letter);
    snprintf(left, sizeof(left), "  %3s --%s%s%s%s%s", letter, option->name,
             option->optional ? "[" : "", option->metavar ? "=" : "",
             option->metavar ? option->metavar : "", option->optional ? "]" : "");
    size_t column = strlen(left);
    fputs(left, to);
    if (column + 2 > TEXT_COLUMN) {
        fputc('\n', to);
        column = 0;
    }
    fprintf(to, "%*s", (int)(TEXT_COLUMN - column), "");
    print_wrapped(to, bytes_of(option->help), TEXT_COLUMN, TEXT_COLUMN);
}

void options_help(const struct command_line *line, FILE *to)
{
    fputs(line->usage, to);
    for (size_t i = 0; i < GROUPS_MAX && line->groups[i]; i++) {
        const struct option_group *group = line->groups[i];
        fprintf(to, "\n%s\n", group->heading);
        for (size_t j = 0; j < group->n; j++)
            print_option(to, &group->at[j]);
    }
    fputs(line->more, to);
}
