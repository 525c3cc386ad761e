//! The way back to JavaScript: finished calls queue up here, and JavaScript is woken once for many of them.
//!
//! JavaScript owns a staging buffer. `drain` copies as many records into it as fit, each behind a header of eight
//! words, and `lib/completions.js` turns them into objects and resolves their promises. A payload that is too large
//! to copy is announced by its header alone and fetched with `takeLarge` as a Buffer of its own.
//!
//! | header word | meaning |
//! |-|-|
//! | 0 | the kind, see [`Kind`] |
//! | 1 | the number of the call |
//! | 2 | bytes of the payload behind the header, padding to a multiple of 8 not counted |
//! | 3 | milliseconds the call took, if it was slow, otherwise 0 |
//! | 4 | rows of the whole result |
//! | 5 | the number of the shape |
//! | 6 | 1 if the payload is large |
//! | 7 | of a piece of a stream what it counts for until it has been used; 1 for rows that are the values of OUT parameters |

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

use crate::{
    call::{Answer, Results},
    codec::{
        buffers,
        packed::{Packed, Packet, RowShape},
    },
    engine::Claim,
    error::Error,
    pool::Wake,
    wire::Done,
};

/// JSON of at least this many bytes is handed over without a copy; below, a copy costs less than a Buffer's own
/// memory and finaliser.
const LARGE: usize = 16 * 1024;
const VERY_LARGE: usize = 1024 * 1024;
/// Text outside of the heap keeps the memory of its rows waiting for the collector, which is not told that there is a
/// reason to come. Counted as this many times its size more, 1,000 rows as objects with 4 in flight peak at 121 MB
/// instead of 742; counted once they peak at 226 MB and take a quarter less of the JavaScript thread.
const TEXT_WEIGHT: i64 = 5;
const HEADER: usize = 32;
/// Past this many shapes JavaScript forgets its builders, and they are sent again as they are needed.
const MAX_BUILDERS: usize = 1024;

/// What a record is. `lib/completions.js` has the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A segment of rows; the end of the call follows.
    Rows = 1,
    /// The end of a call that returned rows; of a page by cursor with what is before and after it, as JSON.
    RowsEnd = 2,
    /// What a statement did: three 64-bit numbers (affected rows, last id, warnings), then the server's remark.
    Done = 3,
    /// JSON bytes, the result of a call.
    Json = 4,
    /// An error as JSON.
    Error = 5,
    /// The definition of a shape as JSON, which records behind it use.
    Shape = 6,
    /// A bare number: one double.
    Number = 7,
    /// Forget all shapes.
    ForgetShapes = 8,
    /// The end of a piece of a stream: its rows came before.
    Piece = 9,
    /// A piece of a stream as bytes.
    JsonPiece = 10,
    /// The end of one of several results, with rows; the last word of the header is 1 if these are OUT parameters.
    ResultRows = 11,
    /// One of several results that is none of rows, as of `Done`.
    ResultDone = 12,
    /// The end of a call with several results.
    ResultsEnd = 13,
}

/// What became of a call.
pub enum Outcome {
    Answer(Answer),
    /// Rows of a stream, whose outcome is still to come.
    Piece(Answer),
    Number(f64),
    Error(Error),
}

struct Completion {
    call: u32,
    outcome: Outcome,
    slow: Option<Duration>,
    /// Held until JavaScript has the bytes.
    claim: Option<Claim>,
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
    large: VecDeque<Vec<u8>>,
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
            .map(|payload| lend(env, payload))
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

/// A completion on its way out, record by record.
struct Delivery {
    call: u32,
    slow_ms: u32,
    rows: u32,
    shape: Option<Arc<RowShape>>,
    /// Of a piece, what counts as handed over.
    size: u32,
    /// What is still to be written, first to last.
    records: VecDeque<(Kind, Packet)>,
    /// Whether these are the values of OUT parameters.
    is_out: bool,
    /// What is written behind it: further results of the call.
    followers: VecDeque<Delivery>,
    /// Dropped with the delivery, when JavaScript has all bytes.
    _claim: Option<Claim>,
}

impl Delivery {
    fn new(completion: Completion) -> Delivery {
        let slow_ms = completion.slow.map_or(0, |took| {
            u32::try_from(took.as_millis()).unwrap_or(u32::MAX)
        });
        let mut rows = 0;
        let mut shape = None;
        let mut size = 0;
        let mut records = VecDeque::with_capacity(2);
        let mut followers = VecDeque::new();
        match completion.outcome {
            Outcome::Answer(Answer::Rows(packed)) => {
                rows = packed.rows as u32;
                shape = Some(add_rows(packed, Packet::default(), &mut records));
            }
            Outcome::Answer(Answer::Results(results)) => {
                followers = Delivery::of_results(completion.call, slow_ms, results);
            }
            Outcome::Piece(piece) => {
                rows = piece.rows() as u32;
                // A segment has less than 4 GiB, the longest answer of a server to one row being 1 GiB.
                size = piece.size() as u32;
                match piece {
                    Answer::Rows(packed) => {
                        shape = Some(packed.shape);
                        records.extend(
                            packed
                                .segments
                                .into_iter()
                                .map(|segment| (Kind::Rows, segment)),
                        );
                        records.push_back((Kind::Piece, Packet::default()));
                    }
                    Answer::Json { bytes, .. } => {
                        records.push_back((Kind::JsonPiece, whole(bytes)))
                    }
                    _ => {}
                }
            }
            Outcome::Answer(Answer::Page { rows: packed, ends }) => {
                rows = packed.rows as u32;
                let mut json = b"{".to_vec();
                ends.write(&mut json);
                json.push(b'}');
                shape = Some(add_rows(packed, whole(json), &mut records));
            }
            Outcome::Answer(
                Answer::Json { bytes, rows: count }
                | Answer::Body {
                    bytes, rows: count, ..
                },
            ) => {
                rows = count as u32;
                records.push_back((Kind::Json, whole(bytes)));
            }
            Outcome::Answer(Answer::Done(done)) => {
                records.push_back((Kind::Done, whole(done_bytes(&done))))
            }
            Outcome::Answer(Answer::Count(count)) => records.push_back(number(count as f64)),
            Outcome::Number(value) => records.push_back(number(value)),
            Outcome::Error(error) => records.push_back((Kind::Error, whole(error.to_json()))),
        }
        Delivery {
            call: completion.call,
            slow_ms,
            rows,
            shape,
            size,
            records,
            is_out: false,
            followers,
            _claim: completion.claim,
        }
    }

    /// A delivery for each result, and one for the end.
    fn of_results(call: u32, slow_ms: u32, results: Results) -> VecDeque<Delivery> {
        let part = |records| Delivery {
            call,
            // Told once, at the end.
            slow_ms: 0,
            rows: 0,
            shape: None,
            size: 0,
            records,
            is_out: false,
            followers: VecDeque::new(),
            _claim: None,
        };
        let mut list: VecDeque<Delivery> = VecDeque::with_capacity(results.list.len() + 1);
        for (index, answer) in results.list.into_iter().enumerate() {
            let mut delivery = part(VecDeque::new());
            match answer {
                Answer::Rows(packed) => {
                    delivery.rows = packed.rows as u32;
                    delivery.shape = Some(packed.shape);
                    delivery.is_out = results.out == Some(index);
                    let rows = packed.segments.into_iter();
                    delivery.records = rows.map(|segment| (Kind::Rows, segment)).collect();
                    delivery
                        .records
                        .push_back((Kind::ResultRows, Packet::default()));
                }
                Answer::Done(done) => delivery
                    .records
                    .push_back((Kind::ResultDone, whole(done_bytes(&done)))),
                // No statement has these among others.
                _ => {}
            }
            list.push_back(delivery);
        }
        let mut end = part(VecDeque::from([(Kind::ResultsEnd, Packet::default())]));
        end.slow_ms = slow_ms;
        list.push_back(end);
        list
    }

    /// What comes behind this one, which has been written.
    fn follower(mut self) -> Option<Delivery> {
        let mut next = self.followers.pop_front()?;
        next.followers = self.followers;
        next._claim = self._claim;
        Some(next)
    }

    /// Writes what fits; false when there is more to write.
    fn write(&mut self, writer: &mut Writer<'_>, known: &mut HashSet<u32>) -> bool {
        let special = if self.is_out { 1 } else { self.size };
        let mut header = [0, self.call, 0, self.slow_ms, self.rows, 0, 0, special];
        if let Some(shape) = &self.shape {
            header[5] = shape.id;
            if !known.contains(&shape.id) {
                if known.len() >= MAX_BUILDERS {
                    if writer
                        .write(Kind::ForgetShapes, header, Packet::default())
                        .is_err()
                    {
                        return false;
                    }
                    known.clear();
                }
                if writer
                    .write(Kind::Shape, header, whole(shape.json.clone().into_bytes()))
                    .is_err()
                {
                    return false;
                }
                known.insert(shape.id);
            }
        }
        while let Some((kind, payload)) = self.records.pop_front() {
            if let Err(payload) = writer.write(kind, header, payload) {
                self.records.push_front((kind, payload));
                return false;
            }
        }
        true
    }
}

/// Queues the segments of a result and its end, and gives the shape of its rows.
fn add_rows(packed: Packed, end: Packet, records: &mut VecDeque<(Kind, Packet)>) -> Arc<RowShape> {
    records.extend(
        packed
            .segments
            .into_iter()
            .map(|segment| (Kind::Rows, segment)),
    );
    records.push_back((Kind::RowsEnd, end));
    packed.shape
}

fn number(value: f64) -> (Kind, Packet) {
    (Kind::Number, whole(value.to_le_bytes().to_vec()))
}

fn whole(bytes: Vec<u8>) -> Packet {
    Packet {
        bytes,
        text: None,
        wide: None,
    }
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

fn done_bytes(done: &Done) -> Vec<u8> {
    let mut out = Vec::with_capacity(24 + done.info.len());
    out.extend_from_slice(&done.affected_rows.to_le_bytes());
    out.extend_from_slice(&done.last_insert_id.to_le_bytes());
    out.extend_from_slice(&u64::from(done.warnings).to_le_bytes());
    out.extend_from_slice(done.info.as_bytes());
    out
}

/// Appends records to the staging buffer.
struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
    large: &'a mut VecDeque<Vec<u8>>,
    texts: &'a mut VecDeque<Vec<u8>>,
    wides: &'a mut VecDeque<Vec<u16>>,
}

impl Writer<'_> {
    /// Writes one record, or gives the payload back when there is no room for it any more.
    fn write(
        &mut self,
        kind: Kind,
        mut header: [u32; 8],
        packet: Packet,
    ) -> std::result::Result<(), Packet> {
        let Packet {
            bytes: mut payload,
            text,
            wide,
        } = packet;
        let is_large = (kind == Kind::Json && payload.len() >= LARGE)
            || HEADER + payload.len() > self.out.len();
        let inline = if is_large { 0 } else { payload.len() };
        let size = (HEADER + inline).next_multiple_of(8);
        let Some(room) = self.out.get_mut(self.at..self.at + size) else {
            return Err(Packet {
                bytes: payload,
                text,
                wide,
            });
        };
        header[0] = kind as u32;
        header[2] = payload.len() as u32;
        header[6] = u32::from(is_large);
        let (head, body) = room.split_at_mut(HEADER);
        for (bytes, word) in head.chunks_exact_mut(4).zip(header) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        if is_large {
            // JavaScript may keep it for long, and much growth left over from writing should not be kept with it.
            if payload.capacity() > payload.len() * 2 {
                payload.shrink_to_fit();
            }
            self.large.push_back(payload);
        } else if let Some(body) = body.get_mut(..inline) {
            body.copy_from_slice(&payload);
            buffers::give(payload);
        }
        self.texts.extend(text);
        self.wides.extend(wide);
        self.at += size;
        Ok(())
    }
}
