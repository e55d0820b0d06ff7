//! Files that no reader can look into: those that stand for data that is elsewhere, which a clone or a download leaves
//! where the data was expected, and those whose first bytes are of another kind than their names say.

use super::{Compression, ReaderSpec, RecordFormat};

/// The kinds of files that are not read from front to back.
const COLUMNAR: [&str; 2] = ["a Parquet file", "an Arrow file"];
/// Most bytes of a file that stands for data.
const MAX: usize = 4 << 10;

/// Returns why no reader can look into a file that begins so, once unpacked, and what to do; `bytes` are all that it has
/// where it is `whole`.
pub(super) fn cause(spec: &ReaderSpec, bytes: &[u8], whole: bool) -> Option<String> {
    if whole && let Some(cause) = placeholder(spec, bytes) {
        return Some(cause.to_owned());
    }
    if is_utf_32(bytes) {
        return Some("UTF-32 is not supported: convert it to UTF-8 (iconv -f UTF-32 -t UTF-8)".to_owned());
    }
    if !matches!(spec.format, RecordFormat::Whole | RecordFormat::Archive) && is_html(bytes) {
        return Some("this is an HTML page, not the data; the download may have failed".to_owned());
    }
    let kind = kind(bytes);
    match spec.format {
        RecordFormat::Whole => {
            let name = spec.compression.name();
            return kind
                .filter(|_| spec.compression != Compression::None)
                .filter(|kind| COLUMNAR.contains(kind))
                .map(|kind| format!("this is {kind} compressed with {name}, which is not supported: decompress it"));
        }
        RecordFormat::Archive => {
            let kind = kind.unwrap_or("an archive or compressed file");
            return Some(format!(
                "this is {kind}, which is not supported: unpack it and commit its files, or treat it as one sample \
                 with \"GLOB\" = \"text\" in [dataset.NAME.format]"
            ));
        }
        _ => {}
    }
    let format = spec.format.name();
    if let Some(compression) = Compression::of_magic(bytes) {
        let name = compression.name();
        return Some(match spec.format {
            RecordFormat::Parquet | RecordFormat::Arrow => {
                format!("this is compressed with {name}: decompress it, compressed {format} files are not supported")
            }
            _ if spec.compression != Compression::None => {
                format!("this is compressed twice, the second time with {name}: decompress it")
            }
            _ => format!(
                "this is compressed with {name}: set the compression in [dataset.NAME.format], as in \"GLOB\" = \"jsonl.{}\"",
                compression.ending()
            ),
        });
    }
    let is_columnar = matches!(spec.format, RecordFormat::Parquet | RecordFormat::Arrow);
    if is_columnar && kind.is_none() && is_lines_of_text(bytes) {
        return Some(format!("this is text, not {format}: set \"GLOB\" = \"jsonl\" or \"csv\" in [dataset.NAME.format]"));
    }
    match kind? {
        "a tar archive" if spec.format == RecordFormat::Tar => None,
        "a tar archive" => Some(format!("this is a tar archive, not {format}: set \"GLOB\" = \"tar\" in [dataset.NAME.format]")),
        "a Parquet file" if spec.format == RecordFormat::Parquet => None,
        "an Arrow file" if spec.format == RecordFormat::Arrow => None,
        "an Arrow file" => {
            Some(format!("this is an Arrow file, not {format}: set \"GLOB\" = \"arrow\" in [dataset.NAME.format]"))
        }
        "a Parquet file" => {
            Some(format!("this is a Parquet file, not {format}: set \"GLOB\" = \"parquet\" in [dataset.NAME.format]"))
        }
        kind if kind.contains(" compressed with ") || kind.ends_with(" archive") => {
            Some(format!("this is {kind}, not {format}: unpack it and commit its files"))
        }
        kind => Some(format!("this is {kind}, not {format}: replace it with the data, or list it in .hlxignore")),
    }
}

/// Returns why a file that begins so is not packed as its name or `helox.toml` says, and what to do. One that is neither
/// text nor packed otherwise is damaged.
pub(super) fn compression_cause(spec: &ReaderSpec, head: &[u8]) -> Option<String> {
    let stated = Some(spec.compression).filter(|&compression| compression != Compression::None)?;
    let format = match spec.format {
        RecordFormat::Jsonl => "jsonl",
        RecordFormat::Json => "json",
        RecordFormat::Csv => "csv",
        RecordFormat::Tsv => "tsv",
        RecordFormat::Tar => "tar",
        _ => "text",
    };
    let name = stated.name();
    match Compression::of_magic(head) {
        Some(compression) if compression == stated => None,
        Some(compression) => Some(format!(
            "this is compressed with {}, not {name}: set it in [dataset.NAME.format]: \"FILE\" = \"{format}.{}\"",
            compression.name(),
            compression.ending()
        )),
        None => {
            let text = std::str::from_utf8(head);
            let is_text = text.map_or_else(|why| why.error_len().is_none(), |_| true) && !head.contains(&0);
            (is_text && !head.is_empty()).then(|| {
                let (source, or) = if spec.origin.stated {
                    ("helox.toml specifies it", "")
                } else {
                    ("its name indicates it", "rename it, or ")
                };
                format!(
                    "this is not compressed with {name}, although {source}: {or}set it in [dataset.NAME.format]: \
                     \"FILE\" = \"{format}\""
                )
            })
        }
    }
}

/// Returns true if bytes begin with a byte order mark of UTF-32 and are characters in it.
fn is_utf_32(bytes: &[u8]) -> bool {
    let of: fn([u8; 4]) -> u32 = match bytes {
        [0xff, 0xfe, 0, 0, ..] => u32::from_le_bytes,
        [0, 0, 0xfe, 0xff, ..] => u32::from_be_bytes,
        _ => return false,
    };
    let (units, _) = bytes.as_chunks::<4>();
    units.iter().all(|&unit| of(unit) != 0 && char::from_u32(of(unit)).is_some())
}

/// Returns true for the first bytes of a file that is no text, whatever its name says: packed, an archive, an image.
pub fn is_of_another_kind(bytes: &[u8]) -> bool {
    kind(bytes).is_some() || Compression::of_magic(bytes).is_some()
}

/// Returns the kind of a file whose first bytes no text has.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => "a ZIP archive",
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => "a RAR archive",
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => "a 7z archive",
        _ if bytes.get(257..262) == Some(b"ustar") => "a tar archive",
        [b'%', b'P', b'D', b'F', b'-', ..] => "a PDF document",
        [0x89, b'P', b'N', b'G', ..] => "a PNG image",
        [0xff, 0xd8, 0xff, ..] => "a JPEG image",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "a GIF image",
        [0x89, b'H', b'D', b'F', ..] => "an HDF5 file",
        [b'P', b'A', b'R', b'1', rest @ ..] if rest.contains(&0) => "a Parquet file",
        [0x1f, 0x9d, 0x80..=0x90, ..] => "a file compressed with compress",
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => "a file compressed with zstd or lz4",
        [b']', 0, 0, ..] => "a file compressed with LZMA",
        [b'L', b'Z', b'I', b'P', 0 | 1, ..] => "a file compressed with lzip",
        [0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y', ..] => "a file compressed with Snappy",
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => "a cabinet archive",
        _ if bytes.starts_with(b"SQLite format 3\0") => "an SQLite database",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "a NumPy array",
        [0x80, 4 | 5, 0x95, ..] | [0x80, 2 | 3, b'}' | b']' | b'c' | b'(', ..] => "a Python pickle",
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => "an old Office document",
        [b'O', b'b', b'j', 1, ..] => "an Avro file",
        _ if bytes.starts_with(b"ARROW1\0\0") => "an Arrow file",
        // A stream: the length of its schema, and where the table of that begins.
        [0xff, 0xff, 0xff, 0xff, _, _, _, 0, 16, 0, 0, 0, ..] => "an Arrow file",
        _ => return None,
    })
}

/// Returns true for bytes that begin with a line of text.
fn is_lines_of_text(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return false };
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    !line.is_empty() && std::str::from_utf8(line).is_ok_and(|line| !line.contains(|c: char| c.is_control() && c != '\t'))
}

/// Returns true for bytes that begin as an HTML page does.
fn is_html(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let begins = |tag: &[u8]| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    begins(b"<!doctype html") || begins(b"<html")
}

/// Returns what a file stands for, by all its bytes, and how to get the data.
fn placeholder(spec: &ReaderSpec, bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > MAX {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?.trim_start();
    let is_data = !matches!(spec.format, RecordFormat::Whole | RecordFormat::Archive);
    Some(match text {
        _ if text.starts_with("version https://git-lfs.github.com/spec/") => {
            "this is a git-lfs pointer, not the data; run 'git lfs pull' first"
        }
        _ if text.starts_with("# xet version ") => "this is a git-xet pointer, not the data; fetch the data first",
        _ if text.trim_end().lines().count() == 1 && text.contains("/annex/objects/") => {
            "this is a git-annex pointer, not the data; run 'git annex get' first"
        }
        _ if text.starts_with("outs:\n- ") && text.contains("\n  path: ") => {
            "this is a DVC pointer, not the data; run 'dvc pull' and commit the file that it points to"
        }
        _ if is_data && text.contains("<Error>") && text.contains("<Code>") => {
            "this is an error response of an object store, not the data; the download failed"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_named() {
        let named = |path: &str, text: &str| cause(&ReaderSpec::of(path), text.as_bytes(), true);
        let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n";
        for path in ["x.parquet", "y.csv", "z.txt"] {
            assert!(named(path, lfs).unwrap().contains("git-lfs"), "{path}");
        }
        let dvc = "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  size: 3\n  path: data.csv\n";
        assert!(named("data.csv.dvc", dvc).unwrap().contains("DVC"));
        assert!(named("x", "/annex/objects/MD5E-s3--d41d8cd98f00b204e9800998ecf8427e.csv\n").unwrap().contains("annex"));
        assert!(named("x.csv", "<!DOCTYPE html><title>Log in</title>").unwrap().contains("HTML"));
        assert!(cause(&ReaderSpec::of("x.csv"), b"\n<html>\n", false).unwrap().contains("HTML"), "a page of any length");
        assert!(named("x.json", "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>").is_some());
        for (path, text) in
            [("x.html", "<!DOCTYPE html>"), ("x.csv", "version,url\n1,https://git-lfs.github.com/spec/v1\n"), ("x", "")]
        {
            assert_eq!(named(path, text), None, "{path}");
        }
        assert_eq!(named("x.txt", &lfs.repeat(MAX / lfs.len() + 1)), None);
        assert_eq!(cause(&ReaderSpec::of("x.csv"), lfs.as_bytes(), false), None);
    }

    #[test]
    fn text_in_utf_32_is_named() {
        let utf_32 = |text: &str, of: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| of(c as u32)).collect::<Vec<u8>>();
        for path in ["a.txt", "a.jsonl", "a.csv.gz"] {
            let named = |bytes: &[u8]| cause(&ReaderSpec::of(path), bytes, true).is_some_and(|cause| cause.contains("UTF-32"));
            assert!(named(&utf_32("\u{feff}{\"a\": \"é😀\"}", u32::to_le_bytes)), "{path}");
            assert!(named(&utf_32("\u{feff}x", u32::to_be_bytes)), "{path}");
            assert!(!named(&utf_32("x", u32::to_le_bytes)), "{path}");
            assert!(!named(b"\xff\xfe\0\0\xff\xff\xff\xff"), "{path}");
        }
    }

    #[test]
    fn a_file_that_is_not_packed_as_its_name_says_is_named() {
        let named = |path: &str, head: &[u8]| compression_cause(&ReaderSpec::of(path), head).unwrap_or_default();
        assert!(named("a.json.gz", b"[{\"a\": 1}]").ends_with("\"FILE\" = \"json\""));
        assert!(named("a.txt.zst", "plain é".as_bytes()).contains("not compressed with zstd"));
        assert!(
            named("a.csv.bz2", b"\x1f\x8b\x08")
                .ends_with("compressed with gzip, not bzip2: set it in [dataset.NAME.format]: \"FILE\" = \"csv.gz\"")
        );
        for (path, head) in
            [("a.json.gz", &b"\x1f\x8b\x08"[..]), ("a.gz", b""), ("a.gz", b"a\0b"), ("a.json", b"{}"), ("a.gz", b"\xff")]
        {
            assert_eq!(named(path, head), "", "{path}");
        }
    }

    #[test]
    fn bytes_of_another_kind_are_named() {
        let named = |path: &str, bytes: &[u8]| cause(&ReaderSpec::of(path), bytes, false).unwrap_or_default();
        assert!(named("a.jsonl", b"PK\x03\x04").starts_with("this is a ZIP archive, not JSON Lines: "));
        assert!(named("a.csv", b"%PDF-1.7").starts_with("this is a PDF document, not CSV: "));
        assert!(named("a.csv", b"PAR1\x15\0").contains("set \"GLOB\" = \"parquet\""));
        assert!(named("a.parquet", b"\x1f\x8b\x08").contains("compressed with gzip: decompress it"));
        assert!(named("a.jsonl.gz", b"\x1f\x8b\x08").contains("compressed twice"));
        assert!(named("a.csv", b"\x1f\x9d\x90").starts_with("this is a file compressed with compress, not CSV: "));
        assert!(
            named("a.csv.Z", b"\x1f\x9d\x90").starts_with("this is a file compressed with compress, which is not supported: ")
        );
        assert!(named("a.jsonl", b"\xff\xff\xff\xff\x80\x01\0\0\x10\0\0\0").contains("set \"GLOB\" = \"arrow\""));
        assert!(named("a.parquet", b"{\"a\":1}\n").contains("this is text, not Parquet: set \"GLOB\" = \"jsonl\""));
        assert!(named("a.arrow", b"a\tb\r\n1\t2\r\n").contains("this is text, not Arrow"));
        assert!(named("a.jsonl", b"\x80\x04\x95\0").contains("a Python pickle"));
        assert!(named("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").contains("an old Office document"));
        assert!(named("a.parquet.gz", b"PAR1\x15\0").starts_with("this is a Parquet file compressed with gzip"));
        assert!(named("a.zip", b"PK\x03\x04").starts_with("this is a ZIP archive, which is not supported: "));
        assert!(named("a.br", b"\x0b\x02").starts_with("this is an archive or compressed file, which is not supported: "));
        for (path, bytes) in [
            ("a.parquet", &b"PAR1\x15\0"[..]),
            ("a.png", b"\x89PNG"),
            ("a.docx", b"PK\x03\x04"),
            ("a.csv", b"PAR1,PAR2\n"),
            ("a.jsonl", b"{}"),
        ] {
            assert_eq!(named(path, bytes), "", "{path}");
        }
    }
}
