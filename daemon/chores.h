/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ctxd does while no client asks: audits of the roots, sweeps of the store and the hash
 * database, giving memory back. The slow chores are one job on a lane, which never runs twice
 * at once.
 *
 * Thread: loop, all of it.
 */
#ifndef CTXD_CHORES_H
#define CTXD_CHORES_H

#include "daemon.h"

struct chores;

struct chores *chores_new(struct daemon *daemon);
/* NULL is fine. Not while they run. */
void chores_free(struct chores *chores);

/* Begins the chores that are due, if no request runs. Call it every second or so. */
void chores_look(struct chores *chores);
bool chores_running(const struct chores *chores);
/* Makes those that run end soon. */
void chores_cancel(struct chores *chores);

#endif
