#!/bin/sh
# Writes the dashboards anew from dashboards/source; with --check says whether they are as written.
set -eu
cd "$(dirname "$0")/.."
tools=target/tools/dashboards
[ -x "$tools/bin/python" ] || tests/install.sh test
if [ "${1:-}" != --check ]; then
    exec "$tools/bin/python" -B dashboards/source/generate.py dashboards
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$tools/bin/python" -B dashboards/source/generate.py "$fresh"
for file in fleet account exporter; do
    diff -u "dashboards/$file.json" "$fresh/$file.json" || {
        echo "dashboards/$file.json is not what dashboards/source makes: run dashboards/generate.sh" >&2
        exit 1
    }
done
echo 'dashboards: as their source has them'
