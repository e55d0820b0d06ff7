//! Version records. The format is specified in `docs/formats/version.md`.
//!
//! A version's id is the hash of its record, which covers everything that `commit` was told and everything that it
//! found: number, parents, manifest, statistics, checksums, summary, metadata, author and time.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::Time;
use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::id::{Id, NodeId, SchemaId, VerdictId, VersionId};
use crate::limits;
use crate::object::checksum::Checksum;

mod extension;
mod number;

pub use extension::Extension;
pub use number::{ChangeType, VersionNumber};

/// The first byte of every record.
const FORMAT: u8 = 1;

/// The result of validation when the version was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum ValidationStatus {
    /// Nothing has judged it yet.
    Pending = 0,
    /// It passed the gate.
    Passed = 1,
    /// It failed the gate.
    Failed = 2,
    /// The gate was told to let it pass.
    Skipped = 3,
}

impl ValidationStatus {
    /// Returns the status that a byte stands for.
    pub fn from_byte(byte: u8) -> Option<ValidationStatus> {
        use ValidationStatus::{Failed, Passed, Pending, Skipped};
        [Pending, Passed, Failed, Skipped].get(usize::from(byte)).copied()
    }

    /// Returns the name that reports and JSON give it.
    pub fn as_str(self) -> &'static str {
        match self {
            ValidationStatus::Pending => "PENDING",
            ValidationStatus::Passed => "PASSED",
            ValidationStatus::Failed => "FAILED",
            ValidationStatus::Skipped => "SKIPPED",
        }
    }
}

/// The totals of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Regular files.
    pub files: u64,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// Samples of the regular files, where they are counted.
    pub samples: Option<u64>,
}

/// An immutable version of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The dataset.
    pub dataset: String,
    /// The dataset's type when the version was made.
    pub dataset_type: String,
    /// Its number, unique within the dataset.
    pub number: VersionNumber,
    /// The versions it was made from, the workspace's own first.
    pub parents: Vec<Id<VersionId>>,
    /// The number of the first parent.
    pub parent_number: Option<VersionNumber>,
    /// The root of its manifest.
    pub manifest: Id<NodeId>,
    /// The totals.
    pub statistics: Statistics,
    /// The schema of its records, where they are counted.
    pub schema: Option<Id<SchemaId>>,
    /// The data checksum, as `find`, `sort`, `b3sum` and `sha256sum` compute it.
    pub data_checksum: Checksum,
    /// The size of the change from the first parent, by content.
    pub change_type: ChangeType,
    /// The summary by its author.
    pub summary: String,
    /// The metadata by its author: a JSON object.
    pub metadata: Map<String, Value>,
    /// The tags that `commit` was told to put on it.
    pub tags: Vec<String>,
    /// The result of validation when the version was created.
    pub validation: ValidationStatus,
    /// The verdict, if the version was validated and passed or failed.
    pub verdict: Option<Id<VerdictId>>,
    /// The author.
    pub author: String,
    /// The time of its creation.
    pub created: Time,
    /// The additions of later versions of hlx, in the order of their names.
    pub extensions: Vec<Extension>,
}

impl Version {
    /// `leases@1.2.0`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.dataset, self.number)
    }

    /// Returns the bytes that are stored and hashed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.put_bytes(self.dataset.as_bytes());
        out.put_bytes(self.dataset_type.as_bytes());
        out.put_bytes(self.number.to_string().as_bytes());
        out.put_varint(self.parents.len() as u64);
        for parent in &self.parents {
            out.extend_from_slice(parent.as_bytes());
        }
        out.put_bytes(self.parent_number.as_ref().map(VersionNumber::to_string).unwrap_or_default().as_bytes());
        out.extend_from_slice(self.manifest.as_bytes());
        out.put_varint(self.statistics.files);
        out.put_varint(self.statistics.bytes);
        out.put_varint(self.statistics.samples.map_or(0, |n| n.saturating_add(1)));
        out.push(u8::from(self.schema.is_some()));
        out.extend_from_slice(self.schema.as_ref().map_or(&[], |id| &id.as_bytes()[..]));
        out.extend_from_slice(self.data_checksum.as_bytes());
        out.push(self.change_type as u8);
        out.put_bytes(self.summary.as_bytes());
        out.put_bytes(&canonical_json(&Value::Object(self.metadata.clone())));
        out.put_varint(self.tags.len() as u64);
        for tag in &self.tags {
            out.put_bytes(tag.as_bytes());
        }
        out.push(self.validation as u8);
        out.extend_from_slice(self.verdict.as_ref().map_or(&[], |id| &id.as_bytes()[..]));
        out.put_bytes(self.author.as_bytes());
        out.put_u64(self.created.as_millis() as u64);
        extension::encode(&self.extensions, &mut out);
        out
    }

    /// Reads what [`Version::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Version, Malformed> {
        let mut reader = ByteReader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(Malformed("unknown record format; use a newer hlx"));
        }
        let dataset = reader.text()?.to_owned();
        let dataset_type = reader.text()?.to_owned();
        let number = VersionNumber::parse(reader.text()?)?;
        let count = reader.count(32)?;
        if count > limits::VERSION_PARENTS {
            return Err(Malformed("the version has too many parents"));
        }
        let parents = (0..count).map(|_| Ok(Id::from_bytes(reader.array()?))).collect::<Result<Vec<_>, _>>()?;
        let parent_number = match reader.text()? {
            "" => None,
            text => Some(VersionNumber::parse(text)?),
        };
        let manifest = Id::from_bytes(reader.array()?);
        let statistics =
            Statistics { files: reader.varint()?, bytes: reader.varint()?, samples: reader.varint()?.checked_sub(1) };
        let schema = match reader.u8()? {
            0 => None,
            1 => Some(Id::from_bytes(reader.array()?)),
            _ => return Err(Malformed("invalid flag of the schema")),
        };
        let data_checksum = Checksum::from_bytes(reader.array()?);
        let change_type = match reader.u8()? {
            0 => ChangeType::Patch,
            1 => ChangeType::Minor,
            2 => ChangeType::Major,
            _ => return Err(Malformed("unknown change type")),
        };
        let summary = reader.text()?.to_owned();
        let json = reader.bytes()?;
        if json.len() > limits::METADATA {
            return Err(Malformed("the metadata is longer than 1,048,576 bytes"));
        }
        let metadata: Map<String, Value> =
            serde_json::from_slice(json).map_err(|_| Malformed("the metadata is not a JSON object"))?;
        if canonical_json(&Value::Object(metadata.clone())) != json {
            return Err(Malformed("the metadata is not canonical JSON"));
        }
        let count = reader.count(1)?;
        let tags = (0..count).map(|_| Ok(reader.text()?.to_owned())).collect::<Result<Vec<_>, _>>()?;
        let validation = ValidationStatus::from_byte(reader.u8()?).ok_or(Malformed("unknown validation status"))?;
        let verdict = match validation {
            ValidationStatus::Passed | ValidationStatus::Failed => Some(Id::from_bytes(reader.array()?)),
            ValidationStatus::Pending | ValidationStatus::Skipped => None,
        };
        let author = reader.text()?.to_owned();
        let created = Time::from_millis(reader.u64()? as i64);
        let extensions = extension::decode(&mut reader)?;
        reader.end()?;
        let version = Version {
            dataset,
            dataset_type,
            number,
            parents,
            parent_number,
            manifest,
            statistics,
            schema,
            data_checksum,
            change_type,
            summary,
            metadata,
            tags,
            validation,
            verdict,
            author,
            created,
            extensions,
        };
        version.check()?;
        Ok(version)
    }

    /// Fails unless a record can hold it: nothing longer and not more of anything than `limits.rs` allows. But for the
    /// length of the metadata, which shows once they are encoded.
    pub fn check(&self) -> Result<(), Malformed> {
        match () {
            () if self.dataset.len() > limits::NAME => Err(Malformed("the name of the dataset is longer than 64 bytes")),
            () if self.dataset_type.len() > limits::NAME => Err(Malformed("the type of the dataset is longer than 64 bytes")),
            () if self.parents.len() > limits::VERSION_PARENTS => Err(Malformed("the version has too many parents")),
            () if self.parents.is_empty() == self.parent_number.is_some() => {
                Err(Malformed("the parent's number does not match the parents"))
            }
            () if self.summary.len() > limits::SUMMARY => Err(Malformed("the summary is longer than 1,048,576 bytes")),
            () if self.metadata.values().any(|value| json_depth(value) >= limits::METADATA_DEPTH) => {
                Err(Malformed("the metadata is nested deeper than 64 levels"))
            }
            () if self.tags.len() > limits::VERSION_TAGS => Err(Malformed("the version has more than 256 tags")),
            () if self.tags.iter().any(|tag| tag.len() > limits::NAME) => Err(Malformed("a tag is longer than 64 bytes")),
            () if self.author.len() > limits::AUTHOR => Err(Malformed("the author is longer than 4,096 bytes")),
            () => extension::check(&self.extensions),
        }
    }

    /// Returns the version's id: the hash of its record.
    pub fn id(&self) -> Id<VersionId> {
        Id::of(&self.encode())
    }

    /// Returns the SHA-256 of the canonical JSON (RFC 8785) of name, version, statistics and metadata.
    pub fn metadata_checksum(&self) -> Checksum {
        let said = serde_json::json!({
            "dataset_name": self.dataset,
            "version": self.number,
            "file_count": self.statistics.files,
            "total_size_bytes": self.statistics.bytes,
            "total_samples": self.statistics.samples,
            "metadata": self.metadata,
        });
        Checksum::of(&canonical_json(&said))
    }
}

/// Returns how many objects and arrays lie within each other in a JSON value.
pub fn json_depth(value: &Value) -> usize {
    let (mut deepest, mut open) = (0, vec![(value, 0)]);
    while let Some((value, above)) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, above + 1))),
            Value::Object(members) => open.extend(members.values().map(|member| (member, above + 1))),
            _ => continue,
        }
        deepest = deepest.max(above + 1);
    }
    deepest
}

/// JSON in the one form of RFC 8785.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    // The crate fails only where a writer or a map's key fails, and neither can here.
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> VersionNumber {
        VersionNumber::parse(text).unwrap()
    }

    pub(crate) fn example() -> Version {
        Version {
            dataset: "leases".into(),
            dataset_type: "lease_abstraction".into(),
            number: number("1.1.0"),
            parents: vec![Id::from_bytes([0x11; 32])],
            parent_number: Some(number("1.0.0")),
            manifest: Id::from_bytes([0x22; 32]),
            statistics: Statistics { files: 2, bytes: 300, samples: Some(2) },
            schema: Some(Id::from_bytes([0x44; 32])),
            data_checksum: Checksum::from_bytes([0x33; 32]),
            change_type: ChangeType::Minor,
            summary: "added leases".into(),
            metadata: [("source".to_owned(), Value::from("crawl"))].into_iter().collect(),
            tags: vec!["production".into()],
            validation: ValidationStatus::Passed,
            verdict: Some(Id::from_bytes([0x55; 32])),
            author: "ana@example.com".into(),
            created: Time::from_millis(1_795_339_800_000),
            extensions: vec![],
        }
    }

    #[test]
    fn records_come_back() {
        let version = example();
        assert_eq!(Version::decode(&version.encode()).unwrap(), version);
        let first = Version { parents: vec![], parent_number: None, ..version };
        assert_eq!(Version::decode(&first.encode()).unwrap(), first);
    }

    #[test]
    fn no_cut_or_flip_makes_it_panic() {
        let good = example().encode();
        for n in 0..good.len() {
            assert!(Version::decode(&good[..n]).is_err());
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[n] ^= 1 << bit;
                let _ = Version::decode(&bad);
            }
        }
    }
}
