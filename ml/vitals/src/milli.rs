//! Integer thousandths: the one form in which a value is stored, hashed and compared.
//!
//! A value of 36.6 `Cel` is 36 600. Decimal text is converted exactly; digits after the third
//! are rounded half away from zero, so that the same text gives the same integer everywhere.

/// Thousandths in one unit.
pub const ONE: i64 = 1_000;

/// Largest magnitude that is accepted, in thousandths (10¹² units).
pub const MAX: i64 = 1_000_000_000_000_000;

/// Longest decimal text that is looked at, in bytes.
const MAX_TEXT_BYTES: usize = 64;

/// Thousandths from decimal text such as `74`, `-3.5`, `13.20769087` or `1.2e3`.
///
/// `None` where the text is no finite decimal number, is longer than 64 bytes or exceeds
/// [`MAX`] in magnitude.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mantissa, exponent) = match digits.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (digits.get(..at)?, parse_exponent(digits.get(at + 1..)?)?),
        None => (digits, 0),
    };
    let mut number: i128 = 0;
    let mut decimals: i32 = 0;
    let mut seen_digit = false;
    let mut seen_point = false;
    for byte in mantissa {
        match byte {
            b'0'..=b'9' => {
                seen_digit = true;
                // 64 digits do not fit; leading digits beyond the bound are refused at once.
                number = number.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                decimals += i32::from(seen_point);
            }
            b'.' if !seen_point => seen_point = true,
            _ => return None,
        }
    }
    if !seen_digit {
        return None;
    }
    let shift = exponent - decimals + 3;
    let magnitude = if number == 0 {
        0
    } else if shift >= 0 {
        number.checked_mul(10_i128.checked_pow(shift.unsigned_abs())?)?
    } else {
        match 10_i128.checked_pow(shift.unsigned_abs()) {
            Some(divisor) => divide_rounded(number, divisor),
            None => 0,
        }
    };
    let value = i64::try_from(magnitude).ok().filter(|v| *v <= MAX)?;
    Some(if negative { -value } else { value })
}

/// Thousandths from a float, rounded half away from zero; `None` where it is not finite or too large.
#[must_use]
pub fn from_f64(value: f64) -> Option<i64> {
    let scaled = libm::round(value * 1_000.0);
    // `MAX` is exactly representable, so the comparison also refuses NaN and infinities.
    if scaled.abs() <= 1.0e15 {
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the line above")]
        return Some(scaled as i64);
    }
    None
}

/// Decimal text of a value in thousandths, without trailing zeros: 36 600 gives `36.6`.
#[must_use]
pub fn to_text(value_milli: i64) -> String {
    let sign = if value_milli < 0 { "-" } else { "" };
    let magnitude = value_milli.unsigned_abs();
    let (whole, rest) = (magnitude / 1_000, magnitude % 1_000);
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{rest:03}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

/// Mean of `count` values that sum up to `sum_milli`, rounded half away from zero; the sum itself of none.
pub(crate) fn mean(sum_milli: i64, count: u32) -> i64 {
    if count <= 1 {
        return sum_milli;
    }
    let (count, half) = (i64::from(count), i64::from(count / 2));
    if sum_milli >= 0 { sum_milli.saturating_add(half) / count } else { sum_milli.saturating_sub(half) / count }
}

/// `numerator / denominator` rounded half away from zero. The denominator must be positive.
pub(crate) fn divide_rounded(numerator: i128, denominator: i128) -> i128 {
    let half = denominator / 2;
    if numerator >= 0 {
        (numerator.saturating_add(half)) / denominator
    } else {
        (numerator.saturating_sub(half)) / denominator
    }
}

fn parse_exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 3 {
        return None;
    }
    let mut value = 0_i32;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i32::from(byte - b'0');
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimal_text_becomes_exact_thousandths() {
        for (text, value) in [
            ("74.0", 74_000),
            ("74", 74_000),
            (" 0.001 ", 1),
            ("-3.5", -3_500),
            ("+2.", 2_000),
            (".5", 500),
            ("13.20769087", 13_208),
            ("0.0005", 1),
            ("-0.0005", -1),
            ("0.00049", 0),
            ("1.2e3", 1_200_000),
            ("12E-1", 1_200),
            ("0e999", 0),
            ("1e-900", 0),
            ("1000000000000", MAX),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_bounded_decimal_number_is_refused() {
        for text in [
            "",
            " ",
            ".",
            "-",
            "e3",
            "1e",
            "1e+",
            "1.2.3",
            "NaN",
            "inf",
            "0x10",
            "1,5",
            "1e13",
            "1000000000000.001",
            "12 3",
            "1e9999",
            &"9".repeat(65),
            &"9".repeat(60),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for value in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1.1e12, f64::MAX] {
            assert_eq!(from_f64(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn text_of_a_value_reads_back_as_the_value(value in -MAX..=MAX) {
            prop_assert_eq!(parse(&to_text(value)), Some(value));
        }

        #[test]
        fn floats_and_their_shortest_text_agree(value in -1.0e6_f64..1.0e6) {
            let (from_float, from_text) = (from_f64(value).unwrap(), parse(&value.to_string()).unwrap());
            // They may differ only where the float product rounds on the half.
            prop_assert!((from_float - from_text).abs() <= 1);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".{0,80}") {
            let _ = parse(&text);
        }
    }
}
