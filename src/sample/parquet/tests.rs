//! Files that the parquet crate writes, read back.

use std::sync::Arc;

use super::error::ReadError;
use super::*;
use crate::sample::{Canonicalizer, Pointer, Side, Type};
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

/// What goes into a column: values, definition levels, repetition levels.
enum Values {
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bytes(Vec<&'static [u8]>),
}
type Written = (Values, Option<Vec<i16>>, Option<Vec<i16>>);

fn file(schema: &str, compression: Compression, groups: &[Vec<Written>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for (values, def, rep) in columns {
            let (def, rep) = (def.as_deref(), rep.as_deref());
            let mut column = group.next_column().unwrap().unwrap();
            match values {
                Values::I32(values) => column.typed::<Int32Type>().write_batch(values, def, rep),
                Values::I64(values) => column.typed::<Int64Type>().write_batch(values, def, rep),
                Values::F32(values) => column.typed::<FloatType>().write_batch(values, def, rep),
                Values::F64(values) => column.typed::<DoubleType>().write_batch(values, def, rep),
                Values::Bytes(values) => {
                    let values: Vec<ByteArray> = values.iter().map(|&value| value.into()).collect();
                    column.typed::<ByteArrayType>().write_batch(&values, def, rep)
                }
            }
            .unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn one(schema: &str, columns: Vec<Written>) -> Vec<u8> {
    file(schema, Compression::UNCOMPRESSED, &[columns])
}

fn open(bytes: Vec<u8>) -> Result<ParquetFile, ReadError> {
    ParquetFile::open(Arc::new(bytes))
}

fn hashes(bytes: Vec<u8>) -> Result<Vec<[u8; 16]>, ReadError> {
    let mut hashes = Vec::new();
    open(bytes)?.rows(&|_| true, &mut |row| hashes.push(row.canonical())).map(|()| hashes)
}

fn people(compression: Compression) -> Vec<u8> {
    let group = |n: i32| {
        let ids: Vec<i32> = (0..n).collect();
        let present = ids.iter().map(|id| (id % 3 != 0) as i16).collect::<Vec<_>>();
        let names = vec![&b"some name"[..]; present.iter().filter(|&&level| level == 1).count()];
        vec![(Values::I32(ids), None, None), (Values::Bytes(names), Some(present), None)]
    };
    file("required int32 id; optional binary name (UTF8);", compression, &[group(3000), group(1), group(500)])
}

#[test]
fn counts_and_columns_stand_in_the_footer() {
    let table = open(people(Compression::SNAPPY)).unwrap();
    assert_eq!(table.count(), 3501);
    let columns: Vec<_> = table.columns().iter().map(|column| (column.path.as_str(), column.kind)).collect();
    assert_eq!(columns, [("/id", Type::Integer), ("/name", Type::String)]);
    let mut seen = Vec::new();
    table
        .rows(&|_| true, &mut |row| {
            if row.number == 3002 || row.number == 3003 {
                seen.extend(row.values().map(|(column, kind, bytes)| (column.path.clone(), kind, bytes.to_vec())));
            }
        })
        .unwrap();
    assert_eq!(seen[0], ("/id".to_owned(), Type::Integer, b"0".to_vec()));
    assert_eq!(seen[1], ("/name".to_owned(), Type::Null, vec![]));
    assert_eq!(seen[3], ("/name".to_owned(), Type::String, b"some name".to_vec()));
}

#[test]
fn a_page_that_the_file_does_not_account_for_is_not_unpacked() {
    let long: &[u8] = Box::leak(vec![b'a'; 3 << 20].into_boxed_slice());
    let packed = |compression| {
        let groups = [vec![(Values::Bytes(vec![long]), None, None)]];
        hashes(file("required binary text (UTF8);", compression, &groups))
    };
    assert_eq!(packed(Compression::UNCOMPRESSED).unwrap().len(), 1);
    let fault = packed(Compression::ZSTD(Default::default())).unwrap_err().to_string();
    assert!(fault.contains("decompresses to"), "{fault}");
}

#[test]
fn how_it_is_packed_is_no_difference() {
    let plain = hashes(people(Compression::UNCOMPRESSED)).unwrap();
    assert_eq!(plain.len(), 3501);
    for compression in [
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4_RAW,
    ] {
        assert_eq!(hashes(people(compression)).unwrap(), plain, "{compression:?}");
    }
}

#[test]
fn equal_values_are_equal_however_stored() {
    let all = |n: usize, level| Some(vec![level; n]);
    for (a, b) in [
        (
            one(
                "required int32 x; required binary y;",
                vec![(Values::I32(vec![5]), None, None), (Values::Bytes(vec![b"b"]), None, None)],
            ),
            one(
                "required binary y; optional int64 x;",
                vec![(Values::Bytes(vec![b"b"]), None, None), (Values::I64(vec![5]), all(1, 1), None)],
            ),
        ),
        (
            one("required int64 t (TIMESTAMP(MILLIS,true));", vec![(Values::I64(vec![-7]), None, None)]),
            one("required int64 t (TIMESTAMP(NANOS,true));", vec![(Values::I64(vec![-7_000_000]), None, None)]),
        ),
        (
            one("required int32 d (DECIMAL(9,2));", vec![(Values::I32(vec![-129, 128]), None, None)]),
            one("required binary d (DECIMAL(20,2));", vec![(Values::Bytes(vec![b"\xff\xff\x7f", b"\0\x80"]), None, None)]),
        ),
        (
            one("required int32 d (DECIMAL(9,2));", vec![(Values::I32(vec![150, 200]), None, None)]),
            one("required double d;", vec![(Values::F64(vec![1.5, 2.0]), None, None)]),
        ),
        (
            one("required float f;", vec![(Values::F32(vec![0.5, -0.0]), None, None)]),
            one("required double f;", vec![(Values::F64(vec![0.5, 0.0]), None, None)]),
        ),
    ] {
        assert_eq!(hashes(a).unwrap(), hashes(b).unwrap());
    }
}

#[test]
fn names_types_and_values_are_a_difference() {
    let hash = |schema: &str, value: i32| hashes(one(schema, vec![(Values::I32(vec![value]), None, None)])).unwrap()[0];
    let rows = [
        hash("required int32 x;", 150),
        hash("required int32 y;", 150),
        hash("required int32 x (DATE);", 150),
        hash("required int32 x (DECIMAL(9,2));", 150),
        hash("required int32 x (DECIMAL(9,1));", 150),
    ];
    for (i, row) in rows.iter().enumerate() {
        assert!(!rows[..i].contains(row), "{i}");
    }
}

#[test]
fn lists_and_maps() {
    // null, [], [null], ["a", "b"]
    let list = |schema| {
        let levels = (Some(vec![0, 1, 2, 3, 3]), Some(vec![0, 0, 0, 0, 1]));
        one(schema, vec![(Values::Bytes(vec![b"a", b"b"]), levels.0, levels.1)])
    };
    let arrow = list("optional group l (LIST) { repeated group list { optional binary element (UTF8); } }");
    let spark = list("optional group l (LIST) { repeated group bag { optional binary array (UTF8); } }");
    let table = open(arrow.clone()).unwrap();
    assert_eq!(table.columns()[0].path, "/l/*");
    let mut rows = Vec::new();
    table
        .rows(&|_| true, &mut |row| rows.push(row.values().map(|(_, kind, bytes)| (kind, bytes.to_vec())).collect::<Vec<_>>()))
        .unwrap();
    let null = (Type::Null, vec![]);
    assert_eq!(rows[..3], [[null.clone()], [null.clone()], [null]]);
    assert_eq!(rows[3], [(Type::String, b"a".to_vec()), (Type::String, b"b".to_vec())]);
    let hashes = [hashes(arrow).unwrap(), hashes(spark).unwrap()];
    assert_eq!(hashes[0], hashes[1]);
    assert!((1..4).all(|i| !hashes[0][..i].contains(&hashes[0][i])));

    let map = one(
        "required group m (MAP) { repeated group key_value { required binary key (UTF8); required int32 value; } }
         repeated int32 bare; required group s { repeated group of { required int32 x; } }",
        vec![
            (Values::Bytes(vec![b"k"]), Some(vec![1]), Some(vec![0])),
            (Values::I32(vec![1]), Some(vec![1]), Some(vec![0])),
            (Values::I32(vec![2, 3]), Some(vec![1, 1]), Some(vec![0, 1])),
            (Values::I32(vec![]), Some(vec![0]), Some(vec![0])),
        ],
    );
    let table = open(map).unwrap();
    let paths: Vec<_> = table.columns().iter().map(|column| column.path.as_str()).collect();
    assert_eq!(paths, ["/m/*/key", "/m/*/value", "/bare/*", "/s/of/*/x"]);
    assert_eq!(table.rows(&|_| true, &mut |row| assert_eq!(row.values().count(), 5)), Ok(()));
}

#[test]
fn a_number_of_rows_that_the_writer_forgot_is_not_needed() {
    let mut bytes = one("required int32 x;", vec![(Values::I32(vec![1, 2, 3, 4, 5]), None, None)]);
    let footer = bytes.len() - 8 - u32::from_le_bytes(*bytes[..bytes.len() - 4].last_chunk().unwrap()) as usize;
    // The first field of 5 as an integer of 64 bits is that of the file.
    let place = footer + bytes[footer..].windows(2).position(|field| field == [0x16, 10]).unwrap();
    bytes[place + 1] = 0;
    assert_eq!(open(bytes.clone()).unwrap().count(), 5);
    assert_eq!(hashes(bytes).unwrap().len(), 5);
}

#[test]
fn encrypted_files_are_told_apart_from_damaged_ones() {
    let mut bytes = people(Compression::UNCOMPRESSED);
    let end = bytes.len();
    bytes[end - 1] = b'E';
    let fault = open(bytes.clone()).unwrap_err();
    assert!(matches!(fault, ReadError::Encrypted(_)) && !fault.to_string().contains("damaged"), "{fault}");
    bytes[end - 1] = b'2';
    assert!(matches!(open(bytes).unwrap_err(), ReadError::Damaged(_)));
}

#[test]
fn the_header_of_a_dictionary_is_found() {
    let file = people(Compression::UNCOMPRESSED);
    let length = footer::dictionary_header(&file, 4);
    assert!((8..40).contains(&length), "{length}");
    assert_eq!([footer::dictionary_header(&file, 3), footer::dictionary_header(&file, file.size())], [0, 0]);
}

#[test]
fn rows_without_columns_are_empty_objects() {
    let bare = parquet::schema::types::Type::group_type_builder("m").build().unwrap();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(bare), Default::default()).unwrap();
    writer.next_row_group().unwrap().close().unwrap();
    assert_eq!(rendered(writer.into_inner().unwrap()), [""; 0]);
}

#[test]
fn row_groups_that_both_sides_have_are_found() {
    let table = |schema: &str, groups: &[&[i32]]| {
        let groups: Vec<_> = groups.iter().map(|values| vec![(Values::I32(values.to_vec()), None, None)]).collect();
        open(file(schema, Compression::SNAPPY, &groups)).unwrap()
    };
    let old = table("required int32 x;", &[&[1, 2], &[3], &[4], &[3]]);
    let new = table("required int32 x;", &[&[9, 9], &[4], &[1, 2], &[3], &[5], &[1, 2]]);
    let Pairing { pairs, single } = pair_groups(&old, &new).unwrap();
    assert_eq!(pairs, [GroupPair { groups: [3, 4], differing: vec![0] }]);
    assert_eq!(single, [vec![false; 4], vec![true, false, false, false, false, true]]);
    let mut numbers = Vec::new();
    new.rows(&|group| single[1][group], &mut |row| numbers.push(row.number)).unwrap();
    assert_eq!(numbers, [1, 2, 8, 9]);
    let mut numbers = Vec::new();
    pairs[0].rows([&old, &new], &mut |side, row| numbers.push((side, row.number))).unwrap();
    assert_eq!(numbers, [(Side::Old, 5), (Side::New, 7)]);
    assert_eq!(pair_groups(&old, &table("optional int32 x;", &[])), None);
}

#[test]
fn groups_are_paired_by_the_columns_that_they_share() {
    let table = |groups: &[(i32, i32)]| {
        let column = |value: i32| (Values::I32(vec![value; 3]), None, None);
        let groups: Vec<_> = groups.iter().map(|(x, y)| vec![column(*x), column(*y)]).collect();
        open(file("required int32 x; required int32 y;", Compression::UNCOMPRESSED, &groups)).unwrap()
    };
    let (old, new) = (table(&[(1, 1), (2, 2), (3, 3)]), table(&[(9, 9), (4, 2), (1, 5)]));
    let pair = |old, new, differing: &[usize]| GroupPair { groups: [old, new], differing: differing.to_vec() };
    let expected = [pair(2, 0, &[0, 1]), pair(1, 1, &[0]), pair(0, 2, &[1])];
    assert_eq!(pair_groups(&old, &new).unwrap().pairs, expected);
}

/// A row: a number, a text or null, and a list.
type Triple = (i32, Option<bool>, Vec<i32>);

fn triples(groups: &[Vec<Triple>]) -> ParquetFile {
    let column = |rows: &[Triple]| -> Vec<Written> {
        let texts = rows.iter().filter_map(|row| row.1).map(|long| if long { &b"long"[..] } else { b"s" }).collect();
        let nulls = rows.iter().map(|row| i16::from(row.1.is_some())).collect();
        let numbers = rows.iter().flat_map(|row| row.2.clone()).collect();
        let places = || rows.iter().flat_map(|row| (0..row.2.len().max(1)).map(|at| (!row.2.is_empty(), at > 0)));
        let (filled, repeats) = places().map(|(filled, repeats)| (i16::from(filled), i16::from(repeats))).unzip();
        vec![
            (Values::I32(rows.iter().map(|row| row.0).collect()), None, None),
            (Values::Bytes(texts), Some(nulls), None),
            (Values::I32(numbers), Some(filled), Some(repeats)),
        ]
    };
    let groups: Vec<_> = groups.iter().map(|rows| column(rows)).collect();
    open(file("required int32 x; optional binary t; repeated int32 n;", Compression::SNAPPY, &groups)).unwrap()
}

proptest! {
    #[test]
    fn what_pairs_leave_out_is_equal_on_both_sides(
        old in prop::collection::vec(prop::collection::vec((0..3, any::<Option<bool>>(), prop::collection::vec(0..3, 0..3)), 1..20), 1..4),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3), 0..3),
        more in any::<bool>(),
    ) {
        let mut new = old.clone();
        for (group, row, column) in edits {
            let rows = &mut new[group.index(old.len())];
            let row = row.index(rows.len());
            match column {
                0 => rows[row].0 += 7,
                1 => rows[row].1 = None,
                _ => rows[row].2.push(7),
            }
        }
        if more {
            new.rotate_left(1);
            new[0].push((9, None, vec![]));
        }
        let net = |rows: Vec<(Side, [u8; 16])>| {
            let mut net = std::collections::BTreeMap::new();
            rows.iter().for_each(|(side, id)| *net.entry(*id).or_insert(0) += if *side == Side::Old { -1 } else { 1 });
            net.retain(|_, count| *count != 0);
            net
        };
        let (before, after) = (triples(&old), triples(&new));
        let sides = [(Side::Old, &before), (Side::New, &after)];
        let (mut all, mut told) = (Vec::new(), Vec::new());
        let Pairing { pairs, single } = pair_groups(&before, &after).unwrap();
        for ((side, table), single) in sides.into_iter().zip(&single) {
            let mut numbers = Vec::new();
            table.rows(&|_| true, &mut |row| numbers.push(row.canonical())).unwrap();
            all.extend(numbers.iter().map(|id| (side, *id)));
            table.rows(&|group| single[group], &mut |row| told.push((side, row.canonical()))).unwrap();
            for pair in &pairs {
                pair.rows([&before, &after], &mut |own, row| {
                    assert!(own != side || row.canonical() == numbers[row.number as usize - 1], "{}", row.number);
                })
                .unwrap();
            }
        }
        for pair in &pairs {
            pair.rows([&before, &after], &mut |side, row| told.push((side, row.canonical()))).unwrap();
        }
        prop_assert_eq!(net(told), net(all));
    }
}

#[test]
fn every_early_end_is_found() {
    let whole = people(Compression::SNAPPY);
    for end in (0..whole.len()).step_by(7) {
        assert!(open(whole[..end].to_vec()).is_err(), "{end}");
    }
}

fn rendered(bytes: Vec<u8>) -> Vec<String> {
    let mut rows = Vec::new();
    let mut canonical = Canonicalizer::default();
    let read = open(bytes).unwrap().rows(&|_| true, &mut |row| {
        let rendering = row.render();
        // A row is compared as the JSON that it is rendered as.
        assert_eq!(canonical.identity(rendering.as_str().as_bytes(), &[], &[]).id, row.canonical(), "{}", rendering.as_str());
        rows.push(rendering.as_str().to_owned());
    });
    assert_eq!(read, Ok(()));
    rows
}

#[test]
fn rows_are_nested_as_they_were() {
    // null, [], [null], [[]], [[null]], [["a"], ["b"]], [["a", "b"]], [null, ["a"]]
    let lists = one(
        "optional group l (LIST) { repeated group list { optional group element (LIST) {
            repeated group list { optional binary element (UTF8); } } } }",
        vec![(
            Values::Bytes(vec![b"a", b"b", b"a", b"b", b"a"]),
            Some(vec![0, 1, 2, 3, 4, 5, 5, 5, 5, 2, 5]),
            Some(vec![0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1]),
        )],
    );
    let all = ["null", "[]", "[null]", "[[]]", "[[null]]", r#"[["a"],["b"]]"#, r#"[["a","b"]]"#, r#"[null,["a"]]"#];
    assert_eq!(rendered(lists), all.map(|l| format!("{{\"l\":{l}}}")));

    let nested = one(
        "required group m (MAP) { repeated group map { required binary k (UTF8); optional int32 v; } }
         optional group s { optional int32 x; repeated int32 bare; } required binary b;",
        vec![
            (Values::Bytes(vec![b"k", b"j"]), Some(vec![1, 1, 0]), Some(vec![0, 1, 0])),
            (Values::I32(vec![7]), Some(vec![2, 1, 0]), Some(vec![0, 1, 0])),
            (Values::I32(vec![1]), Some(vec![2, 0]), None),
            (Values::I32(vec![2, 3]), Some(vec![2, 2, 0]), Some(vec![0, 1, 0])),
            (Values::Bytes(vec![b"\xff", b""]), None, None),
        ],
    );
    assert_eq!(
        rendered(nested),
        [
            r#"{"m":[{"key":"k","value":7},{"key":"j","value":null}],"s":{"x":1,"bare":[2,3]},"b":{"$bytes":"/w=="}}"#,
            r#"{"m":[],"s":null,"b":{"$bytes":""}}"#,
        ]
    );
}

#[test]
fn old_lists_and_names_that_come_twice() {
    let structs = |inner: &str| {
        let schema = format!("required group l (LIST) {{ repeated group {inner} {{ required int32 x; }} }}");
        rendered(one(&schema, vec![(Values::I32(vec![1, 2]), Some(vec![1, 1]), Some(vec![0, 1]))])).remove(0)
    };
    assert_eq!([structs("array"), structs("l_tuple")], [r#"{"l":[{"x":1},{"x":2}]}"#; 2]);
    assert_eq!([structs("bag"), structs("list")], [r#"{"l":[1,2]}"#; 2]);
    let columns = ["1", "2", "3"].map(|n| (Values::I32(vec![n.parse().unwrap()]), None, None));
    let twice = one("required int32 a; required int32 b; required int32 a;", columns.into());
    assert_eq!(rendered(twice), [r##"{"a#1":1,"b":2,"a#3":3}"##]);
}

#[test]
fn a_row_beyond_the_longest_length_is_its_length_and_hash() {
    let texts: Vec<&'static [u8]> = vec![b"short", b"longer than ten bytes", b"short", b"longer than ten bytes"];
    let bytes = one(
        "required int32 id; optional binary t (UTF8);",
        vec![(Values::I32(vec![1, 2, 3, 2]), None, None), (Values::Bytes(texts), Some(vec![1; 4]), None)],
    );
    let words = |bytes: Vec<u8>, limit| {
        let mut words = Vec::new();
        let table = open(bytes).unwrap().with_limit(limit);
        table.rows(&|_| true, &mut |row| words.push(row.excess().map(str::to_owned))).unwrap();
        words
    };
    let told = words(bytes.clone(), 10);
    assert_eq!((&told[0], &told[2]), (&None, &None));
    assert!(told[1].as_ref().unwrap().starts_with("the record has 22 bytes, more than 'max_record' allows, which is 10; "));
    assert_eq!(told[1], told[3]);
    assert_eq!(words(bytes, 22), [None, None, None, None]);
    // The order of the columns and what could have been null change nothing.
    let other = one(
        "required binary t (UTF8); required int32 id;",
        vec![(Values::Bytes(vec![b"longer than ten bytes"; 2]), None, None), (Values::I32(vec![2, 3]), None, None)],
    );
    let others = words(other, 10);
    assert_eq!(others[0], told[1]);
    assert_ne!(others[1], told[1]);
}

#[test]
fn a_key_is_the_value_at_its_place() {
    let table = open(one(
        "required group s { required int32 id; } required double id;",
        vec![(Values::I32(vec![1, 1]), None, None), (Values::F64(vec![1.0, 2.0]), None, None)],
    ));
    let [nested, top, gone] = ["/s/id", "/id", "/s/x"].map(|place| [Pointer::parse(place).unwrap()]);
    let mut keys = Vec::new();
    table.unwrap().rows(&|_| true, &mut |row| keys.push([&nested, &top, &gone].map(|key| row.identity(key, &[]).key))).unwrap();
    let json = Canonicalizer::default().identity(b"{\"id\":1}", &top, &[]).key;
    assert_eq!(keys[0], [json, json, None]);
    assert_ne!(keys[0][1], keys[1][1]);
}

proptest! {
    #[test]
    fn damage_never_panics(at: prop::sample::Index, bytes in prop::collection::vec(any::<u8>(), 1..4), nested: bool) {
        let mut damaged = if nested {
            let columns = vec![(Values::Bytes(vec![b"a", b"b"]), Some(vec![0, 1, 2, 3, 3]), Some(vec![0, 0, 0, 0, 1]))];
            one("optional group l (LIST) { repeated group list { optional binary element (UTF8); } }", columns)
        } else {
            people(Compression::SNAPPY)
        };
        let at = at.index(damaged.len());
        let end = damaged.len().min(at + bytes.len());
        damaged[at..end].copy_from_slice(&bytes[..end - at]);
        let _ = hashes(damaged.clone());
        let _ = open(damaged).map(|table| table.check(&|_| true));
    }
}
