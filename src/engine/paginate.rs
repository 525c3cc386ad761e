//! A page as a whole response body: rows and count are two statements on their way through the pool, and whichever is
//! answered last writes the envelope around both.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::{
    call::{Answer, Call, Stop, Wanted},
    codec::{date, number::write_u64, params::Params, shape::Shape},
    error::{Error, Kind, Result},
    metrics::Operation,
    pool::Wake,
    statement::Statement,
};

use super::{Caller, Engine, job::Outlet};

/// The statements of one page.
pub struct PageCall {
    pub statement: Arc<Statement>,
    pub params: Params,
    /// Counts all rows; without it the page says nothing of a total.
    pub count: Option<(Arc<Statement>, Params)>,
    pub shape: Option<Arc<Shape>>,
    pub message: String,
    pub page: Page,
}

/// Which page it is.
pub struct Page {
    pub page: u64,
    pub limit: u64,
}

impl Engine {
    /// Reads a page; the answer is `{status, message, data, pagination, timestamp}` as JSON.
    pub fn start_page(self: &Arc<Self>, call: PageCall, caller: Caller) {
        self.split_page(call, caller, |call, outlet| self.admit(call, outlet));
    }

    /// Makes the calls of a page and gives them to `admit`, in their order.
    pub(super) fn split_page(&self, call: PageCall, caller: Caller, admit: impl Fn(Call, Outlet)) {
        self.begin();
        let pending = Arc::new(PendingPage {
            page: call.page,
            started: Instant::now(),
            counts: call.count.is_some(),
            parts: Mutex::new(Parts {
                rows: None,
                count: None,
                caller: Some(caller),
            }),
        });
        let part = |role| {
            Outlet::Page(PagePart {
                page: pending.clone(),
                role,
            })
        };
        let rows = Call {
            statement: call.statement,
            params: call.params,
            wanted: Wanted::Body {
                shape: call.shape,
                message: call.message,
            },
            stop: None,
        };
        admit(rows, part(Role::Rows));
        if let Some((statement, params)) = call.count {
            let count = Call {
                statement,
                params,
                wanted: Wanted::Count,
                stop: None,
            };
            admit(count, part(Role::Count));
        }
    }
}

/// A page whose statements are under way.
struct PendingPage {
    page: Page,
    started: Instant,
    /// Whether the count is one of its statements.
    counts: bool,
    /// Guards what has come; held while a part is put in.
    parts: Mutex<Parts>,
}

struct Parts {
    rows: Option<Result<Answer>>,
    count: Option<Result<Answer>>,
    /// `None` only after the page has been answered.
    caller: Option<Caller>,
}

/// The place in a page for the answer of one statement.
pub(super) struct PagePart {
    page: Arc<PendingPage>,
    role: Role,
}

#[derive(Clone, Copy)]
enum Role {
    Rows,
    Count,
}

impl PagePart {
    /// What tells this statement that the page is over.
    pub fn stop(&self) -> Option<Stop> {
        let parts = self.page.parts.lock();
        let parts = parts.unwrap_or_else(PoisonError::into_inner);
        parts.caller.as_ref().and_then(Caller::stop)
    }

    /// Puts the answer in its place. The page is answered when all have come, also when one failed, so that nothing of
    /// it is under way any more.
    pub fn put(self, engine: &Engine, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        let PendingPage {
            page,
            started,
            counts,
            parts,
        } = &*self.page;
        let (rows, count, caller) = {
            let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
            match self.role {
                Role::Rows => parts.rows = Some(result),
                Role::Count => parts.count = Some(result),
            }
            if parts.rows.is_none() || (*counts && parts.count.is_none()) {
                return None;
            }
            (parts.rows.take()?, parts.count.take(), parts.caller.take()?)
        };
        let body = write_body(page, rows, count);
        caller.settle(engine, Operation::Paginate, *started, body)
    }
}

/// Writes the envelope's end behind the rows, whose head is there already.
fn write_body(page: &Page, rows: Result<Answer>, count: Option<Result<Answer>>) -> Result<Answer> {
    let Answer::Json { mut bytes, rows } = rows? else {
        return Err(Error::new(
            Kind::Parameters,
            "paginateJson needs a statement that returns rows",
        ));
    };
    let total = match count.transpose()? {
        None => None,
        Some(Answer::Count(total)) => Some(total),
        Some(_) => return Err(no_count()),
    };
    write_pagination(page, total, rows as u64, &mut bytes);
    Ok(Answer::Json { bytes, rows })
}

fn no_count() -> Error {
    Error::new(
        Kind::Parameters,
        "the count statement must return one row with one whole number",
    )
}

fn write_pagination(page: &Page, total: Option<u64>, rows: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"pagination\":{\"page\":");
    write_u64(page.page, out);
    out.extend_from_slice(b",\"limit\":");
    write_u64(page.limit, out);
    let has_next: &[u8] = match total {
        Some(total) => {
            let pages = total.div_ceil(page.limit.max(1));
            out.extend_from_slice(b",\"total\":");
            write_u64(total, out);
            out.extend_from_slice(b",\"totalPages\":");
            write_u64(pages, out);
            if page.page < pages { b"true" } else { b"false" }
        }
        None => {
            out.extend_from_slice(b",\"total\":null,\"totalPages\":null");
            // Whether a full page is the last one is not known without a count.
            if rows < page.limit { b"false" } else { b"null" }
        }
    };
    out.extend_from_slice(b",\"hasNext\":");
    out.extend_from_slice(has_next);
    out.extend_from_slice(b",\"hasPrevious\":");
    out.extend_from_slice(if page.page > 1 { b"true" } else { b"false" });
    out.extend_from_slice(b"},\"timestamp\":");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    date::write_iso(now.as_millis() as f64, out);
    out.push(b'}');
}
