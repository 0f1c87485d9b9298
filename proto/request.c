/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of requests. The tables below contain all keys, except for these:
 *
 *   "fds"      what the descriptors that come with the line are, in their order: fd_words
 *   "args"     [["NAME", "VALUE"], ...], or ["NAME"] for an argument without a value
 *   "trusted"  ["GLOB", ...]
 *   "bases"    [{"name": ..., "env": [...], "onbuild": [...]}, ...]; of a base image that is
 *              not known {"name": ..., "reason": ...}
 *
 * `status` and `stop` have hello_keys and "fds" alone.
 */
#include "request.h"

#include "build-id.h"
#include "json-keys.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

const char proto_version[] = CTXD_VERSION;
const char proto_build[] = CTXD_BUILD;

static const char *const kind_words[] = {"send",   "digest", "url", "wait",
                                         "status", "stop",   NULL};
static const char *const fd_words[] = {"root", "dockerfile", "ignore", NULL};
static const char *const builder_words[] = {"any", "buildkit", "classic", NULL};
static const char *const df_builder_words[] = {"any", "buildkit", "classic", NULL};
static const char *const mtime_words[] = {"keep", "fixed", NULL};
static const char *const mode_words[] = {"auto", "plain", NULL};
static const char *const codec_words[] = {"tar", "gzip", "zstd", NULL};

/* The last second since 1970 that the eleven octal digits of a tar header can hold. */
#define MTIME_MAX 8589934591ull
/* Milliseconds that a client may wait for a change: a day, after which it asks again. */
#define TIMEOUT_MAX_MS (24u * 3600 * 1000)

#define AT(member) offsetof(struct proto_request, member)

static const struct json_key hello_keys[] = {
    {"ctxd", JSON_KEY_BYTES, AT(version), NULL, 64},
    {"build", JSON_KEY_BYTES, AT(build), NULL, 128},
    {"kind", JSON_KEY_WORD, AT(kind), kind_words, 0},
};

static const struct json_key request_keys[] = {
    {"root_path", JSON_KEY_PATH, AT(root_path), NULL, 0},
    {"mount_ns_dev", JSON_KEY_NUMBER, AT(mount_ns_dev), NULL, 0},
    {"mount_ns_ino", JSON_KEY_NUMBER, AT(mount_ns_ino), NULL, 0},
    {"root_name", JSON_KEY_BYTES, AT(root_name), NULL, PATH_MAX},
    {"dockerfile_path", JSON_KEY_PATH, AT(dockerfile_path), NULL, 0},
    {"ignore_path", JSON_KEY_PATH, AT(ignore_path), NULL, 0},
    {"dockerfile_name", JSON_KEY_BYTES, AT(control.dockerfile_name), NULL, PATH_MAX},
    {"ignore_name", JSON_KEY_BYTES, AT(control.ignore_name), NULL, PATH_MAX},
    {"has_ignore", JSON_KEY_BOOL, AT(control.has_ignore), NULL, 0},
    {"ignore_of_root", JSON_KEY_BOOL, AT(control.ignore_of_root), NULL, 0},
    {"target", JSON_KEY_BYTES, AT(send.reads.target), NULL, 0},
    {"last_only", JSON_KEY_BOOL, AT(send.reads.last_only), NULL, 0},
    {"reads_builder", JSON_KEY_WORD, AT(send.reads.builder), df_builder_words, 0},
    {"args_final", JSON_KEY_BOOL, AT(send.reads.args_final), NULL, 0},
    {"platform", JSON_KEY_BYTES, AT(send.reads.platform), NULL, 0},
    {"builder", JSON_KEY_WORD, AT(send.builder), builder_words, 0},
    {"full", JSON_KEY_BOOL, AT(send.full), NULL, 0},
    {"recipe", JSON_KEY_BOOL, AT(send.recipe), NULL, 0},
    {"recipe_ecos", JSON_KEY_BYTES, AT(send.recipe_ecos), NULL, 1024},
    {"verify", JSON_KEY_BOOL, AT(send.verify), NULL, 0},
    {"mtime", JSON_KEY_WORD, AT(send.mtime), mtime_words, 0},
    {"mtime_seconds", JSON_KEY_SECONDS, AT(send.mtime_seconds), NULL, MTIME_MAX},
    {"dockerfile_mode", JSON_KEY_WORD, AT(send.dockerfile_mode), mode_words, 0},
    {"codec", JSON_KEY_WORD, AT(send.codec), codec_words, 0},
    {"level", JSON_KEY_INT, AT(send.level), NULL, SEND_ZSTD_LEVEL_MAX},
    {"max_bytes", JSON_KEY_NUMBER, AT(send.max_bytes), NULL, 0},
    {"max_files", JSON_KEY_NUMBER, AT(send.max_files), NULL, 0},
    {"progress", JSON_KEY_BOOL, AT(progress), NULL, 0},
    {"per_instruction", JSON_KEY_BOOL, AT(per_instruction), NULL, 0},
    {"bare", JSON_KEY_BOOL, AT(bare), NULL, 0},
    {"since_given", JSON_KEY_BOOL, AT(since_given), NULL, 0},
    {"since", JSON_KEY_NUMBER, AT(since), NULL, 0},
    {"timeout_ms", JSON_KEY_NUMBER, AT(timeout_ms), NULL, TIMEOUT_MAX_MS},
};

/* json-keys.c reads and writes each enum through a pointer to unsigned. */
static_assert(sizeof(enum send_builder) == sizeof(unsigned), "an enum is unsigned");

/*
 * A new member of these structs must get a key above. Without one, the daemon would answer
 * another request than the client asked. These checks fail to compile when somebody adds a
 * member. (stage and unknowns of df_request are no client's: they stay 0.)
 */
static_assert(sizeof(void *) != 8 || sizeof(struct send_request) == 256, "request_keys");
static_assert(sizeof(void *) != 8 || sizeof(struct df_request) == 104, "request_keys");
static_assert(sizeof(void *) != 8 || sizeof(struct control) == 232, "request_keys");

/* The parts of the Dockerfile's stat that identify its version, and that tell whether it is a
 * file of the tree. Device and inode have 64 bits and travel as signed numbers, because JSON
 * integers are signed here. */
struct file_stat {
    uint64_t dev, ino, mode, size;
    int64_t mtime, mtime_ns, ctime, ctime_ns;
};

static const struct json_key stat_keys[] = {
    {"dockerfile_dev", JSON_KEY_SIGNED, offsetof(struct file_stat, dev), NULL, 0},
    {"dockerfile_ino", JSON_KEY_SIGNED, offsetof(struct file_stat, ino), NULL, 0},
    {"dockerfile_st_mode", JSON_KEY_NUMBER, offsetof(struct file_stat, mode), NULL, 0xffff},
    {"dockerfile_size", JSON_KEY_NUMBER, offsetof(struct file_stat, size), NULL, 0},
    {"dockerfile_mtime", JSON_KEY_SIGNED, offsetof(struct file_stat, mtime), NULL, 0},
    {"dockerfile_mtime_ns", JSON_KEY_SIGNED, offsetof(struct file_stat, mtime_ns), NULL, 0},
    {"dockerfile_ctime", JSON_KEY_SIGNED, offsetof(struct file_stat, ctime), NULL, 0},
    {"dockerfile_ctime_ns", JSON_KEY_SIGNED, offsetof(struct file_stat, ctime_ns), NULL, 0},
};

/* ---- made and freed ----------------------------------------------------------------- */

struct proto_request *proto_request_new(void)
{
    struct proto_request *request = xcalloc(1, sizeof(*request));
    request->send.control = &request->control;
    request->send.root_fd = request->send.out_fd = -1;
    for (size_t i = 0; i < PROTO_FDS; i++)
        request->fds[i] = -1;
    return request;
}

void proto_request_free(struct proto_request *request)
{
    if (!request)
        return;
    for (size_t i = 0; i < PROTO_FDS; i++)
        if (request->fds[i] >= 0)
            close(request->fds[i]);
    control_release(&request->control);
    arena_release(&request->arena);
    free(request);
}

static void request_free_p(struct proto_request **request)
{
    proto_request_free(*request);
}

/* ---- to a line ----------------------------------------------------------------------- */

static json_t *request_args(const struct df_request *reads)
{
    json_t *list = json_array();
    for (size_t i = 0; i < reads->n_args; i++) {
        struct bytes pair[] = {reads->args[i].name, reads->args[i].value};
        json_array_append_new(list, json_of_list(pair, reads->args[i].has_value ? 2 : 1));
    }
    return list;
}

static json_t *request_bases(const struct df_request *reads)
{
    json_t *list = json_array();
    for (size_t i = 0; i < reads->n_bases; i++) {
        const struct df_base *base = &reads->bases[i];
        json_t *object = json_object();
        json_set(object, "name", json_of_bytes(base->name));
        if (base->known) {
            json_set(object, "env", json_of_list(base->env, base->n_env));
            json_set(object, "onbuild", json_of_list(base->onbuild, base->n_onbuild));
        } else {
            json_set(object, "reason", json_of_bytes(base->reason));
        }
        json_array_append_new(list, object);
    }
    return list;
}

int proto_request_print(const struct proto_request *request, struct buf *line,
                        struct failure *f)
{
    const struct df_request *reads = &request->send.reads;
    const struct stat *st = &request->control.dockerfile_stat;
    struct file_stat file = {
        .dev = st->st_dev,
        .ino = st->st_ino,
        .mode = st->st_mode,
        .size = (uint64_t)st->st_size,
        .mtime = st->st_mtim.tv_sec,
        .mtime_ns = st->st_mtim.tv_nsec,
        .ctime = st->st_ctim.tv_sec,
        .ctime_ns = st->st_ctim.tv_nsec,
    };
    cleanup_json json_t *object = json_object();
    json_put_keys(object, request, hello_keys, ARRAY_SIZE(hello_keys));
    json_t *fds = json_array();
    for (size_t i = 0; i < PROTO_FDS; i++)
        if (request->fds[i] >= 0)
            json_array_append_new(fds, json_string(fd_words[i]));
    json_set(object, "fds", fds);
    if (request->kind != PROTO_STATUS && request->kind != PROTO_STOP) {
        json_put_keys(object, request, request_keys, ARRAY_SIZE(request_keys));
        json_put_keys(object, &file, stat_keys, ARRAY_SIZE(stat_keys));
        json_set(object, "args", request_args(reads));
        json_set(object, "trusted", json_of_list(reads->trusted, reads->n_trusted));
        json_set(object, "bases", request_bases(reads));
    }
    int r = json_print(object, line);
    if (r == 0 && line->len > PROTO_REQUEST_MAX)
        r = -E2BIG;
    return r < 0 ? fail_errno(f, r, "a request of more than %u bytes", PROTO_REQUEST_MAX) : 0;
}

int proto_send_request(int fd, const struct proto_request *request, uint64_t timeout_ms,
                       struct failure *f)
{
    cleanup_buf struct buf line = BUF(PROTO_REQUEST_MAX + 1);
    int r = proto_request_print(request, &line, f);
    if (r < 0)
        return r;
    int fds[PROTO_FDS];
    size_t n = 0;
    for (size_t i = 0; i < PROTO_FDS; i++)
        if (request->fds[i] >= 0)
            fds[n++] = request->fds[i];
    r = proto_send(fd, buf_bytes(&line), fds, n, timeout_ms);
    return r < 0 ? fail_errno(f, r, "asking the daemon") : 0;
}

/* ---- from a line --------------------------------------------------------------------- */

static int request_take_args(const json_t *list, struct proto_request *request,
                             struct failure *f)
{
    size_t n = json_array_size(list);
    if (list && (!json_is_array(list) || n > PROTO_LIST_MAX))
        return fail(f, -EINVAL, "\"args\" is no list of at most %d", PROTO_LIST_MAX);
    struct df_arg *args = ARENA_ARRAY(&request->arena, n, struct df_arg);
    for (size_t i = 0; i < n; i++) {
        const struct bytes *pair = NULL;
        size_t n_pair = 0;
        int r =
            json_to_list(json_array_get(list, i), "args", &request->arena, &pair, &n_pair, f);
        if (r < 0)
            return r;
        if (n_pair < 1 || n_pair > 2 || pair[0].len == 0)
            return fail(f, -EINVAL, "\"args\" holds what is no name and value");
        args[i] = (struct df_arg){.name = pair[0], .has_value = n_pair == 2};
        if (n_pair == 2)
            args[i].value = pair[1];
    }
    request->send.reads.args = args;
    request->send.reads.n_args = n;
    return 0;
}

static int request_take_base(const json_t *object, struct arena *arena, struct df_base *base,
                             struct failure *f)
{
    const json_t *reason = json_object_get(object, "reason");
    if (json_to_bytes(json_object_get(object, "name"), arena, &base->name) < 0)
        return fail(f, -EINVAL, "\"bases\" holds one without a name");
    if (reason) {
        if (json_to_bytes(reason, arena, &base->reason) < 0)
            return fail(f, -EINVAL, "\"bases\" holds a reason that is no string");
        return 0;
    }
    base->known = true;
    int r =
        json_to_list(json_object_get(object, "env"), "env", arena, &base->env, &base->n_env, f);
    if (r == 0)
        r = json_to_list(json_object_get(object, "onbuild"), "onbuild", arena, &base->onbuild,
                         &base->n_onbuild, f);
    return r;
}

static int request_take_bases(const json_t *list, struct proto_request *request,
                              struct failure *f)
{
    size_t n = json_array_size(list);
    int r = 0;
    if (list && (!json_is_array(list) || n > PROTO_LIST_MAX))
        return fail(f, -EINVAL, "\"bases\" is no list of at most %d", PROTO_LIST_MAX);
    struct df_base *bases = ARENA_ARRAY(&request->arena, n, struct df_base);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = request_take_base(json_array_get(list, i), &request->arena, &bases[i], f);
    request->send.reads.bases = bases;
    request->send.reads.n_bases = n;
    return r;
}

static int request_take_stat(const json_t *object, struct proto_request *request,
                             struct failure *f)
{
    struct file_stat file = {0};
    int r = json_take_keys(object, &file, stat_keys, ARRAY_SIZE(stat_keys), NULL, f);
    if (r < 0)
        return r;
    struct stat *st = &request->control.dockerfile_stat;
    st->st_dev = file.dev;
    st->st_ino = file.ino;
    st->st_mode = (mode_t)file.mode;
    st->st_size = (off_t)file.size;
    st->st_mtim.tv_sec = file.mtime;
    st->st_mtim.tv_nsec = file.mtime_ns;
    st->st_ctim.tv_sec = file.ctime;
    st->st_ctim.tv_nsec = file.ctime_ns;
    return 0;
}

static int request_take_selection(const json_t *object, struct proto_request *request,
                                  struct failure *f)
{
    struct df_request *reads = &request->send.reads;
    int r = json_take_keys(object, request, request_keys, ARRAY_SIZE(request_keys),
                           &request->arena, f);
    r = r < 0 ? r : request_take_stat(object, request, f);
    r = r < 0 ? r : request_take_args(json_object_get(object, "args"), request, f);
    r = r < 0 ? r : request_take_bases(json_object_get(object, "bases"), request, f);
    r = r < 0 ? r
              : json_to_list(json_object_get(object, "trusted"), "trusted", &request->arena,
                             &reads->trusted, &reads->n_trusted, f);
    if (r < 0)
        return r;
    if (request->root_path.len == 0)
        return fail(f, -EINVAL, "\"root_path\" is missing");
    int level_max =
        request->send.codec == SEND_GZIP ? SEND_GZIP_LEVEL_MAX : SEND_ZSTD_LEVEL_MAX;
    bool packed = request->send.codec != SEND_TAR;
    if (packed && (request->send.level < 1 || request->send.level > level_max))
        return fail(f, -EINVAL, "\"level\" is not between 1 and %d", level_max);
    request->send.root_name = request->root_name;
    return 0;
}

/* Puts the descriptors into request->fds, each at its place by "fds", or none of them on
 * failure. */
static int request_take_fds(const json_t *names, const int *fds, size_t n_fds,
                            struct proto_request *request, struct failure *f)
{
    if (!json_is_array(names) || json_array_size(names) != n_fds)
        return fail(f, -EINVAL, "\"fds\" does not name the %zu descriptors that came", n_fds);
    size_t which[PROTO_FDS];
    for (size_t i = 0; i < n_fds; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        for (which[i] = 0; which[i] < PROTO_FDS; which[i]++)
            if (name && strcmp(name, fd_words[which[i]]) == 0)
                break;
        bool twice = false;
        for (size_t j = 0; j < i; j++)
            twice = twice || which[j] == which[i];
        if (which[i] == PROTO_FDS || twice)
            return fail(f, -EINVAL, "\"fds\" holds a name that is unknown or there twice");
    }
    for (size_t i = 0; i < n_fds; i++)
        request->fds[which[i]] = fds[i];
    return 0;
}

static int request_need_fds(const struct proto_request *request, struct failure *f)
{
    unsigned needed = 0;
    switch (request->kind) {
    case PROTO_SEND:
    case PROTO_DIGEST:
        needed = 1u << PROTO_FD_ROOT | 1u << PROTO_FD_DOCKERFILE;
        break;
    case PROTO_URL:
    case PROTO_WAIT:
        needed = 1u << PROTO_FD_ROOT;
        break;
    case PROTO_STATUS:
    case PROTO_STOP:
        break;
    }
    if (request->control.has_ignore && needed & 1u << PROTO_FD_DOCKERFILE)
        needed |= 1u << PROTO_FD_IGNORE;
    for (unsigned i = 0; i < PROTO_FDS; i++)
        if ((needed >> i & 1) != (request->fds[i] >= 0))
            return fail(f, -EINVAL, "the descriptor \"%s\" is %s", fd_words[i],
                        needed >> i & 1 ? "missing" : "too many");
    return 0;
}

static int request_check_release(const struct proto_request *request, struct failure *f)
{
    if (request->kind == PROTO_STATUS || request->kind == PROTO_STOP)
        return 0;
    if (bytes_equal(request->version, bytes_of(proto_version)) &&
        bytes_equal(request->build, bytes_of(proto_build)))
        return 0;
    return fail(f, -EPROTONOSUPPORT, "the daemon is %s (build %s), the client %s (build %s)",
                proto_version, proto_build, QUOTE(request->version), QUOTE(request->build));
}

static int request_parse_line(struct bytes line, bool stored, struct proto_request *request,
                              const int *fds, size_t n_fds, struct failure *f)
{
    cleanup_json json_t *object = NULL;
    int r = json_parse(line, &object, f);
    if (r < 0)
        return r;
    if (!json_object_get(object, "kind"))
        return fail(f, -EINVAL, "\"kind\" is missing");
    r = json_take_keys(object, request, hello_keys, ARRAY_SIZE(hello_keys), &request->arena, f);
    if (r == 0 && !stored)
        r = request_check_release(request, f);
    if (r < 0)
        return r;
    if (request->kind != PROTO_STATUS && request->kind != PROTO_STOP)
        r = request_take_selection(object, request, f);
    if (r == 0 && !stored)
        r = request_take_fds(json_object_get(object, "fds"), fds, n_fds, request, f);
    return r;
}

int proto_request_parse(struct bytes line, const int *fds, size_t n_fds, bool stored,
                        struct proto_request **ret, struct failure *f)
{
    __attribute__((cleanup(request_free_p))) struct proto_request *request =
        proto_request_new();
    int r = n_fds > PROTO_FDS || (stored && n_fds)
                ? fail(f, -EINVAL, "%zu descriptors are too many", n_fds)
                : request_parse_line(line, stored, request, fds, n_fds, f);
    if (r < 0) {
        /* The request has none of them: request_take_fds() is the last step, and takes all or
         * none. */
        for (size_t i = 0; i < n_fds; i++)
            close(fds[i]);
        return r;
    }
    if (!stored)
        r = request_need_fds(request, f);
    if (r < 0)
        return r;
    *ret = steal(&request);
    return 0;
}
