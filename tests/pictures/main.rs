//! The pictures of the README: what a terminal shows while somebody uses the program.
//!
//! The scripts in `docs/pictures` are played with the real program, and the pictures must be what comes of it.
//! `KUSTOM_BLESS=1 cargo test --test pictures` writes them.

#![cfg(unix)]
// Helpers state what must be true by panicking, as tests do; the lints know only functions marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod blocks;
mod clock;
mod palette;
mod record;
mod row;
mod screen;
mod script;
mod svg;

use std::{env, fs};

use palette::{DARK, LIGHT, Palette, contrast};
use script::{Script, folder};

const NAMES: [&str; 2] = ["pair", "payment"];

/// A page with all of them is read on a phone too.
const MOST_BYTES: usize = 25_000;

fn file(name: &str, palette: &Palette) -> String {
    format!("{name}-{}.svg", palette.name)
}

fn compare(name: &str) {
    let script = Script::read(name);
    let frames = record::record(&script);
    for palette in [LIGHT, DARK] {
        let file = file(name, &palette);
        let path = folder().join(&file);
        let drawn = svg::draw(&script.title, &frames, &palette);
        assert!(drawn.len() <= MOST_BYTES, "{file} has {} bytes", drawn.len());
        if env::var_os("KUSTOM_BLESS").is_some() {
            fs::write(&path, &drawn).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        let first = kept.lines().zip(drawn.lines()).find(|(kept, drawn)| kept != drawn);
        assert!(
            kept == drawn,
            "docs/pictures/{file} is not what the program shows any more; write it anew with \
             KUSTOM_BLESS=1 cargo test --test pictures, and look at it. The first difference:\n{first:#?}"
        );
    }
}

#[test]
fn the_picture_of_a_pairing_is_what_the_program_shows() {
    compare("pair");
}

#[test]
fn the_picture_of_a_payment_is_what_the_program_shows() {
    compare("payment");
}

/// A README is shown where nothing else is loaded, and nothing may run.
#[test]
fn a_picture_stands_alone() {
    for name in NAMES.iter().flat_map(|name| [LIGHT, DARK].map(|palette| file(name, &palette))) {
        let svg = fs::read_to_string(folder().join(&name)).unwrap().to_lowercase();
        let svg = svg.replacen("xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
        for foreign in ["<script", "onload", "://", "@import", "url(", "<image", "<foreignobject"] {
            assert!(!svg.contains(foreign), "{name} has '{foreign}'");
        }
    }
}

#[test]
fn the_readme_shows_every_picture_to_everybody() {
    let readme = fs::read_to_string(folder().join("../../README.md")).unwrap();
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let known: Vec<_> = NAMES
        .iter()
        .flat_map(|name| ["-dark.svg", "-light.svg", ".toml"].map(|end| format!("{name}{end}")))
        .collect();
    assert_eq!(files, known);
    for name in NAMES {
        let [light, dark] = [LIGHT, DARK].map(|palette| format!("docs/pictures/{}", file(name, &palette)));
        let dark = format!("<source media=\"(prefers-color-scheme: dark)\" srcset=\"{dark}\">");
        assert!(readme.contains(&dark), "{dark}");
        let image = readme.split("<img ").find(|image| image.starts_with(&format!("src=\"{light}\"")));
        let described = image.and_then(|image| image.split_once("alt=\"")?.1.split_once('"'));
        assert!(described.is_some_and(|(text, _)| text.len() > 40), "{name} is not described");
    }
}

#[test]
fn every_colour_can_be_read() {
    for palette in [LIGHT, DARK] {
        for colour in palette.colours.iter().chain([&palette.text, &palette.faint]) {
            let contrast = contrast(colour, palette.ground);
            assert!(contrast >= 4.5, "{colour} on {}: {contrast}", palette.ground);
        }
        assert!(contrast(palette.faint, palette.bar) >= 4.5, "the title in {}", palette.name);
    }
}
