//! The demo: an account with old access keys on this machine, everything that watches it,
//! and the page that comes of it.

use std::{
    error::Error,
    io::{IsTerminal as _, Write as _, stdout},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use aws_stub::{Stub, fleet};
use clap::Parser;
use testbed::{Alertmanager, Exporter, Notification, Prometheus, Settings, Webhook, prometheus::Watch};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

/// From the start of the exporter to the last page; some 10 s are usual.
const LIMIT: Duration = Duration::from_secs(90);

/// The demo is impatient: real ones poll every 5 minutes and ask 5 times a second.
const CONFIG: &str = "poll_interval: 2s\nlimits: { requests_per_second: 50 }\nlabels: { user_tags: [owner, team] }\n";

/// Shows an old access key become a page.
#[derive(Parser)]
struct Options {
    /// The exporter's binary.
    #[arg(long)]
    exporter: PathBuf,
    /// The alerting rules.
    #[arg(long)]
    rules: PathBuf,
    /// Ends after the first page instead of staying up.
    #[arg(long)]
    once: bool,
}

/// Everything that runs; it ends with this.
struct Scene {
    stub: Stub,
    exporter: Exporter,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    webhook: Webhook,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let (mut interrupt, mut terminate) = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        (Err(error), _) | (_, Err(error)) => return failed(&error),
    };
    let ended = tokio::select! {
        ended = perform(&options) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    match ended {
        Ok(()) => {
            println!("\nEverything that was started has ended.");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    eprintln!("\nThe demo failed: {error}");
    ExitCode::FAILURE
}

async fn perform(options: &Options) -> Result<(), Box<dyn Error>> {
    let scene = set_up(options).await?;
    let pages = wait_for_pages(&scene, options.once).await?;
    show(&scene, &pages);
    if options.once {
        return Ok(());
    }
    follow(&scene, scene.webhook.received().len()).await
}

async fn set_up(options: &Options) -> Result<Scene, Box<dyn Error>> {
    let stub = Stub::start().await?;
    let now = stub.cloud().now();
    fleet::demo(&mut stub.cloud(), now);
    let users = stub.cloud().default_account().users.len();
    started("a stub of AWS", &stub.endpoint(), &format!("one account with {users} users"));
    let settings = Settings::of(stub.endpoint()).config(CONFIG);
    let exporter = Exporter::start(&options.exporter, &settings).await?;
    started("iam-key-exporter", &exporter.url("/"), "polls every 2 s");
    let webhook = Webhook::start().await?;
    started("a pager", &webhook.url(), "takes what Alertmanager sends");
    let alertmanager = Alertmanager::start(&webhook.url()).await?;
    started("Alertmanager", &format!("http://{}/", alertmanager.address()), "");
    let rules = std::fs::canonicalize(&options.rules)?;
    let (targets, alertmanagers) = ([exporter.address()], Some(alertmanager.address()));
    let watch = Watch { targets: &targets, rules: Some(&rules), alertmanager: alertmanagers, ..Watch::default() };
    let prometheus = Prometheus::start(&watch).await?;
    started("Prometheus", &prometheus.url(), "scrapes every other second, with alerts/rules.yaml");
    Ok(Scene { stub, exporter, prometheus, alertmanager, webhook })
}

fn started(what: &str, at: &str, more: &str) {
    println!("  started {what:<17} {at:<28} {more}");
}

/// Every key that the exporter calls overdue must page; in a hurry the first is enough.
async fn wait_for_pages(scene: &Scene, first_only: bool) -> Result<Vec<Notification>, Box<dyn Error>> {
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        let pages = overdue(&scene.webhook.received());
        let page = scene.exporter.page().await;
        let expected = page.value("aws_iam_account_access_keys_overdue", &[("account_id", aws_stub::DEFAULT_ACCOUNT)]);
        progress(begin, expected, pages.len());
        let enough = if first_only { 1 } else { whole(expected).max(1) };
        if expected.is_some() && pages.len() >= enough {
            println!();
            return Ok(pages);
        }
        sleep(Duration::from_secs(1)).await;
    }
    Err(format!("no page within {LIMIT:?}. Prometheus said:\n{}", scene.prometheus.log()).into())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of keys of the demo")]
fn whole(count: Option<f64>) -> usize {
    count.unwrap_or_default() as usize
}

fn progress(begin: Instant, overdue: Option<f64>, pages: usize) {
    let seconds = begin.elapsed().as_secs();
    let keys = overdue.map_or("not known yet".to_owned(), |overdue| overdue.to_string());
    if stdout().is_terminal() {
        print!("\r  {seconds:>2} s  overdue keys: {keys}, pages: {pages}   ");
        drop(stdout().flush());
    } else if seconds.is_multiple_of(5) {
        println!("  {seconds:>2} s  overdue keys: {keys}, pages: {pages}");
    }
}

fn overdue(received: &[Notification]) -> Vec<Notification> {
    let meant = |n: &&Notification| n.status == "firing" && n.label("alertname") == "AWSIAMAccessKeyOverdue";
    received.iter().filter(meant).cloned().collect()
}

fn show(scene: &Scene, pages: &[Notification]) {
    println!("\n  On-call was paged:");
    for page in pages {
        println!("\n    {} ({})", page.label("alertname"), page.label("severity"));
        println!("    {}", page.annotation("summary"));
        println!("    user {}, key {}", page.label("user_name"), page.label("access_key_id"));
        println!("    {}", page.annotation("description"));
        println!("    {}", page.annotation("runbook_url"));
    }
    let user = pages.first().map_or("", |page| page.label("user_name"));
    println!("\n  Look around:");
    println!("    status page   {}", scene.exporter.url("/"));
    println!("    metrics       {}", scene.exporter.url("/metrics"));
    println!("    alerts        {}/classic/alerts", scene.prometheus.url());
    println!("    Alertmanager  http://{}/", scene.alertmanager.address());
    println!("\n  Rotate a key and see its alert end:");
    println!("    curl -X POST '{}/_stub/rotate?user={user}'", scene.stub.endpoint());
}

/// Shows what else reaches the pager, until somebody has seen enough.
async fn follow(scene: &Scene, mut shown: usize) -> Result<(), Box<dyn Error>> {
    println!("\n  Ctrl-C ends the demo.\n");
    loop {
        let received = scene.webhook.received();
        for news in &received[shown..] {
            println!("  {:<8} {} {}", news.status, news.label("alertname"), news.label("user_name"));
        }
        shown = received.len();
        sleep(Duration::from_millis(500)).await;
    }
}
