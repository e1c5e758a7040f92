//! The scores: one row per row of the recordings, in their order.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::Error;

/// Where scores go; nowhere, where nobody asked for them.
pub(crate) struct Scores {
    to: Option<(PathBuf, csv::Writer<File>)>,
}

impl Scores {
    /// Makes the file and writes its header.
    pub(crate) fn create(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self { to: None }) };
        let file = File::create(path).map_err(Error::of_file(path))?;
        let mut scores = Self { to: Some((path.to_owned(), csv::Writer::from_writer(file))) };
        scores.record(&[b"time", b"person", b"score", b"state"])?;
        Ok(scores)
    }

    /// Writes a row: the time as it stands, whose, the score in millionths (none where nobody is named), the state.
    pub(crate) fn write(
        &mut self,
        time: &[u8],
        person: &str,
        score_micro: Option<i64>,
        state: &str,
    ) -> Result<(), Error> {
        if self.to.is_none() {
            return Ok(());
        }
        let score = score_micro.map_or_else(String::new, score_text);
        self.record(&[time, person.as_bytes(), score.as_bytes(), state.as_bytes()])
    }

    fn record(&mut self, cells: &[&[u8]; 4]) -> Result<(), Error> {
        let Some((path, writer)) = &mut self.to else { return Ok(()) };
        writer.write_record(cells).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(source) => Error::of_file(path)(source),
            other => Error::of_file(path)(std::io::Error::other(format!("{other:?}"))),
        })
    }

    /// Everything is on its way to the disk.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        match &mut self.to {
            Some((path, writer)) => writer.flush().map_err(Error::of_file(path)),
            None => Ok(()),
        }
    }
}

/// A score of 0 to 1 with all of its decimals.
pub(crate) fn score_text(score_micro: i64) -> String {
    let micro = score_micro.clamp(0, 1_000_000);
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_keeps_its_millionths() {
        for (micro, text) in [(0, "0.000000"), (7, "0.000007"), (512_345, "0.512345"), (1_000_000, "1.000000")] {
            assert_eq!(score_text(micro), text);
        }
    }
}
