//! Keys and rows. Keys are bytes whose order is the order of what they stand for; rows are bincode.

use bincode::config::{Configuration, Limit, standard};
use bincode::{Decode, Encode};

use crate::catalog::guard::{broken, fault};
use crate::catalog::stamp::Stamp;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{Id, Version as VersionId};
use crate::object::version::{Number, Version};

/// Ends the name of a dataset in a key; no such name holds it.
const END: u8 = 0;
/// Takes the place of pre-release identifiers in the key of a release, and sorts after all of them.
const RELEASE: u8 = 0xff;
/// No row is longer. Keeps a damaged length from taking the memory.
const MAX_ROW: usize = 256 << 20;

/// The tables of the database.
pub(super) struct Tables {
    /// [`place`] to [`Row`]: the versions, in the order of datasets and numbers.
    pub versions: sled::Tree,
    /// First byte of an id to postings of the ids.
    pub ids: sled::Tree,
    /// First byte of a data checksum to postings of the checksums.
    pub checksums: sled::Tree,
    /// The versions of each dataset by their times: see [`crate::catalog::timeline`].
    pub times: sled::Tree,
    /// [`pair`] of type and dataset to the number of versions, a `u64`.
    pub kinds: sled::Tree,
    /// [`place`] to [`Mark`]; none for a version of which nothing was said.
    pub marked: sled::Tree,
    /// [`pair`] of tag and dataset to the id of the version that received the tag last.
    pub tags: sled::Tree,
    /// What the rest was made from: [`Names`], [`Heads`], and a [`Part`] for each dataset.
    pub meta: sled::Tree,
}

impl Tables {
    /// Opens the tables; makes those that are missing.
    pub fn open(db: &sled::Db) -> Result<Tables> {
        let tree = |name: &str| db.open_tree(name).map_err(fault);
        Ok(Tables {
            versions: tree("versions")?,
            ids: tree("ids")?,
            checksums: tree("checksums")?,
            times: tree("times")?,
            kinds: tree("kinds")?,
            marked: tree("marked")?,
            tags: tree("tags")?,
            meta: tree("meta")?,
        })
    }
}

/// Writes a row.
pub(super) fn encode(row: &impl Encode) -> Vec<u8> {
    // Writing to memory fails only for types that the rows are not made of; an empty row is refused when it is read.
    bincode::encode_to_vec(row, standard()).unwrap_or_default()
}

/// Reads a row.
pub(super) fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T> {
    let config: Configuration<_, _, Limit<MAX_ROW>> = standard().with_limit::<MAX_ROW>();
    match bincode::decode_from_slice(bytes, config) {
        Ok((row, read)) if read == bytes.len() => Ok(row),
        _ => Err(broken("a row cannot be read")),
    }
}

/// Reads the row under a key, if there is one.
pub(super) fn get<T: Decode<()>>(tree: &sled::Tree, key: &[u8]) -> Result<Option<T>> {
    tree.get(key).map_err(fault)?.map(|bytes| decode(&bytes)).transpose()
}

/// A version: what is needed to show it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Row {
    /// The hash of the record.
    pub id: [u8; 32],
    /// The record as it is stored.
    pub record: Vec<u8>,
}

impl Row {
    /// Reads the version at a place, and makes sure that it is this one and whole.
    pub fn version(&self, at: &[u8]) -> Result<(Id<VersionId>, Version)> {
        let id = Id::of(&self.record);
        let version = Version::decode(&self.record).ok().filter(|version| place(&version.dataset, &version.number) == at);
        match version {
            Some(version) if *id.as_bytes() == self.id => Ok((id, version)),
            _ => Err(broken("the row of a version does not contain its record")),
        }
    }
}

/// What was said of a version after it was made; with all that is needed to show it, so that the versions with a tag are
/// read in one go.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Mark {
    /// When the version was made, as a [`time_key`].
    pub time: [u8; 8],
    /// The version.
    pub row: Row,
    /// The tags that it bears, in order.
    pub tags: Vec<String>,
    /// By the last verdict, where there is one: whether it passed.
    pub passed: Option<bool>,
}

/// The key of a version: its dataset, then its number. Numbers are in the order of semantic versioning.
pub(super) fn place(dataset: &str, number: &Number) -> Vec<u8> {
    let mut key = within(dataset);
    let (major, minor, patch) = number.parts();
    for part in [major, minor, patch] {
        // As many bytes as it needs, after their count: a longer number is a larger one.
        let bytes = part.to_be_bytes();
        let bytes = &bytes[part.leading_zeros() as usize / 8..];
        key.push(bytes.len() as u8);
        key.extend_from_slice(bytes);
    }
    let text = number.to_string();
    match text.split_once('-') {
        None => key.push(RELEASE),
        Some((_, identifiers)) => {
            for identifier in identifiers.split('.') {
                if identifier.bytes().all(|b| b.is_ascii_digit()) {
                    // Numbers come before words and have no leading zeros. A number's text has at most 255 bytes.
                    key.extend_from_slice(&[1, identifier.len() as u8]);
                    key.extend_from_slice(identifier.as_bytes());
                } else {
                    key.push(2);
                    key.extend_from_slice(identifier.as_bytes());
                    key.push(0);
                }
            }
        }
    }
    key
}

/// What the keys of a dataset's versions begin with.
pub(super) fn within(dataset: &str) -> Vec<u8> {
    let mut key = dataset.as_bytes().to_vec();
    key.push(END);
    key
}

/// The dataset of a key that begins with one.
pub(super) fn dataset_of(key: &[u8]) -> Result<&str> {
    let name = key.iter().position(|b| *b == END).map(|end| &key[..end]);
    name.and_then(|name| std::str::from_utf8(name).ok()).ok_or_else(|| broken("a key has no dataset"))
}

/// The key of something with any name, such as a tag or a type, in a dataset.
pub(super) fn pair(name: &str, dataset: &str) -> Vec<u8> {
    let mut key = within(name);
    key.extend_from_slice(dataset.as_bytes());
    key
}

/// The dataset of a [`pair`] whose name is this one. Names of types may hold anything.
pub(super) fn paired<'a>(key: &'a [u8], name: &str) -> Option<&'a str> {
    let dataset = key.strip_prefix(name.as_bytes())?.strip_prefix(&[END])?;
    std::str::from_utf8(dataset).ok().filter(|dataset| !dataset.as_bytes().contains(&END))
}

/// A time as bytes in the order of time.
pub(super) fn time_key(time: Time) -> [u8; 8] {
    (time.as_millis() as u64 ^ 1 << 63).to_be_bytes()
}

/// The key of [`Names`] in `meta`.
pub(super) const NAMES: &[u8] = b"names";
/// The key of [`Heads`] in `meta`.
pub(super) const HEADS: &[u8] = b"heads";

/// The key of a dataset's [`Part`] in `meta`.
pub(super) fn part(dataset: &str) -> Vec<u8> {
    pair("part", dataset)
}

/// Which datasets there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Names {
    /// The folder that they were listed from.
    pub stamp: Option<Stamp>,
    /// Their names, in order.
    pub names: Vec<String>,
}

/// Which facts were folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Heads {
    /// The folder of the sequence of heads.
    pub stamp: Option<Stamp>,
    /// The newest fact; none while nothing was said.
    pub head: Option<[u8; 32]>,
    /// Whether a fact speaks of a version that is not there.
    pub unplaced: bool,
}

/// What is known of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Part {
    /// The folder of its refs when all of them had rows.
    pub stamp: Option<Stamp>,
    /// Its versions.
    pub versions: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn keys_are_in_the_order_of_semantic_versioning() {
        // The example of semver.org, section 11, among releases.
        let ascending = "0.0.0 0.9.0 1.0.0-0 1.0.0-9 1.0.0-10 1.0.0-- 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-alpha- \
            1.0.0-alpha0 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1-rc.1 1.0.255 1.0.256 1.9.0 1.10.0 2.0.0 \
            18446744073709551615.0.0";
        let ascending: Vec<&str> = ascending.split_whitespace().collect();
        for pair in ascending.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
            assert!(place("a", &number(pair[0])) < place("a", &number(pair[1])), "{pair:?}");
        }
    }

    fn identifier() -> impl Strategy<Value = String> {
        prop_oneof![Just("0".to_owned()), "[1-9][0-9]{0,24}", "[0-9]{0,2}[a-cA-C-][0-9a-cA-C-]{0,3}"]
    }

    fn numbers() -> impl Strategy<Value = String> {
        let part = || prop_oneof![0..3u64, 254..258u64, any::<u64>()];
        (part(), part(), part(), prop::collection::vec(identifier(), 0..4)).prop_map(|(a, b, c, pre)| {
            let dash = if pre.is_empty() { "" } else { "-" };
            format!("{a}.{b}.{c}{dash}{}", pre.join("."))
        })
    }

    proptest! {
        #[test]
        fn the_order_of_keys_is_the_order_of_numbers(a in numbers(), b in numbers()) {
            let (a, b) = (number(&a), number(&b));
            prop_assert_eq!(a.cmp(&b), place("leases", &a).cmp(&place("leases", &b)));
        }

        #[test]
        fn pre_releases_alone_too(a in prop::collection::vec(identifier(), 1..4), b in prop::collection::vec(identifier(), 1..4)) {
            let (a, b) = (number(&format!("1.0.0-{}", a.join("."))), number(&format!("1.0.0-{}", b.join("."))));
            prop_assert_eq!(a.cmp(&b), place("leases", &a).cmp(&place("leases", &b)));
        }

        #[test]
        fn the_order_of_times(a in any::<i64>(), b in any::<i64>()) {
            let (a, b) = (Time::from_millis(a), Time::from_millis(b));
            prop_assert_eq!(a.cmp(&b), time_key(a).cmp(&time_key(b)));
        }

        #[test]
        fn any_bytes_are_a_row_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode::<Row>(&bytes);
            let _ = decode::<Mark>(&bytes);
            let _ = decode::<Part>(&bytes);
        }
    }

    #[test]
    fn names_of_datasets_do_not_run_into_each_other() {
        let key = place("lease", &number("1.0.0"));
        assert!(!key.starts_with(&within("leas")));
        assert_eq!(dataset_of(&key).unwrap(), "lease");
        assert!(dataset_of(b"no end").is_err());
        assert_eq!(paired(&pair("odd\0type", "leases"), "odd\0type"), Some("leases"));
        assert_eq!(paired(&pair("odd\0type", "leases"), "odd"), None);
    }
}
