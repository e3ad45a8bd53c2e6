"""Every key of an account: for those who own it."""

from parts import *

ACCOUNT = ('account_id=~"$account"', 'user_name=~"$user"')
DAY = 86400


def keys_table(at):
    info = f"topk by ({KEY}) (1, max by ({KEY}, status, usage, tag_owner) ({select('aws_iam_access_key_info', *ACCOUNT)}))"
    used = f"topk by ({KEY}) (1, max by ({KEY}, last_used_service, last_used_region) ({select('aws_iam_access_key_last_used_info', *ACCOUNT)}))"
    ago = f"time() - {per_key('aws_iam_access_key_last_used_timestamp_seconds', *ACCOUNT)}"
    left = f"{per_key('aws_iam_access_key_rotation_due_timestamp_seconds', *ACCOUNT, how='min')} - time()"
    exempt = f"{per_key('aws_iam_access_key_exempt_until_timestamp_seconds', *ACCOUNT)} - time()"
    return rows("Every key", "All access keys of the chosen accounts and users. A negative time until rotation means overdue.",
                [info, in_days(per_key("aws_iam_access_key_age_seconds", *ACCOUNT)), in_days(ago), in_days(left), used, in_days(exempt)], [
                    account(), ("user_name", "User"), ("access_key_id", "Access key", width(195)),
                    ("status", "Status", width(80), *words(Active=("Active", GOOD), Inactive=("Inactive", "text"))),
                    ("Value #B", "Age", *DAYS),
                    ("Value #D", "Rotate within", *DAYS, runbook("AWSIAMAccessKeyOverdue"), *painted("text", (-1e12, BAD), (0, WARNING), (14, GOOD))),
                    ("Value #F", "Exempt for", *DAYS),
                    ("usage", "Use", width(90), *words(used=("used", GOOD), never=("never", WARNING), unknown=("unknown", "text"))),
                    ("Value #C", "Last used", *DAYS),
                    ("last_used_service", "Service", width(110)), ("last_used_region", "Region", width(120)),
                    ("tag_owner", "Owner")],
                at, sort=("Age", True))


def two_keys(at):
    two = f"count by (account_id, user_name) ({per_key('aws_iam_access_key_active', *ACCOUNT)} == 1) >= 2"
    return rows("Users with two active keys", "A rotation that nobody finished, or two programs that share a user.", [two], [
        account(), ("user_name", "User"),
        ("Value", "Active keys", width(120), runbook("AWSIAMUserHasTwoActiveKeys"))], at, sort=("User", False))


def unused(at):
    active = f"{per_key('aws_iam_access_key_active', *ACCOUNT)} == 1"
    never = f"(time() - {per_key('aws_iam_access_key_created_timestamp_seconds', *ACCOUNT)}) and on ({KEY}) {per_key('aws_iam_access_key_info', *ACCOUNT, has('usage', 'never'))}"
    idle = f"((time() - {per_key('aws_iam_access_key_last_used_timestamp_seconds', *ACCOUNT)}) or ({never})) and on ({KEY}) {active}"
    return rows("Unused keys", "Active keys that nobody used for longer than the policy allows. One never used counts from its creation; unknown use does not count.",
                [in_days(f"({idle}) > {policy('max_idle')}")], [
                    account(), ("user_name", "User"), ("access_key_id", "Access key", width(195)),
                    ("Value", "Unused for", *DAYS, runbook("AWSIAMAccessKeyUnused"), *painted(WARNING))],
                at, sort=("Unused for", True))


def build():
    def age_of(data):
        return f"time() - min(max by (account_id) ({select('aws_iam_account_data_timestamp_seconds', ACCOUNT[0], has('data', data))}))"

    def counted(metric, *matchers):
        return or_zero(f"sum(max by (account_id) ({select(metric, ACCOUNT[0], *matchers)}))")

    red = steps(GOOD, (1, BAD))
    return frame("iam-key-exporter-account", "AWS access keys / Account", "Every access key of an account, and what is to be done about it.", [
        number("Overdue", "Active keys past their rotation date, of all users of the account.", counted("aws_iam_account_access_keys_overdue"), "short", red, (0, 0, 4, 4)),
        number("Active keys", "As counted by the last census.", counted("aws_iam_account_access_keys", 'status="Active"'), "short", None, (4, 0, 4, 4)),
        number("Inactive keys", "They can be made active again; delete those that nobody misses.", counted("aws_iam_account_access_keys", 'status="Inactive"'), "short", None, (8, 0, 4, 4)),
        number("Users", "With or without access keys.", counted("aws_iam_account_users"), "short", None, (12, 0, 4, 4)),
        number("Due keys read", "How long ago users with due keys were last read directly.", age_of("due_keys"), "s", steps(GOOD, (3600, WARNING), (7200, BAD)), (16, 0, 4, 4)),
        number("Census", "How long ago AWS last told of all keys. It makes a new report every four hours.", age_of("census"), "s", steps(GOOD, (6 * 3600, WARNING), (DAY, BAD)), (20, 0, 4, 4)),
        keys_table((0, 4, 24, 14)),
        two_keys((0, 18, 12, 8)),
        unused((12, 18, 12, 8)),
    ], [
        variable("account", "Account", 'label_values(aws_iam_account_up{job=~"$job", instance=~"$instance"}, account_id)'),
        variable("user", "User", 'label_values(aws_iam_access_key_info{job=~"$job", instance=~"$instance", account_id=~"$account"}, user_name)'),
    ])
