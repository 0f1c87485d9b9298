/* SPDX-License-Identifier: Apache-2.0 */
#include "http-fakes.h"
#include "http.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void test_ports(void)
{
    char directory[] = "/tmp/ctxd-listen-XXXXXX";
    scratch_make(directory);
    struct fake_setup fake = {
        .directory = directory, .port = HTTP_CHOSEN, .lanes = 2, .clients = 4, .quiet = true};
    struct daemon *daemon = fake_new(&fake);
    struct failure f = {0};
    TAP_CHECKF(http_start(daemon, &f) == 0, "%s", f.text);

    tap_case("a second daemon of the user takes the next port");
    struct daemon *other = fake_new(&fake);
    TAP_CHECKF(http_start(other, &f) == 0, "%s", f.text);
    TAP_CHECK(strcmp(http_address(other), http_address(daemon)) != 0);
    fake_free(other);

    tap_case("a port that was asked for and is taken is a failure that says so");
    struct bytes port = bytes_of(http_address(daemon) + strlen("127.0.0.1:"));
    uint64_t number;
    TAP_CHECK(number_parse(port, &number) == 0);
    fake.port = (int64_t)number;
    other = fake_new(&fake);
    TAP_CHECK(http_start(other, &f) == -EADDRINUSE);
    TAP_CHECK(strstr(f.text, "--http=PORT"));
    fake_free(other);

    tap_case("a passed socket that others can reach is refused");
    other = fake_new(&fake);
    struct sockaddr_in any = {.sin_family = AF_INET};
    other->http_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TAP_CHECK(bind(other->http_fd, (struct sockaddr *)&any, sizeof(any)) == 0);
    TAP_CHECK(listen(other->http_fd, 1) == 0);
    TAP_CHECK(http_start(other, &f) == -EINVAL);
    fake_free(other);
    fake_free(daemon);
    scratch_remove(directory);
}

int main(void)
{
    test_ports();
    return tap_end();
}
