/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses a command line by its option table.
 *
 *     struct options options = {0};
 *     r = options_parse(&send_line, argc, argv, &notes, &options, &f);  -EINVAL: a usage error
 *     …
 *     options_release(&options);
 *
 * Thread: one at a time.
 */
#ifndef CTXD_OPTION_PARSE_H
#define CTXD_OPTION_PARSE_H

#include "options.h"

/*
 * Reads the command line into *ret, which must be zero. From the environment it takes the
 * values of `--build-arg NAME`, and SOURCE_DATE_EPOCH if --mtime is not given. -EINVAL with a
 * message that names the option and what it takes. On failure *ret may be partly filled:
 * release it all the same. *ret borrows argv.
 */
int options_parse(const struct command_line *line, int argc, char **argv, struct notes *notes,
                  struct options *ret, struct failure *f) must_use;
void options_release(struct options *options);

#endif
