/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers and writers of formats/: what they make of a text, that their bounds hold, and
 * that a malformed text is refused with its file and line.
 */
#include "formats.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_NAME BYTES("some.file")

typedef int reader(struct values *pool, struct bytes name, struct bytes text,
                   struct value **ret_root, struct failure *f);

/* The value of a path of keys and list indexes, "a.0.b"; NULL if there is none. */
static const struct value *value_at(const struct value *root, const char *path)
{
    struct bytes rest = bytes_of(path), key;
    while (root && bytes_next(&rest, '.', &key)) {
        uint64_t i;
        char name[64];
        snprintf(name, sizeof(name), "%.*s", BYTES_ARG(key));
        if (root->kind == VALUE_LIST)
            root = number_parse(key, &i) == 0 && i < root->n ? root->pairs[i].value : NULL;
        else
            root = value_get(root, name);
    }
    return root;
}

/* A value as one line of JSON, whichever format it came from. */
static struct bytes shown(struct buf *line, const struct value *v)
{
    buf_clear(line);
    TAP_CHECK(json_write(v, line) == 0);
    return buf_bytes(line);
}

struct read_case {
    const char *text;
    const char *json; /* what the text means */
};

static void check_reads(const char *format, reader *read, const struct read_case *cases,
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cleanup_values struct values pool = {0};
        cleanup_buf struct buf line = BUF(1 << 16);
        struct value *root = NULL;
        struct failure f = {0};
        tap_case("%s %s means %s", format, QUOTE(bytes_of(cases[i].text)), cases[i].json);
        int r = read(&pool, FILE_NAME, bytes_of(cases[i].text), &root, &f);
        if (TAP_CHECKF(r == 0, "%s", f.text))
            TAP_EQUAL(shown(&line, root), bytes_of(cases[i].json));
    }
}

struct fault_case {
    const char *text;
    const char *says; /* the failure begins so */
};

static void check_faults(const char *format, reader *read, const struct fault_case *cases,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cleanup_values struct values pool = {0};
        struct value *root = NULL;
        struct failure f = {0};
        tap_case("%s %s is refused, with its line", format, QUOTE(bytes_of(cases[i].text)));
        TAP_CHECK(read(&pool, FILE_NAME, bytes_of(cases[i].text), &root, &f) == -EINVAL);
        TAP_CHECK(root == NULL);
        TAP_EQUAL(bytes_head(bytes_of(f.text), strlen(cases[i].says)), bytes_of(cases[i].says));
    }
}

/* A text of `depth` times `open`, then `middle`, then as many times `close`. */
static struct bytes nested(struct buf *to, size_t depth, const char *open, const char *middle,
                           const char *close)
{
    int r = 0;
    buf_clear(to);
    for (size_t i = 0; i < depth && r == 0; i++)
        r = buf_add_bytes(to, bytes_of(open));
    r = r < 0 ? r : buf_add_bytes(to, bytes_of(middle));
    for (size_t i = 0; i < depth && r == 0; i++)
        r = buf_add_bytes(to, bytes_of(close));
    TAP_CHECK(r == 0);
    return buf_bytes(to);
}

static int read_depth(reader *read, size_t depth, const char *open, const char *middle,
                      const char *close)
{
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf text = BUF(1 << 20);
    struct value *root = NULL;
    int r = read(&pool, FILE_NAME, nested(&text, depth, open, middle, close), &root, NULL);
    TAP_CHECK((root != NULL) == (r == 0));
    return r;
}

/* ---- TOML -------------------------------------------------------------------------- */

static void test_toml_read(void)
{
    /* Source: TOML 1.0.0, <https://toml.io/en/v1.0.0>; the last two are of TOML 1.1. */
    static const struct read_case cases[] = {
        {"", "{}"},
        {"\xef\xbb\xbf# only a comment\r\n", "{}"},
        {"a = 1\nb.c = true", "{\"a\":1,\"b\":{\"c\":true}}"},
        {"[a.b]\nc = 1\n[a]\nd = 2", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}"},
        {"[[g]]\na = 1\n[[g]]\na = 2\n[g.h]\nb = 3",
         "{\"g\":[{\"a\":1},{\"a\":2,\"h\":{\"b\":3}}]}"},
        {"a = [1, [2], # two\n]", "{\"a\":[1,[2]]}"},
        {"a = 0xff\nb = 0o17\nc = 0b101\nd = 1_000\ne = -7",
         "{\"a\":255,\"b\":15,\"c\":5,\"d\":1000,\"e\":-7}"},
        {"a = 9223372036854775807\nb = -9223372036854775808",
         "{\"a\":9223372036854775807,\"b\":-9223372036854775808}"},
        {"a = 1_0.5E+3\nb = -inf", "{\"a\":10.5e3,\"b\":-inf}"},
        {"a = 1979-05-27 07:32:00Z\nb = 07:32:00.5",
         "{\"a\":\"1979-05-27 07:32:00Z\",\"b\":\"07:32:00.5\"}"},
        {"a = \"x\\ty\\u00e9\\\\\"\nb = 'x\\t'",
         "{\"a\":\"x\\ty\xc3\xa9\\\\\",\"b\":\"x\\\\t\"}"},
        {"a = \"\"\"\r\nx\r\n  y\\\n   z\"\"\"\"\"", "{\"a\":\"x\\n  yz\\\"\\\"\"}"},
        {"\"a b\".'c.d' = 1", "{\"a b\":{\"c.d\":1}}"},
        {"a = {b = 1,\n  c = 2, # two\n}", "{\"a\":{\"b\":1,\"c\":2}}"},
        {"a = {}", "{\"a\":{}}"},
    };
    static const struct fault_case faults[] = {
        {"a = 1\nb", "some.file:2: a key needs a = after it"},
        {"a = 1\n\na = 2", "some.file:3: \"a\" was defined before"},
        {"[a]\nb = {}\n[a.b]", "some.file:3: \"b\" was defined before"},
        {"a = {b = 1}\na.c = 2", "some.file:2: \"a\" was defined before"},
        {"a = []\n[[a]]", "some.file:2: \"a\" was defined before"},
        {"a.b = 1\n[a]", "some.file:2: \"a\" was defined before"},
        {"[a", "some.file:1: a header needs its ]"},
        {"a = ", "some.file:1: a value is missing"},
        {"a = x", "some.file:1: a value is not valid: strings need quotes"},
        {"a = 01", "some.file:1: a value is not valid"},
        {"a = 0x", "some.file:1: a value is no number"},
        {"a = 1__0", "some.file:1: a value is not valid"},
        {"a = 9223372036854775808", "some.file:1: an integer is beyond 64 bits"},
        {"a = 2023-02-29", "some.file:1: a value is no date or time"},
        {"\na = \"x", "some.file:2: a string has no end"},
        {"a = \"x\n\"", "some.file:1: a string has no end on its line"},
        {"a = \"\\x\"", "some.file:1: a string has an unknown escape"},
        {"a = \"\\ud800\"", "some.file:1: U+D800 is no Unicode scalar value"},
        {"a = \"\\u00g\"", "some.file:1: an escape of 4 hexadecimal digits has fewer"},
        {"a = \"\x01\"", "some.file:1: a string holds the control character \\x01"},
        {"# \x7f", "some.file:1: a comment holds the control character \\x7f"},
        {"a = 1\nb = \"\xff\"", "some.file:2: the byte \\xff is no UTF-8"},
        {"a = [1 2]", "some.file:1: an array needs a , or ] here"},
        {"a = {b = 1 c}", "some.file:1: an inline table needs a , or } here"},
        {"a = 1 b", "some.file:1: something follows"},
        {"\"\"\"a\"\"\" = 1", "some.file:1: a key can't be a string of several lines"},
    };
    check_reads("TOML", toml_read, cases, ARRAY_SIZE(cases));
    check_faults("TOML", toml_read, faults, ARRAY_SIZE(faults));

    tap_case("TOML of 100 levels is read, whichever way they are written, and more is not");
    TAP_CHECK(read_depth(toml_read, 99, "a={", "", "}") == 0);
    TAP_CHECK(read_depth(toml_read, MANIFEST_DEPTH + 1, "a={", "", "}") == -EINVAL);
    TAP_CHECK(read_depth(toml_read, 99, "a.", "a=1", "") == 0);
    TAP_CHECK(read_depth(toml_read, MANIFEST_DEPTH + 1, "a.", "a=1", "") == -EINVAL);
}

static void test_toml_write(void)
{
    static const char text[] = "z = 1\n"
                               "a = [\"x\", {\"b\" = 2, \"c\" = false}]\n"
                               "[dependencies]\n"
                               "serde = {version = '1', features = []}\n"
                               "[package]\n"
                               "name = \"\\u0001\\\"\xc3\xa9\\n\"\n"
                               "at = 07:32:00\n"
                               "[[bin]]\nname = 'x'\n"
                               "[[bin]]\nname = 'y'\n";
    /* Tables in cargo's order, keys sorted and quoted. */
    static const char want[] = "\"a\" = [\"x\", {\"b\" = 2, \"c\" = false}]\n"
                               "\"z\" = 1\n"
                               "\n[\"package\"]\n"
                               "\"at\" = 07:32:00\n"
                               "\"name\" = \"\\u0001\\\"\xc3\xa9\\n\"\n"
                               "\n[[\"bin\"]]\n\"name\" = \"x\"\n"
                               "\n[[\"bin\"]]\n\"name\" = \"y\"\n"
                               "\n[\"dependencies\"]\n"
                               "\"serde\" = {\"features\" = [], \"version\" = \"1\"}\n";
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf once = BUF(4096), twice = BUF(4096), small = BUF(10);
    struct value *root = NULL;
    tap_case("TOML is written in one customary form, whatever form it was read in");
    TAP_CHECK(toml_read(&pool, FILE_NAME, bytes_of(text), &root, NULL) == 0);
    TAP_CHECK(toml_write(root, &once) == 0);
    TAP_EQUAL(buf_bytes(&once), bytes_of(want));
    tap_case("what was written is read, and written the same again");
    TAP_CHECK(toml_read(&pool, FILE_NAME, buf_bytes(&once), &root, NULL) == 0);
    TAP_CHECK(toml_write(root, &twice) == 0);
    TAP_EQUAL(buf_bytes(&twice), buf_bytes(&once));
    tap_case("TOML past the maximum of the buffer is -E2BIG, and null can't be written");
    TAP_CHECK(toml_write(root, &small) == -E2BIG);
    value_put(&pool, root, BYTES("n"), value_new(&pool, VALUE_NULL));
    TAP_CHECK(toml_write(root, &twice) == -EINVAL);
}

/* ---- JSON -------------------------------------------------------------------------- */

static void test_json(void)
{
    static const struct read_case cases[] = {
        {"{}", "{}"},
        {"\xef\xbb\xbf[]", "[]"},
        {"7", "7"},
        {" {\"b\": [1, -2, null, true, false], \"a\": {\"\": \"\\u00e9\\n\"}} ",
         "{\"b\":[1,-2,null,true,false],\"a\":{\"\":\"\xc3\xa9\\n\"}}"},
        {"[1.5, 1e2]", "[1.5,100]"},
        {"\"\\b\\u007f\\/\"", "\"\\u0008\\u007f/\""},
    };
    static const struct fault_case faults[] = {
        {"", "some.file:1: it is empty"},
        {"{\n\n", "some.file:3: \""},
        {"[1,\n]", "some.file:2: \""},
        {"{\"a\": 1,\n \"a\": 2}", "some.file:2: \"duplicate object key"},
        {"[9223372036854775808]", "some.file:1: \"too big integer"},
        {"[\"\xff\"]", "some.file:1: \""},
        {"[]\n[]", "some.file:2: \"end of file expected"},
    };
    check_reads("JSON", json_read, cases, ARRAY_SIZE(cases));
    check_faults("JSON", json_read, faults, ARRAY_SIZE(faults));

    tap_case("JSON of 100 levels is read, and more is -E2BIG");
    TAP_CHECK(read_depth(json_read, MANIFEST_DEPTH, "[", "1", "]") == 0);
    TAP_CHECK(read_depth(json_read, MANIFEST_DEPTH + 1, "[", "1", "]") == -E2BIG);

    tap_case("JSON is written for people with a pair a line, as npm writes it");
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf out = BUF(4096), small = BUF(5);
    struct value *root = NULL;
    struct failure f = {0};
    TAP_CHECK(json_read(&pool, FILE_NAME, BYTES("{\"b\":[1,{}],\"a\":[]}"), &root, NULL) == 0);
    TAP_CHECK(json_write_pretty(root, &out) == 0);
    TAP_EQUAL(buf_bytes(&out), BYTES("{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}\n"));
    TAP_CHECK(json_write_pretty(root, &small) == -E2BIG);
    TAP_CHECK(json_write(root, &small) == -E2BIG);

    tap_case("a byte that is not UTF-8 becomes U+FFFD, and others around it stay");
    buf_clear(&out);
    TAP_CHECK(json_write_string(BYTES("a\xff\xc3\xa9\"\x01"), &out) == 0);
    TAP_EQUAL(buf_bytes(&out), BYTES("\"a\xef\xbf\xbd\xc3\xa9\\\"\\u0001\""));

    tap_case("a caller may set another maximum for a JSON text");
    TAP_CHECK(json_read_large(&pool, FILE_NAME, BYTES("[1]"), 2, &root, &f) == -E2BIG);
    TAP_EQUAL(bytes_of(f.text), BYTES("some.file: larger than 0 MiB"));
    TAP_CHECK(json_read_large(&pool, FILE_NAME, BYTES("[1]"), 3, &root, &f) == 0);
}

/* ---- YAML -------------------------------------------------------------------------- */

static void test_yaml(void)
{
    static const struct read_case cases[] = {
        {"", "{}"},
        {"a: 1\nb:\n- x\n- y: 'z'\n", "{\"a\":\"1\",\"b\":[\"x\",{\"y\":\"z\"}]}"},
        {"lone", "\"lone\""},
        {"{a: [1, true], b: ~}", "{\"a\":[\"1\",\"true\"],\"b\":\"~\"}"},
        {"a: !!int 1\n", "{\"a\":\"1\"}"},
        {"a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
        {"a: 1\n---\nb: 2\n", "{\"a\":\"1\"}"},
        {"a: 1\na: 2\n", "{\"a\":\"2\"}"},
    };
    static const struct fault_case faults[] = {
        {"a: 1\nb: &x 2\n", "some.file:2: anchors are not read here"},
        {"a: &x [1]\nb: *x\n", "some.file:1: anchors are not read here"},
        {"\n*x : 1\n", "some.file:2: anchors are not read here"},
        {"? [1]\n: 2\n", "some.file:1: a key must be a word"},
        {"a: [1\n", "some.file:2: "},
        {"a: 1\n b: 2\n", "some.file:2: "},
    };
    check_reads("YAML", yaml_read, cases, ARRAY_SIZE(cases));
    check_faults("YAML", yaml_read, faults, ARRAY_SIZE(faults));
    tap_case("YAML of 100 levels is read, and more is not");
    TAP_CHECK(read_depth(yaml_read, MANIFEST_DEPTH, "[", "1", "]") == 0);
    TAP_CHECK(read_depth(yaml_read, MANIFEST_DEPTH + 1, "[", "1", "]") == -EINVAL);
}

/* ---- XML --------------------------------------------------------------------------- */

static void test_xml_read(void)
{
    static const char text[] = "<?xml version=\"1.0\"?>\n<!-- c -->\n"
                               "<p:project b='2' a=\"1&amp;\">\n  <id> x &lt; y </id>\n"
                               "  <list><i/><i><![CDATA[z]]></i></list>\n</p:project>\n";
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf once = BUF(4096), twice = BUF(4096), small = BUF(50);
    struct xml *root = NULL;
    struct failure f = {0};
    tap_case("XML gives elements, trimmed texts and attributes");
    if (!TAP_CHECKF(xml_read(&pool, FILE_NAME, bytes_of(text), &root, &f) == 0, "%s", f.text))
        return;
    TAP_EQUAL(root->name, BYTES("p:project"));
    TAP_EQUAL(xml_attribute(root, "a"), BYTES("1&"));
    TAP_EQUAL(xml_text(xml_get(root, "id")), BYTES("x < y"));
    TAP_CHECK(xml_get(root, "id")->line == 4);
    TAP_CHECK(xml_get(root, "list")->n == 2);
    tap_case("asking for what is not in a document gives nothing, at any depth");
    TAP_CHECK(xml_get(xml_get(root, "none"), "none") == NULL);
    TAP_CHECK(xml_text(xml_get(root, "none")).at == NULL);
    TAP_CHECK(xml_attribute(root, "c").at == NULL && xml_attribute(NULL, "c").at == NULL);

    tap_case("XML is written with its attributes sorted, and read again as the same");
    TAP_CHECK(xml_write(root, &once) == 0);
    TAP_EQUAL(buf_bytes(&once), BYTES("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                      "<p:project a=\"1&amp;\" b=\"2\">\n <id>x &lt; y</id>\n"
                                      " <list>\n  <i/>\n  <i>z</i>\n </list>\n</p:project>\n"));
    TAP_CHECK(xml_read(&pool, FILE_NAME, buf_bytes(&once), &root, &f) == 0);
    TAP_CHECK(xml_write(root, &twice) == 0);
    TAP_EQUAL(buf_bytes(&twice), buf_bytes(&once));
    TAP_CHECK(xml_write(root, &small) == -E2BIG);

    tap_case(
        "all elements of a name are dropped, and a text replaces what an element contains");
    xml_drop(xml_get(root, "list"), "i");
    TAP_CHECK(xml_get(root, "list")->n == 0);
    xml_set_text(&pool, root, BYTES("t"));
    TAP_EQUAL(xml_text(root), BYTES("t"));
    TAP_CHECK(root->n == 1);
}

static void test_xml_faults(void)
{
    static const struct fault_case faults[] = {
        {"", "some.file:1: no element found"},
        {"<a>\n<b></a>", "some.file:2: mismatched tag"},
        {"<!DOCTYPE a [<!ENTITY e \"x\">]>\n<a>&e;</a>", "some.file:1: a DOCTYPE"},
        {"<a>\n&e;</a>", "some.file:2: undefined entity"},
        {"<a b='1' b='2'/>", "some.file:1: duplicate attribute"},
        {"<a/><b/>", "some.file:1: junk after document element"},
    };
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf text = BUF(1 << 16);
    struct xml *root = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct failure f = {0};
        tap_case("XML %s is refused, with its line", QUOTE(bytes_of(faults[i].text)));
        TAP_CHECK(xml_read(&pool, FILE_NAME, bytes_of(faults[i].text), &root, &f) == -EINVAL);
        TAP_CHECK(root == NULL);
        TAP_EQUAL(bytes_head(bytes_of(f.text), strlen(faults[i].says)),
                  bytes_of(faults[i].says));
    }
    tap_case("XML of 100 levels is read, and more is not");
    TAP_CHECK(xml_read(&pool, FILE_NAME, nested(&text, MANIFEST_DEPTH, "<a>", "", "</a>"),
                       &root, NULL) == 0);
    TAP_CHECK(xml_read(&pool, FILE_NAME, nested(&text, MANIFEST_DEPTH + 1, "<a>", "", "</a>"),
                       &root, NULL) == -EINVAL);
}

/* ---- all --------------------------------------------------------------------------- */

static void test_size(void)
{
    size_t len = MANIFEST_MAX + 1;
    cleanup_values struct values pool = {0};
    char *text = xmalloc(len);
    memset(text, ' ', len);
    struct value *root = NULL;
    struct xml *xml = NULL;
    static const struct {
        const char *format;
        reader *read;
    } readers[] = {{"TOML", toml_read}, {"JSON", json_read}, {"YAML", yaml_read}};
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
        struct failure f = {0};
        tap_case("%s of more than 32 MiB is -E2BIG", readers[i].format);
        TAP_CHECK(readers[i].read(&pool, FILE_NAME, bytes_at(text, len), &root, &f) == -E2BIG);
        TAP_EQUAL(bytes_of(f.text), BYTES("some.file: larger than 32 MiB"));
    }
    tap_case("XML of more than 32 MiB is -E2BIG");
    TAP_CHECK(xml_read(&pool, FILE_NAME, bytes_at(text, len), &xml, NULL) == -E2BIG);
    free(text);
}

/* Keys of a map so large that it has an index, removed and replaced while it has one. */
static void test_value_index(void)
{
    cleanup_values struct values pool = {0};
    struct value *map = value_new(&pool, VALUE_MAP);
    bool right = true;
    tap_case(
        "a large map finds each key, and still does after one was removed and one replaced");
    for (int64_t i = 0; i < 1000; i++)
        value_put(&pool, map, arena_printf(&pool.arena, "k%d", (int)i),
                  value_integer(&pool, i));
    TAP_CHECK(value_number(value_find(&pool, map, BYTES("k500"))) == 500);
    value_drop(map, "k0");
    value_put(&pool, map, BYTES("k7"), value_integer(&pool, 70));
    for (int64_t i = 1; i < 1000; i++) {
        struct bytes key = arena_printf(&pool.arena, "k%d", (int)i);
        right = right && value_number(value_find(&pool, map, key)) == (i == 7 ? 70 : i);
    }
    TAP_CHECK(right && map->n == 999 && !value_find(&pool, map, BYTES("k0")));
}

static void test_values(void)
{
    cleanup_values struct values pool = {0};
    cleanup_buf struct buf line = BUF(4096);
    struct value *root = NULL;
    TAP_CHECK(json_read(&pool, FILE_NAME,
                        BYTES("{\"b\":[\"x\",\"y\",\"x\"],\"a\":{\"k\":true}}"), &root,
                        NULL) == 0);
    tap_case("asking a value of another kind, or a missing one, gives nothing");
    TAP_EQUAL(value_text(value_at(root, "b.1")), BYTES("y"));
    TAP_CHECK(value_true(value_at(root, "a.k")) && !value_true(value_at(root, "b.0")));
    TAP_CHECK(value_text(value_at(root, "a.k")).at == NULL && value_text(NULL).at == NULL);
    TAP_CHECK(value_number(value_at(root, "a.k")) == 0 && value_number(NULL) == 0);
    TAP_CHECK(value_get(value_at(root, "b"), "a") == NULL && value_get(NULL, "a") == NULL);
    TAP_CHECK(value_count(value_at(root, "b")) == 3 && value_count(NULL) == 0);

    tap_case("a copy does not change with what it was copied from");
    struct value *copy = value_copy(&pool, root);
    value_sort(root);
    value_sort(value_get(root, "b"));
    value_drop(value_get(root, "a"), "k");
    TAP_EQUAL(shown(&line, copy), BYTES("{\"b\":[\"x\",\"y\",\"x\"],\"a\":{\"k\":true}}"));
    tap_case("sorting orders a map by key, and a list of strings by text, each once");
    TAP_EQUAL(shown(&line, root), BYTES("{\"a\":{},\"b\":[\"x\",\"y\"]}"));

    tap_case("keeping some keys keeps the order in which they are named");
    static const char *const keys[] = {"b", "none", "a"};
    TAP_EQUAL(shown(&line, value_keep(&pool, root, keys, ARRAY_SIZE(keys))),
              BYTES("{\"b\":[\"x\",\"y\"],\"a\":{}}"));

    tap_case("bytes that are not UTF-8 are shown quoted");
    TAP_EQUAL(value_text(value_shown(&pool, BYTES("a\xff"))), BYTES("\"a\\xff\""));
    TAP_EQUAL(value_text(value_shown(&pool, BYTES("\xc3\xa9"))), BYTES("\xc3\xa9"));
}

int main(void)
{
    test_toml_read();
    test_toml_write();
    test_json();
    test_yaml();
    test_xml_read();
    test_xml_faults();
    test_size();
    test_values();
    test_value_index();
    return tap_end();
}
