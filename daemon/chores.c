/* SPDX-License-Identifier: Apache-2.0 */
#include "chores.h"

#include "heap.h"
#include "lanes.h"
#include "log.h"
#include "roots.h"
#include "thread-kind.h"
#include "wake.h"

#include <errno.h>

/* ns (six hours): a view that was not asked for this long is forgotten. It is made again when a
 * request needs it. */
#define VIEW_AGE_NS (6 * 3600ull * 1000000000)
/* ns (ten minutes) between two sweeps of the store. They are only for the age of chunks: a put
 * that exceeds the limit of bytes sweeps by itself. */
#define SWEEP_NS (600ull * 1000000000)
/* Seconds (30 days): hashes that were not used this long are dropped. */
#define HASHES_AGE_S (30 * 24 * 3600)
/* Bytes of the hash database: about three million files. */
#define HASHES_MAX_BYTES (512ull << 20)
/* ns (five seconds) without a request, after which freed memory is given back to the kernel. */
#define QUIET_NS (5ull * 1000000000)
/* ns (a minute) after which the rules of an ignore file with thousands of patterns are dropped,
 * and ns (ten seconds) between two looks for them. */
#define LARGE_AGE_NS (60ull * 1000000000)
#define LARGE_LOOK_NS (10ull * 1000000000)

struct chores {
    struct lane_job job;   /* first: chores_of() */
    struct wake_item item; /* tells the loop that the job is done */
    struct daemon *daemon;
    bool running;
    bool no_hashes;             /* the database was unusable when it was last logged */
    uint64_t shrunk_ns;         /* when large rules were last looked for */
    uint64_t swept_ns, gave_ns; /* when the last sweep began, when memory was last given back */
    bool sweep;                 /* this job sweeps, too */
};

static struct chores *chores_of(struct lane_job *job)
{
    return (struct chores *)job;
}

static void chores_find_oldest(void *context, struct root *root)
{
    struct root **oldest = context;
    struct root_use use = root_use(root);
    if (!*oldest || use.audited_ns < root_use(*oldest).audited_ns)
        *oldest = root;
}

/* ---- the lane's side --------------------------------------------------------------------- */

static void chores_audit(struct daemon *daemon, struct root *root, struct lane *lane)
{
    struct failure f = {0};
    uint64_t missed = 0, began_ns = clock_now_ns();
    int r = root_hold(daemon, root, &f);
    if (r == 0) {
        r = warm_audit(root->warm, lane->pool, &missed, &f);
        root_release(daemon, root);
    }
    if (r == -ECANCELED) /* ctxd ends */
        return;
    count(&daemon->counters.audits, 1);
    count(&daemon->counters.audit_missed, missed);
    count_latency(&daemon->counters, LATENCY_AUDIT, clock_now_ns() - began_ns);
    if (began_ns > VIEW_AGE_NS)
        warm_trim(root->warm, began_ns - VIEW_AGE_NS);
    root_audited(root);
    log_event(
        r < 0 || missed ? LOG_WARNING : LOG_DEBUG, "audit",
        "root=%s missed=%llu ms=%llu why=%s", LOG_VALUE(root->path), (unsigned long long)missed,
        (unsigned long long)(clock_now_ns() - began_ns) / 1000000, LOG_VALUE(bytes_of(f.text)));
}

struct audit_due {
    struct daemon *daemon;
    struct lane *lane;
    uint64_t before_ns; /* roots that were last audited before this are due */
};

static void chores_audit_if_due(void *context, struct root *root)
{
    struct audit_due *due = context;
    if (root_use(root).audited_ns <= due->before_ns && !lane_cancelled(due->lane))
        chores_audit(due->daemon, root, due->lane);
}

static void chores_run(struct lane_job *job, struct lane *lane)
{
    ASSERT_THREAD(THREAD_LANE);
    struct chores *chores = chores_of(job);
    struct daemon *daemon = chores->daemon;
    uint64_t now_ns = clock_now_ns(), every_ns = daemon->config.audit_s * 1000000000;
    struct audit_due due = {daemon, lane, now_ns - every_ns};
    if (every_ns && now_ns > every_ns)
        roots_each(daemon, chores_audit_if_due, &due);
    if (chores->sweep && !lane_cancelled(lane)) {
        uint64_t freed = store_sweep(daemon->store);
        hashdb_prune(daemon->hashes, HASHES_AGE_S, HASHES_MAX_BYTES);
        log_event(LOG_DEBUG, "sweep", "freed=%llu", (unsigned long long)freed);
    }
}

static void chores_done(struct lane_job *job)
{
    struct chores *chores = chores_of(job);
    wake_done(chores->daemon->wake, &chores->item);
}

/* ---- the loop's side --------------------------------------------------------------------- */

static void on_chores_done(void *context)
{
    struct chores *chores = context;
    chores->running = false;
    lane_job_release(&chores->job);
}

struct chores *chores_new(struct daemon *daemon)
{
    struct chores *chores = xcalloc(1, sizeof(*chores));
    chores->daemon = daemon;
    chores->item = (struct wake_item){.call = on_chores_done, .context = chores};
    chores->no_hashes = !hashdb_usable(daemon->hashes); /* hashdb_open()'s notes said why */
    return chores;
}

void chores_free(struct chores *chores)
{
    free(chores);
}

/* Logs once when the database is lost and once when it is back; `ctx status` says why. */
static void chores_log_hashes(struct chores *chores)
{
    chores->no_hashes = !chores->no_hashes;
    if (chores->no_hashes)
        log_event(LOG_WARNING, "hashes-gone", "why=%s",
                  LOG_VALUE(BYTES("the database can't be used: it is tried again")));
    else
        log_event(LOG_INFO, "hashes-back", NULL);
}

struct shrinking {
    uint64_t since_ns;
    bool any;
};

static void chores_shrink_root(void *context, struct root *root)
{
    struct shrinking *s = context;
    s->any |= warm_shrink(root->warm, s->since_ns);
}

static void chores_shrink(struct chores *chores, uint64_t now_ns)
{
    struct shrinking s = {now_ns > LARGE_AGE_NS ? now_ns - LARGE_AGE_NS : 0, false};
    if (now_ns - chores->shrunk_ns < LARGE_LOOK_NS)
        return;
    chores->shrunk_ns = now_ns;
    roots_each(chores->daemon, chores_shrink_root, &s);
    if (s.any)
        heap_give_back();
}

void chores_look(struct chores *chores)
{
    ASSERT_THREAD(THREAD_LOOP);
    struct daemon *daemon = chores->daemon;
    uint64_t now_ns = clock_now_ns(), every_ns = daemon->config.audit_s * 1000000000;
    struct lanes_stats lanes;
    if (hashdb_usable(daemon->hashes) == chores->no_hashes)
        chores_log_hashes(chores);
    lanes_stats(daemon, &lanes);
    /* Requests come first. */
    if (chores->running || lanes.running || wake_ending(daemon->wake))
        return;
    chores_shrink(chores, now_ns);
    /* Once after each request. It takes some milliseconds, and no client waits. */
    if (daemon->active_ns > chores->gave_ns && daemon_quiet_ns(daemon) > QUIET_NS) {
        heap_give_back();
        chores->gave_ns = now_ns;
    }
    struct root *oldest = NULL;
    roots_each(daemon, chores_find_oldest, &oldest);
    bool audit_due = every_ns && oldest && now_ns - root_use(oldest).audited_ns >= every_ns;
    chores->sweep = now_ns - chores->swept_ns >= SWEEP_NS || chores->swept_ns == 0;
    if (!audit_due && !chores->sweep)
        return;
    if (chores->sweep)
        chores->swept_ns = now_ns;
    chores->job = (struct lane_job){.run = chores_run, .done = chores_done};
    chores->running = lane_job_submit(daemon, &chores->job) == 0;
}

bool chores_running(const struct chores *chores)
{
    return chores->running;
}

void chores_cancel(struct chores *chores)
{
    ASSERT_THREAD(THREAD_LOOP);
    if (chores->running)
        lane_job_cancel(&chores->job);
}
