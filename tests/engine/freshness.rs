//! The data is as old as AWS's word for it, and not as our question.

use aws_stub::{Fault, Stub};

use crate::in_process::{ACCOUNT, DAY, POLL, Watch, now, run};

const HOUR: i64 = 3_600;

fn data_of(watch: &Watch, data: &str) -> Option<i64> {
    watch.value("aws_iam_account_data_timestamp_seconds", data)
}

#[test]
fn a_report_that_was_made_before_we_asked_is_as_old_as_it_is() {
    run(async {
        let stub = Stub::unbound();
        stub.cloud().account(ACCOUNT).user("ci").key("AKIAOLD", now() - 100 * DAY);
        let mut first = Watch::new(&stub, None).await;
        first.poll().await;
        let made = now();
        assert_eq!(data_of(&first, "census"), Some(made));
        first.pass(HOUR);
        let mut second = Watch::new(&stub, None).await;
        second.poll().await;
        assert_eq!(data_of(&second, "census"), Some(made), "AWS keeps a report for four hours");
        assert_eq!(data_of(&second, "due_keys"), Some(made + HOUR), "due keys are read directly");
    });
}

#[test]
fn due_keys_that_could_not_be_read_are_as_old_as_when_they_were() {
    run(async {
        let stub = Stub::unbound();
        stub.cloud().account(ACCOUNT).user("ci").key("AKIAOLD", now() - 100 * DAY);
        let mut watch = Watch::new(&stub, None).await;
        watch.poll().await;
        let read = now();
        stub.cloud().fault("ListAccessKeys", Fault::ServiceFailure);
        watch.poll_after(POLL).await;
        assert_eq!(data_of(&watch, "due_keys"), Some(read));
        stub.cloud().clear_faults();
        watch.poll_after(POLL).await;
        assert_eq!(data_of(&watch, "due_keys"), Some(read + 2 * POLL));
    });
}
