//! MariaDB's bulk execution: one packet with the types of the columns and the values of many rows.
//!
//! A packet has one type for each column. Rows are put together as long as there is a type that holds all values of a
//! column: NULL goes with any, and whole numbers become doubles beside others where that changes nothing.

use std::ops::Range;

use crate::{
    codec::{params::Param, rows::Rows},
    error::Result,
};

use super::command;

const COM_STMT_BULK_EXECUTE: u8 = 0xFA;
const SEND_TYPES: u16 = 128;
const HEADER: usize = 7;
const VALUE_FOLLOWS: u8 = 0;
const IS_NULL: u8 = 1;
/// Below this, servers write a whole double as text with the same digits as an integer; from here on with an exponent.
const PLAIN_DOUBLE: u64 = 1_000_000_000_000_000;

/// The type of a column in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    /// Nothing but NULL so far.
    Null,
    Bool,
    /// Whole numbers that are the same as doubles.
    Int,
    /// Whole numbers of which one is not.
    LongInt,
    UInt,
    Double,
    Text,
    Bytes,
    DateTime,
    Decimal,
    Time,
}

impl Type {
    fn of(param: &Param<'_>) -> Type {
        match *param {
            Param::Null => Type::Null,
            Param::Bool(_) => Type::Bool,
            Param::Int(value) if value.unsigned_abs() < PLAIN_DOUBLE => Type::Int,
            Param::Int(_) => Type::LongInt,
            Param::UInt(_) => Type::UInt,
            Param::Double(_) => Type::Double,
            Param::Text(_) => Type::Text,
            Param::Bytes(_) => Type::Bytes,
            Param::DateTime(_) => Type::DateTime,
            Param::Decimal(_) => Type::Decimal,
            Param::Time(_) => Type::Time,
        }
    }

    /// The type that holds the values of both, if there is one.
    fn with(self, other: Type) -> Option<Type> {
        use Type::*;
        match (self, other) {
            (one, another) if one == another => Some(one),
            (Null, one) | (one, Null) => Some(one),
            (Bool | Int | LongInt, LongInt) | (LongInt, Bool | Int) => Some(LongInt),
            (Bool, Int) | (Int, Bool) => Some(Int),
            (Bool | Int, Double) | (Double, Bool | Int) => Some(Double),
            _ => None,
        }
    }

    fn code(self) -> [u8; 2] {
        let example = match self {
            // A column of NULL alone has to have some type.
            Type::Null | Type::Text => Param::Text(b""),
            Type::Bool => Param::Bool(false),
            Type::Int | Type::LongInt => Param::Int(0),
            Type::UInt => Param::UInt(0),
            Type::Double => Param::Double(0.0),
            Type::Bytes => Param::Bytes(b""),
            Type::Decimal => Param::Decimal(b""),
            Type::DateTime => return [12, 0],
            Type::Time => return [11, 0],
        };
        command::type_code(&example)
    }

    /// The value as this type has it.
    fn take(self, param: Param<'_>) -> Param<'_> {
        match (self, param) {
            (Type::Int | Type::LongInt, Param::Bool(value)) => Param::Int(i64::from(value)),
            (Type::Double, Param::Bool(value)) => Param::Double(f64::from(u8::from(value))),
            // Below PLAIN_DOUBLE, so nothing is lost.
            (Type::Double, Param::Int(value)) => Param::Double(value as f64),
            (_, param) => param,
        }
    }
}

/// Rows that one packet takes.
#[derive(Debug)]
pub struct Packet {
    pub rows: Range<usize>,
    /// The most bytes that it may come to.
    pub size: usize,
    types: Vec<Type>,
}

impl Packet {
    /// As many rows from `from` on as have the same types and fit into `limit` bytes; at least one.
    pub fn plan(rows: &Rows, from: usize, limit: usize) -> Result<Packet> {
        let columns = rows.columns();
        let mut packet = Packet {
            rows: from..from,
            size: HEADER + 2 * columns,
            types: vec![Type::Null; columns],
        };
        let mut joined = packet.types.clone();
        let mut values = rows.values(from..rows.len());
        for row in from..rows.len() {
            let mut size = packet.size;
            for (joined, held) in joined.iter_mut().zip(&packet.types) {
                let Some(param) = values.next().transpose()? else {
                    return Ok(packet);
                };
                size += 1 + longest(&param);
                match held.with(Type::of(&param)) {
                    Some(both) => *joined = both,
                    None => return Ok(packet),
                }
            }
            if size > limit && row > from {
                return Ok(packet);
            }
            packet.size = size;
            packet.rows.end = row + 1;
            packet.types.copy_from_slice(&joined);
        }
        Ok(packet)
    }

    pub fn write(&self, out: &mut Vec<u8>, statement: u32, rows: &Rows) -> Result<()> {
        out.reserve(self.size);
        out.push(COM_STMT_BULK_EXECUTE);
        out.extend_from_slice(&statement.to_le_bytes());
        out.extend_from_slice(&SEND_TYPES.to_le_bytes());
        for column in &self.types {
            out.extend_from_slice(&column.code());
        }
        let types = self.types.iter().cycle();
        for (param, column) in rows.values(self.rows.clone()).zip(types) {
            match param? {
                Param::Null => out.push(IS_NULL),
                param => {
                    out.push(VALUE_FOLLOWS);
                    command::value(out, &column.take(param));
                }
            }
        }
        Ok(())
    }
}

/// The most bytes that a value takes, whatever number it becomes.
pub fn longest(param: &Param<'_>) -> usize {
    match param {
        Param::Null => 0,
        Param::Bool(_) | Param::Int(_) | Param::UInt(_) | Param::Double(_) => 8,
        Param::Text(bytes) | Param::Bytes(bytes) | Param::Decimal(bytes) => 9 + bytes.len(),
        Param::DateTime(_) => 12,
        Param::Time(_) => 13,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: f64) -> Vec<u8> {
        [&[1][..], &value.to_le_bytes()].concat()
    }

    fn double(value: f64) -> Vec<u8> {
        [&[2][..], &value.to_le_bytes()].concat()
    }

    fn text(value: &str) -> Vec<u8> {
        let length = (value.len() as u32).to_le_bytes();
        [&[5][..], &length, value.as_bytes()].concat()
    }

    /// How many rows of one column each packet takes.
    fn packets(column: &[Vec<u8>], limit: usize) -> Vec<usize> {
        let rows = Rows::unpack(&column.concat(), 1, 0).expect("well formed");
        let (mut from, mut counts) = (0, Vec::new());
        while from < rows.len() {
            let packet = Packet::plan(&rows, from, limit).expect("well formed");
            let mut out = Vec::new();
            packet.write(&mut out, 1, &rows).expect("well formed");
            assert!(out.len() <= packet.size, "{} > {}", out.len(), packet.size);
            counts.push(packet.rows.len());
            from = packet.rows.end;
        }
        counts
    }

    #[test]
    fn null_and_mixed_numbers_share_a_packet() {
        let column = [vec![0], int(1.0), double(1.5), vec![8], vec![0], int(2.0)];
        assert_eq!(packets(&column, 1000), [6]);
    }

    #[test]
    fn another_type_begins_a_packet() {
        let column = [int(1.0), text("a"), text("b"), vec![0], int(2.0)];
        assert_eq!(packets(&column, 1000), [1, 3, 1]);
    }

    #[test]
    fn whole_numbers_that_a_double_writes_otherwise_stay_whole() {
        assert_eq!(packets(&[int(1e15), double(0.5)], 1000), [1, 1]);
        assert_eq!(packets(&[double(0.5), int(-1e15)], 1000), [1, 1]);
        assert_eq!(packets(&[int(1e15), int(1.0), vec![9]], 1000), [3]);
    }

    #[test]
    fn packets_keep_their_limit_but_for_a_row_that_is_longer() {
        let long = text(&"x".repeat(100));
        assert_eq!(
            packets(&[text("a"), text("b"), long, text("c")], 40),
            [2, 1, 1]
        );
    }
}
