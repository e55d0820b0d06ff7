//! The number of a version, and the size of the change that it follows from.

use std::fmt;

use serde::Serialize;

use crate::codec::Malformed;
use crate::limits;

/// A semantic version number without build metadata, unique within its dataset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionNumber(semver::Version);

impl VersionNumber {
    /// `1.0.0`, the number of a first version.
    pub const FIRST: VersionNumber = VersionNumber(semver::Version::new(1, 0, 0));

    /// Reads `1.2.3` or `1.2.3-rc.1`; the error says what is wrong.
    pub fn parse(text: &str) -> Result<VersionNumber, Malformed> {
        let version = semver::Version::parse(text).map_err(|_| Malformed("expected MAJOR.MINOR.PATCH"))?;
        if !version.build.is_empty() {
            return Err(Malformed("build metadata ('+…') is not allowed in a version number"));
        }
        if text.len() > limits::NUMBER {
            return Err(Malformed("a version number is longer than 255 bytes"));
        }
        Ok(VersionNumber(version))
    }

    /// Returns the number that follows from a change. After a pre-release comes its release, or a higher one if the change
    /// asks for more than the pre-release already announces. Where a part can grow no more, the one before it does; the
    /// highest number of all stays.
    pub fn bump(&self, change: ChangeType) -> VersionNumber {
        let v = &self.0;
        let announced = !v.pre.is_empty()
            && match change {
                ChangeType::Major => v.minor == 0 && v.patch == 0,
                ChangeType::Minor => v.patch == 0,
                ChangeType::Patch => true,
            };
        let major = || Some((v.major.checked_add(1)?, 0, 0));
        let minor = || Some((v.major, v.minor.checked_add(1)?, 0));
        let patch = || Some((v.major, v.minor, v.patch.checked_add(1)?));
        let next = match change {
            _ if announced => None,
            ChangeType::Major => major(),
            ChangeType::Minor => minor().or_else(major),
            ChangeType::Patch => patch().or_else(minor).or_else(major),
        };
        let (major, minor, patch) = next.unwrap_or((v.major, v.minor, v.patch));
        VersionNumber(semver::Version::new(major, minor, patch))
    }

    /// Returns true if it is a pre-release such as `1.3.0-rc.1`.
    pub fn is_pre_release(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// Returns the highest release, or the highest pre-release if there is no release. `numbers` ascend.
    pub fn highest(numbers: &[VersionNumber]) -> Option<&VersionNumber> {
        numbers.iter().rev().find(|n| !n.is_pre_release()).or(numbers.last())
    }

    /// Major, minor and patch.
    pub fn parts(&self) -> (u64, u64, u64) {
        (self.0.major, self.0.minor, self.0.patch)
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl Serialize for VersionNumber {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for VersionNumber {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        VersionNumber::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

/// The size of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum ChangeType {
    /// A small change.
    Patch = 0,
    /// A change that adds.
    Minor = 1,
    /// A change that breaks, or of most of the data.
    Major = 2,
}

impl ChangeType {
    /// Returns the size of a change of so many bytes: above half of the bytes before MAJOR, above a tenth MINOR.
    pub fn of_share(changed: u64, before: u64) -> ChangeType {
        let (changed, before) = (u128::from(changed), u128::from(before));
        match () {
            () if changed * 2 > before => ChangeType::Major,
            () if changed * 10 > before => ChangeType::Minor,
            () => ChangeType::Patch,
        }
    }

    /// `MAJOR`, `MINOR` or `PATCH`.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeType::Patch => "PATCH",
            ChangeType::Minor => "MINOR",
            ChangeType::Major => "MAJOR",
        }
    }
}

impl fmt::Display for ChangeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> VersionNumber {
        VersionNumber::parse(text).unwrap()
    }

    #[test]
    fn a_release_is_higher_than_any_pre_release() {
        let numbers = ["1.0.0", "2.0.0", "3.0.0-rc.1"].map(number);
        assert_eq!(VersionNumber::highest(&numbers).unwrap().to_string(), "2.0.0");
        assert_eq!(VersionNumber::highest(&numbers[2..]).unwrap().to_string(), "3.0.0-rc.1");
        assert_eq!(VersionNumber::highest(&[]), None);
    }

    #[test]
    fn numbers_follow_the_change() {
        assert_eq!(number("1.2.3").bump(ChangeType::Major), number("2.0.0"));
        assert_eq!(number("1.2.3").bump(ChangeType::Minor), number("1.3.0"));
        assert_eq!(number("1.2.3").bump(ChangeType::Patch), number("1.2.4"));
        assert_eq!(number("1.3.0-rc.1").bump(ChangeType::Patch), number("1.3.0"));
        assert_eq!(number("1.3.0-rc.1").bump(ChangeType::Minor), number("1.3.0"));
        assert_eq!(number("1.3.0-rc.1").bump(ChangeType::Major), number("2.0.0"));
        assert_eq!(number("1.3.1-rc.1").bump(ChangeType::Minor), number("1.4.0"));
        assert_eq!(number("1.3.1-rc.1").bump(ChangeType::Major), number("2.0.0"));
        assert_eq!(number("2.0.0-rc.1").bump(ChangeType::Major), number("2.0.0"));
        assert_eq!(number("2.0.0-rc.1").bump(ChangeType::Patch), number("2.0.0"));
        let (most, highest) = (u64::MAX, format!("{0}.{0}.{0}", u64::MAX));
        assert_eq!(number(&format!("1.2.{most}")).bump(ChangeType::Patch), number("1.3.0"));
        assert_eq!(number(&format!("1.{most}.{most}")).bump(ChangeType::Patch), number("2.0.0"));
        assert_eq!(number(&highest).bump(ChangeType::Patch), number(&highest));
    }

    #[test]
    fn build_metadata_and_half_numbers_are_refused() {
        for bad in ["1.2", "v1.2.3", "1.2.3+build", "01.2.3", ""] {
            assert!(VersionNumber::parse(bad).is_err(), "{bad}");
        }
    }
}
