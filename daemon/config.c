/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>

enum setting_kind { SETTING_NUMBER, SETTING_SIZE, SETTING_PATH, SETTING_PORT, SETTING_WORD };

struct setting {
    const char *name;
    enum setting_kind kind;
    const char *metavar;
    size_t offset;        /* in struct config */
    uint64_t min, max;    /* of a number; a path must be shorter than max */
    const char *fallback; /* the default as text; NULL: config_default_paths() makes it */
    const char *help;
};

#define AT(member) offsetof(struct config, member)
/* Bytes of the configuration file: room for all settings, long paths and many comments. */
#define CONFIG_FILE_MAX (64u << 10)

static const struct setting settings[] = {
    {"socket", SETTING_PATH, "PATH", AT(socket), 0, PROTO_PATH_MAX, NULL,
     "Where clients connect. Default: ctxd.sock in $XDG_RUNTIME_DIR/ctxd, else in "
     "/tmp/ctxd-UID. Clients find another by CTXD_SOCKET."},
    {"cache-dir", SETTING_PATH, "PATH", AT(cache_dir), 0, PATH_MAX - 64, NULL,
     "Hashes and packed chunks. Default: ctxd in $XDG_CACHE_HOME, else in ~/.cache."},
    {"lanes", SETTING_NUMBER, "N", AT(lanes), 1, 64, "4",
     "Requests that work at once; more wait. Those whose reader has stopped don't count."},
    {"max-clients", SETTING_NUMBER, "N", AT(max_clients), 1, 4096, "128",
     "Connections at once."},
    {"max-roots", SETTING_NUMBER, "N", AT(max_roots), 1, 1024, "32",
     "Contexts that are watched; past it the longest unused is forgotten."},
    {"max-watches", SETTING_NUMBER, "N", AT(max_watches), 1, 16u << 20, "1000000",
     "Watched directories of one context; what is past it is looked at by stat. The kernel has "
     "a limit of its own: fs.inotify.max_user_watches."},
    {"max-cache", SETTING_SIZE, "SIZE", AT(max_cache_bytes), 0, UINT64_MAX, "2GiB",
     "Packed chunks on disk; past it the longest unused go. 0: none are kept."},
    {"forget", SETTING_NUMBER, "SECONDS", AT(forget_s), 0, 1u << 30, "86400",
     "A context that nobody asked for in this time is not watched any more; 0: it always is."},
    {"idle-exit", SETTING_NUMBER, "SECONDS", AT(idle_exit_s), 0, 1u << 30, "0",
     "End after this time without a request; 0: never."},
    {"audit", SETTING_NUMBER, "SECONDS", AT(audit_s), 0, 1u << 30, "600",
     "From one audit of each context to the next; 0: none. An audit looks at everything "
     "by stat, for changes that no event reported."},
    {"http", SETTING_PORT, "PORT|auto|off", AT(http_port), 1, 65535, "auto",
     "The port of 127.0.0.1 that ctx url's addresses have; auto chooses one and keeps it."},
    {"log-level", SETTING_WORD, "error|warning|info|debug", AT(log_level), 0, 0, "info",
     "What is said on standard error."},
};

static int setting_take_number(const struct setting *setting, const char *where,
                               const char *value, uint64_t *at, struct failure *f)
{
    uint64_t number;
    int r = setting->kind == SETTING_SIZE ? number_parse_size(bytes_of(value), &number)
                                          : number_parse(bytes_of(value), &number);
    if (r == 0 && number >= setting->min && number <= setting->max) {
        *at = number;
        return 0;
    }
    if (setting->kind == SETTING_SIZE)
        return fail(f, -EINVAL, "%s=%s: not a size such as 500M or 2GiB", where,
                    QUOTE(bytes_of(value)));
    return fail(f, -EINVAL, "%s=%s: not a number from %llu to %llu", where,
                QUOTE(bytes_of(value)), (unsigned long long)setting->min,
                (unsigned long long)setting->max);
}

static int setting_take_word(const struct setting *setting, const char *where,
                             const char *value, unsigned *at, struct failure *f)
{
    struct bytes rest = bytes_of(setting->metavar), word;
    for (unsigned i = 0; bytes_next(&rest, '|', &word); i++) {
        if (bytes_equal(word, bytes_of(value))) {
            *at = i;
            return 0;
        }
    }
    return fail(f, -EINVAL, "%s=%s: not one of %s", where, QUOTE(bytes_of(value)),
                setting->metavar);
}

static int setting_take_port(const struct setting *setting, const char *where,
                             const char *value, int64_t *at, struct failure *f)
{
    uint64_t port = 0;
    if (!strcmp(value, "off")) {
        *at = HTTP_OFF;
    } else if (!strcmp(value, "auto")) {
        *at = HTTP_CHOSEN;
    } else {
        int r = setting_take_number(setting, where, value, &port, f);
        if (r < 0)
            return fail(f, r, "%s=%s: not a port, auto or off", where, QUOTE(bytes_of(value)));
        *at = (int64_t)port;
    }
    return 0;
}

static int setting_take_path(const struct setting *setting, const char *where,
                             const char *value, char *at, struct failure *f)
{
    size_t len = strlen(value);
    if (value[0] != '/')
        return fail(f, -EINVAL, "%s=%s: not an absolute path", where, QUOTE(bytes_of(value)));
    if (len >= setting->max)
        return fail(f, -EINVAL, "%s: longer than %llu bytes", where,
                    (unsigned long long)setting->max - 1);
    memcpy(at, value, len + 1);
    return 0;
}

/* Sets one member. `where` is what the setting is called at the place that it comes from. */
static int setting_take(struct config *config, const struct setting *setting, const char *where,
                        const char *value, struct failure *f)
{
    void *at = (char *)config + setting->offset;
    switch (setting->kind) {
    case SETTING_NUMBER:
    case SETTING_SIZE:
        return setting_take_number(setting, where, value, at, f);
    case SETTING_WORD:
        return setting_take_word(setting, where, value, at, f);
    case SETTING_PORT:
        return setting_take_port(setting, where, value, at, f);
    case SETTING_PATH:
        break;
    }
    return setting_take_path(setting, where, value, at, f);
}

static const struct setting *setting_find(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        if (bytes_equal(bytes_of(settings[i].name), name))
            return &settings[i];
    return NULL;
}

/* ---- the places they come from ---------------------------------------------------------- */

static int config_from_environment(struct config *config, struct failure *f)
{
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        char name[64];
        int n = snprintf(name, sizeof(name), "CTXD_%s", settings[i].name);
        for (int j = 0; j < n; j++)
            name[j] = name[j] == '-'                     ? '_'
                      : name[j] >= 'a' && name[j] <= 'z' ? (char)(name[j] - 32)
                                                         : name[j];
        const char *value = getenv(name);
        int r = value && *value ? setting_take(config, &settings[i], name, value, f) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int config_take_line(struct config *config, struct bytes line, const char *path,
                            unsigned n, struct arena *arena, struct failure *f)
{
    line = utf8_trim(line);
    if (line.len == 0 || line.at[0] == '#')
        return 0;
    size_t equals = bytes_find(line, '=');
    struct bytes name = utf8_trim(bytes_head(line, equals));
    const struct setting *setting = equals < line.len ? setting_find(name) : NULL;
    if (!setting)
        return fail(f, -EINVAL, "%s:%u: %s is no setting; ctxd --help has them all",
                    QUOTE(bytes_of(path)), n, QUOTE(name));
    char *value = arena_string(arena, utf8_trim(bytes_from(line, equals + 1)));
    int r = setting_take(config, setting, setting->name, value, f);
    return r < 0 ? fail_wrap(f, r, "%s:%u", QUOTE(bytes_of(path)), n) : 0;
}

/* named: an option named the file, so it must exist. */
static int config_from_file(struct config *config, bool named, struct failure *f)
{
    const char *path = config->config_file;
    cleanup_buf struct buf text = BUF(CONFIG_FILE_MAX);
    cleanup_arena struct arena arena = {0};
    int r = path[0] ? io_read_file(AT_FDCWD, path, &text) : -ENOENT;
    if ((r == -ENOENT || r == -ENOTDIR) && !named) {
        config->config_file[0] = 0;
        return 0;
    }
    if (r < 0)
        return fail_errno(f, r, "the configuration %s", QUOTE(bytes_of(path)));
    struct bytes rest = buf_bytes(&text), line;
    for (unsigned n = 1; bytes_next(&rest, '\n', &line); n++) {
        r = config_take_line(config, line, path, n, &arena, f);
        if (r < 0)
            return r;
    }
    return 0;
}

static int config_default_file(struct config *config, struct failure *f)
{
    const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
    int n = 0;
    if (xdg && xdg[0] == '/')
        n = snprintf(config->config_file, PATH_MAX, "%s/ctxd/config", xdg);
    else if (home && home[0] == '/')
        n = snprintf(config->config_file, PATH_MAX, "%s/.config/ctxd/config", home);
    return n >= PATH_MAX ? fail(f, -ENAMETOOLONG, "the configuration's path is too long") : 0;
}

static int config_defaults(struct config *config, struct failure *f)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(settings); i++)
        if (settings[i].fallback)
            r = setting_take(config, &settings[i], settings[i].name, settings[i].fallback, f);
    return r;
}

/* They depend on variables that are not ours. */
int config_find_paths(struct config *config, struct failure *f)
{
    const char *home = getenv("HOME"), *xdg = getenv("XDG_CACHE_HOME");
    char base[PATH_MAX];
    int n, r = 0;
    if (!config->socket[0])
        r = proto_socket_path(true, config->socket, f);
    if (r < 0 || config->cache_dir[0])
        return r;
    if (xdg && xdg[0] == '/') {
        n = snprintf(config->cache_dir, PATH_MAX, "%s/ctxd", xdg);
    } else if (home && home[0] == '/') {
        n = snprintf(config->cache_dir, PATH_MAX, "%s/.cache/ctxd", home);
    } else {
        r = proto_directory(true, base, f);
        n = r < 0 ? 0
                  : snprintf(config->cache_dir, PATH_MAX, "%.*s/cache", PATH_MAX - 16, base);
    }
    return n >= PATH_MAX - 64 ? fail(f, -ENAMETOOLONG, "the cache's path is too long") : r;
}

struct words {
    char **at, **end;
};

/* Takes one option. config_only: --config alone counts, because the file that it names is read
 * before the other options are. */
static int config_take_option(struct config *config, struct words *words, const char *word,
                              bool config_only, bool *named, struct failure *f)
{
    struct bytes text = bytes_from(bytes_of(word), 2);
    size_t equals = bytes_find(text, '=');
    struct bytes name = bytes_head(text, equals);
    const struct setting *setting = setting_find(name);
    bool file = bytes_equal(name, BYTES("config"));
    if (strncmp(word, "--", 2) != 0 || (!setting && !file))
        return fail(f, -EINVAL, "%s: no such option", QUOTE(bytes_of(word)));
    const char *value = equals < text.len        ? word + 2 + equals + 1
                        : words->at < words->end ? *words->at++
                                                 : NULL;
    if (!value || !*value)
        return fail(f, -EINVAL, "--%.*s needs a value", BYTES_ARG(name));
    char where[64];
    snprintf(where, sizeof(where), "--%.*s", BYTES_ARG(name));
    if (!file)
        return config_only ? 0 : setting_take(config, setting, where, value, f);
    *named = true;
    if (strlen(value) >= PATH_MAX)
        return fail(f, -EINVAL, "--config: too long a path");
    memcpy(config->config_file, value, strlen(value) + 1);
    return 0;
}

static int config_from_words(int argc, char **argv, bool config_only, struct config *config,
                             enum config_action *action, bool *named, struct failure *f)
{
    struct words words = {argv + (argc > 0), argv + argc};
    int r = 0;
    while (r == 0 && words.at < words.end) {
        const char *word = *words.at++;
        if (!strcmp(word, "-h") || !strcmp(word, "--help"))
            *action = CONFIG_HELP;
        else if (!strcmp(word, "-V") || !strcmp(word, "--version"))
            *action = CONFIG_VERSION;
        else
            r = config_take_option(config, &words, word, config_only, named, f);
        if (*action != CONFIG_SERVE)
            return 0;
    }
    return r;
}

int config_read(int argc, char **argv, struct config *ret, enum config_action *ret_action,
                struct failure *f)
{
    bool named = false;
    *ret = (struct config){0};
    *ret_action = CONFIG_SERVE;
    int r = config_defaults(ret, f);
    r = r < 0 ? r : config_default_file(ret, f);
    r = r < 0 ? r : config_from_words(argc, argv, true, ret, ret_action, &named, f);
    if (r < 0 || *ret_action != CONFIG_SERVE)
        return r;
    r = config_from_file(ret, named, f);
    r = r < 0 ? r : config_from_environment(ret, f);
    return r < 0 ? r : config_from_words(argc, argv, false, ret, ret_action, &named, f);
}

/* ---- help ------------------------------------------------------------------------------- */

/* Columns. */
#define HELP_INDENT 8

void config_help(FILE *to)
{
    fputs("Usage: ctxd [OPTION]...\n"
          "\n"
          "Watches build contexts and keeps them hashed and packed, so that ctx-send and\n"
          "ctx answer at once. Serves its own user alone. Stays in the foreground: ctx\n"
          "start begins one in the background, ctx status shows what it does.\n\n",
          to);
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        fprintf(to, "  --%s=%s", settings[i].name, settings[i].metavar);
        fprintf(to, settings[i].fallback ? "  (%s)\n" : "\n", settings[i].fallback);
        fprintf(to, "%*s", HELP_INDENT, "");
        help_paragraph(to, bytes_of(settings[i].help), HELP_INDENT);
    }
    fputs("  --config=FILE\n"
          "        Lines such as max-roots=8. Default: ctxd/config in $XDG_CONFIG_HOME,\n"
          "        else in ~/.config, if it is there.\n"
          "  -h, --help\n"
          "        Print this and end.\n"
          "  -V, --version\n"
          "        Print the version and end.\n"
          "\n"
          "An option --max-roots is CTXD_MAX_ROOTS in the environment. More: man ctxd\n",
          to);
}
