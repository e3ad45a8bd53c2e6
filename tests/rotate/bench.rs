//! An account with one old key, four places for the secret of the next, and the rotator.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::LazyLock,
    time::Duration,
};

use aws_stub::{Key, Parameter, Secret, Stub};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use tokio::process::{Child, Command};

use crate::{ACCOUNT, DAY};

pub(crate) const ROTATE: &str = env!("CARGO_BIN_EXE_iam-key-rotate");
pub(crate) const USER: &str = "ci-bot";
pub(crate) const OLD: &str = "AKIAOLD";
const BEFORE: &str = "before";
/// What the sink has of the old key, in a form of its own.
const OF_OLD: &str = "the secret of AKIAOLD";
const NAME: &str = "ci/bot";

/// One root for TLS, that nobody asks for.
static ROOT: LazyLock<NamedTempFile> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), made.cert.pem()).unwrap();
    file
});

/// Keeps secrets in files, and dies or kills where it is told to.
const SINK: &str = r#"#!/bin/sh
set -eu
d=$(dirname "$0")
in=$(cat)
get() { printf %s "$in" | sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }
crash() { if [ "$(cat "$d/crash" 2>/dev/null)" = "$op $1" ]; then rm "$d/crash"; kill -9 $PPID; exit 1; fi; }
op=$(get operation)
id=$(get access_key_id)
crash before
case $op in
store) get secret_access_key >"$d/$id.part"; mv "$d/$id.part" "$d/$id" ;;
read)
    current=false
    [ "$(cat "$d/current")" != "$id" ] || current=true
    [ ! -e "$d/$id" ] || printf '{"access_key_id":"%s","secret_access_key":"%s","current":%s}' "$id" "$(cat "$d/$id")" $current ;;
promote) [ -e "$d/$id" ]; printf %s "$id" >"$d/current" ;;
restore) [ -e "$d/keeps" ] || printf %s before >"$d/current" ;;
esac
crash after
"#;

/// Where the secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Secret,
    Parameter,
    File,
    Command,
    /// A secret without a value yet.
    EmptySecret,
    /// A parameter that is not there yet.
    NoParameter,
}

pub(crate) const PLACES: [Place; 4] = [Place::Secret, Place::Parameter, Place::File, Place::Command];

pub(crate) struct Bench {
    pub(crate) stub: Stub,
    pub(crate) folder: TempDir,
    pub(crate) place: Place,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// As expected, or with all that it said.
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// What it said in JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.out.contains(words) || self.err.contains(words), "no {words:?} in\n{}\n{}", self.out, self.err);
        self
    }
}

impl Bench {
    pub(crate) async fn new(place: Place) -> Self {
        let (stub, folder) = (Stub::start().await.unwrap(), tempfile::tempdir().unwrap());
        let now = stub.cloud().now();
        let mut cloud = stub.cloud();
        let account = cloud.account(ACCOUNT);
        account.user(USER).path = "/ci/".into();
        account.user(USER).key(OLD, now - 97 * DAY).used(now - 3 * DAY, "s3", "eu-central-1");
        account.secrets.insert(NAME.to_owned(), Secret::holding(OF_OLD));
        account.parameters.insert(format!("/{NAME}"), Parameter::holding(OF_OLD));
        match place {
            Place::EmptySecret => drop(account.secrets.insert(NAME.to_owned(), Secret::default())),
            Place::NoParameter => drop(account.parameters.remove(&format!("/{NAME}"))),
            _ => {}
        }
        drop(cloud);
        let script = folder.path().join("sink.sh");
        fs::write(&script, SINK).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("current"), BEFORE).unwrap();
        Self { stub, folder, place }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn sink(&self) -> String {
        match self.place {
            Place::Secret | Place::EmptySecret => format!("secretsmanager:{NAME}"),
            Place::Parameter | Place::NoParameter => format!("ssm:/{NAME}"),
            Place::File => format!("file:{}", self.path("key").display()),
            Place::Command => format!("exec:exec {}", self.path("sink.sh").display()),
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        command(&self.stub.endpoint(), self.folder.path(), args)
    }

    pub(crate) fn begin(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Without asking.
    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        end(self.begin(&[args, &["--yes"]].concat())).await
    }

    pub(crate) async fn start(&self) -> Ran {
        self.run(&["start", USER, "--sink", &self.sink()]).await
    }

    pub(crate) async fn finish(&self, args: &[&str]) -> Ran {
        self.run(&[&["finish", USER, "--quiet=0s", "--delete-after=0s"], args].concat()).await
    }

    pub(crate) async fn backout(&self) -> Ran {
        self.run(&["backout", USER, "--sink", &self.sink()]).await
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.stub.cloud().account(ACCOUNT).users[USER].keys.clone()
    }

    pub(crate) fn is_active(&self, id: &str) -> bool {
        self.keys().iter().any(|key| key.id == id && key.active)
    }

    /// The key that is not the old one, of which there must be one at most.
    pub(crate) fn new_key(&self) -> Option<Key> {
        let mut keys = self.keys();
        keys.retain(|key| key.id != OLD);
        assert!(keys.len() <= 1, "{keys:?}");
        keys.pop()
    }

    /// The action of the call at which the command is held.
    pub(crate) async fn frozen(&self) -> String {
        let frozen = testbed::wait::until(Duration::from_mins(1), async || {
            self.stub.cloud().frozen().map(str::to_owned).ok_or_else(|| "it goes on".to_owned())
        });
        frozen.await.unwrap()
    }

    pub(crate) fn tag(&self, name: &str) -> Option<String> {
        self.stub.cloud().account(ACCOUNT).users[USER].tags.get(&format!("iam-key-rotate:{name}")).cloned()
    }

    pub(crate) fn stage(&self) -> String {
        self.tag("stage").unwrap_or_default()
    }

    /// What consumers get: the id and the secret of a new key, or what was there before.
    pub(crate) fn current(&self) -> Option<(String, String)> {
        let mut cloud = self.stub.cloud();
        let account = cloud.account(ACCOUNT);
        match self.place {
            Place::Secret | Place::EmptySecret => account.secrets[NAME].value("AWSCURRENT").and_then(pair),
            Place::Parameter | Place::NoParameter => {
                account.parameters.get(&format!("/{NAME}")).map(Parameter::value).and_then(pair)
            }
            Place::File => fs::read_to_string(self.path("key")).ok().and_then(|text| pair(&text)),
            Place::Command => {
                let id = fs::read_to_string(self.path("current")).unwrap();
                (id != BEFORE).then(|| (id.clone(), fs::read_to_string(self.path(&id)).unwrap().trim().to_owned()))
            }
        }
    }

    /// A person gives the place another value.
    pub(crate) fn put(&self, value: &str) {
        let mut cloud = self.stub.cloud();
        let account = cloud.account(ACCOUNT);
        match self.place {
            Place::Secret | Place::EmptySecret => {
                account.secrets.insert(NAME.to_owned(), Secret::holding(value));
            }
            Place::Parameter | Place::NoParameter => {
                account.parameters.insert(format!("/{NAME}"), Parameter::holding(value));
            }
            Place::File => fs::write(self.path("key"), value).unwrap(),
            Place::Command => fs::write(self.path("current"), value).unwrap(),
        }
    }

    /// Every secret that is kept anywhere, by the id of its key.
    pub(crate) fn kept(&self) -> BTreeMap<String, String> {
        let mut cloud = self.stub.cloud();
        let account = cloud.account(ACCOUNT);
        let secrets = account.secrets[NAME].values().filter_map(pair);
        let versions = account.parameters.values().flat_map(|parameter| &parameter.versions);
        let parameters = versions.filter_map(|version| pair(&version.value));
        let mut kept: BTreeMap<String, String> = secrets.chain(parameters).collect();
        for file in fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
            let (name, text) =
                (file.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&file).unwrap());
            kept.extend(pair(&text));
            if name.starts_with("AKIA") {
                kept.insert(name, text.trim().to_owned());
            }
        }
        kept
    }

    /// What must be true at any moment, crash or not: what consumers get works.
    pub(crate) fn assert_consumers_work(&self, when: &str) {
        match self.current() {
            None => assert!(self.is_active(OLD), "{when}: the old key is current and not Active"),
            Some((id, secret)) => {
                let key = self.keys().into_iter().find(|key| key.id == id);
                let key = key.unwrap_or_else(|| panic!("{when}: {id} is current and gone"));
                assert!(key.active, "{when}: {id} is current and not Active");
                assert_eq!(key.secret, Some(secret), "{when}: not the secret of {id}");
            }
        }
    }

    /// What must be true once a command has come to its end: no key's secret is lost.
    pub(crate) fn assert_no_secret_is_lost(&self, when: &str) {
        let kept = self.kept();
        for key in self.keys().into_iter().filter(|key| key.id != OLD) {
            assert_eq!(kept.get(&key.id), key.secret.as_ref(), "{when}: the secret of {}", key.id);
        }
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let document: Value = serde_json::from_str(text).ok()?;
    let part = |name: &str| document[name].as_str().map(str::to_owned);
    Some((part("AccessKeyId")?, part("SecretAccessKey")?))
}

/// The rotator, pointed at an AWS of ours, impatient.
pub(crate) fn command(endpoint: &str, home: &Path, args: &[&str]) -> Command {
    let mut command = bare(endpoint, home, args);
    command.args(["--retry-delay=10ms", "--claim-timeout=0s", "--propagation-timeout=5s"]);
    command
}

/// The rotator with its own patience.
pub(crate) fn bare(endpoint: &str, home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(ROTATE);
    command.env_clear().env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", "us-east-1");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
    command.env("AWS_ACCESS_KEY_ID", "AKIAHUB").env("AWS_SECRET_ACCESS_KEY", "secret-of-the-hub");
    // Nothing here speaks TLS, and to read the roots of the machine is most of what a start costs.
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("SSL_CERT_FILE", ROOT.path());
    command.args(args).arg("--requests-per-second=10000");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Waits for the end.
pub(crate) async fn end(child: Child) -> Ran {
    let output = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output());
    let output = output.await.expect("a command ends").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}
