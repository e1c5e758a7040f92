//! The rows of one batch in the order of its leaves, with what many of them share standing once.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ledger::BlobRef;

use crate::block::BATCH_RECORDS_MAX;
use crate::messages::NAME_BYTES_MAX;
use crate::row::{ROW_VALUES_MAX, Row, RowRef, RowValue, check_values};
use crate::{Provenance, Subject};

/// A device, and what it measures.
pub(crate) type Source<'a> = (&'a str, &'a Subject);

/// All of a row but its values; the order of the fields is the order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Head {
    pub(crate) time_ms: i64,
    /// Number of the source, in the sources' order.
    pub(crate) source: u32,
    pub(crate) offset_minutes: Option<i16>,
    pub(crate) provenance: Provenance,
    pub(crate) received_ms: i64,
    /// Number of the raw reference from 1, in the references' order; 0 for none.
    pub(crate) raw: u32,
}

/// Rows of readings. Sources and references are those in use, ascending, each once.
pub(crate) struct Rows<'a> {
    pub(crate) sources: Vec<Source<'a>>,
    pub(crate) raws: Vec<BlobRef>,
    /// Each with where its values end.
    pub(crate) heads: Vec<(Head, usize)>,
    pub(crate) values: Cow<'a, [RowValue]>,
}

impl<'a> Rows<'a> {
    /// Rows as they stand; whether they are in order is said by [`check`](Self::check).
    pub(crate) fn of(rows: &'a [Row]) -> Self {
        let mut sources: Vec<Source<'a>> = rows.iter().map(|row| (row.device.as_str(), &row.subject)).collect();
        // One device's rows lie beside each other: most go here.
        sources.dedup();
        sources.sort_unstable();
        sources.dedup();
        let mut raws: Vec<BlobRef> = rows.iter().filter_map(|row| row.raw).collect();
        raws.sort_unstable();
        raws.dedup();
        let mut values = Vec::new();
        let heads = rows.iter().map(|row| {
            values.extend_from_slice(&row.values);
            let place = row.raw.and_then(|raw| raws.binary_search(&raw).ok());
            let head = Head {
                time_ms: row.time_ms,
                source: number(sources.binary_search(&(row.device.as_str(), &row.subject)).unwrap_or_default()),
                offset_minutes: row.offset_minutes,
                provenance: row.provenance,
                received_ms: row.received_ms,
                raw: place.map_or(0, |at| number(at + 1)),
            };
            (head, values.len())
        });
        let heads = heads.collect();
        Self { sources, raws, heads, values: values.into() }
    }

    /// Puts rows in order: what belongs into one row joins it, and nothing stands beyond a row's bound.
    pub(crate) fn sorted(mut self) -> Self {
        if self.heads.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return self;
        }
        let mut all: Vec<(Head, RowValue)> = Vec::with_capacity(self.values.len());
        for (head, values) in self.iter() {
            all.extend(values.iter().map(|value| (*head, *value)));
        }
        all.sort_by(|(a, of_a), (b, of_b)| (a, of_a.order()).cmp(&(b, of_b.order())));
        self.heads.clear();
        let mut begun = 0;
        for (at, (head, _)) in all.iter().enumerate() {
            match self.heads.last_mut() {
                Some((last, end)) if last == head && at - begun < ROW_VALUES_MAX => *end = at + 1,
                _ => {
                    begun = at;
                    self.heads.push((*head, at + 1));
                }
            }
        }
        self.values = all.into_iter().map(|(_, value)| value).collect();
        self
    }

    /// Head and values of each row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Head, &[RowValue])> {
        let mut from = 0;
        self.heads.iter().map(move |(head, end)| {
            let values = self.values.get(from..*end).unwrap_or_default();
            from = *end;
            (head, values)
        })
    }

    /// The rows as their leaves commit to them.
    pub(crate) fn refs(&self) -> impl Iterator<Item = RowRef<'_>> {
        self.iter().filter_map(|(head, values)| {
            let (device, subject) = *self.sources.get(head.source as usize)?;
            Some(RowRef {
                device,
                subject,
                time_ms: head.time_ms,
                offset_minutes: head.offset_minutes,
                provenance: head.provenance,
                received_ms: head.received_ms,
                raw: (head.raw as usize).checked_sub(1).and_then(|at| self.raws.get(at).copied()),
                values,
            })
        })
    }

    /// Checks that these readings can make a batch in one way only: bounds, names, order, nothing twice, and no row that is
    /// split or holds what belongs into two.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let most = BATCH_RECORDS_MAX as usize;
        if self.heads.is_empty() || self.values.len() > most {
            return Err("it holds no reading, or more than 65536");
        }
        let location = |subject: &Subject| match subject {
            Subject::Patient => 0,
            Subject::Location(location) => location.len(),
        };
        if self.sources.iter().any(|(device, subject)| device.len().max(location(subject)) > NAME_BYTES_MAX) {
            return Err("the name of a device or location exceeds 128 bytes");
        }
        let mut before: Option<(&Head, &[RowValue])> = None;
        let mut alone = true;
        for (head, values) in self.iter() {
            check_values(values)?;
            if let Some((last, of_last)) = before {
                let goes_on = || {
                    let ends = of_last.last().map(RowValue::order);
                    last == head && of_last.len() == ROW_VALUES_MAX && ends < values.first().map(RowValue::order)
                };
                if last >= head && !goes_on() {
                    return Err("rows are out of order, or one is split");
                }
                alone &= last.time_ms != head.time_ms || self.device(last) != self.device(head);
            }
            before = Some((head, values));
        }
        if !alone && !self.names_each_once() {
            return Err("a reading stands twice");
        }
        Ok(())
    }

    fn device(&self, head: &Head) -> Option<&str> {
        self.sources.get(head.source as usize).map(|(device, _)| *device)
    }

    /// Whether one device has no (signal, sequence) twice at one moment; its rows of one moment lie beside each other.
    fn names_each_once(&self) -> bool {
        let (mut seen, mut of) = (BTreeSet::new(), None);
        self.iter().all(|(head, values)| {
            let own = Some((head.time_ms, self.device(head)));
            if of != own {
                seen.clear();
                of = own;
            }
            values.iter().all(|value| seen.insert(value.order()))
        })
    }
}

/// Batches hold far fewer of anything.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
