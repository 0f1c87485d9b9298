/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is an ignore file and paths, each after a NUL. No input may crash or stall the
 * reader. If the input is small enough, the fast matcher must give the same verdicts as the
 * slow one, which follows the rules literally.
 */
#include "fuzz.h"
#include "ignore-engine.h"

/* Bytes, bytes, components and paths that the slow matcher judges in good time: it runs each
 * pattern on the whole path of each directory. */
enum { TEXT_MAX = 4096, PATH_BYTES = 256, DEPTH = 12, PATHS = 8 };

static void expect(bool holds, const char *what, struct bytes text, struct bytes path)
{
    FUZZ_CHECK(holds, "%s: of %s, %s", what, QUOTE(text), QUOTE(path));
}

/* Walks to a path, a component at a time. All components but the last are directories. slow may
 * be NULL. */
static void walk(const struct ignore *quick, const struct ignore *slow, struct bytes text,
                 struct bytes path)
{
    struct ignore_dir *here = NULL, *there = NULL;
    struct bytes rest = bytes_head(path, PATH_BYTES), name;
    bool left = false; /* quick does not descend into the directory */
    for (int depth = 0; depth < DEPTH && bytes_next(&rest, '/', &name); depth++) {
        if (name.len == 0)
            continue;
        struct ignore_verdict a = {0}, b = {0};
        struct ignore_dir *below = NULL, *beneath = NULL;
        bool is_dir = rest.at;
        int r = left ? 0
                     : ignore_check(quick, here ? here : ignore_root(quick), name, is_dir, &a,
                                    &below, NULL);
        if (slow) {
            int s = ignore_check(slow, there ? there : ignore_root(slow), name, is_dir, &b,
                                 &beneath, NULL);
            expect(r == s || left, "failure", text, path);
            expect(a.keep == b.keep, "keep", text, path);
            expect(a.no_content == b.no_content, "content", text, path);
            expect(left || a.rule == b.rule, "rule", text, path);
            expect(a.descend <= b.descend, "descend", text, path);
        }
        ignore_leave(here);
        ignore_leave(there);
        here = below;
        there = beneath;
        left = left || !here;
        if (r < 0 || (slow ? !there : !here))
            break;
    }
    ignore_leave(here);
    ignore_leave(there);
}

static void judge(struct bytes text, struct bytes paths, enum ignore_rules rules)
{
    struct ignore *quick = NULL, *slow = NULL;
    struct failure f = {0};
    cleanup_notes struct notes notes = {0};
    if (ignore_parse(BYTES("fuzz"), text, rules, &notes, &quick, &f) < 0) {
        expect(f.text[0] && f.code < 0, "no message", text, BYTES(""));
        return;
    }
    if (quick->engine == &automaton_engine && text.len <= TEXT_MAX &&
        ignore_parse(BYTES("fuzz"), text, rules, NULL, &slow, &f) == 0) {
        ignore_leave(slow->root);
        slow->engine = &literal_engine;
        expect(slow->engine->root(slow, &slow->root) == 0, "root", text, BYTES(""));
    }
    for (uint32_t i = 1; i <= ignore_count(quick); i++)
        expect(ignore_rule(quick, i).line > 0, "rule", text, BYTES(""));
    struct bytes path;
    for (int i = 0; i < PATHS && bytes_next(&paths, 0, &path); i++) {
        bool excluded;
        walk(quick, slow, text, path);
        if (text.len <= TEXT_MAX && path.len <= PATH_BYTES &&
            ignore_path(quick, path, &excluded, &f) < 0)
            expect(f.text[0], "no message", text, path);
    }
    ignore_free(quick);
    ignore_free(slow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes all = bytes_at(data, size);
    size_t end = bytes_find(all, 0);
    struct bytes text = bytes_head(all, end), paths = bytes_from(all, end + 1);
    judge(text, paths, IGNORE_BUILDKIT);
    judge(text, paths, IGNORE_LIBRARY);
    judge(text, paths, IGNORE_CLASSIC);
    return 0;
}
