/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ctxd that serves HTTP alone, for tests/daemon/http. It prints where it listens, then
 * answers lines of standard input:
 *
 *     url ROOT TARGET tar|gzip|zstd LEVEL bare|whole    ->  the address, or "error: …"
 *     idle                                              ->  connections and lanes in use
 *     hurry                                             ->  deadlines of parts of a second
 *
 * and ends when standard input ends. TARGET: see http-fakes.h.
 */
#include "http-fakes.h"

#include "http-priv.h"
#include "http.h"
#include "lanes.h"
#include "roots.h"
#include "url.h"

#include <signal.h>
#include <stdio.h>

static void say(const char *text)
{
    puts(text);
    fflush(stdout);
}

static void answer_url(struct daemon *daemon, struct bytes rest)
{
    struct bytes words[5];
    char root[PATH_MAX], target[256], url[URL_LEN_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (!bytes_next(&rest, ' ', &words[i]))
            return say("error: words are missing");
    snprintf(root, sizeof(root), "%.*s", BYTES_ARG(words[0]));
    snprintf(target, sizeof(target), "%.*s", BYTES_ARG(words[1]));
    enum send_codec codec = bytes_equal(words[2], BYTES("gzip"))   ? SEND_GZIP
                            : bytes_equal(words[2], BYTES("zstd")) ? SEND_ZSTD
                                                                   : SEND_TAR;
    uint64_t level;
    struct failure f = {0};
    struct root *held = NULL;
    if (number_parse(words[3], &level) < 0)
        return say("error: the level is no number");
    struct proto_request *request =
        fake_request(root, target, codec, (int)level, bytes_equal(words[4], BYTES("bare")));
    int r = root_get(daemon, -1, request->root_path, &held, &f);
    if (r == 0) {
        r = url_make(daemon, held, request, url, &f);
        root_put(daemon, held);
    }
    proto_request_free(request);
    if (r < 0)
        printf("error: ");
    say(r < 0 ? f.text : url);
}

static void answer_idle(struct daemon *daemon)
{
    struct lanes_stats lanes;
    lanes_stats(daemon, &lanes);
    size_t n = http_connections_count(&daemon->http->connections);
    printf("connections=%zu running=%zu parked=%zu\n", n, lanes.running, lanes.parked);
    fflush(stdout);
}

static void hurry(struct http *http)
{
    static const struct http_limits limits = {.request_ns = 300000000,
                                              .foreign_ns = 300000000,
                                              .idle_ns = 10000000,
                                              .park_ns = 50000000,
                                              .reader_ns = 1500000000,
                                              .tick_ns = 20000000};
    http_connections_set_limits(&http->connections, &limits);
    say("hurried");
}

static uint64_t argument(const char *text)
{
    uint64_t n = 0;
    if (number_parse(bytes_of(text), &n) < 0)
        fprintf(stderr, "%s is no number\n", text);
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "http-standin DIRECTORY PORT|0 LANES CLIENTS\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct fake_setup setup = {.directory = argv[1],
                               .port = (int64_t)argument(argv[2]),
                               .lanes = argument(argv[3]),
                               .clients = argument(argv[4])};
    struct daemon *daemon = fake_new(&setup);
    struct failure f = {0};
    if (http_start(daemon, &f) < 0) {
        fprintf(stderr, "http-standin: %s\n", f.text);
        fake_free(daemon);
        return 1;
    }
    say(http_address(daemon));
    char line[2 * PATH_MAX];
    while (fgets(line, sizeof(line), stdin)) {
        struct bytes word, rest = bytes_head(bytes_of(line), strcspn(line, "\n"));
        if (!bytes_next(&rest, ' ', &word))
            continue;
        if (bytes_equal(word, BYTES("url")))
            answer_url(daemon, rest);
        else if (bytes_equal(word, BYTES("hurry")))
            hurry(daemon->http);
        else
            answer_idle(daemon);
    }
    fake_free(daemon);
    return 0;
}
