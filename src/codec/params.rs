//! Parameters in: the packed form in which `lib/params.js` hands them over, and how the wire reads them.
//!
//! One byte says the type, its value follows, little-endian. The bytes are copied once from JavaScript's buffer and
//! read where they lie, so a parameter costs no allocation of its own.
//!
//! | tag | value |
//! |-|-|
//! | 0 null, 8 true, 9 false | none |
//! | 1 integer, 2 double | an f64; an integer is a safe one |
//! | 3 signed, 4 unsigned BigInt | 64 bits |
//! | 5 text in UTF-8, 6 bytes | u32 length, bytes |
//! | 7 date and time | u16 year; u8 month, day, hour, minute, second; u32 microseconds |
//! | 11 decimal | u32 length, its text |
//! | 12 time | u8 1 if negative; u32 hours; u8 minutes, seconds; u32 microseconds |
//! | 10 list for `IN (?)` | u32 count, then that many of the above |

use crate::error::{Error, Kind, Result};

use super::date::{DateParts, TimeParts};

/// The parameters of one call, lists already counted.
#[derive(Debug, Clone, Default)]
pub struct Params {
    bytes: Box<[u8]>,
    len: usize,
    /// How many values each placeholder takes; empty when every placeholder takes one.
    lengths: Box<[u32]>,
}

/// One value bound to a placeholder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Param<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    DateTime(DateParts),
    /// A DECIMAL as its text, which the server compares without rounding.
    Decimal(&'a [u8]),
    Time(TimeParts),
}

impl Params {
    /// Takes over the packed form and checks it from end to end.
    pub fn unpack(bytes: &[u8]) -> Result<Params> {
        let mut reader = Reader { rest: bytes };
        let mut lengths = Vec::new();
        let mut len = 0;
        let mut has_list = false;
        while !reader.rest.is_empty() {
            if let Some(count) = reader.list()? {
                has_list = true;
                for _ in 0..count {
                    reader.param()?;
                }
                lengths.push(count);
                len += count as usize;
            } else {
                reader.param()?;
                lengths.push(1);
                len += 1;
            }
        }
        if !has_list {
            lengths = Vec::new();
        }
        Ok(Params {
            bytes: bytes.into(),
            len,
            lengths: lengths.into(),
        })
    }

    /// The number of values, which is the number of `?` once lists are expanded.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that the values take, types included.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// How many `?` each placeholder becomes; empty when each stays one.
    pub fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// The values in order, lists flattened.
    pub fn iter(&self) -> impl Iterator<Item = Result<Param<'_>>> {
        let mut reader = Reader { rest: &self.bytes };
        std::iter::from_fn(move || {
            while let Ok(Some(_)) = reader.list() {}
            (!reader.rest.is_empty()).then(|| reader.param())
        })
    }
}

/// Reads packed values one after the other.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(malformed)?;
        self.rest = rest;
        Ok(*head)
    }

    fn block(&mut self) -> Result<&'a [u8]> {
        let length = u32::from_le_bytes(self.take()?) as usize;
        let (head, rest) = self.rest.split_at_checked(length).ok_or_else(malformed)?;
        self.rest = rest;
        Ok(head)
    }

    /// The count of a list if one begins here.
    fn list(&mut self) -> Result<Option<u32>> {
        if self.rest.first() != Some(&10) {
            return Ok(None);
        }
        self.take::<1>()?;
        Ok(Some(u32::from_le_bytes(self.take()?)))
    }

    pub(super) fn param(&mut self) -> Result<Param<'a>> {
        let [tag] = self.take()?;
        Ok(match tag {
            0 => Param::Null,
            // A safe integer loses nothing on its way through an f64.
            1 => Param::Int(f64::from_le_bytes(self.take()?) as i64),
            2 => Param::Double(f64::from_le_bytes(self.take()?)),
            3 => Param::Int(i64::from_le_bytes(self.take()?)),
            4 => Param::UInt(u64::from_le_bytes(self.take()?)),
            5 => Param::Text(self.block()?),
            6 => Param::Bytes(self.block()?),
            7 => {
                let year = u16::from_le_bytes(self.take()?);
                let [month, day, hour, minute, second] = self.take()?;
                let micros = u32::from_le_bytes(self.take()?);
                Param::DateTime(DateParts {
                    year,
                    month,
                    day,
                    hour,
                    minute,
                    second,
                    micros,
                })
            }
            8 => Param::Bool(true),
            9 => Param::Bool(false),
            11 => Param::Decimal(self.block()?),
            12 => {
                let [negative] = self.take()?;
                let hours = u32::from_le_bytes(self.take()?);
                let [minutes, seconds] = self.take()?;
                let micros = u32::from_le_bytes(self.take()?);
                Param::Time(TimeParts {
                    negative: negative != 0,
                    hours,
                    minutes,
                    seconds,
                    micros,
                })
            }
            _ => return Err(malformed()),
        })
    }
}

#[cold]
pub(super) fn malformed() -> Error {
    Error::new(Kind::Internal, "the packed parameters are malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(params: &Params) -> Vec<Param<'_>> {
        params
            .iter()
            .map(|param| param.expect("well formed"))
            .collect()
    }

    #[test]
    fn scalars_and_lists_come_out_flat_and_in_order() {
        let mut bytes = vec![1];
        bytes.extend(42f64.to_le_bytes());
        bytes.push(10);
        bytes.extend(2u32.to_le_bytes());
        bytes.extend([5, 1, 0, 0, 0, b'a', 0]);
        bytes.push(8);
        let params = Params::unpack(&bytes).expect("well formed");
        assert_eq!(params.len(), 4);
        assert_eq!(params.lengths(), [1, 2, 1]);
        assert_eq!(
            values(&params),
            [
                Param::Int(42),
                Param::Text(b"a"),
                Param::Null,
                Param::Bool(true)
            ]
        );
    }

    #[test]
    fn parameters_without_a_list_need_no_lengths() {
        let params = Params::unpack(&[0, 9]).expect("well formed");
        assert!(params.lengths().is_empty());
        assert_eq!(values(&params), [Param::Null, Param::Bool(false)]);
    }

    #[test]
    fn any_cut_of_packed_parameters_is_an_error_and_no_panic() {
        let mut bytes = vec![7];
        bytes.extend(2024u16.to_le_bytes());
        bytes.extend([2, 29, 1, 2, 3]);
        bytes.extend(5u32.to_le_bytes());
        assert!(Params::unpack(&bytes).is_ok());
        for cut in 1..bytes.len() {
            assert!(Params::unpack(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Params::unpack(&[99]).is_err());
    }
}
