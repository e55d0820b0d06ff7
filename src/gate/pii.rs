//! Personal data in text: built-in patterns, and the team's own regular expressions.
//!
//! The built-in ones are made for texts full of numbers that are none: dates, sections, amounts, statutes, dockets,
//! identifiers, digests. So each asks for the form that people write, and what is part of a longer number or identifier
//! does not count. They see text as a person does ([`super::text`]), and nothing goes on over the end of a line.
//!
//! Invariant: what was found is never quoted, or the report would spread what must not be spread.

mod digits;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use memchr::memchr_iter;
use regex::{Regex, RegexBuilder};

use super::text::normalize;
use crate::error::{Error, ErrorKind, Result};

/// The names of the built-in patterns, in the order in which they are told.
///
/// - `email`: `name@host.tld`, in any script; no quoted names.
/// - `phone`: ten digits with separators as in North America, perhaps after `1` or `+1`, if the numbering plan has such an
///   area and such an exchange; or `+`, a country code that E.164 has and 10 to 15 digits in all, 15 being the most.
/// - `ssn`: `AAA-GG-SSSS`, of a number that the Social Security Administration may give out.
/// - `credit_card`: 13 to 19 digits, at once or in groups as on the card, with prefix and length of Visa, Mastercard,
///   American Express, Discover, Diners Club or JCB, and a right check digit.
pub const BUILT_IN: &[&str] = &["email", "phone", "ssn", "credit_card"];

/// The nouns for the findings of [`BUILT_IN`].
const CALLED: [&str; 4] = ["an e-mail address", "a phone number", "a social security number", "a credit card number"];

/// The most bytes that one of the team's expressions may take when compiled.
const SIZE: usize = 4 << 20;

/// The patterns to search for. They can be used from several threads at once.
#[derive(Debug)]
pub struct Patterns {
    /// The patterns of [`BUILT_IN`] to search for.
    wanted: [bool; 4],
    /// [`digits::NORTH_AMERICAN`].
    phone: Regex,
    /// The team's own, by name.
    own: Vec<(String, Regex)>,
}

impl Patterns {
    /// Takes built-in patterns by their names, and the team's own as pairs of a name and a regular expression in the
    /// syntax of the crate `regex`, which has no look-around and no back-references.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a name that is not in [`BUILT_IN`], and for an expression that is none or takes more than
    /// 4 MiB when compiled.
    pub fn new(find: &[String], patterns: &[(String, String)]) -> Result<Patterns> {
        let mut wanted = [false; 4];
        for name in find {
            let Some(at) = BUILT_IN.iter().position(|known| known == name) else {
                let message = format!("'{name}' is not a built-in pattern; the built-in patterns are {}", join(BUILT_IN));
                return Err(
                    Error::new(ErrorKind::Config, message).with_hint("to add a pattern, give a name and a regular expression")
                );
            };
            wanted[at] = true;
        }
        let own = patterns.iter().map(|(name, text)| Ok((name.clone(), compile(name, text)?))).collect::<Result<_>>()?;
        Ok(Patterns { wanted, phone: compile("phone", digits::NORTH_AMERICAN)?, own })
    }

    /// Names everything that the text holds, such as "an e-mail address and a phone number", and the team's own
    /// patterns by their names; nothing if it holds none. The team's own are also tried on the text as it is written.
    pub fn find(&self, text: &str) -> Option<String> {
        let [mail, phone, ssn, card] = self.wanted;
        let normal = normalize(text);
        let mut found = [mail && email(&normal), false, false, false];
        if phone || ssn || card {
            for span in digits::Spans::of(&normal) {
                found[1] = found[1] || (phone && digits::phone(&self.phone, &normal, span.clone()));
                found[2] = found[2] || (ssn && digits::ssn(normal.as_bytes(), span.clone()));
                found[3] = found[3] || (card && digits::card(normal.as_bytes(), span));
            }
        }
        let built_in = CALLED.into_iter().zip(found).filter(|(_, found)| *found).map(|(called, _)| called);
        let changed = matches!(&normal, Cow::Owned(normal) if normal != text);
        let matches = |regex: &Regex| regex.is_match(text) || (changed && regex.is_match(&normal));
        let own = self.own.iter().filter(|(_, regex)| matches(regex)).map(|(name, _)| name.as_str());
        let names: Vec<&str> = built_in.chain(own).collect();
        (!names.is_empty()).then(|| join(&names))
    }
}

/// Compiles an expression, of which the error says what is wrong in a line.
fn compile(name: &str, text: &str) -> Result<Regex> {
    RegexBuilder::new(text).size_limit(SIZE).build().map_err(|error| {
        let said = error.to_string();
        let last = said.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::new(ErrorKind::Config, format!("invalid pattern '{name}': {last}")).with_source(error)
    })
}

/// Joins names as a sentence does: `a`, `a and b`, `a, b and c`.
fn join(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

/// Returns true if the text contains an e-mail address.
fn email(text: &str) -> bool {
    memchr_iter(b'@', text.as_bytes()).any(|at| {
        let of_name = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'');
        // RFC 5321 allows 64 bytes before the `@` and 255 after it.
        let name = text[..at].chars().rev().take(65).take_while(of_name);
        let (mut length, mut letters, mut first) = (0, 0, None);
        for c in name {
            (length, letters, first) = (length + 1, letters + usize::from(c.is_alphanumeric()), first.or(Some(c)));
        }
        let named = (1..=64).contains(&length) && letters > 0 && first != Some('.');
        named && is_host(&text[at + 1..])
    })
}

/// Returns true if this begins with the name of a host under a top-level domain, in any script (RFC 5890).
fn is_host(text: &str) -> bool {
    /// `icon@2x.png` is a picture for screens of high resolution.
    const FILES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js"];
    let of_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let end: usize = text.chars().take(255).take_while(|&c| of_host(c)).map(char::len_utf8).sum();
    let label = |l: &&str| (1..=63).contains(&l.chars().count()) && !l.starts_with('-');
    let top = |l: &str| (l.chars().nth(1).is_some() && l.chars().all(char::is_alphabetic)) || l.starts_with("xn--");
    let mut labels = text[..end].split('.').take_while(label);
    labels.next().is_some()
        && labels.any(|l| {
            let l = l.trim_end_matches('-');
            top(l) && !FILES.iter().any(|file| l.eq_ignore_ascii_case(file))
        })
}
