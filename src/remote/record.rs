//! The record of a push: what it added to a remote. Specified in `docs/formats/remote.md`.

use std::collections::BTreeSet;

use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::id::{FactId, Id, Pack, VersionId};
use crate::limits;
use crate::object::ObjectKind;
use crate::object::version::VersionNumber;
use crate::refs::names;

/// The first bytes of a record.
const MAGIC: [u8; 8] = *b"HLXPUSH1";
/// The name of the file with the number of a push that exists, from which later ones are found.
pub const NEWEST: &str = "refs/newest-push";
/// Bytes of the check at its end.
const CHECK: usize = 32;

/// The contents of a pack or a table: chunks, or everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackKind {
    /// Chunks.
    Data,
    /// Recipes, nodes, schemas, verdicts, versions and facts.
    Structure,
}

impl PackKind {
    /// Returns the contents of the packs with objects of a kind.
    pub fn of(kind: ObjectKind) -> PackKind {
        if kind == ObjectKind::Chunk { PackKind::Data } else { PackKind::Structure }
    }

    /// Returns a kind of objects that such packs contain.
    pub fn kind(self) -> ObjectKind {
        match self {
            PackKind::Data => ObjectKind::Chunk,
            PackKind::Structure => ObjectKind::Node,
        }
    }

    fn from_byte(byte: u8) -> Result<PackKind, Malformed> {
        match byte {
            0 => Ok(PackKind::Data),
            1 => Ok(PackKind::Structure),
            _ => Err(Malformed("it has an unknown kind of pack")),
        }
    }
}

/// The bytes of an index table of a remote, as a type for its id.
#[derive(Debug)]
pub enum TableFile {}

/// A pack of a remote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemotePack {
    /// The kind of its objects.
    pub contents: PackKind,
    /// The pack.
    pub id: Id<Pack>,
    /// Its length in bytes.
    pub len: u64,
}

impl RemotePack {
    /// Returns its name on the remote.
    pub fn name(&self) -> String {
        let folder = if self.contents == PackKind::Data { "data" } else { "structure" };
        format!("packs/{folder}/{}.pack", self.id)
    }
}

/// An index table of a remote, which covers whole packs of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteTable {
    /// The contents of its packs.
    pub contents: PackKind,
    /// The hash of its bytes.
    pub id: Id<TableFile>,
    /// Its length in bytes.
    pub len: u64,
}

impl RemoteTable {
    /// Returns the name of its file.
    pub fn file(&self) -> String {
        format!("{}.table", &self.id.to_hex()[..32])
    }

    /// Returns its name on the remote.
    pub fn name(&self) -> String {
        format!("index/{}", self.file())
    }
}

/// A version of a remote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteVersion {
    /// The dataset.
    pub dataset: String,
    /// The number.
    pub number: VersionNumber,
    /// The version.
    pub id: Id<VersionId>,
}

impl RemoteVersion {
    /// Returns the name of its ref.
    pub fn name(&self) -> String {
        format!("refs/versions/{}/{}", self.dataset, self.number)
    }
}

/// The newest fact of a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteFact {
    /// The number of its entry in `refs/facts`.
    pub number: u64,
    /// The fact.
    pub id: Id<FactId>,
}

/// The additions of the pushes after one and up to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushRecord {
    /// The number of the last push that it says nothing of; 0 if it covers all.
    pub since: u64,
    /// Packs.
    pub packs: BTreeSet<RemotePack>,
    /// The tables that cover exactly the packs.
    pub tables: BTreeSet<RemoteTable>,
    /// Versions.
    pub versions: BTreeSet<RemoteVersion>,
    /// The newest fact then; `None` while there is none.
    pub fact: Option<RemoteFact>,
}

impl PushRecord {
    /// Encodes the record.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.put_varint(self.since);
        out.put_varint(self.packs.len() as u64);
        for pack in &self.packs {
            out.push(pack.contents as u8);
            out.extend_from_slice(pack.id.as_bytes());
            out.put_varint(pack.len);
        }
        out.put_varint(self.tables.len() as u64);
        for table in &self.tables {
            out.push(table.contents as u8);
            out.extend_from_slice(table.id.as_bytes());
            out.put_varint(table.len);
        }
        out.put_varint(self.versions.len() as u64);
        for version in &self.versions {
            out.put_bytes(version.dataset.as_bytes());
            out.put_bytes(version.number.to_string().as_bytes());
            out.extend_from_slice(version.id.as_bytes());
        }
        out.put_varint(self.fact.map_or(0, |fact| fact.number));
        out.extend(self.fact.iter().flat_map(|fact| fact.id.as_bytes()));
        let check = blake3::hash(&out);
        out.extend_from_slice(check.as_bytes());
        out
    }

    /// Decodes a record.
    ///
    /// # Errors
    /// If the bytes are not exactly what [`PushRecord::encode`] returns for a record.
    pub fn decode(bytes: &[u8]) -> Result<PushRecord, Malformed> {
        let (body, check) = bytes.split_at_checked(bytes.len().saturating_sub(CHECK)).unwrap_or_default();
        if blake3::hash(body).as_bytes() != check {
            return Err(Malformed("its checksum does not match"));
        }
        let mut reader = ByteReader::new(body);
        if reader.array()? != MAGIC {
            return Err(Malformed("it is not the record of a push"));
        }
        let mut record = PushRecord { since: reader.varint_max(limits::SEQUENCE)?, ..PushRecord::default() };
        for _ in 0..reader.count(34)? {
            let contents = PackKind::from_byte(reader.u8()?)?;
            record.packs.insert(RemotePack { contents, id: Id::from_bytes(reader.array()?), len: reader.varint()? });
        }
        for _ in 0..reader.count(34)? {
            let contents = PackKind::from_byte(reader.u8()?)?;
            record.tables.insert(RemoteTable { contents, id: Id::from_bytes(reader.array()?), len: reader.varint()? });
        }
        for _ in 0..reader.count(34)? {
            let dataset = reader.text()?.to_owned();
            if !names::is_dataset(&dataset) {
                return Err(Malformed("it has an invalid name of a dataset"));
            }
            let number = VersionNumber::parse(reader.text()?).map_err(|_| Malformed("it has an invalid version number"))?;
            record.versions.insert(RemoteVersion { dataset, number, id: Id::from_bytes(reader.array()?) });
        }
        let number = reader.varint_max(limits::SEQUENCE)?;
        if number > 0 {
            record.fact = Some(RemoteFact { number, id: Id::from_bytes(reader.array()?) });
        }
        reader.end()?;
        if record.encode() != bytes {
            return Err(Malformed("it is not in its canonical form"));
        }
        Ok(record)
    }

    /// Adds what another record says of later pushes.
    pub fn add(&mut self, later: &PushRecord) {
        self.packs.extend(later.packs.iter().cloned());
        self.tables.extend(later.tables.iter().cloned());
        self.versions.extend(later.versions.iter().cloned());
        self.fact = self.fact.into_iter().chain(later.fact).max_by_key(|fact| fact.number);
    }
}

/// Returns the name of the record of a push.
pub fn name(number: u64) -> String {
    format!("refs/pushes/{number:010}")
}

/// Returns the last push that the record of a push says nothing of. Each record repeats earlier ones in the way of a Fenwick
/// tree, so that a few dozen records tell everything about any number of pushes, and each push is repeated a few dozen times
/// at most.
pub fn since(number: u64) -> u64 {
    number & number.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> PushRecord {
        let number = |text: &str| VersionNumber::parse(text).unwrap();
        PushRecord {
            since: 4,
            packs: [
                RemotePack { contents: PackKind::Structure, id: Id::of(b"a"), len: 99 },
                RemotePack { contents: PackKind::Data, id: Id::of(b"b"), len: 1 << 40 },
            ]
            .into(),
            tables: [RemoteTable { contents: PackKind::Data, id: Id::of(b"c"), len: 7 }].into(),
            versions: [
                RemoteVersion { dataset: "leases".into(), number: number("1.10.0"), id: Id::of(b"d") },
                RemoteVersion { dataset: "leases".into(), number: number("1.9.0"), id: Id::of(b"e") },
            ]
            .into(),
            fact: Some(RemoteFact { number: 3, id: Id::of(b"f") }),
        }
    }

    #[test]
    fn a_record_comes_back_and_every_flipped_bit_is_noticed() {
        for record in [record(), PushRecord::default(), PushRecord { fact: None, ..record() }] {
            let bytes = record.encode();
            assert_eq!(PushRecord::decode(&bytes), Ok(record));
            for n in 0..bytes.len() {
                let mut bad = bytes.clone();
                bad[n] ^= 0x10;
                assert!(PushRecord::decode(&bad).is_err(), "byte {n}");
                assert!(PushRecord::decode(&bytes[..n]).is_err(), "cut at {n}");
            }
        }
    }

    #[test]
    fn a_record_with_a_right_checksum_must_make_sense() {
        let forged = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = record().encode();
            bytes.truncate(bytes.len() - CHECK);
            change(&mut bytes);
            let check = blake3::hash(&bytes);
            bytes.extend_from_slice(check.as_bytes());
            PushRecord::decode(&bytes)
        };
        assert_eq!(forged(&|_| {}), Ok(record()));
        assert!(forged(&|bytes| bytes.push(0)).is_err(), "a byte after the end");
        assert!(forged(&|bytes| bytes[9] = 200).is_err(), "more packs than bytes");
        assert!(forged(&|bytes| bytes[10] = 9).is_err(), "an unknown kind");
        let at = record().encode().windows(6).position(|text| text == b"leases").unwrap();
        assert!(forged(&|bytes| bytes[at] = b'/').is_err(), "a name that is a path");
    }

    #[test]
    fn few_records_cover_all_pushes() {
        for newest in [1_u64, 2, 3, 7, 8, 1_000, 1 << 20] {
            let (mut number, mut records) = (newest, 0);
            while number > 0 {
                assert!(since(number) < number);
                (number, records) = (since(number), records + 1);
            }
            assert!(records <= 20, "{newest}");
        }
    }
}
