/* SPDX-License-Identifier: Apache-2.0 */
/* hashes.db as a file: made, opened, judged, set aside. Thread: any. */
#ifndef CTXD_DB_FILE_H
#define CTXD_DB_FILE_H

#include "db-conn.h"

/* The directory, checked and locked against other processes; closing it unlocks. */
int db_directory_open(const char *path, struct failure *f) must_use;
/*
 * Opens both connections to hashes.db of the locked directory, made or set aside and made anew
 * where it must. set_aside: may take away another program's or version's (a damaged one always
 * is). Adds what was set aside to *n_aside. 0 or -errno.
 */
int db_files_open(int dir_fd, const char *directory, bool set_aside, struct notes *notes,
                  struct db_conn *writer, struct db_conn *reader, uint64_t *n_aside,
                  struct failure *f) must_use;
/* `path` from the root, to be freed; NULL: it can't be told. */
char *db_absolute(const char *path);
/* The sizes of hashes.db and its log. */
uint64_t db_file_bytes(const char *directory);
/* Renames hashes.db and what belongs to it; the only one so named afterwards. */
int db_set_aside(int dir_fd, char ret_name[64], struct failure *f) must_use;

#endif
