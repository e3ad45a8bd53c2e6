//! gzip for those who ask for it. Nothing else: Prometheus asks for nothing else.

use std::sync::Arc;

use bytes::Bytes;
use crc32fast::Hasher;
use hyper::{HeaderMap, header::ACCEPT_ENCODING};

use crate::exposition::part::{Packed, Part};

/// Whether the client takes gzip: named, or met by `*`, with a weight above 0.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let codings: Vec<(&str, f32)> = lines.flat_map(|line| line.split(',')).map(coding_and_weight).collect();
    let weight_of = |wanted: &str| codings.iter().find(|(coding, _)| coding.eq_ignore_ascii_case(wanted));
    weight_of("gzip").or_else(|| weight_of("*")).is_some_and(|(_, weight)| *weight > 0.0)
}

fn coding_and_weight(item: &str) -> (&str, f32) {
    let (coding, parameter) = item.split_once(';').unwrap_or((item, "q=1"));
    let weight = parameter.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
    (coding.trim(), weight.and_then(|weight| weight.trim().parse().ok()).unwrap_or(0.0))
}

/// RFC 1952, 2.3.1: no name, no time, whatever system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The last block, an empty one (RFC 1951, 3.2.6).
const END: [u8; 2] = [3, 0];

/// All parts as one member of gzip (RFC 1952). Each is compressed once, however often it is sent.
pub(super) fn gzip(parts: &[Arc<Part>]) -> Vec<Bytes> {
    let mut checksum = Hasher::new();
    let mut length: u32 = 0;
    let mut member = vec![Bytes::from_static(&HEADER)];
    for part in parts {
        let Packed { blocks, checksum: of_part } = part.packed();
        checksum.combine(of_part);
        // Modulo 2^32, as RFC 1952 wants it.
        length = u32::try_from(part.text().len() as u64 & 0xffff_ffff).map_or(length, |more| length.wrapping_add(more));
        member.push(blocks.clone());
    }
    let end = [&END[..], &checksum.finalize().to_le_bytes(), &length.to_le_bytes()].concat();
    member.push(end.into());
    member
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use hyper::header::HeaderValue;

    use super::*;

    fn taken_by(accepted: &'static str) -> bool {
        takes_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]))
    }

    #[test]
    fn gzip_is_used_only_for_clients_that_take_it() {
        for accepted in ["gzip", "GZIP", "deflate, gzip;q=0.1", "br, gzip ; q = 1", "*", "*;q=0, gzip"] {
            assert!(taken_by(accepted), "{accepted}");
        }
        for refused in ["", "identity", "gzip;q=0", "gzip;q=0.000, *", "*;q=0", "gzip;q=much", "gzipped", "gzip;q=NaN"]
        {
            assert!(!taken_by(refused), "{refused}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn the_parts_come_out_of_gzip_as_one_text() {
        let long = "a long text of a longer page\n".repeat(100_000);
        for texts in [vec![], vec![""], vec!["one ", "two"], vec![&long, "", "x", &long]] {
            let parts: Vec<Arc<Part>> = texts.iter().map(|text| Arc::new(Part::new(text.to_string()))).collect();
            for _ in 0..2 {
                let (mut text, packed) = (String::new(), gzip(&parts).concat());
                flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
                assert_eq!(text, texts.concat());
            }
        }
    }
}
