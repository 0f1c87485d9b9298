/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: a thread that writes what is queued. It also opens the database if it could not
 * be opened before, and makes the file anew if it is damaged.
 */
#ifndef CTXD_DB_WRITER_H
#define CTXD_DB_WRITER_H

#include "db-state.h"

/* Starts the thread. Thread: any. */
int db_writer_start(struct hashdb *db) must_use;
/* Ends the thread after a last try to write. Fine if none runs. Thread: not the writer. */
void db_writer_stop(struct hashdb *db);

/* Tells the writer that one more op is queued, or a tree is due. Thread: any. */
void db_wake__with_lock(struct hashdb *db);
/*
 * Notes why the database can't be used and when to try again, and drops the puts that wait.
 * Thread: any. hashdb_open() needs no lock, as nobody else has the database yet.
 */
void db_unusable__with_lock(struct hashdb *db, const struct failure *f);
/*
 * Tells the writer that SQLite found damage; does nothing for other codes. Thread: any. Lock:
 * `lock` is not held.
 */
void db_suspect(struct hashdb *db, int code);
/* If hashes.db was replaced, opens the new file. Thread: any. Lock: none held. */
void db_follow(struct hashdb *db);

#endif
