//! gzip for those who ask for it. Nothing else: Prometheus asks for nothing else.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use hyper::{HeaderMap, header::ACCEPT_ENCODING};

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

/// All parts as one gzip stream.
pub(super) fn gzip(parts: &[Bytes]) -> Bytes {
    // A scrape is read once and soon: speed counts for more than the last few bytes.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for part in parts {
        encoder.write_all(part).expect("writing to a Vec does not fail");
    }
    encoder.finish().expect("writing to a Vec does not fail").into()
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
        let packed = gzip(&[Bytes::from_static(b"one "), Bytes::from_static(b"two")]);
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
    }
}
