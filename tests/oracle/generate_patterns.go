// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand"
	"sort"
	"strings"
)

// A case is made of few names and few letters, so that patterns match. With random text nothing
// would match, and any two matchers would agree.
type maker struct {
	*rand.Rand
	names []string
}

var pools = [][]string{
	{"a", "b", "ab", "ba", "aab", "x"},
	{"a", "A", "a.b", ".a", "a.go", "b.go", "xa"},
	{"src", "node_modules", "dist", "main.go", "a.log", "logs", ".git", "foo.tar.gz"},
	{"é", "e", "\xff", "\xef\xbf\xbd", "a\xffb", "日本", "a"},
	{"a\nb", "a", "\n", "b\n", "ab"},
	{"*", "?", "[a]", "a*b", "a^b", "^b", "a\\b", "!a", "#a", "a]"},
	{"a|b", "a", "ax", "xb", "a{2}", "aa", "a+b", "(a)", "a$", "a.b"},
	{"~", "!", "_", "@", "0", "\x7f", "\x01", "F", "g", "7", "\v", " ", "\x1f", "z", "A"},
	{"5", "d", "a5", "a_b", "a b", "-", "a-b", "\t", "z", "Z"},
}

// Parts of patterns that have a meaning in some layer: ignore file, glob or regular expression.
var pieces = []string{
	"*", "**", "?", "/", "a", "b", "x", ".", "a*", "*a", "**/", "/**", "/*", "[ab]", "[^a]", "[a-z]", "[!a]",
	"[*]", "[?]", "[]a]", "[a-]", "[", "]", "\\a", "\\*", "\\", "\\d", "\\W", "\\b", "\\B", "\\n", "\\pL", "\\x61", "\\Q", "\\E", "^",
	"$", "+", "(", ")", "|", "{", "}", "{2}", "{1,}", "{0,2}", "{0}", "[[:alpha:]]", "[[:", "!", "#", " ", "\t", "é",
	"\xff", "\xef\xbf\xbd", "\xef\xbb\xbf", "\r", "..", "./", "//", "\u00a0", "\\101", "\\A", "\\z", "[\\d]",
	"[\\n/]", "[^\\n]", "\\p{Greek}", "\\P{L}", "\\x{61}", "[a\\-z]", "\\/", "\\é", "a{3}", "[^/]", "\\.", "\\-", "[z-a]",
	"a{40}\\Q\\E{40}", "a{20}\\Q\\E{20}", "(a{2}){2}", "(a{40}){40}", "(a|b)", "(ab)+", "()", "a|", "(a", "a++",
}

// The classes that Go's regexp knows by name.
var classes = strings.Fields("alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit")

func (m *maker) pick(from []string) string { return from[m.Intn(len(from))] }

func (m *maker) chance(percent int) bool { return m.Intn(100) < percent }

// name makes one component. Some are new names, joined of two or cut off one.
func (m *maker) name() string {
	n := m.pick(m.names)
	if m.chance(10) {
		n += m.pick(m.names)
	}
	if m.chance(3) && len(n) > 1 {
		n = n[:len(n)-1]
	}
	if n == "" || n == "." || n == ".." {
		n = "a"
	}
	return n
}

func (m *maker) tree() tree {
	var t tree
	budget := 4 + m.Intn(20)
	var fill func(dir string, depth int)
	fill = func(dir string, depth int) {
		names := map[string]bool{}
		for i := 1 + m.Intn(5); i > 0; i-- {
			names[m.name()] = true
		}
		sorted := make([]string, 0, len(names))
		for n := range names {
			sorted = append(sorted, n)
		}
		sort.Strings(sorted)
		for _, n := range sorted {
			if budget--; budget < 0 {
				return
			}
			at := len(t)
			t = append(t, entry{path: dir + n, kind: 'f'})
			if depth < 5 && m.chance(50) {
				t[at].kind = 'd'
				fill(dir+n+"/", depth+1)
			} else if m.chance(5) {
				t[at].kind = 'l'
			}
			t[at].below = len(t)
		}
	}
	fill("", 0)
	return t
}

// fuzzy turns a component into a pattern that matches it, or almost does.
func (m *maker) fuzzy(c string) string {
	switch m.Intn(16) {
	case 0, 1:
		return "*"
	case 2:
		return "**"
	case 3:
		return "*" + c[m.Intn(len(c)):]
	case 4:
		return c[:m.Intn(len(c)+1)] + "*"
	case 5:
		i := m.Intn(len(c))
		return c[:i] + "?" + c[i+1:]
	case 6:
		i := m.Intn(len(c))
		return c[:i] + "[" + c[i:i+1] + "]" + c[i+1:]
	case 7:
		i := m.Intn(len(c))
		return c[:i] + "\\" + c[i:]
	case 8:
		i := m.Intn(len(c) + 1)
		return c[:i] + m.pick(pieces) + c[i:]
	case 9:
		i := m.Intn(len(c) + 1)
		return c[:i] + "**" + c[i:]
	case 10:
		return m.name()
	}
	return c
}

// near makes a pattern from a path of the tree.
func (m *maker) near(t tree) string {
	parts := strings.Split(t[m.Intn(len(t))].path, "/")
	if len(parts) > 1 && m.chance(30) {
		parts = parts[m.Intn(len(parts)):]
		if m.chance(80) {
			parts = append([]string{"**"}, parts...)
		}
	}
	if len(parts) > 2 && m.chance(20) {
		parts = append(append([]string{}, parts[0], "**"), parts[2:]...)
	}
	for i := range parts {
		if parts[i] != "**" && m.chance(35) {
			parts[i] = m.fuzzy(parts[i])
		}
	}
	p := strings.Join(parts, "/")
	if i := strings.IndexByte(p, '/'); i > 0 && m.chance(5) {
		// Some of these match a slash, others don't.
		p = p[:i] + m.pick([]string{"[^a]", "[^b]", "?", "[.-0]", "\\/", "\\x2f", "\\W", "[^/]", "**"}) + p[i+1:]
	}
	switch m.Intn(12) {
	case 0:
		p += "/**"
	case 1:
		p += "/*"
	case 2:
		p += "/"
	case 3:
		p += "**"
	case 4:
		p = "/" + p
	}
	return p
}

func (m *maker) soup() string {
	var b strings.Builder
	for i := 1 + m.Intn(5); i > 0; i-- {
		if m.chance(8) {
			b.WriteString("[[:" + m.pick([]string{"", "", "^"}) + m.pick(classes) + ":]]")
		} else if m.chance(50) {
			b.WriteString(m.pick(pieces))
		} else {
			b.WriteString(m.name())
		}
	}
	return b.String()
}

// plain makes an exception whose only wildcard is at the end. With such exceptions alone, the
// reference doesn't enter all directories.
func (m *maker) plain(t tree) string {
	parts := strings.Split(t[m.Intn(len(t))].path, "/")
	p := strings.Join(parts[:1+m.Intn(len(parts))], "/")
	return p + m.pick([]string{"", "", "/*", "/**", "/*/**", "/*/**", "**", "|a/*", "{1}/*"})
}

// file makes the bytes of an ignore file for the tree.
func (m *maker) file(t tree) string {
	var b strings.Builder
	if m.chance(2) {
		b.WriteString("\xef\xbb\xbf")
	}
	soups := 0
	switch m.Intn(4) {
	case 0:
		soups = 40
	case 1:
		soups = 10
	}
	exceptions := []int{0, 30, 50}[m.Intn(3)]
	plain := m.chance(40)
	for i := 1 + m.Intn(7); i > 0; i-- {
		p := m.near(t)
		if m.chance(soups) {
			p = m.soup()
		} else if m.chance(8) {
			p = m.pick([]string{"*", "**", "**/*", "*/*", "**/**", ".", "*.go", "**/*.go", "*/**"})
		}
		if m.chance(exceptions) {
			if plain {
				p = m.plain(t)
			}
			p = "!" + p
		}
		if m.chance(1) {
			p = m.pick([]string{"# ", " ", "!", "! "}) + p
		}
		b.WriteString(p)
		if m.chance(2) {
			b.WriteString("\r")
		}
		if i > 1 || m.chance(90) {
			b.WriteString("\n")
		}
	}
	return b.String()
}

// escape writes a field of the vectors.
func escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x21 || c > 0x7e || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
