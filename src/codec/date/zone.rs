//! Local time and offsets: a DATE or DATETIME as the milliseconds of a JavaScript Date.
//!
//! The milliseconds equal what mysql2 makes of the server's text, odd cases included, and local time
//! means what Node's own `new Date(year, month, …)` says: a time that a clock change skips counts
//! with the offset before the change, one that occurs twice is the first.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use super::{DAY_MS, DateParts, digits};

/// The Gregorian calendar, weekdays included, repeats after 400 years.
const CYCLE_MS: i64 = 146_097 * DAY_MS;
/// Where the table of offsets ends, 2500-01-01: time zone rules have long become periodic by then.
const TABLE_END_MS: i64 = 193_579 * DAY_MS;
/// The index of the table has one slot for each 2^35 ms, about 1.1 years.
const SLOT_BITS: u32 = 35;

/// The time zone in which a connection's dates are read. Cheap to clone, free of locks.
#[derive(Clone)]
pub struct Zone(Kind);

#[derive(Clone)]
enum Kind {
    Utc,
    Fixed { ms: i64 },
    Local(Arc<Offsets>),
}

impl Zone {
    /// The zone of mysql2's `timezone` option: `local`, `Z`, `+HH:MM` or `-HH:MM`.
    ///
    /// `local` takes `local_zone`, the name that JavaScript's `Intl` gives. Its rules come from the
    /// time zone database in the binary, as Node's come from the one in its own.
    pub fn new(option: &str, local_zone: &str) -> Result<Zone, String> {
        match option {
            "Z" => Ok(Zone(Kind::Utc)),
            "local" => Zone::local(local_zone),
            _ => fixed_offset(option).map(|ms| Zone(Kind::Fixed { ms })).ok_or_else(|| {
                format!(
                    "the timezone option is {option:?}; expected 'local', 'Z', '+HH:MM' or '-HH:MM'"
                )
            }),
        }
    }

    fn local(name: &str) -> Result<Zone, String> {
        // Without a usable TZ, Node reports Etc/Unknown and keeps UTC.
        if matches!(name, "UTC" | "Etc/UTC" | "Etc/Unknown" | "GMT") {
            return Ok(Zone(Kind::Local(Arc::new(Offsets::constant(0)))));
        }
        if let Some(ms) = fixed_offset(name) {
            return Ok(Zone(Kind::Local(Arc::new(Offsets::constant(ms)))));
        }
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| {
            format!(
                "the local time zone is {name:?}, which is not in the time zone database; \
                 set TZ to an IANA name such as 'Asia/Jakarta' or the timezone option to '+HH:MM'"
            )
        })?;
        Ok(Zone(Kind::Local(Arc::new(Offsets::of(&zone)))))
    }

    /// A DATE as milliseconds since 1970, NaN for an invalid date.
    ///
    /// In local time and UTC mysql2 goes through `new Date(y, m - 1, d)` and `Date.UTC`, which read
    /// years below 100 as 19xx and carry a zero month or day into the year or month before. With a
    /// fixed offset it goes through an ISO string, which takes the year as it is and no zeros.
    pub fn date_ms(&self, year: u16, month: u8, day: u8) -> f64 {
        let in_century = if year < 100 { year + 1900 } else { year };
        match &self.0 {
            Kind::Utc => (days(in_century, month, day) * DAY_MS) as f64,
            Kind::Local(offsets) => {
                // The one day from which mysql2's own table of offsets strays into a two-digit year.
                let date = match (year, month, day) {
                    (100, 1, 0) => (1999, 12, 31),
                    _ => (in_century, month, day),
                };
                offsets.utc(days(date.0, date.1, date.2) * DAY_MS) as f64
            }
            Kind::Fixed { ms } if is_calendar(month, day) => {
                (days(year, month, day) * DAY_MS - ms) as f64
            }
            Kind::Fixed { .. } => f64::NAN,
        }
    }

    /// A DATETIME or TIMESTAMP as milliseconds since 1970, NaN for an invalid date.
    ///
    /// Microseconds are cut to milliseconds. A day past its month's end (February 30) runs into the
    /// next month. Years below 100 go through V8's lenient date parser: see [`lenient`].
    pub fn datetime_ms(&self, parts: &DateParts) -> f64 {
        if !is_calendar(parts.month, parts.day) {
            return f64::NAN;
        }
        let date = (parts.year, parts.month, parts.day);
        let (year, month, day) = if parts.year < 100 {
            lenient(date)
        } else {
            date
        };
        if month > 12 {
            return f64::NAN;
        }
        let wall = days(year, month, day) * DAY_MS
            + i64::from(parts.hour) * 3_600_000
            + i64::from(parts.minute) * 60_000
            + i64::from(parts.second) * 1_000
            + i64::from(parts.micros / 1_000);
        match &self.0 {
            Kind::Utc => wall as f64,
            Kind::Fixed { ms } => (wall - ms) as f64,
            Kind::Local(offsets) => offsets.utc(wall) as f64,
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Utc => f.write_str("Zone(Z)"),
            Kind::Fixed { ms } => write!(f, "Zone({} min)", ms / 60_000),
            Kind::Local(offsets) => write!(f, "Zone(local, {} offsets)", offsets.spans.len()),
        }
    }
}

/// A zone's offsets by wall clock time, so that a conversion is one look into a table of some
/// kilobytes and never a search through time zone rules.
struct Offsets {
    /// Ascending; each span holds from its start to the next one's.
    spans: Vec<Span>,
    /// For each slot of wall time from the second span on, the span in force at the slot's start.
    slots: Vec<u16>,
}

#[derive(Clone, Copy)]
struct Span {
    /// Wall clock milliseconds.
    start: i64,
    offset_ms: i64,
}

impl Offsets {
    fn constant(offset_ms: i64) -> Offsets {
        Offsets {
            spans: vec![Span {
                start: i64::MIN,
                offset_ms,
            }],
            slots: Vec::new(),
        }
    }

    fn of(zone: &jiff::tz::TimeZone) -> Offsets {
        let first = i64::from(zone.to_offset(Timestamp::MIN).seconds()) * 1_000;
        let mut offsets = Offsets::constant(first);
        for change in zone.following(Timestamp::MIN) {
            let at = change.timestamp().as_millisecond();
            if at >= TABLE_END_MS {
                break;
            }
            let offset_ms = i64::from(change.offset().seconds()) * 1_000;
            let before = offsets.spans.last().map_or(first, |span| span.offset_ms);
            if offset_ms == before {
                continue;
            }
            // Clocks that go forward skip the wall time between the offsets, clocks that go back
            // repeat it; in both the old offset counts up to the larger of the two readings.
            let start = at + before.max(offset_ms);
            while offsets.spans.pop_if(|span| span.start >= start).is_some() {}
            offsets.spans.push(Span { start, offset_ms });
        }
        offsets.index();
        offsets
    }

    fn index(&mut self) {
        let Some(base) = self.spans.get(1).map(|span| span.start) else {
            return;
        };
        let slots = ((TABLE_END_MS - base) >> SLOT_BITS) + 1;
        self.slots = (0..slots)
            .map(|slot| {
                let start = base + (slot << SLOT_BITS);
                let span = self.spans.partition_point(|span| span.start <= start) - 1;
                u16::try_from(span).unwrap_or(u16::MAX)
            })
            .collect();
    }

    /// The UTC milliseconds of a wall clock reading.
    fn utc(&self, wall: i64) -> i64 {
        let mut key = wall;
        if key >= TABLE_END_MS {
            key -= ((key - TABLE_END_MS) / CYCLE_MS + 1) * CYCLE_MS;
        }
        let base = self.spans.get(1).map_or(i64::MAX, |span| span.start);
        let slot = if key < base {
            usize::MAX
        } else {
            ((key - base) >> SLOT_BITS) as usize
        };
        let mut index = self.slots.get(slot).map_or(0, |&span| usize::from(span));
        while self
            .spans
            .get(index + 1)
            .is_some_and(|span| span.start <= key)
        {
            index += 1;
        }
        wall - self.spans.get(index).map_or(0, |span| span.offset_ms)
    }
}

fn is_calendar(month: u8, day: u8) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// What V8 makes of three numbers that are not an ISO date, such as `0005-06-07` before a space: a
/// first number that could be a day makes them month, day, year, and any other year, month, day.
/// Years below 50 are 20xx, the rest 19xx.
fn lenient((year, month, day): (u16, u8, u8)) -> (u16, u8, u8) {
    match year {
        1..=31 => (2000 + u16::from(day), year as u8, month),
        0..50 => (2000 + year, month, day),
        _ => (1900 + year, month, day),
    }
}

/// `+HH:MM` in milliseconds.
fn fixed_offset(text: &str) -> Option<i64> {
    let &[sign @ (b'+' | b'-'), a, b, b':', c, d] = text.as_bytes() else {
        return None;
    };
    let (hours, minutes) = (digits(&[a, b])?, digits(&[c, d])?);
    let ms = i64::from(hours * 60 + minutes) * 60_000;
    (hours < 24 && minutes < 60).then_some(if sign == b'-' { -ms } else { ms })
}

/// Days since 1970 of a proleptic Gregorian date; months and days outside their range carry over.
///
/// Years are counted from March, so that a leap day is a year's last.
fn days(year: u16, month: u8, day: u8) -> i64 {
    let months = i64::from(year) * 12 + i64::from(month) - 3;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + i64::from(day) - 719_469
}

#[cfg(test)]
mod tests {
    use super::super::{parse_date, parse_datetime};
    use super::*;

    /// Each line has a DATE or DATETIME and the milliseconds that mysql2 gave for it in Node.
    fn check(option: &str, local: &str, cases: &str) {
        let zone = Zone::new(option, local).unwrap();
        for line in cases.lines().skip(1) {
            let (text, expected) = line.trim().split_once(" = ").unwrap();
            let found = match parse_date(text.as_bytes()) {
                Some(date) => zone.date_ms(date.year, date.month, date.day),
                None => zone.datetime_ms(&parse_datetime(text.as_bytes()).unwrap()),
            };
            assert_eq!(found.to_string(), expected, "{text} {option} {local}");
        }
    }

    #[test]
    fn skipped_local_times_use_the_offset_before_and_repeated_ones_are_the_first() {
        check(
            "local",
            "America/New_York",
            "
             2024-03-10 02:30:00 = 1710055800000
             2024-11-03 01:30:00 = 1730611800000
             2024-11-03 02:00:00 = 1730617200000",
        );
        check(
            "local",
            "Australia/Lord_Howe",
            "
             2024-10-06 02:15:00 = 1728143100000
             2024-04-07 01:45:00 = 1712414700000
             2024-04-07 02:00:00 = 1712417400000",
        );
        check(
            "local",
            "Europe/Amsterdam",
            "
             2024-03-31 02:00:00 = 1711846800000
             2024-10-27 02:00:00 = 1729987200000",
        );
        check(
            "local",
            "America/Sao_Paulo",
            "
             2018-11-04 = 1541300400000
             2018-02-17 23:30:00 = 1518917400000",
        );
    }

    #[test]
    fn local_time_follows_history_and_rules_far_ahead() {
        check(
            "local",
            "America/New_York",
            "
             1000-01-01 = -30610206238000
             1883-11-18 12:00:00 = -2717651038000
             9999-07-01 00:00:00 = 253386417600000",
        );
        check(
            "local",
            "Asia/Jakarta",
            "
             2024-01-01 00:00:00 = 1704042000000
             1940-01-01 00:00:00 = -946798200000
             1942-06-01 = -870598800000",
        );
        check(
            "local",
            "Pacific/Apia",
            "
             2011-12-29 23:59:59 = 1325239199000
             2011-12-30 12:00:00 = 1325282400000
             2011-12-31 = 1325239200000",
        );
        check(
            "local",
            "Europe/Amsterdam",
            "
             3024-03-31 02:30:00 = 33268753800000",
        );
    }

    #[test]
    fn odd_dates_come_out_as_in_mysql2() {
        check(
            "local",
            "America/New_York",
            "
             2024-07-01 12:00:00.123999 = 1719849600123
             2024-02-30 00:00:00 = 1709269200000
             0000-00-00 = -2211735600000
             2023-00-15 = 1671080400000
             2023-05-00 = 1682827200000
             0100-01-00 = 946616400000
             0005-06-07 01:02:03 = 1178427723000
             0031-01-01 00:00:00 = NaN
             0045-01-01 00:00:00 = 2366859600000
             0075-01-01 00:00:00 = 157784400000",
        );
        check(
            "Z",
            "UTC",
            "
             0000-00-00 = -2211753600000
             0045-01-01 = -788918400000
             2023-00-00 = 1669766400000
             2024-02-31 = 1709337600000
             0000-00-00 00:00:00 = NaN
             2024-00-01 00:00:00 = NaN
             2024-02-31 10:00:00.999999 = 1709373600999",
        );
        check(
            "+05:30",
            "UTC",
            "
             0000-00-00 = NaN
             0045-01-01 = -60747082200000
             2023-00-15 = NaN
             2024-02-31 = 1709317800000
             2024-01-01 00:00:00 = 1704047400000
             0075-01-01 00:00:00 = 157746600000",
        );
    }

    #[test]
    fn an_unusable_zone_is_an_error_that_names_it() {
        for (option, local) in [
            ("local", "Mars/Olympus"),
            ("+7", "UTC"),
            ("+24:00", "UTC"),
            ("", "UTC"),
        ] {
            let error = Zone::new(option, local).unwrap_err();
            assert!(error.contains(&format!(
                "{:?}",
                if option == "local" { local } else { option }
            )));
        }
        assert!(Zone::new("local", "+03:00").is_ok());
        assert!(Zone::new("local", "Asia/Calcutta").is_ok());
    }
}
