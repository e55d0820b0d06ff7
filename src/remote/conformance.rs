//! The tests that every kind of remote passes.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Barrier;

use super::api::{Remote, RemoteFile};
use super::honours_create;
use crate::clock::Time;
use crate::error::{Error, ErrorKind};
use crate::fs::atomic::Created;

/// Bytes of a file that is uploaded in several parts.
const LARGE: usize = (33 << 20) + 7;
/// Files of a list that has several pages.
const MANY: usize = 1_003;

/// Checks an empty remote, which is empty afterwards.
pub(super) fn check(remote: &dyn Remote) {
    assert_eq!(remote.traffic(), super::Traffic::default());
    missing_files(remote);
    small_files(remote);
    limits_and_ranges(remote);
    a_name_is_created_once(remote);
    hostile_names(remote);
    uploads(remote);
    lists(remote);
    assert!(honours_create(remote).unwrap());
    assert_eq!(list(remote, ""), []);
    assert!(remote.traffic().requests > 10);
}

fn list(remote: &dyn Remote, folder: &str) -> Vec<RemoteFile> {
    let mut files = Vec::new();
    remote
        .list(folder, &mut |file| {
            files.push(file);
            Ok(())
        })
        .unwrap();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn missing_files(remote: &dyn Remote) {
    for name in ["none", "no/such/file"] {
        assert_eq!(remote.read(name, 10).unwrap(), None);
        assert_eq!(remote.size(name).unwrap(), None);
        assert_eq!(remote.read_range(name, 0..1).unwrap_err().kind(), ErrorKind::Damaged);
        remote.remove(name).unwrap();
    }
    assert_eq!(list(remote, "no/such"), []);
}

fn small_files(remote: &dyn Remote) {
    for (name, bytes) in [("a/empty", &b""[..]), ("a/b.c_d-e+f@g=h", b"\0\xff\r\n"), ("format", b"helox")] {
        remote.write(name, b"an older one".to_vec()).unwrap();
        remote.write(name, bytes.to_vec()).unwrap();
        assert_eq!(remote.read(name, 100).unwrap().unwrap(), bytes);
        assert_eq!(remote.size(name).unwrap(), Some(bytes.len() as u64));
    }
    assert_eq!(remote.size("a").unwrap_or(None), None, "a folder does not count as a file");
    for name in ["a/empty", "a/b.c_d-e+f@g=h", "format"] {
        remote.remove(name).unwrap();
        assert_eq!(remote.read(name, 100).unwrap(), None);
        remote.remove(name).unwrap();
    }
}

fn limits_and_ranges(remote: &dyn Remote) {
    let bytes: Vec<u8> = (0..=255).collect();
    remote.write("ranges", bytes.clone()).unwrap();
    assert_eq!(remote.read("ranges", 256).unwrap().unwrap(), bytes);
    for limit in [0, 255] {
        assert_eq!(remote.read("ranges", limit).unwrap_err().kind(), ErrorKind::Damaged, "{limit}");
    }
    for range in [0..256, 0..1, 255..256, 100..200, 7..7, 256..256] {
        let part = remote.read_range("ranges", range.clone()).unwrap();
        assert_eq!(part, bytes[range.start as usize..range.end as usize], "{range:?}");
    }
    for range in [0..257, 255..300, 300..400] {
        assert_eq!(remote.read_range("ranges", range.clone()).unwrap_err().kind(), ErrorKind::Damaged, "{range:?}");
    }
    remote.remove("ranges").unwrap();
    remote.write("none", Vec::new()).unwrap();
    assert_eq!(remote.read("none", 0).unwrap().unwrap(), b"");
    assert_eq!(remote.read_range("none", 0..1).unwrap_err().kind(), ErrorKind::Damaged);
    remote.remove("none").unwrap();
}

/// Eight threads create the same names at once: of each, one succeeds, and the file has its bytes.
fn a_name_is_created_once(remote: &dyn Remote) {
    for round in 0..4 {
        let (name, barrier) = (format!("refs/versions/race/{round}"), Barrier::new(8));
        let outcomes: BTreeMap<u8, Created> = std::thread::scope(|scope| {
            let create = |n: u8| {
                barrier.wait();
                (n, remote.create(&name, &[n; 40]).unwrap())
            };
            let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || create(n))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<u8> = outcomes.iter().filter(|(_, created)| **created == Created::New).map(|(n, _)| *n).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        assert_eq!(remote.read(&name, 100).unwrap().unwrap(), [winners[0]; 40]);
        assert_eq!(remote.create(&name, b"later").unwrap(), Created::Exists);
        remote.remove(&name).unwrap();
    }
    assert_eq!(remote.create("refs/none", b"").unwrap(), Created::New);
    assert_eq!(remote.create("refs/none", b"x").unwrap(), Created::Exists);
    remote.remove("refs/none").unwrap();
}

fn hostile_names(remote: &dyn Remote) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    for name in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a\\b", "a b", "a\0b", "a\nb", "a?b", "a%2e", "ä"] {
        let outcomes = [
            remote.read(name, 1).err(),
            remote.read_range(name, 0..1).err(),
            remote.create(name, b"x").err(),
            remote.write(name, b"x".to_vec()).err(),
            remote.upload(name, &file, &|_| Ok(())).err(),
            remote.size(name).err(),
            remote.remove(name).err(),
        ];
        for error in outcomes {
            assert_eq!(error.map(|e| e.kind()), Some(ErrorKind::Usage), "{name:?}");
        }
    }
    assert_eq!(list(remote, ""), []);
}

fn uploads(remote: &dyn Remote) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    let bytes: Vec<u8> = (0..LARGE).map(|n| (n * 31 % 251) as u8).collect();
    for len in [0, 1, 5 << 20, LARGE] {
        fs::write(&file, &bytes[..len]).unwrap();
        let most = std::sync::atomic::AtomicU64::new(0);
        let progress = |sent| {
            most.fetch_max(sent, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        };
        remote.upload("packs/data/file", &file, &progress).unwrap();
        assert_eq!(most.into_inner(), len as u64);
        assert_eq!(remote.size("packs/data/file").unwrap(), Some(len as u64));
        assert!(remote.read("packs/data/file", LARGE as u64).unwrap().unwrap() == bytes[..len]);
    }
    let (start, end) = (LARGE - 1_000, LARGE);
    assert_eq!(remote.read_range("packs/data/file", start as u64..end as u64).unwrap(), bytes[start..end]);
    let ended = remote.upload("packs/data/other", &file, &|sent| match sent {
        0 => Ok(()),
        _ => Err(Error::interrupted()),
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Interrupted);
    let missing = remote.upload("packs/data/other", &dir.path().join("none"), &|_| Ok(()));
    assert_eq!(missing.map_err(|e| e.kind()), Err(ErrorKind::Io));
    remote.remove("packs/data/other").unwrap();
    remote.remove("packs/data/file").unwrap();
}

fn lists(remote: &dyn Remote) {
    let names: Vec<String> = (0..MANY).map(|n| format!("list/{n:05}")).collect();
    let each = |work: &(dyn Fn(&str) + Sync)| {
        std::thread::scope(|scope| {
            for part in names.chunks(MANY.div_ceil(8)) {
                scope.spawn(|| part.iter().for_each(|name| work(name)));
            }
        });
    };
    let before = Time::now().as_millis() - 60_000;
    each(&|name| remote.write(name, name.as_bytes().to_vec()).unwrap());
    remote.write("list/deep/er/file", b"x".to_vec()).unwrap();
    remote.write("listed", b"x".to_vec()).unwrap();
    remote.write("list-2/file", b"x".to_vec()).unwrap();
    let files = list(remote, "list");
    let listed: Vec<&str> = files.iter().map(|file| &*file.name).collect();
    assert_eq!(listed[..MANY], names);
    assert_eq!(listed[MANY..], ["list/deep/er/file"]);
    assert!(files[..MANY].iter().all(|file| file.size == 10 && file.modified.as_millis() > before), "{:?}", files[0]);
    assert_eq!(list(remote, "").len(), MANY + 3);
    assert_eq!(list(remote, "list/0000").len(), 0, "the beginning of a name does not count as a folder");
    let mut count = 0;
    let ended = remote.list("list", &mut |_| {
        count += 1;
        Err(Error::interrupted())
    });
    assert_eq!((ended.unwrap_err().kind(), count), (ErrorKind::Interrupted, 1));
    each(&|name| remote.remove(name).unwrap());
    for name in ["list/deep/er/file", "listed", "list-2/file"] {
        remote.remove(name).unwrap();
    }
}
