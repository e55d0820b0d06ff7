#!/usr/bin/env bash
# Power cuts: at every block that a commit, a tag and a collection write to ext4, xfs and btrfs; at file level, where nothing
# is durable that was not synced; and of file systems that are in use. After each, every version verifies and every
# acknowledged commit is there, byte for byte.
#
#     power.sh [--short] [--seed N] [block|weak|live]...
#
# Needs root, FUSE, loop devices, and the tools powercut.py, weakpower.py and godown_loop.sh (FAULT_TOOLS).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hlx=${HLX:-$here/../../target/release/hlx}
tools=${FAULT_TOOLS:?FAULT_TOOLS names the folder of the black-box tools}
seed=1 short='' parts=()
while [ $# -gt 0 ]; do
    case $1 in
        --short) short=1 ;;
        --seed) seed=$2 && shift ;;
        *) parts+=("$1") ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=(block weak live)
for need in /dev/fuse /dev/loop-control; do
    [ "$(id -u)" = 0 ] && [ -e $need ] || { echo "power: not root, or no $need: left out" && exit 0; }
done
[ -x "$tools/recfs" ] && [ -x "$tools/recdisk" ] && [ -x "$tools/godown" ] || { echo 'power: the tools are not built: left out' && exit 0; }
# The images and logs of writes are small.
work=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'rm -rf "$work"' EXIT
export HOME=$work HLX_AUTHOR=campaign@example.com

repo="mkdir -p r/data/small && cd r && $hlx -q init && $hlx -q dataset add ds --type text --path data"
repo="$repo && for i in 1 2 3 4 5 6; do seq \$i 4000 > data/f\$i.txt; seq \$i 9 > data/small/\$i; done; head -c 1500000 /dev/urandom > data/blob.bin"
repo="$repo && $hlx -q commit ds -m one --version 1.0.0 && seq 5 6000 > data/f5.txt && rm data/f6.txt && $hlx -q commit ds -m two --version 1.1.0"
# Every step is a commit with a tag; every second one collects as well, which joins the small packs.
step="cd {m}/r && seq {i} \$((6000+{i})) > data/f{i}.txt && printf %s {i} | dd of=data/blob.bin bs=1 seek={i}00 conv=notrunc 2>/dev/null"
step="$step && $hlx -q commit ds -m s{i} --version 2.{i}.0 --tag t{i} && if [ \$(({i} % 2)) = 0 ]; then $hlx -q gc --grace 0; fi"
check="cd {m}/r && $hlx -q verify --all && $hlx -q audit --verify && for i in \$(seq \$ACKED); do $hlx cat ds@t\$i f\$i.txt | cmp -s - <(seq \$i \$((6000+i))) || exit 7; done"
failures=0

# Runs a tool, whose last line is the result.
trial() {
    local name=$1
    shift
    "$@" >"$work/log" 2>&1 || failures=$((failures + 1))
    # A run whose steps were not acknowledged shows nothing.
    if grep -q 'step .* rc' "$work/log"; then
        failures=$((failures + 1))
    fi
    sed "s/^/$name: /" "$work/log" | tail -n "${LINES_OF_LOG:-14}"
}

block() {
    local states=300 kinds=(ext4 xfs btrfs)
    [ -n "$short" ] && states=30 && kinds=(ext4)
    for kind in "${kinds[@]}"; do
        command -v "mkfs.$kind" >/dev/null || { echo "no mkfs.$kind: left out" && continue; }
        trial "$kind" "$tools/powercut.py" --work "$work/cut" --fs "$kind" --mb 400 --setup "cd {m} && $repo" --step "$step" --steps 5 \
            --pause .3 --check "bash -c '$check'" --states $states --seed "$seed"
    done
}

weak() {
    local states=1000000 models=(strict ordered)
    [ -n "$short" ] && states=100 && models=(strict)
    for model in "${models[@]}"; do
        trial "$model" "$tools/weakpower.py" --work "$work/weak" --model "$model" --setup "cd {m} && $repo" --step "$step" --steps 4 \
            --check "bash -c '$check'" --states $states --seed "$seed"
    done
}

live() {
    local cuts=30
    [ -n "$short" ] && cuts=3
    RANDOM=$seed trial live "$tools/godown_loop.sh" $cuts ext4 400 "cd {m} && $repo" "$step" "$check"
}

for part in "${parts[@]}"; do
    "$part"
done
[ $failures = 0 ] && echo 'power: 0 failures' || { echo "power: $failures parts failed" && exit 1; }
