# SPDX-License-Identifier: Apache-2.0
# An image with ctx-recipe and nothing else, for `--mount=from=` and `COPY --from=`:
#
#     script/build && docker build -t ctxtools -f client/ctx-recipe.Dockerfile build
FROM scratch
COPY ctx-recipe /ctx-recipe
ENTRYPOINT ["/ctx-recipe"]
