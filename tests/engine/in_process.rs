//! The real poller and the real SDK on the stub, without a socket: requests are handed over
//! as values, and the time is what the test says.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use aws_stub::{Answer, Ending, Stub};
use hyper::{
    HeaderMap, Method, Uri,
    header::{HeaderName, HeaderValue},
};
use iam_key_exporter::{
    app::members,
    aws::{CallLimits, Hub, Tally},
    config::Config,
    exposition::{Exposition, part::whole},
    lanes::Lanes,
    policy::Policy,
    poller::{Clock, Poller, Rhythm},
    reading::Desk,
    roster::{Changes, Directory, Hubs, Sources},
    snapshot::Snapshots,
    state::StateDir,
};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const DAY: i64 = 86_400;
pub(crate) const MAX_AGE: i64 = 90 * DAY;
pub(crate) const POLL: i64 = 300;
pub(crate) const BEGIN: i64 = 1_790_000_000;

/// Tags and one exemption besides the defaults.
const CONFIG: &str =
    "labels: { user_tags: [team] }\npolicy: { exempt_until_tag: exempt-until, max_age_tag: max-age }\n";

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(BEGIN) };
}

pub(crate) fn now() -> i64 {
    NOW.get()
}

/// One exporter in the making: everything between AWS and the page, no process around it.
pub(crate) struct Watch {
    pub(crate) stub: Stub,
    snapshots: Arc<Snapshots>,
    poller: Poller,
    exposition: Exposition,
    pub(crate) tally: Arc<Tally>,
    pub(crate) changes: Arc<Changes>,
}

impl Watch {
    /// A watch that begins with what the state has.
    pub(crate) async fn new(stub: &Stub, state: Option<StateDir>) -> Self {
        Self::of(stub, state, Sources::default()).await
    }

    /// A watch over these accounts.
    pub(crate) async fn of(stub: &Stub, state: Option<StateDir>, sources: Sources) -> Self {
        stub.cloud().set_now(Some(now()));
        let snapshots = Arc::new(Snapshots::default());
        for account in state.iter().flat_map(StateDir::load) {
            snapshots.publish(&account.id, Some(&account), None);
        }
        Self::over(stub, snapshots, Arc::default(), state, sources).await
    }

    /// The same exporter after a reload: another poller over what is known.
    pub(crate) async fn reloaded(self, sources: Sources) -> Self {
        Self::over(&self.stub, self.snapshots, self.changes, None, sources).await
    }

    async fn over(
        stub: &Stub,
        snapshots: Arc<Snapshots>,
        changes: Arc<Changes>,
        state: Option<StateDir>,
        sources: Sources,
    ) -> Self {
        let config = Config::parse(CONFIG).unwrap();
        let tally = Arc::new(Tally::default());
        let hubs = hubs(stub, &tally).await;
        let desk = desk(Policy::new(&config), &snapshots, state);
        let directory = Directory::new(hubs.clone(), sources, members(&snapshots), changes.clone());
        let poller = Poller::new(hubs, directory, desk, Lanes::new(16), changes.clone());
        let exposition = Exposition::new(snapshots.clone(), &config);
        Self { stub: stub.clone(), snapshots, poller, exposition, tally, changes }
    }

    /// Lets time pass, then polls once.
    pub(crate) async fn poll_after(&mut self, seconds: i64) {
        self.pass(seconds);
        self.poll().await;
    }

    pub(crate) fn pass(&self, seconds: i64) {
        NOW.set(now() + seconds);
        self.stub.cloud().set_now(Some(now()));
    }

    pub(crate) async fn poll(&mut self) {
        self.poller.step().await;
    }

    pub(crate) fn page(&self) -> String {
        whole(&self.exposition.page(now()))
    }

    /// Whether nothing is left to be asked user by user.
    pub(crate) fn is_complete(&self) -> bool {
        let fleet = self.snapshots.fleet();
        let mut accounts = fleet.accounts.values().filter_map(|state| state.account.as_ref());
        accounts.all(|account| !account.is_unfinished())
    }

    /// The poller, to be run, and the page, to be looked at meanwhile.
    pub(crate) fn halves(&mut self) -> (&mut Poller, Page<'_>) {
        (&mut self.poller, Page(&self.exposition))
    }

    /// What went wrong in the last poll, for people.
    pub(crate) fn errors(&self) -> Vec<String> {
        let fleet = self.snapshots.fleet();
        fleet.accounts.values().filter_map(|state| state.health.clone()).flat_map(|health| health.errors).collect()
    }

    /// The series of a family that has one per key, by key id: user name and value.
    pub(crate) fn keys(&self, family: &str) -> BTreeMap<String, (String, i64)> {
        let page = self.page();
        let lines = page.lines().filter(|line| line.split('{').next() == Some(family));
        lines.map(|line| (label(line, "access_key_id"), (label(line, "user_name"), value(line)))).collect()
    }

    /// The ids of the keys that the page calls overdue.
    pub(crate) fn overdue(&self) -> BTreeSet<String> {
        let due = self.keys("aws_iam_access_key_rotation_due_timestamp_seconds");
        due.into_iter().filter(|(_, (_, at))| *at <= now()).map(|(id, _)| id).collect()
    }

    /// The series of a family that has one per account.
    pub(crate) fn by_account(&self, family: &str) -> BTreeMap<String, f64> {
        let page = self.page();
        let lines = page.lines().filter(|line| line.split('{').next() == Some(family));
        lines.map(|line| (label(line, "account_id"), line.rsplit(' ').next().unwrap().parse().unwrap())).collect()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.value("aws_iam_account_up", "") == Some(1)
    }

    /// The value of the family's only series that has this text among its labels.
    pub(crate) fn value(&self, family: &str, with: &str) -> Option<i64> {
        let page = self.page();
        let is_meant = |line: &&str| line.split('{').next() == Some(family) && line.contains(with);
        page.lines().find(is_meant).map(value)
    }
}

/// What a scrape would see.
pub(crate) struct Page<'a>(&'a Exposition);

impl Page<'_> {
    /// How many keys the account counts as overdue, once that is known.
    pub(crate) fn overdue_count(&self) -> Option<usize> {
        let page = whole(&self.0.page(now()));
        let count = page.lines().find(|line| line.starts_with("aws_iam_account_access_keys_overdue{"))?;
        usize::try_from(value(count)).ok()
    }
}

async fn hubs(stub: &Stub, tally: &Arc<Tally>) -> Arc<Hubs> {
    let limits = CallLimits {
        requests_per_second: 5.0,
        attempt_timeout: Duration::from_secs(10),
        throttle_patience: Duration::from_mins(1),
    };
    Arc::new(Hubs { own: Hub::new(&sdk_config(stub).await, limits, tally.clone()), profiles: BTreeMap::new() })
}

fn desk(policy: Policy, snapshots: &Arc<Snapshots>, state: Option<StateDir>) -> Desk {
    let rhythm = Rhythm { interval: Duration::from_mins(5), poll_timeout: Duration::from_hours(1) };
    Desk { rhythm, policy, snapshots: snapshots.clone(), state, clock: Clock(now) }
}

/// Runs a test whose time stands still unless everybody waits.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    NOW.set(BEGIN);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

fn label(line: &str, name: &str) -> String {
    let start = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
    line[start..].split('"').next().unwrap().to_owned()
}

fn value(line: &str) -> i64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Configuration whose every request is answered by this stub.
async fn sdk_config(stub: &Stub) -> SdkConfig {
    let connector = SharedHttpConnector::new(Handover(stub.clone()));
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIAHUB", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url("http://stub.invalid")
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .load()
        .await
}

#[derive(Clone)]
struct Handover(Stub);

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handover")
    }
}

impl HttpConnector for Handover {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let stub = self.0.clone();
        HttpConnectorFuture::new(async move {
            let body = request.body().bytes().unwrap_or_default().to_vec();
            let method: Method = request.method().parse().expect("the SDK sends valid methods");
            let uri: Uri = request.uri().parse().expect("the SDK sends valid addresses");
            response(stub.answer(&method, &uri, &headers(&request), body.into()).await)
        })
    }
}

fn headers(request: &HttpRequest) -> HeaderMap {
    let pairs = request.headers().iter();
    pairs.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())).collect()
}

fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    if answer.ending != Ending::Whole {
        return Err(ConnectorError::io("the connection ended early".into()));
    }
    let status = StatusCode::try_from(answer.status).expect("the stub sends valid statuses");
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", answer.content_type);
    Ok(response)
}
