#!/bin/sh
# Puts what a release has in its archive for any Linux into a folder, laid out as docs/installation.md names it.
# Usage: deploy/archive.sh BUILT FOLDER; BUILT has the programs, and target/man the manual pages.
set -eu
built=$(cd "${1:?usage: deploy/archive.sh BUILT FOLDER}" && pwd)
mkdir -p "${2:?usage: deploy/archive.sh BUILT FOLDER}"
folder=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."

mkdir -p "$folder/man" "$folder/deploy"
cp "$built/iam-key-exporter" "$built/iam-key-rotate" README.md CHANGELOG.md LICENSE iam-key-exporter.example.yml "$folder/"
cp target/man/*.1 "$folder/man/"
cp -r alerts dashboards docs "$folder/"
cp -r deploy/systemd deploy/iam "$folder/deploy/"
