//! The structure that `docs/architecture.md` describes: imports point down, no module imports itself through another, and
//! the pure modules know nothing of the rest.

// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module of the crate: its path without `crate`, such as `["api", "client"]`.
type Module = Vec<String>;

/// What each module imports from this crate. Tests inside a file do not count.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&source, &source, &mut files);
    files
        .iter()
        .map(|(module, text)| {
            let paths = paths_in(text, module);
            let imported =
                paths.into_iter().filter_map(|path| owner(&path, &files)).filter(|other| other != module);
            (module.clone(), imported.collect())
        })
        .collect()
}

fn collect(source: &Path, dir: &Path, files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path: PathBuf = entry.expect("an entry").path();
        if path.is_dir() {
            collect(source, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = path.strip_prefix(source).expect("a path below src").with_extension("");
            let mut module: Module =
                module.iter().map(|part| part.to_str().expect("UTF-8").to_owned()).collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            if module.last().is_some_and(|last| last.ends_with("tests") || last == "main") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a file");
            let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
            files.insert(module, text);
        }
    }
}

/// Every path of this crate that the text of a module names, without `crate`. Braces are expanded.
fn paths_in(text: &str, module: &Module) -> BTreeSet<Module> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut paths = BTreeSet::new();
    for (start, prefix) in
        [("crate::", Vec::new()), ("super::", module[..module.len().saturating_sub(1)].to_vec())]
    {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before
                .is_some_and(|character| character.is_alphanumeric() || matches!(character, '_' | ':' | '$'))
            {
                continue;
            }
            expand(&code[at + start.len()..], prefix.clone(), &mut paths);
        }
    }
    paths
}

/// Reads one path, or a group of paths in braces, and returns what follows it.
fn expand<'a>(text: &'a str, mut prefix: Module, paths: &mut BTreeSet<Module>) -> &'a str {
    let mut rest = text;
    loop {
        if let Some(mut group) = rest.strip_prefix('{') {
            while !group.starts_with('}') {
                group =
                    group.trim_start_matches(|character: char| character.is_whitespace() || character == ',');
                if group.is_empty() || group.starts_with('}') {
                    break;
                }
                let next = expand(group, prefix.clone(), paths);
                if next.len() == group.len() {
                    return next;
                }
                group = next;
            }
            return group.strip_prefix('}').unwrap_or(group);
        }
        let end = rest
            .find(|character: char| !character.is_alphanumeric() && character != '_')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name == "super" {
            prefix.pop();
        } else if !name.is_empty() {
            prefix.push(name.to_owned());
        }
        rest = after;
        if let Some(next) = rest.strip_prefix("::") {
            rest = next;
        } else {
            paths.insert(prefix);
            return rest.strip_prefix(" as ").map_or(rest, |renamed| {
                renamed.trim_start_matches(|character: char| character.is_alphanumeric() || character == '_')
            });
        }
    }
}

/// The module that defines what a path names: a file, or, for an item that a module re-exports, the file it comes from.
fn owner(path: &Module, files: &BTreeMap<Module, String>) -> Option<Module> {
    let length = (0..=path.len()).rev().find(|length| files.contains_key(&path[..*length]))?;
    let module = path[..length].to_vec();
    let Some(item) = path.get(length) else { return Some(module) };
    let reexport = files[&module].lines().find_map(|line| {
        let (_, names) = line.trim().strip_prefix("pub")?.split_once("use ")?;
        let (child, items) = names.split_once("::")?;
        let is_named = items
            .split(|character: char| !character.is_alphanumeric() && character != '_')
            .any(|name| name == item.as_str());
        is_named.then(|| child.to_owned())
    });
    let child = reexport.map(|child| [&module[..], &[child]].concat());
    Some(child.filter(|child| files.contains_key(child)).unwrap_or(module))
}

/// The modules that can be reached from each other, in groups of two and more.
fn cycles(graph: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reachable = |from: &Module| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&Module> = graph.get(from).into_iter().flatten().collect();
        while let Some(module) = open.pop() {
            if seen.insert(module.clone()) {
                open.extend(graph.get(module).into_iter().flatten());
            }
        }
        seen
    };
    let reach: BTreeMap<_, _> = graph.keys().map(|module| (module, reachable(module))).collect();
    let mut groups: Vec<BTreeSet<Module>> = Vec::new();
    for (module, reached) in &reach {
        let group: BTreeSet<Module> = reached
            .iter()
            .filter(|other| reach.get(other).is_some_and(|back| back.contains(*module)))
            .cloned()
            .collect();
        if group.len() > 1 && !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

fn top_level(imports: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut graph: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, imported) in imports {
        let Some(first) = module.first() else { continue };
        let others = imported.iter().filter_map(|other| other.first()).filter(|other| *other != first);
        graph.entry(vec![first.clone()]).or_default().extend(others.map(|other| vec![other.clone()]));
    }
    graph
}

fn imported_by(imports: &BTreeMap<Module, BTreeSet<Module>>, name: &str) -> BTreeSet<String> {
    let of_name = top_level(imports).remove(&vec![name.to_owned()]).unwrap_or_default();
    of_name.into_iter().flatten().collect()
}

#[test]
fn no_top_level_module_imports_itself_through_others() {
    assert_eq!(cycles(&top_level(&imports())), Vec::<BTreeSet<Module>>::new());
}

/// A module and the modules inside it may name each other: a parent lists its children, and a child uses its parent's types.
#[test]
fn no_module_imports_its_siblings_in_a_circle() {
    let mut siblings: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, imported) in imports() {
        let others =
            imported.into_iter().filter(|other| !module.starts_with(other) && !other.starts_with(&module));
        siblings.insert(module.clone(), others.collect());
    }
    assert_eq!(cycles(&siblings), Vec::<BTreeSet<Module>>::new());
}

#[test]
fn what_is_pure_imports_nothing_above_it() {
    let imports = imports();
    let allowed = |name: &str, others: &[&str]| {
        let imported = imported_by(&imports, name);
        let above: Vec<_> = imported.iter().filter(|other| !others.contains(&other.as_str())).collect();
        assert!(above.is_empty(), "{name} imports {above:?}");
    };
    allowed("text", &[]);
    allowed("model", &["text"]);
    allowed("polling", &["model"]);
    allowed("api", &["model", "secret", "text", "error", "http_client"]);
    allowed("emulator", &["model", "fs", "text", "secret", "callback_poster", "page", "local_server"]);
    allowed("page", &["text"]);
    allowed("ledger", &["model", "fs", "text", "secret", "error", "http_client"]);
}

#[test]
fn only_the_output_module_writes_to_the_streams() {
    for (module, text) in {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = BTreeMap::new();
        collect(&source, &source, &mut files);
        files
    } {
        if module.first().is_some_and(|first| first == "output") {
            continue;
        }
        for stream in ["io::stdout()", "io::stderr()", "println!", "eprintln!"] {
            assert!(!text.contains(stream), "{} uses {stream}", module.join("::"));
        }
    }
}

#[test]
fn the_map_names_every_top_level_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("docs/architecture.md")).expect("a page");
    for entry in fs::read_dir(root.join("src")).expect("a directory") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let module = name.trim_end_matches(".rs");
        let found = ["/", ".rs"].iter().any(|end| map.contains(&format!("\n  {module}{end} ")));
        assert!(found, "docs/architecture.md does not name src/{name}");
    }
}
