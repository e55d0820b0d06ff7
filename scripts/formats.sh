#!/usr/bin/env bash
# Compares hlx with the second reader and writer of the formats, in tests/formats: scripts/formats.sh [HLX]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/needs.sh
. scripts/needs.sh
need_venv
hlx=${1:-target/release/hlx}
[ -x "$hlx" ] || cargo build --locked --release

venv=target/formats
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/python -c 'import blake3, zstandard' 2>/dev/null || $venv/bin/pip install --quiet blake3==1.0.5 zstandard==0.25.0
exec $venv/bin/python tests/formats/run.py "$hlx" fixtures/golden/*/*/helox
