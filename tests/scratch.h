/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that a test has to itself. */
#ifndef CTXD_SCRATCH_H
#define CTXD_SCRATCH_H

/* Makes the directory of a template, "/tmp/x-XXXXXX", which becomes its path; or ends the test.
 */
void scratch_make(char *template);
/* Removes what can be removed of a directory and all below it; what is mounted there stays. */
void scratch_remove(const char *path);

#endif
