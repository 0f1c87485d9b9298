/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a unit that are not copied byte for byte: text, settings of which some lines are
 * left out, manifests that were changed.
 *
 * Paths, ownership and thread are those of unit.h.
 */
#ifndef CTXD_UNIT_TEXT_H
#define CTXD_UNIT_TEXT_H

#include "unit.h"

/* Adds a text file of the context, with LF line ends. -E2BIG past MANIFEST_MAX. */
int unit_text(struct prepare *p, struct recipe_unit *unit, struct bytes path,
              struct failure *f) must_use;

enum line_verdict {
    LINE_KEEP,
    LINE_DROP,
    LINE_SECRET, /* dropped, with a note */
};
/*
 * Adds a file of settings, one a line. Blank lines and comments (which begin with '#', ';' or
 * '!') are dropped, and `judge` decides about the rest; NULL keeps it.
 *
 * A line that ends in a backslash is joined with the next ones before it is judged, and they
 * are kept or dropped together. In a format that doesn't join lines, this can only drop one
 * line too many, after a secret. Source: java.util.Properties, load.
 */
int unit_lines(struct prepare *p, struct recipe_unit *unit, struct bytes path,
               enum line_verdict (*judge)(struct bytes line, void *context), void *context,
               struct failure *f) must_use;
/* Adds a manifest that was parsed and changed, as JSON or TOML. Changes *v. */
int unit_json(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              struct failure *f) must_use;
int unit_toml(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              struct failure *f) must_use;
/*
 * Adds the files that a script will read: each word of it that is the path of a file, relative
 * to `dir`, of at most 64 KiB.
 */
int unit_script_files(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                      struct bytes script, struct failure *f) must_use;

#endif
