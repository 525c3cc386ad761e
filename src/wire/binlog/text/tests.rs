use super::*;

const UTF8MB4: &[u8] =
    b"\x00\0\0\0\0\x01\0\0\0\0\0\0\0\0\x06\x03std\x03\x01\0\x01\0\x04\x2d\0\x2d\0\x2d\0\x05\x03UTC";
const LATIN1: &[u8] = b"\x04\x08\0\x08\0\x2d\0";

#[test]
fn the_words_of_transactions_are_no_statements() {
    for (sql, event) in [
        ("BEGIN", Event::Begin),
        ("XA START X'61',X'',1", Event::Begin),
        ("COMMIT", Event::End),
        ("ROLLBACK", Event::End),
        ("XA ROLLBACK X'61',X'',1", Event::End),
        ("XA COMMIT X'61',X'',1", Event::UnclearEnd),
        ("XA END X'61',X'',1", Event::Nothing),
        ("SAVEPOINT `a`", Event::Nothing),
        ("ROLLBACK TO `a`", Event::Nothing),
        ("RELEASE SAVEPOINT `a`", Event::Nothing),
    ] {
        assert_eq!(judge(b"shop", sql.as_bytes(), UTF8MB4), event, "{sql}");
    }
}

#[test]
fn every_other_text_is_a_statement() {
    for sql in ["BEGINNING", "", "COMMIT /* x */", "DROP TABLE t", "stück"] {
        assert_eq!(
            judge(b"shop", sql.as_bytes(), UTF8MB4),
            Event::Statement {
                schema: "shop",
                sql
            }
        );
    }
}

#[test]
fn a_text_whose_characters_are_not_known_may_change_anything() {
    let text = "DROP TABLE `stück`";
    for status in [LATIN1, b"", b"\x04", b"\x06\xff", b"\x63\x04\x2d\0"] {
        assert_eq!(judge(b"", text.as_bytes(), status), Event::Unclear);
    }
    assert_eq!(
        judge(b"", b"DROP TABLE `st\xfcck`", UTF8MB4),
        Event::Unclear
    );
    assert_eq!(judge(b"st\xfcck", b"DROP TABLE t", UTF8MB4), Event::Unclear);
    let ascii = judge(b"", b"DROP TABLE t", LATIN1);
    assert!(matches!(ascii, Event::Statement { .. }));
}
