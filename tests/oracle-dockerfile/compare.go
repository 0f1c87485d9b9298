// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// What ctxd takes and BuildKit refuses. That is on purpose: the builder reports it before it reads
// anything.
var leftToBuilder = []struct {
	name string
	is   func(r reading, kind string) bool
}{
	{"arguments of instructions that read nothing", func(r reading, kind string) bool {
		return strings.Contains(" cmd entrypoint expose healthcheck label maintainer shell stopsignal user volume workdir ",
			" "+kind+" ")
	}},
	{"flags that are unknown, doubled or lack a value", func(r reading, kind string) bool {
		return strings.Contains(r.err.Error(), "flag")
	}},
	{"RUN's flags: dockerfile_reads() judges mounts", func(r reading, kind string) bool { return kind == "run" }},
}

// compareParse reads a file with both parsers and returns how they differ; "" if they agree. kind
// counts the cases, and says which differences are accepted on purpose.
func (o *oracle) compareParse(text string) (difference, kind string) {
	ours := o.peer.parse(text)
	theirs := read(text)
	if strings.HasPrefix(ours, "limit: ") {
		return "", "past our limits"
	}
	refused := strings.HasPrefix(ours, "error: ")
	switch {
	case refused && theirs.err != nil:
		return "", "refused by both"
	case refused:
		return fmt.Sprintf("we refuse what BuildKit takes: %s%s", ours, theirs.dump), ""
	case theirs.err != nil:
		at := instructionAt(ours, theirs.line)
		for _, left := range leftToBuilder {
			if left.is(theirs, at) {
				return "", "left to the builder: " + left.name
			}
		}
		return fmt.Sprintf("we take what BuildKit refuses: %v (line %d, %q)", theirs.err, theirs.line, at), ""
	}
	if plain := offsetLines.ReplaceAllString(ours, ""); plain != theirs.dump {
		return fmt.Sprintf("ours:\n%s\nBuildKit's:\n%s", plain, theirs.dump), ""
	}
	if theirs.ast == nil {
		return "", "of a foreign syntax"
	}
	return o.compareInserts(text, ours, theirs.ast), "read alike"
}

var (
	offsetLines = regexp.MustCompile(`(?m)^at .*\n`)
	headLine    = regexp.MustCompile(`^( trigger )?(\d+)-(\d+) (".*?")`)
)

// instructionAt returns the lower-cased keyword of our instruction that contains the line. For an
// ONBUILD it is the keyword of the trigger.
func instructionAt(ours string, line int) (kind string) {
	for _, l := range strings.Split(ours, "\n") {
		m := headLine.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		first, _ := strconv.Atoi(m[2])
		last, _ := strconv.Atoi(m[3])
		if line >= first && line <= last {
			word, _ := unquote(m[4])
			kind = strings.ToLower(word)
		}
	}
	return kind
}

// compareInserts inserts bytes at our offsets and checks how BuildKit's flags change. The rewrite
// of a Dockerfile relies on this.
func (o *oracle) compareInserts(text, ours string, ast *parser.Result) string {
	var nodes []*parser.Node
	for _, node := range ast.AST.Children {
		nodes = append(nodes, node)
		if keyword(node) == "onbuild" {
			nodes = append(nodes, triggerOf(node))
		}
	}
	places := offsetLines.FindAllString(ours, -1)
	if len(places) != len(nodes) {
		return fmt.Sprintf("%d places for %d instructions:\n%s", len(places), len(nodes), ours)
	}
	for i, node := range nodes {
		parts := strings.Split(strings.TrimPrefix(strings.TrimSpace(places[i]), "at "), "; ")
		var at, wordEnd, end int
		fmt.Sscan(parts[0], &at, &wordEnd, &end)
		if at < 0 || at > wordEnd || wordEnd > end || end > len(text) {
			return fmt.Sprintf("places out of order: %s", places[i])
		}
		for n, part := range parts[1:] {
			var flagAt, valueAt, valueEnd int
			fmt.Sscan(part, &flagAt, &valueAt, &valueEnd)
			if !strings.HasPrefix(text[flagAt:], "-") || flagAt < wordEnd || valueAt < flagAt || valueEnd < valueAt {
				return fmt.Sprintf("flag %d is not there: %s", n, places[i])
			}
			if d := insert(text, valueEnd, ",of=x", nodes, i, n, node.Flags[n]+",of=x"); d != "" {
				return d
			}
			name, _, has := strings.Cut(node.Flags[n], "=")
			if has && strings.Trim(text[valueAt:valueEnd], plainBytes) == "" {
				if text[valueAt:valueEnd] != node.Flags[n][len(name)+1:] {
					return fmt.Sprintf("flag %d has another value: %s", n, places[i])
				}
			}
		}
		if kind := keyword(node); kind == "copy" || kind == "run" {
			if d := insert(text, wordEnd, " --of=x", nodes, i, 0, "--of=x"); d != "" {
				return d
			}
		}
	}
	return ""
}

const plainBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=,./-_:"

// insert inserts `more` and checks that the n-th flag of instruction i is then `want`, and that
// nothing else has changed.
func insert(text string, at int, more string, nodes []*parser.Node, i, n int, want string) string {
	changed := text[:at] + more + text[at:]
	result, err := parser.Parse(strings.NewReader(changed))
	if err != nil {
		// A line of the maximum length has no room for more.
		if strings.Contains(err.Error(), "max allowed size") {
			return ""
		}
		return fmt.Sprintf("%q put at %d makes it %v", more, at, err)
	}
	k := 0
	for _, top := range result.AST.Children {
		for node := top; node != nil; {
			if k == len(nodes) || keyword(node) != keyword(nodes[k]) || len(node.Heredocs) != len(nodes[k].Heredocs) {
				return fmt.Sprintf("%q put at %d makes another file", more, at)
			}
			if k == i && (len(node.Flags) <= n || node.Flags[n] != want) {
				return fmt.Sprintf("%q put at %d gives flags %q, not %q", more, at, node.Flags, want)
			}
			k++
			if keyword(node) == "onbuild" && node == top {
				node = triggerOf(node)
			} else {
				node = nil
			}
		}
	}
	return ""
}

// ---- words

func expand(word string, escape rune, env values) (string, error) {
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	sort.Strings(list)
	text, _, err := shell.NewLex(escape).ProcessWord(word, shell.EnvsFromSlice(list))
	return text, err
}

func (o *oracle) compareExpand(word string, escape rune, env values) (difference, kind string) {
	ours := o.peer.expand(word, escape, env, nil)
	theirs, err := expand(word, escape, env)
	switch {
	case strings.HasPrefix(ours, "limit: "):
		return "", "past our limits"
	case strings.HasPrefix(ours, "error: ") && err != nil:
		return "", "refused by both"
	case err != nil:
		return fmt.Sprintf("we take what BuildKit refuses: %v: %s", err, ours), ""
	case ours != quote(theirs)+"\n":
		return fmt.Sprintf("ours %sBuildKit's %s", ours, quote(theirs)), ""
	}
	return "", "expand alike"
}

// compareUnknown hides some variables from our lexer, then gives BuildKit several values for them.
// Every result must begin with what our lexer calls certain.
func (o *oracle) compareUnknown(word string, escape rune, known values, hidden []string, m *maker) (difference, kind string) {
	unknown := values{}
	for _, name := range hidden {
		// Some variables have a guess. It must not change what is certain.
		unknown[name] = ""
		if m.chance(30) {
			unknown[name] = m.value()
		}
	}
	ours := o.peer.expand(word, escape, known, unknown)
	if strings.HasPrefix(ours, "limit: ") {
		return "", "past our limits"
	}
	kind = "certain of all"
	refused := strings.HasPrefix(ours, "error: ")
	var prefix string
	tainted := false
	if !refused {
		var rest string
		prefix, rest = unquote(ours)
		if tainted = rest != "\n"; tainted {
			kind = "certain of a part"
		}
	}
	for try := 0; try < 6; try++ {
		env := values{}
		for name, value := range known {
			env[name] = value
		}
		for _, name := range hidden {
			if m.chance(75) {
				env[name] = m.value()
			}
		}
		theirs, err := expand(word, escape, env)
		switch {
		case err != nil:
		case refused:
			return fmt.Sprintf("we refuse (%s) what gives %q with %q", ours, theirs, env), ""
		case tainted && !strings.HasPrefix(theirs, prefix), !tainted && theirs != prefix:
			return fmt.Sprintf("we are certain of %q, but %q gives %q: %s", prefix, env, theirs, ours), ""
		}
	}
	if refused {
		kind = "refused by both"
	}
	return "", kind
}
