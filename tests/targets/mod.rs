//! What must hold for any input, one function for each part that reads what others wrote: the tokeniser, the parameter
//! converter, and the reader and writer of rows. `tests/properties.rs` and `tests/fuzz.rs` call them; each panics where
//! an invariant does not hold.

use std::sync::{Arc, LazyLock};

use hegar_native::{
    codec::{
        format::Format,
        json::JsonRows,
        packed::{HEADER_WORDS, PackedRows, RowShapes},
        params::Params,
    },
    sql::{Placeholders, Template},
    wire::{Column, Columns, Memo, Row, RowSink},
};
use mysql_async::Opts;
use serde_json::{Value as Json, json};

#[path = "../support/options.rs"]
mod options;

/// No text breaks the tokeniser, and what it writes means to itself what the original meant.
pub fn tokenise(sql: &str) {
    let Ok(template) = Template::parse(sql, Placeholders::Positional) else {
        panic!("statements with ? are never refused: {sql:?}");
    };
    assert_eq!(template.text(), sql);
    judge(&template);
    match Template::parse(sql, Placeholders::Named) {
        Ok(named) => {
            assert_eq!(named.names().len(), named.placeholders());
            judge(&named);
        }
        Err(_) => assert!(template.placeholders() > 0, "refused without a ?: {sql:?}"),
    }
}

fn judge(template: &Template) {
    let slots = template.placeholders();
    assert_eq!(template.expand(&vec![1; slots]), template.text());
    let tripled = template.expand(&vec![3; slots]);
    assert_eq!(
        tripled.len(),
        template.text().len() + slots * 2 * ", ?".len()
    );
    let again = Template::parse(&tripled, Placeholders::Positional).expect("never refused");
    assert_eq!(again.placeholders(), slots * 3, "{:?}", template.text());
    // What may run twice is one statement and leaves nothing behind.
    if template.is_plain_read() {
        assert!(template.is_single_statement(), "{:?}", template.text());
        assert!(!template.changes_session(), "{:?}", template.text());
        assert!(template.returns_rows_hint(), "{:?}", template.text());
    }
}

/// Packed parameters are taken whole or refused, and every value of theirs can be read.
pub fn unpack(bytes: &[u8]) {
    let Ok(params) = Params::unpack(bytes) else {
        return;
    };
    let values: Vec<_> = params.iter().collect();
    assert!(values.iter().all(Result::is_ok));
    assert_eq!(values.len(), params.len());
    assert_eq!(params.size(), bytes.len());
    assert_eq!(params.is_empty(), values.is_empty());
    let lengths: usize = params.lengths().iter().map(|&length| length as usize).sum();
    assert!(params.lengths().is_empty() || lengths == params.len());
}

/// Rows as a server may send them: a byte with the number of columns less one, six bytes for each, then rows behind
/// their length in two bytes. A result is refused, or all forms of it are well formed. Gives how often one was taken of
/// the binary protocol.
pub fn encode(case: &[u8]) -> usize {
    let Some((columns, mut rest)) = columns(case) else {
        return 0;
    };
    let mut rows = Vec::new();
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*head)).min(tail.len());
        rows.push(&tail[..length]);
        rest = &tail[length..];
    }
    let mut taken = 0;
    for format in FORMATS.iter() {
        taken += usize::from(write(format, &columns, &rows, true));
        write(format, &columns, &rows, false);
    }
    taken
}

/// Definitions are taken or refused.
pub fn define(bytes: &[u8]) {
    for extended in [false, true] {
        let _ = Column::read(bytes, extended);
    }
}

/// The columns at the front of a case, and what is behind them.
pub fn columns(case: &[u8]) -> Option<(Columns, &[u8])> {
    let (&count, mut rest) = case.split_first()?;
    let mut columns = Vec::new();
    for index in 0..1 + usize::from(count % 11) {
        let (definition, tail) = rest.split_first_chunk::<6>()?;
        columns.push(Column::read(&packet(index, definition), false).ok()?);
        rest = tail;
    }
    Some((Arc::from(columns), rest))
}

/// A definition packet with a type, two bytes of flags, a character set, the decimals and a length.
fn packet(index: usize, [code, low, high, charset, decimals, length]: &[u8; 6]) -> Vec<u8> {
    const NAMES: [&str; 5] = ["a", "__proto__", "7", "a", "ü\"\n"];
    let name = NAMES[index % NAMES.len()];
    let mut packet = Vec::new();
    for text in ["def", "s", "t", "t", name, name] {
        packet.push(text.len() as u8);
        packet.extend_from_slice(text.as_bytes());
    }
    packet.push(12);
    packet.extend_from_slice(&[if charset % 2 == 0 { 63 } else { 45 }, 0]);
    packet.extend_from_slice(&[*length, 0, 0, 0, *code, *low, *high, *decimals, 0, 0]);
    packet
}

fn write(format: &Format, columns: &Columns, rows: &[&[u8]], binary: bool) -> bool {
    let row = |bytes| {
        if binary {
            Row::binary(bytes, columns.len())
        } else {
            Ok(Row::text(bytes))
        }
    };
    let shapes = RowShapes::default();
    let mut memo = Memo::default();
    let mut packed = PackedRows::new(format, None, &shapes, usize::MAX);
    let mut text = JsonRows::new(format, None, 0);
    packed.begin(columns, &mut memo).expect("columns are taken");
    text.begin(columns, &mut memo).expect("columns are taken");
    let mut taken = 0;
    for bytes in rows {
        let (Ok(one), Ok(other)) = (row(bytes), row(bytes)) else {
            return false;
        };
        // A row that is refused ends its result.
        match (packed.row(one), text.row(other)) {
            (Ok(()), Ok(())) => taken += 1,
            // JSON text is looked at when it becomes JSON; as objects JavaScript parses it.
            (Ok(()), Err(_)) => return false,
            (Err(_), Err(_)) => return false,
            // After a value that is no JSON the rows behind it are dropped unread.
            (Err(error), Ok(())) => {
                assert!(
                    text.finish().is_err(),
                    "objects refuse what JSON takes: {error}"
                );
                return false;
            }
        }
    }
    // A value that is no JSON is told at the end of its result.
    let Ok(document) = text.finish() else {
        return false;
    };
    check_json(&document.expect("a result has begun"), taken, columns);
    let packed = packed.finish().expect("objects refuse what JSON takes");
    let packed = packed.expect("a result has begun");
    assert_eq!(packed.rows, taken);
    let total: usize = packed
        .segments
        .iter()
        .map(|segment| check_segment(&segment.bytes))
        .sum();
    assert_eq!(total, taken);
    true
}

fn check_json(document: &[u8], rows: usize, columns: &Columns) {
    std::str::from_utf8(document).expect("JSON is UTF-8");
    let parsed: Json = match serde_json::from_slice(document) {
        Ok(parsed) => parsed,
        // The limit of this reader; ours is 1000 levels and JavaScript has none.
        Err(error) if error.to_string().contains("recursion limit") => return,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(document)),
    };
    let parsed = parsed.as_array().expect("an array of rows");
    assert_eq!(parsed.len(), rows);
    let mut names: Vec<_> = columns.iter().map(|column| &column.name).collect();
    names.sort();
    names.dedup();
    for row in parsed {
        assert_eq!(row.as_object().map(serde_json::Map::len), Some(names.len()));
    }
}

/// The rows of a segment whose header tells exactly what follows.
fn check_segment(bytes: &[u8]) -> usize {
    assert_eq!(bytes.len() % 8, 0);
    let header: Vec<usize> = bytes[..HEADER_WORDS * 4]
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize)
        .collect();
    let [rows, doubles, words, narrow, wide, blobs, ..] = header[..] else {
        panic!("a header of {} words", header.len());
    };
    let length = HEADER_WORDS * 4 + doubles * 8 + words * 4 + narrow + wide + blobs;
    assert_eq!(bytes.len(), length.next_multiple_of(8));
    rows
}

/// How many forms a result is written in.
pub const FORMS: usize = 3;

static FORMATS: LazyLock<[Format; FORMS]> = LazyLock::new(|| {
    let server = Opts::from_url("mysql://root@localhost/").expect("a connection string");
    [
        json!({}),
        json!({"supportBigNumbers": true, "bigNumberStrings": true, "jsonStrings": true, "decimalNumbers": true,
               "dateStrings": {"date": true, "datetime": true, "timestamp": true}}),
        json!({"bigInt": true, "timezone": "+07:00"}),
    ]
    .map(|changes| Format::new(&options::config(&server, &changes).values).expect("options are right"))
});
