/* SPDX-License-Identifier: Apache-2.0 */
#include "parsed.h"

#include "option-parse.h"

#include <errno.h>

void parsed_release(struct parsed *p)
{
    options_release(&p->options);
    notes_release(&p->notes);
    *p = (struct parsed){0};
}

int parse(struct parsed *p, char **argv)
{
    int argc = 0;
    parsed_release(p);
    while (argv[argc])
        argc++;
    return p->r = options_parse(&send_line, argc, argv, &p->notes, &p->options, &p->f);
}

bool refused(const struct parsed *p, const char *text, const char *more)
{
    return p->r == -EINVAL && strstr(p->f.text, text) && strstr(p->f.text, more);
}

size_t all_options(const struct option *ret[64])
{
    size_t n = 0;
    for (size_t i = 0; i < GROUPS_MAX && send_line.groups[i]; i++)
        for (size_t j = 0; j < send_line.groups[i]->n; j++)
            if (n < 64)
                ret[n++] = &send_line.groups[i]->at[j];
    return n;
}
