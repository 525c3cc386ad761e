//! Packets of which the beginning is enough. The rest is dropped as it arrives, so that a packet of any length takes no
//! more memory than its head, and no limit on packets can stand in the way.

use bytes::Buf;

use crate::error::Result;

use super::{Body, HEADER, MAX_FRAME, Packets};

/// The beginning of a packet; [`Packets::body`] turns `body` into bytes.
pub struct Head {
    pub body: Body,
    /// Whether the head is all there was.
    pub whole: bool,
}

/// What is left of a packet whose head was handed out.
#[derive(Clone, Copy)]
pub(super) struct Tail {
    /// Bytes of the present frame that are still to be dropped.
    left: usize,
    /// Whether another frame follows this one.
    goes_on: bool,
}

impl Packets {
    /// The first `most` bytes of the next packet, if they have arrived. The packet before it is gone after this call.
    /// `most` is less than a frame holds. Not to be called when a packet has been joined in part.
    pub fn try_head(&mut self, most: usize) -> Result<Option<Head>> {
        if self.taken > 0 {
            self.received.advance(self.taken);
            self.taken = 0;
        }
        if !self.drop_tail()? {
            return Ok(None);
        }
        let Some(length) = self.frame_at(0) else {
            return Ok(None);
        };
        let head = length.min(most);
        if self.received.len() < HEADER + head {
            return Ok(None);
        }
        self.expect_sequence()?;
        self.taken = HEADER + head;
        let whole = head == length && length < MAX_FRAME;
        if !whole {
            self.tail = Some(Tail {
                left: length - head,
                goes_on: length == MAX_FRAME,
            });
        }
        Ok(Some(Head {
            body: Body::InPlace(HEADER..HEADER + head),
            whole,
        }))
    }

    /// Drops what has arrived of a packet whose head was handed out. Whether all of it has is the answer.
    fn drop_tail(&mut self) -> Result<bool> {
        while let Some(Tail { left, goes_on }) = self.tail {
            let here = left.min(self.received.len());
            self.received.advance(here);
            if here < left {
                self.tail = Some(Tail {
                    left: left - here,
                    goes_on,
                });
                return Ok(false);
            }
            if !goes_on {
                self.tail = None;
                break;
            }
            let Some(length) = self.frame_at(0) else {
                self.tail = Some(Tail { left: 0, goes_on });
                return Ok(false);
            };
            self.expect_sequence()?;
            self.received.advance(HEADER);
            self.tail = Some(Tail {
                left: length,
                goes_on: length == MAX_FRAME,
            });
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
