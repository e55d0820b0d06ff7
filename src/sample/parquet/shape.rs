//! The values of a row from the columns of a Parquet file: groups, lists and maps.
//!
//! The inner names of lists and maps are the writer's own and count for nothing: a list is an array of its elements, a
//! map an array of objects with `key` and `value`, one without values an array of its keys. Which groups are lists is
//! settled as the format's page "Logical Types" does, rules for older writers included.

use parquet::basic::{ConvertedType, Repetition};
use parquet::schema::types::Type as Node;

use super::column::Column;

/// A value and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The definition level from which on it is not null.
    pub present: i16,
    /// The kind of the value.
    pub body: ShapeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ShapeKind {
    /// The value of the column with this index.
    Value(usize),
    Group(GroupShape),
    List(Box<ListShape>),
}

/// Values by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupShape {
    /// In the order of the file.
    pub fields: Vec<(String, Shape)>,
    /// Their indices in the order of the names.
    pub sorted: Vec<usize>,
}

/// The elements of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListShape {
    /// The repetition level with which an element after the first begins.
    pub repeats: i16,
    /// The definition level from which on there is an element.
    pub filled: i16,
    pub element: Shape,
}

impl Shape {
    /// Returns the shape of a row, and the columns in the order of the file.
    pub fn of(schema: &Node) -> (Shape, Vec<Column>) {
        let mut columns = Vec::new();
        let fields = group(schema, "", 0, 0, &mut columns);
        (Shape { present: 0, body: ShapeKind::Group(GroupShape::new(fields)) }, columns)
    }

    /// Returns the first column that belongs to it.
    pub fn first(&self) -> Option<usize> {
        match &self.body {
            ShapeKind::Value(column) => Some(*column),
            ShapeKind::Group(group) => group.fields.iter().find_map(|(_, field)| field.first()),
            ShapeKind::List(list) => list.element.first(),
        }
    }

    /// Shows every column that belongs to it.
    pub fn columns(&self, each: &mut dyn FnMut(usize)) {
        match &self.body {
            ShapeKind::Value(column) => each(*column),
            ShapeKind::Group(group) => group.fields.iter().for_each(|(_, field)| field.columns(each)),
            ShapeKind::List(list) => list.element.columns(each),
        }
    }

    /// Returns the value at a place that no list lies on the way to.
    pub fn find(&self, steps: &[String]) -> Option<&Shape> {
        let Some((step, rest)) = steps.split_first() else { return Some(self) };
        match &self.body {
            ShapeKind::Group(group) => group.fields.iter().find(|(name, _)| name == step)?.1.find(rest),
            _ => None,
        }
    }
}

/// Returns the first name that stands twice in a group.
pub(super) fn duplicate(group: &Node) -> Option<&str> {
    let mut names: Vec<&str> = group.get_fields().iter().map(|node| node.name()).collect();
    names.sort_unstable();
    let own = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    own.or_else(|| group.get_fields().iter().filter(|node| node.is_group()).find_map(|node| duplicate(node)))
}

impl GroupShape {
    fn new(fields: Vec<(String, Shape)>) -> GroupShape {
        let mut sorted: Vec<usize> = (0..fields.len()).collect();
        sorted.sort_by(|&a, &b| fields[a].0.cmp(&fields[b].0));
        GroupShape { fields, sorted }
    }
}

fn repetition(node: &Node) -> Repetition {
    let info = node.get_basic_info();
    if info.has_repetition() { info.repetition() } else { Repetition::REQUIRED }
}

fn is_repeated(node: &Node) -> bool {
    repetition(node) == Repetition::REPEATED
}

/// Appends a step to a path.
fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Returns the fields of a group. Those that share a name are told by their places: `a#2`.
fn group(group: &Node, path: &str, present: i16, repeats: i16, columns: &mut Vec<Column>) -> Vec<(String, Shape)> {
    let nodes = group.get_fields();
    let mut sorted: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
    sorted.sort_unstable();
    let twice = |name: &str| {
        let at = sorted.partition_point(|other| *other < name);
        sorted.get(at + 1) == Some(&name)
    };
    let mut fields = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        let mut name = node.name().to_owned();
        if twice(&name) {
            name = format!("{name}#{}", at + 1);
            while sorted.binary_search(&name.as_str()).is_ok() {
                name.insert(0, '#');
            }
        }
        let shape = field(node, &below(path, &name), present, repeats, columns);
        fields.push((name, shape));
    }
    fields
}

/// Returns a field of a group that is there from `present` on, and repeats so far at `repeats`.
fn field(node: &Node, path: &str, present: i16, repeats: i16, columns: &mut Vec<Column>) -> Shape {
    match repetition(node) {
        Repetition::REQUIRED => value(node, path, present, repeats, columns),
        Repetition::OPTIONAL => value(node, path, present + 1, repeats, columns),
        Repetition::REPEATED => {
            let (filled, repeats) = (present + 1, repeats + 1);
            let element = value(node, &format!("{path}/*"), filled, repeats, columns);
            Shape { present, body: ShapeKind::List(Box::new(ListShape { repeats, filled, element })) }
        }
    }
}

/// Returns the value of a node, whatever its own repetition.
fn value(node: &Node, path: &str, present: i16, repeats: i16, columns: &mut Vec<Column>) -> Shape {
    if !node.is_group() {
        columns.push(Column::new(node, path.to_owned(), present));
        return Shape { present, body: ShapeKind::Value(columns.len() - 1) };
    }
    let inner = match node.get_fields() {
        [inner] if is_repeated(inner) => Some(inner),
        _ => None,
    };
    let (filled, within) = (present + 1, format!("{path}/*"));
    let element = match (node.get_basic_info().converted_type(), inner) {
        (ConvertedType::LIST, Some(inner)) => match inner.is_group().then(|| inner.get_fields()) {
            Some([only]) if !is_element(node, inner, only) => field(only, &within, filled, repeats + 1, columns),
            _ => value(inner, &within, filled, repeats + 1, columns),
        },
        (ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE, Some(inner)) if is_entry(inner) => match inner.get_fields() {
            // Keys without values are a set.
            [key] => field(key, &within, filled, repeats + 1, columns),
            fields => {
                let names = ["key", "value"].iter().zip(fields);
                let fields = names.map(|(name, node)| {
                    let shape = field(node, &below(&within, name), filled, repeats + 1, columns);
                    ((*name).to_owned(), shape)
                });
                Shape { present: filled, body: ShapeKind::Group(GroupShape::new(fields.collect())) }
            }
        },
        _ => {
            let fields = group(node, path, present, repeats, columns);
            return Shape { present, body: ShapeKind::Group(GroupShape::new(fields)) };
        }
    };
    Shape { present, body: ShapeKind::List(Box::new(ListShape { repeats: repeats + 1, filled, element })) }
}

/// Returns true if the repeated group of a list is the element itself, although it has one field only.
fn is_element(list: &Node, inner: &Node, only: &Node) -> bool {
    is_repeated(only) || inner.name() == "array" || inner.name().strip_suffix("_tuple") == Some(list.name())
}

/// Returns true if the repeated group of a map holds a key, or a key and a value.
fn is_entry(inner: &Node) -> bool {
    inner.is_group() && matches!(inner.get_fields(), [key] | [key, _] if !is_repeated(key))
}
