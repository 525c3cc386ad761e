use super::*;

const PKCS8: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA6ynVTa2FVuduuUrF79ZV\n\
    2ilQd6iJuhXp5qa6wuaTQAqEgrSOOly5UcF0c2GNrVV/Z7yYuh0m/EyYIKmr3NT0\n\
    8vy/yukAwSLolSTYTVNzYM05iZGNrL9tM5IU3bB6ypNAbCfDNjE2/AmpRqVU/B6t\n\
    dbUOtZ+opmepHjtEXuQ+6DeDg2hokAEl9//zhW3Yu8BOl2fB54/NFK6ZIKDnfrvs\n\
    UmsjSS0OgOse49Wp0b742l5PsoSuVRJbPzbPa2z9e1Ke5+zKX6UVVC3U8yzewHv8\n\
    J97QbWZoyG7opIS2b4dPnk0KzmGBwDx78Fw0KMT/+rlaW0TDGYQSudzm3R3IDukz\n\
    NQIDAQAB\n\
    -----END PUBLIC KEY-----";

const PKCS1: &str = "-----BEGIN RSA PUBLIC KEY-----\n\
    MIIBCgKCAQEA6ynVTa2FVuduuUrF79ZV2ilQd6iJuhXp5qa6wuaTQAqEgrSOOly5\n\
    UcF0c2GNrVV/Z7yYuh0m/EyYIKmr3NT08vy/yukAwSLolSTYTVNzYM05iZGNrL9t\n\
    M5IU3bB6ypNAbCfDNjE2/AmpRqVU/B6tdbUOtZ+opmepHjtEXuQ+6DeDg2hokAEl\n\
    9//zhW3Yu8BOl2fB54/NFK6ZIKDnfrvsUmsjSS0OgOse49Wp0b742l5PsoSuVRJb\n\
    PzbPa2z9e1Ke5+zKX6UVVC3U8yzewHv8J97QbWZoyG7opIS2b4dPnk0KzmGBwDx7\n\
    8Fw0KMT/+rlaW0TDGYQSudzm3R3IDukzNQIDAQAB\n\
    -----END RSA PUBLIC KEY-----";

/// A PKCS #1 key with these numbers.
fn pem(modulus: &[u8], exponent: &[u8]) -> String {
    let numbers = [tlv(INTEGER, modulus), tlv(INTEGER, exponent)].concat();
    let der = tlv(SEQUENCE, &numbers);
    let mut text = String::from("-----BEGIN RSA PUBLIC KEY-----\n");
    for group in der.chunks(3) {
        let mut bytes = [0; 4];
        bytes[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bytes);
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize % 64];
            text.push(if at <= group.len() {
                digit as char
            } else {
                '='
            });
        }
    }
    text + "\n-----END RSA PUBLIC KEY-----\n"
}

fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[tag, 0x84][..], &length, body].concat()
}

fn number(bytes: usize) -> Vec<u8> {
    let mut number = vec![0x55; bytes];
    number[bytes - 1] = 0x57;
    number
}

#[test]
fn keys_in_both_forms_tell_their_size() {
    assert_eq!(modulus_bytes(PKCS8.as_bytes()), Some(256));
    assert_eq!(modulus_bytes(PKCS1.as_bytes()), Some(256));
    assert_eq!(
        modulus_bytes(format!("before\n{PKCS8}\nafter").as_bytes()),
        Some(256)
    );
    assert_eq!(
        modulus_bytes(pem(&number(128), &[1, 0, 1]).as_bytes()),
        Some(128)
    );
}

#[test]
fn keys_that_are_too_short_too_long_or_no_keys_are_refused() {
    for (modulus, exponent) in [
        (number(127), vec![1, 0, 1]),
        (number(2049), vec![1, 0, 1]),
        (number(256), number(9)),
        (number(256), vec![1]),
        (number(256), vec![0]),
        (number(256), vec![2]),
        (number(256), vec![]),
        (vec![0; 256], vec![1, 0, 1]),
        ([number(255), vec![0x10]].concat(), vec![1, 0, 1]),
        ([vec![0x80], number(255)].concat(), vec![1, 0, 1]),
    ] {
        assert_eq!(
            modulus_bytes(pem(&modulus, &exponent).as_bytes()),
            None,
            "{exponent:?}"
        );
    }
}

#[test]
fn no_cut_and_no_changed_byte_panics() {
    for pem in [PKCS8, PKCS1] {
        for at in 0..pem.len() {
            modulus_bytes(&pem.as_bytes()[..at]);
            for byte in [0, b'A', b'/', b'=', b'-', 0xFF] {
                let mut changed = pem.as_bytes().to_vec();
                changed[at] = byte;
                if modulus_bytes(&changed).is_some() && at % 97 == 0 {
                    // What is taken here, the library takes too. It computes for long, so not each time.
                    mysql_common::crypto::encrypt(b"password\0", &changed);
                }
            }
        }
    }
}
