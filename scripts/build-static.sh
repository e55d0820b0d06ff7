#!/usr/bin/env bash
# Builds one file that runs on any Linux of this architecture: linked with musl, without debug information.
# Usage: scripts/build-static.sh [--out FILE]
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/needs.sh
. "$top/scripts/needs.sh"
usage='usage: scripts/build-static.sh [--out FILE]'
out=
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=${2:?$usage} && shift ;;
        *) printf '%s\n' "$usage" >&2 && exit 2 ;;
    esac
    shift
done

target=$(uname -m)-unknown-linux-musl
need_compiler
need_rust "$top"
command -v musl-gcc >/dev/null || install_package musl-tools
cd "$top"
rustup target add "$target"
cargo build --locked --release --target "$target"
built=${CARGO_TARGET_DIR:-target}/$target/release/hlx
if [ -n "$out" ]; then
    install -D "$built" "$out"
    built=$out
fi
if ldd "$built" 2>&1 | grep -q '=>'; then
    printf '%s needs shared libraries\n' "$built" >&2
    exit 1
fi
"$built" --version
printf '%s: %s bytes\n' "$built" "$(stat -c %s "$built")"
