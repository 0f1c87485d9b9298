/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: what every fuzz target declares, and the check that reports a broken promise. */
#ifndef CTXD_FUZZ_H
#define CTXD_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints a sentence, as printf() does, and aborts, unless the claim is true. */
#define FUZZ_CHECK(claim, ...)                                                                 \
    do {                                                                                       \
        if (!(claim)) {                                                                        \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                    \
            fprintf(stderr, __VA_ARGS__);                                                      \
            fputc('\n', stderr);                                                               \
            abort();                                                                           \
        }                                                                                      \
    } while (0)

#endif
