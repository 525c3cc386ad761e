//! Packets over a byte stream: a 3-byte length, a sequence number, a body.
//!
//! Bodies are read where they lie in the receive buffer, so a row costs no allocation. A body of 16 MiB or more
//! comes in several frames and is joined in a buffer of its own.

use std::{io, ops::Range};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::{Error, Result};

use super::{reply, stream::Stream};

mod head;

pub use head::Head;
use head::Tail;

const HEADER: usize = 4;
/// The longest body of one frame; a body of exactly this length is followed by another frame.
const MAX_FRAME: usize = 0xFF_FFFF;
const READ_MIN: usize = 16 * 1024;
const READ_MAX: usize = 64 * 1024;
/// A receive buffer that grew past this for one large result is given back afterwards.
const KEEP: usize = 256 * 1024;

pub struct Packets {
    pub stream: Stream,
    received: BytesMut,
    /// Bytes at the front of `received` that belong to the packet handed out last.
    taken: usize,
    /// The body of the packet handed out last, when it came in several frames.
    joined: Vec<u8>,
    /// Whether `joined` holds frames of a packet whose last frame is still to come.
    joining: bool,
    /// What is still to be dropped of a packet whose head alone was wanted.
    tail: Option<Tail>,
    read_size: usize,
    sequence: u8,
    outgoing: Vec<u8>,
    max_packet: usize,
}

/// Where the body of a packet lies; [`Packets::body`] turns it into bytes.
pub enum Body {
    InPlace(Range<usize>),
    Joined,
}

impl Packets {
    pub fn new(stream: Stream, max_packet: usize) -> Packets {
        Packets {
            stream,
            received: BytesMut::with_capacity(READ_MIN),
            taken: 0,
            joined: Vec::new(),
            joining: false,
            tail: None,
            read_size: READ_MIN,
            sequence: 0,
            outgoing: Vec::with_capacity(512),
            max_packet,
        }
    }

    /// Sets the longest body that is accepted from now on.
    pub fn set_max_packet(&mut self, bytes: usize) {
        self.max_packet = bytes;
    }

    /// The longest body that either side may send.
    pub fn max_packet(&self) -> usize {
        self.max_packet
    }

    /// The body of a packet that [`Packets::try_next`] or [`Packets::next`] returned last.
    pub fn body(&self, body: &Body) -> &[u8] {
        match body {
            Body::InPlace(range) => self.received.get(range.clone()).unwrap_or_default(),
            Body::Joined => &self.joined,
        }
    }

    /// The next packet if all of it has arrived. The packet before it is gone after this call.
    pub fn try_next(&mut self) -> Result<Option<Body>> {
        if self.taken > 0 {
            self.received.advance(self.taken);
            self.taken = 0;
        }
        let Some(length) = self.frame_at(0) else {
            return Ok(None);
        };
        if length < MAX_FRAME && !self.joining {
            if length > self.max_packet {
                return Err(self.too_long());
            }
            if self.received.len() < HEADER + length {
                return Ok(None);
            }
            self.expect_sequence()?;
            self.taken = HEADER + length;
            return Ok(Some(Body::InPlace(HEADER..HEADER + length)));
        }
        self.try_join()
    }

    /// Waits for the next packet. Cancel-safe: bytes already received stay.
    pub async fn next(&mut self) -> Result<Body> {
        loop {
            if let Some(body) = self.try_next()? {
                return Ok(body);
            }
            self.fill().await?;
        }
    }

    /// Waits for more bytes.
    pub async fn fill(&mut self) -> Result<()> {
        let missing = match (&self.tail, self.frame_at(0)) {
            // What is dropped needs no room of its own.
            (Some(_), _) | (None, None) => 0,
            (None, Some(length)) => (HEADER + length).saturating_sub(self.received.len()),
        };
        // Large bodies ask for what they miss, in steps, so that a forged length reserves no memory by itself.
        self.received
            .reserve(self.read_size.max(missing.min(4 * READ_MAX)));
        let free = self.received.capacity() - self.received.len();
        let count = self
            .stream
            .read_buf(&mut self.received)
            .await
            .map_err(|e| Error::connection_lost(&e))?;
        if count == 0 {
            return Err(Error::connection_lost(&io::ErrorKind::UnexpectedEof.into()));
        }
        if count >= free.min(self.read_size) {
            self.read_size = (self.read_size * 2).min(READ_MAX);
        }
        Ok(())
    }

    /// Awaits the end of a stream on which nothing is expected. What a server says unasked is why it ends the session.
    /// May be dropped at any time.
    pub async fn watch(&mut self) -> Error {
        loop {
            match self.try_next() {
                Ok(Some(body)) => {
                    return match self.body(&body) {
                        bytes @ [0xFF, ..] => reply::read_err(bytes, true),
                        _ => Error::protocol("the server sent a packet that nobody asked for"),
                    };
                }
                Ok(None) => {}
                Err(error) => return error,
            }
            if let Err(error) = self.fill().await {
                return error;
            }
        }
    }

    /// Whether bytes are waiting that no command asked for.
    pub fn has_leftovers(&self) -> bool {
        self.received.len() > self.taken
    }

    /// Starts a command: sequence numbers begin at zero again.
    pub fn begin(&mut self) {
        self.sequence = 0;
    }

    /// Expects the answer to a command of one packet, whatever has been sent since.
    pub fn expect_answer(&mut self) {
        self.sequence = 1;
    }

    /// The sequence number that the answer to the command pushed last begins with.
    pub fn answer_sequence(&self) -> u8 {
        self.sequence
    }

    /// Expects the answer that begins with this sequence number.
    pub fn expect_answer_at(&mut self, sequence: u8) {
        self.sequence = sequence;
    }

    /// Appends one packet to the outgoing buffer; `write` fills in the body.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.outgoing.len();
        self.outgoing.extend_from_slice(&[0; HEADER]);
        write(&mut self.outgoing);
        let length = self.outgoing.len() - start - HEADER;
        if length < MAX_FRAME {
            self.write_header(start, length);
        } else {
            self.split(start);
        }
    }

    /// Sends what has been pushed.
    pub async fn flush(&mut self) -> Result<()> {
        let sent = self.stream.write_all(&self.outgoing).await;
        self.outgoing.clear();
        if self.outgoing.capacity() > KEEP {
            self.outgoing = Vec::with_capacity(512);
        }
        sent.map_err(|e| Error::connection_lost(&e))?;
        // Only TLS buffers; on sockets this does nothing.
        self.stream
            .flush()
            .await
            .map_err(|e| Error::connection_lost(&e))
    }

    /// Waits until the peer has closed the stream; what it still sends is dropped.
    pub async fn until_end(&mut self) {
        let mut dropped = [0; 512];
        while matches!(self.stream.read(&mut dropped).await, Ok(1..)) {}
    }

    /// Gives back the memory that one large result needed.
    pub fn relax(&mut self) {
        if self.joined.capacity() > KEEP {
            self.joined = Vec::new();
        }
        if self.received.capacity() > KEEP && !self.has_leftovers() {
            self.received = BytesMut::with_capacity(READ_MIN);
            self.taken = 0;
        }
        self.read_size = READ_MIN;
    }

    /// The length of the frame whose header starts at `at`, if its header is here.
    fn frame_at(&self, at: usize) -> Option<usize> {
        let header = self.received.get(at..at + HEADER)?;
        Some(usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16)
    }

    fn expect_sequence(&mut self) -> Result<()> {
        let found = self.received.get(3).copied().unwrap_or_default();
        if found != self.sequence {
            let expected = self.sequence;
            return Err(Error::protocol(format!(
                "packets out of order: expected sequence number {expected}, found {found}"
            )));
        }
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }

    /// Moves complete frames of a large packet into `joined` as they arrive.
    fn try_join(&mut self) -> Result<Option<Body>> {
        if !self.joining {
            self.joined.clear();
            self.joining = true;
        }
        while let Some(length) = self.frame_at(0) {
            let Some(frame) = self.received.get(HEADER..HEADER + length) else {
                break;
            };
            if self.joined.len() + length > self.max_packet {
                return Err(self.too_long());
            }
            self.joined.extend_from_slice(frame);
            self.expect_sequence()?;
            self.received.advance(HEADER + length);
            if length < MAX_FRAME {
                self.joining = false;
                return Ok(Some(Body::Joined));
            }
        }
        Ok(None)
    }

    #[cold]
    fn too_long(&self) -> Error {
        Error::protocol(format!(
            "the server sent a packet of more than {} bytes, the limit of maxAllowedPacketBytes",
            self.max_packet
        ))
    }

    fn write_header(&mut self, at: usize, length: usize) {
        let sequence = self.sequence;
        if let Some(header) = self.outgoing.get_mut(at..at + HEADER) {
            header.copy_from_slice(&[
                length as u8,
                (length >> 8) as u8,
                (length >> 16) as u8,
                sequence,
            ]);
        }
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Cuts a body of 16 MiB or more into frames.
    fn split(&mut self, start: usize) {
        let body = self.outgoing.split_off(start + HEADER);
        self.outgoing.truncate(start);
        let mut rest = body.as_slice();
        loop {
            let (frame, after) = rest.split_at(rest.len().min(MAX_FRAME));
            let at = self.outgoing.len();
            self.outgoing.extend_from_slice(&[0; HEADER]);
            self.outgoing.extend_from_slice(frame);
            self.write_header(at, frame.len());
            rest = after;
            if frame.len() < MAX_FRAME {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
