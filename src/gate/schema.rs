//! A record against a team's JSON Schema.
//!
//! Drafts 4, 6, 7, 2019-09 and 2020-12, as `$schema` says; 2020-12 where it says nothing. Invariant: a schema is the
//! whole of one file. Nothing is fetched and no other file is read, so that the verdict on a version depends on nothing
//! but the version and the file. The meta-schemas of the drafts are known and may be referred to.
//!
//! `format` is held to where the draft makes it a demand, which drafts 4, 6 and 7 do: `date`, `date-time`, `time`,
//! `email`, `hostname`, `ipv4`, `ipv6`, `uri`, `regex`, and from draft 6 and 7 on `uri-reference`, `uri-template`, `iri`,
//! `iri-reference`, `json-pointer` and `relative-json-pointer`. In 2019-09 and 2020-12 it is a remark and holds nobody
//! to anything, unless the rule asks for it; then `duration` and `uuid` are known too. A format that is not of the draft never does.

use std::io::{self, Write};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ReferencingError, ValidationError, Validator};
use serde_json::{Number, Value};

use super::numbers::Constants;
use super::value::JsonRecord;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;

/// The number of violations of a record that a message lists.
const MAX_VIOLATIONS: usize = 3;

/// The greatest depth of a record that is checked on the stack of any thread.
const SHALLOW: usize = 64;

/// The number of bytes of a value that a message quotes.
const VALUE: usize = 40;

/// The number of characters of a message about one violation; some keywords list all allowed values.
const PHRASE: usize = 200;

/// A compiled schema. It can be used from several threads at once.
#[derive(Debug)]
pub struct JsonSchema {
    validator: Validator,
    constants: Constants,
}

impl JsonSchema {
    /// Compiles a schema from the bytes of the file `name`, which only the errors use. With `formats` the keyword `format`
    /// is a demand in every draft.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for bytes that are no JSON, for what is no schema, naming the place as a JSON pointer, and for a
    /// reference to another document, naming that.
    pub fn new(name: &str, bytes: &[u8], formats: bool) -> Result<JsonSchema> {
        let config = |message: String| Error::new(ErrorKind::Config, message);
        let schema: Value = serde_json::from_slice(bytes).map_err(|e| config(format!("{name} is not JSON: {e}")))?;
        if !(schema.is_object() || schema.is_boolean()) {
            return Err(config(format!("{name} is not a JSON Schema: it is neither an object nor true or false")));
        }
        let options = jsonschema::options().offline();
        // Without a word the draft decides.
        let options = if formats { options.should_validate_formats(true) } else { options };
        match options.build(&schema) {
            Ok(validator) => {
                let constants = Constants::of(bytes).ok_or_else(|| config(format!("{name} is nested too deeply")))?;
                Ok(JsonSchema { validator, constants })
            }
            Err(error) => Err(unfit(name, &error)),
        }
    }

    /// Returns its numbers, with which those of records are compared.
    pub(super) fn constants(&self) -> &Constants {
        &self.constants
    }

    /// Says how a record violates the schema; nothing if it fits.
    ///
    /// Each violation is told with the JSON pointer of its place and the value there, shortened, such as
    /// `/rent: "x" is not of type "number"`; of more than three, how many more there are.
    pub(super) fn check(&self, record: &JsonRecord) -> Option<String> {
        if is_deeper(&record.value, SHALLOW) {
            return parallel::with_deep_stack(|| self.violations(record)).unwrap_or_else(|| {
                Some(format!("the record is nested deeper than {SHALLOW} levels, and no thread could be started to check it"))
            });
        }
        self.violations(record)
    }

    fn violations(&self, record: &JsonRecord) -> Option<String> {
        // Much faster than to look for all violations, and nearly all records have none.
        if self.validator.is_valid(&record.value) {
            return None;
        }
        let mut violations = self.validator.iter_errors(&record.value);
        let told: Vec<String> = violations.by_ref().take(MAX_VIOLATIONS).map(|v| phrase(&v, &record.texts)).collect();
        let more = violations.count();
        let mut text = told.join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        Some(text)
    }
}

/// Returns true if a value is nested deeper than so many levels.
fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(elements) => levels == 0 || elements.iter().any(|element| is_deeper(element, levels - 1)),
        Value::Object(members) => levels == 0 || members.values().any(|member| is_deeper(member, levels - 1)),
        _ => false,
    }
}

/// Returns the error of a schema that cannot be used.
fn unfit(name: &str, error: &ValidationError<'_>) -> Error {
    if let ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) = error.kind() {
        // A relative reference of a schema without an `$id` is resolved against this.
        let other = uri.strip_prefix("json-schema:///").unwrap_or(uri);
        let other = other.split('#').next().unwrap_or(other);
        return Error::new(ErrorKind::Config, format!("{name} refers to another document, '{other}', which is not supported"))
            .with_hint("copy the definitions to \"$defs\" and refer to them with \"#/$defs/…\"");
    }
    Error::new(ErrorKind::Config, format!("{name} is not a valid JSON Schema: {}", phrase(error, &[])))
}

/// One violation: its place, unless that is the whole, and what is wrong there. Of a number that stands in for another
/// it has what is written for that.
fn phrase(violation: &ValidationError<'_>, texts: &[(Number, String)]) -> String {
    let instance = violation.instance();
    let text = texts.iter().find(|(number, _)| instance.as_number() == Some(number));
    let value = text.map_or_else(|| shortened(instance), |(_, text)| text.chars().take(VALUE).collect());
    let place = violation.instance_path().as_str();
    let message = violation.masked_with(value).to_string();
    let mut text = if place.is_empty() { message } else { format!("{place}: {message}") };
    if let Some((end, _)) = text.char_indices().nth(PHRASE) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Returns a value as JSON, cut after [`VALUE`] bytes.
fn shortened(value: &Value) -> String {
    let mut start = TruncatedText(Vec::new());
    // Ends with an error where the value is longer, so that no more of it is written than is shown.
    let whole = serde_json::to_writer(&mut start, value).is_ok();
    let mut text = String::from_utf8_lossy(&start.0).into_owned();
    if !whole {
        text.truncate(text.trim_end_matches('\u{FFFD}').len());
        text.push('…');
    }
    text
}

/// Takes [`VALUE`] bytes and refuses the rest.
struct TruncatedText(Vec<u8>);

impl Write for TruncatedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(VALUE - self.0.len());
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn schema(value: &Value) -> JsonSchema {
        JsonSchema::new("schemas/lease.json", value.to_string().as_bytes(), false).unwrap()
    }

    impl JsonSchema {
        fn said(&self, value: &Value) -> Option<String> {
            self.check(&JsonRecord { value: value.clone(), texts: Vec::new() })
        }
    }

    fn refused(bytes: &[u8]) -> Error {
        let error = JsonSchema::new("schemas/lease.json", bytes, false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with("schemas/lease.json "), "{error}");
        error
    }

    fn lease() -> Value {
        json!({
            "type": "object",
            "required": ["id", "rent"],
            "properties": {
                "id": {"type": "string", "minLength": 1},
                "rent": {"type": "number", "minimum": 0},
                "kind": {"enum": ["office", "retail"]},
                "terms": {"type": "array", "items": {"$ref": "#/$defs/term"}}
            },
            "$defs": {"term": {"type": "object", "required": ["months"]}}
        })
    }

    #[test]
    fn a_record_that_fits_says_nothing() {
        let schema = schema(&lease());
        assert_eq!(schema.said(&json!({"id": "a", "rent": 12.5, "kind": "office", "terms": [{"months": 3}]})), None);
        assert_eq!(schema.said(&json!({"id": "a", "rent": 0, "more": null})), None);
    }

    #[test]
    fn violations_are_told_with_their_place() {
        let schema = schema(&lease());
        let said = |record: Value| schema.said(&record).unwrap();
        assert_eq!(said(json!({"id": "a", "rent": "x"})), r#"/rent: "x" is not of type "number""#);
        assert_eq!(said(json!({"id": "a"})), r#""rent" is a required property"#);
        assert_eq!(said(json!(7)), r#"7 is not of type "object""#);
        assert_eq!(said(json!({"id": "a", "rent": 1, "terms": [{}]})), r#"/terms/0: "months" is a required property"#);
        let two = said(json!({"id": "", "rent": -1}));
        assert!(two.contains("/id: ") && two.contains("; ") && two.contains("/rent: -1 is less than"), "{two}");
    }

    #[test]
    fn of_many_violations_three_are_told() {
        let schema = schema(&json!({"items": {"type": "string"}}));
        let said = schema.said(&json!([1, 2, 3, 4, 5])).unwrap();
        assert!(said.starts_with("/0: 1 is not") && said.contains("/2: 3 is not") && !said.contains("/3"), "{said}");
        assert!(said.ends_with("; and 2 more"), "{said}");
    }

    #[test]
    fn long_values_and_long_lists_are_shortened() {
        let said = schema(&json!({"type": "object"})).said(&json!("é".repeat(1 << 20))).unwrap();
        assert!(said.contains("é… is not of type") && said.len() < 80, "{said}");
        let names: Vec<String> = (0..500).map(|n| format!("field{n}")).collect();
        let record: serde_json::Map<String, Value> = names.iter().map(|n| (n.clone(), json!(1))).collect();
        let said =
            schema(&json!({"properties": {"id": true}, "additionalProperties": false})).said(&Value::Object(record)).unwrap();
        assert!(said.contains("'field0'") && said.ends_with('…') && said.chars().count() <= PHRASE + 1, "{said}");
    }

    #[test]
    fn the_draft_is_the_one_that_the_schema_names() {
        let four = schema(&json!({"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 5, "exclusiveMaximum": true}));
        assert!(four.said(&json!(5)).is_some());
        let newest = schema(&json!({"prefixItems": [{"type": "string"}]}));
        assert!(newest.said(&json!([1])).is_some());
        let seven = schema(&json!({"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": [{"type": "string"}]}));
        assert_eq!(seven.said(&json!([1])), None);
    }

    #[test]
    fn formats_are_demands_in_the_older_drafts_only() {
        let seven = schema(&json!({"$schema": "http://json-schema.org/draft-07/schema#", "format": "date"}));
        assert_eq!(seven.said(&json!("2024-02-30")).unwrap(), r#""2024-02-30" is not a "date""#);
        assert_eq!(schema(&json!({"format": "date"})).said(&json!("2024-02-30")), None);
        for draft in ["https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema"] {
            let asked = |format: &str| {
                let schema = json!({"$schema": draft, "format": format}).to_string();
                JsonSchema::new("s.json", schema.as_bytes(), true).unwrap()
            };
            assert_eq!(asked("date").said(&json!("2024-02-30")).unwrap(), r#""2024-02-30" is not a "date""#);
            assert!(asked("uuid").said(&json!("x")).is_some() && asked("duration").said(&json!("1 day")).is_some());
            assert_eq!(asked("date").said(&json!("2024-02-29")), None);
            assert!(asked("date-time").said(&json!("2023-02-30T00:00:00Z")).is_some());
            assert!(asked("date-time").said(&json!("2023-02-28T24:59:59Z")).is_some());
        }
    }

    #[test]
    fn other_documents_are_never_read() {
        let here = tempfile::tempdir().unwrap();
        let there = here.path().join("other.json");
        std::fs::copy("Cargo.toml", &there).unwrap();
        let file = format!("file://{}", there.display());
        for other in ["https://example.com/other.json", "other.json", &file] {
            for schema in [json!({"$ref": other}), json!({"$defs": {"a": {"items": {"$ref": format!("{other}#/x")}}}})] {
                let error = refused(schema.to_string().as_bytes());
                assert!(error.message().contains(&format!("'{other}'")), "{error}");
                assert!(error.hint().is_some());
            }
        }
        schema(&json!({"$ref": "https://json-schema.org/draft/2020-12/schema"}));
    }

    #[test]
    fn what_is_no_schema_is_refused_with_its_place() {
        let said = |bytes: &[u8]| refused(bytes).message().to_owned();
        assert!(said(b"{\"type\": ").contains("is not JSON: EOF"), "{}", said(b"{\"type\": "));
        assert!(said(b"[]").contains("neither an object"));
        assert!(said(br#"{"properties": {"a": {"type": "strng"}}}"#).contains("/properties/a/type: \"strng\""));
        assert!(said(br##"{"$ref": "#/$defs/none"}"##).contains("/$defs/none"));
        assert!(said(br#"{"pattern": "("}"#).contains("/pattern"), "{}", said(br#"{"pattern": "("}"#));
        assert!(said(br#"{"$schema": "https://example.com/own"}"#).contains("https://example.com/own"));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        schema(&json!({"$ref": "#"})).said(&json!({"a": 1}));
        schema(&json!({"allOf": [{"$ref": "#"}]})).said(&json!({"a": 1}));
        let tree = schema(&json!({"properties": {"next": {"$ref": "#"}}, "required": ["id"]}));
        assert_eq!(
            tree.said(&json!({"id": 1, "next": {"id": 2, "next": {}}})).unwrap(),
            r#"/next/next: "id" is a required property"#
        );
    }

    #[test]
    fn records_as_deep_as_any_are_checked() {
        let tree = schema(&json!({"properties": {"next": {"$ref": "#"}}, "required": ["id"]}));
        let deep = |id: &str| (0..510).fold(json!({id: 0}), |next, id| json!({"id": id, "next": next}));
        assert_eq!(tree.said(&deep("id")), None);
        assert!(tree.said(&deep("ID")).unwrap().starts_with("/next/next/"));
    }

    #[test]
    fn threads_share_it() {
        let schema = schema(&lease());
        let found = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|n| {
                    scope.spawn({
                        let schema = &schema;
                        move || schema.said(&json!({"id": n}))
                    })
                })
                .collect();
            threads.into_iter().filter_map(|t| t.join().unwrap()).count()
        });
        assert_eq!(found, 4);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), text in r#"[{}\[\]":,a-c$#/0-9]{0,40}"#) {
            let _ = JsonSchema::new("x", &bytes, true);
            let _ = JsonSchema::new("x", text.as_bytes(), false);
        }
    }
}
