//! Names of fields that are too long to be kept.

use std::borrow::Cow;

use crate::limits;

/// Bytes of a long name that are kept, before a hash of it.
const KEPT: usize = 200;

/// Returns the name of a field as a schema holds it: itself, or of one of more than [`limits::FIELD_NAME`] bytes the
/// first 200, `…`, and the first 16 hex digits of the BLAKE3 of the whole. So distinct names stay distinct, and what one
/// record adds another takes away.
pub(super) fn cut(name: &str) -> Cow<'_, str> {
    if name.len() <= limits::FIELD_NAME {
        return Cow::Borrowed(name);
    }
    let end = (0..=KEPT).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    let hash = blake3::hash(name.as_bytes()).to_hex();
    Cow::Owned(format!("{}…{}", &name[..end], &hash[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let longest = "k".repeat(limits::FIELD_NAME);
        assert_eq!(cut(&longest), longest);
        let (one, two) = (format!("{longest}1"), format!("{longest}2"));
        assert_eq!(cut(&one).len(), KEPT + "…".len() + 16);
        assert_ne!(cut(&one), cut(&two));
        assert_eq!(cut(&cut(&one)), cut(&one));
        let wide = format!("k{}", "é".repeat(5_000));
        assert!(cut(&wide).starts_with("ké") && cut(&wide).contains("é…"));
    }
}
