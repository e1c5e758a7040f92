//! Lines out of bytes: bounded, numbered, with a look ahead.

use std::collections::VecDeque;
use std::io::{BufRead, ErrorKind, Result};

/// What is longer is cut: no row of a recording is.
pub(crate) const LINE_BYTES_MAX: usize = 64 << 10;

/// One line without its end (LF, CR or both).
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The lines of a reader.
pub(crate) struct Lines<R> {
    reader: R,
    /// Lines that were read.
    read: u64,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    ahead: VecDeque<Line>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, read: 0, after_cr: false, ahead: VecDeque::new() }
    }

    /// Number of the line that is read next.
    pub(crate) fn next_number(&self) -> u64 {
        self.read + 1
    }

    /// The next line.
    pub(crate) fn take(&mut self) -> Result<Option<Line>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read_line(),
        }
    }

    /// The line after the next `skipped` ones; it is still to be taken.
    pub(crate) fn peek(&mut self, skipped: usize) -> Result<Option<&Line>> {
        while self.ahead.len() <= skipped {
            match self.read_line()? {
                Some(line) => self.ahead.push_back(line),
                None => return Ok(None),
            }
        }
        Ok(self.ahead.get(skipped))
    }

    /// A line that an error cuts off is none: its last cell may be half a number.
    fn read_line(&mut self) -> Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut begun = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if std::mem::take(&mut self.after_cr) && buffer.first() == Some(&b'\n') {
                self.reader.consume(1);
                continue;
            }
            if buffer.is_empty() && !begun {
                return Ok(None);
            }
            begun = true;
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
            let room = LINE_BYTES_MAX.saturating_sub(bytes.len()).min(part.len());
            bytes.extend_from_slice(part.get(..room).unwrap_or_default());
            self.after_cr = end.is_some_and(|end| buffer.get(end) == Some(&b'\r'));
            let (ended, consumed) = (end.is_some() || buffer.is_empty(), part.len() + usize::from(end.is_some()));
            self.reader.consume(consumed);
            if ended {
                self.read += 1;
                return Ok(Some(Line { number: self.read, bytes }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{BufReader, Read};

    use proptest::prelude::*;

    use super::*;

    fn lines(content: &[u8], capacity: usize) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(BufReader::with_capacity(capacity, content));
        std::iter::from_fn(|| lines.take().unwrap()).map(|line| (line.number, line.bytes)).collect()
    }

    #[test]
    fn lines_end_in_lf_cr_or_both_and_the_last_needs_no_end() {
        for capacity in [1, 2, 3, 64] {
            for content in ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc"] {
                let texts: Vec<_> = lines(content.as_bytes(), capacity).into_iter().map(|(_, text)| text).collect();
                assert_eq!(texts, [&b"a"[..], b"b", b"", b"c"], "{content:?} by {capacity}");
            }
        }
        assert_eq!(lines(b"", 8), []);
    }

    #[test]
    fn a_line_without_end_is_bounded_and_the_next_one_is_whole() {
        let long = [&vec![b'x'; 3 * LINE_BYTES_MAX][..], b"\nnext\n"].concat();
        let found = lines(&long, 1_000);
        assert_eq!(found[0].1.len(), LINE_BYTES_MAX);
        assert_eq!(found[1], (2, b"next".to_vec()));
    }

    #[test]
    fn what_an_error_cuts_off_is_no_line() {
        struct Breaks(&'static [u8]);
        impl Read for Breaks {
            fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
                if self.0.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { self.0.read(buffer) }
            }
        }
        let mut lines = Lines::new(BufReader::new(Breaks(b"1,70\n2,7")));
        assert_eq!(lines.take().unwrap().unwrap().bytes, b"1,70");
        assert_eq!(lines.next_number(), 2);
        assert!(lines.take().is_err(), "2,7 may have been 2,71");
    }

    proptest! {
        #[test]
        fn looking_ahead_changes_nothing(content in "[ab\r\n]{0,40}", looks in prop::collection::vec(0usize..4, 0..20)) {
            let plain = lines(content.as_bytes(), 7);
            let mut looked = Lines::new(BufReader::with_capacity(3, content.as_bytes()));
            let (mut found, mut looks) = (Vec::new(), looks.into_iter().cycle());
            loop {
                let skipped = looks.next().unwrap_or(0);
                let ahead = looked.peek(skipped).unwrap().map(|line| (line.number, line.bytes.clone()));
                prop_assert_eq!(ahead.as_ref(), plain.get(found.len() + skipped));
                let Some(line) = looked.take().unwrap() else { break };
                found.push((line.number, line.bytes));
            }
            prop_assert_eq!(found, plain);
        }
    }
}
