//! What systemd hears, and the sockets that it passes.

use std::{os::unix::net::UnixDatagram, path::Path, time::Duration};

use aws_stub::Stub;
use testbed::{Exporter, Process, Settings, http};

use crate::{BINARY, QUICK, write};

/// Binds a port, passes it as systemd does, and becomes the program.
const ACTIVATE: &str = "import os, socket, sys
passed = socket.socket()
passed.bind(('127.0.0.1', 0))
passed.listen()
os.dup2(passed.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
";

struct Listener(UnixDatagram);

impl Listener {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(socket)
    }

    /// The next message that is not a heartbeat, and how many of those came before.
    fn next(&self) -> (String, usize) {
        let (mut bytes, mut beats) = ([0; 512], 0);
        loop {
            let length = self.0.recv(&mut bytes).expect("a message comes");
            match String::from_utf8_lossy(&bytes[..length]).trim() {
                "WATCHDOG=1" => beats += 1,
                said => return (said.to_owned(), beats),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_of_the_start_of_reloads_of_the_end_and_of_life_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::at(&folder.path().join("notify"));
    let stub = Stub::start().await.unwrap();
    let settings = Settings::of(stub.endpoint()).config(QUICK).env("WATCHDOG_USEC", "200000");
    let settings = settings.env("NOTIFY_SOCKET", &folder.path().join("notify").display().to_string());
    let mut exporter = Exporter::start(BINARY, &settings).await.unwrap();
    assert_eq!(listener.next().0, "READY=1");
    let beat = tokio::task::spawn_blocking(move || {
        let mut bytes = [0; 512];
        let length = listener.0.recv(&mut bytes).expect("a heartbeat comes");
        assert_eq!(&bytes[..length], b"WATCHDOG=1\n");
        listener
    });
    let listener = beat.await.unwrap();
    exporter.process().signal("HUP");
    let (reloading, _) = listener.next();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(listener.next().0, "READY=1");
    exporter.process().signal("TERM");
    assert_eq!(listener.next().0, "STOPPING=1");
}

#[tokio::test]
async fn a_socket_that_systemd_passed_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let activate = write(folder.path(), "activate.py", ACTIVATE);
    let stub = Stub::start().await.unwrap();
    let mut command = std::process::Command::new("python3");
    command.arg(activate).args([BINARY, "--web.systemd-socket"]).env("AWS_ENDPOINT_URL", stub.endpoint());
    command.env("AWS_REGION", "us-east-1").env("AWS_ACCESS_KEY_ID", "AKIAHUB").env("AWS_SECRET_ACCESS_KEY", "secret");
    let mut process = Process::start("iam-key-exporter", &command).unwrap();
    let address = process.address("listening").await.unwrap();
    assert_eq!(http::get(&format!("http://{address}/-/healthy")).await.unwrap().status, 200);
}

#[tokio::test]
async fn without_a_passed_socket_it_says_what_is_missing() {
    let settings = Settings { args: vec!["--web.systemd-socket".into()], ..Settings::of("http://127.0.0.1:9".into()) };
    let folder = tempfile::tempdir().unwrap();
    let mut command = settings.command(Path::new(BINARY), folder.path()).unwrap();
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot be used with"), "both ways to listen: {said}");

    let mut command = std::process::Command::new(BINARY);
    let output = command.arg("--web.systemd-socket").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("no socket was passed; have systemd start the exporter from its .socket unit"), "{said}");
}
