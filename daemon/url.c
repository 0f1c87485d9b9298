/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include "http-priv.h"
#include "http.h"
#include "thread-kind.h"
#include "urls.h"

#include <errno.h>
#include <stdio.h>

/*
 * Prints the line that names a selection. It contains everything of the request that decides
 * the bytes of an answer. It does not contain what only says who asked (the release, the mount
 * namespace, the name of the root as it was typed), nor what is read anew for each answer.
 * Plain and gzip share an address.
 */
static int url_print_selection(const struct root *root, const struct proto_request *request,
                               struct buf *line, struct failure *f)
{
    struct proto_request selection = *request;
    const struct send_request *asked = &request->send;
    selection.version = selection.build = BYTES("");
    selection.kind = PROTO_URL;
    selection.root_path = selection.root_name = root->path;
    selection.mount_ns_dev = selection.mount_ns_ino = 0;
    selection.control = (struct control){0};
    selection.progress = selection.per_instruction = selection.since_given = false;
    selection.since = selection.timeout_ms = 0;
    selection.send.codec = SEND_GZIP;
    selection.send.level = asked->codec == SEND_GZIP ? asked->level : SEND_GZIP_LEVEL;
    for (size_t i = 0; i < PROTO_FDS; i++)
        selection.fds[i] = -1;
    return proto_request_print(&selection, line, f);
}

int url_make(struct daemon *daemon, struct root *root, const struct proto_request *request,
             char url[URL_LEN_MAX], struct failure *f)
{
    ASSERT_THREAD(THREAD_LANE);
    if (!daemon->http)
        return fail(f, -EOPNOTSUPP, "the daemon serves no HTTP: %s",
                    daemon->http_failure.code ? daemon->http_failure.text
                                              : "start it without --http=off");
    if (request->send.codec == SEND_ZSTD)
        return fail(f, -EINVAL, "no builder takes zstd from an address: use gzip, or none");
    cleanup_buf struct buf line = BUF(PROTO_REQUEST_MAX);
    struct url_token token;
    char text[URL_TOKEN_HEX + 1];
    int r = url_print_selection(root, request, &line, f);
    if (r == 0)
        r = urls_token(daemon->http->urls, buf_bytes(&line), &token, f);
    if (r < 0)
        return r;
    url_token_text(&token, text);
    snprintf(url, URL_LEN_MAX, "http://%s/%s/context.tar%s", http_address(daemon), text,
             request->send.codec == SEND_GZIP ? ".gz" : "");
    return 0;
}
