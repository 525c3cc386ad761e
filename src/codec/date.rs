//! Dates and times: the server's components, their text and JavaScript's ISO form.
//!
//! `zone` turns components into the milliseconds of a JavaScript Date.

mod zone;

pub use zone::Zone;

use super::number::write_u64;

const DAY_MS: i64 = 86_400_000;
/// What a JavaScript Date can hold, to either side of 1970.
const MAX_DATE_MS: f64 = 8.64e15;

/// The components of a DATE, DATETIME or TIMESTAMP; all zero for the zero date.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DateParts {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
}

impl DateParts {
    /// Appends the eleven bytes that a date with its time takes in the binary protocol, without their count.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.year.to_le_bytes());
        out.extend_from_slice(&[self.month, self.day, self.hour, self.minute, self.second]);
        out.extend_from_slice(&self.micros.to_le_bytes());
    }
}

/// The components of a TIME. `hours` includes the days and may exceed 24.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TimeParts {
    pub negative: bool,
    pub hours: u32,
    pub minutes: u8,
    pub seconds: u8,
    pub micros: u32,
}

/// Appends what `Date.prototype.toJSON` prints: a quoted ISO string, years outside 0 to 9999 with a
/// sign and six digits, `null` for an invalid date.
pub fn write_iso(ms: f64, out: &mut Vec<u8>) {
    if ms.is_nan() || ms.abs() > MAX_DATE_MS {
        out.extend_from_slice(b"null");
        return;
    }
    let ms = ms as i64;
    let (day, time) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS) as u32);
    let (year, month, day) = civil(day);
    out.push(b'"');
    if !(0..=9_999).contains(&year) {
        let [high, low] = pair(year.unsigned_abs() as u32 / 10_000);
        out.extend_from_slice(&[if year < 0 { b'-' } else { b'+' }, high, low]);
    }
    let year = year.unsigned_abs() as u32 % 10_000;
    let ([a, b], [c, d]) = (pair(year / 100), pair(year % 100));
    let ([e, f], [g, h]) = (pair(month), pair(day));
    let ([i, j], [k, l]) = (pair(time / 3_600_000), pair(time / 60_000 % 60));
    let ([m, n], [o, p]) = (pair(time / 1_000 % 60), pair(time % 1_000 / 10));
    let q = b'0' + (time % 10) as u8;
    let iso = [
        a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n, b'.', o, p, q,
        b'Z', b'"',
    ];
    out.extend_from_slice(&iso);
}

/// Appends a DATE as the server's text: `YYYY-MM-DD`.
pub fn write_date(year: u16, month: u8, day: u8, out: &mut Vec<u8>) {
    let year = u32::from(year);
    let ([a, b], [c, d]) = (pair(year / 100 % 100), pair(year % 100));
    let ([e, f], [g, h]) = (pair(u32::from(month)), pair(u32::from(day)));
    out.extend_from_slice(&[a, b, c, d, b'-', e, f, b'-', g, h]);
}

/// Appends a DATETIME as the server's text: `YYYY-MM-DD HH:MM:SS`, then a point and `decimals`
/// digits, from the column's metadata.
///
/// Above 6 the server has not fixed the number: it prints six digits, or none for a whole second.
pub fn write_datetime(parts: &DateParts, decimals: u8, out: &mut Vec<u8>) {
    write_date(parts.year, parts.month, parts.day, out);
    let ([a, b], [c, d]) = (pair(u32::from(parts.hour)), pair(u32::from(parts.minute)));
    let [e, f] = pair(u32::from(parts.second));
    out.extend_from_slice(&[b' ', a, b, b':', c, d, b':', e, f]);
    write_fraction(parts.micros, decimals, out);
}

/// Appends a TIME as the server's text, at least two digits of hours: `-838:59:59.5`. `decimals` is
/// as in [`write_datetime`].
pub fn write_time(parts: &TimeParts, decimals: u8, out: &mut Vec<u8>) {
    if parts.negative {
        out.push(b'-');
    }
    if parts.hours < 100 {
        out.extend_from_slice(&pair(parts.hours));
    } else {
        write_u64(u64::from(parts.hours), out);
    }
    let ([a, b], [c, d]) = (
        pair(u32::from(parts.minutes)),
        pair(u32::from(parts.seconds)),
    );
    out.extend_from_slice(&[b':', a, b, b':', c, d]);
    write_fraction(parts.micros, decimals, out);
}

/// Reads `YYYY-MM-DD`.
pub fn parse_date(text: &[u8]) -> Option<DateParts> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h] = text else {
        return None;
    };
    let year = digits(&[a, b, c, d])? as u16;
    Some(DateParts {
        year,
        month: digits(&[e, f])? as u8,
        day: digits(&[g, h])? as u8,
        ..DateParts::default()
    })
}

/// Reads `YYYY-MM-DD HH:MM:SS` with up to six decimals.
pub fn parse_datetime(text: &[u8]) -> Option<DateParts> {
    let (date, rest) = text.split_at_checked(10)?;
    let &[b' ' | b'T', a, b, b':', c, d, b':', e, f, ref fraction @ ..] = rest else {
        return None;
    };
    Some(DateParts {
        hour: digits(&[a, b])? as u8,
        minute: digits(&[c, d])? as u8,
        second: digits(&[e, f])? as u8,
        micros: parse_fraction(fraction)?,
        ..parse_date(date)?
    })
}

/// Reads `[-]H…H:MM:SS` with up to six decimals.
pub fn parse_time(text: &[u8]) -> Option<TimeParts> {
    let (negative, text) = text
        .strip_prefix(b"-")
        .map_or((false, text), |rest| (true, rest));
    let (hours, rest) = text.split_at_checked(text.iter().position(|&byte| byte == b':')?)?;
    let &[b':', a, b, b':', c, d, ref fraction @ ..] = rest else {
        return None;
    };
    Some(TimeParts {
        negative,
        hours: digits(hours)?,
        minutes: digits(&[a, b])? as u8,
        seconds: digits(&[c, d])? as u8,
        micros: parse_fraction(fraction)?,
    })
}

fn write_fraction(micros: u32, decimals: u8, out: &mut Vec<u8>) {
    let shown = match decimals {
        0..=6 => usize::from(decimals),
        _ if micros == 0 => 0,
        _ => 6,
    };
    if shown > 0 {
        let ([a, b], [c, d], [e, f]) = (
            pair(micros / 10_000 % 100),
            pair(micros / 100 % 100),
            pair(micros % 100),
        );
        out.extend([b'.', a, b, c, d, e, f].iter().take(shown + 1));
    }
}

fn parse_fraction(text: &[u8]) -> Option<u32> {
    match text {
        [] => Some(0),
        [b'.', decimals @ ..] if matches!(decimals.len(), 1..=6) => {
            Some(digits(decimals)? * 10u32.pow(6 - decimals.len() as u32))
        }
        _ => None,
    }
}

/// At most nine digits as a number, which then fits.
fn digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        text.iter()
            .fold(0, |number, &byte| number * 10 + u32::from(byte - b'0')),
    )
}

/// The two digits of a number below 100, of larger ones the last two.
fn pair(number: u32) -> [u8; 2] {
    let number = (number % 100) as u8;
    [b'0' + number / 10, b'0' + number % 10]
}

/// The year, month and day of a day since 1970: the inverse of [`days`].
fn civil(day: i64) -> (i64, u32, u32) {
    // Counted from March of a year far enough back that everything a Date holds is positive.
    let day = (day + 719_468 + 700 * 146_097) as u64;
    let (cycle, day) = (day / 146_097, (day % 146_097) as u32);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let year = (cycle as i64 - 700) * 400 + i64::from(year);
    if month < 10 {
        (year, month + 3, day_of_month)
    } else {
        (year + 1, month - 9, day_of_month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn iso_strings_are_those_of_to_json() {
        for (ms, expected) in [
            (0.0, "\"1970-01-01T00:00:00.000Z\""),
            (-1.0, "\"1969-12-31T23:59:59.999Z\""),
            (951782400000.0, "\"2000-02-29T00:00:00.000Z\""),
            (-62198755200000.0, "\"-000001-01-01T00:00:00.000Z\""),
            (253402300800000.0, "\"+010000-01-01T00:00:00.000Z\""),
            (8.64e15, "\"+275760-09-13T00:00:00.000Z\""),
            (-8.64e15, "\"-271821-04-20T00:00:00.000Z\""),
            (8.64e15 + 1.0, "null"),
            (f64::NAN, "null"),
        ] {
            assert_eq!(text(|out| write_iso(ms, out)), expected);
        }
    }

    #[test]
    fn text_forms_are_the_servers_and_read_back() {
        for (form, decimals) in [
            ("0000-00-00 00:00:00", 0),
            ("2024-02-03 04:05:06.070", 3),
            ("2024-02-03 04:05:06.000009", 39),
        ] {
            let parts = parse_datetime(form.as_bytes()).unwrap();
            assert_eq!(text(|out| write_datetime(&parts, decimals, out)), form);
        }
        for (form, decimals) in [
            ("-838:59:59", 39),
            ("00:00:00.50", 2),
            ("07:08:09.000001", 6),
        ] {
            let parts = parse_time(form.as_bytes()).unwrap();
            assert_eq!(text(|out| write_time(&parts, decimals, out)), form);
        }
        assert_eq!(text(|out| write_date(7, 1, 2, out)), "0007-01-02");
        for bad in [
            "",
            "2024-1-01",
            "2024-01-01T",
            "2024-01-01 00:00:00.",
            "2024-01-01 00:00:0x",
            "1:2:3",
        ] {
            let bytes = bad.as_bytes();
            assert!(
                (parse_date(bytes), parse_datetime(bytes), parse_time(bytes)) == (None, None, None)
            );
        }
    }
}
