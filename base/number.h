/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from outside: checked for overflow, without a locale. Thread: any. */
#ifndef CTXD_NUMBER_H
#define CTXD_NUMBER_H

#include "bytes.h"
#include "fail.h"

/* Reads b, which must consist of decimal digits, as a number. 0, -EINVAL or -ERANGE. */
int number_parse(struct bytes b, uint64_t *ret) must_use;

/* A size such as 4096, 64k, 10M, 2GiB, 1.5g (powers of 1024). 0, -EINVAL or -ERANGE. */
int number_parse_size(struct bytes b, uint64_t *ret_bytes) must_use;

/* Writes "17 B", "4.2 kB", "318 MB" (powers of 1000) for people. Returns text. */
const char *number_human(char text[16], uint64_t bytes);

#endif
