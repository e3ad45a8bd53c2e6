//! The way of a call through the stub: counted, faulted or throttled, performed, answered.

use std::time::Duration;

use crate::answer::{Answer, Ending, Outcome};
use crate::call::{Call, Service};
use crate::cloud::Cloud;
use crate::fault::{self, Fault};
use crate::ids;
use crate::refusal::Refusal;
use crate::{iam, organizations, parameters, secrets, sts};

/// What is decided when a call arrives.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) wait: Duration,
    verdict: Verdict,
}

#[derive(Debug)]
enum Verdict {
    Perform,
    Throttled,
    Faulted(Fault),
}

impl Cloud {
    /// Counts a call and decides what becomes of it.
    pub(crate) fn admit(&mut self, call: &Call) -> Admission {
        let account = self.caller_account(call);
        self.count(&account, &call.action);
        let within =
            call.service != Service::Iam || self.accounts.get_mut(&account).is_none_or(crate::Account::within_quota);
        let mut concerned = vec![account.as_str()];
        if call.action == "AssumeRole" {
            concerned.extend(call.destination());
        }
        let fault = fault::take(&mut self.rules, &concerned, &call.action);
        let mut wait = self.latency;
        let verdict = match fault {
            Some(Fault::Delay(more)) => {
                wait += more;
                if within { Verdict::Perform } else { Verdict::Throttled }
            }
            Some(fault) => Verdict::Faulted(fault),
            None if within => Verdict::Perform,
            None => Verdict::Throttled,
        };
        Admission { wait, verdict }
    }

    /// Answers an admitted call.
    pub(crate) fn settle(&mut self, call: &Call, admission: Admission) -> Answer {
        let id = ids::request_id(self.next_seed());
        match admission.verdict {
            Verdict::Perform => self.answer(call, None, &id),
            Verdict::Throttled => Answer::refused(call, &Refusal::throttled(), &id),
            Verdict::Faulted(fault) => self.spoil(call, &fault, &id),
        }
    }

    fn spoil(&mut self, call: &Call, fault: &Fault, id: &str) -> Answer {
        let caller = sts::identity(self, call).arn;
        if let Some(refusal) = fault.refusal(call.service, &caller, &call.action) {
            return Answer::refused(call, &refusal, id);
        }
        let (kind, broken) = match call.service {
            service if service.is_json() => (Service::JSON, "{\"Accounts\":[{\"Id\":".to_owned()),
            _ => (Service::XML, format!("<{0}Response><{0}Result><Users><member>", call.action)),
        };
        match fault {
            Fault::CutBody => self.answer(call, None, id).ending(Ending::CutBody),
            Fault::DropConnection => Answer::plain(200, kind, "", id).ending(Ending::DropConnection),
            Fault::MalformedXml => Answer::plain(200, kind, broken, id),
            Fault::EmptyBody => Answer::plain(200, kind, "", id),
            Fault::Report(content) => self.answer(call, Some(content), id),
            _ => self.answer(call, None, id),
        }
    }

    fn answer(&mut self, call: &Call, report: Option<&[u8]>, id: &str) -> Answer {
        match self.perform(call, report) {
            Ok(outcome) => Answer::of(call, outcome, id),
            Err(refusal) => Answer::refused(call, &refusal, id),
        }
    }

    fn perform(&mut self, call: &Call, report: Option<&[u8]>) -> Result<Outcome, Refusal> {
        let now = self.now();
        let json = call.service.is_json();
        if self.session(call).is_some_and(|session| session.expires <= now) {
            return Err(if json { fault::expired() } else { Refusal::expired_token() });
        }
        if call.key_id.as_ref().is_some_and(|key| self.refused_keys.contains(key)) {
            let message = "The security token included in the request is invalid.";
            return Err(Refusal::new(403, "InvalidClientTokenId", message));
        }
        match call.service {
            Service::Organizations => organizations::answer(self, call).map(Outcome::Json),
            Service::Secrets => secrets::answer(self, call).map(Outcome::Json),
            Service::Parameters => parameters::answer(self, call).map(Outcome::Json),
            Service::Sts => sts::answer(self, call).map(Outcome::Xml),
            Service::Iam => iam::answer(self, call, report).map(Outcome::Xml),
        }
    }
}
