/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx-engine-config IMAGE...: asks the Docker engine about images. ctx-send and ctx run it,
 * people don't (engine.h).
 *
 * It asks the engine at DOCKER_HOST (unix:// or tcp://, with DOCKER_TLS_VERIFY and
 * DOCKER_CERT_PATH), or at unix:///var/run/docker.sock. For each image it prints one line of
 * JSON, as soon as it has the answer:
 *
 *     {"name": NAME, "image": {"Config": {"Env": […], "OnBuild": […]}}}
 *     {"name": NAME, "error": "why"}
 *
 * It ends by itself before ENGINE_TIMEOUT_MS. If it does not, its parent kills it.
 *
 * Source: Docker Engine API, ImageInspect.
 */
#include "base.h"
#include "engine.h"
#include "formats.h"

#include <curl/curl.h>
#include <stdio.h>

/* Milliseconds. Earlier than the parent's deadline, so that the parent still reads why. */
#define DEADLINE_MS (ENGINE_TIMEOUT_MS - 150)
/* Bytes of one answer. An image with 1,000 variables takes 0.1 MiB. */
#define BODY_MAX (1u << 20)

struct engine {
    CURL *curl;
    char url[512]; /* up to "/images/" */
    char error[CURL_ERROR_SIZE];
    uint64_t deadline_ns;
};

static size_t engine_config_on_body(char *at, size_t one, size_t len, void *body)
{
    return buf_add(body, at, one * len) < 0 ? 0 : len;
}

/* Sets the certificates that the docker client would use. */
static void engine_config_use_tls(CURL *curl)
{
    const char *dir = getenv("DOCKER_CERT_PATH");
    static const struct {
        CURLoption option;
        const char *file;
    } files[] = {
        {CURLOPT_CAINFO, "ca.pem"}, {CURLOPT_SSLCERT, "cert.pem"}, {CURLOPT_SSLKEY, "key.pem"}};
    for (size_t i = 0; dir && *dir && i < ARRAY_SIZE(files); i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", dir, files[i].file);
        curl_easy_setopt(curl, files[i].option, path);
    }
}

/* Finds the engine. Returns NULL, or why it can't be asked. */
static const char *engine_config_find(struct engine *engine)
{
    const char *host = getenv("DOCKER_HOST");
    const char *verify = getenv("DOCKER_TLS_VERIFY");
    bool tls = verify && *verify;
    if (!host || !*host)
        host = "unix:///var/run/docker.sock";
    if (!strncmp(host, "unix://", 7)) {
        curl_easy_setopt(engine->curl, CURLOPT_UNIX_SOCKET_PATH, host + 7);
        snprintf(engine->url, sizeof(engine->url), "http://engine/images/");
    } else if (!strncmp(host, "tcp://", 6) && strlen(host) < 300) {
        snprintf(engine->url, sizeof(engine->url), "http%s://%s/images/", tls ? "s" : "",
                 host + 6);
        if (tls)
            engine_config_use_tls(engine->curl);
    } else {
        return "DOCKER_HOST is neither unix:// nor tcp://, the kinds that are asked";
    }
    return NULL;
}

static const char *engine_config_explain(struct engine *engine, CURLcode r)
{
    switch (r) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return "no engine answers (DOCKER_HOST, or /var/run/docker.sock)";
    case CURLE_OPERATION_TIMEDOUT:
        return "the engine did not answer within 2 seconds";
    case CURLE_WRITE_ERROR:
        return "the engine's answer is larger than 1 MiB";
    default:
        return engine->error[0] ? engine->error : curl_easy_strerror(r);
    }
}

/* Keeps the two lists that matter, so that little goes through the pipe. */
static struct value *engine_config_essence(struct values *pool, const struct value *image)
{
    static const char *const lists[] = {"Env", "OnBuild"};
    const struct value *config = value_get(image, "Config");
    struct value *essence = value_new(pool, VALUE_MAP);
    if (value_is(config, VALUE_MAP))
        value_put(pool, essence, BYTES("Config"),
                  value_keep(pool, config, lists, ARRAY_SIZE(lists)));
    return essence;
}

/* Asks about one image. Returns NULL, or why *ret_image is not set. */
static const char *engine_config_ask(struct engine *engine, const char *name,
                                     struct values *pool, struct value **ret_image)
{
    char url[sizeof(engine->url) + 600];
    uint64_t now = clock_now_ns();
    if (now >= engine->deadline_ns)
        return "the engine did not answer within 2 seconds";
    if (strlen(name) > 512)
        return "its name is too long";
    snprintf(url, sizeof(url), "%s%s/json", engine->url, name);
    cleanup_buf struct buf body = BUF(BODY_MAX);
    engine->error[0] = 0;
    curl_easy_setopt(engine->curl, CURLOPT_URL, url);
    curl_easy_setopt(engine->curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(engine->curl, CURLOPT_TIMEOUT_MS,
                     (long)((engine->deadline_ns - now) / 1000000 + 1));
    CURLcode r = curl_easy_perform(engine->curl);
    if (r != CURLE_OK)
        return engine_config_explain(engine, r);
    long status = 0;
    curl_easy_getinfo(engine->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 404)
        return "the engine does not have that image yet";
    if (status != 200)
        return "the engine refused to tell";
    struct value *image;
    if (json_read(pool, BYTES("the engine's answer"), buf_bytes(&body), &image, NULL) < 0 ||
        image->kind != VALUE_MAP)
        return "the engine's answer is not JSON";
    *ret_image = engine_config_essence(pool, image);
    return NULL;
}

static int engine_config_print_line(const struct value *line)
{
    cleanup_buf struct buf text = BUF(6 * BODY_MAX); /* an escape has at most six bytes */
    int r = json_write(line, &text);
    r = r < 0 ? r : buf_add_byte(&text, '\n');
    return r < 0 ? r : io_write_full(STDOUT_FILENO, text.at, text.len);
}

int main(int argc, char **argv)
{
    struct engine engine = {.deadline_ns = clock_now_ns() + DEADLINE_MS * 1000000ull};
    if (argc < 2) {
        fprintf(stderr, "usage: ctx-engine-config IMAGE...\n");
        return 2;
    }
    engine.curl = curl_easy_init();
    if (!engine.curl)
        return 1;
    const char *nowhere = engine_config_find(&engine);
    curl_easy_setopt(engine.curl, CURLOPT_WRITEFUNCTION, engine_config_on_body);
    curl_easy_setopt(engine.curl, CURLOPT_ERRORBUFFER, engine.error);
    curl_easy_setopt(engine.curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(engine.curl, CURLOPT_NOSIGNAL, 1L);
    /* A proxy is for the internet, and a redirect could lead to another server. */
    curl_easy_setopt(engine.curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(engine.curl, CURLOPT_FOLLOWLOCATION, 0L);
    int r = 0;
    for (int i = 1; i < argc && r == 0; i++) {
        cleanup_values struct values pool = {0};
        struct value *image = NULL, *line = value_new(&pool, VALUE_MAP);
        const char *error =
            nowhere ? nowhere : engine_config_ask(&engine, argv[i], &pool, &image);
        value_put(&pool, line, BYTES("name"), value_string(&pool, bytes_of(argv[i])));
        value_put(&pool, line, error ? BYTES("error") : BYTES("image"),
                  error ? value_shown(&pool, bytes_of(error)) : image);
        r = engine_config_print_line(line);
    }
    curl_easy_cleanup(engine.curl);
    return r < 0;
}
