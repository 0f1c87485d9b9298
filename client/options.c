/* SPDX-License-Identifier: Apache-2.0 */
#include "option.h"

#include "recipe.h"

#include <ctype.h>
#include <errno.h>

/* In seconds since 1970: the last that the eleven octal digits of a tar header can hold. */
#define MTIME_MAX 8589934591ull

static int options_take_build_arg(struct options *options, const char *value, struct failure *f)
{
    struct bytes given = bytes_of(value);
    size_t name_len = bytes_find(given, '=');
    if (name_len == 0)
        return fail(f, -EINVAL,
                    "--build-arg %s: a name must come first: NAME=VALUE, or NAME "
                    "to take the value from the environment",
                    QUOTE(given));
    struct df_arg arg = {.name = bytes_head(given, name_len), .has_value = true};
    if (name_len < given.len) {
        arg.value = bytes_from(given, name_len + 1);
    } else {
        /* As docker does: if the environment lacks the name, the option has no effect. */
        const char *from_environment = getenv(value);
        if (!from_environment)
            return 0;
        arg.value = bytes_of(from_environment);
    }
    *ARENA_PUSH(&options->arena, options->args, &options->n_args, &options->cap_args) = arg;
    return 0;
}

static int options_take_trust_bases(struct options *options, const char *value,
                                    struct failure *f)
{
    struct bytes rest = bytes_of(value), glob;
    while (bytes_next(&rest, ',', &glob)) {
        if (glob.len == 0)
            continue;
        if (!glob_valid(glob))
            return fail(f, -EINVAL, "--trust-bases: %s is no pattern: a [ needs its ]",
                        QUOTE(glob));
        *ARENA_PUSH(&options->arena, options->trusted, &options->n_trusted,
                    &options->cap_trusted) = glob;
    }
    return 0;
}

static int options_take_recipe(struct options *options, const char *value, struct failure *f)
{
    options->recipe = true;
    options->recipe_ecos = value ? bytes_of(value) : BYTES("");
    int r = value ? recipe_check_ecos(value, f) : 0;
    return r < 0 ? fail_wrap(f, r, "--recipe") : 0;
}

static int options_take_level(const char *option, const char *value, int fallback, unsigned max,
                              int *ret_level, struct failure *f)
{
    uint64_t level = (uint64_t)fallback;
    if (value && (number_parse(bytes_of(value), &level) < 0 || level < 1 || level > max))
        return fail(f, -EINVAL, "%s=%s: a level is a number from 1 to %u", option,
                    QUOTE(bytes_of(value)), max);
    *ret_level = (int)level;
    return 0;
}

static int options_take_gzip(struct options *options, const char *value, struct failure *f)
{
    options->codec = SEND_GZIP;
    return options_take_level("--gzip", value, SEND_GZIP_LEVEL, SEND_GZIP_LEVEL_MAX,
                              &options->level, f);
}

static int options_take_zstd(struct options *options, const char *value, struct failure *f)
{
    options->codec = SEND_ZSTD;
    return options_take_level("--zstd", value, SEND_ZSTD_LEVEL, SEND_ZSTD_LEVEL_MAX,
                              &options->level, f);
}

static int options_take_stats(struct options *options, const char *value, struct failure *f)
{
    if (!value || !strcmp(value, "text"))
        options->stats = STATS_TEXT;
    else if (!strcmp(value, "json"))
        options->stats = STATS_JSON;
    else
        return fail(f, -EINVAL, "--stats=%s: not one of text, json", QUOTE(bytes_of(value)));
    return 0;
}

/* Milliseconds: an hour. A longer time is probably a mistake in the unit. */
#define DEBOUNCE_MAX_MS 3600000u

static int options_take_debounce(struct options *options, const char *value, struct failure *f)
{
    uint64_t ms;
    if (number_parse(bytes_of(value), &ms) < 0 || ms < 1 || ms > DEBOUNCE_MAX_MS)
        return fail(f, -EINVAL, "--debounce=%s: not milliseconds from 1 to %u",
                    QUOTE(bytes_of(value)), DEBOUNCE_MAX_MS);
    options->debounce_ms = ms;
    return 0;
}

/*
 * Tells whether text is OS/ARCH or OS/ARCH/VARIANT. The short forms that containerd takes
 * ("arm64") are refused, because the engine decides what their missing part is.
 * Source: containerd, platforms.Parse.
 */
static bool options_is_platform(struct bytes text)
{
    struct bytes part;
    size_t n = 0;
    for (; bytes_next(&text, '/', &part); n++) {
        for (size_t i = 0; i < part.len; i++)
            if (!isalnum(part.at[i]) && bytes_find(BYTES("_.-"), part.at[i]) == 3)
                return false;
        if (part.len == 0)
            return false;
    }
    return n == 2 || n == 3;
}

static int options_take_platform(struct options *options, const char *value, struct failure *f)
{
    struct bytes rest = bytes_of(value), one;
    while (bytes_next(&rest, ',', &one))
        if (!options_is_platform(one))
            return fail(f, -EINVAL,
                        "--platform=%s: not OS/ARCH or OS/ARCH/VARIANT, such as "
                        "linux/arm64",
                        QUOTE(bytes_of(value)));
    /* As docker buildx does: --platform given twice asks for both. */
    options->platform =
        options->platform.len
            ? arena_printf(&options->arena, "%.*s,%s", BYTES_ARG(options->platform), value)
            : bytes_of(value);
    return 0;
}

static int options_parse_seconds(const char *value, int64_t *ret)
{
    uint64_t seconds;
    int r = number_parse(bytes_of(value), &seconds);
    if (r < 0 || seconds > MTIME_MAX)
        return r < 0 ? r : -ERANGE;
    *ret = (int64_t)seconds;
    return 0;
}

static int options_take_mtime(struct options *options, const char *value, struct failure *f)
{
    options->mtime_given = true;
    options->mtime = SEND_MTIME_FIXED;
    options->mtime_seconds = 0;
    if (!strcmp(value, "keep"))
        options->mtime = SEND_MTIME_KEEP;
    else if (strcmp(value, "epoch") != 0 &&
             options_parse_seconds(value, &options->mtime_seconds) < 0)
        return fail(f, -EINVAL,
                    "--mtime=%s: not one of keep, epoch (1970-01-01), or seconds "
                    "since then up to %llu",
                    QUOTE(bytes_of(value)), MTIME_MAX);
    return 0;
}

int options_environment(struct options *options, struct notes *notes, struct failure *f)
{
    const char *value = getenv("SOURCE_DATE_EPOCH");
    if (options->mtime_given || !value || !*value)
        return 0;
    if (options_parse_seconds(value, &options->mtime_seconds) < 0)
        return fail(f, -EINVAL,
                    "SOURCE_DATE_EPOCH=%s in the environment: not seconds since "
                    "1970; unset it, or say --mtime=keep",
                    QUOTE(bytes_of(value)));
    options->mtime = SEND_MTIME_FIXED;
    notes_add(notes, NOTE_INFO,
              "every mtime is %s, from SOURCE_DATE_EPOCH; --mtime=keep sends "
              "the real ones",
              value);
    return 0;
}

#define AT OPTIONS_AT

/*
 * The groups follow the questions of a user: which files, what stream, what is printed. Each
 * description is one paragraph, which option-help.c wraps.
 */
static const struct option which_options[] = {
    {OPTION_STRING, 'f', false, "file", "FILE", AT(file), NULL,
     "The Dockerfile, relative to the working directory as for docker; - reads it from "
     "standard input. Default: PATH/Dockerfile, or PATH/dockerfile."},
    {OPTION_BYTES, 0, false, "target", "STAGE", AT(target), NULL,
     "Send what this stage needs. Default: for a stream or an address what any stage needs, so "
     "that docker build --target works; for a digest what the last stage needs."},
    {OPTION_CALL, 0, false, "build-arg", "NAME[=VALUE]", 0, options_take_build_arg,
     "A variable that docker build gets too; NAME alone takes the value from the environment. "
     "May be repeated. It narrows what is sent only with --args-final, and is always part of a "
     "digest."},
    {OPTION_FLAG, 0, false, "args-final", NULL, AT(args_final), NULL,
     "A promise that docker build gets exactly the --build-arg values that are given here, so "
     "that they and the defaults of ARG decide what is sent."},
    {OPTION_CALL, 0, false, "platform", "OS/ARCH[/VARIANT]", 0, options_take_platform,
     "The value of TARGETPLATFORM, from which TARGETARCH and the like follow. Default: any. It "
     "narrows what is sent only with --args-final, and is always part of a digest."},
    {OPTION_STRING, 0, false, "ignore-file", "FILE", AT(ignore_file), NULL,
     "The ignore file; /dev/null for none. Default: the Dockerfile's name with .dockerignore "
     "added, or PATH/.dockerignore."},
    {OPTION_CHOICE, 0, false, "builder", "any|buildkit|classic", AT(builder), NULL,
     "The builder whose rules apply. Default: any, which means BuildKit's ignore rules and the "
     "files that either builder would read."},
    {OPTION_FLAG, 0, false, "full", NULL, AT(full), NULL,
     "Send all that the ignore file keeps, whatever the Dockerfile reads."},
    {OPTION_CALL, 0, true, "recipe", "ECO[,ECO]...", 0, options_take_recipe,
     "Add the recipe of the dependencies to the context, of these ecosystems (default: all), "
     "as a tree for each project. Write COPY .ctx/cargo/root/ ./ before the step that "
     "installs them; see ctx-recipe(1)."},
    {OPTION_CALL, 0, false, "trust-bases", "GLOB[,GLOB]...", 0, options_take_trust_bases,
     "Base images known to have no ONBUILD triggers. May be repeated."},
    {OPTION_STRING, 0, false, "base-config", "engine|none|FILE", AT(base_config), NULL,
     "Who is asked about other base images: the engine at DOCKER_HOST (for 2 seconds at most), "
     "nobody (the default), or a file with the output of docker image inspect. What the engine "
     "has then decides what is sent."},
};
const struct option_group group_which = {"Which files are sent:", which_options,
                                         ARRAY_SIZE(which_options)};

static const struct option stream_options[] = {
    {OPTION_STRING, 'o', false, "output", "FILE", AT(output), NULL,
     "Write to FILE, which appears when it is complete; - is standard output."},
    {OPTION_CALL, 'z', true, "gzip", "LEVEL", 0, options_take_gzip,
     "Compress with gzip, level 1 (default) to 12."},
    {OPTION_CALL, 0, true, "zstd", "LEVEL", 0, options_take_zstd,
     "Compress with zstd, level 1 to 19 (default 3); buildah takes it, docker does not."},
    {OPTION_CALL, 0, false, "mtime", "keep|epoch|SECONDS", 0, options_take_mtime,
     "Times of files: their own, or one for all. Default: SOURCE_DATE_EPOCH if the environment "
     "has it, otherwise keep."},
    {OPTION_CHOICE, 0, false, "dockerfile", "auto|plain", AT(dockerfile_mode), NULL,
     "auto (default) sends a rewritten Dockerfile if the image would otherwise contain the "
     "original, unlike the image of docker build PATH; plain never rewrites."},
    {OPTION_SIZE, 0, false, "max-size", "SIZE", AT(max_bytes), NULL,
     "Refuse, with exit status 3, to send more than SIZE of file contents, such as 500M."},
    {OPTION_COUNT, 0, false, "max-files", "N", AT(max_files), NULL,
     "Refuse, with exit status 3, to send more than N files."},
};
const struct option_group group_stream = {"What the stream is like:", stream_options,
                                          ARRAY_SIZE(stream_options)};

static const struct option daemon_options[] = {
    {OPTION_CHOICE, 0, false, "daemon", "auto|never|require", AT(daemon), NULL,
     "Use ctxd if it runs (auto, the default), not at all, or fail without it. The answer is "
     "the same."},
    {OPTION_SET, 0, false, "no-daemon", NULL, AT(daemon), NULL, "The same as --daemon=never.",
     DAEMON_NEVER},
    {OPTION_FLAG, 0, false, "verify", NULL, AT(verify), NULL,
     "Have ctxd look at every file, and trust no event, for this answer."},
};
const struct option_group group_daemon = {"Who does the work:", daemon_options,
                                          ARRAY_SIZE(daemon_options)};

#define HELP_OPTION                                                                            \
    {                                                                                          \
        OPTION_SET, 'h', false, "help", NULL, AT(action), NULL, "Print this and end.",         \
            ACTION_HELP                                                                        \
    }

#define VERBOSE_HELP                                                                           \
    "Also print notes, such as why more files are sent than an instruction names."

static const struct option said_options[] = {
    {OPTION_CALL, 0, true, "stats", "text|json", 0, options_take_stats,
     "Print what was sent and how long it took; json is one line, the last."},
    {OPTION_SET, 'v', false, "verbose", NULL, AT(talk), NULL, VERBOSE_HELP, TALK_VERBOSE},
    {OPTION_SET, 'q', false, "quiet", NULL, AT(talk), NULL,
     "Print nothing but the reason of a failure: no progress, no warnings.", TALK_QUIET},
    HELP_OPTION,
    {OPTION_SET, 'V', false, "version", NULL, AT(action), NULL, "Print the version and end.",
     ACTION_VERSION},
};
static const struct option_group group_said = {"Output on standard error:", said_options,
                                               ARRAY_SIZE(said_options)};

/* ---- the commands of ctx --------------------------------------------------------------- */

#define TALK_OPTIONS                                                                           \
    {OPTION_SET, 'v', false, "verbose", NULL, AT(talk), NULL, VERBOSE_HELP, TALK_VERBOSE},     \
        {OPTION_SET, 'q',      false, "quiet",                                                 \
         NULL,       AT(talk), NULL,  "Print nothing but the reason of a failure.",            \
         TALK_QUIET},                                                                          \
        HELP_OPTION

static const struct option plain_options[] = {HELP_OPTION};
const struct option_group group_plain = {"Options:", plain_options, ARRAY_SIZE(plain_options)};

static const struct option json_options[] = {
    {OPTION_FLAG, 0, false, "json", NULL, AT(json), NULL, "Print it as one JSON object."},
    HELP_OPTION,
};
const struct option_group group_json = {"Options:", json_options, ARRAY_SIZE(json_options)};

static const struct option digest_options[] = {
    {OPTION_FLAG, 0, false, "per-instruction", NULL, AT(per_instruction), NULL,
     "Print a line for each instruction that reads the context, too."},
    {OPTION_FLAG, 0, false, "json", NULL, AT(json), NULL, "Print it as one JSON object."},
    TALK_OPTIONS,
};
const struct option_group group_digest = {"Output:", digest_options,
                                          ARRAY_SIZE(digest_options)};

static const struct option url_options[] = {
    {OPTION_FLAG, 0, false, "bare", NULL, AT(bare), NULL,
     "Serve the context without any Dockerfile, for docker build -f /its/path URL."},
    {OPTION_CALL, 'z', true, "gzip", "LEVEL", 0, options_take_gzip,
     "Serve it compressed with gzip, level 1 (default) to 12."},
    {OPTION_CALL, 0, false, "mtime", "keep|epoch|SECONDS", 0, options_take_mtime,
     "Times of files: their own, or one for all. Default: SOURCE_DATE_EPOCH if the environment "
     "has it, otherwise keep."},
    {OPTION_CHOICE, 0, false, "dockerfile", "auto|plain", AT(dockerfile_mode), NULL,
     "As for ctx-send."},
    TALK_OPTIONS,
};
const struct option_group group_url = {"What is served:", url_options, ARRAY_SIZE(url_options)};

static const struct option watch_options[] = {
    {OPTION_FLAG, 0, false, "clear", NULL, AT(clear), NULL,
     "Clear the terminal before each run."},
    {OPTION_SET, 0, false, "queue", NULL, AT(change), NULL,
     "If something changes while CMD runs, run it again after its end. The default.",
     CHANGE_QUEUE},
    {OPTION_SET, 0, false, "restart", NULL, AT(change), NULL,
     "If something changes while CMD runs, end it (SIGTERM, after 5 seconds SIGKILL) and run "
     "it again.",
     CHANGE_RESTART},
    {OPTION_CALL, 0, false, "debounce", "MS", 0, options_take_debounce,
     "Wait until nothing has changed for MS milliseconds (default 100)."},
    TALK_OPTIONS,
};
const struct option_group group_watch = {"What is done:", watch_options,
                                         ARRAY_SIZE(watch_options)};

const struct command_line send_line = {
    .name = "ctx-send",
    .usage = "Usage: ctx-send [OPTION]... [PATH] | docker build [OPTION]... -\n"
             "\n"
             "Writes the build context at PATH (default: the working directory) to standard\n"
             "output, as a tar: what the Dockerfile can read and the ignore file keeps, and\n"
             "nothing else. The image is the one that docker build PATH gives.\n",
    .more = "\nExamples:\n"
            "  ctx-send | docker build -t app -\n"
            "  ctx-send -f docker/api.Dockerfile --target=test . | docker build -\n"
            "  ctx-send -z services/web | ssh builder docker build -t web -\n"
            "  ctx-send --full --stats -o context.tar .\n"
            "\n"
            "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused by --max-size or\n"
            "--max-files. A stream that ends early can't be built. More: man ctx-send\n",
    .groups = {&group_which, &group_stream, &group_daemon, &group_said},
    .path = true,
    .docker = true,
};
