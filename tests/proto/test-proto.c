/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and frames: what is written is read as the same, what can't be read is refused, and
 * no descriptor leaks.
 */
#include "proto.h"
#include "scratch.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

static size_t open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;
    if (!dir)
        abort();
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static struct bytes printed(const struct proto_request *request, struct buf *line)
{
    struct failure f = {0};
    buf_clear(line);
    TAP_CHECKF(proto_request_print(request, line, &f) == 0, "%s", f.text);
    return buf_bytes(line);
}

static int read_stored(struct bytes line, struct proto_request **ret, struct failure *f)
{
    return proto_request_parse(line, NULL, 0, true, ret, f);
}

/* A request of which every member differs from zero. */
static struct proto_request *full_request(void)
{
    static const struct bytes env[] = {{(const uint8_t *)"A=1", 3}};
    static const struct bytes triggers[] = {{(const uint8_t *)"COPY . /", 8}};
    static const struct bytes globs[] = {{(const uint8_t *)"a/*", 3},
                                         {(const uint8_t *)"b", 1}};
    static struct df_arg args[2];
    static struct df_base bases[2];
    args[0] = (struct df_arg){BYTES("N"), BYTES("v\0w"), true};
    args[1] = (struct df_arg){.name = BYTES("M\xff")};
    bases[0] = (struct df_base){.name = BYTES("img"),
                                .known = true,
                                .env = env,
                                .n_env = 1,
                                .onbuild = triggers,
                                .n_onbuild = 1};
    bases[1] = (struct df_base){.name = BYTES("other"), .reason = BYTES("no engine")};
    struct proto_request *q = proto_request_new();
    q->version = bytes_of(proto_version);
    q->build = bytes_of(proto_build);
    q->kind = PROTO_DIGEST;
    q->root_path = BYTES("/srv/\xe9t\xe9");
    q->mount_ns_dev = 4;
    q->mount_ns_ino = 4026531840;
    q->root_name = BYTES("../\xc3\xa9");
    q->dockerfile_path = BYTES("/d/Dockerfile");
    q->ignore_path = BYTES("/d/ig");
    q->control.dockerfile_name = BYTES("d/Dockerfile");
    q->control.ignore_name = BYTES("ig");
    q->control.has_ignore = q->control.ignore_of_root = true;
    q->control.dockerfile_stat.st_dev = 7;
    /* overlayfs (with xino) and FUSE have such large inode numbers. */
    q->control.dockerfile_stat.st_ino = UINT64_C(0x8000000000000008);
    q->control.dockerfile_stat.st_mode = S_IFREG | 0644;
    q->control.dockerfile_stat.st_size = 9;
    q->control.dockerfile_stat.st_mtim = (struct timespec){-5, 10};
    q->control.dockerfile_stat.st_ctim = (struct timespec){11, 12};
    q->send.reads = (struct df_request){.target = BYTES("t"),
                                        .last_only = true,
                                        .builder = DF_CLASSIC,
                                        .args = args,
                                        .n_args = 2,
                                        .args_final = true,
                                        .platform = BYTES("linux/arm64"),
                                        .trusted = globs,
                                        .n_trusted = 2,
                                        .bases = bases,
                                        .n_bases = 2};
    q->send.builder = SEND_CLASSIC;
    q->send.full = q->send.verify = q->send.recipe = true;
    q->send.recipe_ecos = BYTES("go,npm");
    q->send.mtime = SEND_MTIME_FIXED;
    q->send.mtime_seconds = 8589934591;
    q->send.dockerfile_mode = SEND_DOCKERFILE_PLAIN;
    q->send.codec = SEND_ZSTD;
    q->send.level = 19;
    q->send.max_bytes = INT64_MAX;
    q->send.max_files = 2;
    q->progress = q->per_instruction = q->bare = q->since_given = true;
    q->since = 3;
    q->timeout_ms = 1000;
    return q;
}

static void test_request_round_trip(void)
{
    tap_case("a request is read as it was written, member by member");
    struct failure f = {0};
    struct proto_request *was = full_request(), *is = NULL;
    cleanup_buf struct buf line = BUF(PROTO_REQUEST_MAX + 1),
                           again = BUF(PROTO_REQUEST_MAX + 1);
    struct bytes text = printed(was, &line);
    TAP_CHECKF(read_stored(text, &is, &f) == 0, "%s", f.text);
    if (!is)
        return;
    TAP_EQUAL(printed(is, &again), text);
    TAP_EQUAL(is->root_path, was->root_path);
    TAP_EQUAL(is->send.root_name, was->root_name);
    TAP_EQUAL(is->control.dockerfile_name, was->control.dockerfile_name);
    TAP_EQUAL(is->control.ignore_name, was->control.ignore_name);
    TAP_CHECK(is->control.has_ignore && is->control.ignore_of_root);
    TAP_CHECK(is->send.control == &is->control);
    const struct stat *a = &was->control.dockerfile_stat, *b = &is->control.dockerfile_stat;
    TAP_CHECK(a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode &&
              a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
              a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
              a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
              a->st_ctim.tv_nsec == b->st_ctim.tv_nsec);
    const struct df_request *reads = &is->send.reads;
    TAP_EQUAL(reads->target, BYTES("t"));
    TAP_EQUAL(reads->platform, BYTES("linux/arm64"));
    TAP_CHECK(reads->last_only && reads->args_final && reads->builder == DF_CLASSIC);
    TAP_CHECK(reads->n_args == 2 && reads->n_trusted == 2 && reads->n_bases == 2);
    TAP_EQUAL(reads->args[0].value, BYTES("v\0w"));
    TAP_EQUAL(reads->args[1].name, BYTES("M\xff"));
    TAP_CHECK(reads->args[0].has_value && !reads->args[1].has_value);
    TAP_EQUAL(reads->trusted[1], BYTES("b"));
    TAP_CHECK(reads->bases[0].known && !reads->bases[1].known);
    TAP_EQUAL(reads->bases[0].onbuild[0], BYTES("COPY . /"));
    TAP_EQUAL(reads->bases[1].reason, BYTES("no engine"));
    TAP_CHECK(is->send.level == 19 && is->send.max_bytes == INT64_MAX &&
              is->send.mtime_seconds == 8589934591);
    TAP_CHECK(is->mount_ns_dev == 4 && is->mount_ns_ino == 4026531840);
    TAP_EQUAL(is->dockerfile_path, was->dockerfile_path);
    TAP_EQUAL(is->ignore_path, was->ignore_path);
    TAP_CHECK(is->send.builder == SEND_CLASSIC && is->send.full && is->send.verify);
    TAP_CHECK(is->send.mtime == SEND_MTIME_FIXED && is->send.codec == SEND_ZSTD);
    TAP_CHECK(is->send.dockerfile_mode == SEND_DOCKERFILE_PLAIN && is->send.max_files == 2);
    TAP_CHECK(is->progress && is->per_instruction && is->bare && is->since_given);
    TAP_CHECK(is->since == 3 && is->timeout_ms == 1000 && is->kind == PROTO_DIGEST);
    TAP_EQUAL(is->version, bytes_of(proto_version));
    TAP_EQUAL(is->build, bytes_of(proto_build));
    proto_request_free(was);
    proto_request_free(is);

    tap_case("each key of a request that is written is also read");
    /* If a key is renamed, the request that is read must print as another one. Else the key was
     * written but not read. */
    was = full_request();
    text = printed(was, &line);
    size_t n_keys = 0;
    for (size_t i = 0; i + 3 < text.len; i++) {
        if (text.at[i] != '"' || (text.at[i - 1] != ',' && text.at[i - 1] != '{'))
            continue;
        size_t end = i + 1 + bytes_find(bytes_from(text, i + 1), '"');
        struct bytes name = bytes_head(bytes_from(text, i + 1), end - i - 1);
        if (end + 1 >= text.len || text.at[end + 1] != ':' || bytes_equal(name, BYTES("hex")) ||
            bytes_equal(name, BYTES("fds")) || bytes_equal(name, BYTES("kind")) ||
            bytes_equal(name, BYTES("root_path")))
            continue;
        cleanup_buf struct buf other = BUF(PROTO_REQUEST_MAX + 1);
        TAP_CHECK(buf_add(&other, text.at, text.len) == 0);
        other.at[i + 1] = '_';
        is = NULL;
        if (read_stored(buf_bytes(&other), &is, &f) == 0)
            TAP_CHECKF(!bytes_equal(printed(is, &again), text), "%.*s is not read",
                       BYTES_ARG(name));
        proto_request_free(is);
        n_keys++;
    }
    TAP_CHECKF(n_keys > 40, "%zu keys", n_keys);
    proto_request_free(was);
}

#define HELLO "{\"kind\":\"digest\",\"root_path\":\"/r\""

static void test_malformed(void)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "no JSON"},
        {"{", "no JSON"},
        {"[]", "no object"},
        {"{}", "\"kind\" is missing"},
        {"{\"kind\":1}", "\"kind\" is none"},
        {"{\"kind\":\"eat\"}", "\"kind\" is none"},
        {"{\"kind\":\"send\",\"kind\":\"send\"}", "no JSON"},
        {"{\"kind\":\"send\"}", "\"root_path\" is missing"},
        {"{\"kind\":\"send\",\"root_path\":\"r\"}", "\"root_path\" is no absolute path"},
        {"{\"kind\":\"send\",\"root_path\":\"/\\u0000\"}", "\"root_path\" is no absolute path"},
        {"{\"kind\":\"send\",\"root_path\":{\"hex\":\"2\"}}", "\"root_path\" is neither"},
        {"{\"kind\":\"send\",\"root_path\":{\"hex\":\"2g\"}}", "\"root_path\" is neither"},
        {"{\"kind\":\"send\",\"root_path\":7}", "\"root_path\" is neither"},
        {HELLO ",\"full\":1}", "\"full\" is neither true nor false"},
        {HELLO ",\"level\":-1}", "\"level\" is not between 0 and 19"},
        {HELLO ",\"level\":20}", "\"level\" is not between 0 and 19"},
        {HELLO ",\"level\":1.5}", "\"level\" is no whole number"},
        {HELLO ",\"codec\":\"gzip\"}", "\"level\" is not between 1 and 12"},
        {HELLO ",\"codec\":\"gzip\",\"level\":13}", "\"level\" is not between 1 and 12"},
        {HELLO ",\"mtime_seconds\":8589934592}", "\"mtime_seconds\" is not between"},
        {HELLO ",\"max_bytes\":9223372036854775808}", "no JSON"},
        {HELLO ",\"timeout_ms\":86400001}", "\"timeout_ms\" is not between"},
        {HELLO ",\"args\":{}}", "\"args\" is no list"},
        {HELLO ",\"args\":[[]]}", "\"args\" holds what is no name"},
        {HELLO ",\"args\":[[\"a\",\"b\",\"c\"]]}", "\"args\" holds what is no name"},
        {HELLO ",\"args\":[[7]]}", "\"args\" holds what is no string"},
        {HELLO ",\"trusted\":\"x\"}", "\"trusted\" is no list"},
        {HELLO ",\"trusted\":[null]}", "\"trusted\" holds what is no string"},
        {HELLO ",\"bases\":7}", "\"bases\" is no list"},
        {HELLO ",\"bases\":[{}]}", "\"bases\" holds one without a name"},
        {HELLO ",\"bases\":[{\"name\":\"a\",\"reason\":1}]}", "reason that is no string"},
        {HELLO ",\"bases\":[{\"name\":\"a\",\"env\":[1]}]}", "\"env\" holds what is no"},
        {HELLO ",\"dockerfile_ino\":\"1\"}", "\"dockerfile_ino\" is no whole number"},
        {HELLO ",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "more than 16 levels"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("refused: %s", cases[i].line);
        struct failure f = {0};
        struct proto_request *is = NULL;
        int r = read_stored(bytes_of(cases[i].line), &is, &f);
        TAP_CHECKF(r == -EINVAL && !is, "%d", r);
        TAP_CHECKF(strstr(f.text, cases[i].says) != NULL, "says: %s", f.text);
        proto_request_free(is);
    }
    tap_case("unknown keys are ignored, and brackets in strings are no levels");
    struct failure f = {0};
    struct proto_request *is = NULL;
    const char *line = HELLO ",\"new\":[{}],\"target\":\"[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"}";
    TAP_CHECKF(read_stored(bytes_of(line), &is, &f) == 0, "%s", f.text);
    proto_request_free(is);

    tap_case("a list of more than 4,096 elements is refused");
    cleanup_buf struct buf long_list = BUF(1 << 20);
    TAP_CHECK(buf_addf(&long_list, HELLO ",\"trusted\":[\"\"") == 0);
    for (int i = 0; i < PROTO_LIST_MAX; i++)
        TAP_CHECK(buf_addf(&long_list, ",\"\"") == 0);
    TAP_CHECK(buf_addf(&long_list, "]}") == 0);
    TAP_CHECK(read_stored(buf_bytes(&long_list), &is, &f) == -EINVAL);

    tap_case("a request too long for a line is not written");
    struct proto_request *big = full_request();
    cleanup_buf struct buf text = BUF(2 * PROTO_REQUEST_MAX), out = BUF(4 * PROTO_REQUEST_MAX);
    TAP_CHECK(buf_add_zeros(&text, PROTO_REQUEST_MAX / 6) == 0);
    big->send.reads.target = buf_bytes(&text);
    TAP_CHECK(proto_request_print(big, &out, &f) == -E2BIG);
    proto_request_free(big);
}

static int parse_with(const char *more, const int *fds, size_t n, struct failure *f)
{
    cleanup_buf struct buf line = BUF(1 << 16);
    TAP_CHECK(buf_addf(&line, "{\"ctxd\":\"%s\",\"build\":\"%s\",%s}", proto_version,
                       proto_build, more) == 0);
    struct proto_request *is = NULL;
    int r = proto_request_parse(buf_bytes(&line), fds, n, false, &is, f);
    proto_request_free(is);
    return r;
}

static void test_descriptors(void)
{
    static const struct {
        const char *line, *says; /* NULL: accepted */
        size_t n;
    } cases[] = {
        {"\"kind\":\"status\",\"fds\":[]", NULL, 0},
        {"\"kind\":\"status\"", "\"fds\" does not name", 0},
        {"\"kind\":\"status\",\"fds\":[]", "\"fds\" does not name the 1", 1},
        {"\"kind\":\"status\",\"fds\":[\"root\"]", "\"root\" is too many", 1},
        {"\"kind\":\"wait\",\"root_path\":\"/\",\"fds\":[\"root\"]", NULL, 1},
        {"\"kind\":\"wait\",\"root_path\":\"/\",\"fds\":[]", "\"root\" is missing", 0},
        {"\"kind\":\"wait\",\"root_path\":\"/\",\"fds\":[\"rot\"]", "unknown or there twice",
         1},
        {"\"kind\":\"wait\",\"root_path\":\"/\",\"fds\":[1]", "unknown or there twice", 1},
        {"\"kind\":\"digest\",\"root_path\":\"/\",\"fds\":[\"root\",\"root\"]",
         "unknown or there twice", 2},
        {"\"kind\":\"digest\",\"root_path\":\"/\",\"fds\":[\"dockerfile\",\"root\"]", NULL, 2},
        {"\"kind\":\"digest\",\"root_path\":\"/\",\"has_ignore\":true,"
         "\"fds\":[\"dockerfile\",\"root\"]",
         "\"ignore\" is missing", 2},
        {"\"kind\":\"send\",\"root_path\":\"/\",\"fds\":[\"dockerfile\",\"root\"]", NULL, 2},
        {"\"kind\":\"send\",\"root_path\":\"/\",\"fds\":[\"root\"]",
         "\"dockerfile\" is missing", 1},
        {"\"kind\":\"send\",\"root_path\":\"/\",\"fds\":7", "\"fds\" does not name the 3", 3},
        {"\"kind\":\"eat\",\"root_path\":\"/\",\"fds\":[\"root\"]", "\"kind\"", 1},
        {"\"kind\":\"wait\",\"root_path\":\"/\",\"fds\":[]", "5 descriptors are too many", 5},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        tap_case("descriptors: %s with %zu", cases[i].line, cases[i].n);
        size_t before = open_descriptors();
        int fds[5];
        for (size_t j = 0; j < cases[i].n; j++)
            fds[j] = open("/", O_RDONLY | O_CLOEXEC);
        struct failure f = {0};
        int r = parse_with(cases[i].line, fds, cases[i].n, &f);
        TAP_CHECKF(r == (cases[i].says ? -EINVAL : 0), "%d %s", r, f.text);
        TAP_CHECKF(!cases[i].says || strstr(f.text, cases[i].says), "says: %s", f.text);
        TAP_CHECKF(open_descriptors() == before, "%zu are left", open_descriptors() - before);
    }
}

static void test_release(void)
{
    static const char *const lines[] = {
        "{\"kind\":\"wait\",\"root_path\":\"/\",\"fds\":[]}",
        "{\"ctxd\":\"0.0.1\",\"build\":\"x\",\"kind\":\"send\",\"fds\":[]}",
    };
    struct failure f = {0};
    struct proto_request *is = NULL;
    tap_case("a client of another release or build is refused before anything else is read");
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        int r = proto_request_parse(bytes_of(lines[i]), NULL, 0, false, &is, &f);
        TAP_CHECKF(r == -EPROTONOSUPPORT && !is, "%d", r);
    }
    tap_case("any release may ask for status and stop");
    const char *stop = "{\"ctxd\":\"9\",\"kind\":\"stop\",\"fds\":[],\"root_path\":7}";
    TAP_CHECKF(proto_request_parse(bytes_of(stop), NULL, 0, false, &is, &f) == 0, "%s", f.text);
    proto_request_free(is);
}

static int memory_file(const char *text)
{
    int fd = memfd_create("text", MFD_CLOEXEC);
    TAP_CHECK(io_write_full(fd, text, strlen(text)) == 0);
    return fd;
}

static void test_request_frames(int ends[2], struct proto_inbox *inbox)
{
    tap_case("a request arrives with its descriptors, and its texts are read from them");
    struct failure f = {0};
    struct proto_request *was = full_request(), *is = NULL;
    was->fds[PROTO_FD_ROOT] = open("/", O_RDONLY | O_CLOEXEC);
    was->fds[PROTO_FD_DOCKERFILE] = memory_file("FROM scratch\n");
    was->fds[PROTO_FD_IGNORE] = memory_file("x\n");
    TAP_CHECKF(proto_send_request(ends[0], was, 1000, &f) == 0, "%s", f.text);
    struct bytes line = {0};
    TAP_CHECK(proto_receive(ends[1], inbox) == 1);
    TAP_CHECK(proto_next_line(inbox, &line) && inbox->n_fds == 3);
    for (size_t i = 0; i < inbox->n_fds; i++)
        TAP_CHECK(fcntl(inbox->fds[i], F_GETFD) == FD_CLOEXEC);
    int r = proto_request_parse(line, inbox->fds, inbox->n_fds, false, &is, &f);
    inbox->n_fds = 0;
    TAP_CHECKF(r == 0, "%s", f.text);
    struct dockerfile *df = NULL;
    if (is) {
        TAP_CHECKF(proto_request_load(is, 7, NULL, &df, &f) == 0, "%s", f.text);
        TAP_EQUAL(is->control.dockerfile, BYTES("FROM scratch\n"));
        TAP_EQUAL(is->control.ignore, BYTES("x\n"));
        TAP_CHECK(df && is->send.dockerfile == df && is->send.root_fd == 7);
        TAP_CHECK(is->fds[PROTO_FD_DOCKERFILE] < 0 && is->fds[PROTO_FD_IGNORE] < 0);
    }
    dockerfile_free(df);
    proto_request_free(was);
    proto_request_free(is);

    tap_case("a descriptor for a text that is no regular file is refused");
    is = proto_request_new();
    int pipes[2];
    TAP_CHECK(pipe2(pipes, O_CLOEXEC) == 0);
    is->fds[PROTO_FD_DOCKERFILE] = pipes[0];
    TAP_CHECK(proto_request_load(is, -1, NULL, &df, &f) == -EINVAL);
    proto_request_free(is);
    close(pipes[1]);

    tap_case("the output must come in time, and as the only descriptor of its message");
    int got = -1, cancel[2];
    TAP_CHECK(pipe2(cancel, O_CLOEXEC) == 0);
    TAP_CHECK(proto_receive_output(ends[1], cancel[0], 20, &got) == -ETIMEDOUT);
    TAP_CHECK(proto_send(ends[0], BYTES("{}"), (int[]){0}, 1, 1000) == 0);
    TAP_CHECK(proto_receive_output(ends[1], cancel[0], 1000, &got) == 0 && got > 0);
    close(got);
    TAP_CHECK(proto_send(ends[0], BYTES("{}"), NULL, 0, 1000) == 0);
    TAP_CHECK(proto_receive_output(ends[1], cancel[0], 1000, &got) == -EBADMSG);
    TAP_CHECK(proto_send(ends[0], BYTES("{}"), (int[]){0, 0}, 2, 1000) == 0);
    TAP_CHECK(proto_receive_output(ends[1], cancel[0], 1000, &got) == -EBADMSG);
    close(cancel[1]);
    TAP_CHECK(proto_receive_output(ends[1], cancel[0], 1000, &got) == -ECANCELED);
    close(cancel[0]);
}

static void test_load_from_files(void)
{
    char dir[] = "/tmp/ctxd-test-XXXXXX";
    scratch_make(dir);
    cleanup_fd int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int file = openat(root, "Dockerfile", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cleanup_fd int other = openat(root, "other", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cleanup_fd int rules = openat(root, ".dockerignore", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    TAP_CHECK(io_write_full(file, "FROM a\n", 7) == 0 &&
              io_write_full(other, "FROM b\n", 7) == 0);
    TAP_CHECK(io_write_full(rules, "x\n", 2) == 0);
    struct failure f = {0};
    tap_case("without descriptors, the control files are read from the context");
    struct proto_request *request = proto_request_new();
    struct dockerfile *df = NULL;
    TAP_CHECKF(proto_request_load(request, root, NULL, &df, &f) == 0, "%s", f.text);
    TAP_EQUAL(request->control.dockerfile, BYTES("FROM a\n"));
    TAP_EQUAL(request->control.ignore, BYTES("x\n"));
    TAP_CHECK(request->control.ignore_of_root && request->send.dockerfile == df);
    dockerfile_free(df);
    tap_case("control files are read from the files that the request names, and a missing one "
             "is -ENOENT");
    request->dockerfile_path = arena_printf(&request->arena, "%s/other", dir);
    TAP_CHECKF(proto_request_load(request, root, NULL, &df, &f) == 0, "%s", f.text);
    TAP_EQUAL(request->control.dockerfile, BYTES("FROM b\n"));
    dockerfile_free(df);
    request->ignore_path = arena_printf(&request->arena, "%s/none", dir);
    TAP_CHECK(proto_request_load(request, root, NULL, &df, &f) == -ENOENT);
    TAP_EQUAL(request->control.dockerfile, BYTES("FROM b\n"));
    proto_request_free(request);
    scratch_remove(dir);
}

static void test_frame_bounds(int ends[2], struct proto_inbox *inbox)
{
    struct bytes line = {0};
    tap_case("if too many descriptors come, all are closed");
    size_t held = open_descriptors();
    int three[] = {0, 0, 0};
    TAP_CHECK(proto_send(ends[0], BYTES("x"), three, 3, 1000) == 0);
    TAP_CHECK(proto_send(ends[0], BYTES("y"), three, 3, 1000) == 0);
    TAP_CHECK(proto_receive(ends[1], inbox) == 1);
    TAP_CHECK(proto_receive(ends[1], inbox) == -EBADMSG);
    TAP_CHECK(open_descriptors() == held && inbox->n_fds == 0);

    tap_case("a line longer than allowed is -E2BIG");
    struct proto_inbox small = PROTO_INBOX(7);
    TAP_CHECK(proto_send(ends[0], BYTES("123456"), NULL, 0, 1000) == 0);
    TAP_CHECK(proto_receive(ends[1], &small) == 1);
    TAP_CHECK(proto_next_line(&small, &line) && line.len == 6);
    TAP_CHECK(proto_send(ends[0], BYTES("12345678"), NULL, 0, 1000) == 0);
    TAP_CHECK(proto_receive(ends[1], &small) == 1);
    TAP_CHECK(!proto_next_line(&small, &line));
    TAP_CHECK(proto_receive(ends[1], &small) == -E2BIG);

    tap_case("sending to a peer that reads nothing ends after the timeout");
    cleanup_buf struct buf much = BUF(8 << 20);
    TAP_CHECK(buf_add_zeros(&much, 8 << 20) == 0);
    TAP_CHECK(proto_send(ends[0], buf_bytes(&much), NULL, 0, 50) == -ETIMEDOUT);
    close(ends[1]);
    TAP_CHECK(proto_send(ends[0], BYTES("x"), NULL, 0, 50) == -EPIPE);
    close(ends[0]);
    proto_inbox_release(&small);
}

static void test_frames(void)
{
    size_t before = open_descriptors();
    int ends[2];
    TAP_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    struct proto_inbox inbox = PROTO_INBOX(PROTO_REQUEST_MAX);
    test_request_frames(ends, &inbox);
    test_frame_bounds(ends, &inbox);
    proto_inbox_release(&inbox);
    TAP_CHECKF(open_descriptors() == before, "%zu are left", open_descriptors() - before);
}

int main(void)
{
    test_request_round_trip();
    test_malformed();
    test_descriptors();
    test_release();
    test_frames();
    test_load_from_files();
    return tap_end();
}
