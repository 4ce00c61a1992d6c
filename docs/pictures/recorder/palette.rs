//! The colors of a picture.

/// A color as CSS has it, `#rrggbb`.
pub(crate) type Color = &'static str;

/// The colors that a picture is drawn with.
pub(crate) struct Palette {
    /// How the file is called.
    pub(crate) name: &'static str,
    /// The window, its bar, and the line around both.
    pub(crate) ground: Color,
    pub(crate) bar: Color,
    pub(crate) line: Color,
    /// The text where the program gives it no color, and where it is less important.
    pub(crate) text: Color,
    pub(crate) faint: Color,
    /// Black, red, green, yellow, blue, magenta, cyan and white.
    pub(crate) colors: [Color; 8],
}

pub(crate) const LIGHT: Palette = Palette {
    name: "light",
    ground: "#ffffff",
    bar: "#f2f4f7",
    line: "#cbd2da",
    text: "#1d2430",
    faint: "#586272",
    colors: ["#1d2430", "#c0222f", "#146c2e", "#7a5200", "#1857c4", "#8a3ab9", "#0b6b78", "#4b5563"],
};

pub(crate) const DARK: Palette = Palette {
    name: "dark",
    ground: "#11161d",
    bar: "#1a212b",
    line: "#333d4a",
    text: "#e3e8ef",
    faint: "#97a3b4",
    colors: ["#97a3b4", "#ff7f79", "#5fd37a", "#e6b450", "#7fb2ff", "#d9a0ff", "#5fd0dc", "#e3e8ef"],
};
