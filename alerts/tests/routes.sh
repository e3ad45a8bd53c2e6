#!/bin/sh
# Holds alertmanager.example.yaml to who must be told of what. Needs amtool.
set -eu
config=$(dirname "$0")/../alertmanager.example.yaml

goes_to() {
    receiver=$1
    shift
    amtool config routes test --config.file="$config" --verify.receivers="$receiver" "$@" >/dev/null 2>&1 || {
        echo "not routed to $receiver: $*" >&2
        exit 1
    }
}

# What Alertmanager would do at run time, and amtool cannot try: read from the file.
says() {
    grep -q "$1" "$config" || {
        echo "alertmanager.example.yaml: expected $2" >&2
        exit 1
    }
}

amtool check-config "$config" >/dev/null
user='account_id=111122223333 user_name=ci-bot'
key="$user access_key_id=AKIAIOSFODNN7EXAMPLE"
# shellcheck disable=SC2086
{
    goes_to page severity=critical alertname=AWSIAMAccessKeyOverdue $key
    goes_to ticket severity=warning alertname=AWSIAMAccessKeyDueSoon $key
    goes_to search-page severity=critical alertname=AWSIAMAccessKeyOverdue $key tag_owner=search
    goes_to search-ticket severity=warning alertname=AWSIAMAccessKeyDueSoon $key tag_owner=search
    goes_to security-page,payments-page severity=critical alertname=AWSIAMUserQuarantined $user tag_owner=payments
    goes_to security-page,page severity=critical alertname=AWSIAMUserQuarantined $user
    goes_to page severity=critical alertname=AWSIAMAccessKeyOverdue $key tag_owner=unheard-of
    goes_to nobody severity=info alertname=AWSIAMAccessKeyUnused $key tag_owner=payments
}
goes_to page severity=critical alertname=AWSIAMExporterDown
goes_to page severity=critical alertname=AWSIAMExporterDown job=iam instance=exporter:10048
goes_to ticket severity=warning alertname=AWSIAMAccountCollectionFailing account_id=111122223333
goes_to ticket severity=warning alertname=AWSIAMAccountCollectionFailing account_id=unknown
goes_to nobody severity=info alertname=AWSIAMSomethingToKnow
goes_to ticket alertname=AWSIAMWithoutSeverity

says 'equal: \[account_id, user_name, access_key_id\]' 'inhibition for the same key only'
says 'active_time_intervals: \[office-hours\]' 'office hours for warnings'
if grep 'target_matchers' "$config" | grep -qv 'alertname="AWSIAMAccessKeyDueSoon"'; then
    echo 'alertmanager.example.yaml: only AWSIAMAccessKeyDueSoon may be inhibited' >&2
    exit 1
fi
sed -n 's/^ *repeat_interval: \([0-9]*\)h$/\1/p' "$config" | while read -r hours; do
    [ "$hours" -lt 120 ] || { echo "repeat_interval ${hours}h is longer than the retention of 120h" >&2; exit 1; }
done
echo 'routes: ok'
