//! Records the pictures of the README: plays the scripts in `docs/pictures` with the real program in a pseudo-terminal, and
//! draws what the terminal shows as an animated SVG, light and dark.
//!
//! `cargo bench --bench pictures` writes them. Review the result: whether a picture is good is for a person to decide.

#![cfg(unix)]
// A recording that fails has nothing to recover: it panics with the reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/common/mod.rs"]
mod common;

mod blocks;
mod clock;
mod palette;
mod record;
mod row;
mod screen;
mod script;
mod svg;

use std::fs;

use palette::{DARK, LIGHT};
use script::{Script, dir};

/// Larger pictures would slow the page down on a phone.
const MAX_BYTES: usize = 25_000;

fn main() {
    for name in ["pair", "payment"] {
        let script = Script::read(name);
        let frames = record::record(&script);
        for palette in [LIGHT, DARK] {
            let path = dir().join(format!("{name}-{}.svg", palette.name));
            let picture = svg::draw(&script.title, &frames, &palette);
            assert!(picture.len() <= MAX_BYTES, "{} has {} bytes", path.display(), picture.len());
            fs::write(&path, picture).expect("the picture is written");
        }
    }
}
