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
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    call::{Answer, Call},
    error::{Error, Result},
    metrics::CloseReason,
    pool::{Lease, Passenger, Seat},
    wire::is_forgotten,
};

use super::{
    Engine,
    memory::Bounded,
    news::News,
    sink::Sink,
    stop::{Ending, over},
};

/// The most calls that one takes along. More would only lengthen the wait of the last one.
const MAX_RIDERS: usize = 15;
/// How long calls wait for the answers of those that they were sent with. All were quick when they were sent, so by
/// then something has gone wrong, such as a locked table, that may be none of theirs.
const PATIENCE: Duration = Duration::from_secs(1);

/// A call whose answer is known and not handed over yet.
type Answered = (Box<dyn Passenger>, Result<Answer>);

/// Whether the server, or the session, has become one that takes no writes: a new connection may find another.
fn is_read_only(result: &Result<Answer>) -> bool {
    const OPTION_PREVENTS_STATEMENT: u16 = 1290;
    const READ_ONLY_TRANSACTION: u16 = 1792;
    const READ_ONLY_MODE: u16 = 1836;
    matches!(
        result,
        Err(error) if matches!(
            error.errno(),
            Some(OPTION_PREVENTS_STATEMENT | READ_ONLY_TRANSACTION | READ_ONLY_MODE)
        )
    )
}

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
            Ok(Some(lease)) => Some((lease, first)),
            Ok(None) => {
                self.pool.readmit(first);
                None
            }
            Err(error) => {
                news.add(first.finish(Err(error)));
                None
            }
        };
        while let Some((lease, passenger)) = next {
            let (lease, answered) = self.serve_next(lease, passenger, &mut news).await;
            // The connection is passed on first: who has the answer finds it idle or at work for another.
            next = lease.and_then(|lease| {
                let (lease, moved) = lease.relocate();
                let (lease, passenger) = lease.next()?;
                if moved {
                    passenger.board(lease.into_seat());
                    return None;
                }
                Some((lease, passenger))
            });
            if let Some((passenger, result)) = answered {
                news.add(passenger.finish(result));
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
        if passenger.call().is_over() {
            return (Some(lease), Some((passenger, Err(over()))));
        }
        let deadline = passenger.entered() + self.config().acquire_timeout();
        let room = pin!(self.memory.room(deadline));
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
        let (lease, result) = self.run(lease, call).await;
        let session_changed = call.statement.template().changes_session();
        let lease = lease.and_then(|mut lease| {
            if self.config().keeps_sessions && is_read_only(&result) {
                lease.discard(CloseReason::Error);
                return None;
            }
            if !lease.needs_reset(session_changed) {
                return Some(lease);
            }
            // The answer does not wait for the clean-up, which has a deadline of its own.
            tokio::spawn(lease.release(session_changed));
            None
        });
        (lease, result)
    }

    /// Runs a call within its deadline, whatever it leaves in the session. The lease comes back unless the deadline of
    /// the pool passed, or the statement of a call that is over could not be ended.
    pub(super) async fn run(
        &self,
        mut lease: Lease,
        call: &Call,
    ) -> (Option<Lease>, Result<Answer>) {
        let id = lease.connection().id();
        lease.note(&self.ledger, &call.statement);
        let mut sink = self.sink(call);
        let ending = {
            let mut bounded = Bounded::new(&mut sink, &self.memory);
            let mut work = pin!(lease.connection().execute(
                &call.statement,
                &call.params,
                &mut bounded
            ));
            match self.until_over(work.as_mut(), call).await {
                Ending::Left => Box::pin(self.stop(id, work)).await,
                ending => ending,
            }
        };
        match ending {
            Ending::Done(Ok(done)) => {
                self.count_statements(&mut lease);
                lease.settle();
                (Some(lease), sink.answer(done))
            }
            Ending::Done(Err(error)) => {
                self.count_statements(&mut lease);
                if !Box::pin(lease.settle_after_error()).await {
                    lease.discard(CloseReason::Error);
                    return (None, Err(error));
                }
                (Some(lease), Err(error))
            }
            Ending::Late(late) => {
                lease.abandon();
                (None, Err(late))
            }
            Ending::Stopped if Box::pin(lease.outlives_kill()).await => {
                if Box::pin(lease.settle_after_error()).await {
                    return (Some(lease), Err(over()));
                }
                lease.discard(CloseReason::Error);
                (None, Err(over()))
            }
            Ending::Stopped | Ending::Left => {
                lease.abandon();
                (None, Err(over()))
            }
        }
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
            news.during(sent).await
        };
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                lease.discard(CloseReason::Error);
                return crew.fail(error);
            }
            Err(late) => {
                lease.abandon();
                return crew.fail(late);
            }
        }
        let mut patience = pin!(sleep_until(Instant::now() + PATIENCE));
        let mut held = Some(lease);
        while let Some(passenger) = crew.0.pop_front() {
            let Some(lease) = held.take() else { break };
            let (rest, result) = {
                let received = pin!(self.receive(lease, passenger.call()));
                let work = pin!(crew.stay_with(received, patience.as_mut()));
                news.during(work).await
            };
            held = rest.and_then(|lease| crew.left_to(lease));
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
        let ending = {
            let mut bounded = Bounded::new(&mut sink, &self.memory);
            let mut work = pin!(lease.connection().receive(
                &call.statement,
                &call.params,
                &mut bounded
            ));
            match self.until_over(work.as_mut(), call).await {
                Ending::Left => self.sit_out(work).await,
                ending => ending,
            }
        };
        let result = match ending {
            Ending::Done(result) => result.and_then(|done| sink.answer(done)),
            Ending::Late(late) => {
                lease.abandon();
                return (None, Err(late));
            }
            Ending::Left | Ending::Stopped => {
                lease.abandon();
                return (None, Err(over()));
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

    pub(super) fn count_statements(&self, lease: &mut Lease) {
        let counts = lease.connection().take_statement_counts();
        self.metrics.statements_prepared.add(counts.prepared);
        self.metrics.statement_cache_hits.add(counts.hits);
        self.metrics.statement_cache_misses.add(counts.prepared);
    }

    fn sink<'a>(&'a self, call: &'a Call) -> Sink<'a> {
        Sink::new(call, &self.format, &self.row_shapes)
    }
}

/// The calls of a pipeline that have no answer yet. However their holder ends, they enter the pool again: they are
/// plain reads.
struct Crew(VecDeque<Box<dyn Passenger>>);

impl Crew {
    /// Awaits an answer. Those behind it go elsewhere when their patience is at an end.
    async fn stay_with<T>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = T>>,
        mut patience: Pin<&mut Sleep>,
    ) -> T {
        poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            if polled.is_pending()
                && !self.0.is_empty()
                && patience.as_mut().poll(context).is_ready()
            {
                self.leave();
            }
            polled
        })
        .await
    }

    /// The connection, unless it owes answers to those who have left.
    fn left_to(&self, mut lease: Lease) -> Option<Lease> {
        if self.0.is_empty() && lease.connection().owes() > 0 {
            lease.discard(CloseReason::Timeout);
            return None;
        }
        Some(lease)
    }

    /// The commands did not get through: the first call has the error, the others go elsewhere.
    fn fail(mut self, error: Error) -> (Option<Lease>, Option<Answered>) {
        let first = self.0.pop_front();
        (None, first.map(|passenger| (passenger, Err(error))))
    }

    fn leave(&mut self) {
        // Each goes to the front of the queue, so the last one goes first.
        while let Some(passenger) = self.0.pop_back() {
            passenger.again();
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.leave();
    }
}
