package count

import "testing"

func TestCaseAndPunctuationMeanNothing(t *testing.T) {
	words := Words("Tea, tea! No: tea.")
	if len(words) != 2 || words[0] != (Word{"tea", 3}) || words[1] != (Word{"no", 1}) {
		t.Fatal(words)
	}
}
