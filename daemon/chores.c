/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

/* Views that nobody asked for so long are forgotten; they are made again when asked for. */
#define VIEW_AGE_NS (6 * 3600ull * 1000000000)
/* Chunks are also swept past the limit when they are put: this is for their age. */
#define SWEEP_NS (600ull * 1000000000)
/* Hashes of trees unused for so long. */
#define HASHES_AGE_S (30 * 24 * 3600)
/* About three million files. */
#define HASHES_MAX_BYTES (512ull << 20)

/* After so long without a request what was freed is given back to the kernel. */
#define QUIET_NS (5ull * 1000000000)

struct chores {
    struct lane_job job;
    struct daemon *daemon;
    bool running;     /* the loop's */
    bool no_hashes;   /* as it was said last */
    atomic_bool done; /* the lane's */
    uint64_t swept_ns, gave_ns;
    bool sweep;
};

static void find_due(void *context, struct root *root)
{
    struct root **due = context;
    struct root_use use = root_use(root);
    if (!*due || use.audited_ns < root_use(*due).audited_ns)
        *due = root;
}

static void audit(struct daemon *daemon, struct root *root, struct lane *lane)
{
    struct failure f = {0};
    uint64_t missed = 0, began_ns = clock_now_ns();
    int r = warm_audit(root->warm, lane->pool, &missed, &f);
    count(&daemon->counters.audits, 1);
    count(&daemon->counters.audit_missed, missed);
    daemon_count_latency(daemon, LATENCY_AUDIT, clock_now_ns() - began_ns);
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
    uint64_t before_ns;
};

static void audit_if_due(void *context, struct root *root)
{
    struct audit_due *due = context;
    if (root_use(root).audited_ns <= due->before_ns && !lane_cancelled(due->lane))
        audit(due->daemon, root, due->lane);
}

static void work(struct lane_job *job, struct lane *lane)
{
    struct chores *chores = (struct chores *)job;
    struct daemon *daemon = chores->daemon;
    uint64_t now_ns = clock_now_ns(), every_ns = daemon->config.audit_s * 1000000000;
    struct audit_due due = {daemon, lane, now_ns - every_ns};
    if (every_ns && now_ns > every_ns)
        roots_each(daemon, audit_if_due, &due);
    if (chores->sweep && !lane_cancelled(lane)) {
        uint64_t freed = store_sweep(daemon->store);
        hashdb_prune(daemon->hashes, HASHES_AGE_S, HASHES_MAX_BYTES);
        log_event(LOG_DEBUG, "sweep", "freed=%llu", (unsigned long long)freed);
    }
}

static void done(struct lane_job *job)
{
    struct chores *chores = (struct chores *)job;
    struct loop *loop = chores->daemon->loop;
    pthread_mutex_lock(&loop->lock);
    chores->done = true;
    uv_async_send(&loop->woken);
    pthread_mutex_unlock(&loop->lock);
}

struct chores *chores_new(struct daemon *daemon)
{
    struct chores *chores = xcalloc(1, sizeof(*chores));
    chores->daemon = daemon;
    chores->no_hashes = !hashdb_usable(daemon->hashes); /* the open said why */
    return chores;
}

/* Once where it goes, once where it comes back; why is in `ctx status`. */
static void say_hashes(struct chores *chores)
{
    chores->no_hashes = !chores->no_hashes;
    if (chores->no_hashes)
        log_event(LOG_WARNING, "hashes-gone", "why=%s",
                  LOG_VALUE(BYTES("the database can't be used: it is tried again")));
    else
        log_event(LOG_INFO, "hashes-back", NULL);
}

void chores_look(struct loop *loop)
{
    struct chores *chores = loop->work;
    struct daemon *daemon = loop->daemon;
    uint64_t now_ns = clock_now_ns(), every_ns = daemon->config.audit_s * 1000000000;
    struct lanes_stats lanes;
    if (hashdb_usable(daemon->hashes) == chores->no_hashes)
        say_hashes(chores);
    lanes_stats(daemon, &lanes);
    /* People first. */
    if (chores->running || lanes.running || loop->ending)
        return;
    /* Once after each request: it takes a millisecond, nobody waits. */
    if (daemon->active_ns > chores->gave_ns && daemon_quiet_ns(daemon) > QUIET_NS) {
        memory_give_back();
        chores->gave_ns = now_ns;
    }
    struct root *oldest = NULL;
    roots_each(daemon, find_due, &oldest);
    bool audit_due = every_ns && oldest && now_ns - root_use(oldest).audited_ns >= every_ns;
    chores->sweep = now_ns - chores->swept_ns >= SWEEP_NS || chores->swept_ns == 0;
    if (!audit_due && !chores->sweep)
        return;
    if (chores->sweep)
        chores->swept_ns = now_ns;
    chores->job = (struct lane_job){.work = work, .done = done};
    chores->done = false;
    chores->running = lane_job_submit(daemon, &chores->job) == 0;
}

void chores_reap(struct loop *loop)
{
    struct chores *chores = loop->work;
    if (!chores->running || !chores->done)
        return;
    chores->running = false;
    lane_job_release(&chores->job);
}

bool chores_running(const struct chores *chores)
{
    return chores->running;
}

void chores_cancel(struct chores *chores)
{
    if (chores->running)
        lane_job_cancel(&chores->job);
}

void chores_free(struct chores *chores)
{
    free(chores);
}
