//! The bodies of the commands that we send.

use crate::{
    codec::params::{Param, Params},
    error::Result,
};

use super::auth::write_string;

const COM_QUIT: u8 = 0x01;
const COM_INIT_DB: u8 = 0x02;
const COM_QUERY: u8 = 0x03;
const COM_PING: u8 = 0x0E;
const COM_BINLOG_DUMP: u8 = 0x12;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_CLOSE: u8 = 0x19;
const COM_RESET_CONNECTION: u8 = 0x1F;

pub fn quit(out: &mut Vec<u8>) {
    out.push(COM_QUIT);
}

pub fn ping(out: &mut Vec<u8>) {
    out.push(COM_PING);
}

pub fn reset(out: &mut Vec<u8>) {
    out.push(COM_RESET_CONNECTION);
}

pub fn use_database(out: &mut Vec<u8>, database: &str) {
    out.push(COM_INIT_DB);
    out.extend_from_slice(database.as_bytes());
}

pub fn query(out: &mut Vec<u8>, sql: &str) {
    out.push(COM_QUERY);
    out.extend_from_slice(sql.as_bytes());
}

/// Asks for the binary log from a place in it on, for as long as the session lives. `follower` is what a replica's server_id
/// is: the server ends an older session with the same.
pub fn dump_binlog(out: &mut Vec<u8>, file: &str, position: u32, follower: u32) {
    out.push(COM_BINLOG_DUMP);
    out.extend_from_slice(&position.to_le_bytes());
    out.extend_from_slice(&[0, 0]); // wait for more at the end, leave annotations out
    out.extend_from_slice(&follower.to_le_bytes());
    out.extend_from_slice(file.as_bytes());
}

pub fn prepare(out: &mut Vec<u8>, sql: &str) {
    out.push(COM_STMT_PREPARE);
    out.extend_from_slice(sql.as_bytes());
}

pub fn close_statement(out: &mut Vec<u8>, statement: u32) {
    out.push(COM_STMT_CLOSE);
    out.extend_from_slice(&statement.to_le_bytes());
}

/// Writes an execution with its parameters, each as the type that keeps its meaning: numbers stay numbers, so
/// `LIMIT ?` works, and text and bytes stay apart, so no character set touches bytes.
pub fn execute(out: &mut Vec<u8>, statement: u32, params: &Params) -> Result<()> {
    execute_values(out, statement, params.len(), || params.iter())
}

/// As [`execute`], with the `count` values that `values` yields, each time anew.
pub fn execute_values<'a, I>(
    out: &mut Vec<u8>,
    statement: u32,
    count: usize,
    values: impl Fn() -> I,
) -> Result<()>
where
    I: Iterator<Item = Result<Param<'a>>>,
{
    out.push(COM_STMT_EXECUTE);
    out.extend_from_slice(&statement.to_le_bytes());
    out.push(0); // no cursor
    out.extend_from_slice(&1u32.to_le_bytes()); // iterations, always one
    if count == 0 {
        return Ok(());
    }
    let nulls = out.len();
    out.resize(nulls + count.div_ceil(8), 0);
    out.push(1); // types follow
    for param in values() {
        out.extend_from_slice(&type_code(&param?));
    }
    for (index, param) in values().enumerate() {
        match param? {
            Param::Null => {
                if let Some(byte) = out.get_mut(nulls + index / 8) {
                    *byte |= 1 << (index % 8);
                }
            }
            param => value(out, &param),
        }
    }
    Ok(())
}

/// Writes a value in the binary protocol; NULL has none.
pub fn value(out: &mut Vec<u8>, param: &Param<'_>) {
    match *param {
        Param::Null => {}
        Param::Bool(value) => out.push(u8::from(value)),
        Param::Int(value) => out.extend_from_slice(&value.to_le_bytes()),
        Param::UInt(value) => out.extend_from_slice(&value.to_le_bytes()),
        Param::Double(value) => out.extend_from_slice(&value.to_le_bytes()),
        Param::Text(text) | Param::Decimal(text) => write_string(out, text),
        Param::Bytes(bytes) => write_string(out, bytes),
        Param::Time(parts) => {
            out.extend_from_slice(&[12, u8::from(parts.negative)]);
            out.extend_from_slice(&(parts.hours / 24).to_le_bytes());
            out.extend_from_slice(&[(parts.hours % 24) as u8, parts.minutes, parts.seconds]);
            out.extend_from_slice(&parts.micros.to_le_bytes());
        }
        Param::DateTime(parts) => {
            out.push(11);
            parts.write(out);
        }
    }
}

/// The type of a parameter and its flags, 0x80 meaning unsigned.
pub fn type_code(param: &Param<'_>) -> [u8; 2] {
    match param {
        Param::Null => [6, 0],
        Param::Bool(_) => [1, 0],
        Param::Int(_) => [8, 0],
        Param::UInt(_) => [8, 0x80],
        Param::Double(_) => [5, 0],
        Param::Text(_) => [253, 0],
        Param::Bytes(_) => [252, 0],
        Param::DateTime(_) => [12, 0],
        Param::Decimal(_) => [246, 0],
        Param::Time(_) => [11, 0],
    }
}
