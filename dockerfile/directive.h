/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directive: the `# name = value` lines at the head of a Dockerfile, and the syntax that a file
 * asks for. Thread: any. Source: BuildKit parser/directives.go.
 */
#ifndef CTXD_DIRECTIVE_H
#define CTXD_DIRECTIVE_H

#include "dockerfile.h"

struct df_directives {
    bool done;     /* a line was no directive, so no later line can be one */
    unsigned seen; /* 1 << enum df_directive */
};

enum df_directive { DF_NO_DIRECTIVE, DF_SYNTAX, DF_ESCAPE, DF_CHECK };

/*
 * Returns the directive on a line that begins with `comment`, and its value. After
 * DF_NO_DIRECTIVE every later line gives DF_NO_DIRECTIVE. -EINVAL: the directive was seen
 * before.
 */
int df_directive(struct df_directives *d, struct bytes line, struct bytes comment,
                 struct bytes *ret_value) must_use;

/* The syntax that the whole text names, in any of the forms that the builder looks for. Empty
 * if there is none. The bytes are in the arena or in the text. */
struct bytes df_detect_syntax(struct arena *arena, struct bytes text);
/* Tells whether the syntax is some version of Docker's own Dockerfile frontend. */
bool df_syntax_is_ours(struct bytes syntax);

#endif
