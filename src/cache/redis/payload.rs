//! A value as Redis keeps it: one byte that says how, then the bytes.
//!
//! LZ4, because it is pure Rust and its decoder is faster than the network; zstd would save a third more and needs a C
//! compiler. The decoder is told the exact size to fill and the size is checked before anything is allocated: what comes
//! from Redis may have been written by anybody.

use bytes::Bytes;

const PLAIN: u8 = 1;
const LZ4: u8 = 2;
/// The format byte and the size of what was compressed.
const HEAD: usize = 5;
/// No byte of LZ4 stands for more than this many.
const RATIO: usize = 255;

/// Makes a payload of a value, compressed when it has at least `compress_from` bytes and becomes smaller.
pub fn pack(value: &[u8], compress_from: usize) -> Bytes {
    if let (true, Ok(size)) = (value.len() >= compress_from, u32::try_from(value.len())) {
        let mut packed = vec![0; HEAD + lz4_flex::block::get_maximum_output_size(value.len())];
        if let Ok(length) = lz4_flex::block::compress_into(value, &mut packed[HEAD..])
            && HEAD + length < value.len()
        {
            packed[0] = LZ4;
            packed[1..HEAD].copy_from_slice(&size.to_le_bytes());
            packed.truncate(HEAD + length);
            return packed.into();
        }
    }
    let mut plain = Vec::with_capacity(value.len() + 1);
    plain.push(PLAIN);
    plain.extend_from_slice(value);
    plain.into()
}

/// The value of a payload; `None` when it is none, or larger than `limit`.
pub fn unpack(payload: &Bytes, limit: usize) -> Option<Bytes> {
    match *payload.first()? {
        PLAIN if payload.len() - 1 <= limit => Some(payload.slice(1..)),
        LZ4 => {
            let size: [u8; 4] = payload.get(1..HEAD)?.try_into().ok()?;
            let size = usize::try_from(u32::from_le_bytes(size)).ok()?;
            let packed = &payload[HEAD..];
            if size > limit || size > packed.len().saturating_mul(RATIO) {
                return None;
            }
            let mut value = vec![0; size];
            let length = lz4_flex::block::decompress_into(packed, &mut value).ok()?;
            (length == size).then(|| value.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    #[test]
    fn what_is_packed_comes_back() {
        let repeated = b"{\"id\":1,\"name\":\"chair\"},".repeat(2000);
        for value in [&b""[..], b"x", &repeated] {
            assert_eq!(unpack(&pack(value, 8192), LIMIT).as_deref(), Some(value));
        }
        assert!(pack(&repeated, 8192).len() < repeated.len() / 10);
        assert_eq!(pack(&repeated, usize::MAX).len(), repeated.len() + 1);
    }

    #[test]
    fn what_does_not_become_smaller_stays_as_it_is() {
        let mut state = 1u64;
        let noise: Vec<u8> = (0..10_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state.to_be_bytes()[0]
            })
            .collect();
        let packed = pack(&noise, 8192);
        assert_eq!(packed[0], PLAIN);
        assert_eq!(unpack(&packed, LIMIT).as_deref(), Some(&noise[..]));
    }

    #[test]
    fn an_announced_size_is_not_believed() {
        let value = b"abcdefgh".repeat(10_000);
        let packed = pack(&value, 0);
        for size in [u32::MAX, 1 << 21, 80_001, 79_999, 0] {
            let mut hostile = packed.to_vec();
            hostile[1..HEAD].copy_from_slice(&size.to_le_bytes());
            assert_eq!(unpack(&hostile.into(), LIMIT), None, "{size}");
        }
        assert_eq!(unpack(&packed, 79_999), None, "past the limit");
    }

    #[test]
    fn anything_else_is_no_value() {
        for bytes in [
            &b""[..],
            b"\x00abc",
            b"\x02",
            b"\x02\x01\x00",
            b"\x02\x05\x00\x00\x00",
            b"\xff",
        ] {
            assert_eq!(unpack(&Bytes::from_static(bytes), LIMIT), None, "{bytes:?}");
        }
    }
}
