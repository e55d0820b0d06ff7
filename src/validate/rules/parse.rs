//! `parse`: every record is one of its format.

use super::Local;
use crate::validate::record::Seen;

/// Finds what is none.
pub(in crate::validate) struct Parse;

impl Local for Parse {
    fn find(&self, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::NoJson(_, why) => Some(format!("this is no JSON: {why}")),
            Seen::BadRow(_, _, why) | Seen::Broken(why) => Some((*why).to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, json_bytes, said, without_fields};
    use super::*;

    #[test]
    fn what_is_none_of_its_format() {
        assert_eq!(json(&Parse, r#"{"a":1}"#), None);
        assert_eq!(json(&Parse, r#"{"a":01}"#), said("this is no JSON: byte 6: a number begins with 0"));
        assert!(json_bytes(&Parse, b"\"\xff\"").is_some());
        assert_eq!([csv(&Parse, "1,2,3"), comment(&Parse)], [None, None]);
        let [_, row, broken, text] = without_fields(&Parse);
        assert_eq!([row, broken, text], [said("the record has 1 fields, the header 2"), said("no Parquet"), None]);
    }
}
