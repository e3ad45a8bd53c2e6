//! A request, read: which service, which action, with what, by whom.

use hyper::{HeaderMap, Uri};
use serde_json::Value;

use crate::refusal::Refusal;

const STS_VERSION: &str = "2011-06-15";

/// The services, told apart by the version or the target header of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Iam,
    Sts,
    Organizations,
    Secrets,
    Parameters,
}

impl Service {
    pub(crate) const XML: &'static str = "text/xml";
    pub(crate) const JSON: &'static str = "application/x-amz-json-1.1";

    /// Whether it speaks JSON instead of forms and XML.
    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Organizations | Self::Secrets | Self::Parameters)
    }

    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            _ => "https://iam.amazonaws.com/doc/2010-05-08/",
        }
    }
}

/// A call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) key_id: Option<String>,
    fields: Vec<(String, String)>,
    json: Option<Value>,
}

impl Call {
    pub(crate) fn read(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let key_id = signer(headers);
        if let Some((service, action)) = target(headers) {
            let json = serde_json::from_slice(body).ok();
            return Self { service, action, key_id, fields: Vec::new(), json };
        }
        let query = uri.query().unwrap_or_default().as_bytes();
        let parsed = form_urlencoded::parse(query).chain(form_urlencoded::parse(body));
        let fields: Vec<_> = parsed.map(|(name, value)| (name.into(), value.into())).collect();
        let mut call = Self { service: Service::Iam, action: String::new(), key_id, fields, json: None };
        call.action = call.get("Action").unwrap_or_default().to_owned();
        if call.version() == STS_VERSION {
            call.service = Service::Sts;
        }
        call
    }

    pub(crate) fn version(&self) -> &str {
        self.get("Version").unwrap_or_default()
    }

    /// A form field, if it is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A form field that must be there.
    pub(crate) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::constraint("null", &member(name), "not be null"))
    }

    /// A number within limits.
    pub(crate) fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let quoted = format!("'{text}'");
        let refuse = |limit: String| Err(Refusal::constraint(&quoted, &member(name), &limit));
        match text.parse::<i64>() {
            Ok(number) if number < least => refuse(format!("have value greater than or equal to {least}")),
            Ok(number) if number > most => refuse(format!("have value less than or equal to {most}")),
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Refusal::new(400, "MalformedInput", format!("{name} is no number"))),
        }
    }

    /// `Filter.member.1`, `Filter.member.2`, … with an ending such as `.Key`.
    pub(crate) fn members(&self, list: &str, ending: &str) -> Vec<&str> {
        let name = |number| format!("{list}.member.{number}{ending}");
        let field = |name: String| {
            let found = self.fields.iter().find(|(field, _)| *field == name);
            found.map(|(_, value)| value.as_str())
        };
        (1..).map_while(|number| field(name(number))).collect()
    }

    /// The JSON document of a call.
    pub(crate) fn document(&self) -> Result<&Value, Refusal> {
        let refusal = || Refusal::new(400, "SerializationException", "The body is not JSON.");
        self.json.as_ref().ok_or_else(refusal)
    }

    /// The account that `AssumeRole` wants to go to.
    pub(crate) fn destination(&self) -> Option<&str> {
        self.get("RoleArn")?.split(':').nth(4)
    }
}

/// The access key id in `Authorization: AWS4-HMAC-SHA256 Credential=AKID/date/region/…`.
fn signer(headers: &HeaderMap) -> Option<String> {
    let line = headers.get("authorization")?.to_str().ok()?;
    let (_, credential) = line.split_once("Credential=")?;
    let (id, _) = credential.split_once('/')?;
    Some(id.to_owned())
}

/// The service and the action in `X-Amz-Target: AWSOrganizationsV20161128.ListAccounts`.
fn target(headers: &HeaderMap) -> Option<(Service, String)> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    let (service, action) = target.rsplit_once('.')?;
    let service = match service {
        "secretsmanager" => Service::Secrets,
        "AmazonSSM" => Service::Parameters,
        _ => Service::Organizations,
    };
    Some((service, action.to_owned()))
}

/// `UserName` is called `userName` in validation messages.
fn member(field: &str) -> String {
    let mut letters = field.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Call {
        let mut headers = HeaderMap::new();
        let line = "AWS4-HMAC-SHA256 Credential=AKIAX/20260911/us-east-1/iam/aws4_request, Sig";
        headers.insert("authorization", line.parse().unwrap());
        Call::read(&Uri::from_static("/"), &headers, body.as_bytes())
    }

    #[test]
    fn a_form_becomes_a_call() {
        let call = read("Action=ListUsers&Version=2010-05-08&PathPrefix=%2Fci%2F&Marker=");
        assert_eq!((call.service, call.action.as_str()), (Service::Iam, "ListUsers"));
        assert_eq!(call.key_id.as_deref(), Some("AKIAX"));
        assert_eq!(call.get("PathPrefix"), Some("/ci/"));
        assert_eq!(call.get("Marker"), None);
        assert_eq!(read("Action=AssumeRole&Version=2011-06-15").service, Service::Sts);
    }

    #[test]
    fn numbered_members_end_at_the_first_gap() {
        let call = read("Filter.member.1=User&Filter.member.2=Role&Filter.member.4=Group");
        assert_eq!(call.members("Filter", ""), ["User", "Role"]);
    }

    #[test]
    fn a_missing_field_is_named_as_aws_names_it() {
        let refusal = read("Action=X").require("UserName").unwrap_err();
        assert!(refusal.message.contains("Value null at 'userName'"), "{}", refusal.message);
    }
}
