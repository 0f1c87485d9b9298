/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifests of one ecosystem: every file of a name, read and parsed once, whatever asks for
 * it later.
 *
 *     struct manifests all = {0};
 *     r = manifests_read(p, "package.json", json_read, &all, f);
 *     manifests_sort(&all);
 *     struct manifest *m = manifest_at(&all, dir);
 *     …
 *     manifests_release(&all);
 */
#ifndef CTXD_MANIFEST_H
#define CTXD_MANIFEST_H

#include "unit.h"

struct manifest {
    struct bytes path, dir, text;
    struct value *value; /* NULL: it can't be parsed */
    struct bytes wrong;  /* why it can't be parsed; empty if it can */
    unsigned marks;      /* flags of the ecosystem */
};

struct manifests {
    struct manifest **at; /* in the arena of p->values */
    size_t n, cap;
    struct table by_dir; /* -> struct manifest * */
};

typedef int manifest_parser(struct values *pool, struct bytes name, struct bytes text,
                            struct value **ret_root, struct failure *f);

/* Reads every file with this name, in the order of the listing. Fails if one can't be read. */
int manifests_read(struct prepare *p, const char *name, manifest_parser *parse,
                   struct manifests *ret, struct failure *f) must_use;
/* Sorts them: those of shallow directories first. */
void manifests_sort(struct manifests *all);
void manifests_release(struct manifests *all);
/* The manifest of a directory, or NULL. */
struct manifest *manifest_at(const struct manifests *all, struct bytes dir);

#endif
