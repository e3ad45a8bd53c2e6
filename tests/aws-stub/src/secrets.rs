//! Secrets Manager: secrets, their versions, and the stages of these.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::refusal::Refusal;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret: the value and the stages of each version.
#[derive(Debug, Clone, Default)]
pub struct Secret {
    versions: BTreeMap<String, (String, BTreeSet<String>)>,
}

impl Secret {
    /// A secret with one version, which is current.
    #[must_use]
    pub fn holding(value: &str) -> Self {
        let first = (value.to_owned(), BTreeSet::from([CURRENT.to_owned()]));
        Self { versions: BTreeMap::from([("00000000-0000-4000-8000-000000000001".to_owned(), first)]) }
    }

    /// The value of the version with this stage.
    #[must_use]
    pub fn value(&self, stage: &str) -> Option<&str> {
        self.versions.values().find(|(_, stages)| stages.contains(stage)).map(|(value, _)| value.as_str())
    }

    /// The values of all versions.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.versions.values().map(|(value, _)| value.as_str())
    }

    fn with(&self, stage: &str) -> Option<String> {
        self.versions.iter().find(|(_, (_, stages))| stages.contains(stage)).map(|(id, _)| id.clone())
    }

    fn move_stage(&mut self, stage: &str, to: Option<&str>) {
        let from = self.with(stage);
        self.versions.values_mut().for_each(|(_, stages)| {
            stages.remove(stage);
        });
        if let Some((_, stages)) = to.and_then(|to| self.versions.get_mut(to)) {
            stages.insert(stage.to_owned());
        }
        if let (CURRENT, Some(from)) = (stage, from.as_deref()) {
            self.move_stage(PREVIOUS, Some(from));
        }
    }
}

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Result<Value, Refusal> {
    let account = cloud.caller_account(call);
    let document = call.document()?;
    let name = text(document, "SecretId")?;
    let secret = cloud.account(&account).secrets.get_mut(name).ok_or_else(|| {
        Refusal::new(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    })?;
    match call.action.as_str() {
        "DescribeSecret" => Ok(describe(secret, name)),
        "GetSecretValue" => get(secret, name, document),
        "PutSecretValue" => put(secret, name, document),
        "UpdateSecretVersionStage" => update(secret, name, document),
        other => Err(Refusal::new(400, "UnknownOperationException", format!("There is no operation {other}."))),
    }
}

fn describe(secret: &Secret, name: &str) -> Value {
    let versions = secret.versions.iter().filter(|(_, (_, stages))| !stages.is_empty());
    let versions: BTreeMap<_, _> = versions.map(|(id, (_, stages))| (id, stages)).collect();
    json!({"ARN": arn(name), "Name": name, "VersionIdsToStages": versions})
}

fn get(secret: &Secret, name: &str, document: &Value) -> Result<Value, Refusal> {
    let stage = document["VersionStage"].as_str().unwrap_or(CURRENT);
    let id = document["VersionId"].as_str().map(str::to_owned).or_else(|| secret.with(stage));
    let found = id.and_then(|id| secret.versions.get(&id).map(|version| (id, version)));
    let (id, (value, stages)) = found.ok_or_else(|| {
        Refusal::new(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value.")
    })?;
    Ok(json!({"ARN": arn(name), "Name": name, "VersionId": id, "SecretString": value, "VersionStages": stages}))
}

fn put(secret: &mut Secret, name: &str, document: &Value) -> Result<Value, Refusal> {
    let (id, value) = (text(document, "ClientRequestToken")?, text(document, "SecretString")?);
    if !(32..=64).contains(&id.len()) {
        return Err(Refusal::new(
            400,
            "InvalidParameterException",
            "ClientRequestToken must be 32-64 characters long.",
        ));
    }
    let is_first = secret.versions.is_empty();
    match secret.versions.get(id) {
        Some((kept, _)) if kept != value => {
            let message = "You can't use ClientRequestToken because that value is already in use by another version.";
            return Err(Refusal::new(400, "ResourceExistsException", message));
        }
        Some(_) => {}
        None => {
            secret.versions.insert(id.to_owned(), (value.to_owned(), BTreeSet::new()));
        }
    }
    let stages: Vec<&str> =
        document["VersionStages"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut stages = if stages.is_empty() { vec![CURRENT] } else { stages };
    // API reference, PutSecretValue: the first version of a secret is the current one, whatever it is told.
    if is_first && !stages.contains(&CURRENT) {
        stages.push(CURRENT);
    }
    for stage in &stages {
        secret.move_stage(stage, Some(id));
    }
    Ok(json!({"ARN": arn(name), "Name": name, "VersionId": id, "VersionStages": stages}))
}

fn update(secret: &mut Secret, name: &str, document: &Value) -> Result<Value, Refusal> {
    let stage = text(document, "VersionStage")?;
    let (from, to) = (document["RemoveFromVersionId"].as_str(), document["MoveToVersionId"].as_str());
    let holder = secret.with(stage);
    if holder.is_some() && holder.as_deref() != from && holder.as_deref() != to {
        let message = format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to another version."
        );
        return Err(Refusal::new(400, "InvalidParameterException", message));
    }
    if stage == CURRENT && to.is_none() {
        return Err(Refusal::new(400, "InvalidParameterException", "You can't remove AWSCURRENT, only move it."));
    }
    if to.is_some_and(|to| !secret.versions.contains_key(to)) {
        return Err(Refusal::new(400, "ResourceNotFoundException", "There is no such version."));
    }
    if holder.as_deref() != to {
        secret.move_stage(stage, to);
    }
    Ok(json!({"ARN": arn(name), "Name": name}))
}

fn text<'a>(document: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    let refusal = || Refusal::new(400, "InvalidParameterException", format!("{field} is missing."));
    document[field].as_str().ok_or_else(refusal)
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:111122223333:secret:{name}-AbCdEf")
}
