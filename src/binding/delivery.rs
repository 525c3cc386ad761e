//! How answers are written for JavaScript: records in a staging buffer, each behind a header of eight words.
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
    sync::Arc,
};

use crate::{
    cache::{
        entry::{Entry, LENT, Value},
        epochs::milliseconds,
    },
    call::{Answer, Results},
    codec::{
        buffers,
        packed::{Packed, Packet, RowShape},
    },
    engine::Claim,
    wire::Done,
};

use super::completions::{Completion, Outcome};

/// JSON of at least this many bytes is handed over without a copy; below, a copy costs less than a Buffer's own
/// memory and finaliser.
const LARGE: usize = 16 * 1024;
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
    /// What a statement did: affected rows and last id of 64 bits, warnings and status of 16, the length of the server's
    /// remark of 32, the remark, and what changed in the session.
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
    /// What a statement of a stream did that has no rows, as of `Done`.
    DonePiece = 14,
    /// That the result which follows is kept, and for how long; see [`keep`].
    Keep = 15,
}

/// What is written behind a header.
pub enum Payload {
    Own(Packet),
    /// JSON that others hold too.
    Shared(Arc<Vec<u8>>),
}

impl From<Packet> for Payload {
    fn from(packet: Packet) -> Payload {
        Payload::Own(packet)
    }
}

/// Memory that JavaScript gets as it is.
pub enum Large {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

/// A completion on its way out, record by record.
pub struct Delivery {
    call: u32,
    slow_ms: u32,
    rows: u32,
    shape: Option<Arc<RowShape>>,
    /// Of a piece, what counts as handed over.
    size: u32,
    /// What is still to be written, first to last.
    records: VecDeque<(Kind, Payload)>,
    /// Whether these are the values of OUT parameters.
    is_out: bool,
    /// What is written behind it: further results of the call.
    followers: VecDeque<Delivery>,
    /// Dropped with the delivery, when JavaScript has all bytes.
    _claim: Option<Claim>,
}

impl Delivery {
    pub fn new(completion: Completion) -> Delivery {
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
                shape = Some(add_rows(
                    packed,
                    (Kind::RowsEnd, Packet::default().into()),
                    &mut records,
                ));
            }
            Outcome::Answer(Answer::Results(results)) => {
                followers = Delivery::of_results(completion.call, slow_ms, results);
            }
            Outcome::Piece(piece) => {
                rows = piece.rows() as u32;
                // A segment has less than 4 GiB, the longest answer of a server to one row being 1 GiB.
                size = piece.weight() as u32;
                match piece {
                    Answer::Rows(packed) => {
                        shape = Some(add_rows(
                            packed,
                            (Kind::Piece, Packet::default().into()),
                            &mut records,
                        ));
                    }
                    Answer::Json { bytes, .. } => {
                        records.push_back((Kind::JsonPiece, whole(bytes)));
                    }
                    Answer::Done(done) => {
                        records.push_back((Kind::DonePiece, whole(done_bytes(&done))));
                    }
                    _ => {}
                }
            }
            Outcome::Answer(Answer::Page { rows: packed, ends }) => {
                rows = packed.rows as u32;
                let mut json = b"{".to_vec();
                ends.write(&mut json);
                json.push(b'}');
                shape = Some(add_rows(packed, (Kind::RowsEnd, whole(json)), &mut records));
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
            Outcome::Answer(Answer::Cached(entry)) => {
                rows = entry.value.rows() as u32;
                records.extend(keep(&entry).map(|bytes| (Kind::Keep, whole(bytes))));
                // Of a result that is not kept this is the only share, and its memory goes round like any other's.
                let value = Arc::try_unwrap(entry)
                    .map_or_else(|shared| shared.value.clone(), |entry| entry.value);
                match value {
                    Value::Json { bytes, .. } => {
                        let payload = Arc::try_unwrap(bytes).map_or_else(Payload::Shared, whole);
                        records.push_back((Kind::Json, payload));
                    }
                    Value::Rows(kept) => {
                        let segments = kept.segments.iter();
                        records
                            .extend(segments.map(|segment| (Kind::Rows, whole(segment.clone()))));
                        records.push_back((Kind::RowsEnd, Packet::default().into()));
                        shape = Some(kept.shape.clone());
                    }
                }
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
                    delivery.is_out = results.out == Some(index);
                    let end = (Kind::ResultRows, Packet::default().into());
                    delivery.shape = Some(add_rows(packed, end, &mut delivery.records));
                }
                Answer::Done(done) => delivery
                    .records
                    .push_back((Kind::ResultDone, whole(done_bytes(&done)))),
                // No statement has these among others.
                _ => {}
            }
            list.push_back(delivery);
        }
        let mut end = part(VecDeque::from([(
            Kind::ResultsEnd,
            Packet::default().into(),
        )]));
        end.slow_ms = slow_ms;
        list.push_back(end);
        list
    }

    /// What comes behind this one, which has been written.
    pub fn follower(mut self) -> Option<Delivery> {
        let mut next = self.followers.pop_front()?;
        next.followers = self.followers;
        next._claim = self._claim;
        Some(next)
    }

    /// Writes what fits; false when there is more to write.
    pub fn write(&mut self, writer: &mut Writer<'_>, known: &mut HashSet<u32>) -> bool {
        let special = if self.is_out { 1 } else { self.size };
        let mut header = [0, self.call, 0, self.slow_ms, self.rows, 0, 0, special];
        if let Some(shape) = &self.shape {
            header[5] = shape.id;
            if !known.contains(&shape.id) {
                if known.len() >= MAX_BUILDERS {
                    if writer
                        .write(Kind::ForgetShapes, header, Packet::default().into())
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
fn add_rows(
    packed: Packed,
    end: (Kind, Payload),
    records: &mut VecDeque<(Kind, Payload)>,
) -> Arc<RowShape> {
    records.extend(
        packed
            .segments
            .into_iter()
            .map(|segment| (Kind::Rows, segment.into())),
    );
    records.push_back(end);
    packed.shape
}

fn number(value: f64) -> (Kind, Payload) {
    (Kind::Number, whole(value.to_le_bytes().to_vec()))
}

fn whole(bytes: Vec<u8>) -> Payload {
    Payload::Own(Packet {
        bytes,
        text: None,
        wide: None,
    })
}

/// What JavaScript has to know to use a result again, as doubles: the index and generation of its token, until when it is
/// fresh and may be given stale, how long it took to be had, when it was read, the number of its prefix, and then the
/// place and epoch of each mark. Times are milliseconds of our clock.
fn keep(entry: &Entry) -> Option<Vec<u8>> {
    let Entry {
        stamp,
        times,
        prefix,
        token,
        ..
    } = entry;
    let token = (*token)?;
    let known = [
        f64::from(token.index),
        f64::from(token.generation),
        milliseconds(times.fresh),
        milliseconds(times.stale.max(times.fresh)),
        times.took.as_secs_f64() * 1000.0,
        milliseconds(times.read),
        f64::from(*prefix),
    ];
    let marks = stamp
        .iter()
        .flat_map(|(place, epoch)| [f64::from(place.index()), f64::from(epoch)]);
    let doubles = known.into_iter().chain(marks);
    Some(doubles.flat_map(f64::to_le_bytes).collect())
}

fn done_bytes(done: &Done) -> Vec<u8> {
    let mut out = Vec::with_capacity(24 + done.info.len());
    out.extend_from_slice(&done.affected_rows.to_le_bytes());
    out.extend_from_slice(&done.last_insert_id.to_le_bytes());
    let state = (done.info.len() as u64) << 32
        | u64::from(done.status.bits()) << 16
        | u64::from(done.warnings);
    out.extend_from_slice(&state.to_le_bytes());
    out.extend_from_slice(done.info.as_bytes());
    out.extend_from_slice(&done.changes);
    out
}

/// Appends records to the staging buffer.
pub struct Writer<'a> {
    pub out: &'a mut [u8],
    pub at: usize,
    pub large: &'a mut VecDeque<Large>,
    pub texts: &'a mut VecDeque<Vec<u8>>,
    pub wides: &'a mut VecDeque<Vec<u16>>,
}

impl Writer<'_> {
    /// Writes one record, or gives the payload back when there is no room for it any more.
    fn write(
        &mut self,
        kind: Kind,
        mut header: [u32; 8],
        payload: Payload,
    ) -> std::result::Result<(), Payload> {
        let (bytes, least): (&[u8], usize) = match &payload {
            Payload::Own(packet) => (&packet.bytes, LARGE),
            Payload::Shared(bytes) => (bytes, LENT),
        };
        let length = bytes.len();
        let is_large = (kind == Kind::Json && length >= least) || HEADER + length > self.out.len();
        let inline = if is_large { 0 } else { length };
        let size = (HEADER + inline).next_multiple_of(8);
        let Some(room) = self.out.get_mut(self.at..self.at + size) else {
            return Err(payload);
        };
        header[0] = kind as u32;
        header[2] = length as u32;
        header[6] = u32::from(is_large);
        let (head, body) = room.split_at_mut(HEADER);
        for (bytes, word) in head.chunks_exact_mut(4).zip(header) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        if let (false, Some(body)) = (is_large, body.get_mut(..inline)) {
            body.copy_from_slice(bytes);
        }
        match payload {
            Payload::Own(Packet {
                mut bytes,
                text,
                wide,
            }) => {
                if is_large {
                    // JavaScript may keep it for long, and much growth left over from writing should not be kept with it.
                    if bytes.capacity() > bytes.len() * 2 {
                        bytes.shrink_to_fit();
                    }
                    self.large.push_back(Large::Own(bytes));
                } else {
                    buffers::give(bytes);
                }
                self.texts.extend(text);
                self.wides.extend(wide);
            }
            Payload::Shared(bytes) => {
                if is_large {
                    self.large.push_back(Large::Shared(bytes));
                }
            }
        }
        self.at += size;
        Ok(())
    }
}
