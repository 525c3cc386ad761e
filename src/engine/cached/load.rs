//! The load of a result: a call like any other, whose answer is kept and handed to all who wait for it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    cache::{
        Cache, Digest,
        entry::{Entry, Times, Value},
        memory::Draft,
        policy::Policy,
        redis::Fill,
    },
    call::{Answer, Call},
    error::{Error, Kind, Result},
    pool::Wake,
};

use super::super::{Caller, Engine, job::closed};

/// The place where the answer of a load goes.
pub struct Load {
    pub(super) number: u64,
    pub(super) digest: Digest,
    pub(super) policy: Arc<Policy>,
    pub(super) prefix: u32,
    /// Whether it was begun for nobody.
    pub(super) is_alone: bool,
    /// Until when the result that it replaces is fresh.
    pub(super) until: Instant,
    /// The right to store what is loaded in tier 2.
    pub(super) fill: Option<Fill>,
    /// Whose flight it is; dangling after it has ended.
    pub(super) engine: Weak<Engine>,
}

impl Drop for Load {
    /// Reached with the flight under way only by a defect, or when the pool is closed: nobody waits for ever.
    fn drop(&mut self) {
        let Some(engine) = self.engine.upgrade() else {
            return;
        };
        let Some(cache) = &engine.cache else { return };
        if self.is_alone {
            engine.end_uncounted();
        }
        let error = if engine.abort.is_called() {
            closed()
        } else {
            Error::new(
                Kind::Internal,
                "the load of a cached result ended by a defect in hegar-native; please report it",
            )
        };
        let waiters = cache.flights.end(self.number).map(|flight| flight.waiters);
        for waiter in waiters.into_iter().flatten() {
            engine.answer(waiter.caller, Err(error.clone()));
        }
    }
}

impl Load {
    /// Keeps what was loaded and hands it to all who wait for it.
    #[must_use = "who sleeps has to be woken"]
    pub fn put(
        mut self,
        engine: &Engine,
        result: Result<Answer>,
        call: &Call,
    ) -> Option<Arc<dyn Wake>> {
        let cache = engine.cache.as_ref()?;
        let (_, began) = cache.flights.began(self.number)?;
        let took = began.elapsed();
        let slow = engine.observe(call.operation(), &result, took);
        let outcome = result.and_then(|answer| self.keep(engine, cache, answer, took));
        self.give(engine, cache, outcome, slow)
    }

    /// The flight has been ended.
    pub(super) fn forget(mut self) {
        self.engine = Weak::new();
    }

    /// Ends the flight with what it came to.
    #[must_use = "who sleeps has to be woken"]
    pub(super) fn give(
        mut self,
        engine: &Engine,
        cache: &Cache<Caller>,
        outcome: Result<Arc<Entry>>,
        slow: Option<Duration>,
    ) -> Option<Arc<dyn Wake>> {
        self.engine = Weak::new();
        if self.is_alone {
            engine.end_uncounted();
        }
        let flight = cache.flights.end(self.number)?;
        let older = flight
            .older
            .filter(|older| outcome.is_err() && cache.will_do(older));
        cache.counts.add(self.prefix, |figures| {
            figures.errors += u64::from(outcome.is_err());
            if older.is_some() {
                figures.grace += flight.waiters.len() as u64;
            }
        });
        let outcome = older.map_or(outcome, Ok);
        let mut sleeper = None;
        // One is told that it was slow.
        let mut slow = slow;
        for waiter in flight.waiters {
            let answer = outcome.clone().map(Answer::Cached);
            let woken = waiter.caller.settle_uncounted(engine, answer, slow.take());
            sleeper = sleeper.or(woken);
        }
        sleeper
    }

    fn keep(
        &mut self,
        engine: &Engine,
        cache: &Cache<Caller>,
        answer: Answer,
        took: Duration,
    ) -> Result<Arc<Entry>> {
        let (stamp, began) = cache.flights.began(self.number).ok_or_else(gone)?;
        let value = Value::of(answer).map_err(|_| {
            let message = "a cached query has to be one that returns rows";
            Error::new(Kind::Unsupported, message)
        })?;
        let times = self.policy.times(&value, began, took);
        let allowed = cache.fence(&stamp);
        cache.counts.add(self.prefix, |figures| {
            figures.fenced += u64::from(allowed.is_none());
            figures.too_large += u64::from(value.size() > self.policy.max_bytes);
        });
        let kept = times.filter(|_| allowed.is_some());
        let value = if kept.is_some() {
            value.compact()
        } else {
            value
        };
        // Dropped where nothing is kept, and those who wait for it in other processes ask again.
        let fill = self.fill.take();
        if let (Some(times), Some(fill)) = (kept, fill) {
            engine.share(fill, value.clone(), &times, &self.policy);
        }
        let draft = Draft {
            value,
            stamp: allowed.unwrap_or(stamp),
            times: kept.unwrap_or(Times::never(began)),
            prefix: self.prefix,
        };
        if kept.is_none() {
            return Ok(draft.unkept());
        }
        Ok(cache.keep(self.digest, draft))
    }
}

#[cold]
fn gone() -> Error {
    Error::new(Kind::Internal, "a load ended twice")
}
