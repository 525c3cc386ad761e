//! The cache for JavaScript: calls that are kept, the memory that both sides read, and what is told of writes.

use std::sync::{Arc, atomic::AtomicU32};

use napi::{
    Env, Error, Result, Status,
    bindgen_prelude::{BufferSlice, Float64Array},
};
use napi_derive::napi;

use crate::{
    cache::{self, epochs, policy::Policy},
    call::{Call, Wanted},
    codec::{
        params::Params,
        shape::{Envelope, Shape},
    },
    engine::{CachedCall, Engine},
    metrics::Operation,
};

use super::{
    calls::thrown,
    completions::Outcome,
    pool::NativePool,
    statement::{NativeShape, NativeStatement},
    ticket::NativeTicket,
};

/// What callers want of a cached call; `lib/cache/cached.js` makes one for each set of options in use.
#[napi]
pub struct NativeWish {
    is_json: bool,
    shape: Option<Arc<Shape>>,
    envelope: Option<Arc<Envelope>>,
    form: Box<str>,
    policy: Arc<Policy>,
}

#[napi]
impl NativeWish {
    /// JSON or rows in that shape; `form` tells results of the same statement apart, `policy` says for how long they are kept.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        json: bool,
        shape: Option<&NativeShape>,
        form: String,
        policy: String,
    ) -> Result<NativeWish> {
        Ok(NativeWish {
            is_json: json,
            shape: shape.map(NativeShape::inner),
            envelope: shape.and_then(NativeShape::envelope),
            form: form.into(),
            policy: Arc::new(Policy::from_json(&policy).map_err(thrown)?),
        })
    }

    fn rows(&self) -> Wanted {
        let shape = self.shape.clone();
        if self.is_json {
            return Wanted::Json {
                limit: usize::MAX,
                shape,
                envelope: self.envelope.clone(),
            };
        }
        Wanted::Rows {
            limit: usize::MAX,
            operation: Operation::Query,
            shape,
            is_whole: true,
        }
    }
}

/// The milliseconds of the clock that entries are timed by.
#[napi(catch_unwind)]
pub fn cache_clock() -> f64 {
    epochs::milliseconds(tokio::time::Instant::now())
}

/// See [`crate::cache::remove_fence`]: for the check of freshness alone.
#[napi(catch_unwind)]
pub fn cache_remove_fence() {
    cache::remove_fence();
}

#[napi]
impl NativePool {
    /// Runs a statement unless its result is kept.
    #[napi(catch_unwind)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cost a property lookup each on every call"
    )]
    pub fn cached(
        &self,
        call: u32,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        wish: &NativeWish,
        key: Option<String>,
        ticket: Option<&NativeTicket>,
    ) -> Result<()> {
        let asked = self.asked(statement, &params, length, wish, key)?;
        let caller = NativeTicket::caller(ticket, self.engine(), None, self.reply(call));
        self.engine().start_cached(asked, Some(caller));
        Ok(())
    }

    /// Loads a result again that is still there, so that nobody has to wait when it is not.
    #[napi(catch_unwind)]
    pub fn refresh(
        &self,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        wish: &NativeWish,
        key: Option<String>,
    ) -> Result<()> {
        let asked = self.asked(statement, &params, length, wish, key)?;
        self.engine().start_cached(asked, None);
        Ok(())
    }

    /// The epochs of the server, with the horizon behind them; all pools of a server have the same.
    #[napi(catch_unwind)]
    pub fn cache_epochs<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        let ledger = self.engine().ledger().clone();
        let words: *const [AtomicU32] = ledger.epochs().words();
        words_of(env, words, ledger)
    }

    /// Changes the last word of the epochs, so that JavaScript can see whether it has their memory or a copy.
    #[napi(catch_unwind)]
    pub fn cache_probe(&self) {
        self.engine().ledger().epochs().probe();
    }

    /// The tokens of the entries that are kept.
    #[napi(catch_unwind)]
    pub fn cache_tokens<'env>(&self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        let engine: Arc<Engine> = self.engine().clone();
        let Some(words) = engine.cache_tokens().map(std::ptr::from_ref) else {
            return Ok(None);
        };
        words_of(env, words, engine).map(Some)
    }

    /// Hits of JavaScript's own, by the number of the prefix: all, and those that were stale.
    #[napi(catch_unwind)]
    pub fn cache_note(&self, hits: Float64Array) {
        for (prefix, counts) in (0_u32..).zip(hits.chunks_exact(2)) {
            if let [hits, stale] = *counts {
                self.engine().note_hits(prefix, hits as u64, stale as u64);
            }
        }
    }

    /// Calls that JavaScript sent past the cache.
    #[napi(catch_unwind)]
    pub fn cache_bypass(&self, reason: String) {
        self.engine().note_bypass(&reason);
    }

    /// Follows the server's log of changes; the outcome, if there is one, is why it can not be followed.
    #[napi(catch_unwind)]
    pub fn follow_binlog(&self, call: u32) {
        self.engine().follow_binlog(self.reply(call));
    }

    /// These have changed: marks as `lib/cache/invalidation.js` writes them. Nothing that depends on them is given from now
    /// on; the outcome is 1 when other processes can know it, or 0 if that took too long.
    #[napi(catch_unwind)]
    pub fn invalidate(&self, call: u32, marks: Vec<String>) {
        let marks: Vec<Box<str>> = marks.into_iter().map(Into::into).collect();
        let engine = self.engine().clone();
        engine.invalidate(&marks);
        let reply = self.reply(call);
        self.spawn(async move {
            let told = engine.has_told_others().await;
            reply.finish(Outcome::Number(if told { 1.0 } else { 0.0 }));
        });
    }
}

impl NativePool {
    fn asked(
        &self,
        statement: &NativeStatement,
        params: &BufferSlice<'_>,
        length: u32,
        wish: &NativeWish,
        key: Option<String>,
    ) -> Result<CachedCall> {
        let packed = params.get(..length as usize).unwrap_or_default();
        let statement = statement.inner();
        let digest = self
            .engine()
            .digest(&statement, packed, &wish.form, &wish.policy, key.as_deref())
            .ok_or_else(|| Error::new(Status::InvalidArg, "this pool keeps no results"))?;
        Ok(CachedCall {
            call: Call {
                statement,
                params: Params::unpack(packed).map_err(thrown)?,
                wanted: wish.rows(),
                stop: None,
            },
            digest,
            key: key.map(Into::into),
            policy: wish.policy.clone(),
        })
    }
}

/// Words that Rust changes and JavaScript reads, for as long as JavaScript holds them.
pub(super) fn words_of<T: 'static>(
    env: &Env,
    words: *const [AtomicU32],
    owner: T,
) -> Result<BufferSlice<'_>> {
    let (data, length) = (words.cast::<u8>().cast_mut(), words.len() * 4);
    // SAFETY: `owner` keeps the words where they are until the finaliser drops it, once and after the last use by
    // JavaScript. They are atomic: JavaScript's reads and writes are of whole aligned words, so neither side sees half
    // of one, and nothing is ordered by them but what a single word says.
    unsafe { BufferSlice::from_external(env, data, length, owner, |_, owner| drop(owner)) }
}
