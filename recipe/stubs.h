/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTXD_STUBS_H
#define CTXD_STUBS_H

#include "base.h"

/*
 * The text of a stub, which stands in for a source: the smallest one that the compiler takes.
 * no_std: for a target without an operating system. {NULL, 0}: the kind is unknown.
 */
struct bytes stub_text(struct bytes kind, bool no_std);

#endif
