//! What was counted, as lines or as JSON.

use serde::Serialize;

#[derive(Serialize)]
pub struct Report {
    pub total: usize,
    pub words: Vec<(String, usize)>,
}

impl Report {
    pub fn new(words: Vec<(String, usize)>, top: usize) -> Report {
        let total = words.iter().map(|(_, count)| count).sum();
        Report {
            total,
            words: words.into_iter().take(top).collect(),
        }
    }

    pub fn lines(&self) -> String {
        let mut text = format!("{} words, the most frequent:\n", self.total);
        for (word, count) in &self.words {
            text += &format!("{count:6}  {word}\n");
        }
        text
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers can be written")
    }
}
