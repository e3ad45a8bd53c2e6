//! Having the credential report made, and getting it.

use aws_sdk_iam::{
    operation::{
        generate_credential_report::GenerateCredentialReportOutput, get_credential_report::GetCredentialReportOutput,
    },
    types::ReportStateType,
};

use crate::{
    aws::{Attempt, CallError, Session},
    collect::report::{self, Report},
    inventory::Timestamp,
};

/// A report, and when AWS made it.
pub(in crate::collect) struct ReportAnswer {
    pub(in crate::collect) report: Report,
    pub(in crate::collect) generated_at: Timestamp,
}

/// Asks AWS to make a report; true once there is one.
pub(in crate::collect) async fn ask_for_report(session: &Session) -> Attempt<bool> {
    let request = session.iam().generate_credential_report();
    let read = |answer: GenerateCredentialReportOutput| match answer.state {
        Some(ReportStateType::Complete) => Ok(true),
        Some(ReportStateType::Started | ReportStateType::Inprogress) => Ok(false),
        other => Err(CallError::invalid("GenerateCredentialReport", "", format!("the state {other:?}"))),
    };
    session.call("GenerateCredentialReport", "", || session.signed(request.clone().customize()).send(), read).await
}

/// The report that AWS has; `None` where it is still being made.
pub(in crate::collect) async fn get_report(session: &Session) -> Attempt<Option<ReportAnswer>> {
    let request = session.iam().get_credential_report();
    match session.call("GetCredentialReport", "", || session.signed(request.clone().customize()).send(), answer).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_being_made(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_being_made(error: &CallError) -> bool {
    let codes = ["ReportInProgress", "ReportNotPresent", "ReportExpired"];
    error.code.as_deref().is_some_and(|code| codes.contains(&code))
}

fn answer(answer: GetCredentialReportOutput) -> Attempt<ReportAnswer> {
    const OPERATION: &str = "GetCredentialReport";
    let content = answer.content.ok_or_else(|| CallError::invalid(OPERATION, "", "an answer without Content"))?;
    let generated = answer.generated_time.map(|time| time.secs()).filter(|seconds| *seconds > 0);
    let generated_at = generated.ok_or_else(|| CallError::invalid(OPERATION, "", "an answer without GeneratedTime"))?;
    let report = report::parse(content.as_ref()).map_err(|error| CallError::unreadable(OPERATION, error))?;
    Ok(ReportAnswer { report, generated_at })
}
