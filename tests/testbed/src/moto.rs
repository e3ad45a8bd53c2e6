//! moto, an AWS that we did not write: the independent judge.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::process::Process;

/// Serves on a free port and says which; the seed is Python that may use `iam_backends`.
const SERVER: &str = r#"
import datetime, signal, sys
from moto.server import ThreadedMotoServer
from moto.iam.models import iam_backends, AccessKeyLastUsed
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
iam = iam_backends["123456789012"]["aws"]

def key(user, days, used=None, status="Active"):
    """An access key that is so many days old, last used so many days ago."""
    key = iam.create_access_key(user)
    key.create_date = now - datetime.timedelta(days=days)
    key.status = status
    if used is not None:
        key.last_used = AccessKeyLastUsed(now - datetime.timedelta(days=used), "s3", "us-east-1")

exec(open(sys.argv[1]).read())
print("listening address=%s:%d" % server.get_host_and_port(), flush=True)
signal.pause()
"#;

/// A running moto.
#[derive(Debug)]
pub struct Moto {
    process: Process,
    address: String,
    _folder: tempfile::TempDir,
}

impl Moto {
    /// Starts it with what this Python makes of `iam`, given `now`, `datetime` and `key`.
    ///
    /// # Errors
    /// When it is not installed in `target/tools/moto`, or the seed fails; with its log.
    pub async fn start(tools: &Path, seed: &str) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (server, seeding) = (folder.path().join("server.py"), folder.path().join("seed.py"));
        std::fs::write(&server, SERVER)?;
        std::fs::write(&seeding, seed)?;
        let mut command = Command::new(python(tools));
        command.arg(server).arg(seeding);
        let mut process = Process::start("moto", &command)?;
        let address = process.address("listening").await?;
        Ok(Self { process, address, _folder: folder })
    }

    /// The key that the seed said is the hub's: `hub id=… secret=…` on its output.
    ///
    /// # Panics
    /// When the seed said no such thing.
    #[must_use]
    pub fn hub_key(&self) -> (String, String) {
        let log = self.process.log();
        let said = log.lines().find_map(|line| line.strip_prefix("hub id=")).expect("the seed says the hub's key");
        let (id, secret) = said.split_once(" secret=").expect("an id and a secret");
        (id.to_owned(), secret.to_owned())
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn python(tools: &Path) -> PathBuf {
    tools.join("moto/bin/python")
}
