/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a variable is at the place where a word is expanded: known, unset, or unknown with a
 * cause.
 *
 *     BuildKit   ARG and ENV set the same variable, and the later line wins. A stage that is
 *                built on another one inherits both.
 *     classic    An ENV hides an ARG, whichever comes first. ARGs end with their stage. Proxy
 *                variables need no ARG.
 *
 * Without --args-final every ARG is unknown, whatever its default and the --build-arg that
 * ctx-send got: the stream may be built with another --build-arg.
 */
#include "analysis.h"

#include <errno.h>

static bool scope_is_one_of(struct bytes name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes_equal(name, bytes_of(list[i])))
            return true;
    return false;
}

/* Source: moby builder/dockerfile/buildargs.go. BuildKit added the last two. */
static bool scope_is_proxy(struct bytes name)
{
    static const char *const names[] = {
        "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
        "ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy"};
    return scope_is_one_of(name, names, ARRAY_SIZE(names));
}

/* Source: BuildKit dockerfile2llb/platform.go. */
static const char *const platform_names[] = {
    "BUILDPLATFORM", "BUILDOS",        "BUILDOSVERSION", "BUILDARCH",
    "BUILDVARIANT",  "TARGETPLATFORM", "TARGETOS",       "TARGETOSVERSION",
    "TARGETARCH",    "TARGETVARIANT",  "TARGETSTAGE"};

static bool scope_is_platform(struct bytes name)
{
    return scope_is_one_of(name, platform_names, ARRAY_SIZE(platform_names));
}

static struct variable scope_known(struct bytes value)
{
    return (struct variable){.state = DF_KNOWN, .value = value};
}

static struct variable scope_unknown(struct bytes name, enum cause cause)
{
    return (struct variable){.state = DF_UNKNOWN, .root = name, .cause = cause};
}

static void scope_set(struct scope *scope, struct table *table, struct bytes name,
                      struct variable variable)
{
    struct variable *kept = ARENA_NEW(&scope->an->arena, struct variable);
    *kept = variable;
    *table_put(table, name, NULL) = (uintptr_t)kept;
}

static bool scope_given_arg(const struct analysis *an, struct bytes name, struct bytes *ret)
{
    for (size_t i = an->request->n_args; i > 0; i--) {
        const struct df_arg *arg = &an->request->args[i - 1];
        if (arg->has_value && bytes_equal(arg->name, name))
            return *ret = arg->value, true;
    }
    return false;
}

/* Sets the platform variables that --platform tells for certain: all of them for an
 * architecture without variants, and only OS and architecture if the builder normalises
 * variants. */
static void scope_set_platform(struct scope *scope)
{
    struct bytes rest = scope->an->request->platform, os, arch, variant;
    if (!scope->an->request->args_final || bytes_find(rest, ',') < rest.len ||
        !bytes_next(&rest, '/', &os) || !bytes_next(&rest, '/', &arch))
        return;
    static const char *const plain[] = {"amd64",   "386",      "ppc64le", "s390x",
                                        "riscv64", "mips64le", "loong64"};
    static const char *const varied[] = {"arm", "arm64"};
    bool has_variant = bytes_next(&rest, '/', &variant);
    bool is_plain = scope_is_one_of(arch, plain, ARRAY_SIZE(plain)) && !has_variant;
    if (!bytes_equal(os, BYTES("linux")) ||
        (!is_plain && !scope_is_one_of(arch, varied, ARRAY_SIZE(varied))))
        return;
    scope_set(scope, &scope->vars, BYTES("TARGETOS"), scope_known(os));
    scope_set(scope, &scope->vars, BYTES("TARGETARCH"), scope_known(arch));
    if (is_plain) {
        scope_set(scope, &scope->vars, BYTES("TARGETPLATFORM"),
                  scope_known(scope->an->request->platform));
        scope_set(scope, &scope->vars, BYTES("TARGETVARIANT"), scope_known(BYTES("")));
    }
}

void scope_global(struct scope *scope, struct analysis *an)
{
    *scope = (struct scope){.an = an, .global = true};
    if (an->dialect == CLASSIC)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(platform_names); i++) {
        struct bytes name = bytes_of(platform_names[i]);
        scope_set(scope, &scope->vars, name, scope_unknown(name, CAUSE_PLATFORM));
    }
    scope_set_platform(scope);
    for (size_t i = 0; i < ARRAY_SIZE(platform_names); i++) {
        struct bytes name = bytes_of(platform_names[i]), value;
        if (an->request->args_final && scope_given_arg(an, name, &value))
            scope_set(scope, &scope->vars, name, scope_known(value));
    }
}

void scope_begin(struct scope *scope, struct analysis *an, const struct stage *stage)
{
    *scope = (struct scope){.an = an, .image = stage->image};
    if (stage->base == BASE_STAGE) {
        scope->parent = &an->stages[stage->parent].scope;
        return;
    }
    scope->env_known = stage->base == BASE_SCRATCH || stage->base == BASE_CONFIG;
    if (!scope->env_known)
        return;
    scope_set(
        scope, &scope->vars, BYTES("PATH"),
        scope_known(BYTES("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")));
    for (size_t i = 0; stage->base == BASE_CONFIG && i < stage->config->n_env; i++) {
        struct bytes pair = stage->config->env[i];
        size_t equals = bytes_find(pair, '=');
        scope_set(scope, &scope->vars, bytes_head(pair, equals),
                  scope_known(bytes_from(pair, equals + 1)));
    }
}

void scope_release(struct scope *scope)
{
    table_release(&scope->vars);
    table_release(&scope->args);
}

/* The variable as the lines so far and the base have set it, without the classic builder's
 * ARGs. */
static struct variable scope_lookup_env(const struct scope *scope, struct bytes name)
{
    for (;; scope = scope->parent) {
        if (scope->any_name)
            return scope_unknown(name, CAUSE_NAME);
        const uintptr_t *value = table_get(&scope->vars, name);
        if (value)
            return *(const struct variable *)*value;
        if (!scope->parent)
            break;
    }
    if (scope->global || scope->env_known)
        return (struct variable){.state = DF_UNSET};
    return scope_unknown(name, CAUSE_BASE);
}

struct variable scope_lookup(const struct scope *scope, struct bytes name)
{
    struct variable env = scope_lookup_env(scope, name);
    if (scope->an->dialect == BUILDKIT || scope->global || env.state == DF_KNOWN)
        return env;
    const uintptr_t *value = table_get(&scope->args, name);
    struct variable arg = {.state = DF_UNSET};
    if (value)
        arg = *(const struct variable *)*value;
    else if (scope_is_proxy(name))
        arg = scope_unknown(name, CAUSE_PROXY);
    if (env.state == DF_UNSET)
        return arg;
    /* Here env is unknown: the image's environment may hide the ARG. If the ARG is unknown too,
     * its cause is the more useful one for the note. */
    return arg.state == DF_UNKNOWN ? arg : env;
}

static enum df_value scope_lookup_callback(void *scope, struct bytes name,
                                           struct bytes *ret_value)
{
    struct variable variable = scope_lookup(scope, name);
    if (variable.state != DF_UNSET)
        *ret_value = variable.value;
    return variable.state;
}

int scope_expand(struct scope *scope, struct bytes word, struct df_expanded *ret,
                 struct failure *f)
{
    return df_expand(&scope->an->arena, word, scope->an->df->escape, scope_lookup_callback,
                     scope, ret, f);
}

/* The variable as a word sets it. */
static int scope_word_value(struct scope *scope, struct bytes word, struct variable *ret,
                            struct failure *f)
{
    struct df_expanded expanded;
    int r = scope_expand(scope, word, &expanded, f);
    if (r < 0)
        return r;
    *ret = scope_known(expanded.text);
    if (expanded.unknown) {
        struct variable of = scope_lookup(scope, expanded.variable);
        *ret = scope_unknown(of.root.len ? of.root : expanded.variable, of.cause);
        ret->value = expanded.text;
    }
    return 0;
}

/* Tells whether older builders would expand the name, or whether it contains quotes. */
static bool scope_is_odd_name(const struct scope *scope, struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (strchr("$\"'\\", name.at[i]) || name.at[i] == scope->an->df->escape)
            return true;
    return name.len == 0;
}

static void scope_split_arg(struct bytes word, struct bytes *ret_name, struct bytes *ret_value,
                            bool *ret_has_value)
{
    size_t equals = bytes_find(word, '=');
    *ret_has_value = equals < word.len;
    *ret_name = bytes_head(word, equals);
    *ret_value = bytes_from(word, equals + 1);
}

/* The variable as one ARG sets it. `fallback` is the expanded default; DF_UNSET: there is none.
 * False: the ARG leaves the variable alone. */
static bool scope_arg_variable(struct scope *scope, struct bytes name, struct variable fallback,
                               struct variable *ret)
{
    const struct analysis *an = scope->an;
    struct bytes value;
    bool given = scope_given_arg(an, name, &value);
    enum cause cause = scope_is_proxy(name) ? CAUSE_PROXY : CAUSE_ARG;
    if (scope_is_platform(name) && an->dialect == BUILDKIT)
        cause = CAUSE_PLATFORM;
    if (!an->request->args_final || (cause == CAUSE_PROXY && !given)) {
        *ret = scope_unknown(name, cause);
        /* The best guess is the value that the build uses if it gets no other arguments. */
        if (given)
            ret->value = value;
        else if (fallback.state != DF_UNSET || scope->global)
            ret->value = fallback.value;
        else
            ret->value = scope_lookup_env(&an->globals, name).value;
        return true;
    }
    if (given)
        *ret = scope_known(value);
    else if (fallback.state != DF_UNSET)
        *ret = fallback;
    else if (!scope->global)
        *ret = scope_lookup_env(&an->globals, name);
    else if (an->dialect == BUILDKIT && scope_lookup_env(scope, name).state != DF_UNSET)
        /* After `ARG A=a`, `ARG A` the variable is unset in BuildKit 0.8 [measured], and still
         * `a` in later versions. */
        *ret = scope_unknown(name, CAUSE_ORDER);
    else
        *ret = fallback;
    return ret->state != DF_UNSET || an->dialect == CLASSIC;
}

static bool scope_same(const struct variable *a, const struct variable *b)
{
    return a->state == b->state && bytes_equal(a->value, b->value);
}

/*
 * Expands the default of one ARG. The newest builder expands each default with the variables
 * that the same line has set so far, older ones with those from before the line (`before`). If
 * the results differ, the variable is unknown.
 */
static int scope_arg_default(struct scope *scope, struct bytes word,
                             const struct variable *before, struct variable *ret,
                             struct failure *f)
{
    struct bytes name, value;
    bool has_value;
    scope_split_arg(word, &name, &value, &has_value);
    *ret = (struct variable){.state = DF_UNSET};
    if (!has_value)
        return 0;
    int r = scope_word_value(scope, value, ret, f);
    if (r == -EINVAL) {
        /* It is an error only if the build needs the default. */
        *ret = scope_unknown(name, CAUSE_ARG);
        return scope->an->request->args_final && !scope_given_arg(scope->an, name, &value) ? r
                                                                                           : 0;
    }
    if (r == 0 && before && !scope_same(ret, before))
        *ret = scope_unknown(name, CAUSE_ORDER);
    return r;
}

int scope_arg(struct scope *scope, const struct df_instruction *in, struct failure *f)
{
    struct variable *before = ARENA_ARRAY(&scope->an->arena, in->n_words, struct variable);
    struct table *table =
        scope->an->dialect == CLASSIC && !scope->global ? &scope->args : &scope->vars;
    int r = 0, worst = 0;
    for (size_t i = 0; i < in->n_words && in->n_words > 1; i++) {
        r = scope_arg_default(scope, in->words[i], NULL, &before[i], NULL);
        if (r < 0 && r != -EINVAL)
            return fail(f, r, "the values of variables grow too large");
    }
    for (size_t i = 0; i < in->n_words; i++) {
        struct variable fallback, variable;
        struct bytes name, value;
        bool has_value;
        r = scope_arg_default(scope, in->words[i], in->n_words > 1 ? &before[i] : NULL,
                              &fallback, f);
        if (r < 0 && r != -EINVAL)
            return r;
        worst = r < 0 ? r : worst;
        scope_split_arg(in->words[i], &name, &value, &has_value);
        if (scope_is_odd_name(scope, name))
            scope->any_name = true;
        else if (scope_arg_variable(scope, name, fallback, &variable))
            scope_set(scope, table, name, variable);
    }
    return worst;
}

int scope_env(struct scope *scope, const struct df_instruction *in, struct failure *f)
{
    size_t n = in->n_words / 2;
    struct variable *values = ARENA_ARRAY(&scope->an->arena, n, struct variable);
    struct df_expanded *names = ARENA_ARRAY(&scope->an->arena, n, struct df_expanded);
    int worst = 0;
    /* All words of a line are expanded with the variables from before the line. */
    for (size_t i = 0; i < n; i++) {
        int r = scope_expand(scope, in->words[2 * i], &names[i], f);
        if (r == 0)
            r = scope_word_value(scope, in->words[2 * i + 1], &values[i], f);
        if (r < 0 && r != -EINVAL)
            return r;
        if (r < 0) {
            worst = r;
            names[i].unknown = true;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (names[i].unknown)
            scope->any_name = true;
        else
            scope_set(scope, &scope->vars, names[i].text, values[i]);
    }
    return worst;
}

struct bytes df_plain_text(struct arena *arena, struct bytes text)
{
    struct quoted q;
    quote(&q, text);
    bool bare = text.len && strlen(q.text) == text.len + 2 && bytes_find(text, ' ') == text.len;
    return bare ? text : arena_copy(arena, bytes_of(q.text));
}

struct bytes scope_reason(struct arena *arena, const struct scope *scope, struct bytes name)
{
    struct variable variable = scope_lookup(scope, name);
    struct bytes subject = df_plain_text(arena, variable.root.len ? variable.root : name);
    if (variable.root.len && !bytes_equal(variable.root, name))
        subject = arena_printf(arena, "%.*s is made of %.*s, which",
                               BYTES_ARG(df_plain_text(arena, name)), BYTES_ARG(subject));
    while (scope->parent)
        scope = scope->parent;
    switch (variable.cause) {
    case CAUSE_PLATFORM:
        return arena_printf(arena,
                            "%.*s is the builder's to set; --platform with --args-final"
                            " says what a build for one platform needs",
                            BYTES_ARG(subject));
    case CAUSE_PROXY:
        return arena_printf(arena, "%.*s may be set by --build-arg or Docker's configuration",
                            BYTES_ARG(subject));
    case CAUSE_BASE:
        return arena_printf(arena,
                            "%.*s may be set by the image %s; --base-config=engine asks"
                            " the engine",
                            BYTES_ARG(subject), QUOTE(scope->image));
    case CAUSE_ORDER:
        return arena_printf(arena,
                            "%.*s is declared in a way that builders"
                            " understand differently",
                            BYTES_ARG(subject));
    case CAUSE_NAME:
        return arena_printf(arena,
                            "%.*s may be set by a line whose variable's name is"
                            " itself unknown",
                            BYTES_ARG(subject));
    case CAUSE_ARG:
    case CAUSE_NONE:
        break;
    }
    return arena_printf(arena,
                        "%.*s may be set by docker build --build-arg; --args-final"
                        " says it won't be",
                        BYTES_ARG(subject));
}
