/* SPDX-License-Identifier: Apache-2.0 */
/* What is said while and after a send, base images from a file, and where the stream goes. */
#include "bases.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* ---- what is said ------------------------------------------------------------------ */

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

/* Standard error becomes fd; returns what it was, for the way back. */
static int redirect(int fd)
{
    fflush(stderr);
    int was = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    return was;
}

static void restore(int was)
{
    close(redirect(was));
    close(was);
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
    tap_case("progress is shown where it is wanted, on a terminal that can take a line back");
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

/* What a call writes to standard error. */
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
    tap_case("of 30 warnings 20 are shown and the others counted; explanations are not");
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

/* ---- base images ------------------------------------------------------------------- */

/* A file of the test's directory with this text. */
static bool write_file(const char *path, const char *text)
{
    FILE *to = fopen(path, "we");
    if (!to)
        return TAP_CHECKF(false, "%s: %s", path, strerror(errno));
    fputs(text, to);
    return TAP_CHECK(fclose(to) == 0);
}

static void test_bases(const char *dir)
{
    cleanup_arena struct arena arena = {0};
    struct df_base *bases = NULL;
    struct failure f = {0};
    char path[256];
    snprintf(path, sizeof(path), "%s/bases.json", dir);
    tap_case("--base-config=none knows nothing, and says why");
    struct bytes name = BYTES("corp/base:1");
    TAP_CHECK(bases_find("none", &name, 1, &arena, &bases, &f) == 0 && !bases[0].known);
    TAP_EQUAL(bases[0].reason, BYTES("--base-config=none"));

    static const struct {
        const char *asked, *listed; /* in RepoTags or RepoDigests */
        bool known;
    } names[] = {
        {"base", "base:latest", true},
        {"docker.io/library/base", "base:latest", true},
        {"base:1", "docker.io/base:1", true},
        {"localhost:5000/base", "localhost:5000/base:latest", true},
        {"base:1@sha256:ab", "base@sha256:ab", true},
        {"base", "base:1", false},
        {"base:1", "corp/base:1", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        tap_case("an image that is %s is %s%s", names[i].listed, names[i].known ? "" : "not ",
                 names[i].asked);
        char text[512];
        snprintf(text, sizeof(text),
                 "[{\"%s\": [\"other:1\", \"%s\"], \"Config\": {\"Env\": [\"A=1\"], "
                 "\"OnBuild\": [\"COPY a /\"]}}]",
                 strchr(names[i].listed, '@') ? "RepoDigests" : "RepoTags", names[i].listed);
        name = bytes_of(names[i].asked);
        if (!write_file(path, text) ||
            !TAP_CHECKF(bases_find(path, &name, 1, &arena, &bases, &f) == 0, "%s", f.text))
            continue;
        TAP_CHECK(bases[0].known == names[i].known);
        if (bases[0].known && TAP_CHECK(bases[0].n_env == 1 && bases[0].n_onbuild == 1))
            TAP_EQUAL(bases[0].onbuild[0], BYTES("COPY a /"));
    }
    tap_case("a file that is missing, no JSON, or no image is an error that names it");
    name = BYTES("base");
    TAP_CHECK(bases_find("/nonexistent", &name, 1, &arena, &bases, &f) == -ENOENT);
    TAP_CHECK(strstr(f.text, "--base-config: \"/nonexistent\""));
    write_file(path, "[\n\n{]");
    TAP_CHECK(bases_find(path, &name, 1, &arena, &bases, &f) == -EINVAL);
    TAP_CHECK(strstr(f.text, "bases.json\":3: "));
    write_file(path, "{\"RepoTags\": [\"base:latest\"], \"Config\": {\"Env\": 7}}");
    TAP_CHECK(bases_find(path, &name, 1, &arena, &bases, &f) == -EINVAL);
    TAP_CHECK(strstr(f.text, "is no list of strings"));
    unlink(path);
}

/* ---- where the stream goes --------------------------------------------------------- */

static void test_output(const char *dir)
{
    struct failure f = {0};
    struct stat st;
    char path[256];
    snprintf(path, sizeof(path), "%s/out", dir);
    {
        tap_case("a file has its name only when it is complete");
        cleanup_output struct output out = OUTPUT;
        TAP_CHECK(output_open(&out, path, &f) == 0 && write(out.fd, "abc", 3) == 3);
        TAP_CHECK(stat(path, &st) < 0 && errno == ENOENT);
        TAP_CHECK(output_publish(&out, &f) == 0 && stat(path, &st) == 0 && st.st_size == 3);
    }
    {
        tap_case("one that is given up leaves what had its name, and nothing beside it");
        cleanup_output struct output out = OUTPUT;
        TAP_CHECK(output_open(&out, path, &f) == 0 && write(out.fd, "longer", 6) == 6);
    }
    TAP_CHECK(stat(path, &st) == 0 && st.st_size == 3);
    unlink(path);
    tap_case("a directory that is missing is an error that names the path");
    snprintf(path, sizeof(path), "%s/no/out", dir);
    cleanup_output struct output out = OUTPUT;
    TAP_CHECK(output_open(&out, path, &f) == -ENOENT && strstr(f.text, path));
}

int main(void)
{
    char dir[] = "/tmp/ctxd-test-XXXXXX";
    scratch_make(dir);
    test_progress();
    test_progress_start();
    test_notes();
    test_bases(dir);
    test_output(dir);
    tap_case("nothing is left behind");
    TAP_CHECK(rmdir(dir) == 0);
    return tap_end();
}
