//! A page as a whole response body: rows and count read at the same time, the envelope written around them.

use std::{pin::pin, sync::Arc, time::Duration};

use crate::{
    call::Answer,
    codec::{
        date, json::JsonRows, number::write_u64, params::Params, shape::Shape,
        string::write_json_string,
    },
    error::{Error, Kind, Result},
    metrics::Operation,
    pool::Entry,
    statement::Statement,
};

use super::{Count, Engine, Held, JSON_CAPACITY};

/// The statements of one page.
pub struct PageCall {
    pub statement: Arc<Statement>,
    pub params: Params,
    /// Counts all rows; without it the page says nothing of a total.
    pub count: Option<(Arc<Statement>, Params)>,
    pub shape: Option<Arc<Shape>>,
    pub page: Page,
}

/// What the envelope says.
pub struct Page {
    pub page: u64,
    pub limit: u64,
    pub message: String,
}

impl Engine {
    /// Takes the places that `call` needs, in their order.
    pub fn enter_page(&self, call: &PageCall) -> (Entry, Option<Entry>) {
        let entry = self.pool.enter();
        (entry, call.count.is_some().then(|| self.pool.enter()))
    }

    /// Reads a page and answers with `{status, message, data, pagination, timestamp}` as JSON.
    pub async fn paginate(
        &self,
        call: &PageCall,
        entries: (Entry, Option<Entry>),
    ) -> (Result<Answer>, Duration) {
        self.observe(Operation::Paginate, pin!(self.page(call, entries)))
            .await
    }

    /// Runs a statement on the connection that `entry` comes to.
    async fn read(
        &self,
        entry: Entry,
        statement: &Statement,
        params: &Params,
        sink: &mut impl Held,
    ) -> Result<()> {
        self.memory.room(self.config().acquire_timeout()).await?;
        let lease = entry.lend().await?;
        let (lease, result) = self.execute(lease, statement, params, sink).await;
        if let Some(lease) = lease {
            lease.put_back();
        }
        result.map(drop)
    }

    async fn page(
        &self,
        call: &PageCall,
        (entry, count_entry): (Entry, Option<Entry>),
    ) -> Result<Answer> {
        let mut head = b"{\"status\":\"success\",\"message\":".to_vec();
        write_json_string(call.page.message.as_bytes(), &mut head);
        head.extend_from_slice(b",\"data\":");
        let mut rows =
            JsonRows::new(&self.format, call.shape.as_deref(), JSON_CAPACITY).with_head(&head);
        let data = self.read(entry, &call.statement, &call.params, &mut rows);
        let total = match &call.count {
            None => {
                data.await?;
                None
            }
            Some((statement, params)) => {
                let mut count = Count::default();
                let count_entry = count_entry.unwrap_or_else(|| self.pool.enter());
                // Both finish before an error is told, so that no connection is left in the middle of a result.
                let (read, counted) =
                    tokio::join!(data, self.read(count_entry, statement, params, &mut count));
                read?;
                counted?;
                Some(count.value.ok_or_else(no_count)?)
            }
        };
        let count = rows.rows();
        let mut body = rows.finish().ok_or_else(|| {
            Error::new(
                Kind::Parameters,
                "paginateJson needs a statement that returns rows",
            )
        })?;
        write_pagination(&call.page, total, count as u64, &mut body);
        Ok(Answer::Json {
            bytes: body,
            rows: count,
        })
    }
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
