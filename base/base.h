/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base: what every room builds on. Nothing here is about contexts, ignore files or Docker.
 *
 *   bytes.h      views and copies of bytes      arena.h      memory that is freed together
 *   buf.h        growing, with a maximum        table.h      bytes -> value
 *   fail.h       a failure that a person reads  notes.h      warnings, in order
 *   quote.h      bytes shown to a person        io.h         descriptors, files, the clock
 *   path.h       cleaning, joining, comparing   names.h      the names in a directory
 *   globs.h      Go's filepath.Match            utf8.h       runes
 *   number.h     decimal numbers and sizes      hex.h        hexadecimal
 *   digest.h     XXH3-128, SHA-256              ustar.h      one header block of a tar
 *   cleanup.h    release at the end of a scope  pool.h       jobs on threads
 *   xmalloc.h    memory, or the process ends    help-text.h  the wrapped options of --help
 *   thread-kind.h  what kind of thread this is
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
#include "hex.h"
#include "io.h"
#include "names.h"
#include "notes.h"
#include "number.h"
#include "path.h"
#include "pool.h"
#include "quote.h"
#include "table.h"
#include "thread-kind.h"
#include "ustar.h"
#include "utf8.h"
#include "xmalloc.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))

#endif
