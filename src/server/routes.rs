//! One request in, one answer out.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, VARY},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinError,
};
use tracing::{debug, error};

use super::{
    Site, encoding,
    page::{PLAIN, Page, answer, text},
};

pub(super) const HEALTHY: &str = "/-/healthy";
pub(super) const READY: &str = "/-/ready";
const RELOAD: &str = "/-/reload";

/// Prometheus 3 fails a scrape whose type it does not know; `escaping` as Go exporters say it.
const EXPOSITION: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// How many status pages are made at once; others wait. People must not crowd out scrapes.
const READERS: usize = 2;

/// The map of the site, and how many scrapes of it may run at once.
pub(super) struct Routes {
    site: Arc<dyn Site>,
    telemetry_path: String,
    slots: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    page_policy: HeaderValue,
}

#[derive(Clone, Copy)]
enum Route {
    Metrics,
    StatusPage,
    Healthy,
    Ready,
    Reload,
}

impl Route {
    fn methods(self) -> &'static [Method] {
        match self {
            Self::Reload => &[Method::POST, Method::PUT],
            _ => &[Method::GET, Method::HEAD],
        }
    }
}

/// Whether requests for this path can come and would not be meant for something else.
pub(super) fn is_free_path(path: &str) -> bool {
    let is_plain = path.parse::<Uri>().is_ok_and(|uri| uri.path() == path);
    path.starts_with('/') && is_plain && ![HEALTHY, READY, RELOAD].contains(&path)
}

impl Routes {
    pub(super) fn new(site: Arc<dyn Site>, telemetry_path: String, max_requests: usize) -> Self {
        let slots = match max_requests {
            0 => Semaphore::MAX_PERMITS,
            limit => limit.min(Semaphore::MAX_PERMITS),
        };
        let [slots, readers] = [slots, READERS].map(|places| Arc::new(Semaphore::new(places)));
        let page_policy = nothing_but_style(site.style());
        Self { site, telemetry_path, slots, readers, page_policy }
    }

    pub(super) async fn answer<B>(&self, request: Request<B>) -> Response<Page> {
        let Some(route) = self.route(request.uri().path()) else {
            return text(StatusCode::NOT_FOUND, "There is nothing here.\n");
        };
        if !route.methods().contains(request.method()) {
            return method_not_allowed(route.methods());
        }
        match route {
            Route::Metrics => self.metrics(request.headers()).await,
            Route::StatusPage => self.status_page(request.uri().query().unwrap_or_default()).await,
            Route::Healthy => text(StatusCode::OK, "Healthy\n"),
            Route::Ready => self.readiness(),
            Route::Reload => self.reload().await,
        }
    }

    fn route(&self, path: &str) -> Option<Route> {
        match path {
            path if path == self.telemetry_path => Some(Route::Metrics),
            "/" => Some(Route::StatusPage),
            HEALTHY => Some(Route::Healthy),
            READY => Some(Route::Ready),
            RELOAD => Some(Route::Reload),
            _ => None,
        }
    }

    async fn metrics(&self, headers: &HeaderMap) -> Response<Page> {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "Too many scrapes at once; try again later.\n");
        };
        let (site, in_gzip) = (self.site.clone(), encoding::takes_gzip(headers));
        // The slot goes along: a client that hangs up must not make room while its page is still being made.
        let making = tokio::task::spawn_blocking(move || (exposition(&*site, in_gzip), slot));
        making.await.map_or_else(|cause| not_made(&cause), |(parts, slot)| scrape(parts, in_gzip, slot))
    }

    async fn status_page(&self, query: &str) -> Response<Page> {
        let (site, query) = (self.site.clone(), query.to_owned());
        let reader = self.readers.clone().acquire_owned().await.expect("it is never closed");
        let making = tokio::task::spawn_blocking(move || (site.status_page(&query, now()), reader));
        making.await.map_or_else(|cause| not_made(&cause), |(html, _)| self.page_for_people(html))
    }

    fn page_for_people(&self, html: String) -> Response<Page> {
        let mut response = answer(StatusCode::OK, HTML, vec![html.into()]);
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, self.page_policy.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    async fn reload(&self) -> Response<Page> {
        match self.site.reload().await {
            Ok(()) => text(StatusCode::OK, "The configuration was read again and is in use.\n"),
            Err(why) => {
                let told = format!("The configuration was refused, the one in use stays: {why}\n");
                answer(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, vec![told.into()])
            }
        }
    }

    fn readiness(&self) -> Response<Page> {
        if self.site.is_ready() {
            return text(StatusCode::OK, "Ready\n");
        }
        text(StatusCode::SERVICE_UNAVAILABLE, "Not ready: there is nothing to scrape yet.\n")
    }
}

/// Names on the page are chosen by others: should one slip through as markup, it can load and run
/// nothing, send nothing anywhere, and style nothing.
fn nothing_but_style(style: &str) -> HeaderValue {
    let digest = BASE64_STANDARD.encode(digest(&SHA256, style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    policy.try_into().expect("a digest in base64 is ASCII")
}

fn exposition(site: &dyn Site, in_gzip: bool) -> Vec<Bytes> {
    let began = Instant::now();
    let parts = site.metrics(now());
    let parts = if in_gzip { encoding::gzip(&parts) } else { parts.iter().map(|part| part.text().clone()).collect() };
    debug!(seconds = began.elapsed().as_secs_f64(), in_gzip, "scrape rendered");
    parts
}

fn scrape(parts: Vec<Bytes>, in_gzip: bool, slot: OwnedSemaphorePermit) -> Response<Page> {
    let mut response = answer(StatusCode::OK, EXPOSITION, parts).map(|page| page.holding(slot));
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if in_gzip {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn not_made(cause: &JoinError) -> Response<Page> {
    error!(%cause, "a page could not be made");
    text(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the log says why.\n")
}

fn method_not_allowed(allowed: &[Method]) -> Response<Page> {
    let allowed = allowed.iter().map(Method::as_str).collect::<Vec<_>>();
    let told = format!("Only {} are answered here.\n", allowed.join(" and "));
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, PLAIN, vec![told.into()]);
    response.headers_mut().insert(ALLOW, allowed.join(", ").try_into().expect("names of methods"));
    response
}

#[expect(clippy::disallowed_methods, reason = "the moment of a request: ages are computed for it")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::is_free_path;

    #[test]
    fn the_telemetry_path_is_one_that_a_request_can_have() {
        for path in ["/metrics", "/", "/a/b-c_d"] {
            assert!(is_free_path(path), "{path}");
        }
        for path in ["", "metrics", "/metrics?x=1", "/a#b", "/a b", "/-/ready", "/-/healthy", "*", "http://a/b"] {
            assert!(!is_free_path(path), "{path}");
        }
    }
}
