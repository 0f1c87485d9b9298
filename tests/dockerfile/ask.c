/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

void ask_read(struct ask *ask, const char *options)
{
    *ask = (struct ask){.request = {.args = ask->args, .trusted = ask->trusted}};
    ask->base = (struct df_base){.env = ask->env, .onbuild = ask->onbuild};
    struct df_request *request = &ask->request;
    struct bytes rest = bytes_of(options), item;
    while (bytes_next(&rest, ';', &item)) {
        size_t equals = bytes_find(item, '=');
        struct bytes key = bytes_head(item, equals), value = bytes_from(item, equals + 1);
        if (bytes_equal(key, BYTES("target"))) {
            request->target = value;
        } else if (bytes_equal(key, BYTES("last"))) {
            request->last_only = true;
        } else if (bytes_equal(key, BYTES("final"))) {
            request->args_final = true;
        } else if (bytes_equal(key, BYTES("platform"))) {
            request->platform = value;
        } else if (bytes_equal(key, BYTES("buildkit"))) {
            request->builder = DF_BUILDKIT;
        } else if (bytes_equal(key, BYTES("classic"))) {
            request->builder = DF_CLASSIC;
        } else if (bytes_equal(key, BYTES("trust"))) {
            ask->trusted[request->n_trusted++] = value;
        } else if (bytes_equal(key, BYTES("arg"))) {
            size_t e = bytes_find(value, '=');
            ask->args[request->n_args++] =
                (struct df_arg){bytes_head(value, e), bytes_from(value, e + 1), e < value.len};
        } else if (bytes_equal(key, BYTES("base"))) {
            ask->base.name = value;
            ask->base.known = true;
            request->bases = &ask->base;
            request->n_bases = 1;
        } else if (bytes_equal(key, BYTES("silent"))) {
            ask->base.known = false;
            ask->base.reason = BYTES("no such image");
        } else if (bytes_equal(key, BYTES("env"))) {
            ask->env[ask->base.n_env++] = value;
        } else if (bytes_equal(key, BYTES("onbuild"))) {
            ask->onbuild[ask->base.n_onbuild++] = value;
        }
    }
}
