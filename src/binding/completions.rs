//! The way back to JavaScript: finished calls queue up here, and JavaScript is woken once for many of them.
//!
//! JavaScript owns a staging buffer. `drain` copies as many records into it as fit, each behind a header of eight
//! words, and `lib/completions.js` turns them into objects and resolves their promises. A payload that is too large
//! to copy is announced by its header alone and fetched with `takeLarge` as a Buffer of its own.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use napi::{
    Env, JsString, JsStringLatin1, JsStringUtf16, Result, Status,
    bindgen_prelude::{BufferSlice, Function},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;

use crate::{call::Answer, codec::buffers, engine::Claim, error::Error, pool::Wake};

use super::delivery::{Delivery, Large, Writer};

/// The memory of payloads from here on is counted twice, see [`lend`].
const VERY_LARGE: usize = 1024 * 1024;
/// Text outside of the heap keeps the memory of its rows waiting for the collector, which is not told that there is a
/// reason to come. Counted as this many times its size more, 1,000 rows as objects with 4 in flight peak at 121 MB
/// instead of 742; counted once they peak at 226 MB and take a quarter less of the JavaScript thread.
const TEXT_WEIGHT: i64 = 5;

/// What became of a call.
pub enum Outcome {
    Answer(Answer),
    /// Rows of a stream, whose outcome is still to come.
    Piece(Answer),
    Number(f64),
    Error(Error),
}

pub struct Completion {
    pub call: u32,
    pub outcome: Outcome,
    pub slow: Option<Duration>,
    /// Held until JavaScript has the bytes.
    pub claim: Option<Claim>,
}

type Bell = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The queue between the runtime and one JavaScript thread.
pub struct Queue {
    /// Guards the list; held for a push or a pop. Nothing awaits under it.
    ready: Mutex<VecDeque<Completion>>,
    /// Whether JavaScript has been woken and has not begun to drain yet.
    woken: AtomicBool,
    bell: Bell,
}

impl Queue {
    /// Queues the outcome of a call. Whether JavaScript has to be woken is the answer; it is woken once for many, and
    /// only the first to find it asleep has to do it.
    pub fn push(
        &self,
        call: u32,
        outcome: Outcome,
        slow: Option<Duration>,
        claim: Option<Claim>,
    ) -> bool {
        self.lock().push_back(Completion {
            call,
            outcome,
            slow,
            claim,
        });
        !self.woken.swap(true, Ordering::AcqRel)
    }

    /// Queues an outcome and wakes JavaScript.
    pub fn push_now(&self, call: u32, outcome: Outcome) {
        if self.push(call, outcome, None, None) {
            self.wake();
        }
    }

    fn pop(&self) -> Option<Completion> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Completion>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Queue {
    fn wake(&self) {
        // A thread that is ending takes no more calls; then there is nobody left to tell.
        let _ = self.bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }
}

/// The JavaScript side of the queue. One for each thread that loads the addon.
#[napi]
pub struct NativeCompletions {
    queue: Arc<Queue>,
    /// The call that the last drain stopped in.
    current: Option<Delivery>,
    /// Payloads that the last drain announced as large, in order.
    large: VecDeque<Large>,
    /// Texts of segments that the last drain wrote without them, in order.
    texts: VecDeque<Vec<u8>>,
    wides: VecDeque<Vec<u16>>,
    /// Whether this runtime takes strings whose memory is ours.
    external_strings: bool,
    /// The shapes that JavaScript has a builder for.
    known: HashSet<u32>,
}

#[napi]
impl NativeCompletions {
    /// `wake` is called from the event loop when there is something to drain. `external_strings` says whether the
    /// runtime has `node_api_create_external_string_latin1`.
    #[napi(constructor, catch_unwind)]
    pub fn new(wake: Function<'_, (), ()>, external_strings: bool) -> Result<NativeCompletions> {
        let bell = wake
            .build_threadsafe_function()
            .callee_handled::<false>()
            .weak::<true>()
            .build()?;
        let queue = Queue {
            ready: Mutex::default(),
            woken: AtomicBool::new(false),
            bell,
        };
        Ok(NativeCompletions {
            queue: Arc::new(queue),
            current: None,
            large: VecDeque::new(),
            texts: VecDeque::new(),
            wides: VecDeque::new(),
            external_strings,
            known: HashSet::new(),
        })
    }

    /// Writes what is ready into `staging` and returns how many bytes that were; 0 when nothing is left.
    #[napi(catch_unwind)]
    pub fn drain(&mut self, mut staging: BufferSlice<'_>) -> u32 {
        // Cleared before looking, so that a push from now on wakes again.
        self.queue.woken.store(false, Ordering::Release);
        let mut writer = Writer {
            out: &mut staging,
            at: 0,
            large: &mut self.large,
            texts: &mut self.texts,
            wides: &mut self.wides,
        };
        while let Some(mut delivery) = self
            .current
            .take()
            .or_else(|| self.queue.pop().map(Delivery::new))
        {
            if !delivery.write(&mut writer, &mut self.known) {
                self.current = Some(delivery);
                break;
            }
            self.current = delivery.follower();
        }
        writer.at as u32
    }

    /// The next payload that the last drain announced as large.
    #[napi(catch_unwind)]
    pub fn take_large<'env>(&mut self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        self.large
            .pop_front()
            .map(|payload| match payload {
                Large::Own(bytes) => lend(env, bytes),
                Large::Shared(bytes) => share(env, bytes),
            })
            .transpose()
    }

    /// The next text that the last drain left out of its segment.
    #[napi(catch_unwind)]
    pub fn take_text<'env>(&mut self, env: &'env Env) -> Result<Option<JsString<'env>>> {
        let Some(text) = self.texts.pop_front() else {
            return Ok(None);
        };
        if !self.external_strings {
            return env.create_string_latin1(&text).map(Some);
        }
        let (data, length) = (text.as_ptr(), text.len());
        let extra = length as i64 * TEXT_WEIGHT;
        env.adjust_external_memory(extra)?;
        // SAFETY: as in `lend`; and the text is Latin-1, which is what the string is made of.
        let string = unsafe {
            JsStringLatin1::from_external(env, data, length, text, move |env, text| {
                // Fails only in an environment that is ending, where nobody counts any more.
                let _ = env.adjust_external_memory(-extra);
                buffers::give(text);
            })
        };
        string.map(|string| Some(string.into_value()))
    }

    /// The next wide text that the last drain left out of its segment.
    #[napi(catch_unwind)]
    pub fn take_wide<'env>(&mut self, env: &'env Env) -> Result<Option<JsString<'env>>> {
        let Some(text) = self.wides.pop_front() else {
            return Ok(None);
        };
        if !self.external_strings {
            return env.create_string_utf16(&text).map(Some);
        }
        let (data, length) = (text.as_ptr(), text.len());
        let extra = length as i64 * 2 * TEXT_WEIGHT;
        env.adjust_external_memory(extra)?;
        // SAFETY: as in `lend`; and the text is UTF-16, which is what the string is made of.
        let string = unsafe {
            JsStringUtf16::from_external(env, data, length, text, move |env, text| {
                // Fails only in an environment that is ending, where nobody counts any more.
                let _ = env.adjust_external_memory(-extra);
                drop(text);
            })
        };
        string.map(|string| Some(string.into_value()))
    }
}

impl NativeCompletions {
    pub fn queue(&self) -> Arc<Queue> {
        self.queue.clone()
    }
}

/// Lends JavaScript memory that others hold too. Nobody writes to it: Rust has it behind an `Arc`, and those who get it are
/// told in index.d.ts that it is shared.
fn share(env: &Env, bytes: Arc<Vec<u8>>) -> Result<BufferSlice<'_>> {
    let (data, length) = (bytes.as_ptr().cast_mut(), bytes.len());
    // SAFETY: `data` points to `length` initialised bytes, which live until the finaliser, run once and after the last use
    // by JavaScript, drops this share of them. Rust only reads them.
    unsafe { BufferSlice::from_external(env, data, length, bytes, |_, bytes| drop(bytes)) }
}

/// Hands the payload's memory to JavaScript until the garbage collector is done with it.
fn lend(env: &Env, mut payload: Vec<u8>) -> Result<BufferSlice<'_>> {
    let (data, length) = (payload.as_mut_ptr(), payload.len());
    // A collector that sees a small object in front of much memory is in no hurry. Counting the memory of a very large
    // result twice makes it come for the ones before it while there are still few.
    let extra = if length >= VERY_LARGE {
        length as i64
    } else {
        0
    };
    env.adjust_external_memory(extra)?;
    // SAFETY: `data` points to `length` initialised bytes of the vector's memory. Moving the vector into the
    // finaliser does not move that memory, nothing else writes to it, and the finaliser, which runs once and after
    // the last use by JavaScript, is the only one to free it.
    unsafe {
        BufferSlice::from_external(env, data, length, payload, move |env, payload| {
            // Fails only in an environment that is ending, where nobody counts any more.
            let _ = env.adjust_external_memory(-extra);
            buffers::give(payload);
        })
    }
}
