use crate::error::Kind;

use super::*;

/// A greeting as MariaDB sends it.
fn greeting() -> Vec<u8> {
    let mut out = b"\x0a5.5.5-10.11.6-MariaDB\0".to_vec();
    out.extend_from_slice(&77u32.to_le_bytes());
    out.extend_from_slice(b"ABCDEFGH\0");
    out.extend_from_slice(&[0xFE, 0xF7, 45, 2, 0, 0xFF, 0x81, 21]);
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&0x1Cu32.to_le_bytes());
    out.extend_from_slice(b"IJKLMNOPQRST\0mysql_native_password\0");
    out
}

#[test]
fn a_greeting_gives_the_session_the_nonce_and_the_plugin() {
    let read = read_greeting(&greeting()).expect("a greeting");
    assert_eq!(read.id, 77);
    assert_eq!(read.nonce, b"ABCDEFGHIJKLMNOPQRST");
    assert_eq!(read.plugin, b"mysql_native_password");
    assert_eq!(read.mariadb.bits(), 0x1C);
    assert!(read.capabilities.contains(Capabilities::PROTOCOL_41));
}

#[test]
fn mariadbs_own_flags_are_not_read_from_a_server_of_mysql() {
    let mut bytes = greeting();
    let low = bytes
        .iter()
        .position(|&byte| byte == 0xFE)
        .expect("the flags");
    *bytes.get_mut(low).expect("in range") = 0xFF;
    assert_eq!(read_greeting(&bytes).expect("a greeting").mariadb.bits(), 0);
}

#[test]
fn a_greeting_cut_before_its_plugin_is_an_error_and_never_a_panic() {
    let whole = greeting();
    let needed = whole.len() - b"mysql_native_password\0".len();
    for cut in 0..needed {
        assert!(
            read_greeting(whole.get(..cut).expect("in range")).is_err(),
            "cut after {cut} bytes"
        );
    }
    for cut in needed..whole.len() {
        read_greeting(whole.get(..cut).expect("in range"))
            .expect("the plugin's name may be missing");
    }
}

#[test]
fn any_byte_of_a_greeting_may_change_without_a_panic() {
    let whole = greeting();
    let mut errors = 0;
    for at in 0..whole.len() {
        for value in 0..=255 {
            let mut changed = whole.clone();
            *changed.get_mut(at).expect("in range") = value;
            errors += usize::from(read_greeting(&changed).is_err());
        }
    }
    assert!(errors > 0, "another protocol version must be noticed");
}

#[test]
fn an_error_instead_of_a_greeting_keeps_its_number_and_text() {
    let error = read_greeting(b"\xFF\x10\x04Too many connections")
        .err()
        .expect("an error");
    assert_eq!(error.errno(), Some(1040));
    assert_eq!(error.message(), "Too many connections");
    assert!(error.is_fatal());
}

#[test]
fn ok_and_err_packets_cut_at_any_byte_never_panic() {
    let ok = b"\x00\xFC\x01\x02\x05\x02\x00\x01\x00\x05Rows!";
    let capabilities = Capabilities::PROTOCOL_41;
    let whole = reply::read_ok(ok, capabilities).expect("whole");
    assert_eq!(
        (
            whole.affected_rows,
            whole.last_insert_id,
            whole.info.as_str()
        ),
        (513, 5, "Rows!")
    );
    for cut in 0..9 {
        assert!(
            reply::read_ok(ok.get(..cut).expect("in range"), capabilities).is_err(),
            "cut after {cut} bytes"
        );
    }
    let err = b"\xFF\x26\x04#23000Duplicate entry";
    for cut in 0..err.len() {
        let error = reply::read_err(err.get(..cut).expect("in range"), true);
        let known = matches!(error.kind(), Kind::Server { errno: 1062, .. });
        assert_eq!(known, cut >= 3, "cut after {cut} bytes: {error}");
    }
}

#[test]
fn a_nonce_that_ends_in_a_zero_byte_of_its_own_stays_whole() {
    let random = [[7u8; 31].as_slice(), &[0]].concat();
    assert_eq!(nonce_of(&AuthPlugin::Ed25519, &random), random);
    let terminated = [[7u8; 20].as_slice(), &[0]].concat();
    assert_eq!(
        nonce_of(&AuthPlugin::MysqlNativePassword, &terminated),
        [7u8; 20]
    );
    assert_eq!(
        nonce_of(&AuthPlugin::CachingSha2Password, &terminated),
        [7u8; 20]
    );
}

#[test]
fn lengths_are_written_as_they_are_read() {
    for length in [0, 1, 250, 251, 252, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0x100_0000] {
        let text = vec![b'x'; length];
        let mut out = Vec::new();
        write_string(&mut out, &text);
        let mut cursor = Cursor::new(&out);
        assert_eq!(cursor.string().map(<[u8]>::len).ok(), Some(length));
        assert!(cursor.is_empty());
    }
}
