//! Whatever a web configuration holds: no panic, in the parser or where its TLS is made.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(config) = iam_key_exporter::config::web::WebConfig::parse(text, std::path::Path::new("/nowhere")) {
        drop(iam_key_exporter::server::Front::new(&config));
    }
});
