/* SPDX-License-Identifier: Apache-2.0 */
/* struct http: what http.c, http-answer.c, url.c and metrics.c share. */
#ifndef CTXD_HTTP_PRIV_H
#define CTXD_HTTP_PRIV_H

#include "http-connections.h"
#include "http-say.h"
#include "urls.h"

struct http {
    struct daemon *daemon;
    struct MHD_Daemon *mhd;
    struct urls *urls;
    struct sockaddr_in address; /* where we listen */
    char address_text[32];      /* "127.0.0.1:1234" */
    struct http_connections connections;
    struct http_counts counts;
};

#endif
