#!/bin/sh
# Writes what deploy/ has from elsewhere in the repository: the IAM policies as the program prints them,
# rules and dashboards for the Helm chart, which can take in no file from outside of it.
# Usage: deploy/generate.sh [--check]; with --check nothing is written and a difference is an error.
set -eu
cd "$(dirname "$0")/.."

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
exporter=${EXPORTER:-target/debug/iam-key-exporter}
[ -n "${EXPORTER-}" ] || cargo build --locked --quiet --workspace --bins --examples

# A file under deploy/, from the output of a command.
from() {
    mkdir -p "$made/$(dirname "$1")"
    file=$1
    shift
    "$@" >"$made/$file"
}

without=--without=credential-report,details
from iam/account.json "$exporter" policy
from iam/account-listing.json "$exporter" policy "$without"
from iam/hub.json "$exporter" policy --config.file=deploy/iam/hub.yml
from iam/member.json "$exporter" policy --role=member
from iam/member-listing.json "$exporter" policy --role=member "$without"

chart=helm/iam-key-exporter/files
from $chart/rules.yaml cat alerts/rules.yaml
for dashboard in dashboards/*.json; do
    from "$chart/$dashboard" cat "$dashboard"
done

# The template of the organization ends with that of a member, which CloudFormation wants in one piece.
mkdir -p "$made/cloudformation" "$made/kustomize/operator"
{
    sed '/^      TemplateBody: |$/q' deploy/cloudformation/organization.yaml
    sed 's/^\(.\)/        \1/' deploy/cloudformation/member.yaml
} >"$made/cloudformation/organization.yaml"
from terraform/member.yaml cat deploy/cloudformation/member.yaml
for side in hub member; do
    from "terraform/policies/$side.json" cat "$made/iam/$side.json"
done

# The operator's kind around the rules, for Kustomize.
{
    printf '%s\n' 'apiVersion: monitoring.coreos.com/v1' 'kind: PrometheusRule' 'metadata:' '  name: iam-key-exporter' 'spec:'
    sed 's/^\(.\)/  \1/' alerts/rules.yaml
} >"$made/kustomize/operator/prometheusrule.yaml"

status=0
cd "$made"
for file in $(find . -type f | sort); do
    file=${file#./}
    if [ "${1-}" != --check ]; then
        mkdir -p "$OLDPWD/deploy/$(dirname "$file")"
        cp "$file" "$OLDPWD/deploy/$file"
    elif ! diff -u "$OLDPWD/deploy/$file" "$file"; then
        echo "deploy/$file is not what it is made from: run deploy/generate.sh" >&2
        status=1
    fi
done
exit "$status"
