//! What goes to standard output. Everything else (progress, warnings, logs) goes to standard error.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// Prints; a reader that went away (`caduceus check | head`) is no failure.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line.
pub(crate) fn line(text: impl std::fmt::Display) {
    print(&format!("{text}\n"));
}

/// How far some work is, as a bar on standard error, on a terminal alone.
pub(crate) struct Working(ProgressBar);

impl Working {
    pub(crate) fn begin() -> Self {
        let style = ProgressStyle::with_template("{bar:44.cyan/black} {percent} %  {elapsed} elapsed, {eta} left");
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// So much is done of all.
    pub(crate) fn reach(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }

    /// Where remarks go: to standard error, and never into the bar.
    pub(crate) fn notes(&self) -> impl Write + '_ {
        Beside(&self.0)
    }

    pub(crate) fn end(self) {
        self.0.finish_and_clear();
    }
}

struct Beside<'a>(&'a ProgressBar);

impl Write for Beside<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
