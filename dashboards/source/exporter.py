"""How the exporter itself fares: for those who run it."""

from parts import *

RATE = "$__rate_interval"


def freshness(at):
    def age(data):
        return f"time() - max by (account_id) ({select('aws_iam_account_data_timestamp_seconds', has('data', data))})"
    up = f"min by (account_id) ({select('aws_iam_account_up')})"
    took = f"max by (account_id) ({select('iam_key_exporter_poll_duration_seconds')})"
    return rows("Accounts, the oldest data first", "How old is what is known of each account, and how its last reading went.",
                [age("due_keys"), age("census"), up, took], [
                    account(to_account()),
                    ("Value #C", "Read", width(90), *words(**{"1": ("yes", GOOD), "0": ("failing", BAD)})),
                    ("Value #A", "Due keys", unit("dtdurations"), *painted(GOOD, (3600, WARNING), (7200, BAD))),
                    ("Value #B", "Census", unit("dtdurations"), *painted(GOOD, (21600, WARNING), (86400, BAD))),
                    ("Value #D", "Last reading took", unit("s"))],
                at, sort=("Due keys", True))


def build():
    red = steps(GOOD, (1, BAD))
    requests = select("iam_key_exporter_aws_requests_total")
    failures = select("iam_key_exporter_aws_request_failures_total")
    read = select("aws_iam_account_up", 'account_id!="unknown"')
    throttled = select("iam_key_exporter_aws_request_failures_total", 'reason="throttled"')
    return frame("iam-key-exporter-exporter", "AWS access keys / Exporter", "Whether the exporter can be believed.", [
        number("Exporters", "How many answer.", f"count({select('iam_key_exporter_build_info')}) or vector(0)", "short", steps(BAD, (1, GOOD)), (0, 0, 4, 4),
               links=[("What to do", f"{RUNBOOKS}/AWSIAMExporterDown.md")]),
        number("Accounts read", "By all exporters together, each account once.", or_zero(f"count(count by (account_id) ({read}))", WATCHED), "short", None, (4, 0, 4, 4)),
        number("Accounts failing", "Accounts whose last reading was not whole.", or_zero(f"count(min by (account_id) ({select('aws_iam_account_up')}) == 0)", WATCHED), "short", red, (8, 0, 4, 4),
               links=[("What to do", f"{RUNBOOKS}/AWSIAMAccountCollectionFailing.md")]),
        number("Shards missing", "Parts of the accounts that nobody reads.", or_zero(f"max({select('iam_key_exporter_total_shards')}) - count(count by (shard) ({select('iam_key_exporter_shard_info')}))", WATCHED), "short", red, (12, 0, 4, 4)),
        number("Configuration refused", "Exporters that go on with an old configuration.", or_zero(f"count({select('iam_key_exporter_config_last_reload_successful')} == 0)", WATCHED), "short", red, (16, 0, 4, 4)),
        number("Throttled", "Share of the requests of the last hour that AWS refused because it was asked too often.", or_zero(f"sum(increase({throttled}[1h])) / sum(increase({requests}[1h]))", WATCHED), "percentunit", steps(GOOD, (0.05, WARNING), (0.1, BAD)), (20, 0, 4, 4), decimals=1),
        freshness((0, 4, 24, 9)),
        lines("Requests to AWS", "By operation, every attempt counted.", [(f"sum by (operation) (rate({requests}[{RATE}]))", "{{operation}}")], "reqps", (0, 13, 12, 8)),
        lines("Failed requests", "By reason, every attempt counted.", [(f"sum by (reason) (rate({failures}[{RATE}]))", "{{reason}}")], "reqps", (12, 13, 12, 8)),
        lines("Readings", "How long the slowest and the usual reading of an account took.",
              [(f"max({select('iam_key_exporter_poll_duration_seconds')})", "slowest"), (f"quantile(0.5, {select('iam_key_exporter_poll_duration_seconds')})", "median")], "s", (0, 21, 8, 8)),
        lines("Memory", "Resident, by exporter.", [(f"max by (instance) ({select('process_resident_memory_bytes')})", "{{instance}}")], "bytes", (8, 21, 8, 8), at_least=64 * 2**20),
        lines("CPU", "Share of one core, by exporter.", [(f"max by (instance) (rate({select('process_cpu_seconds_total')}[{RATE}]))", "{{instance}}")], "percentunit", (16, 21, 8, 8), at_least=0.1),
    ])
