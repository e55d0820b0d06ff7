//! The source files as the tests of the architecture read them: without comments, strings and tests, with the modules that
//! each names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A source file of the library or of the binary.
pub struct Source {
    /// The path in the repository.
    pub path: String,
    /// The names of its module, from the root of the crate.
    pub module: Vec<String>,
    /// The text as it is.
    pub text: String,
    /// The text with comments, strings and tests blanked, line by line.
    pub code: String,
}

/// Returns the folder of the package.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads the production files of `src`.
pub fn production() -> Vec<Source> {
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("/tests.rs");
    files(&root().join("src")).into_iter().map(|path| Source::read(&path)).filter(|source| !is_test(&source.path)).collect()
}

/// Returns the Rust files of a folder and those below it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
    all.sort();
    all
}

impl Source {
    fn read(path: &Path) -> Source {
        Source::of(path.strip_prefix(root()).unwrap().to_str().unwrap(), fs::read_to_string(path).unwrap())
    }

    /// Returns the file of this path in the repository, with its text.
    pub fn of(path: &str, text: String) -> Source {
        let mut module: Vec<String> = path.trim_end_matches(".rs").split('/').skip(1).map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        let code = without_tests(&without_comments(&text));
        Source { path: path.to_owned(), module, text, code }
    }

    /// Returns the name of the top-level module.
    pub fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// Returns the types that the file defines, with their lines.
    pub fn types(&self) -> Vec<(String, usize)> {
        let mut types = Vec::new();
        for (number, line) in self.code.lines().enumerate() {
            let item = line.trim_start();
            let item = item.strip_prefix("pub").map_or(item, |rest| match rest.strip_prefix('(') {
                Some(rest) => rest.split_once(')').map_or(rest, |(_, rest)| rest),
                None => rest,
            });
            let mut words = item.split_whitespace();
            let keyword = words.next();
            let is_type = matches!(keyword, Some("struct" | "enum" | "trait" | "union"));
            // A `type` that is indented belongs to a trait.
            if let (true, Some(name)) = (is_type || keyword == Some("type") && !line.starts_with(' '), words.next()) {
                types.push((name.chars().take_while(|c| is_word(*c)).collect(), number + 1));
            }
        }
        types
    }

    /// Returns the functions of the file with the number of their lines.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let mut functions = Vec::new();
        for (at, _) in self.code.match_indices("fn ").filter(|(at, _)| !self.code[..*at].ends_with(is_word)) {
            let name: String = self.code[at + 3..].chars().take_while(|c| is_word(*c)).collect();
            if let (false, Some(end)) = (name.is_empty(), item_end(&self.code, at)) {
                functions.push((name, self.code[at..end].lines().count()));
            }
        }
        functions
    }

    /// Returns the first lines of the doc comments outside of tests, with their numbers.
    pub fn doc_lines(&self) -> Vec<(&str, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let code: Vec<&str> = self.code.lines().collect();
        let is_doc = |line: &str| line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
        let mut docs = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            if !is_doc(line) || number > 0 && is_doc(lines[number - 1]) {
                continue;
            }
            let item = (number..lines.len()).find(|at| !is_doc(lines[*at]) && !lines[*at].trim().is_empty());
            if line.trim_start().starts_with("//!") && number == 0 || item.is_some_and(|at| !code[at].trim().is_empty()) {
                docs.push((line.trim_start()[3..].trim(), number + 1));
            }
        }
        docs
    }

    /// Returns the absolute paths within the crate that the file names: in `use`, with groups taken apart, and elsewhere.
    pub fn paths(&self) -> BTreeSet<Vec<String>> {
        let (imports, rest) = self.imports();
        let mut paths: BTreeSet<Vec<String>> = imports.into_iter().map(|import| import.path).collect();
        paths.extend(inline_paths(&rest).filter_map(|path| self.absolute(path)));
        paths
    }

    /// Returns the `use` declarations and the code without them.
    fn imports(&self) -> (Vec<Import>, String) {
        let (mut imports, mut rest, mut at) = (Vec::new(), String::new(), 0);
        while let Some(found) = self.code[at..].find("use ").map(|found| at + found) {
            let end = self.code[found..].find(';').map_or(self.code.len(), |end| found + end + 1);
            let line = self.code[..found].rfind('\n').map_or(0, |line| line + 1);
            let before = self.code[line..found].trim();
            if !(before.is_empty() || before.starts_with("pub")) || self.code[..found].ends_with(is_word) {
                rest.push_str(&self.code[at..found + 4]);
                at = found + 4;
                continue;
            }
            rest.push_str(&self.code[at..found]);
            let mut leaves = Vec::new();
            let tree: String = self.code[found + 4..end - 1].split_whitespace().collect::<Vec<_>>().join(" ");
            take_apart(&tree, &mut Vec::new(), &mut leaves);
            for (path, name) in leaves {
                if let Some(path) = self.absolute(path) {
                    imports.push(Import { path, name, is_public: !before.is_empty() });
                }
            }
            at = end;
        }
        rest.push_str(&self.code[at..]);
        (imports, rest)
    }

    /// Resolves `crate`, `super` and `self`; `None` for a path that begins with none of them.
    fn absolute(&self, path: Vec<String>) -> Option<Vec<String>> {
        let mut base = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return None,
        };
        for name in path {
            match name.as_str() {
                "crate" | "self" => {}
                "super" => {
                    base.pop();
                }
                _ => base.push(name),
            }
        }
        Some(base)
    }
}

struct Import {
    path: Vec<String>,
    name: String,
    is_public: bool,
}

/// Returns the files that each file depends on. What a `mod.rs` only exports counts as a dependency on the file that defines
/// it.
pub fn dependencies(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let by_module: BTreeMap<&[String], &Source> = sources.iter().map(|source| (source.module.as_slice(), source)).collect();
    let mut exports: BTreeMap<&[String], BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let parsed: Vec<_> = sources.iter().map(Source::imports).collect();
    for (source, (imports, _)) in sources.iter().zip(&parsed) {
        let children = |path: &Vec<String>| by_module.contains_key([&source.module[..], &path[..1]].concat().as_slice());
        let own = exports.entry(&source.module).or_default();
        for import in imports.iter().filter(|import| import.is_public) {
            own.insert(import.name.clone(), import.path.clone());
        }
        // `pub use child::Name` needs no `self::`.
        for (path, name) in plain_exports(&source.code).filter(|(path, _)| children(path)) {
            own.insert(name, [&source.module[..], &path[..]].concat());
        }
    }
    let resolve = |path: &[String]| {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let depth = (0..=path.len()).rev().find(|depth| by_module.contains_key(&path[..*depth])).unwrap_or(0);
            let target = exports.get(&path[..depth]).and_then(|names| names.get(path.get(depth)?));
            match target {
                Some(target) if target[..] != path[..=depth] => path = [target, &path[depth + 1..]].concat(),
                _ => return by_module.get(&path[..depth]).copied(),
            }
        }
        None
    };
    let mut graph = BTreeMap::new();
    for (source, (imports, rest)) in sources.iter().zip(&parsed) {
        let mut targets = BTreeSet::new();
        let words: BTreeSet<&str> = rest.split(|c| !is_word(c)).collect();
        let is_used = |name: &str| words.contains(name);
        let named = imports.iter().filter(|import| !import.is_public || is_used(&import.name)).map(|import| import.path.clone());
        let inline = inline_paths(rest).filter_map(|path| source.absolute(path));
        let plain =
            plain_exports(&source.code).filter(|(_, name)| is_used(name)).map(|(path, _)| [&source.module[..], &path].concat());
        let children = inline_paths(rest).map(|path| [&source.module[..], &path].concat());
        let children = children.filter(|path| by_module.contains_key(&path[..=source.module.len()]));
        for target in named.chain(inline).chain(plain).chain(children).filter_map(|path| resolve(&path)) {
            if target.path != source.path && !target.module.is_empty() {
                targets.insert(target.path.as_str());
            }
        }
        graph.insert(source.path.as_str(), targets);
    }
    graph
}

/// Returns the circles of a graph: the sets of files each of which depends on all others of its set.
pub fn circles<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<Vec<&'a str>> {
    let reach = |from: &'a str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in graph.get(file).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|file| (*file, reach(file))).collect();
    let circle = |file: &&'a str| {
        let others = reached[file].iter().filter(|other| reached.get(*other).is_some_and(|back| back.contains(file)));
        others.copied().collect::<Vec<&str>>()
    };
    reached.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns the paths of several names in code.
fn inline_paths(code: &str) -> impl Iterator<Item = Vec<String>> {
    let words = code.split(|c| !is_word(c) && c != ':').filter(|word| word.contains("::"));
    words
        .map(|word| word.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>())
        .filter(|path| path.len() > 1)
}

/// Returns the exports whose path begins with the name of a module below.
fn plain_exports(code: &str) -> impl Iterator<Item = (Vec<String>, String)> {
    let declarations = code.split(';').filter_map(|item| {
        let (before, tree) = item.split_once("use ")?;
        let before = before.rsplit('\n').next()?.trim();
        before.starts_with("pub").then(|| tree.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    declarations.flat_map(|tree| {
        let mut leaves = Vec::new();
        take_apart(&tree, &mut Vec::new(), &mut leaves);
        leaves.into_iter().filter(|(path, _)| !matches!(path[0].as_str(), "crate" | "super" | "self"))
    })
}

/// Takes the tree of a `use` declaration apart into paths, each with the name that it gets.
fn take_apart(tree: &str, base: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    let length = base.len();
    let (path, group) = tree.trim().split_once('{').map_or((tree.trim(), None), |(path, group)| (path, Some(group)));
    let (path, name) = path.split_once(" as ").map_or((path, None), |(path, name)| (path, Some(name.trim().to_owned())));
    for segment in path.split("::").map(str::trim).filter(|segment| !segment.is_empty()) {
        if segment != "self" || base.is_empty() {
            base.push(segment.to_owned());
        }
    }
    if let Some(group) = group {
        let group = group.trim().strip_suffix('}').unwrap_or(group);
        let (mut depth, mut start) = (0, 0);
        for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !group[start..at].trim().is_empty() {
                        take_apart(&group[start..at], base, leaves);
                    }
                    start = at + 1;
                }
                _ => {}
            }
        }
    } else if let Some(last) = base.last().cloned() {
        leaves.push((base.clone(), name.unwrap_or(last)));
    }
    base.truncate(length);
}

/// Returns the end of an item: of its braces, or of its semicolon.
fn item_end(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth -= 1;
                if depth == 0 && c == '}' {
                    return Some(at + offset + 1);
                }
            }
            ';' if depth == 0 => return Some(at + offset + 1),
            _ => {}
        }
    }
    None
}

/// Blanks the items that only tests have.
fn without_tests(code: &str) -> String {
    let (mut out, mut at) = (String::new(), 0);
    while let Some(start) = code[at..].find("#[cfg(test)]").map(|found| at + found) {
        let mut item = start + "#[cfg(test)]".len();
        while code[item..].trim_start().starts_with("#[") {
            item += code[item..].find("#[").unwrap() + 2;
            item += code[item..].find("]\n").map_or(0, |end| end + 1);
        }
        let end = item_end(code, item).unwrap_or(code.len());
        out.push_str(&code[at..start]);
        out.extend(code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out + &code[at..]
}

/// Blanks comments and the contents of strings.
fn without_comments(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        let is_raw = rest.starts_with("r\"") || rest.starts_with("r#");
        let after_word = out.ends_with(is_word) && !out.ends_with('b');
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => 1 + string_end(&rest[1..]),
            'r' if is_raw && !after_word => {
                let marks = rest[1..].chars().take_while(|c| *c == '#').count();
                match rest[1 + marks..].starts_with('"') {
                    true => {
                        let end = format!("\"{}", "#".repeat(marks));
                        rest[2 + marks..].find(&end).map_or(rest.len(), |found| 2 + marks + found + end.len())
                    }
                    false => 0,
                }
            }
            '\'' => char_length(rest),
            _ => 0,
        };
        if length == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    out
}

/// Returns the length of a string up to its closing quote.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// Returns the length of a character literal; 0 for a lifetime.
fn char_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 3),
        Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}
