/* SPDX-License-Identifier: Apache-2.0 */
#include "help-text.h"

#define WIDTH 79       /* columns; the 80th stays free, because some terminals wrap after it */
#define TEXT_COLUMN 29 /* where descriptions begin; most options are shorter */

void help_paragraph(FILE *to, struct bytes text, size_t indent)
{
    struct bytes word;
    size_t column = indent;
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

void help_option(FILE *to, char letter, const char *name, const char *metavar, bool optional,
                 const char *text)
{
    char given[4] = "", left[96];
    if (letter)
        snprintf(given, sizeof(given), "-%c,", letter);
    snprintf(left, sizeof(left), "  %3s --%s%s%s%s%s", given, name, optional ? "[" : "",
             metavar ? "=" : "", metavar ? metavar : "", optional ? "]" : "");
    size_t column = strlen(left);
    fputs(left, to);
    if (column + 2 > TEXT_COLUMN) {
        fputc('\n', to);
        column = 0;
    }
    fprintf(to, "%*s", (int)(TEXT_COLUMN - column), "");
    help_paragraph(to, bytes_of(text), TEXT_COLUMN);
}
