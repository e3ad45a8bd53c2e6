//! The process edge of the rotator; all of it is in `rotate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    iam_key_exporter::rotate::app::main()
}
