/* SPDX-License-Identifier: Apache-2.0 */
/* What --base-config=none and a --base-config file say of base images. */
#include "bases.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>

/* Writes a file with this text. */
static bool write_file(const char *path, const char *text)
{
    FILE *to = fopen(path, "we");
    if (!to)
        return TAP_CHECKF(false, "%s: %s", path, strerror(errno));
    fputs(text, to);
    return TAP_CHECK(fclose(to) == 0);
}

static void test_bases(const char *dir)
{
    cleanup_arena struct arena arena = {0};
    struct df_base *bases = NULL;
    struct failure f = {0};
    char path[256];
    snprintf(path, sizeof(path), "%s/bases.json", dir);
    tap_case("with --base-config=none an image is unknown, and the reason says so");
    struct bytes name = BYTES("corp/base:1");
    TAP_CHECK(bases_find("none", &name, 1, &arena, &bases, &f) == 0 && !bases[0].known);
    TAP_EQUAL(bases[0].reason, BYTES("--base-config=none"));

    static const struct {
        const char *asked, *listed; /* in RepoTags or RepoDigests */
        bool known;
    } names[] = {
        {"base", "base:latest", true},
        {"docker.io/library/base", "base:latest", true},
        {"base:1", "docker.io/base:1", true},
        {"localhost:5000/base", "localhost:5000/base:latest", true},
        {"base:1@sha256:ab", "base@sha256:ab", true},
        {"base", "base:1", false},
        {"base:1", "corp/base:1", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        tap_case("an image with the name %s is %sfound as %s", names[i].listed,
                 names[i].known ? "" : "not ", names[i].asked);
        char text[512];
        snprintf(text, sizeof(text),
                 "[{\"%s\": [\"other:1\", \"%s\"], \"Config\": {\"Env\": [\"A=1\"], "
                 "\"OnBuild\": [\"COPY a /\"]}}]",
                 strchr(names[i].listed, '@') ? "RepoDigests" : "RepoTags", names[i].listed);
        name = bytes_of(names[i].asked);
        if (!write_file(path, text) ||
            !TAP_CHECKF(bases_find(path, &name, 1, &arena, &bases, &f) == 0, "%s", f.text))
            continue;
        TAP_CHECK(bases[0].known == names[i].known);
        if (bases[0].known && TAP_CHECK(bases[0].n_env == 1 && bases[0].n_onbuild == 1))
            TAP_EQUAL(bases[0].onbuild[0], BYTES("COPY a /"));
    }
    tap_case(
        "a file that is missing, not JSON, or not an image is an error that names the file");
    name = BYTES("base");
    TAP_CHECK(bases_find("/nonexistent", &name, 1, &arena, &bases, &f) == -ENOENT);
    TAP_CHECK(strstr(f.text, "--base-config: \"/nonexistent\""));
    write_file(path, "[\n\n{]");
    TAP_CHECK(bases_find(path, &name, 1, &arena, &bases, &f) == -EINVAL);
    TAP_CHECK(strstr(f.text, "bases.json\":3: "));
    write_file(path, "{\"RepoTags\": [\"base:latest\"], \"Config\": {\"Env\": 7}}");
    TAP_CHECK(bases_find(path, &name, 1, &arena, &bases, &f) == -EINVAL);
    TAP_CHECK(strstr(f.text, "is no list of strings"));

    tap_case("a byte order mark before the images is skipped");
    write_file(path, "\xef\xbb\xbf{\"RepoTags\": [\"base:latest\"], \"Config\": {}}");
    TAP_CHECKF(bases_find(path, &name, 1, &arena, &bases, &f) == 0, "%s", f.text);
    TAP_CHECK(bases[0].known);
    tap_case("a key that an image has twice is an error, as in manifests");
    write_file(path, "{\"RepoTags\": [],\n \"RepoTags\": [\"base:latest\"], \"Config\": {}}");
    TAP_CHECK(bases_find(path, &name, 1, &arena, &bases, &f) == -EINVAL);
    TAP_CHECK(strstr(f.text, "bases.json\":2: "));
    unlink(path);
}

int main(void)
{
    char dir[] = "/tmp/ctxd-test-XXXXXX";
    scratch_make(dir);
    test_bases(dir);
    tap_case("nothing is left behind");
    TAP_CHECK(rmdir(dir) == 0);
    return tap_end();
}
