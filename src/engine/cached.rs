//! A cached call: given from memory, or loaded once for all who ask for it together.
//!
//! What is not to be cached goes the way of any other call. A load is a call like any other too, whose answer is kept
//! and handed to all who wait, by `load`; `others` asks Redis first, and `watch` knows what there is to know of the server.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use crate::{
    cache::{
        Cache, Digest,
        entry::{Entry, Times},
        epochs::Stamp,
        flight::Waiter,
        marks_of, places_of,
        policy::{Policy, fraction},
        schema::Readiness,
    },
    call::{Answer, Call},
    error::{Error, Kind, Result},
    statement::Statement,
};

use super::{
    Caller, Engine,
    job::{Outlet, closed},
};

mod load;
mod others;
mod watch;

pub use load::Load;
pub use others::Wanted;

/// A call whose result may be kept.
pub struct CachedCall {
    pub call: Call,
    pub digest: Digest,
    /// The caller's own name for the result.
    pub key: Option<Box<str>>,
    pub policy: Arc<Policy>,
}

/// Who waits for a result: callers, or nobody where one is replaced in time.
type Asker = Option<Caller>;

impl Engine {
    /// Starts a cached call. Without a caller its result is loaded to replace the one there is.
    pub fn start_cached(self: &Arc<Self>, asked: CachedCall, caller: Asker) {
        self.begin();
        let Some(cache) = &self.cache else {
            return self.go_past(asked, caller, "off");
        };
        let effects = asked.call.statement.effects();
        if let Some(reason) = effects.uncacheable {
            // Whoever names what it depends on need not be understood.
            let is_named = effects.is_cacheable_by_tags() && !asked.policy.tags.is_empty();
            if !is_named {
                return self.go_past(asked, caller, reason.name());
            }
        }
        match cache.ledger().schema().readiness(&effects) {
            Readiness::Unknown => self.look_first(asked, caller),
            known => self.decide(cache, known, asked, caller),
        }
    }

    /// Goes on with what is known of the tables that the statement reads.
    fn decide(
        self: &Arc<Self>,
        cache: &Cache<Caller>,
        known: Readiness,
        asked: CachedCall,
        caller: Asker,
    ) {
        match known {
            Readiness::Tables(tables) => self.give_or_load(cache, asked, &tables, caller),
            Readiness::View if !asked.policy.tags.is_empty() => {
                self.give_or_load(cache, asked, &[], caller);
            }
            Readiness::View => self.go_past(asked, caller, "view"),
            Readiness::Function => self.go_past(asked, caller, "function"),
            // Changed again, or names more databases than are looked into.
            Readiness::Unknown => self.go_past(asked, caller, "schema"),
        }
    }

    /// What the result of a call is recognised by; `None` if this pool keeps none.
    pub fn digest(
        &self,
        statement: &Statement,
        params: &[u8],
        form: &str,
        policy: &Policy,
        key: Option<&str>,
    ) -> Option<Digest> {
        let text = statement.template().text();
        // Told from the tags behind it.
        let named: &[u8] = if key.is_some() { &[1] } else { &[0] };
        let parts = [text.as_bytes(), params, form.as_bytes(), named];
        let key = key.into_iter().map(str::as_bytes);
        let tags = policy.tags.iter().map(|tag| tag.as_bytes());
        Some(
            self.cache
                .as_ref()?
                .digest(parts.into_iter().chain(key).chain(tags)),
        )
    }

    /// Runs the call as if there were no cache.
    fn go_past(self: &Arc<Self>, asked: CachedCall, caller: Asker, reason: &'static str) {
        if let Some(cache) = &self.cache {
            cache.counts.bypass(reason, 1);
        }
        match caller {
            Some(caller) => {
                caller.count_as(asked.call.operation());
                self.admit(asked.call, Outlet::Caller(caller));
            }
            None => self.end_uncounted(),
        }
    }

    /// Has the schema read before it is decided what becomes of the call.
    fn look_first(self: &Arc<Self>, asked: CachedCall, caller: Asker) {
        let engine = self.clone();
        self.pool.spawn(async move {
            let known = tokio::select! {
                biased;
                known = engine.read_schema() => known,
                () = engine.abort.wait() => Err(closed()),
            };
            engine.attend_schema();
            let Some(cache) = &engine.cache else { return };
            let effects = asked.call.statement.effects();
            let schema = cache.ledger().schema();
            match (known, schema.readiness(&effects)) {
                (Ok(()), known) => engine.decide(cache, known, asked, caller),
                (Err(error), _) => match schema.last_readiness(&effects) {
                    // The server has answered, and what it refuses will be refused again.
                    Readiness::Unknown if matches!(error.kind(), Kind::Server { .. }) => {
                        engine.go_past(asked, caller, "schema");
                    }
                    // A second wait for the same server would only be longer.
                    Readiness::Unknown => engine.fail(caller, error),
                    // There may be a result that will do.
                    known => engine.decide(cache, known, asked, caller),
                },
            }
        });
    }

    fn fail(&self, caller: Asker, error: Error) {
        self.metrics.errors.record(&error.label());
        match caller {
            Some(caller) => self.answer(caller, Err(error)),
            None => self.end_uncounted(),
        }
    }

    fn give_or_load(
        self: &Arc<Self>,
        cache: &Cache<Caller>,
        asked: CachedCall,
        tables: &[Box<str>],
        caller: Asker,
    ) {
        let CachedCall {
            call,
            digest,
            key,
            policy,
        } = asked;
        let marks = marks_of(tables, policy.tags.iter(), key.as_deref());
        let prefix = cache.counts.prefix(prefix_of(key.as_deref()));
        let epochs = cache.ledger().epochs();
        let stamp = epochs.stamp(places_of(&marks));
        let now = Instant::now();
        let mut older = None;
        let mut until = now;
        let mut asker = caller;
        if let Some(entry) = cache.memory.get(&digest) {
            let is_heard_of = cache.is_heard_of(entry.times.read, now);
            until = entry.times.fresh;
            if !epochs.are(&entry.stamp) {
                cache.memory.remove(&digest);
            } else if let Some(caller) =
                asker.take_if(|_| is_heard_of && now < entry.times.stale.max(entry.times.fresh))
            {
                let is_stale = now >= entry.times.fresh;
                cache.counts.add(prefix, |figures| {
                    figures.hits += 1;
                    figures.stale += u64::from(is_stale);
                });
                let is_due = is_stale || is_due(&entry.times, now);
                self.answer(caller, Ok(entry.clone()));
                if !is_due {
                    return;
                }
                // The one who replaces it has nobody waiting yet, and counts as a call of its own.
                self.begin();
                older = Some(entry).filter(|entry| now < entry.times.grace);
            } else if is_heard_of && now < entry.times.grace {
                older = Some(entry);
            }
        }
        let waits = asker.is_some();
        let patience = policy
            .soft_timeout_ms
            .filter(|_| older.is_some())
            .map(|limit| now + limit);
        let waiter = asker.map(|caller| Waiter { caller, patience });
        let is_good = |stamp: &Stamp, began| epochs.are(stamp) && cache.is_heard_of(began, now);
        let joined = cache.flights.join(&digest, waiter, older.as_ref(), is_good);
        let waiter = match joined {
            Ok(number) => {
                cache
                    .counts
                    .add(prefix, |figures| figures.joined += u64::from(waits));
                if !waits {
                    self.end_uncounted();
                }
                return self.keep_patience(number, patience);
            }
            Err(waiter) => waiter,
        };
        let number = cache.flights.begin(digest, stamp, older, waiter);
        self.keep_patience(number, patience);
        let load = Load {
            number,
            digest,
            policy,
            prefix,
            is_alone: !waits,
            fill: None,
            until,
            engine: Arc::downgrade(self),
        };
        if cache.redis().is_none() {
            return self.load(call, load);
        }
        let key = key.unwrap_or_else(|| digest.key());
        self.want(Wanted {
            load,
            call,
            key,
            marks,
        });
    }

    /// Sends the statement.
    pub(super) fn load(self: &Arc<Self>, call: Call, load: Load) {
        if let Some(cache) = &self.cache {
            cache.counts.add(load.prefix, |figures| {
                figures.loads += 1;
                figures.refreshes += u64::from(load.is_alone);
            });
        }
        self.admit(call, Outlet::Cached(Box::new(load)));
    }

    /// Gives a caller the older result when its patience ends.
    fn keep_patience(self: &Arc<Self>, number: u64, patience: Option<Instant>) {
        let Some(until) = patience else { return };
        let engine = self.clone();
        self.pool.spawn(async move {
            tokio::select! {
                () = sleep_until(until) => {}
                () = engine.abort.wait() => return,
            }
            let Some(cache) = &engine.cache else { return };
            let will_do = |older: &Entry| cache.will_do(older);
            let Some((callers, older)) = cache.flights.impatient(number, Instant::now(), will_do)
            else {
                return;
            };
            cache.counts.add(older.prefix, |figures| {
                figures.grace += callers.len() as u64
            });
            for caller in callers {
                engine.answer(caller, Ok(older.clone()));
            }
        });
    }

    /// Answers a cached call, and wakes whoever sleeps.
    fn answer(&self, caller: Caller, result: Result<Arc<Entry>>) {
        if let Some(sleeper) = caller.settle_uncounted(self, result.map(Answer::Cached), None) {
            sleeper.wake();
        }
    }
}

/// Whether to replace a result before its time: the more likely the nearer that is and the longer a load takes
/// (XFetch; Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015).
fn is_due(times: &Times, now: Instant) -> bool {
    let early = times.took.mul_f64(-fraction().max(f64::MIN_POSITIVE).ln());
    now + early >= times.fresh
}

/// What the figures of a key are counted under.
fn prefix_of(key: Option<&str>) -> &str {
    match key {
        None => "(query)",
        // Without a colon all of it is the key, which no figure is counted under.
        Some(key) => key.split_once(':').map_or("(key)", |(prefix, _)| prefix),
    }
}
