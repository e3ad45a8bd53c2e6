//! A real Chromium without a window, told what to do over its `DevTools` protocol.
//!
//! Through a pipe, which Chromium offers beside a port: nothing else on the machine can reach it.

use std::{io, path::Path, process::Stdio, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Far more than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one tab.
#[derive(Debug)]
pub struct Chromium {
    _child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    last_id: u64,
    /// What it told of its own accord.
    events: Vec<Value>,
    _folder: TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// `light` or `dark`.
    pub scheme: &'static str,
}

impl Chromium {
    /// Starts it with an empty tab.
    ///
    /// # Errors
    /// When it is not installed, or does not answer.
    pub async fn start() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = command(folder.path()).spawn()?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("chromium has no pipes"));
        };
        let answers = BufReader::new(answers);
        let mut browser =
            Self { _child: child, orders, answers, session: None, last_id: 0, events: Vec::new(), _folder: folder };
        browser.open_tab().await?;
        Ok(browser)
    }

    async fn open_tab(&mut self) -> io::Result<()> {
        let tab = self.order("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = self.order("Target.attachToTarget", attach).await?;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            self.order(&format!("{domain}.enable"), json!({})).await?;
        }
        Ok(())
    }

    /// Gives an order of the `DevTools` protocol and waits for what comes of it.
    ///
    /// # Errors
    /// When it is refused, or Chromium is gone.
    pub async fn order(&mut self, method: &str, params: Value) -> io::Result<Value> {
        self.last_id += 1;
        let mut order = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).await?;
        loop {
            let mut told = self.next().await?;
            if told["id"] != json!(self.last_id) {
                self.events.push(told);
            } else if told["error"].is_null() {
                return Ok(told["result"].take());
            } else {
                return Err(io::Error::other(format!("{method}: {}", told["error"])));
            }
        }
    }

    async fn next(&mut self) -> io::Result<Value> {
        let mut told = Vec::new();
        timeout(PATIENCE, self.answers.read_until(0, &mut told)).await??;
        if told.pop() != Some(0) {
            return Err(io::Error::other("chromium has ended"));
        }
        Ok(serde_json::from_slice(&told)?)
    }

    /// Goes to a page and waits until all of it is there.
    ///
    /// # Errors
    /// When there is no such page.
    pub async fn visit(&mut self, url: &str) -> io::Result<()> {
        self.events.retain(|event| event["method"] != "Page.loadEventFired");
        let went = self.order("Page.navigate", json!({ "url": url })).await?;
        match went["errorText"].as_str() {
            Some(error) => Err(io::Error::other(format!("{url}: {error}"))),
            None => self.loaded().await,
        }
    }

    /// Waits until a page is there to which something other than an order led.
    ///
    /// # Errors
    /// When none comes.
    pub async fn loaded(&mut self) -> io::Result<()> {
        let is_meant = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events.iter().any(is_meant) {
            let told = self.next().await?;
            self.events.push(told);
        }
        self.events.retain(|event| !is_meant(event));
        Ok(())
    }

    /// What it told since it was asked last, of these kinds.
    pub fn told(&mut self, methods: &[&str]) -> Vec<Value> {
        let is_meant = |event: &Value| event["method"].as_str().is_some_and(|method| methods.contains(&method));
        let (meant, others) = self.events.drain(..).partition(is_meant);
        self.events = others;
        meant
    }

    /// The value of an expression in the page; of a promise, what it comes to.
    ///
    /// # Errors
    /// When it throws; with what it threw.
    pub async fn evaluate(&mut self, expression: &str) -> io::Result<Value> {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut came = self.order("Runtime.evaluate", params).await?;
        match &came["exceptionDetails"] {
            Value::Null => Ok(came["result"]["value"].take()),
            thrown => Err(io::Error::other(format!("{thrown}"))),
        }
    }

    /// Looks at pages in this way from now on.
    ///
    /// # Errors
    /// When Chromium is gone.
    pub async fn look(&mut self, screen: Screen) -> io::Result<()> {
        let Screen { width, height, scheme } = screen;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.order("Emulation.setDeviceMetricsOverride", size).await?;
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.order("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        Ok(())
    }

    /// Presses a key such as `Tab` or `Enter`.
    ///
    /// # Errors
    /// When Chromium is gone.
    pub async fn press(&mut self, key: &str) -> io::Result<()> {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            _ => (0, key),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let params = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.order("Input.dispatchKeyEvent", params).await?;
        }
        Ok(())
    }

    /// Takes a picture of what is seen.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn picture(&mut self, file: &Path) -> io::Result<()> {
        let taken = self.order("Page.captureScreenshot", json!({ "format": "png" })).await?;
        let picture = BASE64_STANDARD.decode(taken["data"].as_str().unwrap_or_default()).map_err(io::Error::other)?;
        std::fs::write(file, picture)
    }
}

/// Chromium speaks on descriptors 3 and 4. It is killed when we are gone, and when its handle is.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "sh", "-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"]);
    command.args(["chromium", "--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"]);
    // It shows pages of ours alone, and as root its sandbox does not start.
    command.args([
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-extensions",
    ]);
    command.args(["--disable-component-update", "--disable-sync", "--hide-scrollbars"]);
    command.arg(format!("--user-data-dir={}", folder.display())).env("HOME", folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}
