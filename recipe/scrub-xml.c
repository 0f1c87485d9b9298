/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in XML: an element whose name is that of a credential, `<add key="…" value="…"/>`
 * of .NET and Ant, an attribute, and the elements that hold logins. The element is cut, so that
 * the document stays well-formed.
 */
#include "scrub-parts.h"

/* Levels of elements. Deeper ones are not looked into, and no reader accepts them. */
#define XML_DEPTH_MAX 128

struct tag {
    size_t from, to;    /* from '<' to after '>' */
    struct bytes name;  /* without its prefix */
    bool closes, empty; /* </a>, <a/> */
};

struct element {
    struct tag tag;
    size_t text; /* where its content begins */
    bool parent; /* it has elements */
    bool holder;
    bool literal; /* something in a holder is a literal */
    struct scrub_mark mark;
};

struct xml_scrub {
    struct scrub *s;
    struct element at[XML_DEPTH_MAX];
    size_t depth;
};

/* The end of what begins with `open`, as a comment does; `at` if something else begins. */
static size_t xml_skip(const struct scrub *s, size_t at, const char *open, const char *close)
{
    if (!bytes_starts(bytes_from(s->text, at), bytes_of(open)))
        return at;
    for (size_t i = at + strlen(open); i < s->text.len; i++)
        if (bytes_starts(bytes_from(s->text, i), bytes_of(close)))
            return i + strlen(close);
    return s->text.len;
}

static bool xml_is_name(int c)
{
    return c > ' ' && !strchr("/>=\"'<", c);
}

static bool xml_read_tag(const struct scrub *s, size_t at, struct tag *ret)
{
    *ret = (struct tag){.from = at};
    ret->closes = scrub_peek(s, at + 1) == '/';
    size_t name = at + 1 + ret->closes, end = name;
    while (xml_is_name(scrub_peek(s, end)))
        end++;
    ret->name = scrub_part(s, name, end);
    size_t colon = bytes_find(ret->name, ':');
    ret->name = bytes_from(ret->name, colon < ret->name.len ? colon + 1 : 0);
    for (int quote = 0; ret->name.len && end < s->text.len; end++) {
        int c = s->text.at[end];
        if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? 0 : c;
        else if (c == '>' && !quote)
            break;
    }
    if (end >= s->text.len || ret->name.len == 0)
        return false;
    ret->empty = s->text.at[end - 1] == '/';
    ret->to = end + 1;
    return true;
}

/* Takes the next attribute of a tag off *at. False at the end. */
static bool xml_attribute_next(const struct scrub *s, const struct tag *tag, size_t *at,
                               struct bytes *ret_name, struct bytes *ret_value)
{
    while (*at < tag->to && !xml_is_name(scrub_peek(s, *at)))
        (*at)++;
    size_t name = *at;
    while (*at < tag->to && xml_is_name(scrub_peek(s, *at)))
        (*at)++;
    *ret_name = scrub_part(s, name, *at);
    while (*at < tag->to && strchr(" \t\r\n=", s->text.at[*at]))
        (*at)++;
    int quote = scrub_peek(s, *at);
    if (*at >= tag->to || (quote != '"' && quote != '\''))
        return false;
    size_t value = ++*at;
    while (*at < tag->to && scrub_peek(s, *at) != quote)
        (*at)++;
    *ret_value = scrub_part(s, value, *at);
    if (*at < tag->to)
        ++*at;
    return true;
}

static bool xml_named(struct bytes name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes_equal_nocase(name, bytes_of(names[i])))
            return true;
    return false;
}

/* Cuts an element with its line. */
static void xml_cut(struct scrub *s, size_t from, size_t to, struct bytes what)
{
    struct cut c = scrub_whole_lines(s, from, to);
    scrub_cut(s, c.from, c.to, from, arena_copy(s->arena, bytes_head(what, 60)));
}

/* Looks at the attributes of a tag. Gives what the element sets, if that is a credential: the
 * `key` of <add key="x" value="y"/>. */
static struct bytes xml_take_attributes(struct scrub *s, const struct tag *tag, bool in_holder,
                                        bool *ret_literal)
{
    static const char *const keys[] = {"key", "name", "id"};
    struct bytes name, value, key = BYTES(""), found = {NULL, 0};
    size_t at = (size_t)(tag->name.at - s->text.at) + tag->name.len;
    bool literal = false;
    while (xml_attribute_next(s, tag, &at, &name, &value)) {
        size_t from = (size_t)(value.at - s->text.at);
        if (xml_named(name, keys, ARRAY_SIZE(keys)))
            key = value;
        else if (bytes_equal_nocase(name, BYTES("value")))
            literal = credential_literal(value);
        else if (credential_key(name, false) && credential_real(value))
            scrub_cut(s, from, from + value.len, from,
                      arena_copy(s->arena, bytes_head(name, 60)));
        else
            scrub_words(s, from, from + value.len, 0);
        if (bytes_equal_nocase(name, BYTES("value")))
            scrub_words(s, from, from + value.len, 0);
        scrub_proxy(s, key, from, from + value.len);
    }
    if (literal && key.len && credential_key(key, false))
        found = key;
    *ret_literal |= found.len || (literal && in_holder && !credential_user(key));
    return found;
}

static struct element *xml_holder(struct xml_scrub *x)
{
    for (size_t i = x->depth; i-- > 0;)
        if (x->at[i].holder)
            return &x->at[i];
    return NULL;
}

static bool xml_is_holder(const struct scrub *s, struct bytes name)
{
    static const char *const elements[] = {"packageSourceCredentials", "apikeys"};
    static const char *const settings[] = {"server", "proxy"};
    return xml_named(name, elements, ARRAY_SIZE(elements)) ||
           (bytes_ends(s->path, BYTES("settings.xml")) &&
            xml_named(name, settings, ARRAY_SIZE(settings)));
}

/* Takes the text of an element without elements in it. */
static void xml_take_text(struct xml_scrub *x, struct element *e, const struct tag *close)
{
    static const char *const values[] = {"value", "passphrase", "password", "accessKey"};
    struct scrub *s = x->s;
    struct bytes text = utf8_trim(scrub_part(s, e->text, close->from));
    if (bytes_starts(text, BYTES("<![CDATA[")))
        text = bytes_from(text, 9);
    bool parent_packages = x->depth > 1 && credential_packages(x->at[x->depth - 2].tag.name);
    struct element *holder = xml_holder(x);
    bool literal = credential_literal(text);
    if (holder && literal && xml_named(e->tag.name, values, ARRAY_SIZE(values)))
        holder->literal = true;
    if (literal && !parent_packages && credential_key(e->tag.name, false)) {
        if (holder)
            holder->literal = true;
        scrub_return(s, e->mark);
        xml_cut(s, e->tag.from, close->to, e->tag.name);
    } else {
        scrub_words(s, e->text, close->from, 0);
    }
}

static void xml_close(struct xml_scrub *x, const struct tag *close)
{
    struct scrub *s = x->s;
    size_t open = x->depth;
    while (open > 0 && !bytes_equal(x->at[open - 1].tag.name, close->name))
        open--;
    if (open == 0)
        return; /* it closes nothing */
    x->depth = open;
    struct element *e = &x->at[open - 1];
    if (!e->parent)
        xml_take_text(x, e, close);
    if (e->holder && e->literal) {
        scrub_return(s, e->mark);
        xml_cut(s, e->tag.from, close->to, e->tag.name);
    }
    x->depth--;
}

static void xml_open(struct xml_scrub *x, const struct tag *tag)
{
    struct scrub *s = x->s;
    struct element *holder = xml_holder(x);
    struct scrub_mark mark = scrub_mark(s);
    bool literal = false;
    struct bytes found = xml_take_attributes(s, tag, holder != NULL, &literal);
    if (holder)
        holder->literal |= literal;
    if (x->depth)
        x->at[x->depth - 1].parent = true;
    if (tag->empty && found.at)
        xml_cut(s, tag->from, tag->to, found);
    if (tag->empty || x->depth == XML_DEPTH_MAX)
        return;
    x->at[x->depth++] = (struct element){
        .tag = *tag, .text = tag->to, .holder = xml_is_holder(s, tag->name), .mark = mark};
}

void scrub_xml(struct scrub *s)
{
    struct xml_scrub *x = arena_alloc(s->arena, sizeof(*x));
    x->s = s;
    for (size_t at = 0; at < s->text.len;) {
        struct tag tag;
        if (s->text.at[at] != '<') {
            at++;
            continue;
        }
        size_t past = xml_skip(s, at, "<!--", "-->");
        if (past > at)
            scrub_words(s, at, past, 0);
        if (past == at)
            past = xml_skip(s, at, "<![CDATA[", "]]>");
        if (past == at)
            past = xml_skip(s, at, "<?", "?>");
        if (past > at) {
            at = past;
            continue;
        }
        if (!xml_read_tag(s, at, &tag)) {
            if (tag.name.len) { /* it has no end: no reader takes this */
                scrub_words(s, at, s->text.len, WORDS_CODE);
                return;
            }
            at++;
            continue;
        }
        if (tag.closes)
            xml_close(x, &tag);
        else
            xml_open(x, &tag);
        at = tag.to;
    }
}
