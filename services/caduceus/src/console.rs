//! What goes to standard output. Everything else (progress, warnings, logs) goes to standard error.

use std::io::Write as _;

/// Prints; a reader that went away (`caduceus check | head`) is no failure.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line.
pub(crate) fn line(text: impl std::fmt::Display) {
    print(&format!("{text}\n"));
}
