//! Whatever a credential report holds: no panic, and nothing unsound is accepted.
#![no_main]

libfuzzer_sys::fuzz_target!(|content: &[u8]| iam_key_exporter::collect::assert_report_sound(content));
