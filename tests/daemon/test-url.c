/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fakes.h"
#include "http.h"
#include "scratch.h"
#include "tap.h"
#include "url.h"

#include <errno.h>

static void make_url(struct daemon *daemon, const char *target, enum send_codec codec,
                     int level, bool bare, char url[URL_LEN_MAX])
{
    struct root root = {.path = BYTES("/made/up")};
    struct failure f = {0};
    struct proto_request *request = fake_request("/made/up", target, codec, level, bare);
    TAP_CHECKF(url_make(daemon, &root, request, url, &f) == 0, "%s", f.text);
    proto_request_free(request);
}

static void test_url_make(void)
{
    char directory[] = "/tmp/ctxd-url-XXXXXX";
    scratch_make(directory);
    struct fake_setup fake = {
        .directory = directory, .port = HTTP_CHOSEN, .lanes = 2, .clients = 4, .quiet = true};
    struct daemon *daemon = fake_new(&fake);
    struct failure f = {0};
    char a[URL_LEN_MAX], b[URL_LEN_MAX];
    struct root root = {.path = BYTES("/made/up")};
    struct proto_request *request = fake_request("/made/up", "t", SEND_TAR, 0, false);

    tap_case("without HTTP there is no address");
    TAP_CHECK(url_make(daemon, &root, request, a, &f) == -EOPNOTSUPP);
    TAP_EQUAL(bytes_of(http_address(daemon)), BYTES("off"));
    TAP_CHECKF(http_start(daemon, &f) == 0, "%s", f.text);

    tap_case("the same selection has the same address, whoever asks");
    make_url(daemon, "t", SEND_TAR, 0, false, a);
    TAP_CHECK(bytes_starts(bytes_of(a), BYTES("http://127.0.0.1:2")));
    TAP_CHECK(bytes_ends(bytes_of(a), BYTES("/context.tar")));
    request->version = BYTES("0.0.1");
    request->build = BYTES("other");
    request->root_name = BYTES("../up");
    request->mount_ns_ino = 9;
    request->progress = true;
    request->control.dockerfile_stat.st_ino = 5;
    request->control.dockerfile_name = BYTES("x");
    TAP_CHECK(url_make(daemon, &root, request, b, &f) == 0);
    TAP_EQUAL(bytes_of(b), bytes_of(a));

    tap_case("plain and gzip share a token");
    make_url(daemon, "t", SEND_GZIP, SEND_GZIP_LEVEL, false, b);
    TAP_CHECK(bytes_ends(bytes_of(b), BYTES("/context.tar.gz")));
    TAP_EQUAL(bytes_head(bytes_of(b), strlen(a)), bytes_of(a));

    tap_case("another selection has another");
    make_url(daemon, "u", SEND_TAR, 0, false, b);
    TAP_CHECK(strcmp(a, b) != 0);
    make_url(daemon, "t", SEND_TAR, 0, true, b);
    TAP_CHECK(strcmp(a, b) != 0);
    make_url(daemon, "t", SEND_GZIP, 9, false, b);
    TAP_CHECK(strncmp(a, b, strlen(a)) != 0);
    request->dockerfile_path = BYTES("/made/up/other");
    TAP_CHECK(url_make(daemon, &root, request, b, &f) == 0);
    TAP_CHECK(strcmp(a, b) != 0);
    request->send.codec = SEND_ZSTD;
    TAP_CHECK(url_make(daemon, &root, request, b, &f) == -EINVAL);
    proto_request_free(request);
    fake_free(daemon);
    scratch_remove(directory);
}

int main(void)
{
    test_url_make();
    return tap_end();
}
