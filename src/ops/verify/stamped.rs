//! A folder with a stamp, such as one of a training job, is compared with the checksum in the stamp: no repository is needed.

use std::path::Path;

use super::VerifyReport;
use crate::check::Problem;
use crate::clock::Time;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::folder::FolderContents;
use crate::progress::{Progress, Stage};

/// Reads every file of a folder and compares them with the stamp of the folder. Symlinks, empty folders and permission bits
/// have no part in the checksum.
///
/// # Errors
/// `ErrorKind::RepositoryNotFound` if the folder has no stamp, or one of a part without a checksum of the part.
pub fn verify_stamped(folder: &Path, progress: &dyn Progress) -> Result<VerifyReport> {
    progress.begin(Stage::Verify, 0, 0);
    let contents = FolderContents::read(folder, progress)?;
    let missing = |reason: &str| {
        Error::new(ErrorKind::RepositoryNotFound, format!("{} {reason}", folder.display()))
            .with_hint(format!("verify it in its repository: hlx -C REPOSITORY verify {}", folder.display()))
    };
    let stamp = contents.stamp.as_ref().ok_or_else(|| missing("does not name its version"))?;
    let expected = match stamp.selection {
        None => Some(stamp.data_checksum),
        Some(_) => stamp.part_checksum,
    };
    let expected = expected.ok_or_else(|| missing("is a part of a version"))?;
    let is_valid = expected == contents.checksum;
    let name = format!("{}@{}", stamp.dataset_name, stamp.version);
    let message = format!("the files are not those of {name}");
    let problem = Problem::new("checksum", message).path(folder.display().to_string()).version(&name);
    Ok(VerifyReport {
        is_valid,
        expected_checksum: Some(expected),
        actual_checksum: Some(contents.checksum),
        validation_timestamp: Time::now(),
        problems: if is_valid { Vec::new() } else { vec![problem] },
        folders: Vec::new(),
        versions: 0,
        versions_left: 0,
        files: contents.files,
        bytes: contents.bytes,
    })
}
