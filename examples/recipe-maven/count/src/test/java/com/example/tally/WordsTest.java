package com.example.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class WordsTest {
    @Test
    void caseAndPunctuationMeanNothing() {
        assertEquals(List.of(new Words.Word("tea", 3), new Words.Word("no", 1)), Words.of("Tea, tea! No: tea."));
    }
}
