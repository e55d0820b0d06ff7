#!/usr/bin/env bash
# Runs all tests; arguments go to cargo test.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/needs.sh
. scripts/needs.sh

need_compiler
# The data checksum is compared with what this prints.
need_b3sum
# Datasets beside code, hooks, and what a run says of its code.
need_git
exec cargo test --locked "$@"
