//! The exporter cannot write: what is not in its binary cannot be called.

use std::{fs, process::Command};

use crate::bench::ROTATE;

const EXPORTER: &str = env!("CARGO_BIN_EXE_iam-key-exporter");

/// Every call of the rotator that changes something, as it goes over the wire.
const WRITES: [&str; 10] = [
    "CreateAccessKey",
    "UpdateAccessKey",
    "DeleteAccessKey",
    "TagUser",
    "UntagUser",
    "PutSecretValue",
    "UpdateSecretVersionStage",
    "PutParameter",
    "LabelParameterVersion",
    "DeleteParameter",
];

/// What is loaded of it: the notes for debuggers name what both binaries share the source of.
fn loaded(binary: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let stripped = folder.path().join("stripped");
    let done = Command::new("strip").args(["--strip-all", "-o"]).arg(&stripped).arg(binary).status().unwrap();
    assert!(done.success());
    fs::read(stripped).unwrap()
}

fn named_in(binary: &str) -> Vec<&'static str> {
    let bytes = loaded(binary);
    // A name alone can come about where two texts meet, such as a noun "Tag" before "UserByUser".
    let before: Vec<_> = places(&bytes, b"RequestSerializer").map(|place| &bytes[..place]).collect();
    WRITES.into_iter().filter(|name| before.iter().any(|text| text.ends_with(name.as_bytes()))).collect()
}

#[test]
fn the_exporter_names_no_call_that_writes_and_the_rotator_all_of_them() {
    assert_eq!(named_in(EXPORTER), Vec::<&str>::new());
    assert_eq!(named_in(ROTATE), WRITES);
}

#[test]
fn the_exporter_names_the_calls_that_it_makes() {
    let bytes = loaded(EXPORTER);
    assert!(places(&bytes, b"ListAccessKeys").next().is_some(), "names are found where they are");
}

fn places<'a>(bytes: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == text[0]).map(|(place, _)| place);
    starts.filter(|place| bytes[*place..].starts_with(text))
}
