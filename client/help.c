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

void options_help(FILE *to)
{
    fputs("Usage: ctx-send [OPTION]... [PATH] | docker build [OPTION]... -\n"
          "\n"
          "Writes the build context at PATH (default: the working directory) to standard\n"
          "output, as a tar: what the Dockerfile can read and the ignore file keeps, and\n"
          "nothing else. The image is the one that docker build PATH gives.\n",
          to);
    for (size_t i = 0; i < option_table_len; i++) {
        if (option_table[i].kind == OPTION_HEADING)
            fprintf(to, "\n%s\n", option_table[i].help);
        else
            print_option(to, &option_table[i]);
    }
    fputs("\nExamples:\n"
          "  ctx-send | docker build -t app -\n"
          "  ctx-send -f docker/api.Dockerfile --target=test . | docker build -\n"
          "  ctx-send -z services/web | ssh builder docker build -t web -\n"
          "  ctx-send --full --stats -o context.tar .\n"
          "\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by --max-size or\n"
          "--max-files. A stream that ends early can't be built. More: man ctx-send\n",
          to);
}
