//! Rows of readings as columns: what kind 0 of `docs/formats.md`, section 3.3, says.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ledger::{BlobRef, decode, encode};

use crate::block::BATCH_RECORDS_MAX;
use crate::column::{Columns, put_column, put_second_differences, put_stepped, put_varint};
use crate::messages::NAME_BYTES_MAX;
use crate::pack::Malformed;
use crate::row::{ROW_VALUES_MAX, Row, RowValue};
use crate::rows::{Head, Rows};
use crate::{Provenance, Subject};

const RAW_BYTES: usize = 76;

/// What the rows of one series have in common: source, provenance, offset, and the signals of their values.
#[derive(Clone, Copy)]
struct Shape<'a> {
    head: &'a Head,
    values: &'a [RowValue],
}

impl Shape<'_> {
    fn signals(&self) -> impl Iterator<Item = u16> + '_ {
        self.values.iter().map(|value| value.signal)
    }
}

impl Ord for Shape<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |head: &Head| (head.source, head.provenance, head.offset_minutes);
        key(self.head).cmp(&key(other.head)).then_with(|| self.signals().cmp(other.signals()))
    }
}

impl PartialOrd for Shape<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Shape<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Shape<'_> {}

/// Appends the columns. Whether the rows are in order is for the caller to check.
pub(crate) fn pack_rows(out: &mut Vec<u8>, rows: &Rows<'_>) {
    put_varint(out, rows.sources.len() as u64);
    for (device, subject) in &rows.sources {
        put_text(out, device);
        out.push(u8::from(matches!(subject, Subject::Location(_))));
        if let Subject::Location(location) = subject {
            put_text(out, location);
        }
    }
    put_varint(out, rows.raws.len() as u64);
    rows.raws.iter().for_each(|raw| out.extend_from_slice(&encode(raw)));
    let series = by_shape(rows);
    put_varint(out, series.len() as u64);
    for (shape, rows) in &series {
        put_series(out, shape, rows);
    }
}

/// The rows of each series, series ascending.
fn by_shape<'a>(rows: &'a Rows<'_>) -> Vec<(Shape<'a>, Vec<Shape<'a>>)> {
    let mut series: Vec<(Shape<'a>, Vec<Shape<'a>>)> = Vec::new();
    let mut places: BTreeMap<Shape<'a>, usize> = BTreeMap::new();
    let mut last = 0;
    for (head, values) in rows.iter() {
        let row = Shape { head, values };
        // One row is nearly always like the one before.
        if series.get(last).is_none_or(|(shape, _)| *shape != row) {
            last = *places.entry(row).or_insert(series.len());
            if last == series.len() {
                // Most batches are one series.
                let room = if series.is_empty() { rows.heads.len() } else { 0 };
                series.push((row, Vec::with_capacity(room)));
            }
        }
        if let Some((_, rows)) = series.get_mut(last) {
            rows.push(row);
        }
    }
    series.sort_unstable_by_key(|(shape, _)| *shape);
    series
}

fn put_series(out: &mut Vec<u8>, shape: &Shape<'_>, rows: &[Shape<'_>]) {
    put_varint(out, u64::from(shape.head.source));
    out.push(shape.head.provenance as u8);
    out.push(u8::from(shape.head.offset_minutes.is_some()));
    if let Some(offset) = shape.head.offset_minutes {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    put_varint(out, shape.values.len() as u64);
    shape.signals().for_each(|signal| put_varint(out, u64::from(signal)));
    put_varint(out, rows.len() as u64);
    put_second_differences(out, rows.iter().map(|row| row.head.time_ms));
    put_second_differences(out, rows.iter().map(|row| row.head.received_ms.wrapping_sub(row.head.time_ms)));
    put_column(out, rows.iter().map(|row| i64::from(row.head.raw)));
    let mut column = Vec::with_capacity(rows.len());
    for at in 0..shape.values.len() {
        put_second_differences(out, rows.iter().filter_map(|row| ahead(row.values, at)));
        column.clear();
        column.extend(rows.iter().filter_map(|row| row.values.get(at)).map(|value| value.value_milli));
        put_stepped(out, &column);
    }
}

/// The sequence of a row's first value; of each further one how far it lies beyond the one after the value before.
fn ahead(values: &[RowValue], at: usize) -> Option<i64> {
    let sequence = values.get(at)?.sequence;
    let expected =
        at.checked_sub(1).and_then(|before| values.get(before)).map_or(0, |value| value.sequence.wrapping_add(1));
    Some(sequence.wrapping_sub(expected).cast_signed())
}

/// Reads the columns; whether they are the one encoding is checked by packing again.
pub(crate) fn unpack_rows(columns: &mut Columns<'_>) -> Result<Vec<Row>, Malformed> {
    let most = BATCH_RECORDS_MAX as usize;
    let mut sources = Vec::new();
    for _ in 0..columns.count(most)? {
        let device = text(columns)?;
        let subject = match columns.byte()? {
            0 => Subject::Patient,
            1 => Subject::Location(text(columns)?),
            _ => return Err(Malformed("a subject is unknown")),
        };
        sources.push((device, subject));
    }
    let mut raws: Vec<BlobRef> = Vec::new();
    for _ in 0..columns.count(most)? {
        let raw = decode("reference", columns.bytes(RAW_BYTES)?);
        raws.push(raw.map_err(|_| Malformed("a reference does not decode"))?);
    }
    let (mut rows, mut room) = (Vec::new(), most);
    for _ in 0..columns.count(most)? {
        let (device, subject) = sources.get(columns.count(most)?).ok_or(Malformed("a source is missing"))?;
        let provenance = match columns.byte()? {
            0 => Provenance::Device,
            1 => Provenance::Manual,
            _ => return Err(Malformed("a provenance is unknown")),
        };
        let offset_minutes = match columns.byte()? {
            0 => None,
            1 => Some(i16::from_le_bytes([columns.byte()?, columns.byte()?])),
            _ => return Err(Malformed("an offset is neither there nor not")),
        };
        let signal = |columns: &mut Columns<'_>| {
            u16::try_from(columns.varint()?).map_err(|_| Malformed("a signal exceeds 16 bits"))
        };
        let signals = (0..columns.count(ROW_VALUES_MAX.min(room))?).map(|_| signal(columns));
        let signals = signals.collect::<Result<Vec<u16>, _>>()?;
        let count = columns.count(room.checked_div(signals.len()).unwrap_or(0))?;
        if count == 0 {
            return Err(Malformed("a series is empty"));
        }
        room -= count * signals.len();
        let times = columns.second_differences(count)?;
        let delays = columns.second_differences(count)?;
        let references = columns.column(count)?;
        let first = rows.len();
        for at in 0..count {
            let raw = match references[at] {
                0 => None,
                place => {
                    let place = usize::try_from(place).map_err(|_| Malformed("a reference is missing"))?;
                    Some(*raws.get(place - 1).ok_or(Malformed("a reference is missing"))?)
                }
            };
            rows.push(Row {
                device: device.clone(),
                subject: subject.clone(),
                time_ms: times[at],
                offset_minutes,
                provenance,
                received_ms: delays[at].wrapping_add(times[at]),
                raw,
                values: Vec::with_capacity(signals.len()),
            });
        }
        for signal in signals {
            let sequences = columns.second_differences(count)?;
            let values = columns.stepped(count)?;
            for ((row, ahead), value_milli) in rows[first..].iter_mut().zip(sequences).zip(values) {
                let expected = row.values.last().map_or(0, |value: &RowValue| value.sequence.wrapping_add(1));
                let sequence = expected.wrapping_add(ahead.cast_unsigned());
                row.values.push(RowValue { signal, sequence, value_milli });
            }
        }
    }
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(rows)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn text(columns: &mut Columns<'_>) -> Result<String, Malformed> {
    let length = columns.count(NAME_BYTES_MAX)?;
    let text = std::str::from_utf8(columns.bytes(length)?).map_err(|_| Malformed("a name is not UTF-8"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(minute: i64, signals: &[u16]) -> Row {
        let value = |signal: &u16| RowValue { signal: *signal, sequence: 10 * minute.unsigned_abs(), value_milli: 7 };
        Row {
            device: "watch".into(),
            subject: Subject::Patient,
            time_ms: minute * 60_000,
            offset_minutes: Some(60),
            provenance: Provenance::Device,
            received_ms: minute * 60_000 + 400,
            raw: None,
            values: signals.iter().map(value).collect(),
        }
    }

    fn packed(rows: &[Row]) -> Vec<u8> {
        let mut out = [&[1][..], &[5; 32], &[0]].concat();
        pack_rows(&mut out, &Rows::of(rows));
        out
    }

    fn refused(rows: &[Row]) -> bool {
        crate::pack::unpack(&packed(rows)).is_err()
    }

    /// Columns that say a batch in another way than the one: readings moved, rows split, merged or out of order.
    #[test]
    fn packed_rows_that_are_not_the_only_way_to_say_it_are_refused() {
        let honest = [row(1, &[1, 2, 3]), row(2, &[1, 2, 3]), row(3, &[1, 2])];
        assert_eq!(crate::pack::unpack(&packed(&honest)).unwrap().1, crate::Records::Readings(honest.to_vec()));
        let split = [row(1, &[1]), row(1, &[2, 3]), row(2, &[1, 2, 3]), row(3, &[1, 2])];
        assert!(refused(&split), "split");
        assert!(refused(&[row(1, &[1, 2, 3, 1, 2, 3]), row(3, &[1, 2])]), "merged");
        assert!(refused(&[row(1, &[2, 1, 3]), row(2, &[1, 2, 3])]), "values out of order");
        assert!(refused(&[row(1, &[1, 2]), row(2, &[1, 2, 3]), row(2, &[3])]), "one moved beside its like");
        assert!(refused(&[row(1, &[1, 1])]), "one twice");
        assert!(refused(&[row(1, &[])]) && refused(&[]), "none");
        // Rows that were packed out of order lie in another order within their series.
        let [a, b, c] = honest;
        assert!(refused(&[b, a, c]), "out of order");
    }
}
