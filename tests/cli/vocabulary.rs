//! The words of messages, help and the manual: those of git, cargo and restic.

use std::fs;
use std::path::Path;

use crate::sandbox::Sandbox;
use crate::words::VERBS;

/// Phrases that no message has, separated by commas, and what to write instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("make,makes,made,making", "create, record, treat as"),
    ("mend,mends,mended", "fix, repair"),
    ("bear,bears,borne,holds", "has, contains"),
    ("lies in,lie in,stands,stand,found in", "is in"),
    ("is no,are no,is none of", "is not a"),
    ("look at,looks at,looked at,look into", "check, read"),
    ("tell,tells,told,say,says,said", "show, print, specify"),
    ("judge,judges,judged", "check, validate"),
    ("keeps from,lets go,goes away", "prevents, releases, is removed"),
    ("anew", "again"),
    ("nobody,somebody", "no one, or who it is"),
    ("of which", "a sentence of its own"),
    ("hlx does not read,hlx does not know", "is not supported, unknown"),
];

/// Where such a phrase is right.
const ALLOWED: &[&str] = &["there is no", "there are no", "the answer is no", "all holds", "the holds", "no holds"];

/// The forbidden phrase in a text, if there is one. A name in braces is not printed.
fn forbidden(text: &str) -> Option<&'static str> {
    let mut printed = String::new();
    let mut depth = 0_usize;
    for c in text.to_lowercase().chars() {
        match c {
            '{' => {
                depth += 1;
                printed.push_str(" _ ");
            }
            '}' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            c if c.is_alphanumeric() || c == '\'' => printed.push(c),
            _ => printed.push(' '),
        }
    }
    let mut words = format!(" {} ", printed.split_whitespace().collect::<Vec<_>>().join(" "));
    for phrase in ALLOWED {
        words = words.replace(phrase, "");
    }
    let mut phrases = FORBIDDEN.iter().flat_map(|(phrases, _)| phrases.split(','));
    phrases.find(|phrase| words.contains(&format!(" {phrase} ")))
}

/// The string literals of a source file, without its comments and its tests.
fn literals(source: &str) -> Vec<&str> {
    let source = source.split("mod tests {").next().unwrap_or_default();
    let (mut literals, mut at) = (Vec::new(), 0);
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let length = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |n| from + n);
        at += if rest.starts_with("//") {
            length("\n", 2)
        } else if rest.starts_with("'\"'") {
            3
        } else if rest.starts_with("'\\") {
            length("'", 3) + 1
        } else if rest.starts_with("r#\"") {
            let end = length("\"#", 3);
            literals.push(&rest[3..end]);
            end + 2
        } else if let Some(text) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = text.find(|c| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end
            });
            let end = end.unwrap_or(text.len());
            literals.push(&text[..end]);
            end + 2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
    }
    literals
}

/// The sources below a folder, but tests.
fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("tests") => {}
            true => sources(&path, found),
            false if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn messages_have_the_words_of_git_and_cargo() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut messages, mut found) = (0, Vec::new());
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        // One word alone is a name, not a message.
        for text in literals(&source).into_iter().filter(|text| text.contains(' ')) {
            messages += 1;
            found.extend(forbidden(text).map(|phrase| format!("{}: '{phrase}' in \"{text}\"", file.display())));
        }
    }
    assert!(messages > 1000, "only {messages} literals were read");
    assert!(found.is_empty(), "see FORBIDDEN for what to write instead:\n{}", found.join("\n"));
}

#[test]
fn help_and_manual_have_the_words_of_git_and_cargo() {
    let s = Sandbox::new();
    let help = VERBS.iter().map(|verb| format!("{verb} --help"));
    let pages = s.ok("man --list");
    let pages = pages.lines().map(|page| format!("man {}", page.trim_start_matches("hlx").trim_start_matches('-')));
    for line in help.chain(pages).chain(["--help".to_owned()]) {
        assert_eq!(forbidden(&s.ok(&line)), None, "hlx {line}");
    }
}

#[test]
fn forbidden_phrases_are_whole_words_outside_of_names() {
    assert_eq!(forbidden("the file is no JSON"), Some("is no"));
    assert_eq!(forbidden("nothing was\nMade"), Some("made"));
    assert_eq!(forbidden("{made} is not a version; there is no staging area"), None);
    assert_eq!(literals("a(\"b \\\" c\"); // \"d\"\n'\"' r#\"e \"f\"#"), ["b \\\" c", "e \"f"]);
}
