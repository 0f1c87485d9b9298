/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipes of small trees that are made for each case: what each ecosystem finds, what a recipe
 * says, and what becomes of it on a disk. tests/recipe/run has the larger cases, in which real
 * installers take part.
 */
#include "recipe-world.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>

/* The first note of the first unit, or "". */
static struct bytes first_note(const struct recipe *recipe)
{
    return recipe && recipe->n_units && recipe->units[0].n_notes ? recipe->units[0].notes[0]
                                                                 : BYTES("");
}

/* ---- what is found --------------------------------------------------------------------- */

#define PACKAGE "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"

static const struct {
    const char *title;
    const char *files[6][2]; /* path, content */
    const char *want, *note; /* what the first note begins with; NULL: there is none */
} finds[] = {
    {"cargo: a package is its manifest, its lock and a stub for each target",
     {{"Cargo.toml", PACKAGE},
      {"Cargo.lock", "version = 3\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n"},
      {"src/main.rs", ""},
      {"src/lib.rs", ""},
      {"build.rs", ""}},
     "cargo .: Cargo.lock Cargo.toml +build.rs +src/lib.rs +src/main.rs",
     NULL},
    {"cargo: a member belongs to the unit of its workspace",
     {{"Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n"},
      {"crates/a/Cargo.toml", PACKAGE},
      {"crates/a/src/lib.rs", ""}},
     "cargo .: Cargo.toml crates/a/Cargo.toml +crates/a/src/lib.rs",
     "no Cargo.lock: versions are not fixed"},
    {"dotnet: a project brings the projects that it refers to",
     {{"src/A.csproj", "<Project><ItemGroup><ProjectReference Include=\"..\\lib\\B.csproj\"/>"
                       "</ItemGroup></Project>"},
      {"lib/B.csproj", "<Project/>"},
      {"app.sln", "Project(\"{1}\") = \"A\", \"src\\A.csproj\", \"{2}\"\n"}},
     "dotnet .: app.sln lib/B.csproj src/A.csproj",
     NULL},
    {"elixir: the applications of an umbrella belong to its unit",
     {{"mix.exs", ""}, {"mix.lock", ""}, {"apps/a/mix.exs", ""}, {"lib/a.ex", ""}},
     "elixir .: apps/a/mix.exs mix.exs mix.lock",
     NULL},
    {"go: a workspace brings the modules that it uses",
     {{"go.work", "go 1.22\nuse ./a\n"}, {"a/go.mod", "module a\n"}, {"a/go.sum", "x\n"}},
     "go .: a/go.mod a/go.sum go.work",
     NULL},
    {"gradle: its scripts are taken, and one that resolves is added",
     {{"settings.gradle", ""}, {"app/build.gradle", ""}, {"app/src/A.java", ""}},
     "gradle .: .ctx-stub/resolve.gradle app/build.gradle settings.gradle",
     NULL},
    {"maven: the modules of a reactor belong to its unit",
     {{"pom.xml", "<project><modules><module>a</module></modules></project>"},
      {"a/pom.xml", "<project/>"}},
     "maven .: a/pom.xml pom.xml",
     NULL},
    {"npm: the packages of a workspace belong to its unit",
     {{"package.json", "{\"workspaces\": [\"packages/*\"]}"},
      {"package-lock.json", "{}"},
      {"packages/a/package.json", "{}"},
      {"node_modules/b/package.json", "{}"},
      {"node_modules/b/yarn.lock", ""}},
     "npm .: package-lock.json package.json packages/a/package.json",
     NULL},
    {"npm: a token in .npmrc is left out, with a note",
     {{"package.json", "{}"}, {"yarn.lock", ""}, {".npmrc", "_authToken=1\n"}},
     "npm .: .npmrc package.json yarn.lock",
     "\".npmrc\" holds a credential"},
    {"npm: a manifest that can't be parsed is copied, with a note",
     {{"package.json", "{"}, {"package-lock.json", "{}"}},
     "npm .: package-lock.json package.json",
     "copied as it is: package.json:1: "},
    {"php: composer's lock comes with its manifest",
     {{"composer.json", "{}"}, {"composer.lock", "{}"}, {"src/A.php", ""}},
     "php .: composer.json composer.lock",
     NULL},
    {"php: next to a locked project, one without a lock is an example",
     {{"a/composer.json", "{}"}, {"a/composer.lock", "{}"}, {"b/composer.json", "{}"}},
     "php a: a/composer.json a/composer.lock",
     NULL},
    {"php: where nothing is locked, every project is a unit",
     {{"a/composer.json", "{}"}, {"b/composer.json", "{}"}},
     "php a: a/composer.json; php b: b/composer.json",
     NULL},
    {"python: a requirements file brings those that it includes",
     {{"requirements.txt", "-r deps/more.txt\n"}, {"deps/more.txt", "a==1\n"}, {"a.py", ""}},
     "python .: deps/more.txt requirements.txt",
     NULL},
    {"python: a member of a uv workspace belongs to its unit",
     {{"pyproject.toml", "[project]\nname = \"r\"\n[tool.uv.workspace]\nmembers = [\"p/*\"]\n"},
      {"uv.lock", "version = 1\n"},
      {"p/a/pyproject.toml", "[project]\nname = \"a\"\n"}},
     "python .: p/a/pyproject.toml pyproject.toml uv.lock",
     NULL},
    {"ruby: a Gemfile brings the gemspecs of its paths",
     {{"Gemfile", "gem 'a', path: 'engines/a'\n"},
      {"Gemfile.lock", ""},
      {"engines/a/a.gemspec", ""}},
     "ruby .: Gemfile Gemfile.lock engines/a/a.gemspec",
     NULL},
    {"units are sorted by ecosystem, then by directory",
     {{"b/go.mod", "module b\n"},
      {"a/go.mod", "module a\n"},
      {"composer.json", "{}"},
      {"Gemfile", ""}},
     "go a: a/go.mod; go b: b/go.mod; php .: composer.json; ruby .: Gemfile",
     NULL},
};

static void test_ecosystems(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(finds); i++) {
        cleanup_arena struct arena arena = {0};
        struct world w = world_new();
        tap_case("%s", finds[i].title);
        for (size_t j = 0; j < ARRAY_SIZE(finds[i].files) && finds[i].files[j][0]; j++)
            world_put_text(&w, finds[i].files[j][0], finds[i].files[j][1]);
        struct recipe *recipe = world_recipe(&w);
        TAP_EQUAL(recipe_shape(recipe, &arena), bytes_of(finds[i].want));
        struct bytes note = first_note(recipe);
        if (finds[i].note)
            note = bytes_head(note, strlen(finds[i].note));
        TAP_EQUAL(note, bytes_of(finds[i].note ? finds[i].note : ""));
        recipe_free(recipe);
        world_end(&w);
    }
}

static void test_options(void)
{
    cleanup_arena struct arena arena = {0};
    struct world w = world_new();
    struct recipe *recipe;
    tap_case(
        "a context without manifests has no recipe, and the failure says what would be one");
    world_put_text(&w, "README", "");
    TAP_CHECK(world_prepare(&w, &(struct recipe_options){0}, &recipe) == -ENOENT);
    TAP_CHECK(strstr(w.f.text, "Cargo.toml") != NULL);
    TAP_CHECK(recipe && recipe_units(recipe) == 0);
    recipe_free(recipe);

    world_put_text(&w, "go.mod", "module m\n");
    world_put_text(&w, "web/package.json", "{}");
    world_put_text(&w, "web/yarn.lock", "");
    tap_case("only the ecosystems and the directory that are asked for become units");
    TAP_CHECK(world_prepare(&w, &(struct recipe_options){.ecos = "php,npm"}, &recipe) == 0);
    TAP_EQUAL(recipe_shape(recipe, &arena), BYTES("npm web: web/package.json web/yarn.lock"));
    recipe_free(recipe);
    TAP_CHECK(world_prepare(&w, &(struct recipe_options){.dir = "./"}, &recipe) == 0);
    TAP_EQUAL(recipe_shape(recipe, &arena), BYTES("go .: go.mod"));
    recipe_free(recipe);

    tap_case("an unknown ecosystem is refused, with a list of the known ones");
    TAP_CHECK(recipe_check_ecos("npm,cargo", &w.f) == 0);
    TAP_CHECK(recipe_check_ecos("npm,cobol", &w.f) == -EINVAL);
    TAP_CHECK(strstr(w.f.text, "\"cobol\"") && strstr(w.f.text, "cargo, dotnet, elixir"));

    tap_case("a binary that no package has is refused");
    const char *const bins[] = {"nowhere"};
    struct recipe_options options = {.bins = bins, .n_bins = 1};
    TAP_CHECK(world_prepare(&w, &options, &recipe) == -EINVAL);
    world_end(&w);
}

/* ---- what a recipe says ---------------------------------------------------------------- */

static struct recipe *read_again(const struct recipe *recipe, struct arena *a,
                                 struct bytes *ret_text)
{
    cleanup_buf struct buf text = BUF(64u << 20);
    struct failure f = {0};
    struct recipe *again = NULL;
    TAP_CHECKF(recipe_write(recipe, &text, &f) == 0, "%s", f.text);
    *ret_text = arena_copy(a, buf_bytes(&text));
    TAP_CHECKF(recipe_read(BYTES("again"), *ret_text, &again, &f) == 0, "%s", f.text);
    return again;
}

static void test_round_trip(void)
{
    cleanup_arena struct arena arena = {0};
    struct world w = world_new();
    struct bytes once, twice;
    world_put_text(&w, "Cargo.toml", PACKAGE);
    world_put_text(&w, "src/main.rs", "fn main() {}\n");
    world_put_text(&w, "web/package.json", "{\"dependencies\": {\"a\": \"file:a.tgz\"}}");
    world_put(&w, "web/a.tgz", bytes_at("\x1f\x8b\0\xff", 4));
    world_put_text(&w, "web/yarn.lock", "");
    tap_case("a recipe that is written, read and written again has the same bytes");
    struct recipe *recipe = world_recipe(&w);
    struct recipe *again = read_again(recipe, &arena, &once);
    struct recipe *third = read_again(again, &arena, &twice);
    TAP_EQUAL(twice, once);
    TAP_EQUAL(recipe_shape(again, &arena), BYTES("cargo .: Cargo.toml +src/main.rs; npm web: "
                                                 "web/a.tgz web/package.json web/yarn.lock"));
    TAP_CHECK(bytes_ends(once, BYTES("]}}\n")));

    tap_case("a recipe keeps its warnings and its install commands");
    TAP_EQUAL(recipe_unit_hint(again, 0, &arena), BYTES("cargo build --release"));
    TAP_EQUAL(recipe_unit_hint(again, 1, &arena), BYTES("yarn install --frozen-lockfile"));
    TAP_EQUAL(first_note(again), first_note(recipe));

    tap_case("a recipe whose digest does not fit its contents is refused");
    struct bytes changed = arena_copy(&arena, once);
    uint8_t *at = memmem(changed.at, changed.len, "yarn.lock", 9);
    TAP_CHECK(at != NULL);
    if (at)
        at[0] = 'Y';
    struct recipe *none;
    TAP_CHECK(recipe_read(BYTES("x"), changed, &none, &w.f) == RECIPE_UNSAFE);
    recipe_free(recipe);
    recipe_free(again);
    recipe_free(third);
    world_end(&w);
}

static void test_blobs(void)
{
    cleanup_arena struct arena arena = {0};
    struct world w = world_new();
    uint8_t *large = arena_alloc(&arena, BLOB_FROM + 1);
    struct bytes text;
    memset(large, 0, BLOB_FROM + 1);
    world_put_text(&w, "build.gradle", "");
    world_put(&w, "gradle/wrapper/gradle-wrapper.jar", bytes_at(large, BLOB_FROM + 1));
    tap_case("a large binary lies beside the recipe, under its hash");
    struct recipe *recipe = world_recipe(&w);
    TAP_CHECK(recipe_has_blobs(recipe) && recipe_write_blobs(recipe, w.root, &w.f) == 0);
    struct recipe *again = read_again(recipe, &arena, &text);
    TAP_CHECK(text.len < 4096);
    TAP_CHECK(recipe_read_blobs(again, w.root, &w.f) == 0);

    tap_case("one that is not what its name says is refused");
    struct recipe *third = read_again(again, &arena, &text);
    for (size_t i = 0; i < recipe->n_files; i++)
        if (recipe->files[i].blob) {
            char hex[65], path[128];
            hex_text(hex, recipe->files[i].hash.at, 32);
            snprintf(path, sizeof(path), RECIPE_BLOBS "/%s", hex);
            large[7] = 1;
            world_put(&w, path, bytes_at(large, BLOB_FROM + 1));
        }
    TAP_CHECK(recipe_read_blobs(third, w.root, &w.f) == RECIPE_UNSAFE);
    recipe_free(recipe);
    recipe_free(again);
    recipe_free(third);
    world_end(&w);
}

static void test_digest_and_diff(void)
{
    static const char lock[] = "version = 3\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n"
                               "dependencies = [\"s\"]\n[[package]]\nname = \"s\"\n"
                               "version = \"%s\"\nsource = \"registry+x\"\n";
    cleanup_buf struct buf text = BUF(1 << 20);
    char digests[4][RECIPE_DIGEST_TEXT], other[RECIPE_DIGEST_TEXT], content[512];
    struct world w = world_new();
    world_put_text(&w, "Cargo.toml", PACKAGE "[dependencies]\ns = \"1\"\n");
    snprintf(content, sizeof(content), lock, "1.0.0");
    world_put_text(&w, "Cargo.lock", content);
    world_put_text(&w, "src/main.rs", "");
    world_put_text(&w, "composer.json", "{}");
    struct recipe *old = world_recipe(&w);
    recipe_digest(old, digests[0]);

    tap_case(
        "an edit of a source, or a new version of the package, leaves the digest as it is");
    world_put_text(&w, "src/main.rs", "fn main() {}\n");
    struct recipe *recipe = world_recipe(&w);
    recipe_digest(recipe, digests[1]);
    recipe_free(recipe);
    world_put_text(&w, "Cargo.toml",
                   "[package]\nname = \"a\"\nversion = \"0.2.0\"\nedition = \"2021\"\n"
                   "[dependencies]\ns = \"1\"\n");
    recipe = world_recipe(&w);
    recipe_digest(recipe, digests[2]);
    TAP_EQUAL(bytes_of(digests[1]), bytes_of(digests[0]));
    TAP_EQUAL(bytes_of(digests[2]), bytes_of(digests[0]));

    tap_case("without a change there is no difference");
    TAP_CHECK(recipe_diff(old, recipe, &text, &w.f) == 0 && text.len == 0);
    recipe_free(recipe);

    tap_case("another version of a dependency changes the digest of its unit alone");
    snprintf(content, sizeof(content), lock, "1.0.1");
    world_put_text(&w, "Cargo.lock", content);
    recipe = world_recipe(&w);
    recipe_digest(recipe, digests[3]);
    TAP_CHECK(strcmp(digests[3], digests[0]) != 0);
    recipe_unit_digest(old, 1, other);
    recipe_unit_digest(recipe, 1, content);
    TAP_EQUAL(bytes_of(content), bytes_of(other));
    TAP_EQUAL(recipe_unit_eco(recipe, 1), BYTES("php"));

    tap_case("a difference names the dependency, and the file that changed");
    TAP_CHECK(recipe_diff(old, recipe, &text, &w.f) == 2);
    TAP_EQUAL(buf_bytes(&text),
              BYTES("cargo . ~ s 1.0.0 -> 1.0.1\ncargo . ~ file Cargo.lock\n"));
    recipe_free(recipe);
    recipe_free(old);
    world_end(&w);
}

int main(void)
{
    test_ecosystems();
    test_options();
    test_round_trip();
    test_blobs();
    test_digest_and_diff();
    return tap_end();
}
