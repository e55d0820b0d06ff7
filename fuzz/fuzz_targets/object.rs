//! Objects of every kind: whatever a decoder accepts is encoded to the same bytes, so that an object has one id.
#![no_main]

use helox::object::fact::Fact;
use helox::object::node::Node;
use helox::object::recipe::Recipe;
use helox::object::verdict::Verdict;
use helox::object::version::Version;
use helox::sample::Schema;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    let encoded = match kind % 6 {
        0 => Node::decode(bytes).map(|node| node.encode()),
        1 => Recipe::decode(bytes).map(|recipe| recipe.encode()),
        2 => Version::decode(bytes).map(|version| version.encode()),
        3 => Fact::decode(bytes).map(|fact| fact.encode()),
        4 => Verdict::decode(bytes).map(|verdict| verdict.encode()),
        _ => Schema::decode(bytes).map(|schema| schema.encode().unwrap_or_default()),
    };
    if let Ok(encoded) = encoded {
        assert_eq!(encoded, bytes);
    }
});
