//! Checks that the files, headings, commands and flags that pages refer to exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::grammar::{find_error, grammar, has_flag_somewhere};
use super::page::{Page, ROOT, files_below, pages};

/// Resolves `.` and `..`.
fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// The file and the heading that a link within the repository points to.
fn resolve(page: &Page, target: &str) -> Option<(PathBuf, Option<String>)> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let dir = page.path.parent().expect("a directory");
    let path = if file.is_empty() { page.path.clone() } else { normalize(&dir.join(file)) };
    Some((path, anchor.map(str::to_owned)))
}

#[test]
fn every_link_resolves() {
    let pages = pages();
    let anchors: BTreeMap<&Path, &[String]> =
        pages.iter().map(|page| (page.path.as_path(), page.anchors.as_slice())).collect();
    let mut failures = Vec::new();
    for page in &pages {
        for link in &page.links {
            let place = format!("{}:{}", page.path.display(), link.line);
            let target = &link.target;
            let Some((path, anchor)) = resolve(page, target) else {
                let is_url =
                    url::Url::parse(target).is_ok_and(|url| url.scheme() == "https" && url.has_host());
                if !is_url {
                    failures.push(format!("{place}: {target} is not an https URL"));
                }
                continue;
            };
            if !Path::new(ROOT).join(&path).exists() {
                failures.push(format!("{place}: there is no {}", path.display()));
            } else if let Some(anchor) = anchor
                && !anchors.get(path.as_path()).is_some_and(|known| known.contains(&anchor))
            {
                failures.push(format!("{place}: {} has no heading #{anchor}", path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
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
            next.extend(page.links.iter().filter_map(|link| Some(resolve(page, &link.target)?.0)));
        }
    }
    let orphans: Vec<_> = files_below("docs").into_iter().filter(|path| !reached.contains(path)).collect();
    assert!(orphans.is_empty(), "no page links to {orphans:?}");
}

#[test]
fn every_command_in_prose_exists() {
    let root = grammar();
    let mut failures = Vec::new();
    for page in pages() {
        // It may name what no longer exists.
        if page.path == Path::new("CHANGELOG.md") {
            continue;
        }
        for (line, code) in &page.code {
            let first = code.split(' ').next().unwrap_or_default();
            let is_verb =
                |word: &str| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
            let has_verb = code.split(' ').nth(1).is_some_and(is_verb);
            let noun = root.find_subcommand(first).filter(|noun| has_verb && noun.has_subcommands());
            let error = if first == "kustom" {
                find_error(&root, code)
            } else if noun.is_some() {
                find_error(&root, &format!("kustom {code}"))
            } else if code.starts_with('-') && first.len() > 1 {
                (!has_flag_somewhere(&root, first)).then(|| format!("no command has {first}"))
            } else {
                None
            };
            if let Some(error) = error {
                failures.push(format!("{}:{line}: `{code}`: {error}", page.path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
