//! Many streams as one, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use vitals::Reading;

/// Merges streams that are each in the order of time; yields the number of the stream with each reading.
/// Readings of one instant come in the order of the numbers.
pub struct Merge<S> {
    streams: Vec<S>,
    heads: BinaryHeap<Reverse<(i64, usize, Reading)>>,
}

impl<S: Iterator<Item = Reading>> Merge<S> {
    /// Merges `streams`.
    pub fn new(mut streams: Vec<S>) -> Self {
        let heads = streams
            .iter_mut()
            .enumerate()
            .filter_map(|(number, stream)| stream.next().map(|head| Reverse((head.time_ms, number, head))))
            .collect();
        Self { streams, heads }
    }
}

impl<S: Iterator<Item = Reading>> Iterator for Merge<S> {
    type Item = (usize, Reading);

    fn next(&mut self) -> Option<Self::Item> {
        let mut top = self.heads.peek_mut()?;
        let Reverse((_, number, reading)) = *top;
        match self.streams.get_mut(number).and_then(Iterator::next) {
            Some(head) => *top = Reverse((head.time_ms, number, head)),
            None => {
                std::collections::binary_heap::PeekMut::pop(top);
            }
        }
        Some((number, reading))
    }
}
