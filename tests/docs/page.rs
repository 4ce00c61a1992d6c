//! Parses Markdown pages: code blocks with notes on how to run them, links, headings and inline code.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Root of the repository.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) struct Page {
    /// Relative to the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
    pub(crate) links: Vec<Link>,
    /// Anchors of the headings.
    pub(crate) anchors: Vec<String>,
    /// Inline code, by line.
    pub(crate) code: Vec<(usize, String)>,
}

/// A fenced code block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
    /// Position of the text in the page.
    pub(crate) range: Range<usize>,
    /// The line of its first fence.
    pub(crate) line: usize,
    /// The comment `<!-- run: … -->` before the block.
    pub(crate) note: Note,
}

/// A link or an image.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) line: usize,
    pub(crate) target: String,
}

/// How to run a block, as words and `key="value"`.
pub(crate) type Note = BTreeMap<String, String>;

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(Path::new(ROOT).join(path)).expect("a page");
        Self::parse(path, text)
    }

    fn parse(path: &Path, text: String) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            text: String::new(),
            blocks: vec![],
            links: vec![],
            anchors: vec![],
            code: vec![],
        };
        let line_of = |at: usize| text[..at].matches('\n').count() + 1;
        let mut note = Note::new();
        let mut heading: Option<String> = None;
        let mut inside = false;
        for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = line_of(range.start);
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    inside = true;
                    let (language, note) = (language.to_string(), std::mem::take(&mut note));
                    let begin = range.start + text[range.start..].find('\n').map_or(0, |end| end + 1);
                    let empty = begin..begin;
                    page.blocks.push(Block { language, text: String::new(), range: empty, line, note });
                }
                Event::End(TagEnd::CodeBlock) => inside = false,
                Event::Text(part) if inside => {
                    let block = page.blocks.last_mut().expect("a block");
                    if block.text.is_empty() {
                        block.range = range.clone();
                    }
                    block.text += &part;
                    block.range.end = range.end;
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    if let Some(run) = html.trim().strip_prefix("<!-- run:") {
                        note = parse_note(run.trim_end_matches("-->"));
                    }
                    let targets = ["src=\"", "srcset=\"", "href=\""].into_iter();
                    for target in targets.flat_map(|begin| html.split(begin).skip(1)) {
                        let target = target.split('"').next().unwrap_or_default().to_owned();
                        page.links.push(Link { line, target });
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Link { line, target: dest_url.to_string() });
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let duplicates = page.anchors.iter().filter(|known| **known == slug).count();
                    page.anchors.push(if duplicates == 0 { slug } else { format!("{slug}-{duplicates}") });
                }
                Event::Text(part) => {
                    if let Some(heading) = &mut heading {
                        *heading += &part;
                    }
                }
                Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        *heading += &part;
                    }
                    page.code.push((line, part.to_string()));
                }
                _ => {}
            }
        }
        assert!(note.is_empty(), "{}: no block follows {note:?}", path.display());
        page.text = text;
        page
    }
}

/// The anchor that GitHub generates for a heading.
fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn parse_note(text: &str) -> Note {
    let words = shell_words::split(text).expect("a note is words and key=\"value\"");
    let pair = |word: &String| match word.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (word.clone(), String::new()),
    };
    words.iter().map(pair).collect()
}

/// Lists the files below a directory, sorted, relative to the repository.
pub(crate) fn files_below(dir: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![Path::new(ROOT).join(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.push(path.strip_prefix(ROOT).expect("a file of the repository").to_owned());
            }
        }
    }
    files.sort();
    files
}

/// Reads all pages: those next to the README, and all in `docs`.
pub(crate) fn pages() -> Vec<Page> {
    let top_level = fs::read_dir(ROOT).expect("the repository").flatten();
    let mut paths: Vec<PathBuf> = top_level.map(|entry| PathBuf::from(entry.file_name())).collect();
    paths.extend(files_below("docs"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}
