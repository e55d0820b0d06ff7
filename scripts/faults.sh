#!/usr/bin/env bash
# Faults from outside, at every mutating system call of a commit and of a checkout, and power cuts below the file system.
# Needs the black-box tools that FAULT_TOOLS names (fi, kill_loop.py, weakpower.py, powercut.py); without them there are the
# project's own tests: src/ops/tests/faults.rs and tests/kill.rs. --short, for CI, tries every third call and some hundred
# power cuts.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=scripts/needs.sh
. scripts/needs.sh
short=
[ "${1:-}" = --short ] && short=1
tools=${FAULT_TOOLS:-../shared/faults}

if [ ! -f "$tools/kill_loop.py" ]; then
    echo "the black-box tools are not in $tools: left out"
    exit 0
fi
work=$(mktemp -d)
# The tools keep images and logs of writes, which are faster in memory.
memory=$work
[ -w /dev/shm ] && memory=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$work" "$memory"' EXIT
mkdir "$work/tools" "$work/home"
cp -r "$tools"/. "$work/tools/"
chmod -R u+w "$work/tools"
# The recording file system is given no path for a file that has lost its name, and does not expect that.
[ ! -f "$work/tools/recfs.c" ] || sed -i 's/#define MARK(p) (!strcmp/#define MARK(p) ((p) \&\& !strcmp/' "$work/tools/recfs.c"
if [ "$(id -u)" = 0 ] && ! pkg-config --exists fuse3 2>/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc make libfuse3-dev fuse3 pkg-config >/dev/null
fi
make -s -C "$work/tools" >/dev/null 2>&1 || true
if [ ! -x "$work/tools/fi" ]; then
    echo 'the black-box tools cannot be built here: left out'
    exit 0
fi
cargo build --locked --release
hlx=${CARGO_TARGET_DIR:-$top/target}/release/hlx
export HOME="$work/home" HLX_AUTHOR=fault@example.com

make_data='mkdir -p data && for i in 1 2 3 4 5 6; do seq $i 4000 > data/f$i.txt; done; head -c 1500000 /dev/urandom > data/blob.bin; mkdir data/sub; ln -s ../f1.txt data/sub/link; mkdir data/empty'
repo="mkdir -p r && cd r && $hlx -q init && $make_data && $hlx -q dataset add ds --type text --path data && $hlx -q commit ds -m one --version 1.0.0 && seq 5 6000 > data/f5.txt && rm data/f6.txt && $hlx -q commit ds -m two --version 1.1.0"
edit='seq 7 9000 > data/f7.txt; cat data/f1.txt >> data/f2.txt; rm data/f3.txt; printf x | dd of=data/blob.bin bs=1 seek=700000 conv=notrunc 2>/dev/null; head -c 200000 /dev/urandom >> data/blob.bin'
verify="cd {d}/r && $hlx -q verify --all"
same="cd {d}/r && for v in 1.0.0 1.1.0; do rm -rf ../o && $hlx -q checkout ds@\$v --into ../o && (cd ../o && find . | sort && find . -type f | sort | xargs -d '\n' sha256sum) || exit 9; done"
every=1
[ -n "$short" ] && every=3

# Runs a command once per mutating call, each time with a fault there.
loop() {
    local what=$1 action=$2 setup=$3 run=$4 check=$5 final=$6
    printf -- '--- %s, %s: ' "$what" "$action"
    "$work/tools/kill_loop.py" --work "$work/loop" --path /loop/ --every "$every" --action "$action" \
        --setup "cd {d} && $repo && $setup" --run "$run" --check "$check" --same "$same" --final "$final" | tail -n +2
}

for action in kill torn ENOSPC EIO EINTR short; do
    loop commit $action "$edit" "cd {d}/r && $hlx -q commit ds -m three --version 2.0.0 --tag prod" \
        "$verify && if [ \"\$FI_RC\" = 0 ]; then $hlx -q show ds@2.0.0; fi" \
        "cd {d}/r && $hlx -q checkout ds@prod --into ../z && diff -r --no-dereference -x .helox-version.json data ../z && $hlx -q status ds --exit-code"
    loop checkout $action true "cd {d}/r && $hlx -q checkout ds@1.0.0" "$verify" \
        "cd {d}/r && $hlx -q checkout ds@1.0.0 --into ../z && diff -r --no-dereference -x .helox-version.json data ../z && $hlx -q status ds --exit-code"
    # Two commits left small packs, which are joined.
    loop gc $action true "cd {d}/r && $hlx -q gc --grace 0" "$verify" \
        "cd {d}/r && $hlx -q gc --grace 0 && test -z \"\$(ls .helox/tmp)\" && $hlx -q fsck"
done

step="cd {m}/r && seq {i} \$((6000+{i})) > data/f{i}.txt && printf %s {i} | dd of=data/blob.bin bs=1 seek={i}00000 conv=notrunc 2>/dev/null && $hlx -q commit ds -m s{i} --version 2.{i}.0 --tag t{i}"
check="cd {m}/r && $hlx -q verify --all && for i in \$(seq \$ACKED); do $hlx cat ds@t\$i f\$i.txt | cmp -s - <(seq \$i \$((6000+i))) || exit 7; done"
if [ "$(id -u)" = 0 ] && [ -x "$work/tools/recfs" ] && [ -e /dev/fuse ]; then
    states=100000
    [ -n "$short" ] && states=200
    "$work/tools/weakpower.py" --work "$memory/weak" --model strict --setup "cd {m} && $repo" --step "$step" --steps 3 \
        --check "bash -c '$check'" --states $states | tee "$work/weak.log"
    # A run whose commits were not acknowledged shows nothing.
    grep -q ' 3 acks' "$work/weak.log"
    if [ -x "$work/tools/recdisk" ] && [ -e /dev/loop-control ]; then
        "$work/tools/powercut.py" --work "$memory/cut" --fs ext4 --mb 200 --setup "cd {m} && $repo" --step "$step" --steps 5 --pause .3 \
            --check "bash -c '$check'" --states 100
    else
        echo 'no loop devices here: power cuts below ext4 are left out'
    fi
else
    echo 'no FUSE here: power cuts are left out'
fi
echo 'no failures'
