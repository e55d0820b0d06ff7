//! Which of the known words comes nearest to the one that was typed.

/// Words less alike than this are not taken for each other. Jaro-Winkler gives 1 to equal words and favours a common
/// beginning: `prod` and `production` score 0.88, `part-OO` and `part-00` 0.87, `staging` and `production` 0.54.
const ALIKE: f64 = 0.8;

/// Returns the word most like `typed`, if any is like it enough; the first of several.
pub fn nearest<T: AsRef<str>>(typed: &str, words: impl IntoIterator<Item = T>) -> Option<T> {
    let typed = typed.to_lowercase();
    let mut best: Option<(f64, T)> = None;
    for word in words {
        let score = strsim::jaro_winkler(&typed, &word.as_ref().to_lowercase());
        if score >= ALIKE && best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, word));
        }
    }
    best.map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_or_none() {
        let words = ["production", "staging", "train/part-00.jsonl", "leases"];
        for (typed, word) in [
            ("prod", Some("production")),
            ("Production", Some("production")),
            ("stagging", Some("staging")),
            ("train/part-OO.jsonl", Some("train/part-00.jsonl")),
            ("laeses", Some("leases")),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, words), word, "{typed}");
        }
    }
}
