// SPDX-License-Identifier: Apache-2.0

//go:build go1.25

// unicode prints ignore/unicode-categories.c and ignore/unicode-scripts.c from Go's own tables. They
// contain the code points of the groups that a regex calls \p{Name}.
//
//	go run ./unicode categories | clang-format >../../ignore/unicode-categories.c
//	go run ./unicode scripts | clang-format >../../ignore/unicode-scripts.c
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"unicode"
)

// partition returns the index of the table that contains each code point, from 1 on; 0: none does.
func partition(names []string, tables map[string]*unicode.RangeTable) []uint8 {
	of := make([]uint8, unicode.MaxRune+1)
	set := func(lo, hi, stride uint32, index int) {
		for r := lo; r <= hi; r += stride {
			if of[r] != 0 {
				panic(fmt.Sprintf("U+%04X is in %s and %s", r, names[of[r]-1], names[index]))
			}
			of[r] = uint8(index + 1)
		}
	}
	for i, name := range names {
		for _, r := range tables[name].R16 {
			set(uint32(r.Lo), uint32(r.Hi), uint32(r.Stride), i)
		}
		for _, r := range tables[name].R32 {
			set(r.Lo, r.Hi, r.Stride, i)
		}
	}
	return of
}

// printArray fills each line up to 96 columns. clang-format would align the values, which takes a
// fifth more lines.
func printArray(declaration string, values []string) {
	fmt.Printf("/* clang-format off */\n%s[] = {", declaration)
	column := 96
	for _, value := range values {
		if column+len(value)+2 > 96 {
			fmt.Print("\n   ")
			column = 3
		}
		fmt.Print(" ", value, ",")
		column += len(value) + 2
	}
	fmt.Print("\n};\n/* clang-format on */\n")
}

func printRuns(what string, of []uint8) {
	var runs []string
	last := -1
	for r, index := range of {
		if int(index) != last {
			runs = append(runs, fmt.Sprintf("0x%x", r<<8|int(index)))
			last = int(index)
		}
	}
	printArray(fmt.Sprintf("const uint32_t %s_runs", what), runs)
	fmt.Printf("const size_t %s_runs_n = %d;\n", what, len(runs))
}

func head(what, legend string) {
	fmt.Printf(`/* SPDX-License-Identifier: Apache-2.0 */
/* Printed by tests/oracle/unicode %s; Unicode %s. %s */
#include "unicode-tables.h"

`, what, unicode.Version, legend)
}

func loose(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

func categories() {
	var names []string
	for name := range unicode.Categories {
		// Names of one letter, and LC, are unions of others; Cn is all that no other contains.
		if len(name) == 2 && name != "LC" && name != "Cn" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	head("categories", "A run is its first code point, shifted by eight, and its category.")
	fmt.Printf("const char *const category_names[] = {\n\"Cn\", ")
	for _, name := range names {
		fmt.Printf("%q, ", name)
	}
	fmt.Printf("};\nconst size_t category_names_n = %d;\n\n", len(names)+1)
	var aliases, pairs []string
	for alias := range unicode.CategoryAliases {
		aliases = append(aliases, alias)
	}
	sort.Strings(aliases)
	for _, alias := range aliases {
		pairs = append(pairs, fmt.Sprintf("{%q, %q}", loose(alias), loose(unicode.CategoryAliases[alias])))
	}
	printArray("const struct category_alias category_aliases", pairs)
	fmt.Printf("const size_t category_aliases_n = %d;\n\n", len(aliases))
	printRuns("category", partition(names, unicode.Categories))
}

func scripts() {
	var names []string
	for name := range unicode.Scripts {
		names = append(names, name)
	}
	sort.Strings(names)
	head("scripts", "A run is its first code point, shifted by eight, and its script or 0.")
	fmt.Printf("const char *const script_names[] = {\n\"\", ")
	for _, name := range names {
		fmt.Printf("%q, ", loose(name))
	}
	fmt.Printf("};\nconst size_t script_names_n = %d;\n\n", len(names)+1)
	printRuns("script", partition(names, unicode.Scripts))
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "scripts" {
		scripts()
	} else {
		categories()
	}
}
