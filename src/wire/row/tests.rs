use crate::error::Kind;

use super::super::column::tests::column;
use super::*;

/// Every type of column, with a row of each protocol that fills all of them.
fn all_types() -> (Vec<Column>, Vec<u8>, Vec<u8>) {
    use ColumnType::*;
    let cells: Vec<(ColumnType, Vec<u8>, &str)> = vec![
        (Tiny, vec![200], "-56"),
        (Short, vec![1, 2], "513"),
        (Int24, vec![1, 2, 3, 0], "197121"),
        (Long, vec![1, 2, 3, 4], "67305985"),
        (LongLong, vec![1, 2, 3, 4, 5, 6, 7, 8], "578437695752307201"),
        (Float, 1.5f32.to_le_bytes().to_vec(), "1.5"),
        (Double, 2.5f64.to_le_bytes().to_vec(), "2.5"),
        (Year, vec![0xE8, 7], "2024"),
        (Date, vec![4, 0xE8, 7, 2, 29], "2024-02-29"),
        (
            DateTime,
            vec![7, 0xE8, 7, 2, 29, 1, 2, 3],
            "2024-02-29 01:02:03",
        ),
        (
            Timestamp,
            vec![11, 0xE8, 7, 2, 29, 1, 2, 3, 4, 0, 0, 0],
            "2024-02-29 01:02:03.000004",
        ),
        (
            Time,
            vec![12, 1, 1, 0, 0, 0, 2, 3, 4, 5, 0, 0, 0],
            "-26:03:04.000005",
        ),
        (Decimal, b"\x041.25".to_vec(), "1.25"),
        (Bit, vec![1, 5], "\u{5}"),
        (Json, b"\x02{}".to_vec(), "{}"),
        (Geometry, b"\x03abc".to_vec(), "abc"),
        (Vector, b"\x04abcd".to_vec(), "abcd"),
        (Enum, b"\x01e".to_vec(), "e"),
        (Set, b"\x03a,b".to_vec(), "a,b"),
        (
            Text,
            [&[0xFC, 0x2C, 0x01][..], &[b'x'; 300][..]].concat(),
            "",
        ),
    ];
    let mut columns = Vec::new();
    let mut binary = vec![0; 1 + (cells.len() + 9) / 8];
    let mut text = Vec::new();
    for (kind, bytes, written) in cells {
        columns.push(column("c", kind));
        binary.extend_from_slice(&bytes);
        text.push(written.len() as u8);
        text.extend_from_slice(written.as_bytes());
    }
    (columns, binary, text)
}

fn read(mut row: Row<'_>, columns: &[Column]) -> Result<usize> {
    for (index, column) in columns.iter().enumerate() {
        row.cell(index, column)?;
    }
    Ok(columns.len())
}

#[test]
fn both_protocols_give_the_same_cells() {
    let (columns, binary, text) = all_types();
    let mut left = Row::binary(&binary, columns.len()).expect("a row");
    let mut right = Row::text(&text);
    // The last column is long in the binary row and empty in the text row.
    for (index, column) in columns.iter().enumerate().take(columns.len() - 1) {
        let (left, right) = (left.cell(index, column), right.cell(index, column));
        let (left, right) = (left.expect("binary"), right.expect("text"));
        // Text may have more digits than single precision holds.
        let left = match left {
            Cell::Float(value) => Cell::Double(f64::from(value)),
            other => other,
        };
        assert_eq!(left, right, "{:?}", column.column_type);
    }
}

#[test]
fn a_binary_row_cut_at_any_byte_is_an_error_and_never_a_panic() {
    let (columns, binary, _) = all_types();
    read(
        Row::binary(&binary, columns.len()).expect("whole"),
        &columns,
    )
    .expect("whole");
    for cut in 0..binary.len() {
        let part = binary.get(..cut).expect("in range");
        let result = Row::binary(part, columns.len()).and_then(|row| read(row, &columns));
        assert_eq!(
            result.expect_err("cut").kind(),
            Kind::Protocol,
            "cut after {cut} bytes"
        );
    }
}

#[test]
fn a_text_row_cut_at_any_byte_is_an_error_and_never_a_panic() {
    let (columns, _, text) = all_types();
    read(Row::text(&text), &columns).expect("whole");
    for cut in 0..text.len() {
        let result = read(Row::text(text.get(..cut).expect("in range")), &columns);
        assert_eq!(
            result.expect_err("cut").kind(),
            Kind::Protocol,
            "cut after {cut} bytes"
        );
    }
}

#[test]
fn any_byte_of_a_row_may_change_without_a_panic() {
    let (columns, binary, text) = all_types();
    let mut errors = 0;
    for at in 0..binary.len().max(text.len()) {
        for value in [0x00, 0x01, 0x7F, 0x80, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF] {
            for (source, is_binary) in [(&binary, true), (&text, false)] {
                let mut changed = source.clone();
                let Some(byte) = changed.get_mut(at) else {
                    continue;
                };
                *byte = value;
                let row = if is_binary {
                    Row::binary(&changed, columns.len())
                } else {
                    Ok(Row::text(&changed))
                };
                errors += usize::from(row.and_then(|row| read(row, &columns)).is_err());
            }
        }
    }
    assert!(errors > 0, "lengths past the end must be noticed");
}

#[test]
fn a_value_that_claims_four_gigabytes_is_an_error() {
    let columns = [column("c", ColumnType::Text)];
    let forged = [
        &[0x00, 0x00, 0xFE][..],
        &(4u64 << 30).to_le_bytes(),
        b"short",
    ]
    .concat();
    let error =
        read(Row::binary(&forged, 1).expect("a row"), &columns).expect_err("it is not there");
    assert_eq!(error.kind(), Kind::Protocol);
    let largest = [&[0x00, 0x00, 0xFE][..], &u64::MAX.to_le_bytes()].concat();
    read(Row::binary(&largest, 1).expect("a row"), &columns).expect_err("it is not there");
}

#[test]
fn a_null_takes_no_bytes_in_either_protocol() {
    let columns = [column("a", ColumnType::Long), column("b", ColumnType::Long)];
    let mut row = Row::binary(&[0x00, 0b0000_0100, 7, 0, 0, 0], 2).expect("a row");
    assert_eq!(row.cell(0, &columns[0]).expect("null"), Cell::Null);
    assert_eq!(row.cell(1, &columns[1]).expect("seven"), Cell::Int(7));
    let mut row = Row::text(b"\xFB\x017");
    assert_eq!(row.cell(0, &columns[0]).expect("null"), Cell::Null);
    assert_eq!(row.cell(1, &columns[1]).expect("seven"), Cell::Int(7));
}

#[test]
fn a_row_that_begins_with_another_byte_than_zero_is_an_error() {
    assert!(Row::binary(&[1, 0, 7], 1).is_err());
    assert!(Row::binary(&[], 1).is_err());
}

#[test]
fn a_number_in_text_that_is_none_names_its_column() {
    let error = Row::text(b"\x03abc")
        .cell(0, &column("price", ColumnType::Long))
        .expect_err("no number");
    assert!(error.message().contains("'price'"), "{error}");
}
