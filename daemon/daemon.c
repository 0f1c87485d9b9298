/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <pthread.h>
#include <signal.h>

void daemon_touch(struct daemon *daemon)
{
    daemon->active_ns = clock_now_ns();
}

uint64_t daemon_quiet_ns(struct daemon *daemon)
{
    /* active_ns is read first: another thread may set it to a later time meanwhile. */
    uint64_t active_ns = daemon->active_ns;
    return clock_now_ns() - active_ns;
}

int daemon_start_thread(void *(*run)(void *arg), void *arg)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, old;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&thread, &attributes, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return -r;
}
