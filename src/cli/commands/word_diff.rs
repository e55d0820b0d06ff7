//! Two texts as one, with the words that differ marked in place and some of the text around them.

use std::ops::Range;
use std::time::Duration;

use helox::printable;
use similar::{ChangeTag, TextDiff};

use crate::cli::colors::Colors;

/// Characters of equal text that are shown on either side of a change.
const CONTEXT: usize = 40;
/// Time for one pair of texts, after which the changes are only marked more coarsely.
const TIMEOUT: Duration = Duration::from_millis(250);

/// Returns the new text with the words of the old one that it replaces: in colour, or as `[-old-]{+new+}` without.
pub(super) fn words(old: &str, new: &str, colors: Colors) -> String {
    let changes = changes(old, new);
    let mut out = String::new();
    let mut end = 0;
    for (at, [before, after]) in changes.iter().enumerate() {
        let same = &new[end..after.start];
        match at {
            0 => push_tail(&mut out, same),
            _ if same.chars().nth(2 * CONTEXT).is_none() => out.push_str(&printable(same)),
            _ => {
                push_head(&mut out, same);
                push_tail(&mut out, same);
            }
        }
        let (before, after_text) = (printable(&old[before.clone()]), printable(&new[after.clone()]));
        match (colors.enabled(), before.is_empty(), after_text.is_empty()) {
            (true, ..) => out.extend([colors.failure(before), colors.success(after_text)]),
            (false, true, _) => out.push_str(&format!("{{+{after_text}+}}")),
            (false, _, true) => out.push_str(&format!("[-{before}-]")),
            (false, ..) => out.push_str(&format!("[-{before}-]{{+{after_text}+}}")),
        }
        end = after.end;
    }
    push_head(&mut out, &new[end..]);
    out
}

/// Returns the bytes of either text that differ. Changes with nothing but spaces between them are one.
fn changes(old: &str, new: &str) -> Vec<[Range<usize>; 2]> {
    let diff = TextDiff::configure().timeout(TIMEOUT).diff_unicode_words(old, new);
    let mut changes: Vec<[Range<usize>; 2]> = Vec::new();
    let (mut a, mut b) = (0, 0);
    for change in diff.iter_all_changes() {
        let length = change.value().len();
        let (before, after) = match change.tag() {
            ChangeTag::Equal => {
                (a, b) = (a + length, b + length);
                continue;
            }
            ChangeTag::Delete => (a..a + length, b..b),
            ChangeTag::Insert => (a..a, b..b + length),
        };
        (a, b) = (before.end, after.end);
        match changes.last_mut() {
            Some([x, y]) if old[x.end..before.start].trim().is_empty() => (x.end, y.end) = (before.end, after.end),
            _ => changes.push([before, after]),
        }
    }
    changes
}

/// Appends the first words of a text, and `…` where there are more.
fn push_head(out: &mut String, text: &str) {
    let (head, is_whole) = head(text, CONTEXT);
    out.push_str(&printable(head));
    if !is_whole {
        out.push_str(" …");
    }
}

/// Appends the last words of a text, and `…` where there are more.
fn push_tail(out: &mut String, text: &str) {
    let Some((start, _)) = text.char_indices().rev().nth(CONTEXT) else { return out.push_str(&printable(text)) };
    let cut = text.len() - text[start..].len();
    let tail = &text[cut..];
    // From the next word on, if one begins.
    let word = tail.trim_end().find(char::is_whitespace).map_or(tail, |space| tail[space..].trim_start());
    out.push_str(if out.is_empty() { "… " } else { " " });
    out.push_str(&printable(word));
}

/// Returns the first words of a text, of `limit` characters at most, and whether they are all.
pub(super) fn head(text: &str, limit: usize) -> (&str, bool) {
    let Some((end, _)) = text.char_indices().nth(limit) else { return (text, true) };
    let cut = text[..end].rfind(char::is_whitespace).filter(|&space| !text[..space].trim().is_empty());
    (text[..cut.unwrap_or(end)].trim_end(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output_options::OutputOptions;

    fn plain(old: &str, new: &str) -> String {
        words(old, new, OutputOptions::guess(&["hlx".into(), "--color=never".into()]).stdout_colors())
    }

    #[test]
    fn words_that_differ_are_marked_in_place() {
        assert_eq!(plain("the first day of May", "the second day of May"), "the [-first-]{+second+} day of May");
        assert_eq!(plain("one two three", "one three"), "one [-two -]three");
        assert_eq!(plain("", "all new"), "{+all new+}");
        assert_eq!(plain("a brown fox ran", "a red wolf ran"), "a [-brown fox-]{+red wolf+} ran");
        assert_eq!(plain("a\nb", "a\nc"), "a\\n[-b-]{+c+}");
    }

    #[test]
    fn equal_text_is_shown_near_changes_only() {
        let long = "lorem ipsum dolor sit amet ".repeat(20);
        let text = |word: &str, end: &str| format!("{long}{word} {long}{end}");
        assert_eq!(
            plain(&text("rent", "x"), &text("term", "y")),
            "… sit amet lorem ipsum dolor sit amet [-rent-]{+term+} lorem ipsum dolor sit amet lorem ipsum … \
             sit amet lorem ipsum dolor sit amet [-x-]{+y+}"
        );
    }

    #[test]
    fn text_without_spaces_is_cut_between_characters() {
        let long = "租".repeat(100);
        let shown = plain(&format!("{long}一{long}"), &format!("{long}二{long}"));
        assert!(shown.contains("[-一-]{+二+}") && shown.chars().count() < 120, "{shown}");
    }
}
