//! The lines to the left of `hlx log --graph`: one column for every line of descent that is still open.
//!
//! Versions come children before parents. A version takes the column that waits for it, or a new one at the right.
//! Then its first parent waits in its column and each further parent in a new one; when two columns wait for the same
//! version, they join in the left one.

/// The columns that are open.
pub(crate) struct Graph<Id> {
    waiting: Vec<Id>,
}

/// What stands beside one version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Beside its first line.
    pub(crate) node: String,
    /// Below it: branches and joins.
    pub(crate) links: Vec<String>,
    /// Beside every further line.
    pub(crate) margin: String,
}

impl<Id: Copy + PartialEq> Graph<Id> {
    /// No columns.
    pub(crate) fn new() -> Self {
        Graph { waiting: Vec::new() }
    }

    /// Draws a version; `parents` are those that will be drawn later.
    pub(crate) fn draw(&mut self, id: Id, parents: &[Id]) -> Rows {
        let at = self.waiting.iter().position(|w| *w == id).unwrap_or_else(|| {
            self.waiting.push(id);
            self.waiting.len() - 1
        });
        let node = row((0..self.waiting.len()).map(|i| (2 * i, if i == at { '*' } else { '|' })));
        let mut links = Vec::new();
        match parents.split_first() {
            None => {
                self.waiting.remove(at);
                if at < self.waiting.len() {
                    let left = (0..at).map(|i| (2 * i, '|'));
                    links.push(row(left.chain((at..self.waiting.len()).map(|i| (2 * i + 1, '/')))));
                }
            }
            Some((first, others)) => {
                self.waiting[at] = *first;
                for (n, parent) in others.iter().enumerate() {
                    let from = at + n;
                    let left = (0..=from).map(|i| (2 * i, '|'));
                    links.push(row(left.chain((from..self.waiting.len()).map(|i| (2 * i + 1, '\\')))));
                    self.waiting.insert(from + 1, *parent);
                }
            }
        }
        while let Some((to, from)) = self.twins() {
            let straight = (0..from).map(|i| (2 * i, '|'));
            let across = (to + 1..from).map(|i| (2 * i - 1, '_'));
            let shifted = (from..self.waiting.len()).map(|i| (2 * i - 1, '/'));
            links.push(row(straight.chain(across).chain(shifted)));
            self.waiting.remove(from);
        }
        Rows { node, links, margin: row((0..self.waiting.len()).map(|i| (2 * i, '|'))) }
    }

    /// Two columns that wait for the same version.
    fn twins(&self) -> Option<(usize, usize)> {
        (1..self.waiting.len()).find_map(|from| {
            let to = self.waiting[..from].iter().position(|w| *w == self.waiting[from])?;
            Some((to, from))
        })
    }
}

/// A row of these marks at these places, and spaces.
fn row(marks: impl Iterator<Item = (usize, char)>) -> String {
    let mut row: Vec<char> = Vec::new();
    for (place, mark) in marks {
        if row.len() <= place {
            row.resize(place + 1, ' ');
        }
        row[place] = mark;
    }
    row.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(versions: &[(char, &str)]) -> String {
        let mut graph = Graph::new();
        let mut out = String::new();
        for (id, parents) in versions {
            let rows = graph.draw(*id, &parents.chars().collect::<Vec<_>>());
            out += &format!("{} {id}\n", rows.node);
            for link in rows.links {
                out += &format!("{link}\n");
            }
        }
        assert!(graph.waiting.is_empty());
        out
    }

    #[test]
    fn a_line() {
        assert_eq!(drawn(&[('c', "b"), ('b', "a"), ('a', "")]), "* c\n* b\n* a\n");
    }

    #[test]
    fn two_heads() {
        assert_eq!(drawn(&[('c', "a"), ('b', "a"), ('a', "")]), "* c\n| * b\n|/\n* a\n");
    }

    #[test]
    fn a_merge() {
        let expected = "* d\n|\\\n* | c\n| * b\n|/\n* a\n";
        assert_eq!(drawn(&[('d', "cb"), ('c', "a"), ('b', "a"), ('a', "")]), expected);
    }

    #[test]
    fn a_join_across_a_column() {
        let expected = "* e\n| * d\n| | * c\n|_|/\n| * b\n|/\n* a\n";
        assert_eq!(drawn(&[('e', "a"), ('d', "b"), ('c', "a"), ('b', "a"), ('a', "")]), expected);
    }

    #[test]
    fn a_line_that_ends_lets_the_others_move_left() {
        assert_eq!(drawn(&[('d', "c"), ('b', "a"), ('c', ""), ('a', "")]), "* d\n| * b\n* | c\n /\n* a\n");
    }

    #[test]
    fn a_merge_of_three_and_of_what_already_waits() {
        let expected = "* e\n|\\\n| |\\\n* | | d\n| * | c\n|/ /\n| * b\n|/\n* a\n";
        assert_eq!(drawn(&[('e', "dcb"), ('d', "a"), ('c', "a"), ('b', "a"), ('a', "")]), expected);
        let expected = "* d\n| * c\n| |\\\n|/ /\n* | b\n|/\n* a\n";
        assert_eq!(drawn(&[('d', "b"), ('c', "ba"), ('b', "a"), ('a', "")]), expected);
    }
}
