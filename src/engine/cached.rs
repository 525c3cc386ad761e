//! A cached call: given from memory, or loaded once for all who ask for it together.
//!
//! What is not to be cached goes the way of any other call. A load is a call like any other too, whose answer is kept
//! and handed to all who wait, by [`Load`].

use std::{
    sync::{Arc, Mutex, PoisonError, Weak, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::{
    cache::{
        Cache, Digest, binlog,
        entry::{Entry, Times, Value},
        epochs::Stamp,
        flight::Waiter,
        marks_of,
        memory::Draft,
        places_of,
        policy::{Policy, fraction},
        redis::Fill,
        schema::{PERIOD, Readiness, Schema},
    },
    call::{Answer, Call},
    error::{Error, Kind, Result},
    pool::Wake,
    sql::tables::Uncacheable,
    statement::Statement,
    wire::Done,
};

use super::{
    Caller, Engine, Reply,
    job::{Outlet, closed},
    others::Wanted,
};

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
        match effects.uncacheable {
            None => {}
            // Whoever names what it depends on need not be understood.
            Some(Uncacheable::Unparsed) if !asked.policy.tags.is_empty() => {}
            Some(reason) => return self.go_past(asked, caller, reason.name()),
        }
        match cache.ledger.schema().readiness(&effects) {
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

    /// Follows the server's log of changes until the pool is closed. `told` gets the first reason why it can not be, or none.
    pub fn follow_binlog(self: &Arc<Self>, told: Box<dyn Reply>) {
        let engine = self.clone();
        let told = Arc::new(Mutex::new(Some(told)));
        let teller = told.clone();
        let tell = move |error| {
            let told = teller.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(sleeper) = told.and_then(|told| told.send(Err(error), None, None)) {
                sleeper.wake();
            }
        };
        if let Some(cache) = &self.cache {
            cache.binlog.want();
        }
        self.pool.spawn(async move {
            let Some(cache) = &engine.cache else { return };
            let login = engine.login();
            tokio::select! {
                () = binlog::follow(&login, &cache.ledger, &cache.binlog, tell) => {}
                () = engine.abort.wait() => {}
            }
            // Nothing was wrong.
            let told = told.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(told) = told {
                let _ = told.send(Ok(Answer::Done(Done::default())), None, None);
            }
        });
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
            let schema = cache.ledger.schema();
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

    /// Keeps the schema up to date from now on.
    pub(super) fn attend_schema(self: &Arc<Self>) {
        if self.cache.is_some() && !self.schema_watched.swap(true, Ordering::AcqRel) {
            self.pool.spawn(keep_schema(Arc::downgrade(self)));
        }
    }

    /// Has the schema known for writes that others are told of, before anything is read here.
    pub fn attend(self: &Arc<Self>) {
        let cache = self.config().cache.as_ref();
        if cache.is_some_and(|cache| cache.redis.is_some() || cache.follow_binlog) {
            self.attend_schema();
        }
    }

    /// Reads the schema, once for all who need it, within the deadlines of a call.
    async fn read_schema(self: &Arc<Self>) -> Result<()> {
        let Some(cache) = &self.cache else {
            return Ok(());
        };
        let schema = cache.ledger.schema();
        let came = Instant::now();
        let mut last = self.schema_turn.lock().await;
        if !schema.question().is_open() {
            return Ok(());
        }
        match &*last {
            // Somebody has tried while this one waited for the turn.
            Some((tried, error)) if *tried > came => return Err(error.clone()),
            _ => {}
        }
        let result = self.ask_schema(schema).await;
        *last = result
            .as_ref()
            .err()
            .map(|error| (Instant::now(), error.clone()));
        result
    }

    async fn ask_schema(self: &Arc<Self>, schema: &Schema) -> Result<()> {
        let question = schema.question();
        let mut lease = self.pool.acquire().await?;
        // All cached calls wait for it, so it has a deadline also where queries have none.
        const LONGEST: Duration = Duration::from_secs(10);
        let limit = self.config().query_timeout().unwrap_or(LONGEST);
        // Marked cancellation point: dropped here, the connection is unusable and the lease discards it.
        match timeout(
            limit.min(LONGEST),
            schema.read(question, lease.connection()),
        )
        .await
        {
            Ok(result) => {
                lease.put_back();
                result
            }
            Err(_) => {
                lease.abandon();
                Err(Error::new(
                    Kind::QueryTimeout,
                    "the schema was not read in time (10 seconds or queryTimeoutMs)",
                ))
            }
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
        let epochs = cache.ledger.epochs();
        let stamp = epochs.stamp(places_of(&marks));
        let now = Instant::now();
        let mut older = None;
        let mut asker = caller;
        if let Some(entry) = cache.memory.get(&digest) {
            let is_heard_of = cache.is_heard_of(entry.times.read, now);
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
            engine: Arc::downgrade(self),
        };
        if cache.redis.is_none() {
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
        self.admit(call, Outlet::Cached(load));
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

/// Reads the schema from time to time and when it is missed, for as long as there is a pool.
async fn keep_schema(engine: Weak<Engine>) {
    /// Between two attempts.
    const PAUSE: Duration = Duration::from_secs(1);
    loop {
        let Some(ledger) = engine.upgrade().map(|engine| engine.ledger.clone()) else {
            return;
        };
        tokio::select! {
            () = sleep(PERIOD) => ledger.schema().expire(),
            () = ledger.schema().missed() => {}
        }
        let Some(engine) = engine.upgrade().filter(|engine| !engine.abort.is_called()) else {
            return;
        };
        // What it fails by, the next call will tell.
        let _ = engine.read_schema().await;
        drop(engine);
        sleep(PAUSE).await;
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

/// The place where the answer of a load goes.
pub struct Load {
    pub(super) number: u64,
    pub(super) digest: Digest,
    pub(super) policy: Arc<Policy>,
    pub(super) prefix: u32,
    /// Whether it was begun for nobody.
    pub(super) is_alone: bool,
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
        let (entry, forgotten) = cache.memory.put(self.digest, draft);
        cache.counts.evict(forgotten);
        Ok(entry)
    }
}

#[cold]
fn gone() -> Error {
    Error::new(Kind::Internal, "a load ended twice")
}
