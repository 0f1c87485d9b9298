/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The groups of runes that Go's regexp calls `\p{Name}`: Unicode's categories and scripts.
 * Thread: any.
 */
#ifndef CTXD_UNICODE_H
#define CTXD_UNICODE_H

#include "base.h"
#include "rune-class.h"

/*
 * Adds the runes of the group (negated: all others). Returns false if there is no group of
 * that name.
 *
 * Go's releases differ in the names they take: the newest compares loosely and knows long
 * names, but does not find the scripts with an underscore that older ones find. This takes
 * what any release takes.
 */
bool class_add_group(struct class_builder *c, struct bytes name, bool negated);

#endif
