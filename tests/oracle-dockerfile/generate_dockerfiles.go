// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"strings"
)

// maker makes files and words of a few parts, so that many of them are valid. With random bytes both
// sides would agree only because both refuse.
type maker struct{ *rand.Rand }

func (m *maker) pick(from []string) string { return from[m.IntN(len(from))] }
func (m *maker) chance(percent int) bool   { return m.IntN(100) < percent }

var heads = []string{
	"# syntax=docker/dockerfile:1\n", "#syntax = docker/dockerfile:1.7-labs \n", "# escape=`\n", "# escape = \\\n",
	"# check=skip=all\n", "# a comment\n", "\n", "\xef\xbb\xbf", "#!/bin/sh\n", "# SYNTAX=a/b\n", "// syntax=a/b\n",
	"//syntax=docker/dockerfile\n", "# Escape=`\r\n", "#escape=x\n", "  # escape=`\n", "# escape=\n", "# escape= \n", "#\n",
	"# syntax=docker.io/docker/dockerfile:1@sha256:0 x\n", "# foo=bar\n", "\t#escape=`\n", "# syntax = \n", "{\"syntax\":\"a\"}\n",
}

var words = []string{
	"a", "b", "dir/", "/x", ".", "./", "*.txt", "é", "à", "日本", "\xff", "\xa0", "\u00a0", "\u2003", "$V", "${V}", "${V:-w}",
	"${V:-a b}", "$V/x", "'q'", "\"q\"", "\"a b\"", "'a b'", "\"a", "it's", "\\a", "\\ ", "\\\"", "`", "`a", "a\\", "a`", "\\\\", "``",
	"K=v", "K=", "=v", "K='a b'", "K=\"a b\"", "K=a\\ b", "K=\"\"", "K=$V", "\"K\"=v", "\"\"", "''", "A==b", "K=\"a\\\"b\" L=c",
	"--", "---", "--from=x", "--from=0", "--from", "--from=", "--mount=type=bind,source=a,target=/a", "--mount=\"type=bind\",source='x y'",
	"--link", "--\"from\"=y", "--x\\=y=z", "--é=à", "--parents", "--exclude=*.md", "-x", "--mount=type=bind,\\\nsource=x", "--from=a\\\n",
	"--mount=type=cache,target=/c", "--platform=$P", "--from='x y'", "--from=\"a\\\nb\"",
	"<<EOF", "<<-EOF", "<<'EOF'", "<<\"EOF\"", "<<E", "3<<EOF", "<< EOF", "<<-  EOF", "<<<EOF", "<<", "<<-", "<<a b", "<<\"a b\"", "<<\\EOF",
	"<<$EOF", "<<${x:-EOF}", "x<<EOF", "<<E'O'F", "<<`EOF`", "<<EOF;", "<<A<<B", "1<<${E}", "<<''", "<<'a\"b'", "<<\\'E",
	"[\"a\", \"b\"]", "[\"a\",\"b\",\"/c/\"]", "[]", "[ \"a\" ]", "[1]", "[\"a\"", "['a']", "[\"a\\u00e9\\ud83d\\ude00\\ud800\", \"\\n\"]",
	"[\"<<EOF\",\"/\"]", "[null]", "[\"a\", [\"b\"]]", "[{\"a\":1}]", "[\"a\"] x", "[\"\xff\",\"b\"]", "[\"\t\",\"b\"]", "[1.5e3,true]", "[01]",
	"\\\n", "\\\n# c\n", "\\ \t\n", "\\\n\n", "\\\r\n", "`\n", "\\\\\n", "\\\\\\\n", "\\\n  \\\n", "#x", "\t", "\v", "\f", "\r", "  ", "\u0085",
	"AS", "as", "x", "y", "stage", "Stage", "1a", "a.b-c_d", "-a", "aſ", "\x00", "\ufeff", "scratch", "busybox",
}

var keywords = []string{
	"FROM", "from", "RUN", "RUN", "ARG", "arg", "ADD", "COPY --link", "COPY", "COPY", "copy", "ADD", "ARG", "ENV", "ENV", "ONBUILD", "ONBUILD COPY", "ONBUILD RUN", "ONBUILD ENV", "CMD", "LABEL",
	"WORKDIR", "USER", "ENTRYPOINT", "SHELL", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "MAINTAINER", "onbuild add", "ONBUILD ONBUILD RUN",
	"NOPE", "Copy", "CO\\\nPY", "WOR\u212aDIR", "ONBU\u0130LD RUN", "COPY --from=x", "RUN --mount=type=bind", "  COPY",
	"ONBUILD WHAT", "ONBUILD \ufeffCOPY", "ONBUILD \ufeffRUN", "ONBUILD FOO --x", "ONBUILD COPY --from=x a b\nRUN",
}

var bodies = []string{"EOF\n", "EOF\n", "EOF\n", "a\nEOF\n", "EOF\n", "$V\nEOF\n", "\nEOF\n", "# x\nEOF\n", "RUN\nEOF\n", "EOF\n", "EOF\n", "EOF\n", "EOF\n", "EOF\r\n", "\tEOF\n", "text $V\nEOF\n", "COPY a b\nEOF\n", "E\n", "a b\n", "B\n", " EOF\n", "EOF", "${E}\n", "# x\nEOF\n", "\\EOF\n", "'E\n"}

func (m *maker) file() string {
	var b strings.Builder
	for m.chance(20) {
		b.WriteString(m.pick(heads))
	}
	for m.chance(15) {
		b.WriteString("ARG V=1" + m.pick([]string{"\n", " W\n", " W='a b'\n", "\r\n"}))
	}
	if m.chance(97) {
		b.WriteString("FROM scratch\n")
	}
	for n := 1 + m.IntN(4); n > 0; n-- {
		m.line(&b)
	}
	text := b.String()
	if m.chance(10) {
		text = m.mutate(text)
	}
	return text
}

// Words that are valid for an instruction. Most words of a line are of these, because the builder
// would refuse other lines at once.
var fitting = map[string][]string{
	"env": {"K=v", "L='x y'", "M=\"a $K\"", "N=", "O=a\\ b", "$K=v", "P=\"\"", "Q=x\\\n", "K=<<EOF"},
	"arg": {"K=v", "K", "L='x y'", "M=\"a $K\"", "N=", "O=a\\ b"},
	"":    {"a", "b", "/c", "<<EOF", "<<-EOF", "x", "dir/*.txt", "'q r'", "a\\\n", "\"$V\"", "[\"a\",\"b\"]"},
}

func (m *maker) line(b *strings.Builder) {
	head, start := m.pick(keywords), b.Len()
	if strings.EqualFold(head, "from") && m.chance(80) {
		b.WriteString(head + m.pick([]string{" a\n", " --platform=$P b\n", " a AS x\n", " a \\\n as Y1\n", "\ta\r\n"}))
		return
	}
	b.WriteString(head)
	names := strings.Fields(strings.ToLower(strings.SplitN(head, " --", 2)[0]))
	fits := fitting[names[len(names)-1]]
	if fits == nil {
		fits = fitting[""]
	}
	wild := m.pick([]string{"", "", "one", "many"})
	for n := 1 + m.IntN(5); n >= 0; n-- {
		b.WriteString(m.pick([]string{" ", " ", " ", " ", " ", " ", "\t", "  ", " \\\n "}))
		if wild == "" || wild == "one" && n != 2 || m.chance(40) {
			b.WriteString(m.pick(fits))
		} else {
			b.WriteString(m.pick(words))
		}
	}
	b.WriteString(m.pick([]string{"\n", "\n", "\n", "\n", "\n", "\n", "\r\n", " \n", "\n# c\n", "\n\n", "\\\n", ""}))
	takes := strings.Contains(" run copy add ", " "+names[len(names)-1]+" ") || m.chance(10)
	for n := strings.Count(b.String()[start:], "<<"); takes && n > 0 && m.chance(92); n-- {
		b.WriteString(m.pick(bodies))
	}
}

// mutate changes a text in a few random places.
func (m *maker) mutate(text string) string {
	for n := 1 + m.IntN(4); n > 0; n-- {
		at := m.IntN(len(text) + 1)
		end := min(len(text), at+m.IntN(12))
		switch m.IntN(6) {
		case 0:
			text = text[:at] + text[end:]
		case 1:
			text = text[:end] + text[at:end] + text[end:]
		case 2:
			text = text[:at] + m.pick(words) + text[at:]
		case 3:
			text = text[:at] + " " + m.pick(words) + " " + text[at:]
		case 4:
			text = text[:at] + string([]byte{m.pick([]string{"\n", " ", "\\", "\"", "'", "$", "`", "\r", "<", "-", "#", "\t", "\x00", "\xff", "[", "="})[0]}) + text[end:]
		case 5:
			lines := strings.SplitAfter(text, "\n")
			i, j := m.IntN(len(lines)), m.IntN(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
			text = strings.Join(lines, "")
		}
	}
	return text
}

// ---- words and values

var names = []string{"V", "W", "EMPTY", "U", "PATH_1", "é"}

var literals = []string{
	"a", "b", "ab", "/", ".", "*", "?", "\\*", "\\?", "\\\\", "\\/", "\\}", "\\", "'", "\"", "'x y'", "\"x$V\"", "'*'", "'\\'", "\"\\\"", "\"\\*\"", "`", "`a", "`*", "$",
	"\\$V", "$$", "$1", "$0", "$@", "é", "\xff", "\ufeff", "\n", "$$V", "'$0'", "'$1x'", "'${0}'", "'$$'", "#", "%", ":", "-", "+", "}", "{", "<<", "< ", " ", "日",
}

// word makes a word with substitutions, nested up to depth levels.
func (m *maker) word(depth int) string {
	var b strings.Builder
	for n := 1 + m.IntN(3); n > 0; n-- {
		if m.chance(45) {
			b.WriteString(m.pick(literals))
			continue
		}
		name := m.pick(names)
		inner := func() string {
			switch {
			case depth > 0 && m.chance(40):
				return m.word(depth - 1)
			case m.chance(15):
				return ""
			}
			return m.pick(literals) + m.pick([]string{"", "", "*", "a", "/"})
		}
		switch m.IntN(10) {
		case 0:
			b.WriteString("$" + name)
		case 1:
			b.WriteString("${" + name + "}")
		case 2, 3:
			b.WriteString("${" + name + m.pick([]string{":-", "-", ":+", "+", ":?", "?", "-", "+"}) + inner() + "}")
		case 4, 5:
			b.WriteString("${" + name + m.pick([]string{"#", "##", "%", "%%"}) + inner() + "}")
		case 6, 7:
			b.WriteString("${" + name + m.pick([]string{"/", "//"}) + inner() + "/" + inner() + "}")
		case 8:
			b.WriteString("\"" + inner() + "${" + name + "}" + "\"")
		case 9:
			b.WriteString("${" + m.pick([]string{"", "1", "@", ".", name}) + m.pick([]string{"", ":", "=", ":=", "-", ":#", "/", ":/", "}"}) + inner() + m.pick([]string{"}", "}", ""}))
		}
	}
	text := b.String()
	if m.chance(10) {
		text = m.mutate(text)
	}
	return text
}

func (m *maker) value() string {
	var b strings.Builder
	for n := m.IntN(5); n > 0; n-- {
		b.WriteString(m.pick([]string{"a", "b", "ab", "/", ".", "*", "\\", "é", "a/b", "x", "0", "$", " ", "\n", "日", "aab", "'", "#", "\xff"}))
	}
	return b.String()
}
