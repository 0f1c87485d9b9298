/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashes.db as a file: making it, opening it, setting it aside.
 *
 *     dir_fd = db_directory_open(path, f);        locks the directory
 *     r = db_files_open(dir_fd, …);
 *     close(dir_fd);                              unlocks it
 *
 * Thread: any.
 */
#ifndef CTXD_DB_FILE_H
#define CTXD_DB_FILE_H

#include "db-conn.h"

/*
 * Opens the directory, and makes it if it is missing. Checks that it is safe from other users,
 * and locks it against other processes that call this. Closing the descriptor unlocks it.
 * Returns the descriptor or -errno.
 */
int db_directory_open(const char *path, struct failure *f) must_use;
/*
 * Opens both connections to hashes.db of the locked directory. Makes it if it is missing, and
 * sets it aside and makes it anew if it is damaged, or, only with set_aside, if it belongs to
 * another program, version or user. Adds the number of files set aside to *n_aside, and a note
 * for each. 0 or -errno.
 */
int db_files_open(int dir_fd, const char *directory, bool set_aside, struct notes *notes,
                  struct db_conn *writer, struct db_conn *reader, uint64_t *n_aside,
                  struct failure *f) must_use;
/* `path` as an absolute path, which the caller frees; NULL if there is no current directory. */
char *db_absolute(const char *path);
/* The sum of the sizes of hashes.db and its log. */
uint64_t db_file_bytes(const char *directory);
/*
 * Renames hashes.db and the files that belong to it. Removes those that were set aside before.
 * ret_name gets the new name.
 */
int db_set_aside(int dir_fd, char ret_name[64], struct failure *f) must_use;

#endif
