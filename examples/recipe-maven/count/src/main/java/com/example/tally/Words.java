package com.example.tally;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Words of a text and how often each occurs. */
public final class Words {
    /** A word in lower case and how often it occurs. */
    public record Word(String text, long count) {}

    private static final Pattern WORD = Pattern.compile("\\p{L}+");

    private Words() {}

    /** The most frequent first, equal ones in order. */
    public static List<Word> of(String text) {
        return WORD.matcher(text.toLowerCase(Locale.ROOT)).results()
                .collect(Collectors.groupingBy(found -> found.group(), Collectors.counting()))
                .entrySet().stream()
                .map(entry -> new Word(entry.getKey(), entry.getValue()))
                .sorted(Comparator.comparingLong(Word::count).reversed().thenComparing(Word::text))
                .toList();
    }
}
