//! A block as a stream of parts, and back. Parts come unordered, from anyone, perhaps never: everything is bounded.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::{Bytes, BytesMut};

use super::codec::CHUNK_BYTES;
use super::types::{Opening, Part};

/// Streams that one publisher may have open; opening one more drops its oldest.
const STREAMS_PER_PUBLISHER: usize = 6;
/// Publishers with open streams.
const PUBLISHERS: usize = 256;

/// The parts of a block, in order, with their sequence numbers.
pub(crate) fn split(opening: Opening, block: &Bytes) -> Vec<(u64, Part)> {
    let mut parts = vec![(0, Part::Opening(Box::new(opening)))];
    for (sequence, start) in (1u64..).zip((0..block.len()).step_by(CHUNK_BYTES)) {
        let end = block.len().min(start + CHUNK_BYTES);
        parts.push((sequence, Part::Chunk(block.slice(start..end))));
    }
    parts
}

/// Who published a stream and under which id.
pub(crate) type StreamKey = (Vec<u8>, Vec<u8>);

#[derive(Default)]
struct Stream {
    opening: Option<Opening>,
    chunks: BTreeMap<u64, Bytes>,
    bytes: usize,
    done: bool,
}

/// Streams that are not complete yet.
pub(crate) struct Assembler {
    block_bytes_max: usize,
    streams: HashMap<StreamKey, Stream>,
    /// Each publisher's streams, oldest first.
    publishers: HashMap<Vec<u8>, VecDeque<Vec<u8>>>,
}

impl Assembler {
    pub(crate) fn new(block_bytes_max: usize) -> Self {
        Self { block_bytes_max, streams: HashMap::new(), publishers: HashMap::new() }
    }

    fn chunks_of(bytes: usize) -> u64 {
        bytes.div_ceil(CHUNK_BYTES) as u64
    }

    /// Takes a part in; answers with the opening and the bytes when they are complete. `accepts` judges an opening.
    ///
    /// The bytes' length is what the opening says; whether they hash to the block is the caller's to check.
    pub(crate) fn insert(
        &mut self,
        key: &StreamKey,
        sequence: u64,
        part: Part,
        accepts: impl FnOnce(&Opening) -> bool,
    ) -> Option<(Opening, Bytes)> {
        match part {
            Part::Opening(opening) if sequence == 0 => {
                let bytes = opening.content.block_bytes as usize;
                if bytes == 0 || bytes > self.block_bytes_max || !accepts(&opening) {
                    return None;
                }
                let stream = self.stream(key)?;
                stream.opening.get_or_insert(*opening);
            }
            Part::Chunk(bytes) if sequence >= 1 && sequence <= Self::chunks_of(self.block_bytes_max) => {
                let stream = self.stream(key)?;
                if stream.done || bytes.len() > CHUNK_BYTES || stream.chunks.contains_key(&sequence) {
                    return None;
                }
                stream.bytes += bytes.len();
                stream.chunks.insert(sequence, bytes);
            }
            _ => return None,
        }
        let stream = self.streams.get_mut(key)?;
        let opening = stream.opening.as_ref()?;
        let bytes = opening.content.block_bytes as usize;
        let complete = stream.bytes == bytes
            && stream.chunks.len() as u64 == Self::chunks_of(bytes)
            && stream.chunks.last_key_value().is_some_and(|(last, _)| *last == Self::chunks_of(bytes));
        if !complete || stream.done {
            return None;
        }
        stream.done = true;
        let opening = opening.clone();
        let mut block = BytesMut::with_capacity(bytes);
        for chunk in std::mem::take(&mut stream.chunks).into_values() {
            block.extend_from_slice(&chunk);
        }
        Some((opening, block.freeze()))
    }

    fn stream(&mut self, key: &StreamKey) -> Option<&mut Stream> {
        let (publisher, id) = key;
        if !self.streams.contains_key(key) {
            if !self.publishers.contains_key(publisher) && self.publishers.len() >= PUBLISHERS {
                return None;
            }
            let of_publisher = self.publishers.entry(publisher.clone()).or_default();
            of_publisher.push_back(id.clone());
            if of_publisher.len() > STREAMS_PER_PUBLISHER
                && let Some(oldest) = of_publisher.pop_front()
            {
                self.streams.remove(&(publisher.clone(), oldest));
            }
            self.streams.insert(key.clone(), Stream::default());
        }
        self.streams.get_mut(key)
    }

    /// Forgets streams of heights that are decided.
    pub(crate) fn prune(&mut self, decided: u64) {
        self.streams.retain(|_, stream| stream.opening.as_ref().is_none_or(|opening| opening.content.height > decided));
        let streams = &self.streams;
        self.publishers.retain(|publisher, ids| {
            ids.retain(|id| streams.contains_key(&(publisher.clone(), id.clone())));
            !ids.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]
    use super::super::types::OpeningContent;
    use super::*;
    use ledger::{Digest, PublicKey, Signature};
    use proptest::prelude::*;

    fn opening(height: u64, block_bytes: usize) -> Opening {
        let content = OpeningContent {
            height,
            round: 0,
            block: Digest::ZERO,
            block_bytes: block_bytes as u32,
            proposer: PublicKey([1; 32]),
        };
        Opening { content, signature: Signature([0; 64]) }
    }

    fn key(publisher: u8, stream: u8) -> StreamKey {
        (vec![publisher], vec![stream])
    }

    proptest! {
        #[test]
        fn a_block_comes_back_whatever_the_order_and_however_often_parts_come(
            bytes in 1usize..700_000, order in proptest::collection::vec(any::<u32>(), 16), twice in any::<bool>(),
        ) {
            let block: Bytes = (0..bytes).map(|i| (i / 1000) as u8).collect::<Vec<_>>().into();
            let mut parts = split(opening(1, bytes), &block);
            prop_assert!(parts.iter().all(|(_, part)| !matches!(part, Part::Chunk(chunk) if chunk.len() > CHUNK_BYTES)));
            if twice { parts.extend(parts.clone()); }
            for (i, swap) in order.iter().enumerate() {
                let len = parts.len();
                parts.swap(i % len, *swap as usize % len);
            }
            let mut assembler = Assembler::new(1 << 20);
            let complete: Vec<_> = parts.into_iter().filter_map(|(n, part)| assembler.insert(&key(1, 1), n, part, |_| true)).collect();
            prop_assert_eq!(complete.len(), 1);
            prop_assert_eq!(&complete[0].1, &block);
        }
    }

    #[test]
    fn an_opening_that_is_not_accepted_or_too_large_opens_nothing() {
        let mut assembler = Assembler::new(1000);
        let block = Bytes::from(vec![7; 10]);
        for (opened, accepted) in [(opening(1, 10), false), (opening(1, 1001), true), (opening(1, 0), true)] {
            for (n, part) in split(opened, &block) {
                assert!(assembler.insert(&key(1, 1), n, part, |_| accepted).is_none());
            }
        }
    }

    #[test]
    fn parts_of_two_publishers_under_one_stream_id_do_not_mix() {
        let mut assembler = Assembler::new(1000);
        let (good, bad) = (Bytes::from(vec![7; 10]), Bytes::from(vec![8; 10]));
        let [(_, first), (_, second)] = split(opening(1, 10), &good).try_into().unwrap();
        assert!(assembler.insert(&key(1, 1), 0, first, |_| true).is_none());
        assert!(assembler.insert(&key(2, 1), 1, Part::Chunk(bad), |_| true).is_none());
        assert_eq!(assembler.insert(&key(1, 1), 1, second, |_| true).unwrap().1, good);
    }

    #[test]
    fn a_publisher_that_opens_many_streams_loses_its_oldest_and_nobody_elses() {
        let mut assembler = Assembler::new(1000);
        let chunk = || Part::Chunk(Bytes::from(vec![7; 10]));
        assembler.insert(&key(2, 0), 1, chunk(), |_| true);
        for stream in 0..200 {
            assembler.insert(&key(1, stream), 1, chunk(), |_| true);
        }
        assert_eq!(assembler.streams.len(), STREAMS_PER_PUBLISHER + 1);
        let opened = assembler.insert(&key(2, 0), 0, Part::Opening(Box::new(opening(3, 10))), |_| true);
        assert!(opened.is_some());
        assembler.prune(3);
        assert!(!assembler.streams.contains_key(&key(2, 0)), "decided heights are forgotten");
    }

    #[test]
    fn a_chunk_beyond_the_largest_block_is_not_kept() {
        let mut assembler = Assembler::new(CHUNK_BYTES);
        assembler.insert(&key(1, 1), 2, Part::Chunk(Bytes::from(vec![7; 10])), |_| true);
        assembler.insert(&key(1, 1), u64::MAX, Part::Chunk(Bytes::from(vec![7; 10])), |_| true);
        assert!(assembler.streams.is_empty());
    }
}
