// Package count finds the words of a text and how often each occurs.
package count

import (
	"sort"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Word is a word in lower case and how often it occurs.
type Word struct {
	Text  string `json:"text"`
	Count int    `json:"count"`
}

// Words are those of text, the most frequent first, equal ones in order.
func Words(text string) []Word {
	text = cases.Lower(language.Und).String(norm.NFC.String(text))
	counts := map[string]int{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		counts[word]++
	}
	words := make([]Word, 0, len(counts))
	for word, count := range counts {
		words = append(words, Word{word, count})
	}
	sort.Slice(words, func(i, j int) bool {
		if words[i].Count != words[j].Count {
			return words[i].Count > words[j].Count
		}
		return words[i].Text < words[j].Text
	})
	return words
}
