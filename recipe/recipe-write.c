/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe_write(): a recipe as JSON, on one line that ends in LF. Keys are in this order, lists
 * are sorted by path.
 *
 *     {"skeleton": {…},                       what cargo-chef reads, if Cargo is at the root
 *      "ctx_recipe": {
 *       "version": 1,                          RECIPE_FORMAT
 *       "mask": 1, "stubset": 1,               RECIPE_MASK, RECIPE_STUBSET
 *       "digest": "sha256:…",
 *       "units": [{
 *         "eco": "cargo", "dir": ".", "digest": "sha256:…",
 *         "files": [0, 1], "stubs": [0],       indices into the lists below
 *         "hint": {"install": ["cargo", "build"], "after": [], "needs": ["cargo"]},
 *         "notes": ["…"]}],
 *       "files": [
 *         {"path": "a", "mode": "0644", "text": "…"},
 *         {"path": "b", "mode": "0755", "b64": "…"},         not UTF-8, or with a NUL
 *         {"path": "c", "mode": "0644", "size": 1, "sha256": "…", "blob": true},
 *         {"path": "d", "link": "../a"},
 *         {"path": "Cargo.toml", "mode": "0644", "from": "skeleton"}],
 *       "stubs": [{"path": "src/main.rs", "kind": "rust-bin"}]}}
 *
 * and the skeleton is
 *
 *     {"manifests": [{"relative_path": "…", "contents": "…",
 *                     "targets": [{"path": "…", "kind": …, "name": "…"}]}],
 *      "config_file": text or null, "lock_file": text or null,
 *      "rust_toolchain_file": null, ["Bare", text] or ["Toml", text]}
 */
#include "base64.h"
#include "recipe-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct writing {
    const struct recipe *recipe;
    struct buf *to;
    int r; /* the first failure; after it nothing more is written */
};

static void recipe_write_raw(struct writing *w, const char *text)
{
    if (w->r == 0)
        w->r = buf_add_bytes(w->to, bytes_of(text));
}

static void recipe_write_string(struct writing *w, struct bytes text)
{
    if (w->r == 0)
        w->r = json_write_string(text, w->to);
}

static void recipe_write_key(struct writing *w, const char *name)
{
    recipe_write_string(w, bytes_of(name));
    recipe_write_raw(w, ":");
}

static void recipe_write_number(struct writing *w, uint64_t value)
{
    if (w->r == 0)
        w->r = buf_addf(w->to, "%llu", (unsigned long long)value);
}

static void recipe_write_strings(struct writing *w, const struct bytes *at, size_t n)
{
    recipe_write_raw(w, "[");
    for (size_t i = 0; i < n; i++) {
        recipe_write_raw(w, i ? "," : "");
        recipe_write_string(w, at[i]);
    }
    recipe_write_raw(w, "]");
}

static void recipe_write_numbers(struct writing *w, const size_t *at, size_t n)
{
    recipe_write_raw(w, "[");
    for (size_t i = 0; i < n; i++) {
        recipe_write_raw(w, i ? "," : "");
        recipe_write_number(w, at[i]);
    }
    recipe_write_raw(w, "]");
}

/* ---- cargo-chef's part ------------------------------------------------------------- */

static void recipe_write_optional(struct writing *w, const char *name, struct bytes text)
{
    recipe_write_key(w, name);
    if (text.at)
        recipe_write_string(w, text);
    else
        recipe_write_raw(w, "null");
}

static void recipe_write_target(struct writing *w, const struct chef_target *t)
{
    recipe_write_raw(w, "{");
    recipe_write_key(w, "path");
    recipe_write_string(w, t->path);
    recipe_write_raw(w, ",");
    recipe_write_key(w, "kind");
    bool macro = bytes_equal(t->kind, BYTES("ProcMacro"));
    if (macro || bytes_equal(t->kind, BYTES("Lib")))
        recipe_write_raw(w, macro ? "{\"Lib\":{\"is_proc_macro\":true}}"
                                  : "{\"Lib\":{\"is_proc_macro\":false}}");
    else
        recipe_write_string(w, t->kind);
    recipe_write_raw(w, ",");
    recipe_write_key(w, "name");
    recipe_write_string(w, t->name);
    recipe_write_raw(w, "}");
}

static void recipe_write_skeleton(struct writing *w, const struct chef *chef)
{
    recipe_write_raw(w, "\"skeleton\":{\"manifests\":[");
    for (size_t i = 0; i < chef->n_manifests; i++) {
        const struct chef_manifest *m = &chef->manifests[i];
        recipe_write_raw(w, i ? ",{" : "{");
        recipe_write_key(w, "relative_path");
        recipe_write_string(w, m->path);
        recipe_write_raw(w, ",");
        recipe_write_key(w, "contents");
        recipe_write_string(w, m->contents);
        recipe_write_raw(w, ",\"targets\":[");
        for (size_t j = 0; j < m->n_targets; j++) {
            recipe_write_raw(w, j ? "," : "");
            recipe_write_target(w, &m->targets[j]);
        }
        recipe_write_raw(w, "]}");
    }
    recipe_write_raw(w, "],");
    recipe_write_optional(w, "config_file", chef->config);
    recipe_write_raw(w, ",");
    recipe_write_optional(w, "lock_file", chef->lock);
    recipe_write_raw(w, ",\"rust_toolchain_file\":");
    if (chef->toolchain.at) {
        recipe_write_raw(w, chef->toolchain_bare ? "[\"Bare\"," : "[\"Toml\",");
        recipe_write_string(w, chef->toolchain);
        recipe_write_raw(w, "]");
    } else {
        recipe_write_raw(w, "null");
    }
    recipe_write_raw(w, "},");
}

/* ---- ours -------------------------------------------------------------------------- */

static void recipe_write_file(struct writing *w, const struct recipe_file *f)
{
    char text[80];
    recipe_write_raw(w, "{\"path\":");
    recipe_write_string(w, f->path);
    if (f->is_link) {
        recipe_write_raw(w, ",\"link\":");
        recipe_write_string(w, f->target);
        recipe_write_raw(w, "}");
        return;
    }
    recipe_write_raw(w, f->mode == 0755 ? ",\"mode\":\"0755\"" : ",\"mode\":\"0644\"");
    struct bytes chef = chef_text(&w->recipe->chef, f->path);
    if (f->blob) {
        recipe_write_raw(w, ",\"size\":");
        recipe_write_number(w, f->size);
        recipe_write_raw(w, ",\"sha256\":");
        recipe_write_string(w, bytes_of(hex_text(text, f->hash.at, sizeof(f->hash.at))));
        recipe_write_raw(w, ",\"blob\":true");
    } else if (chef.at && bytes_equal(chef, f->content)) {
        recipe_write_raw(w, ",\"from\":\"skeleton\"");
    } else if (utf8_is_text(f->content)) {
        recipe_write_raw(w, ",\"text\":");
        recipe_write_string(w, f->content);
    } else {
        recipe_write_raw(w, ",\"b64\":\"");
        if (w->r == 0)
            w->r = base64_write(f->content, w->to);
        recipe_write_raw(w, "\"");
    }
    recipe_write_raw(w, "}");
}

static void recipe_write_unit(struct writing *w, size_t i)
{
    const struct recipe_unit *u = &w->recipe->units[i];
    char digest[RECIPE_DIGEST_TEXT];
    recipe_write_raw(w, "{\"eco\":");
    recipe_write_string(w, u->eco);
    recipe_write_raw(w, ",\"dir\":");
    recipe_write_string(w, recipe_unit_dir(w->recipe, i));
    recipe_write_raw(w, ",\"digest\":");
    recipe_unit_digest(w->recipe, i, digest);
    recipe_write_string(w, bytes_of(digest));
    recipe_write_raw(w, ",\"files\":");
    recipe_write_numbers(w, u->files, u->n_files);
    recipe_write_raw(w, ",\"stubs\":");
    recipe_write_numbers(w, u->stubs, u->n_stubs);
    recipe_write_raw(w, ",\"hint\":{\"install\":");
    recipe_write_strings(w, u->install, u->n_install);
    recipe_write_raw(w, ",\"after\":");
    recipe_write_strings(w, u->after, u->n_after);
    recipe_write_raw(w, ",\"needs\":");
    recipe_write_strings(w, u->needs, u->n_needs);
    recipe_write_raw(w, "},\"notes\":");
    recipe_write_strings(w, u->notes, u->n_notes);
    recipe_write_raw(w, "}");
}

int recipe_write(const struct recipe *recipe, struct buf *to, struct failure *f)
{
    struct writing w = {.recipe = recipe, .to = to};
    char digest[RECIPE_DIGEST_TEXT];
    recipe_write_raw(&w, "{");
    if (recipe->chef.present)
        recipe_write_skeleton(&w, &recipe->chef);
    recipe_write_raw(&w, "\"ctx_recipe\":{\"version\":");
    recipe_write_number(&w, RECIPE_FORMAT);
    recipe_write_raw(&w, ",\"mask\":");
    recipe_write_number(&w, RECIPE_MASK);
    recipe_write_raw(&w, ",\"stubset\":");
    recipe_write_number(&w, RECIPE_STUBSET);
    recipe_write_raw(&w, ",\"digest\":");
    recipe_digest(recipe, digest);
    recipe_write_string(&w, bytes_of(digest));
    recipe_write_raw(&w, ",\"units\":[");
    for (size_t i = 0; i < recipe->n_units; i++) {
        recipe_write_raw(&w, i ? "," : "");
        recipe_write_unit(&w, i);
    }
    recipe_write_raw(&w, "],\"files\":[");
    for (size_t i = 0; i < recipe->n_files; i++) {
        recipe_write_raw(&w, i ? "," : "");
        recipe_write_file(&w, &recipe->files[i]);
    }
    recipe_write_raw(&w, "],\"stubs\":[");
    for (size_t i = 0; i < recipe->n_stubs; i++) {
        recipe_write_raw(&w, i ? ",{\"path\":" : "{\"path\":");
        recipe_write_string(&w, recipe->stubs[i].path);
        recipe_write_raw(&w, ",\"kind\":");
        recipe_write_string(&w, recipe->stubs[i].kind);
        recipe_write_raw(&w, "}");
    }
    recipe_write_raw(&w, "]}}\n");
    return w.r < 0 ? fail(f, w.r,
                          "the recipe is larger than %zu MiB; exclude large trees in the "
                          "ignore file",
                          to->max >> 20)
                   : 0;
}

/* ---- blobs ------------------------------------------------------------------------- */

static int recipe_write_blob(int dir_fd, const struct recipe_file *file)
{
    char name[65], temporary[80];
    hex_text(name, file->hash.at, sizeof(file->hash.at));
    if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0; /* the name is the hash, so the content is right */
    snprintf(temporary, sizeof(temporary), ".%s.%d", name, getpid());
    cleanup_fd int fd =
        openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    int r = fd < 0 ? -errno : io_write_full(fd, file->content.at, file->content.len);
    if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
        r = -errno;
    if (r < 0 && fd >= 0)
        unlinkat(dir_fd, temporary, 0);
    return r;
}

int recipe_write_blobs(const struct recipe *recipe, int dir_fd, struct failure *f)
{
    if (!recipe_has_blobs(recipe))
        return 0;
    if (mkdirat(dir_fd, RECIPE_BLOBS, 0755) < 0 && errno != EEXIST)
        return fail_errno(f, -errno, "can't make %s", RECIPE_BLOBS);
    cleanup_fd int blobs =
        openat(dir_fd, RECIPE_BLOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int r = blobs < 0 ? -errno : 0;
    for (size_t i = 0; i < recipe->n_files && r == 0; i++)
        if (recipe->files[i].blob)
            r = recipe_write_blob(blobs, &recipe->files[i]);
    return r < 0 ? fail_errno(f, r, "can't write %s", RECIPE_BLOBS) : 0;
}
