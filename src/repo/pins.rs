//! `helox.lock`: the version of each dataset that the workspace has. A text file for git, specified in
//! `docs/configuration.md`.
//!
//! A dataset is a block of its own, and blocks are in the order of their names, so that git merges changes of different
//! datasets.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{atomic, lock};
use crate::id::{Id, VersionId};
use crate::object::checksum::Checksum;
use crate::object::version::{Version, VersionNumber};
use crate::refs::names;

/// The name of the file.
pub const LOCK: &str = "helox.lock";

const HEAD: &str = "# The version of each dataset, for git. hlx commit and hlx checkout write this file; hlx pull reads it.\n";

/// The pinned version of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The number.
    pub version: VersionNumber,
    /// The version.
    pub id: Id<VersionId>,
    /// The data checksum of the version.
    pub data_checksum: Checksum,
}

impl Pin {
    /// Returns the pin of a version.
    pub fn of(id: Id<VersionId>, version: &Version) -> Pin {
        Pin { version: version.number.clone(), id, data_checksum: version.data_checksum }
    }
}

/// The pinned versions of a repository, by the names of their datasets.
pub type Pins = BTreeMap<String, Pin>;

/// Reads the pins of the repository in a folder; none if it has no file of them.
///
/// # Errors
/// `ErrorKind::Config` for a file that is not of the specified form, such as one that git could not merge.
pub fn load(root: &Path) -> Result<Pins> {
    let path = root.join(LOCK);
    let Some(bytes) = atomic::read(&path)? else { return Ok(Pins::new()) };
    let wrong = |what: String| {
        Error::new(ErrorKind::Config, format!("{}: {what}", path.display()))
            .with_hint("resolve it in git, or remove the file and check out the version: hlx checkout NAME@REV")
    };
    let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8".into()))?;
    if text.lines().any(|line| line.starts_with("<<<<<<< ")) {
        return Err(wrong("it has conflict markers of git".into()));
    }
    let document: toml_edit::DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| wrong(e.message().to_owned()))?;
    let mut pins = Pins::new();
    for (key, item) in document.iter() {
        let tables = item.as_table_like().filter(|_| key == "dataset").ok_or_else(|| wrong(format!("unknown key '{key}'")))?;
        for (name, item) in tables.iter() {
            let pin = names::is_dataset(name).then(|| pin(item)).flatten();
            pins.insert(name.to_owned(), pin.ok_or_else(|| wrong(format!("[dataset.{name}] does not pin a version")))?);
        }
    }
    Ok(pins)
}

fn pin(item: &toml_edit::Item) -> Option<Pin> {
    let table = item.as_table_like()?;
    let text = |key: &str| table.get(key)?.as_str();
    let pin = Pin {
        version: VersionNumber::parse(text("version")?).ok()?,
        id: Id::from_hex(text("id")?)?,
        data_checksum: Checksum::from_hex(text("data_checksum")?)?,
    };
    (table.len() == 3).then_some(pin)
}

/// Pins a version of a dataset. Nothing is written if it is pinned already.
///
/// # Errors
/// `ErrorKind::Config` for a file that cannot be parsed; `Io` if it cannot be written.
pub fn set(root: &Path, tmp: &Path, dataset: &str, pin: Pin) -> Result<()> {
    let _lock = lock::exclusive(&tmp.with_file_name("config.lock"))?;
    let mut pins = load(root)?;
    if pins.get(dataset) == Some(&pin) {
        return Ok(());
    }
    pins.insert(dataset.to_owned(), pin);
    let mut text = HEAD.to_owned();
    for (name, Pin { version, id, data_checksum }) in &pins {
        let name = toml_edit::Key::new(name);
        text += &format!("\n[dataset.{name}]\nversion = \"{version}\"\nid = \"{id}\"\ndata_checksum = \"{data_checksum}\"\n");
    }
    atomic::replace(tmp, &root.join(LOCK), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(n: u8) -> Pin {
        Pin { version: VersionNumber::parse(&format!("1.{n}.0")).unwrap(), id: Id::of(&[n]), data_checksum: Checksum::of(&[n]) }
    }

    #[test]
    fn pins_come_back_sorted_and_anything_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let tmp = root.join(".helox/tmp");
        std::fs::create_dir_all(&tmp).unwrap();
        assert_eq!(load(root).unwrap(), Pins::new());
        set(root, &tmp, "notices", pin(1)).unwrap();
        set(root, &tmp, "leases.2024", pin(2)).unwrap();
        set(root, &tmp, "notices", pin(3)).unwrap();
        assert_eq!(load(root).unwrap(), Pins::from([("leases.2024".into(), pin(2)), ("notices".into(), pin(3))]));
        let text = std::fs::read_to_string(root.join(LOCK)).unwrap();
        assert!(text.find("leases.2024") < text.find("notices"), "{text}");
        let conflict = text.replace("version = \"1.3.0\"", "<<<<<<< ours\nversion = \"1.3.0\"\n=======");
        for bad in [&conflict, "[dataset.x]\nversion = \"1.0.0\"\n", "x = 1", "\u{0}", &text.replace("1.3.0", "one")] {
            std::fs::write(root.join(LOCK), bad).unwrap();
            assert_eq!(load(root).unwrap_err().kind(), ErrorKind::Config, "{bad}");
        }
    }
}
