/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_read(): reads what recipe-write.c writes, and recipes of cargo-chef. Nothing of the
 * input is trusted. */
#include "base64.h"
#include "check.h"
#include "stubs.h"

#include <errno.h>
#include <fcntl.h>

struct reading {
    struct bytes name;
    struct recipe *recipe;
    struct failure *f;
};

static int recipe_read_refuse(const struct reading *x, const char *what)
{
    return fail(x->f, RECIPE_UNSAFE, "%.*s is no recipe: %s", BYTES_ARG(x->name), what);
}

/* Reads a string. If it is missing or null, *ret is {NULL, 0}. A value of another kind, or a
 * NUL in the string, is a failure. */
static int recipe_take_text(const struct reading *x, const struct value *from, const char *key,
                            struct bytes *ret)
{
    const struct value *v = value_get(from, key);
    *ret = (struct bytes){NULL, 0};
    if (!v || v->kind == VALUE_NULL)
        return 0;
    if (v->kind != VALUE_STRING)
        return recipe_read_refuse(x, "a text is not a string");
    if (bytes_find(v->text, 0) < v->text.len)
        return recipe_read_refuse(x, "a text holds a NUL");
    *ret = arena_copy(&x->recipe->arena, v->text);
    return 0;
}

static int recipe_read_needed_text(const struct reading *x, const struct value *from,
                                   const char *key, struct bytes *ret)
{
    int r = recipe_take_text(x, from, key, ret);
    if (r == 0 && !ret->at)
        return fail(x->f, RECIPE_UNSAFE, "%.*s is no recipe: a \"%s\" is missing",
                    BYTES_ARG(x->name), key);
    return r;
}

/* ---- cargo-chef's part ------------------------------------------------------------- */

static int recipe_take_kind(const struct reading *x, const struct value *from,
                            struct bytes *ret)
{
    static const char names[][16] = {"Bin", "Test", "Bench", "Example", "BuildScript"};
    const struct value *kind = value_get(from, "kind"), *lib = value_get(kind, "Lib");
    if (lib) {
        *ret = value_true(value_get(lib, "is_proc_macro")) ? BYTES("ProcMacro") : BYTES("Lib");
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (bytes_equal(value_text(kind), bytes_of(names[i])) && kind) {
            *ret = bytes_of(names[i]);
            return 0;
        }
    }
    return recipe_read_refuse(x, "a target of the skeleton has an unknown kind");
}

static int recipe_take_manifest(const struct reading *x, const struct value *from)
{
    struct recipe *recipe = x->recipe;
    struct chef *chef = &recipe->chef;
    struct chef_manifest *m =
        ARENA_PUSH(&recipe->arena, chef->manifests, &chef->n_manifests, &chef->cap_manifests);
    int r = recipe_read_needed_text(x, from, "relative_path", &m->path);
    if (r == 0)
        r = recipe_read_needed_text(x, from, "contents", &m->contents);
    const struct value *targets = value_get(from, "targets");
    for (size_t i = 0; i < value_count(targets) && r == 0; i++) {
        struct chef_target t;
        const struct value *one = targets->pairs[i].value;
        r = recipe_read_needed_text(x, one, "path", &t.path);
        if (r == 0)
            r = recipe_read_needed_text(x, one, "name", &t.name);
        if (r == 0)
            r = recipe_take_kind(x, one, &t.kind);
        if (r == 0)
            *ARENA_PUSH(&recipe->arena, m->targets, &m->n_targets, &m->cap_targets) = t;
    }
    return r;
}

static int recipe_take_skeleton(const struct reading *x, const struct value *from)
{
    struct chef *chef = &x->recipe->chef;
    const struct value *manifests = value_get(from, "manifests");
    const struct value *toolchain = value_get(from, "rust_toolchain_file");
    int r = value_is(manifests, VALUE_LIST)
                ? 0
                : recipe_read_refuse(x, "a skeleton needs its manifests");
    chef->present = true;
    for (size_t i = 0; i < value_count(manifests) && r == 0; i++)
        r = recipe_take_manifest(x, manifests->pairs[i].value);
    if (r == 0)
        r = recipe_take_text(x, from, "config_file", &chef->config);
    if (r == 0)
        r = recipe_take_text(x, from, "lock_file", &chef->lock);
    if (r == 0 && value_count(toolchain) == 2) {
        chef->toolchain_bare =
            bytes_equal(value_text(toolchain->pairs[0].value), BYTES("Bare"));
        chef->toolchain = arena_copy(&x->recipe->arena, value_text(toolchain->pairs[1].value));
    }
    return r;
}

static void recipe_read_add_chef_file(struct recipe *recipe, struct recipe_unit *unit,
                                      struct bytes path, struct bytes content)
{
    if (!content.at)
        return;
    *ARENA_PUSH(&recipe->arena, unit->files, &unit->n_files, &unit->cap_files) =
        recipe->n_files;
    *ARENA_PUSH(&recipe->arena, recipe->files, &recipe->n_files, &recipe->cap_files) =
        (struct recipe_file){.path = path,
                             .mode = 0644,
                             .content = content,
                             .size = content.len,
                             .hash = sha256(content)};
}

static const char *recipe_read_stub_kind(struct bytes kind)
{
    return bytes_equal(kind, BYTES("Lib"))           ? "rust-lib"
           : bytes_equal(kind, BYTES("ProcMacro"))   ? "rust-proc-macro"
           : bytes_equal(kind, BYTES("BuildScript")) ? "rust-build"
           : bytes_equal(kind, BYTES("Test")) || bytes_equal(kind, BYTES("Bench")) ? "rust-test"
                                                                                   : "rust-bin";
}

/* Tells whether a test or bench has `harness = false` in its manifest: its stub needs a main().
 * cargo-chef reads the manifest for this, too. */
static bool recipe_read_is_without_harness(const struct value *manifest,
                                           const struct chef_target *t)
{
    const struct value *list =
        value_get(manifest, bytes_equal(t->kind, BYTES("Test")) ? "test" : "bench");
    for (size_t i = 0; i < value_count(list); i++) {
        const struct value *one = list->pairs[i].value, *harness = value_get(one, "harness");
        if (bytes_equal(value_text(value_get(one, "name")), t->name))
            return value_is(harness, VALUE_BOOL) && !harness->boolean;
    }
    return false;
}

/* Makes one unit of a recipe that only has cargo-chef's part. */
static void recipe_take_chef_alone(const struct reading *x)
{
    struct recipe *recipe = x->recipe;
    struct arena *a = &recipe->arena;
    const struct chef *chef = &recipe->chef;
    struct recipe_unit *unit =
        ARENA_PUSH(a, recipe->units, &recipe->n_units, &recipe->cap_units);
    *unit = (struct recipe_unit){.eco = BYTES("cargo"), .dir = BYTES("")};
    for (size_t i = 0; i < chef->n_manifests; i++) {
        const struct chef_manifest *m = &chef->manifests[i];
        cleanup_values struct values pool = {0};
        struct value *parsed = NULL;
        recipe_read_add_chef_file(recipe, unit, m->path, m->contents);
        if (toml_read(&pool, m->path, m->contents, &parsed, NULL) < 0)
            parsed = NULL;
        for (size_t j = 0; j < m->n_targets; j++) {
            const char *kind = recipe_read_stub_kind(m->targets[j].kind);
            if (strcmp(kind, "rust-test") == 0 &&
                recipe_read_is_without_harness(parsed, &m->targets[j]))
                kind = "rust-bin";
            *ARENA_PUSH(a, unit->stubs, &unit->n_stubs, &unit->cap_stubs) = recipe->n_stubs;
            *ARENA_PUSH(a, recipe->stubs, &recipe->n_stubs, &recipe->cap_stubs) =
                (struct recipe_stub){path_join(a, path_dir(m->path), m->targets[j].path),
                                     bytes_of(kind)};
        }
    }
    recipe_read_add_chef_file(recipe, unit, BYTES("Cargo.lock"), chef->lock);
    recipe_read_add_chef_file(recipe, unit, BYTES(".cargo/config.toml"), chef->config);
    recipe_read_add_chef_file(recipe, unit,
                              chef->toolchain_bare ? BYTES("rust-toolchain")
                                                   : BYTES("rust-toolchain.toml"),
                              chef->toolchain);
}

/* ---- ours -------------------------------------------------------------------------- */

static int recipe_take_hash(const struct reading *x, const struct value *from,
                            struct sha256 *ret)
{
    struct bytes text;
    int r = recipe_read_needed_text(x, from, "sha256", &text);
    if (r < 0)
        return r;
    if (text.len != 2 * sizeof(ret->at))
        return recipe_read_refuse(x, "a hash has not 64 digits");
    if (!hex_bytes(text, ret->at))
        return recipe_read_refuse(x, "a hash has other digits than 0-9a-f");
    return 0;
}

static int recipe_take_content(const struct reading *x, const struct value *from,
                               struct recipe_file *file)
{
    struct arena *a = &x->recipe->arena;
    const struct value *size = value_get(from, "size");
    struct bytes text = {NULL, 0}, b64 = text, origin = text;
    int r = recipe_take_text(x, from, "text", &text);
    if (r == 0)
        r = recipe_take_text(x, from, "b64", &b64);
    if (r == 0)
        r = recipe_take_text(x, from, "from", &origin);
    if (r < 0)
        return r;
    bool blob = value_true(value_get(from, "blob"));
    if ((text.at != NULL) + (b64.at != NULL) + (origin.at != NULL) + blob != 1)
        return recipe_read_refuse(x, "a file needs one content");
    if (blob) {
        if (!value_is(size, VALUE_INTEGER) || size->integer <= (int64_t)BLOB_FROM ||
            size->integer > (int64_t)RECIPE_BYTES_MAX)
            return recipe_read_refuse(x, "a blob has an impossible size");
        file->blob = true;
        file->size = (uint64_t)size->integer;
        return recipe_take_hash(x, from, &file->hash);
    }
    file->content = text;
    if (b64.at && base64_read(a, b64, &file->content) < 0)
        return recipe_read_refuse(x, "a content is no base64");
    if (origin.at) {
        if (!bytes_equal(origin, BYTES("skeleton")))
            return recipe_read_refuse(x, "a content comes from an unknown place");
        file->content = chef_text(&x->recipe->chef, file->path);
        if (!file->content.at)
            return recipe_read_refuse(x, "a content should be in the skeleton and is not");
    }
    file->size = file->content.len;
    file->hash = sha256(file->content);
    return 0;
}

static int recipe_take_file(const struct reading *x, const struct value *from)
{
    struct recipe *recipe = x->recipe;
    struct recipe_file *file =
        ARENA_PUSH(&recipe->arena, recipe->files, &recipe->n_files, &recipe->cap_files);
    struct bytes mode;
    int r = recipe_read_needed_text(x, from, "path", &file->path);
    if (r == 0)
        r = recipe_take_text(x, from, "link", &file->target);
    if (r < 0)
        return r;
    if (file->target.at) {
        file->is_link = true;
        file->mode = 0777;
        file->hash = sha256(file->target);
        return 0;
    }
    r = recipe_read_needed_text(x, from, "mode", &mode);
    if (r < 0)
        return r;
    file->mode = bytes_equal(mode, BYTES("0755")) ? 0755 : 0644;
    if (file->mode == 0644 && !bytes_equal(mode, BYTES("0644")))
        return recipe_read_refuse(x, "a mode is neither 0644 nor 0755");
    return recipe_take_content(x, from, file);
}

static int recipe_take_stub(const struct reading *x, const struct value *from)
{
    struct recipe *recipe = x->recipe;
    struct recipe_stub *stub =
        ARENA_PUSH(&recipe->arena, recipe->stubs, &recipe->n_stubs, &recipe->cap_stubs);
    int r = recipe_read_needed_text(x, from, "path", &stub->path);
    if (r == 0)
        r = recipe_read_needed_text(x, from, "kind", &stub->kind);
    if (r == 0 && !stub_text(stub->kind, false).at)
        return recipe_read_refuse(x, "a stub has an unknown kind");
    return r;
}

static int recipe_take_numbers(const struct reading *x, const struct value *from, size_t below,
                               size_t **ret, size_t *ret_n)
{
    *ret_n = value_count(from);
    *ret = ARENA_ARRAY(&x->recipe->arena, *ret_n, size_t);
    for (size_t i = 0; i < *ret_n; i++) {
        const struct value *v = from->pairs[i].value;
        if (!value_is(v, VALUE_INTEGER) || v->integer < 0 || (uint64_t)v->integer >= below)
            return recipe_read_refuse(x, "an index is out of its list");
        (*ret)[i] = (size_t)v->integer;
    }
    return 0;
}

static int recipe_take_strings(const struct reading *x, const struct value *from,
                               struct bytes **ret, size_t *ret_n)
{
    *ret_n = value_count(from);
    *ret = ARENA_ARRAY(&x->recipe->arena, *ret_n, struct bytes);
    for (size_t i = 0; i < *ret_n; i++) {
        struct bytes text = value_text(from->pairs[i].value);
        if (!text.at || bytes_find(text, 0) < text.len)
            return recipe_read_refuse(x, "a hint or note is not a string");
        (*ret)[i] = arena_copy(&x->recipe->arena, text);
    }
    return 0;
}

static int recipe_take_unit(const struct reading *x, const struct value *from)
{
    struct recipe *recipe = x->recipe;
    struct recipe_unit *unit =
        ARENA_PUSH(&recipe->arena, recipe->units, &recipe->n_units, &recipe->cap_units);
    const struct value *hint = value_get(from, "hint");
    int r = recipe_read_needed_text(x, from, "eco", &unit->eco);
    if (r == 0)
        r = recipe_read_needed_text(x, from, "dir", &unit->dir);
    if (r == 0 && bytes_equal(unit->dir, BYTES(".")))
        unit->dir = BYTES("");
    if (r == 0)
        r = recipe_take_numbers(x, value_get(from, "files"), recipe->n_files, &unit->files,
                                &unit->n_files);
    if (r == 0)
        r = recipe_take_numbers(x, value_get(from, "stubs"), recipe->n_stubs, &unit->stubs,
                                &unit->n_stubs);
    if (r == 0)
        r = recipe_take_strings(x, value_get(hint, "install"), &unit->install,
                                &unit->n_install);
    if (r == 0)
        r = recipe_take_strings(x, value_get(hint, "after"), &unit->after, &unit->n_after);
    if (r == 0)
        r = recipe_take_strings(x, value_get(hint, "needs"), &unit->needs, &unit->n_needs);
    if (r == 0)
        r = recipe_take_strings(x, value_get(from, "notes"), &unit->notes, &unit->n_notes);
    return r;
}

static int recipe_take_list(const struct reading *x, const struct value *from, const char *key,
                            int (*take)(const struct reading *, const struct value *))
{
    const struct value *list = value_get(from, key);
    int r = value_is(list, VALUE_LIST) ? 0 : recipe_read_refuse(x, "a list is missing");
    if (r == 0 && list->n > RECIPE_FILES_MAX)
        r = recipe_read_refuse(x, "a list is too long");
    for (size_t i = 0; i < value_count(list) && r == 0; i++)
        r = take(x, list->pairs[i].value);
    return r;
}

static int recipe_take_ours(const struct reading *x, const struct value *from)
{
    const struct value *version = value_get(from, "version");
    if (!value_is(version, VALUE_INTEGER))
        return recipe_read_refuse(x, "it has no version");
    if (version->integer != RECIPE_FORMAT)
        return fail(x->f, RECIPE_VERSION,
                    "%.*s has version %lld of the format, this program knows %d: use the "
                    "ctx-recipe that made it",
                    BYTES_ARG(x->name), (long long)version->integer, RECIPE_FORMAT);
    int r = recipe_take_list(x, from, "files", recipe_take_file);
    if (r == 0)
        r = recipe_take_list(x, from, "stubs", recipe_take_stub);
    return r < 0 ? r : recipe_take_list(x, from, "units", recipe_take_unit);
}

/* What was changed by hand, or lost on the way, must not look like what it was. */
static int recipe_read_check_digest(const struct reading *x, const struct value *from)
{
    char text[RECIPE_DIGEST_TEXT];
    recipe_digest(x->recipe, text);
    const struct value *mask = value_get(from, "mask"), *stubset = value_get(from, "stubset");
    bool same_rules =
        mask && mask->integer == RECIPE_MASK && stubset && stubset->integer == RECIPE_STUBSET;
    if (!same_rules || bytes_equal(value_text(value_get(from, "digest")), bytes_of(text)))
        return 0;
    return recipe_read_refuse(x, "its digest does not fit its contents; prepare it again");
}

int recipe_read(struct bytes name, struct bytes text, struct recipe **ret, struct failure *f)
{
    cleanup_values struct values pool = {0};
    struct value *root;
    struct recipe *recipe = xcalloc(1, sizeof(*recipe));
    struct reading x = {.name = name, .recipe = recipe, .f = f};
    int r = json_read_large(&pool, name, text, RECIPE_BYTES_MAX, &root, f);
    if (r < 0)
        r = fail_wrap(f, RECIPE_UNSAFE, "no recipe");
    const struct value *skeleton = r < 0 ? NULL : value_get(root, "skeleton");
    const struct value *ours = r < 0 ? NULL : value_get(root, "ctx_recipe");
    if (r == 0 && !skeleton && !ours)
        r = recipe_read_refuse(&x, "it has neither \"skeleton\" nor \"ctx_recipe\"");
    if (r == 0 && skeleton)
        r = recipe_take_skeleton(&x, skeleton);
    if (r == 0 && ours)
        r = recipe_take_ours(&x, ours);
    else if (r == 0)
        recipe_take_chef_alone(&x);
    if (r == 0)
        r = recipe_check(recipe, f);
    if (r == 0 && ours)
        r = recipe_read_check_digest(&x, ours);
    if (r < 0)
        recipe_free(recipe);
    else
        *ret = recipe;
    return r;
}

int recipe_read_blobs(struct recipe *recipe, int dir_fd, struct failure *f)
{
    if (!recipe_has_blobs(recipe))
        return 0;
    cleanup_fd int blobs =
        openat(dir_fd, RECIPE_BLOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (blobs < 0)
        return fail_errno(f, -errno,
                          "the recipe has large contents beside it, in %s: it must "
                          "lie with it",
                          RECIPE_BLOBS);
    for (size_t i = 0; i < recipe->n_files; i++) {
        struct recipe_file *file = &recipe->files[i];
        char name[65];
        if (!file->blob || file->content.at)
            continue;
        cleanup_buf struct buf text = BUF(file->size);
        hex_text(name, file->hash.at, sizeof(file->hash.at));
        cleanup_fd int fd = io_open_beneath(blobs, name, O_RDONLY | O_NONBLOCK);
        int r = fd < 0 ? fd : io_read_regular(fd, &text);
        if (r < 0)
            return fail_errno(f, r, "can't read %s/%s", RECIPE_BLOBS, name);
        struct sha256 is = sha256(buf_bytes(&text));
        if (!sha256_equal(&is, &file->hash))
            return fail(f, RECIPE_UNSAFE, "%s/%s is not what its name says", RECIPE_BLOBS,
                        name);
        file->content = arena_copy(&recipe->arena, buf_bytes(&text));
    }
    return 0;
}
