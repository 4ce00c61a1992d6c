//! The QR code of an enrollment code, which the phone's camera reads.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Draws a QR code with half blocks: a light module is drawn and a dark one is not, as on a dark terminal.
pub(super) fn lines(text: &str) -> Vec<String> {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::L) else { return Vec::new() };
    let mut renderer = code.render::<Dense1x2>();
    let renderer = renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true);
    renderer.build().lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    /// Reads the drawn characters with another library.
    fn decode(lines: &[String]) -> String {
        const SCALE: usize = 4;
        let rows: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
        let is_light = |x: usize, y: usize| match rows[y / 2][x] {
            '█' => true,
            '▀' => y.is_multiple_of(2),
            '▄' => !y.is_multiple_of(2),
            _ => false,
        };
        let (width, height) = (rows[0].len() * SCALE, rows.len() * 2 * SCALE);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            if is_light(x / SCALE, y / SCALE) { 255 } else { 0 }
        });
        image.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn another_library_reads_the_code() {
        for code in ["K7M2Q9XP", "ABC123456", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "å ☕"] {
            assert_eq!(decode(&lines(code)), code);
        }
    }

    #[test]
    fn a_short_code_is_small() {
        let lines = lines("K7M2Q9XP");
        assert_eq!((lines.len(), lines[0].chars().count()), (15, 29));
    }
}
