#!/bin/sh
# Whether the repository is ready to be released as a version: everything that names one names this.
# Usage: deploy/release.sh VERSION, or deploy/release.sh --notes VERSION for what CHANGELOG.md says of it.
set -eu
cd "$(dirname "$0")/.."

notes() {
    awk -v heading="## $1" 'index($0, heading) == 1 { told = 1; next } told && /^## / { exit } told' CHANGELOG.md
}

if [ "${1-}" = --notes ]; then
    notes "$2"
    exit 0
fi
version=${1:?usage: deploy/release.sh VERSION}
status=0
is() {
    [ "$2" = "$version" ] && return 0
    echo "$1: found ${2:-nothing}, and $version is to be released" >&2
    status=1
}
is 'Cargo.toml: version' "$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)"
is 'Cargo.lock: iam-key-exporter' "$(sed -n '/^name = "iam-key-exporter"$/{n;s/^version = "\(.*\)"/\1/p;}' Cargo.lock)"
is 'deploy/helm/iam-key-exporter/Chart.yaml: version' "$(sed -n 's/^version: //p' deploy/helm/iam-key-exporter/Chart.yaml)"
is 'deploy/helm/iam-key-exporter/Chart.yaml: appVersion' "$(sed -n 's/^appVersion: //p' deploy/helm/iam-key-exporter/Chart.yaml)"
is 'deploy/kustomize/base/kustomization.yaml: newTag' "$(sed -n 's/^ *newTag: //p' deploy/kustomize/base/kustomization.yaml)"
if [ -z "$(notes "$version" | tr -d '[:space:]')" ]; then
    echo "CHANGELOG.md: found no text under '## $version'" >&2
    status=1
fi
exit "$status"
