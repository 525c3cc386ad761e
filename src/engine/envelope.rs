//! The end of a response body, behind the rows: `pagination` and `timestamp`.

use crate::{
    call::Answer,
    codec::{date, number::write_u64},
    error::{Error, Kind, Result},
};

use super::{Ends, Page, Total};

/// Writes the envelope's end behind the rows, whose head is there already.
pub(super) fn write_body(
    page: &Page,
    rows: Result<Answer>,
    count: Option<Result<Answer>>,
) -> Result<Answer> {
    let Answer::Body {
        mut bytes,
        rows,
        has_more,
        ends,
    } = rows?
    else {
        return Err(Error::new(
            Kind::Parameters,
            "paginateJson needs a statement that returns rows",
        ));
    };
    let counted = match count.transpose()? {
        None => None,
        Some(Answer::Count(total)) => Some(total),
        Some(_) => return Err(no_count()),
    };
    let seen = Seen {
        rows: rows as u64,
        has_more,
    };
    bytes.extend_from_slice(b",\"pagination\":{");
    match &ends {
        Some(ends) => write_by_cursor(page, counted, ends, &seen, &mut bytes),
        None => write_by_number(page, counted, &seen, &mut bytes),
    }
    bytes.extend_from_slice(b"},\"timestamp\":");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    date::write_iso(now.as_millis() as f64, &mut bytes);
    bytes.push(b'}');
    Ok(Answer::Json { bytes, rows })
}

/// What the page showed of the rows.
struct Seen {
    rows: u64,
    has_more: bool,
}

fn no_count() -> Error {
    Error::new(
        Kind::Parameters,
        "the count statement must return one row with one whole number",
    )
}

/// The fields that `pageSummary` of lib/pagination.js gives, in its order.
fn write_by_number(page: &Page, counted: Option<u64>, seen: &Seen, out: &mut Vec<u8>) {
    let number = page.number.unwrap_or(1);
    let offset = number.saturating_sub(1).saturating_mul(page.limit);
    let known = page
        .total
        .as_ref()
        .map(|total| total.seen(offset, page, seen));
    let total = counted.or(known.as_ref().map(|total| total.rows));
    let pages = total.map(|total| total.div_ceil(page.limit.max(1)));
    let has_next = match (pages, page.peeks) {
        (_, true) => Some(seen.has_more),
        (Some(pages), false) => Some(number < pages),
        // Whether a full page is the last one is not known without a count or a look ahead.
        (None, false) => (seen.rows < page.limit).then_some(false),
    };
    out.extend_from_slice(b"\"page\":");
    write_u64(number, out);
    out.extend_from_slice(b",\"limit\":");
    write_u64(page.limit, out);
    out.extend_from_slice(b",\"total\":");
    write_or_null(total, out);
    out.extend_from_slice(b",\"totalPages\":");
    write_or_null(pages, out);
    out.extend_from_slice(b",\"hasNext\":");
    out.extend_from_slice(has_next.map_or(b"null", truth));
    out.extend_from_slice(b",\"hasPrevious\":");
    out.extend_from_slice(truth(number > 1));
    write_is_estimate(page, known.as_ref(), out);
}

fn write_by_cursor(page: &Page, counted: Option<u64>, ends: &Ends, seen: &Seen, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"limit\":");
    write_u64(page.limit, out);
    let known = page.total.as_ref().map(|total| Total {
        rows: total.rows.max(seen.rows),
        is_estimate: total.is_estimate,
    });
    if let Some(total) = counted.or(known.as_ref().map(|total| total.rows)) {
        out.extend_from_slice(b",\"total\":");
        write_u64(total, out);
    }
    out.push(b',');
    ends.write(out);
    write_is_estimate(page, known.as_ref(), out);
}

impl Total {
    /// The total, put right by what the page has shown; lib/pagination.js does the same.
    fn seen(&self, offset: u64, page: &Page, seen: &Seen) -> Total {
        let least = offset.saturating_add(seen.rows);
        let at_end = page.peeks && !seen.has_more;
        if at_end && (seen.rows > 0 || offset == 0) {
            return Total {
                rows: least,
                is_estimate: false,
            };
        }
        let rows = if at_end {
            self.rows.min(offset)
        } else if seen.rows > 0 {
            self.rows
                .max(least.saturating_add(u64::from(seen.has_more)))
        } else {
            self.rows
        };
        Total {
            rows,
            is_estimate: self.is_estimate,
        }
    }
}

fn write_is_estimate(page: &Page, known: Option<&Total>, out: &mut Vec<u8>) {
    if page.total.as_ref().is_some_and(|total| total.is_estimate) {
        out.extend_from_slice(b",\"isEstimate\":");
        out.extend_from_slice(truth(known.is_some_and(|total| total.is_estimate)));
    }
}

fn write_or_null(value: Option<u64>, out: &mut Vec<u8>) {
    match value {
        Some(value) => write_u64(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn truth(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}
