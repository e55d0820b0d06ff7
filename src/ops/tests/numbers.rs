//! Which numbers versions get, and which revisions find them.

use super::*;
use crate::error::ErrorKind;
use crate::object::version::ChangeType;
use crate::ops::commit::{Bump, CommitOutcome};
use crate::repo::revision;

impl Bench {
    /// Commits what differs in so many of a hundred equal files; returns number and change type.
    fn commit_change(
        &self,
        seed: u64,
        files: u64,
        change: impl FnOnce(&mut commit::CommitOptions),
    ) -> Result<(String, ChangeType)> {
        (0..files).for_each(|n| self.write(&format!("f{n:02}"), lines(seed * 1000 + n, 4)));
        let report = self.commit(change)?;
        assert_eq!(report.outcome, CommitOutcome::Created);
        Ok((report.version.version.to_string(), report.version.change_type))
    }

    fn named(&self, revision: &str) -> String {
        revision::version(&self.repo(), revision).map_or_else(|e| e.kind().as_str().to_owned(), |f| f.version.number.to_string())
    }
}

fn is(number: &str, change: ChangeType) -> (String, ChangeType) {
    (number.to_owned(), change)
}

#[test]
fn a_first_version_is_1_0_0_and_major() {
    for bump in [Bump::Auto, Bump::As(ChangeType::Patch), Bump::As(ChangeType::Minor)] {
        let first = Bench::new().commit_change(0, 3, |o| o.bump = bump).unwrap();
        assert_eq!(first, is("1.0.0", ChangeType::Major));
    }
    let asked = Bench::new().commit_change(0, 3, |o| o.version = Some(number("0.1.0"))).unwrap();
    assert_eq!(asked, is("0.1.0", ChangeType::Major));
}

#[test]
fn after_a_pre_release_comes_its_release_or_more() {
    let bench = Bench::new();
    bench.commit_change(0, 100, |_| {}).unwrap();
    let asked = bench.commit_change(1, 5, |o| o.version = Some(number("1.3.0-rc.1"))).unwrap();
    assert_eq!(asked, is("1.3.0-rc.1", ChangeType::Patch));
    for (seed, files, expected) in
        [(2, 5, is("1.3.0", ChangeType::Patch)), (3, 30, is("1.3.0", ChangeType::Minor)), (4, 90, is("2.0.0", ChangeType::Major))]
    {
        assert_eq!(bench.copy().commit_change(seed, files, |_| {}).unwrap(), expected);
    }
    // The same data under the number that was announced.
    let released = bench.copy();
    assert_eq!(released.commit(|_| {}).unwrap().outcome, CommitOutcome::Unchanged);
    assert_eq!(released.commit(|o| o.allow_empty = true).unwrap().version.version, number("1.3.0"));
    let next = bench.copy().commit_change(5, 5, |o| o.version = Some(number("1.3.0-rc.2"))).unwrap();
    assert_eq!(next, is("1.3.0-rc.2", ChangeType::Patch));
    bench.commit_change(6, 90, |o| o.version = Some(number("2.0.0-rc.1"))).unwrap();
    assert_eq!(bench.commit_change(7, 90, |_| {}).unwrap(), is("2.0.0", ChangeType::Major));
}

#[test]
fn the_latest_is_the_highest_release() {
    let bench = Bench::new();
    bench.commit_change(0, 3, |o| o.version = Some(number("1.0.0-beta.2"))).unwrap();
    bench.commit_change(1, 3, |o| o.version = Some(number("1.0.0-beta.11"))).unwrap();
    assert_eq!(bench.named("latest"), "1.0.0-beta.11", "there is no release yet");
    bench.commit_change(2, 3, |o| o.version = Some(number("1.1.0"))).unwrap();
    bench.commit_change(3, 3, |o| o.version = Some(number("2.0.0-rc.1"))).unwrap();
    // Newer by the clock, lower by the number.
    let lower = |o: &mut commit::CommitOptions| (o.parent, o.version) = (Some("1.0.0-beta.11".into()), Some(number("1.0.5")));
    bench.commit_change(4, 3, lower).unwrap();
    for (revision, expected) in [
        ("latest", "1.1.0"),
        ("ds@latest", "1.1.0"),
        ("1", "1.1.0"),
        ("1.0", "1.0.5"),
        ("2", "2.0.0-rc.1"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("ds@v2.0.0-rc.1", "2.0.0-rc.1"),
        ("2.0.0-rc.1~1", "1.1.0"),
        ("2.0.0-rc.1~2", "1.0.0-beta.11"),
        ("latest~2", "1.0.0-beta.2"),
        ("2.0.0", "version-not-found"),
        ("1.1.0-rc.1", "version-not-found"),
        ("1.1.0+build", "version-not-found"),
    ] {
        assert_eq!(bench.named(revision), expected, "{revision}");
    }
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("x"), "y").unwrap();
    let report = bench.commit(|o| o.from = Some(other.path().to_owned())).unwrap();
    assert_eq!(report.version.parent_version, Some(number("1.1.0")), "a folder follows on the latest");
}

#[test]
fn a_number_that_is_too_low_or_taken_is_refused_with_a_free_one() {
    let bench = Bench::new();
    bench.commit_change(0, 100, |_| {}).unwrap();
    bench.commit_change(1, 5, |_| {}).unwrap();
    bench.commit_change(2, 5, |o| o.version = Some(number("1.1.0"))).unwrap();
    bench.write("f00", "new");
    for (asked, kind, free) in [
        ("1.0.0", ErrorKind::VersionExists, "1.1.1"),
        ("1.0.1", ErrorKind::VersionExists, "1.1.1"),
        ("0.9.0", ErrorKind::Conflict, "1.1.1"),
        ("1.0.7", ErrorKind::Conflict, "1.1.1"),
        ("1.1.0-rc.1", ErrorKind::Conflict, "1.1.1"),
    ] {
        let error = bench.commit(|o| o.version = Some(number(asked))).unwrap_err();
        assert_eq!(error.kind(), kind, "{asked}");
        assert_eq!(error.hint(), Some(&*format!("the next free number is {free}")), "{asked}");
    }
    // From another parent, whose next number is taken.
    let error = bench.commit(|o| (o.parent, o.version) = (Some("1.0.0".into()), Some(number("1.1.0")))).unwrap_err();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::VersionExists, Some("the next free number is 1.0.2")));
    assert_eq!(bench.commit(|o| o.parent = Some("1.0.0".into())).unwrap().version.version, number("1.0.2"));
    // Too low is too low also where nothing is new.
    let error = bench.commit(|o| o.version = Some(number("0.1.0"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn the_highest_number_of_all_has_no_next() {
    let bench = Bench::new();
    let highest = format!("{0}.{0}.{0}", u64::MAX);
    bench.commit_change(0, 3, |o| o.version = Some(number(&highest))).unwrap();
    bench.write("f00", "new");
    let error = bench.commit(|_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
}
