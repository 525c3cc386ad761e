//! Text as JSON strings, and bytes as text.
//!
//! Every text column passes through here, so the common case, clean ASCII, is one scan in blocks and
//! one copy. Bytes are validated as UTF-8 only from the first one that is not ASCII or needs an
//! escape.

use std::borrow::Cow;

/// U+FFFD, which stands for each malformed sequence, as in Node's `buffer.toString('utf8')`.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

const BLOCK: usize = 16;
const WORD: usize = 8;

/// Appends `bytes`, decoded as UTF-8, as a quoted JSON string, equal to `JSON.stringify`.
pub fn write_json_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let (plain, rest) = bytes
        .split_at_checked(plain_prefix(bytes))
        .unwrap_or((bytes, b""));
    out.extend_from_slice(plain);
    if rest.is_empty() {
        // The usual case: there is nothing to escape and nothing to check.
    } else if std::str::from_utf8(rest).is_ok() {
        write_escaped(rest, out);
    } else {
        for chunk in rest.utf8_chunks() {
            write_escaped(chunk.valid().as_bytes(), out);
            if !chunk.invalid().is_empty() {
                out.extend_from_slice(REPLACEMENT);
            }
        }
    }
    out.push(b'"');
}

/// The text of `bytes` as Node decodes UTF-8: malformed sequences become U+FFFD, a BOM stays.
pub fn decode_utf8(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Appends valid UTF-8 with JSON's escapes and without quotes.
pub(super) fn write_escaped(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some((clean, rest)) = text.split_at_checked(special_at(text)) {
        out.extend_from_slice(clean);
        let Some((&byte, after)) = rest.split_first() else {
            return;
        };
        write_escape(byte, out);
        text = after;
    }
}

/// The position of the first quote, backslash or control character, or the length.
pub(super) fn special_at(text: &[u8]) -> usize {
    first::<false>(text)
}

/// The length of the ASCII prefix that a JSON string holds as it is.
fn plain_prefix(bytes: &[u8]) -> usize {
    first::<true>(bytes)
}

/// The position of the first byte that needs an escape or, with `ASCII`, is not ASCII; or the length.
///
/// Texts are short or clean as a rule, so the first word is looked at alone and what follows in
/// blocks without a branch a byte, which the compiler turns into vector instructions.
#[inline(always)]
fn first<const ASCII: bool>(bytes: &[u8]) -> usize {
    let clean = match bytes.first_chunk::<WORD>() {
        Some(word) if stops_in_word::<ASCII>(word) == 0 => {
            let (blocks, _) = bytes.as_chunks::<BLOCK>();
            let clean = blocks
                .iter()
                .take_while(|block| !stops_in_block::<ASCII>(block))
                .count();
            clean * BLOCK
        }
        _ => 0,
    };
    // What is left holds the byte in its first block, or is shorter than a block.
    let mut position = clean;
    let (words, tail) = bytes.get(clean..).unwrap_or_default().as_chunks::<WORD>();
    for word in words {
        let stops = stops_in_word::<ASCII>(word);
        if stops != 0 {
            return position + (stops.trailing_zeros() / 8) as usize;
        }
        position += WORD;
    }
    if let Some(word) = bytes.last_chunk::<WORD>() {
        // The last word reaches back over bytes known to be clean.
        let stops = stops_in_word::<ASCII>(word);
        let within = if stops == 0 {
            WORD
        } else {
            (stops.trailing_zeros() / 8) as usize
        };
        return bytes.len() - WORD + within;
    }
    position
        + tail
            .iter()
            .position(|&byte| stops_at::<ASCII>(byte))
            .unwrap_or(tail.len())
}

#[inline(always)]
fn stops_at<const ASCII: bool>(byte: u8) -> bool {
    // As a signed byte everything below 0x20 is a control character or not ASCII.
    let low = if ASCII {
        (byte as i8) < 0x20
    } else {
        byte < 0x20
    };
    low | (byte == b'"') | (byte == b'\\')
}

#[inline(always)]
fn stops_in_block<const ASCII: bool>(block: &[u8; BLOCK]) -> bool {
    block
        .iter()
        .fold(false, |found, &byte| found | stops_at::<ASCII>(byte))
}

/// The high bit of each byte that stops. A borrow may set bits above the first one too, so only the
/// lowest is exact.
#[inline(always)]
fn stops_in_word<const ASCII: bool>(word: &[u8; WORD]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; WORD]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; WORD]);
    let word = u64::from_le_bytes(*word);
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let stops = below(word, 0x20) | equal(b'"') | equal(b'\\');
    (if ASCII { stops | word } else { stops }) & HIGH
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bytes: &[u8]) -> String {
        let mut out = b"[".to_vec();
        write_json_string(bytes, &mut out);
        String::from_utf8(out).unwrap().split_off(1)
    }

    #[test]
    fn clean_text_is_quoted_as_it_is_at_every_length() {
        for length in 0..70 {
            let text = "abcdefghij /~".repeat(6)[..length].to_owned();
            assert_eq!(json(text.as_bytes()), format!("\"{text}\""));
        }
    }

    #[test]
    fn a_byte_that_needs_an_escape_is_found_at_every_position() {
        for length in 1..40 {
            for position in 0..length {
                for (byte, escaped) in [
                    (b'"', "\\\""),
                    (b'\\', "\\\\"),
                    (0x1f, "\\u001f"),
                    (0, "\\u0000"),
                ] {
                    let mut text = vec![b'x'; length];
                    text[position] = byte;
                    let (before, after) = ("x".repeat(position), "x".repeat(length - position - 1));
                    assert_eq!(json(&text), format!("\"{before}{escaped}{after}\""));
                }
            }
        }
    }

    #[test]
    fn escapes_are_those_of_json_stringify() {
        assert_eq!(
            json(b"\x08\x0c\n\r\t\x0b\x7f/"),
            "\"\\b\\f\\n\\r\\t\\u000b\x7f/\""
        );
        assert_eq!(
            json("\u{2028}é漢😀\u{feff}".as_bytes()),
            "\"\u{2028}é漢😀\u{feff}\""
        );
    }

    #[test]
    fn malformed_utf8_becomes_u_fffd_as_in_node() {
        for (bytes, expected) in [
            (&b"a\xffb\"\n"[..], "\"a\u{fffd}b\\\"\\n\""),
            (b"\xe6\xbc", "\"\u{fffd}\""),
            (b"\xf0\x9f\x98x", "\"\u{fffd}x\""),
            (b"\xed\xa0\x80", "\"\u{fffd}\u{fffd}\u{fffd}\""),
            (b"\xc0\xaf", "\"\u{fffd}\u{fffd}\""),
        ] {
            assert_eq!(json(bytes), expected);
            assert_eq!(json(decode_utf8(bytes).as_bytes()), expected);
        }
    }
}
