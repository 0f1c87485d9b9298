/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recipe as JSON: one line, keys in this order, lists by path, a line end behind it.
 *
 *     {"skeleton": {…},                       what cargo-chef reads: with Cargo at the root
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
 *         {"path": "b", "mode": "0755", "b64": "…"},         no UTF-8, or with NUL
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
    int r; /* the first failure: what follows does nothing */
};

static void raw(struct writing *w, const char *text)
{
    if (w->r == 0)
        w->r = buf_add_bytes(w->to, bytes_of(text));
}

static void string(struct writing *w, struct bytes text)
{
    if (w->r == 0)
        w->r = json_write_string(text, w->to);
}

static void key(struct writing *w, const char *name)
{
    string(w, bytes_of(name));
    raw(w, ":");
}

static void number(struct writing *w, uint64_t value)
{
    if (w->r == 0)
        w->r = buf_addf(w->to, "%llu", (unsigned long long)value);
}

static void strings(struct writing *w, const struct bytes *at, size_t n)
{
    raw(w, "[");
    for (size_t i = 0; i < n; i++) {
        raw(w, i ? "," : "");
        string(w, at[i]);
    }
    raw(w, "]");
}

static void numbers(struct writing *w, const size_t *at, size_t n)
{
    raw(w, "[");
    for (size_t i = 0; i < n; i++) {
        raw(w, i ? "," : "");
        number(w, at[i]);
    }
    raw(w, "]");
}

/* ---- cargo-chef's part ------------------------------------------------------------- */

static void optional(struct writing *w, const char *name, struct bytes text)
{
    key(w, name);
    if (text.at)
        string(w, text);
    else
        raw(w, "null");
}

static void target(struct writing *w, const struct chef_target *t)
{
    raw(w, "{");
    key(w, "path");
    string(w, t->path);
    raw(w, ",");
    key(w, "kind");
    bool macro = bytes_equal(t->kind, BYTES("ProcMacro"));
    if (macro || bytes_equal(t->kind, BYTES("Lib")))
        raw(w, macro ? "{\"Lib\":{\"is_proc_macro\":true}}"
                     : "{\"Lib\":{\"is_proc_macro\":false}}");
    else
        string(w, t->kind);
    raw(w, ",");
    key(w, "name");
    string(w, t->name);
    raw(w, "}");
}

static void skeleton(struct writing *w, const struct chef *chef)
{
    raw(w, "\"skeleton\":{\"manifests\":[");
    for (size_t i = 0; i < chef->n_manifests; i++) {
        const struct chef_manifest *m = &chef->manifests[i];
        raw(w, i ? ",{" : "{");
        key(w, "relative_path");
        string(w, m->path);
        raw(w, ",");
        key(w, "contents");
        string(w, m->contents);
        raw(w, ",\"targets\":[");
        for (size_t j = 0; j < m->n_targets; j++) {
            raw(w, j ? "," : "");
            target(w, &m->targets[j]);
        }
        raw(w, "]}");
    }
    raw(w, "],");
    optional(w, "config_file", chef->config);
    raw(w, ",");
    optional(w, "lock_file", chef->lock);
    raw(w, ",\"rust_toolchain_file\":");
    if (chef->toolchain.at) {
        raw(w, chef->toolchain_bare ? "[\"Bare\"," : "[\"Toml\",");
        string(w, chef->toolchain);
        raw(w, "]");
    } else {
        raw(w, "null");
    }
    raw(w, "},");
}

/* ---- ours -------------------------------------------------------------------------- */

static void file(struct writing *w, const struct recipe_file *f)
{
    char text[80];
    raw(w, "{\"path\":");
    string(w, f->path);
    if (f->is_link) {
        raw(w, ",\"link\":");
        string(w, f->target);
        raw(w, "}");
        return;
    }
    raw(w, f->mode == 0755 ? ",\"mode\":\"0755\"" : ",\"mode\":\"0644\"");
    struct bytes chef = chef_text(&w->recipe->chef, f->path);
    if (f->blob) {
        raw(w, ",\"size\":");
        number(w, f->size);
        raw(w, ",\"sha256\":");
        string(w, bytes_of(hex_text(text, f->hash.at, sizeof(f->hash.at))));
        raw(w, ",\"blob\":true");
    } else if (chef.at && bytes_equal(chef, f->content)) {
        raw(w, ",\"from\":\"skeleton\"");
    } else if (utf8_is_text(f->content)) {
        raw(w, ",\"text\":");
        string(w, f->content);
    } else {
        raw(w, ",\"b64\":\"");
        if (w->r == 0)
            w->r = base64_write(f->content, w->to);
        raw(w, "\"");
    }
    raw(w, "}");
}

static void unit(struct writing *w, size_t i)
{
    const struct recipe_unit *u = &w->recipe->units[i];
    char digest[RECIPE_DIGEST_TEXT];
    raw(w, "{\"eco\":");
    string(w, u->eco);
    raw(w, ",\"dir\":");
    string(w, recipe_unit_dir(w->recipe, i));
    raw(w, ",\"digest\":");
    recipe_unit_digest(w->recipe, i, digest);
    string(w, bytes_of(digest));
    raw(w, ",\"files\":");
    numbers(w, u->files, u->n_files);
    raw(w, ",\"stubs\":");
    numbers(w, u->stubs, u->n_stubs);
    raw(w, ",\"hint\":{\"install\":");
    strings(w, u->install, u->n_install);
    raw(w, ",\"after\":");
    strings(w, u->after, u->n_after);
    raw(w, ",\"needs\":");
    strings(w, u->needs, u->n_needs);
    raw(w, "},\"notes\":");
    strings(w, u->notes, u->n_notes);
    raw(w, "}");
}

int recipe_write(const struct recipe *recipe, struct buf *to, struct failure *f)
{
    struct writing w = {.recipe = recipe, .to = to};
    char digest[RECIPE_DIGEST_TEXT];
    raw(&w, "{");
    if (recipe->chef.present)
        skeleton(&w, &recipe->chef);
    raw(&w, "\"ctx_recipe\":{\"version\":");
    number(&w, RECIPE_FORMAT);
    raw(&w, ",\"mask\":");
    number(&w, RECIPE_MASK);
    raw(&w, ",\"stubset\":");
    number(&w, RECIPE_STUBSET);
    raw(&w, ",\"digest\":");
    recipe_digest(recipe, digest);
    string(&w, bytes_of(digest));
    raw(&w, ",\"units\":[");
    for (size_t i = 0; i < recipe->n_units; i++) {
        raw(&w, i ? "," : "");
        unit(&w, i);
    }
    raw(&w, "],\"files\":[");
    for (size_t i = 0; i < recipe->n_files; i++) {
        raw(&w, i ? "," : "");
        file(&w, &recipe->files[i]);
    }
    raw(&w, "],\"stubs\":[");
    for (size_t i = 0; i < recipe->n_stubs; i++) {
        raw(&w, i ? ",{\"path\":" : "{\"path\":");
        string(&w, recipe->stubs[i].path);
        raw(&w, ",\"kind\":");
        string(&w, recipe->stubs[i].kind);
        raw(&w, "}");
    }
    raw(&w, "]}}\n");
    return w.r < 0 ? fail(f, w.r,
                          "the recipe is larger than %zu MiB; exclude large trees in the "
                          "ignore file",
                          to->max >> 20)
                   : 0;
}

/* ---- blobs ------------------------------------------------------------------------- */

static int write_blob(int dir_fd, const struct recipe_file *file)
{
    char name[65], temporary[80];
    hex_text(name, file->hash.at, sizeof(file->hash.at));
    if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0; /* named by its content */
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
            r = write_blob(blobs, &recipe->files[i]);
    return r < 0 ? fail_errno(f, r, "can't write %s", RECIPE_BLOBS) : 0;
}
