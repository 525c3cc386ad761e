use proptest::{collection::vec, prelude::*};

use super::*;

/// An event with its header, and four bytes of checksum if it has one.
pub fn event(kind: u8, body: &[u8], checksum: bool) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.push(kind);
    bytes.extend_from_slice(&1u32.to_le_bytes());
    let size = HEADER + body.len() + if checksum { CHECKSUM } else { 0 };
    bytes.extend_from_slice(&(size as u32).to_le_bytes());
    bytes.extend_from_slice(&[0; 6]);
    bytes.extend_from_slice(body);
    bytes.resize(size, 0xCC);
    bytes
}

/// The description of a format with this algorithm of checksums.
pub fn description(algorithm: u8) -> Vec<u8> {
    let mut body = vec![4, 0];
    body.extend_from_slice(&[0; 54]);
    body.push(HEADER as u8);
    let mut lengths = [0; 171];
    for (kind, length) in [(2, 13), (19, 8), (23, 8), (24, 8), (25, 8)] {
        lengths[kind - 1] = length;
    }
    lengths[29..32].fill(10);
    body.extend_from_slice(&lengths);
    body.push(algorithm);
    event(15, &body, true)
}

pub fn table_map(id: u8, schema: &str, table: &str) -> Vec<u8> {
    let mut body = vec![id, 0, 0, 0, 0, 0, 1, 0];
    for name in [schema, table] {
        body.push(name.len() as u8);
        body.extend_from_slice(name.as_bytes());
        body.push(0);
    }
    body.extend_from_slice(&[1, 3, 0]);
    body
}

/// A query event of a session that sends utf8mb4.
pub fn query(schema: &str, sql: &str) -> Vec<u8> {
    let mut status = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    status.extend_from_slice(b"\x06\x03std\x04\x2d\x00\x2d\x00\x2d\x00");
    let mut body = vec![0; 8];
    body.push(schema.len() as u8);
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&(status.len() as u16).to_le_bytes());
    body.extend_from_slice(&status);
    body.extend_from_slice(schema.as_bytes());
    body.push(0);
    body.extend_from_slice(sql.as_bytes());
    body
}

fn known(algorithm: u8) -> Format {
    let mut format = Format::default();
    let bytes = description(algorithm);
    let read = format.read(&bytes, true);
    assert_eq!(read.expect("a description"), Event::Group { open: false });
    assert!(format.is_known());
    format
}

#[test]
fn a_checksum_is_no_part_of_a_statement() {
    for (algorithm, checksum) in [(0, false), (1, true)] {
        let bytes = event(2, &query("shop", "DROP TABLE t"), checksum);
        assert_eq!(
            known(algorithm).read(&bytes, true).expect("a statement"),
            Event::Statement {
                schema: "shop",
                sql: "DROP TABLE t"
            }
        );
    }
}

#[test]
fn a_table_map_and_its_rows_carry_the_same_number() {
    let mut format = known(1);
    assert_eq!(
        format
            .read(&event(19, &table_map(7, "shop", "stück"), true), true)
            .expect("an event"),
        Event::Table {
            id: 7,
            schema: "shop",
            table: "stück"
        }
    );
    for kind in [23, 24, 25, 30, 31, 32, 39, 166, 171] {
        for (flags, ends_statement) in [(0, false), (1, true)] {
            let body = [7, 0, 0, 0, 0, 0, flags, 0, 2, 0];
            assert_eq!(
                format
                    .read(&event(kind, &body, true), true)
                    .expect("an event"),
                Event::Rows {
                    id: 7,
                    ends_statement
                }
            );
        }
    }
}

#[test]
fn rows_need_no_more_than_their_beginning() {
    let bytes = event(30, &[7, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 2, 3, 4], true);
    let rows = known(1).read(&bytes[..HEADER + 10], false);
    assert_eq!(
        rows.expect("an event"),
        Event::Rows {
            id: 7,
            ends_statement: true
        }
    );
}

#[test]
fn a_statement_that_is_cut_off_may_change_anything() {
    let bytes = event(2, &query("shop", "DELETE FROM t"), true);
    let read = known(1).read(&bytes[..bytes.len() - 6], false);
    assert_eq!(read.expect("an event"), Event::Unclear);
}

#[test]
fn a_group_of_mariadb_says_whether_its_end_will_come() {
    for (flags, open) in [(0, true), (1, false), (0x29, false), (0x0C, true)] {
        let mut body = vec![0; 12];
        body.push(flags);
        body.extend_from_slice(&[0; 6]);
        let bytes = event(162, &body, true);
        let read = known(1).read(&bytes, true);
        assert_eq!(read.expect("an event"), Event::Group { open });
    }
}

#[test]
fn what_is_not_known_may_change_anything_unless_the_server_says_that_it_does_not() {
    for kind in [20, 26, 18, 43, 100, 165, 200, 255] {
        let mut bytes = event(kind, &[0; 20], true);
        let read = known(1).read(&bytes, true);
        assert_eq!(read.expect("an event"), Event::Unclear, "{kind}");
        bytes[17] = IGNORABLE as u8;
        let read = known(1).read(&bytes, true);
        assert_eq!(read.expect("an event"), Event::Nothing, "{kind}");
    }
    let payload = event(40, &[0; 20], true);
    let read = known(1).read(&payload, true);
    assert_eq!(read.expect("an event"), Event::UnclearEnd);
}

#[test]
fn events_that_contradict_themselves_are_errors() {
    let long = event(16, &[0; 8], true);
    let mut short = long.clone();
    short.pop();
    for bytes in [
        &short[..],
        &long[..HEADER - 1],
        // A name that is longer than the event.
        &event(
            19,
            &[7, 0, 0, 0, 0, 0, 0, 0, 200, b'a', 0, 1, b'b', 0],
            true,
        ),
        // Variables that are longer than the event.
        &event(2, &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 255, 255, 0], true),
        &event(23, &[7, 0, 0], true),
        // Not even room for the checksum.
        &event(16, &[0], false),
    ] {
        assert!(known(1).read(bytes, true).is_err(), "{bytes:?}");
    }
}

#[test]
fn nothing_is_read_before_the_format_is_known() {
    let mut format = Format::default();
    for kind in [4, 27, 41] {
        let bytes = event(kind, b"\x04\0\0\0\0\0\0\0log.000001", true);
        let read = format.read(&bytes, true);
        assert_eq!(read.expect("an event"), Event::Nothing);
    }
    assert!(format.read(&event(16, &[0; 8], true), true).is_err());
    assert!(format.read(&description(2), true).is_err());
    let mut odd = description(1);
    // Table maps of another layout.
    odd[HEADER + 57 + 18] = 6;
    assert!(format.read(&odd, true).is_err());
    assert!(!format.is_known());
}

#[test]
fn a_server_may_have_given_up_rows_of_version_1() {
    let mut bytes = description(1);
    let lengths = HEADER + 57;
    bytes[lengths + 22..lengths + 25].fill(0);
    assert!(Format::default().read(&bytes, true).is_ok());
    bytes[lengths + 22] = 6;
    assert!(Format::default().read(&bytes, true).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_the_reader(kind: u8, body in vec(any::<u8>(), 0..80), cut in 0..100usize, checksum: bool) {
        let bytes = event(kind, &body, checksum);
        for algorithm in [0, 1] {
            let _ = known(algorithm).read(&bytes, true);
            let _ = known(algorithm).read(&bytes[..cut.min(bytes.len())], false);
        }
        let _ = Format::default().read(&body, true);
    }

    #[test]
    fn no_length_within_a_good_event_breaks_the_reader(at in 0..60usize, value: u8) {
        for (kind, body) in [(2, query("shop", "DROP TABLE t")), (19, table_map(1, "shop", "t"))] {
            let mut bytes = event(kind, &body, true);
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = known(1).read(&bytes, true);
        }
        let mut bytes = description(1);
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = Format::default().read(&bytes, true);
    }
}
