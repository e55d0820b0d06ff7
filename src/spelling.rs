//! Suggestions for misspelled words: the nearest of the known words.

use crate::path::printable;

/// Words less alike than this are not taken for each other. Jaro-Winkler gives 1 to equal words and favours a common
/// beginning: `prod` and `production` score 0.88, `part-OO` and `part-00` 0.87, `staging` and `production` 0.54.
const ALIKE: f64 = 0.8;

/// Words that are compared with one that was typed.
const COMPARED: usize = 10_000;

/// Returns the word most like `typed`, if any is like it enough; of several the one whose length is nearest, then the
/// first. Looks at the first 10,000.
pub fn nearest<T: AsRef<str>>(typed: &str, words: impl IntoIterator<Item = T>) -> Option<T> {
    let typed = typed.to_lowercase();
    let mut best: Option<(f64, usize, T)> = None;
    for word in words.into_iter().take(COMPARED) {
        let score = strsim::jaro_winkler(&typed, &word.as_ref().to_lowercase());
        let excess = word.as_ref().len().abs_diff(typed.len());
        let is_better = |(most, least, _): &(f64, usize, T)| score > *most || score == *most && excess < *least;
        if score >= ALIKE && best.as_ref().is_none_or(is_better) {
            best = Some((score, excess, word));
        }
    }
    best.map(|(.., word)| word)
}

/// Returns the end of a message about a word that names nothing: `; did you mean 'production'?`, empty where none is near.
pub fn suggestion(near: Option<impl AsRef<str>>) -> String {
    near.map(|near| format!("; did you mean '{}'?", printable(near.as_ref()))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_or_none() {
        let words = ["stats", "status", "production", "staging", "train/part-00.jsonl", "leases"];
        for (typed, word) in [
            ("prod", Some("production")),
            ("Production", Some("production")),
            ("stagging", Some("staging")),
            ("train/part-OO.jsonl", Some("train/part-00.jsonl")),
            ("laeses", Some("leases")),
            ("stauts", Some("status")),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, words), word, "{typed}");
        }
    }
}
