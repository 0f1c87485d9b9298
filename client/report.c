/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <errno.h>

static const char *program = "ctx-send";

void report_program(const char *name)
{
    program = name;
}

/* Warnings that are printed without --verbose. A tree may give one for each of its files. */
#define WARNINGS_SHOWN 20

void report_notes(const struct notes *notes, enum options_talk talk)
{
    size_t warnings = 0;
    if (talk == TALK_QUIET)
        return;
    for (size_t i = 0; i < notes->n; i++) {
        const struct note *note = &notes->at[i];
        if (note->level == NOTE_WARNING) {
            if (++warnings <= WARNINGS_SHOWN || talk == TALK_VERBOSE)
                fprintf(stderr, "%s: warning: %.*s\n", program, BYTES_ARG(note->text));
        } else if (talk == TALK_VERBOSE) {
            fprintf(stderr, "%s: note: %.*s\n", program, BYTES_ARG(note->text));
        }
    }
    if (talk != TALK_VERBOSE && warnings > WARNINGS_SHOWN)
        fprintf(stderr, "%s: warning: and %zu more; --verbose shows them\n", program,
                warnings - WARNINGS_SHOWN + notes->dropped);
    else if (notes->dropped)
        fprintf(stderr, "%s: warning: and %zu more that were not kept\n", program,
                notes->dropped);
}

void report_failure(const struct failure *f)
{
    fprintf(stderr, "%s: %s\n", program, f->text);
}

enum exit_status report_failed(const struct failure *f)
{
    report_failure(f);
    return EXIT_FAILED;
}

static const char *report_codec(enum send_codec codec)
{
    static const char *const names[] = {
        [SEND_TAR] = "none", [SEND_GZIP] = "gzip", [SEND_ZSTD] = "zstd"};
    return names[codec];
}

void report_json(FILE *to, const struct value *object)
{
    cleanup_buf struct buf line = BUF(REPORT_JSON_MAX);
    if (json_write(object, &line) == 0)
        fprintf(to, "%.*s\n", BYTES_ARG(buf_bytes(&line)));
}

static void report_stats_json(const struct options *options, const struct send_stats *stats,
                              const struct notes *notes)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"files", stats->n_files},
        {"directories", stats->n_dirs},
        {"symlinks", stats->n_links},
        {"hardlinks", stats->n_hardlinks},
        {"skipped", stats->n_skipped},
        {"content_bytes", stats->content_bytes},
        {"tar_bytes", stats->tar_bytes},
        {"out_bytes", stats->out_bytes},
        {"directories_read", stats->n_dirs_read},
        {"entries_looked_at", stats->n_stats},
        {"chunks", stats->n_chunks},
        {"chunks_kept", stats->n_stored},
        {"walk_ns", stats->walk_ns},
        {"total_ns", stats->total_ns},
    };
    cleanup_values struct values pool = {0};
    struct value *line = value_new(&pool, VALUE_MAP), *warnings = value_new(&pool, VALUE_LIST);
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        value_put(&pool, line, bytes_of(counts[i].name),
                  value_integer(&pool, (int64_t)counts[i].value));
    value_put(&pool, line, BYTES("compression"),
              value_string(&pool, bytes_of(report_codec(options->codec))));
    value_put(&pool, line, BYTES("rewritten"), value_bool(&pool, stats->rewritten));
    value_put(&pool, line, BYTES("whole_context"), value_bool(&pool, stats->everything));
    for (size_t i = 0; i < notes->n; i++)
        if (notes->at[i].level == NOTE_WARNING)
            value_add(&pool, warnings, value_string(&pool, notes->at[i].text));
    value_put(&pool, line, BYTES("warnings"), warnings);
    report_json(stderr, line);
}

static void report_stats_text(const struct options *options, const struct send_stats *stats)
{
    char content[16], tar[16], out[16];
    fprintf(stderr,
            "sent    %llu files, %llu directories, %llu symlinks, %llu hardlinks: %s\n"
            "stream  %s tar, %s written, compression %s%s\n"
            "walk    %llu directories read, %llu entries looked at, %llu skipped\n"
            "time    %.3f s, of which the walk %.3f s\n",
            (unsigned long long)stats->n_files, (unsigned long long)stats->n_dirs,
            (unsigned long long)stats->n_links, (unsigned long long)stats->n_hardlinks,
            number_human(content, stats->content_bytes), number_human(tar, stats->tar_bytes),
            number_human(out, stats->out_bytes), report_codec(options->codec),
            stats->rewritten ? ", with a rewritten Dockerfile" : "",
            (unsigned long long)stats->n_dirs_read, (unsigned long long)stats->n_stats,
            (unsigned long long)stats->n_skipped, (double)stats->total_ns / 1e9,
            (double)stats->walk_ns / 1e9);
}

void report_stats(const struct options *options, const struct send_stats *stats,
                  const struct notes *notes)
{
    if (options->stats == STATS_JSON)
        report_stats_json(options, stats, notes);
    else if (options->stats == STATS_TEXT)
        report_stats_text(options, stats);
}

enum exit_status report_flush(void)
{
    if (fflush(stdout) != EOF && !ferror(stdout))
        return EXIT_DONE;
    struct failure f = {0};
    fail_errno(&f, -errno, "standard output");
    return report_failed(&f);
}
