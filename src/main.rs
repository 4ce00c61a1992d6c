//! The program `kustom`; its code is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(kustom::run(std::env::args_os()))
}
