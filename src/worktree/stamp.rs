//! The stamp of a folder outside of a workspace, which names its version. The format is specified in
//! `docs/formats/workspace.md`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::id::{Id, VersionId};
use crate::object::checksum::Checksum;
use crate::object::version::{Version, VersionNumber};
use crate::path::STAMP;
use crate::selection::Selection;

/// The stamp of a folder. Written last, so that a folder that has one is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The version's id.
    pub id: Id<VersionId>,
    /// The data checksum of the whole version.
    pub data_checksum: Checksum,
    /// The part of the version that the folder has; all of it for `None`.
    pub selection: Option<Selection>,
    /// The data checksum of the files of the part, for a folder that came from a remote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_checksum: Option<Checksum>,
    /// The URL of the remote that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
}

impl Stamp {
    /// Returns the stamp of a version, or of a part of it.
    pub fn of(id: Id<VersionId>, version: &Version, selection: Option<Selection>) -> Stamp {
        let (dataset_name, number) = (version.dataset.clone(), version.number.clone());
        Stamp {
            dataset_name,
            version: number,
            id,
            data_checksum: version.data_checksum,
            selection,
            part_checksum: None,
            remote: None,
        }
    }

    /// Reads the stamp of a folder; `None` if it has none.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedInput`] if the file is not of this form.
    pub fn read(folder: &Path) -> Result<Option<Stamp>> {
        let path = folder.join(STAMP);
        let Some(bytes) = atomic::read(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            Error::new(ErrorKind::UnsupportedInput, format!("{} does not name a version: {e}", path.display()))
                .with_hint("remove it, or check out again: hlx checkout REV --into DIR")
        })
    }

    /// Writes it into a folder. Durable when it returns.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|e| Error::damaged(e.to_string()))?;
        bytes.push(b'\n');
        atomic::replace(folder, &folder.join(STAMP), &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_comes_back_and_anything_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Stamp::read(dir.path()).unwrap(), None);
        let selection = Selection { include: vec!["train/**".into()], ..Selection::default() };
        let stamp = Stamp {
            dataset_name: "leases".into(),
            version: VersionNumber::parse("1.2.0-rc.1").unwrap(),
            id: Id::of(b"version"),
            data_checksum: Checksum::of(b"data"),
            selection: Some(selection),
            part_checksum: Some(Checksum::of(b"part")),
            remote: Some("s3://bucket/leases".into()),
        };
        stamp.write(dir.path()).unwrap();
        assert_eq!(Stamp::read(dir.path()).unwrap(), Some(stamp));
        for bad in ["", "{}", "[1]", "{\"dataset_name\":1}"] {
            std::fs::write(dir.path().join(STAMP), bad).unwrap();
            assert_eq!(Stamp::read(dir.path()).unwrap_err().kind(), ErrorKind::UnsupportedInput, "{bad}");
        }
    }
}
