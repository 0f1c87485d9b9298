/* SPDX-License-Identifier: Apache-2.0 */
#include "http-say.h"

#include "thread-kind.h"

#include <stdarg.h>
#include <stdio.h>

const unsigned http_statuses[HTTP_CLASSES] = {
    [HTTP_200] = 200, [HTTP_304] = 304, [HTTP_403] = 403, [HTTP_404] = 404,
    [HTTP_405] = 405, [HTTP_410] = 410, [HTTP_500] = 500, [HTTP_503] = 503,
};

enum MHD_Result http_queue(struct http_counts *counts, struct MHD_Connection *connection,
                           unsigned status, struct MHD_Response *response)
{
    ASSERT_THREAD(THREAD_HTTP);
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < HTTP_CLASSES; i++)
        if (http_statuses[i] == status)
            count(&counts->statuses[i], 1);
    enum MHD_Result r = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return r;
}

enum MHD_Result http_say(struct http_counts *counts, struct MHD_Connection *connection,
                         unsigned status, const char *format, ...)
{
    char text[sizeof(((struct failure *)NULL)->text) + 64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text) - 1, format, args);
    va_end(args);
    size_t len = strlen(text);
    text[len++] = '\n';
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (status == 405)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (status == 503)
        MHD_add_response_header(response, "Retry-After", "1");
    return http_queue(counts, connection, status, response);
}
