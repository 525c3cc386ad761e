//! Numbers as JavaScript prints and reads them.
//!
//! Everything here appends to the caller's buffer without allocating, and every form equals what
//! `JSON.stringify` prints for the double that mysql2's text protocol yields for the same value.

use std::io::Write;

/// The largest magnitude up to which every integer is a double of its own (2^53).
const EXACT: u64 = 1 << 53;

/// The value of a column's `decimals` from which the server prints a DOUBLE in its shortest form.
const SHORTEST_FROM: u8 = 31;

/// Up to this many characters mysql2 adds up the digits itself; beyond it asks `Number.parseFloat`.
const ACCUMULATED: usize = 17;

/// Appends a double as `JSON.stringify` prints it: `null` for NaN and the infinities, `0` for -0.
pub fn write_f64(value: f64, out: &mut Vec<u8>) {
    let whole = value as i64;
    if whole as f64 == value && whole.unsigned_abs() <= EXACT {
        write_i64(whole, out);
    } else if let Some(hundredths) = hundredths(value) {
        write_hundredths(hundredths, out);
    } else if value.is_finite() {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Appends a FLOAT as the shortest decimal that reads back as the same single: 10.84, not
/// 10.84000015258789.
///
/// A single needs at most nine digits and a double tells all decimals of fifteen digits apart, so
/// JavaScript prints the double of that decimal with exactly these digits.
pub fn write_f32_shortest(value: f32, out: &mut Vec<u8>) {
    let whole = value as i32;
    if whole as f32 == value && whole.unsigned_abs() <= 1 << 24 {
        write_i64(i64::from(whole), out);
    } else if let Some(hundredths) = single_hundredths(value) {
        write_hundredths(hundredths, out);
    } else if value.is_finite() {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// The double that [`write_f32_shortest`]'s decimal reads as.
pub fn f32_as_f64(value: f32) -> f64 {
    let wide = f64::from(value);
    if !value.is_finite() || (wide.trunc() == wide && wide.abs() <= f64::from(1 << 24)) {
        return wide;
    }
    if let Some(hundredths) = single_hundredths(value) {
        return hundredths as f64 / 100.0;
    }
    let mut digits = ryu_js::Buffer::new();
    digits.format_finite(value).parse().unwrap_or(wide)
}

/// Appends a signed integer with all its digits.
pub fn write_i64(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    write_u64(value.unsigned_abs(), out);
}

/// Appends an unsigned integer with all its digits.
pub fn write_u64(value: u64, out: &mut Vec<u8>) {
    // Twenty digits hold every u64; they are filled from the end, two at a time.
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    let mut rest = value;
    while rest >= 100 {
        let pair = ((rest % 100) * 2) as usize;
        rest /= 100;
        start -= 2;
        digits[start] = PAIRS[pair];
        digits[start + 1] = PAIRS[pair + 1];
    }
    if rest >= 10 {
        let pair = (rest * 2) as usize;
        start -= 2;
        digits[start] = PAIRS[pair];
        digits[start + 1] = PAIRS[pair + 1];
    } else {
        start -= 1;
        digits[start] = b'0' + rest as u8;
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends an unsigned integer with zeros in front up to `width` digits, as the text of a ZEROFILL column has them.
pub fn write_u64_padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let digits = value.checked_ilog10().map_or(1, |power| power as usize + 1);
    out.resize(out.len() + width.saturating_sub(digits), b'0');
    write_u64(value, out);
}

/// Appends a signed integer as a JavaScript Number prints it: beyond 2^53 the nearest double.
pub fn i64_as_js_number(value: i64, out: &mut Vec<u8>) {
    if value.unsigned_abs() <= EXACT {
        write_i64(value, out);
    } else {
        write_f64(value as f64, out);
    }
}

/// Appends an unsigned integer as a JavaScript Number prints it: beyond 2^53 the nearest double.
pub fn u64_as_js_number(value: u64, out: &mut Vec<u8>) {
    if value <= EXACT {
        write_u64(value, out)
    } else {
        write_f64(value as f64, out)
    }
}

/// Reads the server's text of a DECIMAL or DOUBLE as mysql2 does.
///
/// mysql2 adds up to seventeen characters digit by digit and divides once, which is off by a unit in
/// the last place for some sixteen-digit values; equal results need the same arithmetic. Longer
/// texts and those with an exponent are read as `Number.parseFloat` reads them.
pub fn decimal_to_f64(text: &[u8]) -> f64 {
    if text.is_empty() {
        return 0.0;
    }
    if text.len() > ACCUMULATED {
        return parse_float(text);
    }
    let (mut factor, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    let mut result = 0.0;
    let mut past_point = false;
    for &byte in digits {
        match byte {
            b'.' => past_point = true,
            b'e' | b'E' => return parse_float(text),
            _ => {
                result = result * 10.0 + (f64::from(byte) - 48.0);
                if past_point {
                    factor *= 10.0;
                }
            }
        }
    }
    result / factor
}

/// The double that mysql2 reads from the server's text of `value` in a column with `decimals`.
///
/// The binary protocol carries the double itself, the text protocol its decimal form. The two part
/// in a column of fixed decimals (the text is rounded) and where [`decimal_to_f64`] is inexact.
pub fn double_as_text_reads(value: f64, decimals: u8) -> f64 {
    if decimals < SHORTEST_FROM {
        return fixed_as_text_reads(value, usize::from(decimals));
    }
    // Only sixteen digits and a point, without a sign, are added up past 2^53, and the server writes
    // an exponent from 1e15 on. So only values whose first digit is 9 can come out different.
    if !(9.0..1e15).contains(&value) {
        return value;
    }
    let whole = value as u64;
    if whole / 10u64.pow(whole.ilog10()) != 9 {
        return value;
    }
    let mut digits = ryu_js::Buffer::new();
    let text = digits.format_finite(value);
    if text.len() == ACCUMULATED {
        decimal_to_f64(text.as_bytes())
    } else {
        value
    }
}

fn fixed_as_text_reads(value: f64, decimals: usize) -> f64 {
    let whole = value as i64;
    if !value.is_finite() || (whole as f64 == value && whole.unsigned_abs() < EXACT / 10) {
        return value;
    }
    if decimals >= 2 && hundredths(value).is_some() {
        return value;
    }
    // The longest text is a sign, 309 digits, a point and 30 decimals.
    let mut text = [0u8; 384];
    let mut rest = text.as_mut_slice();
    let mut buffer = ryu_js::Buffer::new();
    let shortest = buffer.format_finite(value);
    let fraction = shortest
        .split_once('.')
        .map_or("", |(_, fraction)| fraction);
    // The server prints the shortest digits where they fit, filled up with zeros, and rounds the
    // exact value only where they do not.
    let written = if shortest.contains('e') || fraction.len() > decimals {
        write!(rest, "{value:.decimals$}")
    } else {
        let point = if fraction.is_empty() && decimals > 0 {
            "."
        } else {
            ""
        };
        write!(
            rest,
            "{shortest}{point}{:0<width$}",
            "",
            width = decimals - fraction.len()
        )
    };
    let length = 384 - rest.len();
    written.map_or(value, |()| {
        decimal_to_f64(text.get(..length).unwrap_or_default())
    })
}

/// The hundredths of a value with at most two decimals, such as a price, if fifteen digits hold it.
///
/// A double tells all decimals of fifteen digits apart, so when the quotient is the value, these are
/// its shortest digits and no search for them is needed.
fn hundredths(value: f64) -> Option<i64> {
    let hundredths = (value * 100.0 + 0.5f64.copysign(value)) as i64;
    let exact = hundredths.unsigned_abs() < 10u64.pow(15) && hundredths as f64 / 100.0 == value;
    exact.then_some(hundredths)
}

/// The same for a single, which tells all decimals of six digits apart.
fn single_hundredths(value: f32) -> Option<i64> {
    let hundredths = (f64::from(value) * 100.0 + 0.5f64.copysign(f64::from(value))) as i64;
    let exact =
        hundredths.unsigned_abs() < 1_000_000 && (hundredths as f64 / 100.0) as f32 == value;
    exact.then_some(hundredths)
}

fn write_hundredths(hundredths: i64, out: &mut Vec<u8>) {
    if hundredths < 0 {
        out.push(b'-');
    }
    let hundredths = hundredths.unsigned_abs();
    write_u64(hundredths / 100, out);
    let decimals = (hundredths % 100) as u8;
    let [tens, ones] = [b'0' + decimals / 10, b'0' + decimals % 10];
    match decimals {
        0 => {}
        _ if ones == b'0' => out.extend_from_slice(&[b'.', tens]),
        _ => out.extend_from_slice(&[b'.', tens, ones]),
    }
}

/// `Number.parseFloat`: the longest prefix that is a decimal literal, NaN where there is none.
fn parse_float(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let digits_from = |from: usize| {
        text.get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    if text
        .get(sign..)
        .unwrap_or_default()
        .starts_with(b"Infinity")
    {
        return if text.starts_with(b"-") {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    let whole = digits_from(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        fraction = digits_from(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return f64::NAN;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits_from(end + 1 + signed);
        if exponent > 0 {
            end += 1 + signed + exponent;
        }
    }
    let literal = std::str::from_utf8(text.get(..end).unwrap_or_default()).unwrap_or_default();
    literal.parse().unwrap_or(f64::NAN)
}

const PAIRS: [u8; 200] = {
    let mut pairs = [0u8; 200];
    let mut number = 0;
    while number < 100 {
        pairs[number * 2] = b'0' + (number / 10) as u8;
        pairs[number * 2 + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_print_as_json_stringify_prints_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (10.84, "10.84"),
            (-0.05, "-0.05"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (9007199254740993.0, "9007199254740992"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            assert_eq!(text(|out| write_f64(value, out)), expected);
        }
    }

    #[test]
    fn a_float_reads_as_its_shortest_single_precision_decimal() {
        for (value, expected) in [
            (10.84f32, 10.84f64),
            (-0.1, -0.1),
            (16777216.0, 16777216.0),
            (3.4028235e38, 3.4028235e38),
            (1e-45, 1e-45),
            (0.333_333_34, 0.33333334),
        ] {
            assert_eq!(f32_as_f64(value), expected);
            assert_eq!(
                text(|out| write_f32_shortest(value, out)),
                text(|out| write_f64(expected, out))
            );
        }
        assert_eq!(text(|out| write_f32_shortest(f32::NAN, out)), "null");
        assert!(f32_as_f64(-0.0).is_sign_negative());
    }

    #[test]
    fn integers_print_all_their_digits() {
        for value in [0, 7, 10, 99, 100, 101, 12_345, i64::MAX, i64::MIN, -1, -100] {
            assert_eq!(text(|out| write_i64(value, out)), value.to_string());
        }
        assert_eq!(text(|out| write_u64(u64::MAX, out)), u64::MAX.to_string());
    }

    #[test]
    fn zeros_fill_a_number_up_to_its_width_and_cut_nothing() {
        for (value, width, expected) in [
            (0, 3, "000"),
            (7, 1, "7"),
            (42, 5, "00042"),
            (1000, 2, "1000"),
            (0, 0, "0"),
        ] {
            assert_eq!(text(|out| write_u64_padded(value, width, out)), expected);
        }
    }

    #[test]
    fn integers_beyond_2_to_53_print_as_the_nearest_javascript_number() {
        assert_eq!(
            text(|out| u64_as_js_number(u64::MAX, out)),
            "18446744073709552000"
        );
        assert_eq!(
            text(|out| i64_as_js_number(i64::MIN, out)),
            "-9223372036854776000"
        );
        assert_eq!(
            text(|out| i64_as_js_number(9_007_199_254_740_993, out)),
            "9007199254740992"
        );
        assert_eq!(
            text(|out| i64_as_js_number(-9_007_199_254_740_991, out)),
            "-9007199254740991"
        );
    }

    #[test]
    fn short_decimals_are_summed_up_digit_by_digit_as_mysql2_does() {
        for (text, expected) in [
            ("", 0.0),
            ("12.50", 12.5),
            ("-0.05", -0.05),
            ("+7", 7.0),
            ("1e3", 1000.0),
            ("9.123456789012345", 9.123456789012344),
            ("123456789012345678", 123456789012345680.0),
            ("0.12345678901234567", 0.12345678901234567),
            ("1.7976931348623157e308", f64::MAX),
            ("12345678901234567890abc", 12345678901234567000.0),
        ] {
            assert_eq!(decimal_to_f64(text.as_bytes()), expected, "{text}");
        }
        assert!(decimal_to_f64(b"-0.00").is_sign_negative());
        assert!(decimal_to_f64(b"no number at all, but long").is_nan());
    }

    #[test]
    fn a_double_reads_as_the_servers_text_of_it_does() {
        for (value, decimals, expected) in [
            (9.123456789012345, 31, 9.123456789012344),
            (1.234567890123456, 31, 1.234567890123456),
            (-9.123456789012345, 31, -9.123456789012345),
            (0.1 + 0.2, 31, 0.1 + 0.2),
            (0.1 + 0.2, 2, 0.3),
            (2.0 / 3.0, 4, 0.6667),
            (1234.5, 0, 1234.0),
            (90411729850661.9, 2, 90411729850661.9),
            (1e300, 3, 1e300),
        ] {
            assert_eq!(
                double_as_text_reads(value, decimals),
                expected,
                "{value} {decimals}"
            );
        }
    }
}
