/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/json-form.c: which arguments are a JSON array, and its strings. */
#include "parse-rows.h"
#include "tap.h"

static const struct parse_row json_rows[] = {
    {"an array of strings gives words with spaces", "line_parsers.go",
     B("FROM a\nADD [\"b c\", \"d\"]\n"), "1 FROM [a]\n2 ADD json [b c][d]"},
    {"an array may be spread over lines", "line_parsers.go",
     B("FROM a\nCOPY [ \"b\", \\\n\"c\" ]\n"), "1 FROM [a]\n2-3 COPY json [b][c]"},
    {"JSON escapes are decoded, but not half of a surrogate pair", "encoding/json",
     B("FROM a\nCOPY [\"\\u0062\\n\\/\\\"\", \"\\ud83d\\ude00\\ud83d\", \"\xff\"]\n"),
     "1 FROM [a]\n2 COPY json [b\n/\"][\xf0\x9f\x98\x80\xef\xbf\xbd][\xef\xbf\xbd]"},
    {"an array that is no JSON is words", "line_parsers.go",
     B("FROM a\nCOPY [\"b\", c\nCOPY ['b', 'c']\nCOPY [\"b\"] c\nCOPY [01] c\n"),
     "1 FROM [a]\n2 COPY [[\"b\",][c]\n3 COPY [['b',]['c']]\n4 COPY [[\"b\"]][c]\n5 COPY "
     "[[01]][c]"},
    {"a tab in a JSON string: it is no JSON", "encoding/json",
     B("FROM a\nCOPY [\"\t\",\"b\"]\n"), "1 FROM [a]\n2 COPY [[\"][\",\"b\"]]"},
    {"RUN takes an array or a command", "line_parsers.go",
     B("FROM a\nRUN [\"x\"]\nRUN [ -f x ]\nRUN []\n"),
     "1 FROM [a]\n2 RUN json [\"x\"]\n3 RUN [ -f x ]\n4 RUN json []"},
};

static const struct parse_row refused_rows[] = {
    {"an array of other things in COPY", "line_parsers.go",
     B("FROM a\nCOPY [\"b\", {\"c\": [null]}]\n"),
     "Dockerfile:2: the array of COPY has something else than strings in it"},
    {"an array of other things in RUN", "line_parsers.go", B("FROM a\nRUN [true]\n"),
     "Dockerfile:2: the array of RUN has something else than strings in it"},
};

int main(void)
{
    parse_rows(json_rows, ARRAY_SIZE(json_rows));
    parse_rows(refused_rows, ARRAY_SIZE(refused_rows));
    return tap_end();
}
