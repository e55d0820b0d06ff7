#!/usr/bin/env bash
# Runs the campaigns of docs/reliability.md: campaigns.sh [--short] [--seed N] [NAME...]
#
#     kills      kills and errors at every call of the commands that write, and kills at random moments
#     power      power cuts below ext4, XFS and Btrfs, at file level, and of file systems in use
#     damage     damage to files of every kind, and repairs from a copy
#     writers    committers, readers and collections at once, with random kills
#     edits      edits that keep the size and the time of a file
#     full_disk  commits on full disks
#     names      odd names and files
#     large      a data set of 100 GiB in bounded memory
#
# All of them where none is named. --short, for CI, takes a sample of each, four minutes in all. kills and power need the
# black-box tools that FAULT_TOOLS names (fi, powercut.py, weakpower.py, godown_loop.sh); without them they are left out, and
# the project's own tests remain: src/ops/tests/faults.rs and tests/kill.rs. HLX names the binary; otherwise it is built.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=scripts/needs.sh
. scripts/needs.sh
options=() names=()
while [ $# -gt 0 ]; do
    case $1 in
        --short) options+=("$1") ;;
        --seed) options+=("$1" "$2") && shift ;;
        *) names+=("$1") ;;
    esac
    shift
done
[ ${#names[@]} -gt 0 ] || names=(kills power damage writers edits full_disk names large)

# Compiles the black-box tools in a folder of its own.
build_tools() {
    local tools=${FAULT_TOOLS:-../shared/faults}
    [ -f "$tools/fi.c" ] || return 1
    if [ "$(id -u)" = 0 ] && ! pkg-config --exists fuse3 2>/dev/null; then
        need_compiler
        install_package libfuse3-dev && install_package fuse3 && install_package pkg-config
    fi
    cp -r "$tools"/. "$work/tools"
    chmod -R u+w "$work/tools"
    # The recording file system is given no path for a file that has lost its name, and does not expect that.
    sed -i 's/#define MARK(p) (!strcmp/#define MARK(p) ((p) \&\& !strcmp/' "$work/tools/recfs.c"
    make -s -C "$work/tools" >/dev/null 2>&1 || true
    [ -x "$work/tools/fi" ]
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tools"
has_tools=
if build_tools; then
    has_tools=1
    export FAULT_TOOLS=$work/tools
fi
if [ -z "${HLX:-}" ]; then
    cargo build --locked --release
    export HLX=${CARGO_TARGET_DIR:-$top/target}/release/hlx
fi
failed=()
for name in "${names[@]}"; do
    printf -- '--- %s\n' "$name"
    case $name in
        kills | power) [ -n "$has_tools" ] || { echo 'no black-box tools: left out' && continue; } ;;
    esac
    case $name in
        power) scripts/campaigns/power.sh "${options[@]}" || failed+=("$name") ;;
        *) python3 "scripts/campaigns/$name.py" "${options[@]}" || failed+=("$name") ;;
    esac
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
echo 'no failures'
