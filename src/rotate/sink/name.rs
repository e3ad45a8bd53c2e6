//! What people call a sink, and how it is remembered in a tag.

use std::{fmt, path::PathBuf, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};

use crate::key_ids::hex;

/// The most that IAM keeps of a tag's value (API reference, `Tag`).
const LONGEST_TAG: usize = 256;

/// In place of what a tag cannot or must not keep.
const DIGEST: &str = "sha256:";

/// A sink as it is written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SinkSpec {
    /// A secret of Secrets Manager: its name or ARN.
    SecretsManager(String),
    /// A parameter of Systems Manager: its name.
    Parameter(String),
    /// A file.
    File(PathBuf),
    /// A command for the shell.
    Command(String),
}

/// A sink as a tag remembers it: whole where that fits, else as a digest, which can be compared.
#[derive(Clone, Debug)]
pub(in crate::rotate) struct SinkName {
    tag: String,
    spec: Option<SinkSpec>,
}

/// A digest is as good as what it was made of.
impl PartialEq for SinkName {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag
    }
}

impl Eq for SinkName {}

impl FromStr for SinkSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = "allowed is secretsmanager:NAME, ssm:NAME, file:PATH or exec:COMMAND";
        let (kind, name) = text.split_once(':').ok_or_else(|| format!("found {text:?}, {allowed}"))?;
        if name.is_empty() {
            return Err(format!("found {text:?} with nothing after the colon, {allowed}"));
        }
        match kind {
            "secretsmanager" => Ok(Self::SecretsManager(name.to_owned())),
            "ssm" => Ok(Self::Parameter(name.to_owned())),
            "file" => std::path::absolute(name).map(Self::File).map_err(|error| format!("{name:?}: {error}")),
            "exec" => Ok(Self::Command(name.to_owned())),
            _ => Err(format!("found {kind:?}, {allowed}")),
        }
    }
}

impl fmt::Display for SinkSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretsManager(name) => write!(out, "secretsmanager:{name}"),
            Self::Parameter(name) => write!(out, "ssm:{name}"),
            Self::File(path) => write!(out, "file:{}", path.display()),
            Self::Command(command) => write!(out, "exec:{command}"),
        }
    }
}

impl SinkSpec {
    /// The sink that a tag names. Who may tag users must not thereby say what runs on this machine.
    pub(in crate::rotate) fn of_tag(text: &str) -> Result<Self, String> {
        match text.parse()? {
            Self::Command(_) => Err("a tag may not name a command: name it in --sink or --config.file".to_owned()),
            spec => Ok(spec),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::SecretsManager(_) => "secretsmanager",
            Self::Parameter(_) => "ssm",
            Self::File(_) => "file",
            Self::Command(_) => "exec",
        }
    }
}

impl SinkName {
    /// How a tag remembers this sink. A command may hold what not everybody who reads tags should see.
    pub(in crate::rotate) fn of(spec: SinkSpec) -> Self {
        let text = spec.to_string();
        let is_open = !matches!(spec, SinkSpec::Command(_));
        if is_open && text.len() <= LONGEST_TAG && text.chars().all(fits_a_tag) {
            return Self { tag: text, spec: Some(spec) };
        }
        let hash = digest(&SHA256, text.as_bytes());
        let hex = hex(hash.as_ref());
        Self { tag: format!("{}:{DIGEST}{hex}", spec.kind()), spec: Some(spec) }
    }

    /// The sink that a tag remembers.
    pub(in crate::rotate) fn of_tag(tag: &str) -> Option<Self> {
        let (_, name) = tag.split_once(':')?;
        let spec = if name.starts_with(DIGEST) { None } else { Some(SinkSpec::of_tag(tag).ok()?) };
        Some(Self { tag: tag.to_owned(), spec })
    }

    /// What the tag says.
    pub(in crate::rotate) fn tag(&self) -> &str {
        &self.tag
    }

    /// The sink itself, where the tag has all of it.
    pub(in crate::rotate) fn spec(&self) -> Option<&SinkSpec> {
        self.spec.as_ref()
    }
}

/// API reference, `Tag`: letters, spaces, numbers and a few signs.
fn fits_a_tag(character: char) -> bool {
    character.is_alphanumeric() || " _.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_are_read_as_they_are_written() {
        for text in ["secretsmanager:ci/bot", "ssm:/ci/bot", "file:/run/new-key", "exec:cat > /dev/null"] {
            assert_eq!(text.parse::<SinkSpec>().unwrap().to_string(), text);
        }
        for text in ["", "x", "s3:bucket", "file:", "secretsmanager"] {
            assert!(text.parse::<SinkSpec>().unwrap_err().contains("allowed is"), "{text}");
        }
    }

    #[test]
    fn a_tag_remembers_what_it_may_and_a_digest_of_the_rest() {
        let name = |text: &str| SinkName::of(text.parse().unwrap());
        assert_eq!(name("secretsmanager:ci/bot").tag(), "secretsmanager:ci/bot");
        for text in ["exec:vault --token=s.x write", "file:/tmp/it's", &format!("ssm:/{}", "x".repeat(256))] {
            let name = name(text);
            assert!(name.tag().contains(":sha256:") && name.tag().len() < 100, "{}", name.tag());
            assert_eq!(SinkName::of_tag(name.tag()).unwrap().spec(), None);
        }
        assert!(SinkName::of_tag("exec:touch /tmp/x").is_none() && SinkSpec::of_tag("exec:true").is_err());
        assert_ne!(name("exec:a").tag(), name("exec:b").tag());
    }
}
