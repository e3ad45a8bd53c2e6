#!/bin/sh
# The life of the Debian package, on a machine that has systemd and may be spoilt (see machine.sh).
set -eu
gifts=/srv/gifts
unit=iam-key-exporter
export DEBIAN_FRONTEND=noninteractive

fail() {
    echo "FAILED: $*" >&2
    systemctl status --no-pager "$unit" >&2 || true
    journalctl --no-pager -u "$unit" -n 40 >&2 || true
    exit 1
}

passed() { echo "  ok: $*"; }

# Tries again until it holds: what, and the command.
eventually() {
    what=$1
    shift
    for _ in $(seq 150); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.2
    done
    fail "never: $what"
}

property() { systemctl show --value -p "$1" "$unit"; }
metrics() { curl --silent --fail http://127.0.0.1:10048/metrics; }
has() { metrics | grep -q -- "$1"; }
files() { find /etc /usr /var/lib -xdev ! -path '/var/lib/dpkg/*' ! -path '/var/lib/systemd/*' | sort; }

# Whatever kept services from starting on the original does not on the copy.
rm -f /usr/sbin/policy-rc.d
files >/tmp/before
systemd-run --quiet --unit=aws "$gifts/aws-stub" --listen 127.0.0.1:4010 --fleet demo

dpkg --install "$gifts/first.deb" >/tmp/dpkg.log 2>&1 || fail "dpkg: $(cat /tmp/dpkg.log)"
id iam-key-exporter >/dev/null || fail 'the user is missing'
[ "$(systemctl is-enabled "$unit")" = enabled ] || fail 'the unit is not enabled'
[ "$(property ActiveState)" = inactive ] || fail 'it was started without credentials'
passed 'installed: its user is there, the unit is enabled and waits for credentials'

/usr/bin/iam-key-rotate --version >/dev/null || fail 'iam-key-rotate is missing'
for page in iam-key-exporter iam-key-exporter-check iam-key-rotate iam-key-rotate-start; do
    [ -s "/usr/share/man/man1/$page.1.gz" ] || fail "no manual page of $page"
done
[ -s /usr/share/doc/prometheus-iam-key-exporter/docs/runbooks/AWSIAMAccessKeyOverdue.md ] || fail 'no runbooks'
passed 'both programs, their manual pages and the runbooks are there'

said=$(systemd-analyze verify "/usr/lib/systemd/system/$unit.service" 2>&1) || fail "verify: $said"
[ -z "$said" ] || fail "verify: $said"
exposure=$(systemd-analyze security --offline=true --threshold=15 "/usr/lib/systemd/system/$unit.service") ||
    fail "exposure above 1.5: $exposure"
passed "systemd finds no mistake in the unit; $(echo "$exposure" | sed -n 's/.*\(exposure level.*\): \([0-9.]*\) .*/\1: \2/p')"

# As the comment in the unit has it: credentials that only root may read.
(umask 077 && printf '[default]\naws_access_key_id = AKIAHUB\naws_secret_access_key = s\n' >/etc/iam-key-exporter/aws-credentials)
mkdir -p "/etc/systemd/system/$unit.service.d"
sed -n 's/^#   //p' "/usr/lib/systemd/system/$unit.service" | sed '1i [Service]' >"/etc/systemd/system/$unit.service.d/local.conf"
grep -q '^LoadCredential=' "/etc/systemd/system/$unit.service.d/local.conf" || fail 'the unit has no example of LoadCredential'
printf 'AWS_ENDPOINT_URL=http://127.0.0.1:4010\nAWS_EC2_METADATA_DISABLED=true\n' >>/etc/default/iam-key-exporter
printf 'poll_interval: 1s\n' >>/etc/iam-key-exporter/iam-key-exporter.yml
systemctl daemon-reload
systemctl start "$unit" || fail 'it does not start'
eventually 'the account is read' has '^aws_iam_account_up{account_id="111122223333"} 1$'
passed 'started, told systemd so, and reads the account with credentials that only root may read'

pid=$(property MainPID)
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"; }
[ "$(status NoNewPrivs)" = 1 ] || fail 'it may gain privileges'
[ "$(status Seccomp)" = 2 ] || fail 'no filter of system calls'
[ "$(status CapEff) $(status CapBnd)" = '0000000000000000 0000000000000000' ] || fail 'it has capabilities'
[ "$(stat -c %U "/proc/$pid")" = iam-key-exporter ] || fail "it runs as $(stat -c %U "/proc/$pid")"
for folder in / /etc /usr/bin /home; do
    if nsenter --target "$pid" --mount touch "$folder/spoilt" 2>/dev/null; then fail "$folder can be written to"; fi
done
[ "$(stat -c '%U %a' /var/lib/iam-key-exporter)" = 'iam-key-exporter 700' ] || fail 'the state is open to others'
eventually 'the state is kept' test -n "$(find /var/lib/iam-key-exporter -type f)"
for metric in process_start_time_seconds process_resident_memory_bytes process_open_fds; do
    has "^$metric " || fail "$metric is missing: something that it is read from is hidden"
done
if journalctl --no-pager -u "$unit" | grep -E 'level=(warn|error)'; then fail 'it complains'; fi
passed 'runs without privileges, writes nowhere but its state, and misses nothing that is hidden from it'

config=/etc/iam-key-exporter/iam-key-exporter.yml
loaded=iam_key_exporter_config_last_reload_successful
echo 'policy: { max_age: 0d }' >>"$config"
systemctl reload "$unit"
eventually 'a wrong configuration is refused' has "^$loaded 0$"
sed -i '$d' "$config"
systemctl reload "$unit"
eventually 'the right one is taken again' has "^$loaded 1$"
[ "$(property MainPID)" = "$pid" ] || fail 'a reload was a restart'
passed 'systemctl reload: a wrong configuration changes nothing'

printf '[Service]\nWatchdogSec=2s\nRestartSec=100ms\n' >"/etc/systemd/system/$unit.service.d/watchdog.conf"
systemctl daemon-reload
systemctl restart "$unit"
kill -STOP "$(property MainPID)"
is_restarted() { [ "$(property NRestarts)" -ge 1 ] && [ "$(property ActiveState)" = active ]; }
eventually 'the watchdog starts it anew' is_restarted
rm "/etc/systemd/system/$unit.service.d/watchdog.conf"
systemctl daemon-reload
passed 'stuck, it is started anew by the watchdog'

# The timer that is there as an example, as docs/rotation.md has it put in place.
mkdir -p /etc/iam-key-rotate "/etc/systemd/system/iam-key-rotate.service.d"
cp /etc/iam-key-exporter/aws-credentials /etc/iam-key-rotate/
cp /usr/share/doc/prometheus-iam-key-exporter/examples/iam-key-rotate.* /etc/systemd/system/
printf '[Service]\nEnvironment=AWS_ENDPOINT_URL=http://127.0.0.1:4010\n' >/etc/systemd/system/iam-key-rotate.service.d/local.conf
systemctl daemon-reload
said=$(systemd-analyze verify /etc/systemd/system/iam-key-rotate.timer 2>&1) || fail "verify: $said"
[ -z "$said" ] || fail "verify: $said"
systemctl start iam-key-rotate.timer || fail 'the timer does not start'
systemctl start iam-key-rotate.service || fail "the rotation fails: $(journalctl --no-pager -u iam-key-rotate -n 20)"
is_told() { journalctl --no-pager --output=cat -u iam-key-rotate | grep -q '"users": \[\]'; }
eventually 'the rotation says that nobody opted in' is_told
systemctl stop iam-key-rotate.timer
rm -r /etc/iam-key-rotate /etc/systemd/system/iam-key-rotate.*
systemctl daemon-reload
passed 'the example of a timer runs iam-key-rotate, without privileges'

pid=$(property MainPID)
dpkg --install "$gifts/second.deb" >/tmp/dpkg.log 2>&1 || fail "dpkg: $(cat /tmp/dpkg.log)"
[ "$(property MainPID)" != "$pid" ] || fail 'the old version still runs'
eventually 'the account is read' has '^aws_iam_account_up{account_id="111122223333"} 1$'
grep -q 4010 /etc/default/iam-key-exporter || fail 'the upgrade took local changes away'
passed 'upgraded: restarted, and local changes are kept'

echo 'max_age: 90d' >>"$config"
if systemctl restart "$unit" 2>/dev/null; then fail 'a wrong configuration starts'; fi
[ "$(property NRestarts) $(property ActiveState)" = '0 failed' ] || fail 'a wrong configuration is tried again'
sed -i '$d' "$config"
systemctl reset-failed "$unit"
systemctl start "$unit"
passed 'a wrong configuration fails once, and is not tried again'

dpkg --remove prometheus-iam-key-exporter >/tmp/dpkg.log 2>&1 || fail "dpkg: $(cat /tmp/dpkg.log)"
if [ -e /usr/bin/iam-key-exporter ] || [ "$(property ActiveState)" = active ]; then fail 'it still runs'; fi
if [ ! -e "$config" ] || [ ! -d /var/lib/iam-key-exporter ]; then fail 'removal took configuration or state away'; fi
passed 'removed: stopped, configuration and state stay'

dpkg --purge prometheus-iam-key-exporter >/tmp/dpkg.log 2>&1 || fail "dpkg: $(cat /tmp/dpkg.log)"
rm -r "/etc/systemd/system/$unit.service.d" /etc/iam-key-exporter/aws-credentials
rmdir /etc/iam-key-exporter 2>/dev/null || true
files >/tmp/after
# The user stays, and with it what the system keeps of users.
left=$(comm -13 /tmp/before /tmp/after | grep -vE '^/etc/\.?(passwd|group|shadow|gshadow|subuid|subgid)[-.]?' || true)
[ -z "$left" ] || fail "left behind: $left"
passed 'purged: nothing is left but the user'

# The commands of docs/installation.md, on what a release has in its archive.
mkdir -p "/etc/systemd/system/$unit.service.d"
printf '[Service]\nEnvironment=%s\n' AWS_ENDPOINT_URL=http://127.0.0.1:4010 AWS_ACCESS_KEY_ID=AKIAHUB \
    AWS_SECRET_ACCESS_KEY=s >"/etc/systemd/system/$unit.service.d/local.conf"
(cd "$gifts/release" && sh -eu "$gifts/by-hand.sh") >/tmp/by-hand.log 2>&1 || fail "by hand: $(cat /tmp/by-hand.log)"
eventually 'the account is read' has '^aws_iam_account_up{account_id="111122223333"} 1$'
passed 'installed by hand, as the document says'
