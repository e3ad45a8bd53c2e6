//! From the ambient credential chain to clients, and whose credentials they are.

use std::{sync::Arc, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, ConfigLoader, SdkConfig, profile::ProfileFileCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError};

use super::{
    error::CallError,
    login::Login,
    session::{Attempt, CallLimits, Session},
    tally::Tally,
    whole::WholeAnswers,
};
use crate::{
    causes,
    config::{Role, is_account_id},
};

/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What cannot heal by waiting.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// IAM is global, but the region chooses the partition and signs the requests.
    #[error(
        "no AWS region: looked at AWS_REGION, AWS_DEFAULT_REGION, the profile and the instance metadata; \
         set AWS_REGION, for example AWS_REGION=us-east-1 (any region of the partition will do)"
    )]
    NoRegion,
    /// No source of credentials is set up at all.
    #[error(
        "no AWS credentials: looked at the environment (AWS_ACCESS_KEY_ID …), the profile in ~/.aws, \
         web identity (AWS_WEB_IDENTITY_TOKEN_FILE), the container and the instance metadata; set up one of them"
    )]
    NoCredentials(#[source] CredentialsError),
    /// A source is set up, and wrong.
    #[error("the AWS credentials configuration is not valid")]
    InvalidCredentials(#[source] CredentialsError),
}

/// What to do where no credentials are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// It is a mistake of whoever set it up.
    Refuse,
    /// Something is known that must not be lost; each call looks for credentials anew.
    GoOn,
}

/// Who the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: Arc<str>,
    /// Who it is there.
    pub arn: Arc<str>,
    /// From the ARN.
    pub partition: Arc<str>,
}

/// The clients that the ambient credentials give.
#[derive(Clone, Debug)]
pub struct Hub {
    iam: aws_sdk_iam::Client,
    organizations: aws_sdk_organizations::Client,
    sts: aws_sdk_sts::Client,
    tally: Arc<Tally>,
    limits: CallLimits,
    region: Arc<str>,
}

impl Hub {
    /// Builds the clients from this profile, or from the ambient credential chain. What may heal by waiting is left to the first call.
    ///
    /// # Errors
    /// When no region is set up, or no credentials and that is not to be endured.
    pub async fn connect(
        profile: Option<&str>,
        without: Without,
        limits: CallLimits,
        tally: Arc<Tally>,
    ) -> Result<Self, ConnectError> {
        let config = load("iam-key-exporter", profile).await;
        match check(&config).await {
            Err(error @ ConnectError::NoCredentials(_)) if without == Without::GoOn => {
                tracing::warn!(profile, error = causes::on_one_line(&error), "going on with what is known");
            }
            checked => checked?,
        }
        Ok(Self::new(&config, limits, tally))
    }

    /// Clients of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, limits: CallLimits, tally: Arc<Tally>) -> Self {
        let (iam, sts) = query_clients(config);
        let organizations = aws_sdk_organizations::Client::new(config);
        let region = config.region().map_or("", |region| region.as_ref()).into();
        Self { iam, organizations, sts, tally, limits, region }
    }

    /// The region that requests are signed for.
    #[must_use]
    pub fn region(&self) -> &Arc<str> {
        &self.region
    }

    /// A line to this account with the hub's own credentials.
    #[must_use]
    pub fn session(&self, account: &Arc<str>) -> Session {
        Session::new(account.clone(), self.iam.clone(), self.tally.clone(), self.limits)
    }

    /// A line to another account, through a role in it.
    #[must_use]
    pub fn session_in(&self, role: &Role) -> Session {
        self.session(&role.arn.account).with_login(Login::new(role.clone(), self.sts.clone()))
    }

    pub(super) fn organizations(&self) -> &aws_sdk_organizations::Client {
        &self.organizations
    }

    /// Asks STS whose credentials these are; needs no permission.
    ///
    /// # Errors
    /// When STS does not answer, or with something that is not an account.
    pub async fn identify(&self, unknown: &Arc<str>) -> Attempt<Caller> {
        let session = self.session(unknown);
        let send = || self.sts.get_caller_identity().send();
        session.call("GetCallerIdentity", "", send, |answer| caller(answer.arn(), answer.account())).await
    }
}

/// Clients of the services whose answers are XML, which must be whole.
pub(crate) fn query_clients(config: &SdkConfig) -> (aws_sdk_iam::Client, aws_sdk_sts::Client) {
    let iam = aws_sdk_iam::config::Builder::from(config).interceptor(WholeAnswers).build();
    let sts = aws_sdk_sts::config::Builder::from(config).interceptor(WholeAnswers).build();
    (aws_sdk_iam::Client::from_conf(iam), aws_sdk_sts::Client::from_conf(sts))
}

/// The ambient configuration, or that of a profile, under the name of this program.
pub(crate) async fn load(program: &'static str, profile: Option<&str>) -> SdkConfig {
    // Each attempt is ours to pace, count and repeat: the SDK's retry quota is shared by
    // all clients of the process, so one throttled account would starve the others.
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    let loader = profile.into_iter().fold(loader, with_profile);
    loader
        .app_name(AppName::new(program).expect("the name has only allowed characters"))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .load()
        .await
}

/// The environment's credentials must not win over a profile that was asked for by name.
fn with_profile(loader: ConfigLoader, profile: &str) -> ConfigLoader {
    let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
    loader.profile_name(profile).credentials_provider(credentials)
}

/// Whether a region and any credentials are set up.
pub(crate) async fn check(config: &SdkConfig) -> Result<(), ConnectError> {
    if config.region().is_none() {
        return Err(ConnectError::NoRegion);
    }
    let Some(provider) = config.credentials_provider() else {
        return Err(ConnectError::NoCredentials(CredentialsError::not_loaded_no_source()));
    };
    match provider.provide_credentials().await {
        Err(e @ CredentialsError::CredentialsNotLoaded(_)) => Err(ConnectError::NoCredentials(e)),
        Err(e @ CredentialsError::InvalidConfiguration(_)) => Err(ConnectError::InvalidCredentials(e)),
        _ => Ok(()),
    }
}

/// Who that is, as STS tells it.
pub(crate) fn caller(arn: Option<&str>, account: Option<&str>) -> Attempt<Caller> {
    let with_partition = arn.and_then(|arn| Some((arn, arn.split(':').nth(1)?)));
    match (with_partition, account) {
        (Some((arn, partition)), Some(account)) if is_account_id(account) => {
            Ok(Caller { account: account.into(), arn: arn.into(), partition: partition.into() })
        }
        _ => Err(CallError::invalid(
            "GetCallerIdentity",
            "",
            format!("expected an ARN and an account of twelve digits, found {arn:?} and {account:?}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_read_from_the_arn_of_any_partition() {
        let arn = "arn:aws-us-gov:sts::111122223333:assumed-role/exporter/i-1";
        let caller = caller(Some(arn), Some("111122223333")).unwrap();
        assert_eq!(&*caller.partition, "aws-us-gov");
    }

    #[test]
    fn an_account_that_is_not_twelve_digits_is_refused() {
        for account in [None, Some(""), Some("1111"), Some("11112222333x")] {
            assert!(caller(Some("arn:aws:iam::1:root"), account).is_err(), "{account:?}");
        }
    }
}
