/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file is the Dockerfile and which the ignore file, and control files that change while
 * they are read. The rows are answers of Docker: tests/live/cases_control.py has them all.
 */
#include "stream-fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
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

/* Makes the files of a row, separated by spaces: NAME, NAME=TEXT, NAME/ (a directory),
 * NAME>TARGET (a link), NAME| (a FIFO), NAME@ (a socket). */
static void make_files(const struct fixture *x, const char *files)
{
    struct bytes rest = bytes_of(files), word;
    cleanup_arena struct arena arena = {0};
    while (bytes_next(&rest, ' ', &word)) {
        size_t mark = 0;
        while (mark < word.len && !strchr("=>|@", word.at[mark]))
            mark++;
        const char *name = (const char *)arena_copy(&arena, bytes_head(word, mark)).at;
        struct bytes after = arena_copy(&arena, bytes_from(word, mark + (mark < word.len)));
        int r = 0;
        switch (mark < word.len ? word.at[mark] : '=') {
        case '>':
            r = symlinkat((const char *)after.at, x->root, name);
            break;
        case '|':
            r = mkfifoat(x->root, name, 0600);
            break;
        case '@':
            r = mknodat(x->root, name, S_IFSOCK | 0600, 0);
            break;
        default:
            if (name[mark - 1] == '/')
                r = mkdirat(x->root, name, 0700);
            else
                put(x, name, after.at, after.len);
        }
        if (r < 0)
            abort();
    }
}

static const struct {
    const char *title, *files;
    const char *file; /* given to -f, below the context; NULL: not given */
    const char *want; /* the Dockerfile, a colon, the text of the ignore file ("none"); or what
                         the message says after "!" */
    const char *classic; /* NULL: as `want` */
    const char *note;    /* what a note of BuildKit's rules says; NULL: there is none */
} rows[] = {
    {"a dockerfile", "dockerfile", NULL, "dockerfile:none", NULL, NULL},
    {"a dockerfile, with ignore files of both names",
     "dockerfile dockerfile.dockerignore=low Dockerfile.dockerignore=up .dockerignore=common",
     NULL, "dockerfile:low", "dockerfile:common", "\"Dockerfile.dockerignore\" is not read"},
    {"a dockerfile, with the ignore file of a Dockerfile",
     "dockerfile Dockerfile.dockerignore=up .dockerignore=common", NULL, "dockerfile:common",
     NULL, "\"Dockerfile.dockerignore\" is not read"},
    {"both", "Dockerfile dockerfile dockerfile.dockerignore=low Dockerfile.dockerignore=up",
     NULL, "Dockerfile:up", "Dockerfile:none", NULL},
    {"-f dockerfile beside a Dockerfile",
     "Dockerfile dockerfile dockerfile.dockerignore=low Dockerfile.dockerignore=up",
     "dockerfile", "dockerfile:low", "dockerfile:none", NULL},
    {"-f Dockerfile, where only dockerfile is", "d/ d/dockerfile d/dockerfile.dockerignore=low",
     "d/Dockerfile", "d/dockerfile:low", "!can't open the Dockerfile", NULL},
    {"-f dockerfile, where only Dockerfile is", "Dockerfile", "dockerfile",
     "!can't open the Dockerfile", NULL, NULL},
    {"no Dockerfile", "DOCKERFILE Containerfile", NULL, "!no Dockerfile in", NULL, NULL},
    {"a Dockerfile that is a directory, beside a dockerfile",
     "Dockerfile/ dockerfile dockerfile.dockerignore=low Dockerfile.dockerignore=up", NULL,
     "dockerfile:up", "!is a directory", NULL},
    {"a Dockerfile that is a directory", "Dockerfile/ Dockerfile/Dockerfile", NULL,
     "!is a directory", NULL, NULL},
    {"a Dockerfile that leads to nothing, beside a dockerfile",
     "Dockerfile>none dockerfile dockerfile.dockerignore=low Dockerfile.dockerignore=up", NULL,
     "dockerfile:up", "!leads to no file", NULL},
    {"a Dockerfile that leads to itself, beside a dockerfile",
     "Dockerfile>Dockerfile dockerfile", NULL, "dockerfile:none", "!is a link to itself", NULL},
    {"a Dockerfile that leads to itself", "Dockerfile>Dockerfile", NULL, "!leads to no file",
     "!is a link to itself", NULL},
    {"a Dockerfile that leads out of the context", "Dockerfile>/etc/passwd", NULL,
     "!leads to no file", "!leads out of the context", NULL},
    {"a Dockerfile that is a FIFO, which Docker waits for", "Dockerfile| dockerfile", NULL,
     "!not a regular file", NULL, NULL},
    {"a Dockerfile that is a socket, which Docker takes for empty", "Dockerfile@ dockerfile",
     NULL, "!is a socket", NULL, NULL},
    {"-f is a link out of its directory", "d/ my d/Dockerfile>../my", "d/Dockerfile",
     "!leads to no file below its directory", "d/Dockerfile:none", NULL},
    {"-f is a link to a file of its directory", "d/ d/my d/Dockerfile>/my", "d/Dockerfile",
     "d/Dockerfile:none", "!leads to no file", NULL},
    {"-f with .. after a link", "d/ d/e/ l>d/e my my.dockerignore=lexical d/my", "l/../my",
     "my:lexical", "my:none", NULL},
    {"-f with a slash at the end", "my", "my/", "!can't open the directory", "my:none", NULL},
    {"-f of a directory", "d/ d/Dockerfile", "d", "!is a directory", NULL, NULL},
    {"-f of a directory with a slash, which means the same name in it", "d/ d/d d/Dockerfile",
     "d/", "d/d:none", "!is a directory", NULL},
    {".dockerignore is a directory", "Dockerfile .dockerignore/", NULL, "Dockerfile:none",
     "!is a directory", "is a directory: nothing is excluded"},
    {".dockerignore is a link to a directory", "Dockerfile d/ .dockerignore>d", NULL,
     "Dockerfile:none", "!is a directory", "is a directory: nothing is excluded"},
    {".dockerignore leads to nothing", "Dockerfile .dockerignore>none", NULL, "Dockerfile:none",
     NULL, "leads to no file below its directory: nothing is excluded"},
    {".dockerignore leads to itself", "Dockerfile .dockerignore>l l>.dockerignore", NULL,
     "Dockerfile:none", "!is a link to itself", "leads to no file"},
    {".dockerignore leads out of the context", "Dockerfile .dockerignore>/etc/passwd", NULL,
     "Dockerfile:none", "!with --ignore-file", "leads to no file"},
    {".dockerignore leads to the root's own", "Dockerfile rules=in .dockerignore>/rules", NULL,
     "Dockerfile:in", "!with --ignore-file", NULL},
    {".dockerignore is a link in the context", "Dockerfile rules=in .dockerignore>./rules",
     NULL, "Dockerfile:in", NULL, NULL},
    {".dockerignore is a FIFO, which Docker waits for", "Dockerfile .dockerignore|", NULL,
     "!not a regular file", NULL, NULL},
    {".dockerignore is a socket", "Dockerfile .dockerignore@", NULL,
     "Dockerfile:", "!can't read the ignore file", "is a socket"},
    {".dockerignore is empty", "Dockerfile .dockerignore", NULL, "Dockerfile:", NULL, NULL},
    {"the own ignore file is a directory",
     "Dockerfile Dockerfile.dockerignore/ .dockerignore=common", NULL, "Dockerfile:common",
     NULL, "is a directory: .dockerignore of the context applies"},
    {"the own ignore file leads to nothing",
     "Dockerfile Dockerfile.dockerignore>none .dockerignore=common", NULL, "Dockerfile:common",
     NULL, "leads to no file"},
    {"the own ignore file is empty", "Dockerfile Dockerfile.dockerignore .dockerignore=common",
     NULL, "Dockerfile:", "Dockerfile:common", NULL},
    {"the own ignore file is a socket",
     "Dockerfile Dockerfile.dockerignore@ .dockerignore=common", NULL,
     "Dockerfile:", "Dockerfile:common", "is a socket"},
    {"the own ignore file leads out of the directory of -f",
     "d/ d/my d/my.dockerignore>../rules rules=out .dockerignore=common", "d/my", "d/my:common",
     NULL, "leads to no file"},
    {"the ignore file beside -f has another name", "d/ d/my d/.dockerignore=d", "d/my",
     "d/my:none", NULL, NULL},
};

/* What control_load() answers, in the words of the rows; paths are below the context. */
static const char *answer_of(const struct fixture *x, const char *file,
                             enum send_builder builder, struct notes *notes, char text[2048])
{
    char path[256];
    struct control control;
    struct failure f = {0};
    struct control_request request = {
        .root_fd = x->root, .root_name = BYTES("."), .stdin_fd = -1, .builder = builder};
    if (file) {
        snprintf(path, sizeof(path), "%s/%s", x->path, file);
        request.dockerfile = path;
    }
    if (control_load(&request, notes, &control, &f) < 0) {
        snprintf(text, 2048, "!%s", f.text);
        return text;
    }
    struct bytes name = control.dockerfile_name;
    if (bytes_starts(name, bytes_of(x->path)))
        name = bytes_from(name, strlen(x->path) + 1);
    struct bytes rules = control.has_ignore ? control.ignore : BYTES("none");
    snprintf(text, 2048, "%.*s:%.*s", BYTES_ARG(name), BYTES_ARG(rules));
    control_release(&control);
    return text;
}

static bool answer_fits(const char *have, const char *want)
{
    return *want == '!' ? *have == '!' && strstr(have, want + 1) : !strcmp(have, want);
}

static void test_rows(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[2048];
        struct fixture x = setup();
        cleanup_notes struct notes notes = {0};
        make_files(&x, rows[i].files);
        tap_case("%s", rows[i].title);
        const char *have = answer_of(&x, rows[i].file, SEND_ANY, &notes, text);
        TAP_CHECKF(answer_fits(have, rows[i].want), "%s: %s", rows[i].want, have);
        size_t noted = 0;
        for (size_t n = 0; n < notes.n; n++) {
            snprintf(text, sizeof(text), "%.*s", BYTES_ARG(notes.at[n].text));
            noted += rows[i].note && strstr(text, rows[i].note);
        }
        TAP_CHECKF(noted == (rows[i].note ? 1 : 0) && notes.n == noted, "%zu of %zu notes",
                   noted, notes.n);
        const char *classic = rows[i].classic ? rows[i].classic : rows[i].want;
        have = answer_of(&x, rows[i].file, SEND_CLASSIC, NULL, text);
        TAP_CHECKF(answer_fits(have, classic), "classic: %s: %s", classic, have);
        teardown(&x);
    }
}

int main(void)
{
    test_rows();
    test_one_version();
    return tap_end();
}
