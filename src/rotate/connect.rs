//! From the command line to a line to the account, and who we are there.

use std::{sync::Arc, time::Duration};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_secretsmanager::config::Region;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;

use super::{
    cli::Reach,
    iam::Line,
    sink::{Command, File, Parameter, SecretsManager, Sink, SinkSpec},
};
use crate::aws::{self, CallError, CallLimits, Caller, ConnectError, Session, Tally};

const PROGRAM: &str = "iam-key-rotate";

/// How long one call may go on being throttled.
const THROTTLE_PATIENCE: Duration = Duration::from_mins(1);

/// An account that can be changed.
#[derive(Debug)]
pub(super) struct Site {
    config: SdkConfig,
    pub(super) line: Line,
    pub(super) actor: Caller,
    /// The key that requests are signed with.
    pub(super) own_key: Option<String>,
}

/// Why the account cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum SiteError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Site {
    pub(super) async fn connect(reach: &Reach) -> Result<Self, SiteError> {
        let config = configuration(reach).await?;
        let (iam, sts) = aws::query_clients(&config);
        let limits = CallLimits {
            requests_per_second: reach.requests_per_second,
            attempt_timeout: reach.attempt_timeout,
            throttle_patience: THROTTLE_PATIENCE,
        };
        let session = |account: Arc<str>| Session::new(account, iam.clone(), Arc::new(Tally::default()), limits);
        let send = || sts.get_caller_identity().send();
        let read = |answer: GetCallerIdentityOutput| aws::caller(answer.arn(), answer.account());
        let actor = session("unknown".into()).call("GetCallerIdentity", "", send, read).await?;
        let session = Arc::new(session(actor.account.clone()));
        let own_key = own_key(&config).await;
        Ok(Self { config, line: Line { session, sts }, actor, own_key })
    }

    /// The sink of this name in this account.
    pub(super) fn sink(&self, spec: &SinkSpec, limit: Duration) -> Sink {
        let line = self.line.clone();
        match spec {
            SinkSpec::SecretsManager(name) => {
                let config = self.near(name);
                let client = aws_sdk_secretsmanager::Client::new(&config);
                Sink::SecretsManager(SecretsManager::new(line, client, name.clone()))
            }
            SinkSpec::Parameter(name) => {
                let client = aws_sdk_ssm::Client::new(&self.near(name));
                Sink::Parameter(Parameter::new(line, client, name.clone()))
            }
            SinkSpec::File(path) => Sink::File(File::new(path.clone())),
            SinkSpec::Command(command) => Sink::Command(Command::new(command.clone(), limit)),
        }
    }

    /// An ARN says in which region its thing is.
    fn near(&self, name: &str) -> SdkConfig {
        let region = name.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2)).filter(|part| !part.is_empty());
        match region {
            Some(region) => self.config.to_builder().region(Region::new(region.to_owned())).build(),
            None => self.config.clone(),
        }
    }
}

async fn configuration(reach: &Reach) -> Result<SdkConfig, ConnectError> {
    let config = aws::load(PROGRAM, reach.profile.as_deref()).await;
    let config = match &reach.region {
        Some(region) => config.into_builder().region(Region::new(region.clone())).build(),
        None => config,
    };
    aws::check(&config).await?;
    let Some(role) = &reach.role_arn else { return Ok(config) };
    let provider = AssumeRoleProvider::builder(role).configure(&config).session_name(PROGRAM);
    let provider = match &reach.external_id {
        Some(id) => provider.external_id(id),
        None => provider,
    };
    let provider = SharedCredentialsProvider::new(provider.build().await);
    Ok(config.into_builder().credentials_provider(provider).build())
}

async fn own_key(config: &SdkConfig) -> Option<String> {
    let credentials = config.credentials_provider()?.provide_credentials().await.ok()?;
    Some(credentials.access_key_id().to_owned())
}
