"""How the whole fleet stands: for those who want to know whether there is anything to do."""

from grafana_foundation_sdk.builders import bargauge

from parts import *

CREATED = "aws_iam_access_key_created_timestamp_seconds"
AGE = "aws_iam_access_key_age_seconds"
ACTIVE = "aws_iam_access_key_active"
DUE = "aws_iam_access_key_rotation_due_timestamp_seconds"
EXEMPT = "aws_iam_access_key_exempt_until_timestamp_seconds"
DAY = 86400


def active_age():
    return f"{per_key(AGE)} and on ({KEY}) {per_key(ACTIVE)} == 1"


def ages():
    """Active keys by age, a column for each range of days."""
    bounds = [("0–30", 0, 30), ("30–60", 30, 60), ("60–90", 60, 90),
              ("90–180", 90, 180), ("180–365", 180, 365), ("365 +", 365, 100000)]
    return [(or_zero(f"count(({active_age()}) >= {low * DAY} < {high * DAY})"), name) for name, low, high in bounds]


def age_bars(at):
    panel = (
        bargauge.Panel()
        .title("Active keys by age in days")
        .description("How many active keys are how old. A key past 90 days is not necessarily overdue: it may be exempt or have an age of its own.")
        .unit("short").min(0)
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(steps(GOOD))
    )
    for ref, (expr, name) in zip("ABCDEF", ages()):
        panel = panel.with_target(prometheus.Dataquery().expr(expr).ref_id(ref).legend_format(name).datasource(SOURCE).instant())
    return place(panel, *at)


def due_table(at):
    due = per_key(DUE, how="min")
    soon = with_owner(f"({due} - time()) > 0 and ({due} - time()) < {policy('warn_before')}")
    return rows("Keys due soon", "Active keys that must be rotated within the warning time of the policy, the next one first.",
                [in_days(soon)], [
                    ("Value", "Due in", *DAYS, runbook("AWSIAMAccessKeyDueSoon"), *painted(BAD, (3, WARNING), (7, GOOD))),
                    account(to_account()), ("user_name", "User"),
                    ("access_key_id", "Access key", width(195)), ("tag_owner", "Owner")],
                at, sort=("Due in", False))


def overdue_table(at):
    due = per_key(DUE, how="min")
    late = with_owner(f"(time() - {due}) >= 0")
    return rows("Overdue keys", "Active keys past their rotation date, the longest overdue first. Each of them has paged somebody.",
                [in_days(late)], [
                    ("Value", "Overdue for", *DAYS, runbook("AWSIAMAccessKeyOverdue"), *painted(BAD)),
                    account(to_account()), ("user_name", "User"),
                    ("access_key_id", "Access key", width(195)), ("tag_owner", "Owner")],
                at, sort=("Overdue for", True))


def exemptions_table(at):
    left = with_owner(f"{per_key(EXEMPT)} - time() > 0")
    return rows("Exemptions, the next to end first", "Keys that need not be rotated for now. When the exemption ends they are held to their age again.",
                [in_days(left)], [
                    ("Value", "Ends in", *DAYS, runbook("AWSIAMExemptionEndsSoon"), *painted(WARNING, (14, GOOD))),
                    account(to_account()), ("user_name", "User"),
                    ("access_key_id", "Access key", width(195)), ("tag_owner", "Owner")],
                at, sort=("Ends in", False))


def worst_accounts(at):
    overdue = f"topk(20, max by (account_id) ({select('aws_iam_account_access_keys_overdue')}) > 0)"
    names = f"* on (account_id) group_left (account_name) topk by (account_id) (1, max by (account_id, account_name) ({select('aws_iam_account_info')}))"
    return rows("Accounts with the most overdue keys", "The twenty worst accounts.", [f"{overdue} {names}"], [
        account(to_account()), ("account_name", "Name"),
        ("Value", "Overdue keys", width(130), *painted(BAD))],
        at, sort=("Overdue keys", True))


def failing_accounts(at):
    failing = f"min by (account_id) ({select('aws_iam_account_up')}) == 0"
    ago = f"(time() - max by (account_id) ({select('aws_iam_account_data_timestamp_seconds', has('data', 'due_keys'))})) and on (account_id) {failing}"
    return rows("Accounts that cannot be read", "What is shown of these is as last known: known keys are watched, new and rotated ones are not noticed. Of one that was never read nothing is known.",
                [failing, ago], [
                    account(to_account()),
                    ("Value #B", "Last read", unit("dtdurations"), runbook("AWSIAMAccountCollectionFailing"), *painted(BAD))],
                at, sort=("Last read", True))


def build():
    active = f"count({per_key(ACTIVE)} == 1)"
    overdue = f"count({per_key(DUE, how='min')} <= time())"
    held = f"count({per_key(DUE, how='min')} or {per_key(EXEMPT)})"
    due = per_key(DUE, how="min")
    soon = f"count(({due} - time()) > 0 and ({due} - time()) < {policy('warn_before')})"
    down = f"count(min by (account_id) ({select('aws_iam_account_up')}) == 0)"
    root = f"sum(max by (account_id) ({select('aws_iam_account_root_access_keys')}))"
    red = steps(GOOD, (1, BAD))
    return frame("iam-key-exporter-fleet", "AWS access keys / Fleet", "Whether any AWS access key is too old, and which is next.", [
        number("Within policy", "Share of active keys that are not past their rotation date. Exempt keys count as within.",
               f"1 - ({or_zero(overdue)}) / ({held} > 0) or 1 + 0 * count({READ})", "percentunit", steps(BAD, (0.95, WARNING), (1, GOOD)), (0, 0, 4, 4), decimals=1),
        number("Overdue now", "Active keys past their rotation date.", or_zero(overdue), "short", red, (4, 0, 4, 4),
               links=[("What to do", f"{RUNBOOKS}/AWSIAMAccessKeyOverdue.md")]),
        number("Due soon", "Active keys that fall due within the warning time of the policy.", or_zero(soon), "short", steps(GOOD, (1, WARNING)), (8, 0, 4, 4)),
        number("Active keys", "All active access keys of all accounts that are read.", or_zero(active), "short", None, (12, 0, 4, 4)),
        number("Root keys", "Access keys of root users. There should be none.", or_zero(root), "short", red, (16, 0, 4, 4),
               links=[("What to do", f"{RUNBOOKS}/AWSIAMRootAccessKeyPresent.md")]),
        number("Accounts not read", "Accounts whose last reading was not whole.", or_zero(down, WATCHED), "short", red, (20, 0, 4, 4),
               links=[("What to do", f"{RUNBOOKS}/AWSIAMAccountCollectionFailing.md")]),
        overdue_table((0, 4, 12, 9)),
        due_table((12, 4, 12, 9)),
        age_bars((0, 13, 8, 8)),
        worst_accounts((8, 13, 8, 8)),
        failing_accounts((16, 13, 8, 8)),
        exemptions_table((0, 21, 12, 8)),
        lines("Overdue keys over time", "It should go down to 0 and stay there.",
              [(or_zero(f"sum(max by (account_id) ({select('aws_iam_account_access_keys_overdue')}))"), "overdue")], "short", (12, 21, 12, 8)),
    ])
