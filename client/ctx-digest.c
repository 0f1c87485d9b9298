/* SPDX-License-Identifier: Apache-2.0 */
#include "ctx-digest.h"

#include "buildx-local.h"
#include "connect.h"

#include <errno.h>

const struct command_line digest_line = {
    .name = "ctx digest",
    .usage = "Usage: ctx digest [OPTION]... [PATH]\n"
             "\n"
             "Prints the SHA-256 of what a build of the last stage (or --target) reads of the\n"
             "context, of the Dockerfile, and of --build-arg, --platform and --target. Equal\n"
             "requests for equal trees give it on any machine, wherever the tree lies, and\n"
             "whatever its times and owners are. With ctxd the answer comes at once.\n"
             "\n"
             "It is no complete key of the image. It lacks the content of base images, what\n"
             "ADD and RUN fetch, secrets, SSH, named contexts (--build-context), the other\n"
             "options of docker build, proxies of its configuration, and without --platform\n"
             "the builder's architecture.\n",
    .more =
        "\nExample:\n"
        "  tag=app:$(ctx digest --build-arg V=1 | cut -c8-23)\n"
        "  docker image inspect $tag || ctx-send | docker build --build-arg V=1 -t $tag -\n",
    .groups = {&group_which, &group_daemon, &group_digest},
    .path = true,
};

const struct command_line url_line = {
    .name = "ctx url",
    .usage =
        "Usage: ctx url [OPTION]... [PATH]\n"
        "\n"
        "Prints an address on this machine that serves the context. docker build takes it\n"
        "in place of a directory, and fetches nothing if nothing has changed. Needs ctxd.\n",
    .more = "\nExample:\n"
            "  docker build -t app $(ctx url)\n",
    .groups = {&group_which, &group_url},
    .path = true,
};

/* ---- digest ---------------------------------------------------------------------------- */

int ctx_digest_run(const struct selection *selection, const struct options *options,
                   struct notes *notes, struct ctx_digested *ret, struct failure *f)
{
    struct send_request request;
    *ret = (struct ctx_digested){0};
    selection_request(selection, options, &request);
    struct connect_ask ask = {
        .kind = PROTO_DIGEST, .send = &request, .per_instruction = options->per_instruction};
    int r = options->daemon == DAEMON_NEVER ? fail(f, -ENOTCONN, "--daemon=never")
                                            : connect_ask(&ask, NULL, &ret->answer, f);
    if (r == 0 && ret->answer.kind == PROTO_DONE) {
        connect_take_notes(&ret->answer, notes);
        ret->digest = &ret->answer.digest;
        return 0;
    }
    if (r == 0)
        r = fail(f, ret->answer.failure.code, "%s", ret->answer.failure.text);
    if (options->daemon == DAEMON_REQUIRE)
        return fail_wrap(f, r, "--daemon=require");
    r = digest_run(&request, NULL, options->per_instruction, notes, &ret->own, f);
    if (r == 0)
        ret->digest = &ret->own;
    return r;
}

void ctx_digest_release(struct ctx_digested *digested)
{
    if (digested->digest == &digested->own)
        digest_release(&digested->own);
    proto_answer_release(&digested->answer);
    digested->digest = NULL;
}

static const char *digest_name(const struct sha256 *sha, char at[72])
{
    char hex[2 * sizeof(sha->at) + 1];
    snprintf(at, 72, "sha256:%s", hex_text(hex, sha->at, sizeof(sha->at)));
    return at;
}

static void digest_put_facts(struct values *pool, struct value *object,
                             const struct sha256 *sha, uint64_t files, uint64_t bytes)
{
    char name[72];
    struct bytes digest = arena_copy(&pool->arena, bytes_of(digest_name(sha, name)));
    value_put(pool, object, BYTES("digest"), value_string(pool, digest));
    value_put(pool, object, BYTES("files"), value_integer(pool, (int64_t)files));
    value_put(pool, object, BYTES("bytes"), value_integer(pool, (int64_t)bytes));
}

static void digest_print_json(const struct digest_answer *digest, bool per_instruction)
{
    cleanup_values struct values pool = {0};
    struct value *object = value_new(&pool, VALUE_MAP), *list = value_new(&pool, VALUE_LIST);
    digest_put_facts(&pool, object, &digest->sha, digest->n_files, digest->bytes);
    for (size_t i = 0; i < digest->n_lines; i++) {
        const struct digest_line *line = &digest->lines[i];
        struct value *item = value_new(&pool, VALUE_MAP);
        value_put(&pool, item, BYTES("line"), value_integer(&pool, line->line));
        value_put(&pool, item, BYTES("source"), value_shown(&pool, line->source));
        digest_put_facts(&pool, item, &line->sha, line->n_files, line->bytes);
        value_add(&pool, list, item);
    }
    if (per_instruction)
        value_put(&pool, object, BYTES("instructions"), list);
    report_json(stdout, object);
}

static void digest_print_text(const struct digest_answer *digest)
{
    char name[72], size[16];
    printf("%s\n", digest_name(&digest->sha, name));
    for (size_t i = 0; i < digest->n_lines; i++) {
        const struct digest_line *line = &digest->lines[i];
        printf("%s  line %u, %llu files, %s: %s\n", digest_name(&line->sha, name), line->line,
               (unsigned long long)line->n_files, number_human(size, line->bytes),
               QUOTE(line->source));
    }
}

enum exit_status ctx_digest(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    struct ctx_digested digested = {0};
    cleanup_selection struct selection selection = SELECTION;
    int r = selection_open(&selection, options, notes, &f);
    if (r == 0)
        buildx_note(&selection, options, BUILDX_DIGEST, notes);
    r = r < 0 ? r : ctx_digest_run(&selection, options, notes, &digested, &f);
    report_notes(notes, options->talk);
    if (r == 0 && options->json)
        digest_print_json(digested.digest, options->per_instruction);
    else if (r == 0)
        digest_print_text(digested.digest);
    ctx_digest_release(&digested);
    return r < 0 ? report_failed(&f) : report_flush();
}

/* ---- url ------------------------------------------------------------------------------- */

enum exit_status ctx_url(struct options *options, struct notes *notes)
{
    struct failure f = {0};
    struct send_request request;
    cleanup_selection struct selection selection = SELECTION;
    cleanup_answer struct proto_answer answer = {0};
    if (options->file && !strcmp(options->file, "-")) {
        fail(&f, -EINVAL, "--file=-: an address serves files, which are read each time anew");
        report_failure(&f);
        return EXIT_USAGE;
    }
    int r = selection_open(&selection, options, notes, &f);
    if (r < 0)
        return report_failed(&f);
    buildx_note(&selection, options, BUILDX_URL, notes);
    selection_request(&selection, options, &request);
    r = connect_ask(&(struct connect_ask){.kind = PROTO_URL,
                                          .send = &request,
                                          .file = options->file,
                                          .ignore_file = options->ignore_file,
                                          .bare = options->bare},
                    NULL, &answer, &f);
    if (r == 0 && answer.kind == PROTO_FAILED)
        r = fail(&f, answer.failure.code, "%s", answer.failure.text);
    report_notes(notes, options->talk);
    if (r < 0)
        return report_failed(&f);
    printf("%.*s\n", BYTES_ARG(answer.url));
    return report_flush();
}
