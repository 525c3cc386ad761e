//! One connection and the calls that it runs, one after the other or several in one write.
//!
//! Whoever gets a connection runs its call, takes the next one from the queue, and goes on until nobody waits. A plain
//! read that is prepared here and known to be quick takes others of its kind along: all are sent in one write and
//! answered in their order. Should the connection break in the middle, those without an answer enter the pool again.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
};

use tokio::{task::yield_now, time::timeout};

use crate::{
    call::{Answer, Call, Wanted},
    codec::{json::JsonRows, packed::PackedRows, params::Params},
    error::{Error, Kind, Result},
    metrics::CloseReason,
    pool::{Lease, Passenger, Seat, Wake},
    statement::Statement,
    wire::{Columns, Done, Memo, Row, RowSink, is_forgotten},
};

use super::{
    Engine, JSON_CAPACITY,
    memory::{Bounded, Held},
};

/// The most calls that one takes along. More would only lengthen the wait of the last one.
const MAX_RIDERS: usize = 15;

/// A call whose answer is known and not handed over yet.
type Answered = (Box<dyn Passenger>, Result<Answer>);

impl Engine {
    /// Runs `first` and whatever waits after it, until the connection goes back or breaks.
    pub(super) async fn serve(self: Arc<Self>, seat: Seat, first: Box<dyn Passenger>) {
        let work = pin!(self.serve_all(seat, first));
        tokio::select! {
            biased;
            () = work => {}
            // Dropping the work discards its connection, ends its statement on the server and answers its calls.
            () = self.abort.wait() => {}
        }
    }

    async fn serve_all(&self, seat: Seat, first: Box<dyn Passenger>) {
        let mut news = News::default();
        let mut next = match Box::pin(seat.take()).await {
            Ok(lease) => Some((lease, first)),
            Err(error) => {
                news.add(first.finish(Err(error)));
                None
            }
        };
        while let Some((lease, passenger)) = next {
            let (lease, answered) = self.serve_next(lease, passenger, &mut news).await;
            // The connection is passed on first: who has the answer finds it idle or at work for another.
            next = lease.and_then(Lease::next);
            if let Some((passenger, result)) = answered {
                news.add(passenger.finish(result));
            }
            if let Some((lease, passenger)) = next {
                match lease.moved() {
                    Ok(seat) => {
                        passenger.board(seat);
                        next = None;
                    }
                    Err(lease) => next = Some((lease, passenger)),
                }
            }
        }
        news.tell().await;
    }

    /// Runs one call, or several together; the answer of the last one is left to the caller. The lease comes back when
    /// the connection can serve on.
    async fn serve_next(
        &self,
        mut lease: Lease,
        passenger: Box<dyn Passenger>,
        news: &mut News,
    ) -> (Option<Lease>, Option<Answered>) {
        let room = pin!(self.memory.room(self.config().acquire_timeout()));
        if let Err(error) = news.during(room).await {
            return (Some(lease), Some((passenger, Err(error))));
        }
        let call = passenger.call();
        if passenger.shares() && lease.connection().is_quick(&call.statement, &call.params) {
            let riders = lease.riders(MAX_RIDERS);
            if !riders.is_empty() {
                let crew = Crew(std::iter::once(passenger).chain(riders).collect());
                // Boxed, because a task has room for the longest of its ways, and small ones come cheaper.
                return Box::pin(self.run_together(lease, crew, news)).await;
            }
        }
        let (lease, result) = news.during(pin!(self.run_alone(lease, call))).await;
        (lease, Some((passenger, result)))
    }

    async fn run_alone(&self, lease: Lease, call: &Call) -> (Option<Lease>, Result<Answer>) {
        let mut sink = self.sink(call);
        let (lease, result) = self
            .execute(lease, &call.statement, &call.params, &mut sink)
            .await;
        (lease, result.map(|done| sink.answer(done)))
    }

    async fn run_together(
        &self,
        mut lease: Lease,
        mut crew: Crew,
        news: &mut News,
    ) -> (Option<Lease>, Option<Answered>) {
        let sent = {
            let calls = crew.0.iter().map(|passenger| {
                let call = passenger.call();
                (&*call.statement, &call.params)
            });
            let work = pin!(lease.connection().send(calls));
            let sent = pin!(self.within_deadline(work));
            news.during(sent).await.and_then(|sent| sent)
        };
        if let Err(error) = sent {
            lease.abandon();
            return (None, crew.0.pop_front().map(|first| (first, Err(error))));
        }
        let mut held = Some(lease);
        while let (Some(lease), Some(passenger)) = (held.take(), crew.0.pop_front()) {
            let (rest, result) = {
                let received = pin!(self.receive(lease, passenger.call()));
                news.during(received).await
            };
            held = rest;
            if is_forgotten(&result) {
                passenger.again();
            } else if crew.0.is_empty() || held.is_none() {
                return (held, Some((passenger, result)));
            } else {
                news.add(passenger.finish(result));
            }
        }
        (held, None)
    }

    /// Reads the next answer of a pipeline within the query deadline. The lease comes back while the connection holds.
    async fn receive(&self, mut lease: Lease, call: &Call) -> (Option<Lease>, Result<Answer>) {
        let mut sink = self.sink(call);
        let result = {
            let mut bounded = Bounded::new(&mut sink, &self.memory);
            let work = pin!(lease.connection().receive(
                &call.statement,
                &call.params,
                &mut bounded
            ));
            self.within_deadline(work).await
        };
        let result = match result {
            Ok(result) => result.map(|done| sink.answer(done)),
            Err(late) => {
                lease.abandon();
                return (None, Err(late));
            }
        };
        self.metrics.statements_pipelined.increment();
        self.count_statements(&mut lease);
        if lease.connection().owes() > 0 || lease.connection().is_usable() {
            return (Some(lease), result);
        }
        lease.discard(CloseReason::Error);
        (None, result)
    }

    /// Runs a statement within the query deadline. The lease comes back when the connection can serve on.
    pub(super) async fn execute(
        &self,
        mut lease: Lease,
        statement: &Statement,
        params: &Params,
        sink: &mut impl Held,
    ) -> (Option<Lease>, Result<Done>) {
        let result = {
            let mut sink = Bounded::new(sink, &self.memory);
            let work = pin!(lease.connection().execute(statement, params, &mut sink));
            self.within_deadline(work).await
        };
        let result = match result {
            Ok(result) => result,
            Err(late) => {
                lease.abandon();
                return (None, Err(late));
            }
        };
        self.count_statements(&mut lease);
        let session_changed = statement.template().changes_session();
        if lease.needs_reset(session_changed) {
            // The answer does not wait for the clean-up, which has a deadline of its own.
            tokio::spawn(lease.release(session_changed));
            return (None, result);
        }
        (Some(lease), result)
    }

    /// Awaits `work`; past the query deadline the answer is the error for that.
    async fn within_deadline<T>(&self, work: Pin<&mut impl Future<Output = T>>) -> Result<T> {
        let Some(limit) = self.config().query_timeout() else {
            return Ok(work.await);
        };
        timeout(limit, work).await.map_err(|_| {
            Error::new(
                Kind::QueryTimeout,
                format!(
                    "the statement did not finish within {} ms (queryTimeoutMs) and was ended on the server",
                    limit.as_millis()
                ),
            )
        })
    }

    fn count_statements(&self, lease: &mut Lease) {
        let counts = lease.connection().take_statement_counts();
        self.metrics.statements_prepared.add(counts.prepared);
        self.metrics.statement_cache_hits.add(counts.hits);
        self.metrics.statement_cache_misses.add(counts.prepared);
    }

    fn sink<'a>(&'a self, call: &'a Call) -> Sink<'a> {
        match &call.wanted {
            Wanted::Rows { limit, .. } => {
                Sink::Rows(PackedRows::new(&self.format, &self.row_shapes, *limit))
            }
            Wanted::Json { shape } => {
                Sink::Json(JsonRows::new(&self.format, shape.as_deref(), JSON_CAPACITY))
            }
        }
    }
}

/// The calls of a pipeline that have no answer yet. However their holder ends, they enter the pool again: they are
/// plain reads.
struct Crew(VecDeque<Box<dyn Passenger>>);

impl Drop for Crew {
    fn drop(&mut self) {
        for passenger in self.0.drain(..) {
            passenger.again();
        }
    }
}

/// Who is to be woken for answers that have been handed over. Waking a thread costs more than a small answer, so it is
/// put off until there is nothing to do but wait, and until other tasks have had their turn.
#[derive(Default)]
struct News(Option<Arc<dyn Wake>>);

impl News {
    fn add(&mut self, sleeper: Option<Arc<dyn Wake>>) {
        if sleeper.is_some() {
            self.0 = sleeper;
        }
    }

    async fn tell(&mut self) {
        if self.0.is_some() {
            yield_now().await;
        }
        self.wake();
    }

    /// Awaits `work`, which may wait for whoever is to be woken.
    async fn during<T>(&mut self, mut work: Pin<&mut impl Future<Output = T>>) -> T {
        let mut turn_of_others = pin!(yield_now());
        poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            // Not looked at again once it is over: then nobody is left to be woken.
            if polled.is_pending()
                && self.0.is_some()
                && turn_of_others.as_mut().poll(context).is_ready()
            {
                self.wake();
            }
            polled
        })
        .await
    }

    fn wake(&mut self) {
        if let Some(sleeper) = self.0.take() {
            sleeper.wake();
        }
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.wake();
    }
}

/// The rows of a call in the form that it wants.
enum Sink<'a> {
    Rows(PackedRows<'a>),
    Json(JsonRows<'a>),
}

impl Sink<'_> {
    fn answer(self, done: Done) -> Answer {
        match self {
            Sink::Rows(rows) => rows.finish().map_or(Answer::Done(done), Answer::Rows),
            Sink::Json(json) => {
                let rows = json.rows();
                json.finish()
                    .map_or(Answer::Done(done), |bytes| Answer::Json { bytes, rows })
            }
        }
    }
}

impl RowSink for Sink<'_> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        match self {
            Sink::Rows(rows) => rows.begin(columns, memo),
            Sink::Json(json) => json.begin(columns, memo),
        }
    }

    #[inline]
    fn row(&mut self, row: Row<'_>) -> Result<()> {
        match self {
            Sink::Rows(rows) => rows.row(row),
            Sink::Json(json) => json.row(row),
        }
    }
}

impl Held for Sink<'_> {
    fn size(&self) -> usize {
        match self {
            Sink::Rows(rows) => rows.size(),
            Sink::Json(json) => json.size(),
        }
    }
}
