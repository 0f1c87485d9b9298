// Tally counts the words of its standard input.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"example.com/tally/count"
	"github.com/spf13/pflag"
)

func main() {
	top := pflag.Int("top", 5, "how many words to print")
	asJSON := pflag.Bool("json", false, "print JSON")
	pflag.Parse()

	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
	words, total := count.Words(string(text)), 0
	for _, word := range words {
		total += word.Count
	}
	if len(words) > *top {
		words = words[:*top]
	}
	if *asJSON {
		json.NewEncoder(os.Stdout).Encode(map[string]any{"total": total, "words": words})
		return
	}
	fmt.Printf("%d words, the most frequent:\n", total)
	for _, word := range words {
		fmt.Printf("%6d  %s\n", word.Count, word.Text)
	}
}
