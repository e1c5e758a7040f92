//! Columns of integers as differences in few bytes, with exactly one encoding each.
//!
//! A difference is zig-zagged (Protocol Buffers' sint64) and written as LEB128; a run of zeros, which is what regular
//! sampling leaves behind, is one zero byte and the run's length.

use crate::pack::Malformed;

/// Appends LEB128.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Maps small magnitudes of either sign to small numbers.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Appends a column of numbers that are mostly zero or small.
pub(crate) fn put_column(out: &mut Vec<u8>, values: impl IntoIterator<Item = i64>) {
    let mut zeros = 0u64;
    for value in values {
        if value == 0 {
            zeros += 1;
            continue;
        }
        put_zeros(out, &mut zeros);
        put_varint(out, zigzag(value));
    }
    put_zeros(out, &mut zeros);
}

fn put_zeros(out: &mut Vec<u8>, zeros: &mut u64) {
    if *zeros > 0 {
        out.push(0);
        put_varint(out, *zeros - 1);
        *zeros = 0;
    }
}

/// A column of first and second differences: constant steps cost nothing.
pub(crate) fn put_second_differences(out: &mut Vec<u8>, values: impl IntoIterator<Item = i64>) {
    let (mut last, mut step) = (0i64, 0i64);
    put_column(
        out,
        values.into_iter().map(|value| {
            let next = value.wrapping_sub(last);
            let second = next.wrapping_sub(step);
            (last, step) = (value, next);
            second
        }),
    );
}

/// A column of differences, divided by their greatest common divisor: values of one resolution cost about a byte.
pub(crate) fn put_stepped(out: &mut Vec<u8>, values: &[i64]) {
    let first = values.first().copied().unwrap_or(0);
    let differences = || values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let divisor = differences().fold(0u64, |sum, difference| gcd(sum, difference.unsigned_abs()));
    put_varint(out, zigzag(first));
    put_varint(out, divisor);
    put_column(out, differences().map(|difference| divide(difference, divisor)));
}

/// Exact by construction: the divisor divides every difference. Zero where all differences are.
fn divide(difference: i64, divisor: u64) -> i64 {
    let magnitude = difference.unsigned_abs().checked_div(divisor).unwrap_or(0);
    let value = magnitude.cast_signed();
    if difference < 0 { value.wrapping_neg() } else { value }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Reads what the functions above wrote. Whether the bytes are the one encoding is checked by encoding again.
pub(crate) struct Columns<'a> {
    rest: &'a [u8],
}

impl<'a> Columns<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that are left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a number exceeds 64 bits"))
    }

    /// A count of at most `most`.
    pub(crate) fn count(&mut self, most: usize) -> Result<usize, Malformed> {
        usize::try_from(self.varint()?).ok().filter(|count| *count <= most).ok_or(Malformed("a count is too large"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        self.varint().map(unzigzag)
    }

    pub(crate) fn column(&mut self, count: usize) -> Result<Vec<i64>, Malformed> {
        let mut values = Vec::with_capacity(count);
        while values.len() < count {
            let value = self.signed()?;
            if value != 0 {
                values.push(value);
                continue;
            }
            let more = self.count(count - values.len() - 1)?;
            values.resize(values.len() + more + 1, 0);
        }
        Ok(values)
    }

    pub(crate) fn second_differences(&mut self, count: usize) -> Result<Vec<i64>, Malformed> {
        let mut values = self.column(count)?;
        let (mut last, mut step) = (0i64, 0i64);
        for value in &mut values {
            step = step.wrapping_add(*value);
            last = last.wrapping_add(step);
            *value = last;
        }
        Ok(values)
    }

    /// At least one value.
    pub(crate) fn stepped(&mut self, count: usize) -> Result<Vec<i64>, Malformed> {
        let first = self.signed()?;
        let divisor = self.varint()?.cast_signed();
        let steps = self.column(count.saturating_sub(1))?;
        let mut values = Vec::with_capacity(count);
        let mut last = first;
        values.push(first);
        for step in steps {
            last = last.wrapping_add(step.wrapping_mul(divisor));
            values.push(last);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_regular_column_costs_a_handful_of_bytes_whatever_its_length() {
        let mut out = Vec::new();
        put_second_differences(&mut out, (0..10_000).map(|minute| 1_700_000_000_000 + minute * 60_000));
        assert!(out.len() <= 20, "{} bytes", out.len());
    }

    #[test]
    fn numbers_beyond_64_bits_and_runs_beyond_the_column_are_refused() {
        assert!(Columns::new(&[0xff; 10]).varint().is_err());
        assert!(Columns::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).varint().is_err());
        assert_eq!(Columns::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).varint(), Ok(u64::MAX));
        assert!(Columns::new(&[0, 5]).column(5).is_err());
        assert_eq!(Columns::new(&[0, 4]).column(5), Ok(vec![0; 5]));
        assert!(Columns::new(&[]).column(1).is_err());
    }

    proptest! {
        #[test]
        fn any_column_comes_back(values in proptest::collection::vec(prop_oneof![any::<i64>(), -3..3i64], 1..50)) {
            let mut out = Vec::new();
            put_column(&mut out, values.iter().copied());
            put_second_differences(&mut out, values.iter().copied());
            put_stepped(&mut out, &values);
            let mut columns = Columns::new(&out);
            prop_assert_eq!(&columns.column(values.len()).unwrap(), &values);
            prop_assert_eq!(&columns.second_differences(values.len()).unwrap(), &values);
            prop_assert_eq!(&columns.stepped(values.len()).unwrap(), &values);
            prop_assert!(columns.rest().is_empty());
        }
    }
}
