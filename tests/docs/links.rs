//! What pages refer to exists: other pages and their headings, commands and flags.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::grammar::{fault_in, grammar, has_flag_somewhere};
use super::page::{Page, ROOT, files_below, pages};

/// Flags of other programs that pages name.
const OTHER_FLAGS: &[&str] = &[];

/// A path without `.` and `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

/// Where a link on a page leads inside of the repository, and to which heading.
fn inside(page: &Page, target: &str) -> Option<(PathBuf, Option<String>)> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let folder = page.path.parent().expect("a folder");
    let path = if file.is_empty() { page.path.clone() } else { clean(&folder.join(file)) };
    Some((path, anchor.map(str::to_owned)))
}

#[test]
fn every_link_resolves() {
    let pages = pages();
    let anchors: BTreeMap<&Path, &[String]> =
        pages.iter().map(|page| (page.path.as_path(), page.anchors.as_slice())).collect();
    let mut troubles = Vec::new();
    for page in &pages {
        for link in &page.links {
            let place = format!("{}:{}", page.path.display(), link.line);
            let target = &link.target;
            let Some((path, anchor)) = inside(page, target) else {
                let fine = url::Url::parse(target).is_ok_and(|url| url.scheme() == "https" && url.has_host());
                if !fine {
                    troubles.push(format!("{place}: {target} is no address"));
                }
                continue;
            };
            if !Path::new(ROOT).join(&path).exists() {
                troubles.push(format!("{place}: there is no {}", path.display()));
            } else if let Some(anchor) = anchor
                && !anchors.get(path.as_path()).is_some_and(|known| known.contains(&anchor))
            {
                troubles.push(format!("{place}: {} has no heading #{anchor}", path.display()));
            }
        }
    }
    assert!(troubles.is_empty(), "\n{}", troubles.join("\n"));
}

#[test]
fn every_document_is_reached_from_the_readme() {
    let pages = pages();
    let mut reached = BTreeSet::new();
    let mut next = vec![PathBuf::from("README.md")];
    while let Some(path) = next.pop() {
        if !reached.insert(path.clone()) {
            continue;
        }
        if Path::new(ROOT).join(&path).is_dir() {
            next.extend(files_below(&path.display().to_string()));
        } else if let Some(page) = pages.iter().find(|page| page.path == path) {
            next.extend(page.links.iter().filter_map(|link| Some(inside(page, &link.target)?.0)));
        }
    }
    let lost: Vec<_> = files_below("docs").into_iter().filter(|path| !reached.contains(path)).collect();
    assert!(lost.is_empty(), "nothing leads to {lost:?}");
}

#[test]
fn every_command_in_prose_exists() {
    let root = grammar();
    let mut troubles = Vec::new();
    for page in pages() {
        // What was there once may have gone.
        if page.path == Path::new("CHANGELOG.md") {
            continue;
        }
        for (line, code) in &page.code {
            let first = code.split(' ').next().unwrap_or_default();
            let is_verb =
                |word: &str| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
            let has_verb = code.split(' ').nth(1).is_some_and(is_verb);
            let noun = root.find_subcommand(first).filter(|noun| has_verb && noun.has_subcommands());
            let fault = if first == "kustom" {
                fault_in(&root, code)
            } else if noun.is_some() {
                fault_in(&root, &format!("kustom {code}"))
            } else if code.starts_with('-') && first.len() > 1 && !OTHER_FLAGS.contains(&first) {
                (!has_flag_somewhere(&root, first)).then(|| format!("no command has {first}"))
            } else {
                None
            };
            if let Some(fault) = fault {
                troubles.push(format!("{}:{line}: `{code}`: {fault}", page.path.display()));
            }
        }
    }
    assert!(troubles.is_empty(), "\n{}", troubles.join("\n"));
}
