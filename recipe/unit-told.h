/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the user which credentials were left out of a unit. Thread and ownership: unit.h. */
#ifndef CTXD_UNIT_TOLD_H
#define CTXD_UNIT_TOLD_H

#include "scrub.h"
#include "unit.h"

/* Adds a note to the recipe, and warns the user with a text that says more. */
void unit_note_and_warn(struct prepare *p, struct recipe_unit *unit, struct bytes note,
                        struct bytes warning);

/*
 * Cuts what is still a credential out of a content that a unit is to have at a path, and notes
 * all that was cut, now and when it was read. False: the file is a credential, and must not be
 * added.
 */
bool unit_tell(struct prepare *p, struct recipe_unit *unit, struct bytes path,
               struct bytes *content);
/* Adds the note that a file contains a credential, which the caller has left out. */
void unit_secret(struct prepare *p, struct recipe_unit *unit, struct bytes path);

#endif
