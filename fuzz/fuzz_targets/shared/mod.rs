//! The repository whose rules read the input.

use std::cell::OnceCell;
use std::fs;

use helox::ops::{init, validate};
use helox::{NoProgress, Repo};

const RULES: &str = r#"
[dataset.ds]
type = "fuzz"
path = "data"
key = "/id"
max_record = 65536
"#;

const KINDS: [&str; 5] = ["parse", "encoding", "duplicates", "pii", "empty"];

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

fn create() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    init::run(&init::InitOptions { dir: folder.path().to_owned(), name: None, kind: None, new: false }).unwrap();
    let rules = KINDS.map(|kind| format!("\n[[dataset.ds.validation.rule]]\nkind = \"{kind}\"\n"));
    fs::write(folder.path().join("helox.toml"), RULES.to_owned() + &rules.concat()).unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    folder
}

/// Validates a file of the input, whose first byte chooses the ending: any bytes are read without an error of the program.
pub fn validate_file(input: &[u8], endings: &[&str]) {
    let Some((ending, bytes)) = input.split_first() else { return };
    FOLDER.with(|folder| {
        let root = folder.get_or_init(create).path();
        let file = root.join("data").join(format!("a.{}", endings[usize::from(*ending) % endings.len()]));
        fs::write(&file, bytes).unwrap();
        let repo = Repo::open(root).unwrap();
        let validated = validate::run(&repo, &validate::ValidateOptions::default(), &NoProgress);
        fs::remove_file(&file).unwrap();
        validated.unwrap();
    });
}
