//! Files that stand for data that is elsewhere: what a clone or a download leaves where the data was expected.

use super::{Format, Reading};

/// Most bytes of such a file.
const MAX: usize = 4 << 10;

/// Returns what a file stands for, by all its bytes, and how to get the data.
pub fn placeholder(reading: &Reading, bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > MAX {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?.trim_start();
    let is_data = reading.format != Format::Whole;
    let begins = |tag: &str| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    Some(match text {
        _ if text.starts_with("version https://git-lfs.github.com/spec/") => {
            "this is a git-lfs pointer, not the data; run 'git lfs pull' first"
        }
        _ if text.starts_with("# xet version ") => "this is a pointer of git-xet, not the data; fetch the data first",
        _ if text.trim_end().lines().count() == 1 && text.contains("/annex/objects/") => {
            "this is a git-annex pointer, not the data; run 'git annex get' first"
        }
        _ if text.starts_with("outs:\n- ") && text.contains("\n  path: ") => {
            "this is a DVC pointer, not the data; run 'dvc pull' and commit the file it names"
        }
        _ if is_data && (begins("<!doctype html") || begins("<html")) => {
            "this is an HTML page, not the data; the download may have failed"
        }
        _ if is_data && text.contains("<Error>") && text.contains("<Code>") => {
            "this is the error of an object store, not the data; the download failed"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_named() {
        let named = |path: &str, text: &str| placeholder(&Reading::of(path), text.as_bytes());
        let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n";
        for path in ["x.parquet", "y.csv", "z.txt"] {
            assert!(named(path, lfs).unwrap().contains("git-lfs"), "{path}");
        }
        let dvc = "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  size: 3\n  path: data.csv\n";
        assert!(named("data.csv.dvc", dvc).unwrap().contains("DVC"));
        assert!(named("x", "/annex/objects/MD5E-s3--d41d8cd98f00b204e9800998ecf8427e.csv\n").unwrap().contains("annex"));
        assert!(named("x.csv", "<!DOCTYPE html><title>Log in</title>").unwrap().contains("HTML"));
        assert!(named("x.json", "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>").is_some());
        for (path, text) in
            [("x.html", "<!DOCTYPE html>"), ("x.csv", "version,url\n1,https://git-lfs.github.com/spec/v1\n"), ("x", "")]
        {
            assert_eq!(named(path, text), None, "{path}");
        }
        assert_eq!(placeholder(&Reading::of("x.csv"), &[b'a'; MAX + 1]), None);
    }
}
