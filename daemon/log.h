/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line in logfmt for each event, on standard error.
 *
 *     log_event(LOG_INFO, "answered", "root=%s ms=%llu", LOG_VALUE(path), ms);
 *
 * Thread: any; the lines of two threads never mix.
 */
#ifndef CTXD_LOG_H
#define CTXD_LOG_H

#include "base.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Events above this level are dropped. */
void log_set_level(enum log_level level);
/* Writes one event. format gives its fields, and may be NULL. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* text as the value of a logfmt field: bare if it can be, else quoted. The result is in *q. */
const char *log_value(struct quoted *q, struct bytes text);
#define LOG_VALUE(b) log_value(&(struct quoted){.text = ""}, (b))

#endif
