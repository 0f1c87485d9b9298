/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unicode's categories and scripts, as tests/oracle/unicode prints them from Go's tables.
 *
 * A run is `first code point << 8 | value`, where the value is an index into the names. It
 * reaches up to the run that follows; the last one reaches up to RUNE_MAX.
 */
#ifndef CTXD_UNICODE_TABLES_H
#define CTXD_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* A long name of a category ("letter") and its short one ("l"), both in lower case. */
struct category_alias {
    const char *name, *category;
};

extern const char *const category_names[], *const script_names[];
extern const struct category_alias category_aliases[];
extern const uint32_t category_runs[], script_runs[];
extern const size_t category_names_n, category_aliases_n, category_runs_n;
extern const size_t script_names_n, script_runs_n;

#endif
