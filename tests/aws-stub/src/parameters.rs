//! Systems Manager: parameters and their versions.

use serde_json::{Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::refusal::Refusal;

/// A parameter; the last version is the current one.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// `String` or `SecureString`.
    pub kind: String,
    /// The key that encrypts it.
    pub key_id: Option<String>,
    /// From the first on.
    pub versions: Vec<Version>,
}

/// A version of a parameter.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// What it says.
    pub value: String,
    /// What it is called besides its number.
    pub labels: Vec<String>,
}

impl Parameter {
    /// A `SecureString` with one version.
    #[must_use]
    pub fn holding(value: &str) -> Self {
        let first = Version { value: value.to_owned(), labels: Vec::new() };
        Self { kind: "SecureString".to_owned(), key_id: None, versions: vec![first] }
    }

    /// The current value.
    #[must_use]
    pub fn value(&self) -> &str {
        self.versions.last().map_or("", |version| &version.value)
    }
}

pub(crate) fn answer(cloud: &mut Cloud, call: &Call) -> Result<Value, Refusal> {
    let account = cloud.caller_account(call);
    let document = call.document()?;
    let account = cloud.account(&account);
    if call.action == "DescribeParameters" {
        let wanted = document["ParameterFilters"][0]["Values"][0].as_str().unwrap_or_default();
        let found = account.parameters.get(wanted).map(|parameter| metadata(wanted, parameter));
        return Ok(json!({"Parameters": found.into_iter().collect::<Vec<_>>()}));
    }
    let name = document["Name"].as_str().unwrap_or_default();
    if call.action == "PutParameter" {
        let parameter = account.parameters.entry(name.to_owned()).or_insert_with(|| Parameter::holding(""));
        return Ok(put(parameter, document));
    }
    let (name, selector) = name.split_once(':').map_or((name, None), |(name, selector)| (name, Some(selector)));
    let Some(parameter) = account.parameters.get_mut(name) else { return Err(missing("ParameterNotFound")) };
    match call.action.as_str() {
        "GetParameter" => get(name, parameter, selector),
        "LabelParameterVersion" => Ok(label(parameter, document)),
        "DeleteParameter" => {
            account.parameters.remove(name);
            Ok(json!({}))
        }
        other => Err(Refusal::new(400, "UnknownOperationException", format!("There is no operation {other}."))),
    }
}

fn missing(code: &str) -> Refusal {
    Refusal::new(400, code, "")
}

fn metadata(name: &str, parameter: &Parameter) -> Value {
    json!({"Name": name, "Type": parameter.kind, "KeyId": parameter.key_id, "Version": parameter.versions.len()})
}

fn put(parameter: &mut Parameter, document: &Value) -> Value {
    let value = document["Value"].as_str().unwrap_or_default().to_owned();
    if parameter.versions.len() == 1 && parameter.value().is_empty() {
        parameter.versions.clear();
    }
    parameter.key_id = document["KeyId"].as_str().map(str::to_owned);
    parameter.versions.push(Version { value, labels: Vec::new() });
    json!({"Version": parameter.versions.len(), "Tier": "Standard"})
}

fn get(name: &str, parameter: &Parameter, selector: Option<&str>) -> Result<Value, Refusal> {
    let count = parameter.versions.len();
    let number = match selector {
        None => Some(count),
        Some(word) => word.parse().ok().or_else(|| {
            let has = |version: &Version| version.labels.iter().any(|label| label == word);
            parameter.versions.iter().position(has).map(|place| place + 1)
        }),
    };
    let found = number.and_then(|number| Some((number, parameter.versions.get(number.checked_sub(1)?)?)));
    let (number, version) = found.ok_or_else(|| missing("ParameterVersionNotFound"))?;
    Ok(json!({"Parameter": {"Name": name, "Type": parameter.kind, "Value": version.value, "Version": number}}))
}

fn label(parameter: &mut Parameter, document: &Value) -> Value {
    let word = document["Labels"][0].as_str().unwrap_or_default();
    let number = document["ParameterVersion"].as_u64().and_then(|number| usize::try_from(number).ok());
    parameter.versions.iter_mut().for_each(|version| version.labels.retain(|label| label != word));
    let place = number.unwrap_or(parameter.versions.len()).saturating_sub(1);
    if let Some(version) = parameter.versions.get_mut(place) {
        version.labels.push(word.to_owned());
    }
    json!({"InvalidLabels": [], "ParameterVersion": place + 1})
}
