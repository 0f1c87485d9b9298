/* SPDX-License-Identifier: Apache-2.0 */
/* Which notes are printed. */
#include "redirect.h"
#include "report.h"
#include "tap.h"

#include <sys/mman.h>

/* Copies what report_notes() writes to standard error. Returns its length. */
static size_t captured(char text[4096], const struct notes *notes, enum options_talk talk)
{
    cleanup_fd int file = memfd_create("stderr", MFD_CLOEXEC);
    int was = redirect(file);
    report_notes(notes, talk);
    restore(was);
    ssize_t n = pread(file, text, 4095, 0);
    text[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

static void test_notes(void)
{
    cleanup_notes struct notes notes = {0};
    char text[4096];
    notes_add(&notes, NOTE_INFO, "an explanation");
    for (int i = 0; i < 30; i++)
        notes_add(&notes, NOTE_WARNING, "number %d", i);
    tap_case("of 30 warnings 20 are shown and the others are counted; notes are not shown");
    captured(text, &notes, TALK_NORMAL);
    TAP_CHECK(strstr(text, "ctx-send: warning: number 19\n") && !strstr(text, "number 20"));
    TAP_CHECK(strstr(text, "and 10 more; --verbose shows them") &&
              !strstr(text, "explanation"));
    tap_case("--verbose shows all, --quiet none");
    captured(text, &notes, TALK_VERBOSE);
    TAP_CHECK(strstr(text, "number 29") && strstr(text, "ctx-send: note: an explanation\n"));
    TAP_CHECK(!strstr(text, "more"));
    TAP_CHECK(captured(text, &notes, TALK_QUIET) == 0);
}

int main(void)
{
    test_notes();
    return tap_end();
}
