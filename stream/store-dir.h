/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a chunk store: opening it, the names in it, new files. Thread: any. */
#ifndef CTXD_STORE_DIR_H
#define CTXD_STORE_DIR_H

#include "store-priv.h"

/* Bytes of a path below chunks/: "ab/", 32 hex digits, a suffix such as ".zst-19", and room. */
#define STORE_PATH_MAX 64
/* Prefix of temporary names, which a crash may leave behind if there is no O_TMPFILE. */
#define STORE_TEMP ".tmp-"

/* Opens the store's directory and its chunks/, and reads the key or makes one. 0, or -errno
 * with a message. */
int store_dir_open(struct store *store, struct notes *notes, struct failure *f) must_use;
/*
 * Makes the directory again, with the same key, if somebody removed it while it was open
 * (rm -rf ~/.cache). Tries once in ten seconds at most; other calls do nothing.
 */
void store_dir_heal(struct store *store);

/* Writes the path below chunks/ to `path`; the file's name begins after 3 bytes. */
void store_path(char path[STORE_PATH_MAX], const struct store_name *name);
/* The reverse, for a file's name; false: it is not that of a chunk. */
bool store_parse_name(struct bytes name, struct store_name *ret);
/* Opens, with O_PATH, the directory of a path by store_path(): a descriptor or -errno. */
int store_shard(const struct store *store, const char *path) must_use;

/*
 * Makes the file dir_fd/name of head and body: whole or not at all. Never replaces a file.
 * 0, -EEXIST, -errno. synced: it also survives a loss of power.
 */
int store_publish(struct store *store, int dir_fd, const char *name, struct bytes head,
                  struct bytes body, bool synced) must_use;

#endif
