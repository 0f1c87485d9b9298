/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

/* Nanoseconds before the first line. Most sends end earlier, and a line that flashes disturbs.
 */
#define QUIET_NS 500000000ull
/* Nanoseconds between lines. Nobody reads faster. */
#define INTERVAL_NS 100000000ull

struct progress {
    const struct send_progress *counters;
    pthread_t thread;
    pthread_mutex_t lock; /* guards end */
    pthread_cond_t ended;
    bool end;
    bool drawn;
    uint64_t began_ns;
    /* The rate in bytes per second, over about the last second so that a stall shows. */
    uint64_t last_ns, last_bytes, rate;
};

/* "1,234,567" */
static const char *progress_commas(char text[32], uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = 0;
    return text;
}

const char *progress_line(char text[128], uint64_t entries, uint64_t entries_total,
                          uint64_t bytes, uint64_t bytes_total, uint64_t bytes_per_second)
{
    char n[32], total[32], size[16], size_total[16], rate[16];
    if (entries_total == 0)
        snprintf(text, 128, "ctx-send: looking at the context, %s entries",
                 progress_commas(n, entries));
    else
        snprintf(text, 128, "ctx-send: %s of %s entries, %s of %s, %s/s (%u %%)",
                 progress_commas(n, entries), progress_commas(total, entries_total),
                 number_human(size, bytes), number_human(size_total, bytes_total),
                 number_human(rate, bytes_per_second),
                 (unsigned)(bytes_total ? bytes * 100 / bytes_total : 100));
    return text;
}

static void progress_update_rate(struct progress *shown, uint64_t now_ns, uint64_t bytes)
{
    uint64_t since_ns = now_ns - shown->last_ns;
    if (since_ns < 1000000000u)
        return;
    shown->rate = (uint64_t)((double)(bytes - shown->last_bytes) * 1e9 / (double)since_ns);
    shown->last_ns = now_ns;
    shown->last_bytes = bytes;
}

static void progress_draw(struct progress *shown)
{
    ASSERT_THREAD(THREAD_PROGRESS);
    const struct send_progress *counters = shown->counters;
    uint64_t now_ns = clock_now_ns();
    uint64_t bytes = atomic_load_explicit(&counters->bytes, memory_order_relaxed);
    if (now_ns - shown->began_ns < 1000000000u)
        shown->rate = (uint64_t)((double)bytes * 1e9 / (double)(now_ns - shown->began_ns));
    else
        progress_update_rate(shown, now_ns, bytes);
    char text[128];
    progress_line(text, atomic_load_explicit(&counters->entries, memory_order_relaxed),
                  atomic_load_explicit(&counters->entries_total, memory_order_relaxed), bytes,
                  atomic_load_explicit(&counters->bytes_total, memory_order_relaxed),
                  shown->rate);
    /* A line that wraps can't be erased. */
    struct winsize size = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
        size.ws_col <= strlen(text))
        text[size.ws_col - 1] = 0;
    fprintf(stderr, "\r%s\033[K\r", text);
    fflush(stderr);
    shown->drawn = true;
}

static void *progress_thread(void *arg)
{
    struct progress *shown = arg;
    thread_begin(THREAD_PROGRESS);
    uint64_t next_ns = shown->began_ns + QUIET_NS;
    pthread_mutex_lock(&shown->lock);
    while (!shown->end) {
        struct timespec until = {.tv_sec = (time_t)(next_ns / 1000000000u),
                                 .tv_nsec = (long)(next_ns % 1000000000u)};
        if (pthread_cond_timedwait(&shown->ended, &shown->lock, &until) == 0)
            continue;
        /* Drawing may block on a stopped terminal. progress_end() needs the lock in the
         * meantime. */
        pthread_mutex_unlock(&shown->lock);
        progress_draw(shown);
        next_ns = clock_now_ns() + INTERVAL_NS;
        pthread_mutex_lock(&shown->lock);
    }
    pthread_mutex_unlock(&shown->lock);
    return NULL;
}

struct progress *progress_start(const struct send_progress *counters, bool wanted)
{
    const char *term = getenv("TERM");
    if (!wanted || !isatty(STDERR_FILENO) || (term && !strcmp(term, "dumb")))
        return NULL;
    struct progress *shown = xcalloc(1, sizeof(*shown));
    shown->counters = counters;
    shown->began_ns = shown->last_ns = clock_now_ns();
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&shown->lock, NULL);
    pthread_cond_init(&shown->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&shown->thread, NULL, progress_thread, shown) != 0) {
        /* Without a thread there is no line, but the send can go on. */
        pthread_cond_destroy(&shown->ended);
        pthread_mutex_destroy(&shown->lock);
        free(shown);
        return NULL;
    }
    return shown;
}

void progress_end(struct progress *shown)
{
    if (!shown)
        return;
    pthread_mutex_lock(&shown->lock);
    shown->end = true;
    pthread_cond_signal(&shown->ended);
    pthread_mutex_unlock(&shown->lock);
    pthread_join(shown->thread, NULL);
    if (shown->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    pthread_cond_destroy(&shown->ended);
    pthread_mutex_destroy(&shown->lock);
    free(shown);
}
