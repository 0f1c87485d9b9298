/* SPDX-License-Identifier: Apache-2.0 */
/* scratch: private directories for tests. */
#ifndef CTXD_SCRATCH_H
#define CTXD_SCRATCH_H

/* Makes a directory. The template, "/tmp/x-XXXXXX", becomes its path. Aborts on failure. */
void scratch_make(char *template);
/* Removes a directory and all below it, as far as that is possible. What is mounted there
 * stays. */
void scratch_remove(const char *path);

#endif
