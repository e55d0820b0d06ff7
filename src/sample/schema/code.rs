//! The bytes of a schema: varint depth, then the root. A field is a varint whose bit *t* says whether the count of the
//! type with code *t* follows, those counts as varints, the varint number of its children, and each child: its name, which
//! is greater than the one before, and the field. Fields that count nothing and hold none that does are left out.

use super::{ROOT, Schema, SchemaField};
use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::limits;
use crate::sample::Type;

impl Schema {
    /// Returns the bytes that are stored; fails if more was taken away than was there, or if it does not
    /// [fit](Schema::fit).
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        if self.fields.iter().any(|f| f.counts.iter().any(|&n| n < 0)) {
            return Err(Malformed("a schema has a negative count"));
        }
        let mut out = Vec::new();
        let (mut fields, mut names) = (0, 0);
        out.put_varint(self.depth as u64);
        self.visit(&mut |field| {
            (fields, names) = (fields + 1, names + field.name.len());
            if field.level > 0 {
                out.put_bytes(field.name.as_bytes());
            }
            let counted = || field.counts.iter().enumerate().filter(|(_, n)| **n != 0);
            out.put_varint(counted().fold(0, |bits, (kind, _)| bits | 1 << kind));
            counted().for_each(|(_, &n)| out.put_varint(n as u64));
            out.put_varint(field.children as u64);
        });
        if fields > limits::SCHEMA_FIELDS || names > limits::SCHEMA_NAMES {
            return Err(Malformed("a schema has too many fields"));
        }
        Ok(out)
    }

    /// Reads what [`Schema::encode`] wrote, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Schema, Malformed> {
        let mut reader = ByteReader::new(bytes);
        let mut schema = Schema::new(reader.varint_max(limits::SCHEMA_DEPTH as u64)? as usize);
        schema.take_field(&mut reader, ROOT, 0)?;
        reader.end()?;
        if schema.fields.iter().map(|field| field.name.len()).sum::<usize>() > limits::SCHEMA_NAMES {
            return Err(Malformed("the names of the fields are too long"));
        }
        Ok(schema)
    }

    /// Recursion is bounded by the depth.
    fn take_field(&mut self, reader: &mut ByteReader<'_>, index: usize, level: usize) -> Result<(), Malformed> {
        let bits = reader.varint_max((1 << Type::ALL.len()) - 1)?;
        for kind in Type::ALL.into_iter().filter(|&t| bits >> t as u64 & 1 == 1) {
            let count = reader.varint_max(i64::MAX as u64)?;
            if count == 0 {
                return Err(Malformed("a schema has a count of zero"));
            }
            self.fields[index].counts[kind as usize] = count as i64;
        }
        let children = reader.count(3)?;
        if children > 0 && level == self.depth {
            return Err(Malformed("a field is deeper than its schema"));
        }
        if children == 0 && bits == 0 && level > 0 {
            return Err(Malformed("a schema has a field without values"));
        }
        let mut last: Option<&str> = None;
        for _ in 0..children {
            let name = reader.text()?;
            if last.is_some_and(|last| last >= name) {
                return Err(Malformed("the fields are out of order"));
            }
            if name.len() > limits::FIELD_NAME {
                return Err(Malformed("the name of a field is too long"));
            }
            if self.fields.len() == limits::SCHEMA_FIELDS {
                return Err(Malformed("a schema has too many fields"));
            }
            last = Some(name);
            let child = self.fields.len();
            self.fields.push(SchemaField::new(name));
            self.fields[index].children.insert(name.into(), child);
            self.take_field(reader, child, level + 1)?;
        }
        Ok(())
    }
}
