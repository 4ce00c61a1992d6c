//! Checks the pictures of the README.

use std::fs;
use std::path::Path;

use super::page::ROOT;

const TERMINALS: [&str; 2] = ["pair", "payment"];

/// In bytes.
const MAX_SIZE: usize = 150_000;

#[test]
fn pictures_contain_no_scripts_or_external_resources() {
    for name in
        TERMINALS.iter().flat_map(|name| ["light", "dark"].map(|palette| format!("{name}-{palette}.svg")))
    {
        let svg =
            fs::read_to_string(Path::new(ROOT).join("docs/pictures").join(&name)).unwrap().to_lowercase();
        let svg = svg.replacen("xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
        for forbidden in ["<script", "onload", "://", "@import", "url(", "<image", "<forbiddenobject"] {
            assert!(!svg.contains(forbidden), "{name} has '{forbidden}'");
        }
    }
}

#[test]
fn the_readme_shows_every_picture_in_light_and_dark_and_describes_it() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let terminals = TERMINALS.map(|name| (name, "svg"));
    for (name, kind) in terminals.into_iter().chain([("page", "png")]) {
        let [light, dark] = ["light", "dark"].map(|palette| format!("docs/pictures/{name}-{palette}.{kind}"));
        let dark = format!("<source media=\"(prefers-color-scheme: dark)\" srcset=\"{dark}\">");
        assert!(readme.contains(&dark), "{dark}");
        let image = readme.split("<img ").find(|image| image.starts_with(&format!("src=\"{light}\"")));
        let described = image.and_then(|image| image.split_once("alt=\"")?.1.split_once('"'));
        assert!(described.is_some_and(|(text, _)| text.len() > 40), "{name} is not described");
    }
}

#[test]
fn the_pictures_of_the_page_are_small() {
    for name in ["page-light.png", "page-dark.png"] {
        let png = fs::read(Path::new(ROOT).join("docs/pictures").join(name)).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "{name} is not a PNG");
        assert!(png.len() < MAX_SIZE, "{name} has {} bytes", png.len());
    }
}
