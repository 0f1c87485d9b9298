/* SPDX-License-Identifier: Apache-2.0 */
/* What --help prints. */
#include "option-help.h"
#include "parsed.h"

static void test_help(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (!to)
        return;
    options_help(&send_line, to);
    fclose(to);
    tap_case("--help has each option with its value, in 80 columns, and no trailing blanks");
    const struct option *table[64];
    size_t n = all_options(table);
    for (size_t i = 0; i < n; i++) {
        const struct option *option = table[i];
        char want[128];
        snprintf(want, sizeof(want), "--%s%s%s%s%s", option->name, option->optional ? "[" : "",
                 option->metavar ? "=" : "", option->metavar ? option->metavar : "",
                 option->optional ? "]" : "");
        TAP_CHECKF(strstr(text, want) != NULL, "no %s", want);
    }
    struct bytes rest = bytes_at(text, len), line;
    while (bytes_next(&rest, '\n', &line))
        TAP_CHECKF(line.len < 80 && !bytes_ends(line, BYTES(" ")), "%s", QUOTE(line));
    free(text);
}

int main(void)
{
    test_help();
    return tap_end();
}
