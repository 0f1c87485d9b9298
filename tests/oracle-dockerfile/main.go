// SPDX-License-Identifier: Apache-2.0

// oracle-dockerfile compares ctxd's parser and lexer of Dockerfiles with BuildKit's.
//
//	oracle-dockerfile --peer build/tests/dockerfile-dump FILE…   differential run, prints TAP
//	oracle-dockerfile --only parse:4711                          one made-up case, by its number
//	oracle-dockerfile letters                                    the tables of dockerfile/letters.c
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"unicode"
)

var stderr *os.File

type oracle struct {
	peer   *peer
	seed   int64
	files  []string
	cases  int
	failed bool
}

func (o *oracle) maker(number int) *maker {
	return &maker{rand.New(rand.NewPCG(uint64(o.seed), uint64(number)))}
}

// one runs the made-up case of that number. Its content depends only on the seed and the number.
func (o *oracle) one(suite string, number int) (input, difference, kind string) {
	m := o.maker(number)
	escape := '\\'
	if m.chance(20) {
		escape = '`'
	}
	if suite == "parse" {
		if len(o.files) > 0 && m.chance(30) {
			input = m.mutate(m.pick(o.files))
		} else {
			input = m.file()
		}
		difference, kind = o.compareParse(input)
		return
	}
	input = m.word(2)
	known, hidden := values{}, []string{}
	for _, name := range names {
		switch {
		case suite == "unknown" && m.chance(40):
			hidden = append(hidden, name)
		case m.chance(75):
			known[name] = m.value()
		}
	}
	if suite == "expand" {
		difference, kind = o.compareExpand(input, escape, known)
	} else {
		difference, kind = o.compareUnknown(input, escape, known, hidden, m)
	}
	if difference != "" {
		difference = fmt.Sprintf("escape %c, %q: %s", escape, known, difference)
	}
	return
}

func (o *oracle) report(title string, differences []string, kinds map[string]int) {
	o.cases++
	ok := "ok"
	if len(differences) > 0 {
		ok, o.failed = "not ok", true
	}
	fmt.Printf("%s %d - %s\n", ok, o.cases, title)
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("#   %d %s\n", kinds[name], name)
	}
	for i, d := range differences {
		if i == 5 {
			fmt.Printf("# … and %d more\n", len(differences)-i)
			break
		}
		fmt.Printf("# %s\n", strings.ReplaceAll(d, "\n", "\n# "))
	}
}

func (o *oracle) made(suite, title string, n int) {
	var differences []string
	kinds := map[string]int{}
	for i := 0; i < n; i++ {
		input, d, kind := o.one(suite, i)
		if d != "" {
			differences = append(differences, fmt.Sprintf("%s:%d %q: %s", suite, i, input, d))
		}
		kinds[kind]++
	}
	o.report(fmt.Sprintf(title, n, o.seed), differences, kinds)
}

func (o *oracle) kept() {
	var differences []string
	kinds := map[string]int{}
	for _, text := range o.files {
		d, kind := o.compareParse(text)
		if d != "" {
			differences = append(differences, fmt.Sprintf("%q: %s", text, d))
		}
		kinds[kind]++
	}
	o.report(fmt.Sprintf("%d kept files are read as BuildKit reads them", len(o.files)), differences, kinds)
}

// letters puts every rune after a name, and after a digit. A word contains some thousand of them.
func (o *oracle) letters() {
	var differences []string
	for first := rune(0); first < unicode.MaxRune; first += 4096 {
		var b strings.Builder
		for r := first; r < first+4096; r++ {
			fmt.Fprintf(&b, "$a%c|$1%c|", r, r)
		}
		if d, _ := o.compareExpand(b.String(), '`', nil); d != "" {
			differences = append(differences, fmt.Sprintf("from %U on: %.200s", first, d))
		}
	}
	o.report("every letter and digit of Unicode "+unicode.Version+" continues a name alike", differences, nil)
}

func table(name string, is func(rune) bool) {
	fmt.Printf("static const struct range %s[] = {\n", name)
	from := rune(-1)
	for r := rune(0x80); r <= unicode.MaxRune+1; r++ {
		in := r <= unicode.MaxRune && is(r)
		if in && from < 0 {
			from = r
		} else if !in && from >= 0 {
			fmt.Printf("{0x%x, 0x%x}, ", from, r-1)
			from = -1
		}
	}
	fmt.Println("};")
}

func main() {
	program := flag.String("peer", "build/tests/dockerfile-dump", "our side")
	n := flag.Int("n", 40000, "made-up files; as many words, and again with unknown variables")
	seed := flag.Int64("seed", 1, "")
	only := flag.String("only", "", "`SUITE:NUMBER`, as a difference is named")
	flag.Parse()
	if flag.Arg(0) == "letters" {
		table("letters", unicode.IsLetter)
		table("digits", unicode.IsDigit)
		return
	}
	// BuildKit's scanner writes a complaint about every byte that is not UTF-8 to os.Stderr. Panics
	// use descriptor 2, so they still show.
	stderr = os.Stderr
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	p, err := startPeer(*program)
	if err != nil {
		fmt.Printf("not ok 1 - %s starts\n# %v\n1..1\n", *program, err)
		os.Exit(1)
	}
	o := &oracle{peer: p, seed: *seed}
	for _, name := range flag.Args() {
		text, err := os.ReadFile(name)
		if err != nil {
			fmt.Printf("# %v\n", err)
			os.Exit(1)
		}
		o.files = append(o.files, string(text))
	}
	if *only != "" {
		var suite, number = *only, 0
		if name, digits, ok := strings.Cut(*only, ":"); ok {
			suite = name
			fmt.Sscan(digits, &number)
		}
		input, d, kind := o.one(suite, number)
		fmt.Printf("%q\n%s\n%s\n%s%s", input, input, kind, d, "\n")
		return
	}
	o.letters()
	o.kept()
	o.made("parse", "%d made-up files, of seed %d, are read as BuildKit reads them", *n)
	o.made("expand", "%d made-up words, of seed %d, expand as in BuildKit", *n)
	o.made("unknown", "%d made-up words, of seed %d, are certain of nothing that BuildKit may see otherwise", *n)
	fmt.Printf("1..%d\n", o.cases)
	if o.failed {
		os.Exit(1)
	}
}
