//! Local time and offsets: a DATE or DATETIME as the milliseconds of a JavaScript Date.
//!
//! The milliseconds equal what mysql2 makes of the server's text, odd cases included, and local time
//! means what Node's own `new Date(year, month, …)` says: a time that a clock change skips counts
//! with the offset before the change, one that occurs twice is the first.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::config::LocalZone;

use super::{DAY_MS, DateParts, digits};

/// The Gregorian calendar, weekdays included, repeats after 400 years.
const CYCLE_MS: i64 = 146_097 * DAY_MS;
/// Where the table of offsets ends, 2500-01-01, more than a cycle after the last year that is unlike
/// the ones after it.
const TABLE_END_MS: i64 = 193_579 * DAY_MS;
const TABLE_END_YEAR: u16 = 2500;
/// The last years whose changes JavaScript tells. By then every zone keeps to a yearly rule, and
/// these 28 years have all fourteen calendars, so each later year has its model among them.
const MODEL_YEARS: Range<u16> = 2101..2129;
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
    /// `local` takes `local_zone`, the clock changes that `lib/local-zone.js` read off Node's Date. A
    /// time zone database of our own would differ wherever Node's is older or newer.
    pub fn new(option: &str, local_zone: Option<&LocalZone>) -> Result<Zone, String> {
        match option {
            "Z" => Ok(Zone(Kind::Utc)),
            "local" => local_zone
                .map(|zone| Zone(Kind::Local(Arc::new(Offsets::of(zone)))))
                .ok_or_else(|| {
                    "the timezone option is \"local\", but localZone has no clock changes; \
                     pass those of lib/local-zone.js"
                        .to_owned()
                }),
            _ => fixed_offset(option).map(|ms| Zone(Kind::Fixed { ms })).ok_or_else(|| {
                format!(
                    "the timezone option is {option:?}; expected 'local', 'Z', '+HH:MM' or '-HH:MM'"
                )
            }),
        }
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
    fn of(zone: &LocalZone) -> Offsets {
        let first = Span {
            start: i64::MIN,
            offset_ms: zone.first,
        };
        let mut offsets = Offsets {
            spans: vec![first],
            slots: Vec::new(),
        };
        let told = zone
            .changes
            .partition_point(|&(at, _)| at < new_year(MODEL_YEARS.end));
        let told = zone.changes.get(..told).unwrap_or_default();
        told.iter()
            .for_each(|&(at, offset_ms)| offsets.push(at, offset_ms));
        for year in MODEL_YEARS.end..TABLE_END_YEAR {
            let model = model_of(year);
            let shift = new_year(year) - new_year(model);
            for &(at, offset_ms) in told {
                if (new_year(model)..new_year(model + 1)).contains(&at) {
                    offsets.push(at + shift, offset_ms);
                }
            }
        }
        offsets.index();
        offsets
    }

    /// Appends a change of the clocks at a UTC time.
    fn push(&mut self, at: i64, offset_ms: i64) {
        let before = self.spans.last().map_or(offset_ms, |span| span.offset_ms);
        // Clocks that go forward skip the wall time between the offsets, clocks that go back
        // repeat it; in both the old offset counts up to the larger of the two readings.
        let start = at + before.max(offset_ms);
        while self.spans.pop_if(|span| span.start >= start).is_some() {}
        self.spans.push(Span { start, offset_ms });
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

/// The year of [`MODEL_YEARS`] with the same weekdays and the same length.
fn model_of(year: u16) -> u16 {
    let length = |year| new_year(year + 1) - new_year(year);
    let is_model = |model: &u16| {
        (new_year(year) - new_year(*model)) % (7 * DAY_MS) == 0 && length(year) == length(*model)
    };
    MODEL_YEARS
        .into_iter()
        .find(is_model)
        .unwrap_or(MODEL_YEARS.start)
}

/// Where a year starts in UTC.
fn new_year(year: u16) -> i64 {
    days(year, 1, 1) * DAY_MS
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
mod tests;
