package com.example.tally;

import com.google.gson.Gson;
import java.util.List;
import java.util.Map;
import org.apache.commons.text.TextStringBuilder;

/** What was counted, as lines or as JSON. */
public record Report(long total, List<Words.Word> words) {
    public static Report of(String text, int top) {
        List<Words.Word> words = Words.of(text);
        long total = words.stream().mapToLong(Words.Word::count).sum();
        return new Report(total, words.stream().limit(top).toList());
    }

    public String lines() {
        TextStringBuilder lines = new TextStringBuilder();
        lines.append("%d words, the most frequent:", total);
        for (Words.Word word : words) {
            lines.append("%n%6d  %s", word.count(), word.text());
        }
        return lines.toString();
    }

    public String json() {
        return new Gson().toJson(Map.of("total", total, "words", words));
    }
}
