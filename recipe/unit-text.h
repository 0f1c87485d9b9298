/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a unit that are not copied byte for byte: text without credentials, settings of
 * which some lines are left out, manifests that were changed. When a credential is left out,
 * the unit gets a note that says so.
 *
 * Paths, ownership and thread are those of unit.h.
 */
#ifndef CTXD_UNIT_TEXT_H
#define CTXD_UNIT_TEXT_H

#include "unit.h"

/* Adds a text file of the context, with LF line ends and without the credentials in its URLs.
 * -E2BIG past MANIFEST_MAX. */
int unit_text(struct prepare *p, struct recipe_unit *unit, struct bytes path,
              struct failure *f) must_use;

enum line_verdict {
    LINE_KEEP,
    LINE_DROP,
    LINE_SECRET, /* dropped, with a note */
};
/*
 * Adds a file of settings, one a line. Blank lines and comments (which begin with '#', ';' or
 * '!') are dropped, credentials in URLs are cut out, and `judge` decides about the rest.
 *
 * A line that ends in a backslash is joined with the next ones before it is judged, and they
 * are kept or dropped together. In a format that doesn't join lines, this can only drop one
 * line too many, after a secret. Source: java.util.Properties, load.
 */
int unit_lines(struct prepare *p, struct recipe_unit *unit, struct bytes path,
               enum line_verdict (*judge)(struct bytes line, void *context), void *context,
               struct failure *f) must_use;
/* Adds the note that a file contains a credential, which was left out. */
void unit_secret(struct prepare *p, struct recipe_unit *unit, struct bytes path);

/*
 * Adds a manifest that was parsed and changed, as JSON or TOML, without the credentials in its
 * URLs. Changes *v. `secret` tells that the caller has removed a credential already.
 */
int unit_json(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              bool secret, struct failure *f) must_use;
int unit_toml(struct prepare *p, struct recipe_unit *unit, struct bytes path, struct value *v,
              bool secret, struct failure *f) must_use;
/*
 * Adds the files that a script will read: each word of it that is the path of a file, relative
 * to `dir`, of at most 64 KiB.
 */
int unit_script_files(struct prepare *p, struct recipe_unit *unit, struct bytes dir,
                      struct bytes script, struct failure *f) must_use;

#endif
