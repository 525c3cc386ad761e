//! Looks at an RSA key before the library does, which trusts keys to be well formed: it panics on others, and one with
//! a long exponent would keep it computing for hours, where no deadline reaches.

/// Bits of the modulus that are taken: below, keys are broken; above, nobody has one.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 1024..=16384;
/// Nearly all keys have 65537; a few bytes more cost nothing.
const MAX_EXPONENT_BYTES: usize = 8;

/// The bytes of the modulus of a public key in PEM, PKCS #1 or #8; `None` for one that is not to be used.
pub fn modulus_bytes(pem: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(pem).ok()?;
    let mut der = &*section(text, "RSA PUBLIC KEY")
        .or_else(|| section(text, "PUBLIC KEY").and_then(|der| unwrap_info(&der)))?;
    let mut numbers = element(&mut der, SEQUENCE)?;
    let modulus = positive(element(&mut numbers, INTEGER)?)?;
    let exponent = positive(element(&mut numbers, INTEGER)?)?;
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    let is_usable = MODULUS_BITS.contains(&(modulus.len() * 8))
        && exponent.len() <= MAX_EXPONENT_BYTES
        && exponent != [1]
        && is_odd(modulus)
        && is_odd(exponent);
    is_usable.then_some(modulus.len())
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The key in a SubjectPublicKeyInfo: an algorithm, and the key as a string of bits.
fn unwrap_info(mut der: &[u8]) -> Option<Vec<u8>> {
    let mut info = element(&mut der, SEQUENCE)?;
    element(&mut info, SEQUENCE)?;
    let (0, key) = element(&mut info, BIT_STRING)?
        .split_first()
        .map(|(unused, key)| (*unused, key))?
    else {
        return None;
    };
    Some(key.to_vec())
}

/// Takes an element with this tag from the front of `der`.
fn element<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let ([found, first], mut rest) = der.split_first_chunk::<2>()?;
    let mut length = usize::from(*first);
    if *first >= 0x80 {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        length = digits
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = after;
    }
    let (body, rest) = rest.split_at_checked(length)?;
    *der = rest;
    (*found == tag).then_some(body)
}

/// A number without its leading zeros; `None` for zero and negative ones.
fn positive(number: &[u8]) -> Option<&[u8]> {
    let first = number.iter().position(|&byte| byte != 0)?;
    let is_negative = number.first().is_some_and(|byte| byte & 0x80 != 0);
    if is_negative {
        None
    } else {
        number.get(first..)
    }
}

/// What is between the lines of a section, out of base64.
fn section(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let digits: Vec<u8> = body
        .bytes()
        .filter(|byte| !b" \n\t\r\x0b\x0c".contains(byte))
        .collect();
    let padding = digits
        .iter()
        .rev()
        .take_while(|&&byte| byte == b'=')
        .count();
    let (data, _) = digits.split_at_checked(digits.len() - padding)?;
    // Whole groups of four digits, of which the last may be two or three and padding.
    if !digits.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(data.len() * 3 / 4);
    for group in data.chunks(4) {
        let mut bits = 0u32;
        for &digit in group {
            bits = bits << 6 | value(digit)?;
        }
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        let (whole, unused) = bytes.get(1..)?.split_at_checked(group.len() - 1)?;
        if unused.iter().any(|&byte| byte != 0) {
            return None;
        }
        out.extend_from_slice(whole);
    }
    Some(out)
}

fn value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests;
