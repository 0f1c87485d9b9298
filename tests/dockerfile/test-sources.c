/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile/sources.c: what a source of COPY or ADD reads. */
#include "reads-rows.h"
#include "tap.h"

static const struct reads_row rows[] = {
    {"§1.1 sources, not the destination", "FROM scratch\nCOPY a b/c /d\n", "", "a b/c"},
    {"§1.5 [V] cleaned, root-relative, clamped",
     "FROM scratch\nCOPY /x ./y/../z ../../w q//r/ /d/\n", "", "q/r w x z"},
    {"§1.5 [V] the whole context", "FROM scratch\nCOPY . /d\n", "", "."},
    {"§1.5 [V] the whole context by another name", "FROM scratch\nCOPY a/.. /d\n", "", "."},
    {"§1.2 JSON form", "FROM scratch\nCOPY [\"a b\", \"c\", \"/d/\"]\n", "", "a b c"},
    {"§1.2 quotes are removed by the expander", "FROM scratch\nCOPY \"dir/a.txt\" 'b' /d/\n",
     "", "b dir/a.txt"},
    {"§1.5 wildcards by component", "FROM scratch\nCOPY *.txt a/?/[bc]* /d/\n", "",
     "*.txt a/?/[bc]*"},
    {"§1.1 ** is no globstar without --parents", "FROM scratch\nCOPY a/**/b /d/\n", "",
     "a/**/b"},
    {"§1.5 flags do not change the sources",
     "FROM scratch\nCOPY --chown=1:1 --link --exclude=a/x a /d/\n", "", "a"},
    {"§1.1 a stage is not the context",
     "FROM scratch AS x\nFROM scratch\nCOPY --from=x a /d\nCOPY --from=0 b /d\nCOPY "
     "--from=alpine c /d\nCOPY d /d\n",
     "", "d"},
    {"§1.4 [V] --from= is the context", "FROM scratch\nCOPY --from= a /d\n", "", "a"},
    {"convert_copy.go: `context` is an image's name",
     "FROM scratch\nCOPY --from=context a /d\n", "", ""},
    {"§1.3 [V] --from is not expanded",
     "FROM scratch AS x\nFROM scratch\nARG S=x\nCOPY --from=$S a /d\n", "", ""},
    {"§1.1 heredocs read nothing", "FROM scratch\nCOPY <<EOF a /d/\nx\nEOF\n", "", "a"},
    {"in the JSON form older builders took a heredoc for a path",
     "FROM scratch\nCOPY [\"<<EOF\", \"a\", \"/d/\"]\n", "", "<<EOF a"},
    {"§1.1 URLs are fetched",
     "FROM scratch\nADD https://example.com/a http://example.com/b c /d/\n", "", "c"},
    {"§1.5 github.com/ without a scheme is a path", "FROM scratch\nADD github.com/a/b /d/\n",
     "", "github.com/a/b"},
    {"§1.5 git: only old builders take it for a path",
     "FROM scratch\nADD git@example.com:a/b.git /d/\n", "", "git@example.com:a/b.git"},
    {"copy.go splitWildcards: a backslash without a wildcard is a name",
     "FROM scratch\nCOPY [\"a\\\\\\\\b\", \"/d/\"]\n", "", "a\\b!"},
    {"copy.go splitWildcards: plain before the first wildcard",
     "FROM scratch\nCOPY [\"a\\\\\\\\b/*\", \"/d/\"]\n", "", "a\\\\b/* a\\b/*"},
    {"copy.go: an escaped wildcard is a plain character",
     "FROM scratch\nCOPY [\"a\\\\\\\\*b\", \"/d/\"]\n", "", "a\\*b!"},
    {"§1.5 [V] [[]x].txt", "FROM scratch\nCOPY [[]x].txt /d/\n", "", "[[]x].txt"},
    {"filepath.Match: a class may match a slash", "FROM scratch\nCOPY a/x[^b]c /d/\n", "",
     "a/x*~"},
    {"filepath.Match: a class at the beginning of a component matches no slash",
     "FROM scratch\nCOPY a/[^b]c /d/\n", "", "a/[^b]c"},
    {"filepath.Match: a class that is closed after a slash",
     "FROM scratch\nCOPY a/x[b/c]d* /d/\n", "", "a/x*~"},
    {"§1.5 --parents", "FROM scratch\nCOPY --parents a/./b/c d/**/e /d/\n", "", "a/b/c d/**/e"},
    {"BFlags: --parents=false", "FROM scratch\nCOPY --parents=false a /d/\n", "", "a"},
    {"§1.1 nothing is read", "FROM scratch\nRUN true\n", "", ""},
};

int main(void)
{
    reads_rows(rows, ARRAY_SIZE(rows));
    return tap_end();
}
