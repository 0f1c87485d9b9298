//! Words of a text, by the rules of Unicode, and how often each occurs.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation;

/// The words in lower case, the most frequent first, equal ones in order.
pub fn words(text: &str) -> Vec<(String, usize)> {
    let mut counts = HashMap::new();
    for word in text.unicode_words() {
        *counts.entry(word.to_lowercase()).or_insert(0) += 1;
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_punctuation_mean_nothing() {
        assert_eq!(
            words("Tea, tea! No: tea."),
            [("tea".into(), 3), ("no".into(), 1)]
        );
    }
}
