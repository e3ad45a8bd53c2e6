#!/bin/sh
# Everything, step by step; the first that fails ends it. Called by make test.
set -eu
cd "$(dirname "$0")/.."
began=$(date +%s)

step() {
    echo
    echo "=== $1 ($(($(date +%s) - began)) s)"
    shift
    "$@"
}

step 'formatting' cargo fmt --all --check
step 'scripts' shellcheck tests/*.sh tests/package/*.sh alerts/tests/*.sh dashboards/*.sh deploy/*.sh .ci/run
step 'lints' cargo clippy --locked --workspace --all-targets -- -D warnings
step 'alerting rules' promtool check rules --lint=all --lint-fatal alerts/rules.yaml
step 'alerting rules at their boundaries' promtool test rules alerts/tests/*.yaml
step 'alert routes' sh alerts/tests/routes.sh
step 'dashboards as their source has them' sh dashboards/generate.sh --check
step 'documentation' env RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --quiet
step 'tests' cargo test --locked --workspace
step 'deployment files as they are made' sh deploy/generate.sh --check
step 'files for other machines' sh tests/lint.sh
step 'roles by CloudFormation and Terraform' target/tools/helm/bin/python -B tests/roles/test.py
step 'image and compose stack' target/tools/moto/bin/python -B tests/container/test.py target/debug/iam-key-exporter
step 'the Helm chart' target/tools/helm/bin/python -B tests/helm/test.py target/debug/iam-key-exporter
step 'the Debian package, on a copy of this machine' sh tests/package/run.sh
step 'the demo' make --no-print-directory demo ARGS=--once DEMO_BUILD='--workspace --bins --examples'
echo
echo "=== everything passed ($(($(date +%s) - began)) s)"
