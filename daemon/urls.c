/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and values in the database:
 *
 *   "http/port"           "28411"
 *   "url/" 32 hex digits  "1 " seconds " " line
 *
 * 1 is the format; seconds is the wall clock when the address was last used. An entry that
 * can't be read (of another release) is dropped: the next `ctx url` makes a new address.
 */
#include "urls.h"

#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define PREFIX "url/"
#define PORT_KEY BYTES("http/port")

/* Seconds by which the time of use in the database may be too old. It only decides which
 * address is forgotten first, so the database is not written at each use. */
#define USE_SECONDS 3600

struct url {
    struct url_token token;
    struct digest128 line_digest;
    struct bytes line; /* owned */
    uint64_t used_s;   /* by the wall clock, because it must outlive a restart */
    uint64_t stored_s; /* used_s as the database has it */
};

struct urls {
    struct hashdb *hashes;
    pthread_mutex_t lock; /* guards all below; never held while the database is written */
    struct url *at;       /* room for URLS_MAX and one more, before another is forgotten */
    size_t n;
    size_t bytes; /* of all lines */
    uint16_t port;
};

static uint64_t url_wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0;
}

/* ---- text ---------------------------------------------------------------------------- */

void url_token_text(const struct url_token *token, char text[URL_TOKEN_HEX + 1])
{
    hex_text(text, token->at, sizeof(token->at));
}

bool url_token_parse(struct bytes text, struct url_token *ret)
{
    return text.len == URL_TOKEN_HEX && hex_bytes(text, ret->at);
}

/* "1 <seconds> <line>" */
static bool url_parse_value(struct bytes value, uint64_t *ret_used_s, struct bytes *ret_line)
{
    struct bytes version, seconds, rest = value;
    if (!bytes_next(&rest, ' ', &version) || !bytes_equal(version, BYTES("1")) || !rest.at)
        return false;
    if (!bytes_next(&rest, ' ', &seconds) || number_parse(seconds, ret_used_s) < 0 || !rest.at)
        return false;
    *ret_line = rest;
    return rest.len > 0;
}

/* ---- the database -------------------------------------------------------------------- */

/* A change that is written to the database once the lock is released. */
struct change {
    struct url_token token;
    struct bytes line; /* owned; NULL: delete the token */
    uint64_t used_s;
};

static void urls_store(struct urls *urls, struct change *change)
{
    char key[sizeof(PREFIX) + URL_TOKEN_HEX] = PREFIX;
    url_token_text(&change->token, key + strlen(PREFIX));
    int r = 0;
    if (change->line.at) {
        cleanup_buf struct buf value = BUF(URLS_BYTES_MAX + 64);
        r = buf_addf(&value, "1 %llu ", (unsigned long long)change->used_s);
        r = r < 0 ? r : buf_add_bytes(&value, change->line);
        struct bytes bytes = buf_bytes(&value);
        r = r < 0 ? r : hashdb_set(urls->hashes, bytes_of(key), &bytes);
    } else {
        r = hashdb_set(urls->hashes, bytes_of(key), NULL);
    }
    /* If it could not be kept, the address works until the daemon ends. */
    if (r < 0) {
        char why[HASHDB_WHY_MAX];
        hashdb_why(urls->hashes, why);
        log_event(LOG_WARNING, "url-not-kept", "error=%s",
                  LOG_VALUE(bytes_of(why[0] ? why : strerror(-r))));
    }
    bytes_free(&change->line);
}

/* ---- the list ------------------------------------------------------------------------ */

/* Adds an address; takes line. */
static struct url *urls_add__with_lock(struct urls *urls, const struct url_token *token,
                                       struct bytes line, uint64_t used_s)
{
    struct url *url = &urls->at[urls->n++];
    *url = (struct url){*token, digest128(line), line, used_s, used_s};
    urls->bytes += line.len;
    return url;
}

/* Removes the address that was used longest ago; returns its token. */
static struct url_token urls_evict__with_lock(struct urls *urls)
{
    struct url *oldest = urls->at;
    for (struct url *url = urls->at; url < urls->at + urls->n; url++)
        if (url->used_s < oldest->used_s)
            oldest = url;
    struct url_token token = oldest->token;
    urls->bytes -= oldest->line.len;
    bytes_free(&oldest->line);
    *oldest = urls->at[--urls->n];
    return token;
}

static bool urls_is_full__with_lock(const struct urls *urls, size_t more)
{
    return urls->n == URLS_MAX || urls->bytes + more > URLS_BYTES_MAX;
}

/* Compares all tokens, and each to its end, so that the time shows nothing of a wrong one. */
static struct url *urls_find_token__with_lock(struct urls *urls, const struct url_token *token)
{
    size_t found = urls->n;
    for (size_t i = 0; i < urls->n; i++) {
        unsigned differ = 0;
        for (size_t j = 0; j < sizeof(token->at); j++)
            differ |= (unsigned)(urls->at[i].token.at[j] ^ token->at[j]);
        /* All bits are ones if the tokens are equal, else zeros: differ is at most 255. */
        size_t equal = (size_t)0 - (size_t)((differ - 1u) >> 31);
        found = (found & ~equal) | (i & equal);
    }
    return found < urls->n ? &urls->at[found] : NULL;
}

static struct url *urls_find_line__with_lock(struct urls *urls, struct bytes line)
{
    struct digest128 digest = digest128(line);
    for (struct url *url = urls->at; url < urls->at + urls->n; url++)
        if (digest128_equal(&url->line_digest, &digest) && bytes_equal(url->line, line))
            return url;
    return NULL;
}

/* ---- from outside -------------------------------------------------------------------- */

struct loading {
    struct urls *urls;
    struct url_token *drop;
    size_t n_drop, cap;
};

static void urls_drop_later(struct loading *loading, const struct url_token *token)
{
    if (loading->n_drop == loading->cap) {
        loading->cap = loading->cap ? 2 * loading->cap : 16;
        loading->drop = xrealloc(loading->drop, loading->cap * sizeof(*loading->drop));
    }
    loading->drop[loading->n_drop++] = *token;
}

static void on_url_stored(void *context, struct bytes key, struct bytes value)
{
    struct loading *loading = context;
    struct urls *urls = loading->urls;
    struct url_token token;
    struct bytes line;
    uint64_t used_s;
    if (!url_token_parse(bytes_from(key, strlen(PREFIX)), &token))
        return;
    if (!url_parse_value(value, &used_s, &line) || line.len > URLS_BYTES_MAX ||
        urls_find_token__with_lock(urls, &token) || urls_find_line__with_lock(urls, line)) {
        urls_drop_later(loading, &token);
        return;
    }
    urls_add__with_lock(urls, &token, bytes_dup(line), used_s);
    while (urls->n > URLS_MAX || urls->bytes > URLS_BYTES_MAX) {
        token = urls_evict__with_lock(urls);
        urls_drop_later(loading, &token);
    }
}

static void on_url_port(void *context, struct bytes key, struct bytes value)
{
    struct urls *urls = context;
    uint64_t port;
    if (bytes_equal(key, PORT_KEY) && number_parse(value, &port) == 0 && port <= UINT16_MAX)
        urls->port = (uint16_t)port;
}

struct urls *urls_open(struct hashdb *hashes)
{
    struct urls *urls = xcalloc(1, sizeof(*urls));
    urls->hashes = hashes;
    urls->at = xcalloc(URLS_MAX + 1, sizeof(*urls->at));
    /* The lock is not needed yet: no other thread knows of urls. */
    pthread_mutex_init(&urls->lock, NULL);
    struct loading loading = {.urls = urls};
    hashdb_each(hashes, BYTES(PREFIX), on_url_stored, &loading);
    hashdb_each(hashes, PORT_KEY, on_url_port, urls);
    for (size_t i = 0; i < loading.n_drop; i++)
        urls_store(urls, &(struct change){.token = loading.drop[i]});
    free(loading.drop);
    return urls;
}

void urls_close(struct urls *urls)
{
    if (!urls)
        return;
    while (urls->n)
        urls_evict__with_lock(urls);
    pthread_mutex_destroy(&urls->lock);
    free(urls->at);
    free(urls);
}

/* Notes that it is used now. true: *change must be written to the database. */
static bool url_use__with_lock(struct url *url, struct change *change)
{
    url->used_s = url_wall_seconds();
    if (url->used_s - url->stored_s < USE_SECONDS && url->used_s >= url->stored_s)
        return false;
    url->stored_s = url->used_s;
    *change = (struct change){url->token, bytes_dup(url->line), url->used_s};
    return true;
}

int urls_token(struct urls *urls, struct bytes line, struct url_token *ret, struct failure *f)
{
    if (line.len > PROTO_REQUEST_MAX)
        return fail(f, -E2BIG, "a selection of more than %u bytes", PROTO_REQUEST_MAX);
    struct url_token fresh;
    if (getrandom(fresh.at, sizeof(fresh.at), 0) != sizeof(fresh.at))
        return fail_errno(f, errno ? -errno : -EIO, "can't make an address");
    struct change *changes = NULL, change;
    size_t n_changes = 0;
    pthread_mutex_lock(&urls->lock);
    struct url *url = urls_find_line__with_lock(urls, line);
    /* A new address may push out several others: one change for each, and one for itself. */
    changes = xcalloc(urls->n + 1, sizeof(*changes));
    if (!url) {
        while (urls_is_full__with_lock(urls, line.len))
            changes[n_changes++].token = urls_evict__with_lock(urls);
        url = urls_add__with_lock(urls, &fresh, bytes_dup(line), 0);
    }
    *ret = url->token;
    if (url_use__with_lock(url, &change))
        changes[n_changes++] = change;
    pthread_mutex_unlock(&urls->lock);
    for (size_t i = 0; i < n_changes; i++)
        urls_store(urls, &changes[i]);
    free(changes);
    return 0;
}

int urls_find(struct urls *urls, const struct url_token *token, struct buf *line)
{
    struct change change;
    bool tell = false;
    int r = -ENOENT;
    pthread_mutex_lock(&urls->lock);
    struct url *url = urls_find_token__with_lock(urls, token);
    if (url) {
        r = buf_add_bytes(line, url->line);
        tell = url_use__with_lock(url, &change);
    }
    pthread_mutex_unlock(&urls->lock);
    if (tell)
        urls_store(urls, &change);
    return r;
}

size_t urls_count(struct urls *urls)
{
    pthread_mutex_lock(&urls->lock);
    size_t n = urls->n;
    pthread_mutex_unlock(&urls->lock);
    return n;
}

uint16_t urls_port(struct urls *urls)
{
    pthread_mutex_lock(&urls->lock);
    uint16_t port = urls->port;
    pthread_mutex_unlock(&urls->lock);
    return port;
}

void urls_set_port(struct urls *urls, uint16_t port)
{
    pthread_mutex_lock(&urls->lock);
    bool same = urls->port == port;
    urls->port = port;
    pthread_mutex_unlock(&urls->lock);
    cleanup_buf struct buf text = BUF(8);
    if (same || buf_addf(&text, "%u", port) < 0)
        return;
    struct bytes value = buf_bytes(&text);
    if (hashdb_set(urls->hashes, PORT_KEY, &value) < 0)
        log_event(LOG_WARNING, "port-not-kept", "port=%u", port);
}
