/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base: what every room stands on. Knows nothing of contexts, ignore files or Docker.
 *
 *   bytes.h   views, quoting           arena.h      memory that dies together
 *   buf.h     growing, with a maximum  fail.h       failures a person reads
 *   notes.h   warnings, in order       io.h         descriptors, files, the clock
 *   path.h    cleaning, joining        globs.h      Go's filepath.Match
 *   names.h   those of a directory     number.h     numbers from outside
 *   utf8.h    runes                    pool.h       fan-out on threads
 *   table.h   bytes -> value           cleanup.h    scope-bound release
 *   digest.h  XXH3-128, SHA-256        help-text.h  wrapped options of --help
 */
#ifndef CTXD_BASE_H
#define CTXD_BASE_H

#include "arena.h"
#include "buf.h"
#include "bytes.h"
#include "cleanup.h"
#include "digest.h"
#include "fail.h"
#include "globs.h"
#include "help-text.h"
#include "io.h"
#include "names.h"
#include "notes.h"
#include "number.h"
#include "path.h"
#include "pool.h"
#include "table.h"
#include "utf8.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))

#endif
