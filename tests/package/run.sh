#!/bin/sh
# The Debian package, built and lived through on a copy of this machine with systemd of its own.
# What is proven: the unit's restrictions on a real systemd and kernel, with the real program. What is
# not: MemoryMax and TasksMax, where the kernel has the old control groups for these.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" -eq 0 ] || { echo 'skipped: only root can make a machine of its own (namespaces, mounts)'; exit 0; }

groups=$(findmnt --noheadings --output TARGET --types cgroup2 | head -n 1)
[ -n "$groups" ] || { echo 'skipped: systemd needs control groups of version 2, and none are mounted'; exit 0; }

folder=$(mktemp -d)
# A control group of its own, or the machine's systemd would take those of this one for its own.
group=$groups/${folder##*/}
machine=''
end() {
    # The machine is its own first process; nothing in it outlives that.
    [ -z "$machine" ] || kill -KILL "$machine" 2>/dev/null || true
    [ -z "$machine" ] || wait "$machine" 2>/dev/null || true
    for _ in $(seq 50); do
        find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
        [ -d "$group" ] || break
        sleep 0.1
    done
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' INT TERM

mkdir "$folder/gifts" "$folder/machine"
cargo build --locked --quiet --workspace --bins --examples
rm -rf target/man
target/debug/examples/man target/man
deb() {
    PATH="$PWD/target/tools/cargo-deb/bin:$PATH" cargo deb --quiet --profile dev --no-build --strip --fast --locked \
        --deb-revision "$1" --output "$folder/gifts/$2.deb" >/dev/null
}
deb 1 first
deb 2 second
cp target/debug/aws-stub tests/package/inside.sh "$folder/gifts/"
sh deploy/archive.sh target/debug "$folder/gifts/release"
# shellcheck disable=SC2016 # backticks of Markdown
sed -n '/^## Any Linux with systemd$/,/^## /{/^```sh$/,/^```$/p;}' docs/installation.md | grep -v '^```' >"$folder/gifts/by-hand.sh"
[ -s "$folder/gifts/by-hand.sh" ] || { echo 'docs/installation.md: no commands under Any Linux with systemd' >&2; exit 1; }

mkdir "$group"
sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' enter "$group" \
    unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child \
    sh tests/package/machine.sh "$folder/machine" "$folder/gifts" </dev/null >"$folder/log" 2>&1 &
machine=$!
in_machine() {
    first=$(tr -d ' ' <"/proc/$machine/task/$machine/children")
    nsenter --target "$first" --all "$@"
}
left=600
until in_machine systemctl is-active --quiet basic.target 2>/dev/null; do
    left=$((left - 1))
    if [ "$left" -eq 0 ] || ! kill -0 "$machine" 2>/dev/null; then
        cat "$folder/log"
        echo 'the machine did not come up: no basic.target' >&2
        exit 1
    fi
    sleep 0.2
done
in_machine env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh /srv/gifts/inside.sh
