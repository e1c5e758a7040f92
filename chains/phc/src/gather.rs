//! Readings of one category as they come, gathered into rows.

use std::borrow::Cow;

use ledger::BlobRef;

use crate::row::{ROW_VALUES_MAX, RowValue};
use crate::rows::{Head, Rows};
use crate::{Provenance, Reading, Subject};

/// Which message readings came with: of one [`BlockBuilder`](crate::BlockBuilder), until it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(u32);

/// What the readings of one message share. Device, subject and raw reference stand once for many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message {
    source: u32,
    /// From 1; 0 for none.
    raw: u32,
    received_ms: i64,
}

/// The messages of a block under way.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    sources: Vec<(String, Subject)>,
    raws: Vec<BlobRef>,
    all: Vec<Message>,
}

impl Messages {
    pub(crate) fn origin(&mut self, device: &str, subject: &Subject, received_ms: i64, raw: Option<BlobRef>) -> Origin {
        let same = |(own, about): &(String, Subject)| own == device && about == subject;
        let source = place_of(&mut self.sources, same, || (device.to_owned(), subject.clone()));
        let raw = raw.map_or(0, |raw| place_of(&mut self.raws, |known| *known == raw, || raw).saturating_add(1));
        let message = Message { source, raw, received_ms };
        if self.all.last() != Some(&message) {
            self.all.push(message);
        }
        Origin(u32::try_from(self.all.len()).unwrap_or(u32::MAX).saturating_sub(1))
    }

    pub(crate) fn touch(&self) -> u64 {
        let received_ms = self.all.last().map_or(0, |message| message.received_ms);
        let name = self.sources.last().and_then(|(device, _)| device.as_bytes().first()).copied();
        received_ms.cast_unsigned().wrapping_add(name.map_or(0, u64::from))
    }

    pub(crate) fn knows(&self, origin: Origin) -> bool {
        (origin.0 as usize) < self.all.len()
    }
}

/// Where something stands in a short list, the latest first; it is added where it does not.
fn place_of<T>(list: &mut Vec<T>, same: impl FnMut(&T) -> bool, make: impl FnOnce() -> T) -> u32 {
    let at = list.iter().rposition(same).unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What a row that is being gathered has beside its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Begun {
    time_ms: i64,
    origin: Origin,
    offset_minutes: Option<i16>,
    provenance: Provenance,
}

/// The readings of one category.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Each with where its values begin.
    rows: Vec<(Begun, usize)>,
    values: Vec<RowValue>,
}

impl Gathered {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// None yet, with room for as many.
    pub(crate) fn like(&self) -> Self {
        Self { rows: Vec::with_capacity(self.rows.len()), values: Vec::with_capacity(self.values.len()) }
    }

    pub(crate) fn touch(&self) -> u64 {
        let row = self.rows.last().map_or(0, |(row, _)| row.time_ms);
        row.cast_unsigned().wrapping_add(self.values.last().map_or(0, |value| value.sequence))
    }

    pub(crate) fn push(&mut self, origin: Origin, sequence: u64, reading: &Reading) {
        let Reading { signal, value_milli, time_ms, offset_minutes, provenance } = *reading;
        let begun = Begun { time_ms, origin, offset_minutes, provenance };
        let value = RowValue { signal, sequence, value_milli };
        match self.rows.last() {
            Some((last, from)) if *last == begun && self.values.len() - from < ROW_VALUES_MAX => {
                // They come nearly in order.
                let row = self.values.get(*from..).unwrap_or_default();
                let after = row.iter().rposition(|known| known.order() <= value.order());
                let at = after.map_or(*from, |after| from + after + 1);
                self.values.insert(at, value);
            }
            _ => {
                self.rows.push((begun, self.values.len()));
                self.values.push(value);
            }
        }
    }

    /// The rows of the batch, in order.
    pub(crate) fn rows<'a>(&'a self, messages: &'a Messages) -> Rows<'a> {
        let message = |row: &Begun| messages.all.get(row.origin.0 as usize).copied();
        let of =
            |part: fn(&Message) -> u32| self.rows.iter().filter_map(move |(row, _)| message(row).map(|of| part(&of)));
        let (used, source_ranks) = ranked(of(|message| message.source), &messages.sources, 0);
        let sources = used.into_iter().map(|(device, subject)| (device.as_str(), subject)).collect();
        let (raws, raw_ranks) = ranked(of(|message| message.raw), &messages.raws, 1);
        let ends = self.rows.iter().skip(1).map(|(_, from)| *from).chain([self.values.len()]);
        let mut heads = Vec::with_capacity(self.rows.len());
        heads.extend(self.rows.iter().zip(ends).filter_map(|((row, _), end)| {
            let Message { source, raw, received_ms } = message(row)?;
            let head = Head {
                time_ms: row.time_ms,
                source: *source_ranks.get(source as usize)?,
                offset_minutes: row.offset_minutes,
                provenance: row.provenance,
                received_ms,
                raw: if raw == 0 { 0 } else { raw_ranks.get(raw as usize - 1)?.saturating_add(1) },
            };
            Some((head, end))
        }));
        Rows { sources, raws: raws.into_iter().copied().collect(), heads, values: Cow::Borrowed(&self.values) }.sorted()
    }
}

/// The items in use, ascending, and for each item its place among them. `numbers` count from `first`; lower ones mean none.
fn ranked<T: Ord>(numbers: impl Iterator<Item = u32>, items: &[T], first: u32) -> (Vec<&T>, Vec<u32>) {
    let mut used = vec![false; items.len()];
    for number in numbers {
        if let Some(place) = number.checked_sub(first).and_then(|at| used.get_mut(at as usize)) {
            *place = true;
        }
    }
    let mut order: Vec<(&T, usize)> =
        items.iter().zip(0..).zip(&used).filter(|(_, used)| **used).map(|(item, _)| item).collect();
    order.sort_unstable();
    let mut ranks = vec![0; items.len()];
    for (rank, (_, at)) in (0..).zip(&order) {
        if let Some(place) = ranks.get_mut(*at) {
            *place = rank;
        }
    }
    (order.into_iter().map(|(item, _)| item).collect(), ranks)
}
