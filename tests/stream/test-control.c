/* SPDX-License-Identifier: Apache-2.0 */
/* Control files that change while they are read. */
#include "stream-fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RULES_BYTES = 1 << 20 };

struct rewriter {
    int root;
    atomic_bool stop;
};

/* Writes one version over the other, in place. */
static void *rewrite_rules(void *context)
{
    struct rewriter *rewriter = context;
    cleanup_free char *text = xmalloc(RULES_BYTES);
    for (unsigned i = 0; !atomic_load(&rewriter->stop); i++) {
        memset(text, i % 2 ? 'a' : 'b', RULES_BYTES);
        int fd = openat(rewriter->root, ".dockerignore", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (write(fd, text, RULES_BYTES) != RULES_BYTES)
            abort();
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = 7000000}, NULL);
    }
    return NULL;
}

static void test_one_version(void)
{
    tap_case("an ignore file that is written while it is read is read in one version");
    struct fixture x = setup();
    put_text(&x, "Dockerfile", "FROM scratch\n");
    struct rewriter rewriter = {.root = x.root};
    pthread_t thread;
    if (pthread_create(&thread, NULL, rewrite_rules, &rewriter) != 0)
        abort();
    size_t mixed = 0;
    for (int i = 0; i < 300; i++) {
        struct control control;
        struct control_request request = {
            .root_fd = x.root, .root_name = BYTES("."), .stdin_fd = -1};
        if (control_load(&request, NULL, &control, NULL) < 0)
            continue; /* it keeps changing */
        struct bytes text = control.ignore;
        if (text.len)
            mixed += memcmp(text.at, text.at + 1, text.len - 1) != 0;
        control_release(&control);
    }
    atomic_store(&rewriter.stop, true);
    pthread_join(thread, NULL);
    TAP_CHECKF(mixed == 0, "%zu times of two", mixed);
    teardown(&x);
}

int main(void)
{
    test_one_version();
    return tap_end();
}
