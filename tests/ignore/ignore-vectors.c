/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ignore-vectors [--classic] FILE…: compares ignore/ with vectors (tests/vectors/README.md). A
 * FILE is plain or gzip, `-` is standard input. Prints each difference. The last line is
 * `N passed, N failed`. Exits with 1 if a case failed, or there was none.
 *
 * In a walk, the same entries must be sent. A directory that the reference does not enter must
 * not be entered here; one that it enters may be skipped, if that changes nothing. --classic:
 * the cases are those of the 20.10 client, which does not send an excluded directory for what
 * is kept in it.
 */
#include "ignore-parse.h"
#include "ignore.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>

#define FILE_MAX (512u << 20) /* bytes, unpacked: tests/oracle/run makes large ones */

struct entry {
    char verdict, type;
    struct bytes path;
};

/* One case, with its fields decoded. */
struct vector {
    struct arena arena;
    struct bytes id, text;
    bool read_ok, new_ok, walk_fails;
    struct bytes *patterns;
    size_t n_patterns, cap_patterns;
    struct entry *paths;
    size_t n_paths, cap_paths;
    struct entry *walk;
    size_t n_walk, cap_walk;
};

static struct {
    size_t passed, failed;
} total;

static enum ignore_rules rules = IGNORE_LIBRARY;

static struct bytes decode(struct arena *a, struct bytes field)
{
    uint8_t *out = arena_alloc(a, field.len);
    size_t len = 0;
    for (size_t i = 0; i < field.len; i++) {
        int high = -1, low = -1;
        if (field.at[i] == '%' && i + 2 < field.len) {
            high = hex_digit(field.at[i + 1]);
            low = hex_digit(field.at[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[len++] = (uint8_t)(high * 16 + low);
            i += 2;
        } else {
            out[len++] = field.at[i];
        }
    }
    return bytes_at(out, len);
}

/* The differences of a case: each is printed, and the case fails once. */
struct report {
    const struct vector *vector;
    bool failed;
};

static void differ(struct report *report, const char *what, struct bytes path, const char *got,
                   const char *want)
{
    report->failed = true;
    printf("%.*s: %s", BYTES_ARG(report->vector->id), what);
    if (path.at)
        printf(" %s", QUOTE(path));
    printf(": %s, should be %s\n", got, want);
}

static void check_patterns(const struct vector *v, const struct line *lines, size_t n,
                           struct report *report)
{
    char got[32], want[32];
    snprintf(got, sizeof(got), "%zu", n);
    snprintf(want, sizeof(want), "%zu", v->n_patterns);
    if (n != v->n_patterns) {
        differ(report, "number of patterns", (struct bytes){0}, got, want);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!bytes_equal(lines[i].text, v->patterns[i]))
            differ(report, "pattern", (struct bytes){0}, QUOTE(lines[i].text),
                   QUOTE(v->patterns[i]));
}

static void check_paths(const struct vector *v, const struct ignore *ig, struct report *report)
{
    for (size_t i = 0; i < v->n_paths; i++) {
        bool excluded;
        int r = ignore_path(ig, v->paths[i].path, &excluded, NULL);
        char got[2] = {r < 0 ? 'E' : excluded ? '1' : '0', 0};
        char want[2] = {v->paths[i].verdict, 0};
        if (*got != *want)
            differ(report, "path", v->paths[i].path, got, want);
    }
}

/* One directory on the stack of the walk. */
struct level {
    size_t entry; /* its index in the walk */
    struct ignore_dir *dir;
    bool entered;
};

struct walk {
    const struct vector *v;
    const struct ignore *ig;
    struct level levels[4096];
    size_t n;
    char *verdicts; /* ours, for each entry */
    bool *entered;
};

static bool is_below(struct bytes path, struct bytes dir)
{
    return path.len > dir.len && bytes_starts(path, dir) && path.at[dir.len] == '/';
}

static void pop_to(struct walk *w, const struct bytes *path)
{
    while (w->n > 0) {
        struct level *top = &w->levels[w->n - 1];
        if (path && is_below(*path, w->v->walk[top->entry].path))
            return;
        ignore_leave(top->dir);
        w->n--;
    }
}

static int walk_entry(struct walk *w, size_t i)
{
    const struct entry *e = &w->v->walk[i];
    pop_to(w, &e->path);
    const struct level *up = w->n ? &w->levels[w->n - 1] : NULL;
    struct ignore_dir *below = NULL;
    struct ignore_verdict verdict = {0};
    bool is_dir = e->type == 'd';
    if (up && !up->entered) {
        w->verdicts[i] = '.';
    } else {
        int r = ignore_check(w->ig, up ? up->dir : ignore_root(w->ig), path_name(e->path),
                             is_dir, &verdict, &below, NULL);
        if (r < 0)
            return r;
        w->verdicts[i] = !verdict.keep ? '-' : verdict.no_content && e->type == 'f' ? '~' : '+';
        for (size_t k = w->n; verdict.keep && rules != IGNORE_CLASSIC && k-- > 0;)
            w->verdicts[w->levels[k].entry] = '+';
    }
    w->entered[i] = verdict.descend;
    if (is_dir && w->n < ARRAY_SIZE(w->levels))
        w->levels[w->n++] = (struct level){i, below, verdict.descend};
    return 0;
}

static bool is_sent(char verdict)
{
    return verdict == '+' || verdict == '~';
}

static void compare_walk(const struct walk *w, struct report *report)
{
    for (size_t i = 0; i < w->v->n_walk; i++) {
        const struct entry *e = &w->v->walk[i];
        char got[2] = {w->verdicts[i], 0}, want[2] = {e->verdict, 0};
        if (is_sent(*got) || is_sent(*want) ? *got != *want : false)
            differ(report, "entry", e->path, got, want);
        if (w->entered[i] && (*want == '!' || *want == '.'))
            differ(report, "directory", e->path, "entered", "left out");
    }
}

static void check_walk(struct vector *v, const struct ignore *ig, struct report *report)
{
    static struct walk w;
    w = (struct walk){.v = v, .ig = ig};
    w.verdicts = ARENA_ARRAY(&v->arena, v->n_walk + 1, char);
    w.entered = ARENA_ARRAY(&v->arena, v->n_walk + 1, bool);
    int r = 0;
    for (size_t i = 0; i < v->n_walk && r == 0; i++)
        r = walk_entry(&w, i);
    pop_to(&w, NULL);
    if ((r < 0) != v->walk_fails)
        differ(report, "walk", (struct bytes){0}, r < 0 ? "fails" : "goes on",
               v->walk_fails ? "a failure" : "none");
    else if (r == 0)
        compare_walk(&w, report);
}

static void run_vector(struct vector *v)
{
    if (!v->id.at)
        return;
    struct report report = {.vector = v};
    struct line *lines = NULL;
    size_t n_lines = 0;
    int r = ignore_read(&v->arena, BYTES("ignore"), v->text, &lines, &n_lines, NULL);
    struct ignore *ig = NULL;
    int compiled = ignore_parse(BYTES("ignore"), v->text, rules, NULL, &ig, NULL);
    if ((r == 0) != v->read_ok)
        differ(&report, "reading", (struct bytes){0}, r < 0 ? "err" : "ok",
               v->read_ok ? "ok" : "err");
    else if (r == 0)
        check_patterns(v, lines, n_lines, &report);
    if ((compiled == 0) != (v->read_ok && v->new_ok))
        differ(&report, "the set", (struct bytes){0}, compiled < 0 ? "err" : "ok",
               v->read_ok && v->new_ok ? "ok" : "err");
    else if (compiled == 0) {
        check_paths(v, ig, &report);
        check_walk(v, ig, &report);
    }
    ignore_free(ig);
    total.failed += report.failed;
    total.passed += !report.failed;
    arena_release(&v->arena);
    *v = (struct vector){0};
}

static void take_entry(struct vector *v, struct bytes fields[4], bool walk)
{
    struct bytes path = fields[walk ? 3 : 2];
    struct entry entry = {fields[1].len ? (char)fields[1].at[0] : '?',
                          walk && fields[2].len ? (char)fields[2].at[0] : 'f',
                          decode(&v->arena, path)};
    if (walk)
        *ARENA_PUSH(&v->arena, v->walk, &v->n_walk, &v->cap_walk) = entry;
    else
        *ARENA_PUSH(&v->arena, v->paths, &v->n_paths, &v->cap_paths) = entry;
}

static void take_line(struct vector *v, struct bytes line)
{
    struct bytes fields[4] = {{0}}, rest = line;
    for (size_t i = 0; i < 4 && bytes_next(&rest, '\t', &fields[i]); i++)
        ;
    uint8_t kind = fields[0].len == 1 ? fields[0].at[0] : 0;
    bool ok = bytes_equal(fields[1], BYTES("ok"));
    if (kind == 'C') {
        run_vector(v);
        v->id = arena_copy(&v->arena, fields[1]);
    } else if (kind == 'I') {
        v->text = decode(&v->arena, fields[1]);
    } else if (kind == 'R') {
        v->read_ok = ok;
    } else if (kind == 'N') {
        v->new_ok = ok;
    } else if (kind == 'X') {
        v->walk_fails = true;
    } else if (kind == 'P') {
        *ARENA_PUSH(&v->arena, v->patterns, &v->n_patterns, &v->cap_patterns) =
            decode(&v->arena, fields[1]);
    } else if (kind == 'M' || kind == 'W') {
        take_entry(v, fields, kind == 'W');
    } else {
        printf("no line of a vector: %s\n", QUOTE(line));
        total.failed++;
    }
}

static int run_stream(FILE *in)
{
    struct vector v = {0};
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t len; (len = getline(&line, &cap, in)) >= 0;)
        take_line(&v, bytes_at(line, (size_t)len - (line[len - 1] == '\n')));
    run_vector(&v);
    free(line);
    return ferror(in) ? -EIO : 0;
}

/* Replaces *text, if it is gzip, by its content. */
static int unpack(struct buf *text)
{
    if (text->len < 18 || text->at[0] != 0x1f || text->at[1] != 0x8b)
        return 0;
    uint32_t size; /* the trailer of gzip: the length modulo 2^32 */
    memcpy(&size, text->at + text->len - 4, sizeof(size));
    cleanup_buf struct buf plain = BUF(FILE_MAX);
    int r = buf_add_zeros(&plain, size);
    if (r < 0)
        return r;
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    size_t got = 0;
    if (!d || libdeflate_gzip_decompress(d, text->at, text->len, plain.at, plain.len, &got) ||
        got != size)
        r = -EINVAL;
    libdeflate_free_decompressor(d);
    struct buf swap = *text;
    *text = plain;
    plain = swap;
    return r;
}

static int run_file(const char *name)
{
    if (strcmp(name, "-") == 0)
        return run_stream(stdin);
    cleanup_buf struct buf text = BUF(FILE_MAX);
    int r = io_read_file(AT_FDCWD, name, &text);
    r = r < 0 ? r : unpack(&text);
    if (r < 0 || text.len == 0)
        return r < 0 ? r : -ENODATA;
    FILE *in = fmemopen(text.at, text.len, "r");
    if (!in)
        return -errno;
    r = run_stream(in);
    fclose(in);
    return r;
}

int main(int argc, char **argv)
{
    int first = 1;
    if (argc > 1 && strcmp(argv[1], "--classic") == 0) {
        rules = IGNORE_CLASSIC;
        first = 2;
    }
    if (argc == first) {
        fprintf(stderr,
                "usage: ignore-vectors [--classic] FILE…   (gzip or plain; - is standard "
                "input)\n");
        return 2;
    }
    for (int i = first; i < argc; i++) {
        int r = run_file(argv[i]);
        if (r < 0) {
            printf("%s: %s\n", argv[i], strerror(-r));
            total.failed++;
        }
    }
    printf("%zu passed, %zu failed\n", total.passed, total.failed);
    return total.failed || total.passed == 0;
}
