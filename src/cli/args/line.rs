//! The command line that was typed, and the ones that hints make of it.

use std::ffi::OsString;
use std::fmt;

/// The words of a command line; the first is `hlx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine(Vec<String>);

impl CommandLine {
    /// Takes the arguments of a process, its name first; `None` if one of them is not UTF-8.
    pub(crate) fn new(typed: &[OsString]) -> Option<CommandLine> {
        let words = typed.iter().skip(1).map(|word| word.to_str().map(str::to_owned));
        Some(CommandLine([Some("hlx".to_owned())].into_iter().chain(words).collect::<Option<_>>()?))
    }

    /// Makes a command line of these words.
    pub(crate) fn of<'w>(words: impl IntoIterator<Item = &'w &'w str>) -> CommandLine {
        CommandLine(words.into_iter().map(|word| (*word).to_owned()).collect())
    }

    /// Returns the words, `hlx` first.
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }

    /// Returns the line without `--` and all that follows.
    pub(crate) fn without_paths(&self) -> CommandLine {
        CommandLine(self.0.iter().take_while(|word| *word != "--").cloned().collect())
    }

    /// Puts other words in the place of one.
    pub(crate) fn replaced(&self, word: &str, by: &[&str]) -> CommandLine {
        let mut words = self.0.clone();
        if let Some(at) = words.iter().rposition(|known| known == word) {
            words.splice(at..=at, by.iter().map(|word| (*word).to_owned()));
        }
        CommandLine(words)
    }

    /// Adds words before `--`, or at the end.
    pub(crate) fn with_option(&self, option: &[&str]) -> CommandLine {
        let mut words = self.0.clone();
        let at = words.iter().position(|word| word == "--").unwrap_or(words.len());
        words.splice(at..at, option.iter().map(|word| (*word).to_owned()));
        CommandLine(words)
    }

    /// Moves the last words that are these behind `--`.
    pub(crate) fn with_paths(&self, paths: &[&str]) -> CommandLine {
        let mut line = self.clone();
        for path in paths {
            line = line.replaced(path, &[]);
        }
        if !line.0.iter().any(|word| word == "--") {
            line.0.push("--".to_owned());
        }
        line.0.extend(paths.iter().map(|path| (*path).to_owned()));
        line
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// Returns a word as one types it into a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./@~^=:,+%".contains(c);
    match !word.is_empty() && !word.starts_with('~') && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_moved_and_quoted() {
        let line = |words: &[&str]| CommandLine::new(&words.iter().map(OsString::from).collect::<Vec<_>>()).unwrap();
        let typed = line(&["/bin/hlx", "diff", "a", "it's d/b", "-p"]);
        assert_eq!(typed.with_paths(&["it's d/b"]).to_string(), r"hlx diff a -p -- 'it'\''s d/b'");
        assert_eq!(line(&["hlx", "log", "x", "--", "y"]).with_paths(&["x"]).to_string(), "hlx log -- y x");
        assert_eq!(
            line(&["hlx", "restore", "1.0.0", "--", "y"]).replaced("1.0.0", &[]).with_option(&["--source", "1.0.0"]).to_string(),
            "hlx restore --source 1.0.0 -- y"
        );
        assert_eq!(typed.replaced("a", &["b", "*"]).to_string(), r"hlx diff b '*' 'it'\''s d/b' -p");
    }
}
