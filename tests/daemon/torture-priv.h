/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers of the torture share: random names, sizes and bytes; and the operations. */
#ifndef CTXD_TORTURE_PRIV_H
#define CTXD_TORTURE_PRIV_H

#include "torture.h"

/* ---- torture-writers.c ---- */
void random_dir(char path[128]);
void in_dir(const char *dir, const char *name, char path[128]);
void random_path(char path[128]);
bool random_file(struct world *w, char path[128], struct stat *st);
bool existing_dir(struct world *w, char path[128]);
size_t random_size(void);
void write_random(int fd, off_t at, size_t len);
void write_text(int dir_fd, const char *path, int flags, const char *text);

/* ---- torture-files.c: each does one operation; false: there was nothing to do it to ---- */
bool do_create(struct world *w);
bool do_append(struct world *w);
bool do_rewrite(struct world *w);
bool do_poke(struct world *w);
bool do_copy_range(struct world *w);
bool do_rename_over(struct world *w);
bool do_unlink(struct world *w);
bool do_rename(struct world *w);
bool do_chmod_file(struct world *w);
bool do_touch(struct world *w);
bool do_special(struct world *w);
bool do_map(struct world *w);
bool do_tmpfile(struct world *w);
bool do_write_unlinked(struct world *w);
bool do_held(struct world *w);
bool do_mkdir_deep(struct world *w);
bool do_remove_dir(struct world *w);
bool do_chmod_dir(struct world *w);
bool do_symlink(struct world *w);
bool do_link(struct world *w);
bool do_link_outside(struct world *w);
bool do_write_outside(struct world *w);
bool do_move_out(struct world *w);

/* ---- torture-async.c ---- */
/* Writes by io_submit(2). */
bool write_submitted(int fd, off_t at, const void *bytes, size_t len);
bool do_uring(struct world *w);

/* ---- torture-links.c ---- */
bool do_link_game(struct world *w);

#endif
