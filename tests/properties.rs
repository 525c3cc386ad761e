//! Properties of the parts that read what others wrote, for random input with a meaning; `tests/fuzz.rs` has the input
//! without one. A failing case is shrunk and printed. PROPTEST_CASES=100000 looks further.

use hegar_native::codec::{
    date::DateParts,
    json_text,
    params::{Param, Params},
    string,
};
use proptest::{collection::vec, prelude::*};
use serde_json::Value as Json;

mod targets;

proptest! {
    // A file of failures would be written into the sources; the seed of a failure is printed with it.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn statements_of_any_tokens_keep_their_meaning(sql in statement()) {
        targets::tokenise(&sql);
    }

    #[test]
    fn statements_of_any_characters_keep_their_meaning(sql in "\\PC{0,60}|[-?:'\"`\\\\/*!;#@a1 \n\0]{0,40}") {
        targets::tokenise(&sql);
    }

    #[test]
    fn quotes_and_comments_hide_what_is_in_them(inside in "[^'\"`\\\\*\n]{0,20}") {
        for sql in [
            format!("SELECT '{inside}' FROM t"),
            format!("SELECT \"{inside}\" FROM t"),
            format!("SELECT `{inside}` FROM t"),
            format!("SELECT 1 /* {inside} */ FROM t"),
            format!("SELECT 1 -- {inside}\nFROM t"),
            format!("SELECT 1 # {inside}\nFROM t"),
        ] {
            let template = hegar_native::sql::Template::parse(&sql, hegar_native::sql::Placeholders::Positional);
            prop_assert_eq!(template.map(|template| template.placeholders()), Ok(0), "{}", sql);
        }
    }

    #[test]
    fn parameters_come_out_as_they_went_in(values in vec(vec(value(), 1..5), 0..12)) {
        let mut bytes = Vec::new();
        for list in &values {
            if list.len() > 1 {
                bytes.push(10);
                bytes.extend_from_slice(&(list.len() as u32).to_le_bytes());
            }
            list.iter().for_each(|value| value.pack(&mut bytes));
        }
        targets::unpack(&bytes);
        let params = Params::unpack(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let flat: Vec<_> = values.iter().flatten().collect();
        prop_assert_eq!(params.len(), flat.len());
        for (param, value) in params.iter().zip(flat) {
            prop_assert!(value.is(&param.map_err(|error| TestCaseError::fail(error.to_string()))?), "{:?}", value);
        }
    }

    #[test]
    fn any_bytes_are_parameters_or_refused(bytes in vec(prop_oneof![0..11u8, any::<u8>()], 0..64)) {
        targets::unpack(&bytes);
    }

    #[test]
    fn any_bytes_are_a_definition_or_refused(bytes in vec(prop_oneof![0..5u8, any::<u8>()], 0..60)) {
        targets::define(&bytes);
    }

    #[test]
    fn rows_of_any_columns_are_written_or_refused(case in vec(column(), 1..11), rows in vec(vec(any::<u8>(), 0..80), 0..4)) {
        targets::encode(&encoded(&case, &rows));
    }

    #[test]
    fn rows_that_fit_their_columns_are_written(cells in vec((cell(), any::<[u8; 5]>()), 1..11), copies in 1..4usize) {
        let columns: Vec<_> = cells.iter().map(|((code, _), [flags, charset, decimals, length, _])| {
            // Not zero-filled, and JSON only where the text is.
            [*code, flags & 32, 0, *charset, decimals % 32, *length]
        }).collect();
        let mut row = vec![0; 1 + (cells.len() + 9) / 8];
        for (index, ((_, bytes), [.., null])) in cells.iter().enumerate() {
            if null % 5 == 0 {
                row[1 + (index + 2) / 8] |= 1 << ((index + 2) % 8);
            } else {
                row.extend_from_slice(bytes);
            }
        }
        prop_assert_eq!(targets::encode(&encoded(&columns, &vec![row; copies])), targets::FORMS);
    }

    #[test]
    fn json_text_is_written_as_the_value_it_means(value in json()) {
        let mut out = Vec::new();
        prop_assert_eq!(json_text::normalise(value.to_string().as_bytes(), &mut out), Ok(()));
        let again: Json = serde_json::from_slice(&out).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(again, value);
        // Writing what was written changes nothing more.
        let mut twice = Vec::new();
        prop_assert_eq!(json_text::normalise(&out, &mut twice), Ok(()));
        prop_assert_eq!(twice, out);
    }

    #[test]
    fn text_that_is_no_json_is_refused_and_nothing_is_written(text in "[\\[\\]{}:,\"0-9a-z\\\\ .eE+-]{0,30}") {
        let mut out = b"before".to_vec();
        let is_json = serde_json::from_str::<Json>(&text).is_ok();
        let taken = json_text::normalise(text.as_bytes(), &mut out).is_ok();
        // A number beyond a double is infinite to JavaScript, and refused by the reader here.
        if is_json { prop_assert!(taken, "{}", text) }
        if !taken { prop_assert_eq!(out, b"before") }
        else { prop_assert!(is_json || text.contains(['e', 'E']), "{}", text) }
    }

    #[test]
    fn any_bytes_become_a_json_string_that_reads_as_their_text(bytes in vec(any::<u8>(), 0..64)) {
        let mut out = Vec::new();
        string::write_json_string(&bytes, &mut out);
        let read: String = serde_json::from_slice(&out).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read, string::decode_utf8(&bytes));
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(256)
}

fn statement() -> impl Strategy<Value = String> {
    const TOKENS: &[&str] = &[
        "SELECT",
        "FROM",
        "WHERE",
        "INTO",
        "FOR",
        "UPDATE",
        "SET",
        "@a",
        "@@b",
        ":=",
        ":name",
        "::",
        ":",
        "?",
        "'",
        "''",
        "\"",
        "`",
        "\\",
        "\\'",
        "-- ",
        "--",
        "#",
        "\n",
        "/*",
        "*/",
        "/*!",
        "/*!50100",
        "/*M!",
        ";",
        "(",
        ")",
        ",",
        ".",
        "1",
        "1.5",
        "1e5",
        ".5",
        "é",
        "日本",
        "\0",
        " ",
        "BEGIN",
        "NOT",
        "ATOMIC",
        "CALL",
        "PROCEDURE",
        "id",
        "COUNT(*)",
        "[a]",
    ];
    let token = prop_oneof![
        4 => prop::sample::select(TOKENS).prop_map(str::to_owned),
        1 => "\\PC{0,4}",
    ];
    (vec(token, 0..20), prop::sample::select(&["", " "][..]))
        .prop_map(|(tokens, between)| tokens.join(between))
}

#[derive(Debug, Clone)]
enum Value {
    Null,
    Bool(bool),
    Safe(i64),
    Double(f64),
    Signed(i64),
    Unsigned(u64),
    Text(String),
    Bytes(Vec<u8>),
    Date(DateParts),
}

fn value() -> impl Strategy<Value = Value> {
    let date = (any::<u16>(), any::<[u8; 5]>(), any::<u32>());
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-(1i64 << 53) + 1..1i64 << 53).prop_map(Value::Safe),
        any::<f64>().prop_map(Value::Double),
        any::<i64>().prop_map(Value::Signed),
        any::<u64>().prop_map(Value::Unsigned),
        "\\PC{0,20}".prop_map(Value::Text),
        vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        date.prop_map(
            |(year, [month, day, hour, minute, second], micros)| Value::Date(DateParts {
                year,
                month,
                day,
                hour,
                minute,
                second,
                micros,
            })
        ),
    ]
}

impl Value {
    /// As `lib/params.js` packs it.
    fn pack(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.push(0),
            Value::Bool(value) => out.push(if *value { 8 } else { 9 }),
            Value::Safe(value) => {
                out.push(1);
                out.extend_from_slice(&(*value as f64).to_le_bytes());
            }
            Value::Double(value) => {
                out.push(2);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Value::Signed(value) => {
                out.push(3);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Value::Unsigned(value) => {
                out.push(4);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Value::Text(text) => block(5, text.as_bytes(), out),
            Value::Bytes(bytes) => block(6, bytes, out),
            Value::Date(date) => {
                out.push(7);
                out.extend_from_slice(&date.year.to_le_bytes());
                out.extend_from_slice(&[date.month, date.day, date.hour, date.minute, date.second]);
                out.extend_from_slice(&date.micros.to_le_bytes());
            }
        }
    }

    fn is(&self, param: &Param<'_>) -> bool {
        match (self, param) {
            (Value::Null, Param::Null) => true,
            (Value::Bool(value), Param::Bool(other)) => value == other,
            (Value::Safe(value) | Value::Signed(value), Param::Int(other)) => value == other,
            (Value::Unsigned(value), Param::UInt(other)) => value == other,
            (Value::Double(value), Param::Double(other)) => value.to_bits() == other.to_bits(),
            (Value::Text(text), Param::Text(other)) => text.as_bytes() == *other,
            (Value::Bytes(bytes), Param::Bytes(other)) => bytes == other,
            (Value::Date(date), Param::DateTime(other)) => date == other,
            _ => false,
        }
    }
}

fn block(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

const TYPES: &[u8] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 242, 245, 246, 247, 248, 252, 253, 254, 255,
];

/// A type with any flags, character set, decimals and length.
fn column() -> impl Strategy<Value = [u8; 6]> {
    (prop::sample::select(TYPES), any::<[u8; 5]>())
        .prop_map(|(code, [a, b, c, d, e])| [code, a, b, c, d, e])
}

/// A type and a value of it in the binary protocol.
fn cell() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let fixed = |code: u8, size: usize| vec(any::<u8>(), size).prop_map(move |bytes| (code, bytes));
    let text = |code: u8| "\\PC{0,20}".prop_map(move |text| (code, string_of(text.as_bytes())));
    let date = |code: u8| {
        (
            prop::sample::select(&[0usize, 4, 7, 11][..]),
            any::<[u8; 11]>(),
        )
            .prop_map(move |(size, bytes)| (code, [&[size as u8][..], &bytes[..size]].concat()))
    };
    prop_oneof![
        fixed(1, 1),
        fixed(2, 2),
        fixed(3, 4),
        fixed(4, 4),
        fixed(5, 8),
        fixed(8, 8),
        fixed(9, 4),
        fixed(13, 2),
        date(7),
        date(10),
        date(12),
        (
            prop::sample::select(&[0usize, 8, 12][..]),
            any::<[u8; 12]>()
        )
            .prop_map(|(size, bytes)| (11, [&[size as u8][..], &bytes[..size]].concat())),
        text(247),
        text(252),
        text(253),
        text(254),
        "-?[0-9]{1,20}(\\.[0-9]{1,10})?".prop_map(|text| (246, string_of(text.as_bytes()))),
        json().prop_map(|value| (245, string_of(value.to_string().as_bytes()))),
        vec(any::<u8>(), 0..60).prop_map(|bytes| (255, string_of(&bytes))),
        vec(any::<u8>(), 0..40).prop_map(|bytes| (242, string_of(&bytes))),
    ]
}

fn string_of(bytes: &[u8]) -> Vec<u8> {
    let mut out = if bytes.len() < 0xFB {
        vec![bytes.len() as u8]
    } else {
        [&[0xFC][..], &(bytes.len() as u16).to_le_bytes()].concat()
    };
    out.extend_from_slice(bytes);
    out
}

/// A case of `targets::encode`.
fn encoded(columns: &[[u8; 6]], rows: &[Vec<u8>]) -> Vec<u8> {
    let mut case = vec![columns.len() as u8 - 1];
    case.extend(columns.iter().flatten());
    for row in rows {
        case.extend_from_slice(&(row.len() as u16).to_le_bytes());
        case.extend_from_slice(row);
    }
    case
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-(1i64 << 53)..1i64 << 53).prop_map(Json::from),
        "\\PC{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            vec(("[a-c]|[0-9]{1,2}|\\PC{0,3}", inner), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}
