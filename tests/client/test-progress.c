/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line: its text, and when it is shown. */
#include "progress.h"
#include "redirect.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/mman.h>

static void test_progress(void)
{
    char text[128];
    tap_case("the progress line before and after the walk, and at its widest");
    TAP_EQUAL(bytes_of(progress_line(text, 1234567, 0, 0, 0, 0)),
              BYTES("ctx-send: looking at the context, 1,234,567 entries"));
    TAP_EQUAL(bytes_of(progress_line(text, 10, 100, 42000, 84000, 1000000)),
              BYTES("ctx-send: 10 of 100 entries, 42 kB of 84 kB, 1.0 MB/s (50 %)"));
    TAP_EQUAL(bytes_of(progress_line(text, 1, 1, 0, 0, 0)),
              BYTES("ctx-send: 1 of 1 entries, 0 B of 0 B, 0 B/s (100 %)"));
    TAP_CHECK(strlen(progress_line(text, UINT64_MAX, UINT64_MAX, UINT64_MAX / 101,
                                   UINT64_MAX / 101, UINT64_MAX)) < sizeof(text));
}

static bool shows_progress(bool wanted, const char *term)
{
    static const struct send_progress counters;
    setenv("TERM", term, 1);
    struct progress *shown = progress_start(&counters, wanted);
    progress_end(shown);
    return shown != NULL;
}

static void test_progress_start(void)
{
    tap_case("progress is shown only if it is wanted, on a terminal that can erase a line");
    cleanup_fd int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cleanup_fd int file = memfd_create("stderr", MFD_CLOEXEC);
    int was = redirect(terminal);
    bool wanted = shows_progress(true, "xterm"), unwanted = shows_progress(false, "xterm");
    bool dumb = shows_progress(true, "dumb");
    restore(was);
    was = redirect(file);
    bool elsewhere = shows_progress(true, "xterm");
    restore(was);
    TAP_CHECK(wanted && !unwanted && !dumb && !elsewhere);
}

int main(void)
{
    test_progress();
    test_progress_start();
    return tap_end();
}
