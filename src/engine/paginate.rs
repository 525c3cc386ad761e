//! A page as a whole response body: rows and count are two statements on their way through the pool, and whichever is
//! answered last writes the envelope around both.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::{
    call::{Answer, Call, Stop, Wanted},
    codec::{params::Params, shape::Shape},
    error::Result,
    metrics::Operation,
    pool::Wake,
    statement::Statement,
};

use super::{Caller, Engine, Turn, envelope::write_body, job::Outlet};

/// The statements of one page.
pub struct PageCall {
    pub statement: Arc<Statement>,
    pub params: Params,
    /// Counts all rows; without it the page says nothing of a total.
    pub count: Option<(Arc<Statement>, Params)>,
    pub shape: Option<Arc<Shape>>,
    pub message: String,
    pub page: Page,
    /// The place of a page by cursor.
    pub turn: Option<Turn>,
}

/// Which page it is, and what is known of all rows.
pub struct Page {
    /// From 1 up; `None` for a page by cursor.
    pub number: Option<u64>,
    pub limit: u64,
    /// Whether the statement was asked for one row more, to see whether there is a next page.
    pub peeks: bool,
    pub total: Option<Total>,
}

/// A number of all rows that was known before.
pub struct Total {
    pub rows: u64,
    pub is_estimate: bool,
}

impl Engine {
    /// Reads a page; the answer is `{status, message, data, pagination, timestamp}` as JSON.
    pub fn start_page(self: &Arc<Self>, call: PageCall, caller: Caller) {
        self.split_page(call, caller, |call, outlet| self.admit(call, outlet));
    }

    /// Makes the calls of a page and gives them to `admit`, in their order.
    pub(super) fn split_page(&self, call: PageCall, caller: Caller, admit: impl Fn(Call, Outlet)) {
        self.begin();
        // Without a look ahead every row belongs to the page: a statement that places its own LIMIT may return several
        // rows for each of the keys that it picks.
        let limit = match call.page.peeks {
            true => usize::try_from(call.page.limit).unwrap_or(usize::MAX),
            false => usize::MAX,
        };
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
                limit,
                turn: call.turn,
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
