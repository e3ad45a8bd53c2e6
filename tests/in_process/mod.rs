//! The real SDK on the stub, without a socket: requests are handed over as values.

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

/// Configuration whose every request is answered by this stub.
pub(crate) async fn sdk_config(stub: &Stub) -> SdkConfig {
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
