/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a view: what they are made of, and what a caller is told of them. */
#include "rules.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>

/* A request with these texts; `ignore` NULL: there is no ignore file. */
struct asked {
    struct control control;
    struct dockerfile *df;
    struct send_request request;
};

static struct asked *ask_for(struct asked *asked, const char *dockerfile, const char *ignore)
{
    struct failure f = {0};
    *asked = (struct asked){.control = {.dockerfile_name = BYTES("Dockerfile"),
                                        .dockerfile = bytes_of(dockerfile),
                                        .ignore_name = BYTES("my.ignore"),
                                        .ignore = bytes_of(ignore),
                                        .has_ignore = ignore != NULL}};
    if (dockerfile_parse(BYTES("Dockerfile"), asked->control.dockerfile, &asked->df, &f) < 0)
        TAP_CHECKF(false, "%s", f.text);
    asked->request = (struct send_request){
        .root_fd = -1, .control = &asked->control, .dockerfile = asked->df};
    return asked;
}

static void test_made(void)
{
    struct asked asked;
    struct failure f = {0};
    struct rules *rules = NULL;

    tap_case("the tree is walked by what the ignore file keeps and the Dockerfile reads");
    ask_for(&asked, "FROM scratch\nCOPY a /\n", "*.log\n");
    TAP_CHECKF(rules_make(&asked.request, NULL, &rules, &f) == 0, "%s", f.text);
    TAP_CHECK(rules->tree.ignore && rules->tree.ignore == rules->ignore);
    TAP_CHECK(rules->tree.reads && rules->tree.reads == rules->reads);
    TAP_CHECK(reads_cover(rules->reads, BYTES("a")) && !reads_cover(rules->reads, BYTES("b")));
    rules_unref(rules);

    tap_case("with `full` the reads are known, and the tree is not pruned by them");
    asked.request.full = true;
    TAP_CHECKF(rules_make(&asked.request, NULL, &rules, &f) == 0, "%s", f.text);
    TAP_CHECK(rules->reads && !rules->tree.reads && rules->tree.ignore);
    rules_unref(rules);

    tap_case("the rules of a recipe are the ignore rules alone");
    TAP_CHECKF(rules_make_names(&asked.request, &rules, &f) == 0, "%s", f.text);
    TAP_CHECK(!rules->reads && !rules->tree.reads && rules->tree.ignore == rules->ignore);
    rules_unref(rules);
    dockerfile_free(asked.df);

    tap_case("without an ignore file nothing is ignored");
    ask_for(&asked, "FROM scratch\nCOPY a /\n", NULL);
    TAP_CHECKF(rules_make(&asked.request, NULL, &rules, &f) == 0, "%s", f.text);
    TAP_CHECK(!rules->ignore && !rules->tree.ignore);

    tap_case("rules live until the last reference is dropped");
    struct rules *second = rules_ref(rules);
    rules_unref(rules);
    TAP_CHECK(reads_cover(second->reads, BYTES("a")));
    rules_unref(second);
    rules_unref(NULL);
    dockerfile_free(asked.df);
}

static void test_told(void)
{
    struct asked asked;
    struct failure f = {0};
    struct notes notes = {0};
    struct rules *rules = NULL;

    tap_case("a note says why everything is sent, unless everything was asked for");
    ask_for(&asked, "FROM scratch\nARG X\nCOPY $X /\n", "x\n");
    TAP_CHECKF(rules_make(&asked.request, &notes, &rules, &f) == 0, "%s", f.text);
    TAP_CHECK(notes.n > 0 && rules->reads->everything);
    rules_unref(rules);
    size_t n = notes.n;
    asked.request.full = true;
    TAP_CHECKF(rules_make(&asked.request, &notes, &rules, &f) == 0, "%s", f.text);
    TAP_CHECKF(notes.n == n, "%zu", notes.n);
    rules_unref(rules);
    dockerfile_free(asked.df);

    tap_case("a bad pattern fails, and names the file and its line");
    ask_for(&asked, "FROM scratch\nCOPY a /\n", "fine\n[\n");
    rules = NULL;
    TAP_CHECK(rules_make(&asked.request, NULL, &rules, &f) == -EINVAL && !rules);
    TAP_CHECKF(strstr(f.text, "my.ignore") && strstr(f.text, "2"), "%s", f.text);
    f = (struct failure){0};
    TAP_CHECK(rules_make_names(&asked.request, &rules, &f) == -EINVAL && !rules);
    dockerfile_free(asked.df);

    tap_case("a target that the Dockerfile does not have fails");
    ask_for(&asked, "FROM scratch\nCOPY a /\n", NULL);
    asked.request.reads.target = BYTES("nope");
    TAP_CHECK(rules_make(&asked.request, NULL, &rules, &f) == -EINVAL && !rules);
    dockerfile_free(asked.df);
    notes_release(&notes);
}

int main(void)
{
    test_made();
    test_told();
    return tap_end();
}
