/* SPDX-License-Identifier: Apache-2.0 */
/* How the words of a command line are parsed, and what is suggested for a wrong one. */
#include "option-parse.h"
#include "parsed.h"

#include <errno.h>

static void test_defaults(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case(
        "no words: the working directory, plain, with its own times, no gate, any builder");
    TAP_CHECK(PARSE(&p) == 0 && p.options.action == ACTION_SEND);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("."));
    TAP_CHECK(!p.options.base_config);
    TAP_CHECK(p.options.codec == SEND_TAR && p.options.mtime == SEND_MTIME_KEEP);
    TAP_CHECK(!p.options.file && !p.options.ignore_file && !p.options.output);
    TAP_CHECK(!p.options.max_bytes && !p.options.max_files && !p.options.full);
    TAP_CHECK(p.options.builder == SEND_ANY && p.options.talk == TALK_NORMAL);
    TAP_CHECK(p.notes.n == 0);
    tap_case("a program that gets no words at all, not even its name, has the defaults");
    parsed_release(&p);
    TAP_CHECK(options_parse(&send_line, 0, (char *[]){NULL}, &p.notes, &p.options, &p.f) == 0);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("."));
}

/* Writes "--name" and rest to word. Returns word. */
static char *word_of(char word[128], const struct option *option, const char *rest)
{
    snprintf(word, 128, "--%s%s", option->name, rest);
    return word;
}

/* Checks what the kind of a row promises, so that a new option is tested without more ado. */
static void test_option(const struct option *option)
{
    cleanup_parsed struct parsed p = {0};
    char word[128], names[64];
    snprintf(names, sizeof(names), "--%s", option->name);
    if (option->metavar && !option->optional) {
        PARSE(&p, word_of(word, option, ""));
        TAP_REFUSED(&p, names, " needs a value: ");
        TAP_REFUSED(&p, "=", option->metavar);
    }
    if (!option->metavar) {
        PARSE(&p, word_of(word, option, "=1"));
        TAP_REFUSED(&p, names, " takes no value");
    }
    if (!option->metavar || option->optional) {
        PARSE(&p, word_of(word, option, ""));
        TAP_CHECK(p.r == 0);
    }
    if (option->kind == OPTION_STRING || option->kind == OPTION_BYTES) {
        PARSE(&p, word_of(word, option, "="));
        TAP_REFUSED(&p, names, " is empty");
    }
    if (option->kind == OPTION_SIZE || option->kind == OPTION_COUNT) {
        PARSE(&p, word_of(word, option, "=0"));
        TAP_REFUSED(&p, names, " above 0");
        PARSE(&p, word_of(word, option, "=7"));
        uint64_t number;
        memcpy(&number, (const char *)&p.options + option->offset, sizeof(number));
        TAP_CHECK(p.r == 0 && number == 7);
    }
    if (option->kind != OPTION_CHOICE)
        return;
    PARSE(&p, word_of(word, option, "=neither"));
    TAP_REFUSED(&p, names, ": not one of ");
    struct bytes rest = bytes_of(option->metavar), choice;
    for (unsigned i = 0, got; bytes_next(&rest, '|', &choice); i++) {
        snprintf(word, sizeof(word), "--%s=%.*s", option->name, BYTES_ARG(choice));
        PARSE(&p, word);
        memcpy(&got, (const char *)&p.options + option->offset, sizeof(got));
        TAP_CHECKF(p.r == 0 && got == i, "%s: %d, %u", word, p.r, got);
    }
}

static void test_table(void)
{
    const struct option *table[64];
    size_t n = all_options(table);
    tap_case("each name and letter of the table is used once, and each option has help");
    for (size_t i = 0; i < n; i++) {
        const struct option *a = table[i];
        TAP_CHECK(a->help && *a->help);
        for (size_t j = 0; j < i; j++) {
            const struct option *b = table[j];
            TAP_CHECKF(strcmp(a->name, b->name) != 0, "%s twice", a->name);
            TAP_CHECKF(!a->letter || a->letter != b->letter, "-%c twice", a->letter);
        }
    }
    for (size_t i = 0; i < n; i++) {
        tap_case("--%s takes what its kind says, and an error names the option",
                 table[i]->name);
        test_option(table[i]);
    }
}

static void test_forms(void)
{
    cleanup_parsed struct parsed p = {0};
    tap_case("a value is attached, or follows an equals sign, or is the next word");
    char *const forms[][2] = {{"-fx"},      {"-f=x"},        {"-f", "x"},
                              {"--file=x"}, {"--file", "x"}, {"-vqfx"}};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        TAP_CHECK(PARSE(&p, forms[i][0], forms[i][1]) == 0);
        TAP_EQUAL(bytes_of(p.options.file), BYTES("x"));
    }
    tap_case("only the first equals sign is removed from a value");
    TAP_CHECK(PARSE(&p, "--file=a=b") == 0);
    TAP_EQUAL(bytes_of(p.options.file), BYTES("a=b"));
    tap_case("a value that may be left out is never the next word");
    TAP_CHECK(PARSE(&p, "-z", "9") == 0 && p.options.level == SEND_GZIP_LEVEL);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("9"));
    TAP_CHECK(PARSE(&p, "--zstd", "9") == 0 && p.options.level == SEND_ZSTD_LEVEL);

    tap_case("of options that exclude each other, the last one counts");
    TAP_CHECK(PARSE(&p, "-qv") == 0 && p.options.talk == TALK_VERBOSE);
    TAP_CHECK(PARSE(&p, "-z9", "--zstd") == 0);
    TAP_CHECK(p.options.codec == SEND_ZSTD && p.options.level == SEND_ZSTD_LEVEL);
    TAP_CHECK(PARSE(&p, "--daemon=require", "--no-daemon") == 0 &&
              p.options.daemon == DAEMON_NEVER);

    tap_case("one PATH, before or after the options; -- ends the options, and - is a path");
    TAP_CHECK(PARSE(&p, "sub", "--full") == 0 && p.options.full);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("sub"));
    TAP_CHECK(PARSE(&p, "--full", "--", "--full") == 0);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("--full"));
    TAP_CHECK(PARSE(&p, "-") == 0);
    TAP_EQUAL(bytes_of(p.options.path), BYTES("-"));
    PARSE(&p, "a", "b");
    TAP_REFUSED(&p, "\"b\": one PATH only", "it is \"a\" already");

    tap_case("--help and --version take effect at once, whatever follows or the environment "
             "contains");
    setenv("SOURCE_DATE_EPOCH", "soon", 1);
    TAP_CHECK(PARSE(&p, "--help", "--nonsense") == 0 && p.options.action == ACTION_HELP);
    TAP_CHECK(PARSE(&p, "-V", "a", "b") == 0 && p.options.action == ACTION_VERSION);
    unsetenv("SOURCE_DATE_EPOCH");
    tap_case("an error before --help is an error");
    TAP_CHECK(PARSE(&p, "--nonsense", "--help") == -EINVAL);
}

static void test_suggestions(void)
{
    static const char *const cases[][2] = {
        {"--bulder", "did you mean --builder?"},
        {"--targe", "did you mean --target?"},
        {"--dockrefile", "did you mean --dockerfile?"},
        {"--ver", "did you mean --ver"},
        {"--tag", "ctx-send | docker build --tag ... -"},
        {"-t", "ctx-send | docker build -t ... -"},
        {"--build-context=a=b", "after the pipe"},
    };
    cleanup_parsed struct parsed p = {0};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char word[64];
        snprintf(word, sizeof(word), "%s", cases[i][0]);
        tap_case("%s is not an option, and the message suggests one", word);
        PARSE(&p, word);
        TAP_REFUSED(&p, "no such option; ", cases[i][1]);
    }
    tap_case("if no option is similar, none is suggested");
    PARSE(&p, "--zzzzzzzz");
    TAP_REFUSED(&p, "\"--zzzzzzzz\": no such option", "");
    TAP_CHECK(!strchr(p.f.text, ';'));
    tap_case("a word with control bytes is shown without them");
    PARSE(&p, "--a\x1b[31m");
    TAP_REFUSED(&p, "\"--a\\x1b[31m\": no such option", "");
}

int main(void)
{
    unsetenv("SOURCE_DATE_EPOCH");
    test_defaults();
    test_table();
    test_forms();
    test_suggestions();
    return tap_end();
}
