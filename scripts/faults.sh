#!/usr/bin/env bash
# Stops commit and checkout at every call that changes the disk, in every way a machine has: killed, with half a write
# done, with a full or broken disk, with the power cut. After each the store must be whole, every earlier version the
# same byte for byte, and the same command must succeed when it is given again.
#
# --short is for CI and takes every third call; without it the campaign is whole and takes most of an hour. The tools that
# do the faults are no part of the project: FAULT_TOOLS names their folder. Without them the project's own test of kills
# runs, and nothing else. HLX names a binary to test instead of building one.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=scripts/needs.sh
. "$top/scripts/needs.sh"

short=
case ${1-} in
    '') ;;
    --short) short=1 ;;
    *)
        echo 'usage: scripts/faults.sh [--short]' >&2
        exit 2
        ;;
esac

tools=${FAULT_TOOLS:-../shared/faults}
if [ ! -f "$tools/fi.c" ] || [ ! -f "$tools/kill_loop.py" ]; then
    echo "# no tools for faults in $tools: only the project's own test of kills runs"
    need_compiler
    exec cargo test --locked --test kill
fi
if [ "$(uname -sm)" != 'Linux x86_64' ]; then
    echo '# the tools for faults need Linux on x86-64: only the project'\''s own test of kills runs'
    need_compiler
    exec cargo test --locked --test kill
fi

if [ -z "${HLX-}" ]; then
    need_compiler
    cargo build --locked --release
    HLX=${CARGO_TARGET_DIR:-target}/release/hlx
fi
HLX=$(realpath "$HLX")
began=$SECONDS

# Memory is faster than a disk, and what is tested is not the disk; but containers have little of it.
place=${TMPDIR:-/tmp}
if [ -w /dev/shm ] && [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt 2000000 ]; then
    place=/dev/shm
fi
work=$(mktemp -d "$place/hlx-faults-XXXXXX")

# Unmounts what a run that was stopped has left mounted, and removes everything.
clean() {
    local path
    # A mount of ours lies below our folder, and so does the image of a loop device of ours.
    while read -r path; do
        umount "$path" 2>/dev/null || fusermount3 -u "$path" 2>/dev/null || umount -l "$path" || true
    done < <(awk -v below="$work/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r)
    while IFS=: read -r path _; do
        losetup -d "$path" || true
    done < <(losetup -a 2>/dev/null | grep -F "($work/" || true)
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

mkdir "$work/tools" "$work/home"
cp "$tools"/*.c "$tools"/*.py "$tools"/*.sh "$work/tools/"
chmod -R u+rwX "$work/tools"
tools=$work/tools
export HOME=$work/home HLX HLX_AUTHOR=faults@example.com LC_ALL=C

# Installs a package where a command is missing, if it can.
want() {
    command -v "$1" >/dev/null || (install_package "$2") || true
}

want gcc gcc
want python3 python3
gcc -O2 -o "$tools/fi" "$tools/fi.c"

# Which kinds of power cuts work here; says why the others do not.
file_level= block_level=
power() {
    if [ "$(id -u)" != 0 ] || [ ! -c /dev/fuse ]; then
        echo '# skipped: power cuts need root and /dev/fuse'
        return
    fi
    want pkg-config pkg-config
    want fusermount3 fuse3
    pkg-config --exists fuse3 || (install_package libfuse3-dev) || true
    if ! pkg-config --exists fuse3; then
        echo '# skipped: power cuts need libfuse3'
        return
    fi
    # recfs is asked about the name of a file that is closed after it was removed, when it has none any more.
    sed -i 's/#define MARK(p) (!strcmp/#define MARK(p) ((p) \&\& !strcmp/' "$tools/recfs.c"
    local flags tool
    read -ra flags < <(pkg-config --cflags --libs fuse3)
    for tool in recfs recdisk; do
        gcc -O2 -o "$tools/$tool" "$tools/$tool.c" "${flags[@]}"
    done

    mkdir "$work/back" "$work/mount"
    "$tools/recfs" "$work/back" "$work/log" "$work/mount" 2>/dev/null &
    local recfs=$!
    for _ in {1..50}; do
        if mountpoint -q "$work/mount"; then
            file_level=1
            break
        fi
        sleep .1
    done
    if [ -n "$file_level" ]; then
        fusermount3 -u "$work/mount"
    else
        kill "$recfs" 2>/dev/null || true
        echo '# skipped: power cuts, since FUSE does not work here'
        return
    fi
    wait "$recfs" || true

    truncate -s 16M "$work/image"
    local device
    if mkfs.ext4 -q "$work/image" 2>/dev/null && device=$(losetup -f --show "$work/image" 2>/dev/null); then
        if mount "$device" "$work/mount" 2>/dev/null; then
            umount "$work/mount"
            block_level=1
        fi
        losetup -d "$device"
    fi
    rm -f "$work/image"
    [ -n "$block_level" ] || echo '# skipped: power cuts of a block device, since loop devices or ext4 do not work here'
}
power

# Runs something under a title and prints the line that says how it went; all of its output, and exit 1, if it failed.
run() {
    local title=$1 start=$SECONDS summary
    shift
    if ! "$@" >"$work/output" 2>&1; then
        printf '%s: FAILED\n' "$title"
        cat "$work/output"
        exit 1
    fi
    summary=$(grep -E "${summary_of:-^(kill_loop|weakpower|powercut)}" "$work/output" | tail -n 1)
    printf '%s: %s, %d s\n' "$title" "${summary#*: }" $((SECONDS - start))
}

# The repository that every trial begins with: small files, one of many chunks, a symlink, an executable, an empty folder.
files='mkdir -p data/empty && for i in 1 2 3 4 5 6; do seq $i 5000 >data/f$i.txt; done && head -c 2500000 /dev/urandom >data/blob.bin
    && ln -s f1.txt data/link && echo true >data/run && chmod +x data/run'
files=${files//$'\n'/ }
repo="mkdir -p r && cd r && $HLX -q init && $HLX -q dataset add ds --type text --path data && $files
    && $HLX -q commit ds -m one --version 1.0.0 && seq 5 8000 >data/f5.txt && rm data/f6.txt && $HLX -q commit ds -m two --version 1.1.0"
repo=${repo//$'\n'/ }
# Adds, removes and modifies; the large file in its middle and at its end.
edit='seq 7 9000 >data/f7.txt && cat data/f1.txt >>data/f2.txt && rm data/f3.txt && head -c 200000 /dev/urandom >>data/blob.bin
    && printf x | dd of=data/blob.bin bs=1 seek=1300000 conv=notrunc status=none'
edit=${edit//$'\n'/ }
list='find . ! -path "./.helox*" -printf "%P %y %m %l\n" | sort && find . -type f ! -path "./.helox*" | sort | xargs -d "\n" sha256sum'
# Prints all of the versions that were there before.
same="cd {d}/r && for v in 1.0.0 1.1.0; do rm -rf ../o && $HLX -q checkout ds@\$v --into ../o && (cd ../o && $list) || exit 9; done"
# Any fault is told as one: exit 6, or death.
whole="case \$FI_RC in 0 | 6 | 137) ;; *) echo \"exit \$FI_RC\"; exit 8 ;; esac; cd {d}/r && $HLX -q verify --all"
there="$whole && if [ \"\$FI_RC\" = 0 ]; then $HLX -q show ds@2.0.0; fi"
is() { echo "cd {d}/r && $HLX -q checkout $1 --into ../z && diff -r --no-dereference data ../z && $HLX -q status ds --exit-code"; }

# kills COMMAND ARGUMENTS...: a command under kill_loop.
kills() {
    local command=$1
    shift
    local setup="cd {d} && $repo" check=$whole final act retry=
    case $command in
        commit)
            setup="$setup && $edit" check=$there final=$(is ds@prod)
            act="cd {d}/r && $HLX -q commit ds -m three --version 2.0.0 --tag prod"
            ;;
        checkout) act="cd {d}/r && $HLX -q checkout ds@1.0.0" final=$(is ds@1.0.0) ;;
        checkout-force)
            setup="$setup && $edit" final=$(is ds@1.0.0)
            act="cd {d}/r && $HLX -q checkout ds@1.0.0 --force"
            ;;
        checkout-into)
            act="cd {d}/r && $HLX -q checkout ds@1.0.0 --into ../made"
            # A folder that got its place is whole, and is not made again.
            retry="cd {d}/r && { [ -d ../made ] || $HLX -q checkout ds@1.0.0 --into ../made; }"
            final="$(is ds@1.1.0) && rm -rf ../z && $HLX -q checkout ds@1.0.0 --into ../z && diff -r --no-dereference ../made ../z"
            ;;
    esac
    "$tools/kill_loop.py" --work "$work/trials" --path /trials/ --setup "$setup" --run "$act" --check "$check" \
        --retry "$retry" --same "$same" --final "$final" "$@"
}

# power_cut TOOL ARGUMENTS...: commits, each with its tag, under a recorder of what reaches the disk.
power_cut() {
    local tool=$1 step check
    shift
    step="cd {m}/r && seq {i} 6000 >data/f{i}.txt && rm -f data/g{i}.txt && seq 9 {i}00 >data/g\$(({i} + 1)).txt
        && printf %s {i} | dd of=data/blob.bin bs=1 seek={i}00000 conv=notrunc status=none
        && $without_syncs $HLX -q commit ds -m s{i} --version 2.{i}.0 --tag t{i}"
    check="cd {m}/r && $HLX -q verify --all && $HLX -q show ds@1.0.0 && $HLX -q show ds@1.1.0 || exit 6
        for i in \$(seq \$ACKED); do
            [ \"\$($HLX cat ds@t\$i f\$i.txt | cksum)\" = \"\$(seq \$i 6000 | cksum)\" ] && $HLX -q show ds@2.\$i.0 || exit 7
        done
        $HLX -q commit ds -m again && $HLX -q verify --all || exit 8"
    "$tools/$tool" --work "$work/power" --setup "cd {m} && $repo" --step "${step//$'\n'/ }" --check "$check" "$@"
}
without_syncs=

# power_cut_checkout: the same for checkouts in place, back and forth between two versions.
power_cut_checkout() {
    local step check
    step="cd {m}/r && $HLX -q checkout ds@1.\$((1 - {i} % 2)).0"
    check="cd {m}/r && $HLX -q verify --all || exit 6
        alike() { rm -rf $work/alike && $HLX -q checkout ds@\$1 --into $work/alike && diff -r --no-dereference data $work/alike; }
        if $HLX -q status ds --exit-code; then alike HEAD || exit 7; fi
        v=1.\$((ACKED % 2)).0 && $HLX -q checkout ds@\$v --force && alike \$v && $HLX -q status ds --exit-code || exit 8"
    "$tools/powercut.py" --work "$work/power" --setup "cd {m} && $repo && rm data/f2.txt && seq 4 >data/g.txt && $HLX -q commit ds -m three" \
        --step "$step" --check "$check" "$@"
}

# A harness that finds nothing where nothing is synced would find nothing anywhere.
control() {
    without_syncs="$tools/fi -s sync -p /r/ -n 1 -c -1 -a nop --"
    if power_cut weakpower.py --steps 2 --states 80 >"$work/output" 2>&1; then
        echo 'control: FAILED, power cuts go unnoticed where nothing is synced'
        cat "$work/output"
        exit 1
    fi
    if ! grep -q 'weakpower strict: .* bad' "$work/output"; then
        echo 'control: FAILED to run'
        cat "$work/output"
        exit 1
    fi
    without_syncs=
    echo 'control: power cuts are noticed where nothing is synced'
}

# full_disk FREE COMMAND: a real file system with so many KiB free.
full_disk() {
    local command=$2
    FREE_KB=$1 SETUP="cd {m} && $repo && $edit" CHECK="cd {m}/r && $HLX -q verify --all && $HLX -q show ds@1.1.0" \
        FREED="cd {m}/r && $command && $HLX -q verify --all && $HLX -q checkout HEAD --into ../z && diff -r --no-dereference data ../z" \
        bash "$tools/diskfull.sh" 96 ext4 "cd {m}/r && $command"
    grep -qE '^cmd rc=[06] ' "$work/output" && grep -q '^  check rc=0' "$work/output" && grep -q '^  freed rc=0' "$work/output"
}

# Damages every file of a store; what is handed out all the same must be right.
flipped_bits() {
    local outcome=0
    rm -rf "$work/bits"
    mkdir "$work/bits"
    cd "$work/bits"
    (eval "$repo && $edit && $HLX -q commit ds -m three --version 2.0.0 --tag prod")
    "$tools/bitflip.py" --store r/.helox --verify "cd r && $HLX verify --all" --max-files 60 --per-file "$1" \
        --read "cd r && for v in 1.0.0 1.1.0 2.0.0; do rm -rf ../o && $HLX -q checkout ds@\$v --into ../o && (cd ../o && $list) || exit 9; done" ||
        outcome=$?
    cd "$top"
    # A ref that is gone leaves nothing that could tell of it, unless a later version does.
    ! grep -E '^ +BAD' "$work/output" | grep -vE 'BAD-SILENT refs/versions/\S+ delete ' && [ "$outcome" -le 1 ]
}

every=1
[ -z "$short" ] || every=3
for action in kill torn ENOSPC EIO EINTR short; do
    for command in commit checkout checkout-force; do
        run "$command, $action" kills "$command" --action "$action" --every "$every"
    done
done
if [ -z "$short" ]; then
    for action in kill ENOSPC EIO short; do
        run "checkout-into, $action" kills checkout-into --action "$action"
    done
    for command in commit checkout-force; do
        run "$command, no space from some call on" kills "$command" --action ENOSPC --count -1
        run "$command, a read fails" kills "$command" --action EIO --set read
        run "$command, half of a read" kills "$command" --action short --set read
        run "$command, killed at random moments" kills "$command" --random 100
    done
    run 'flipped bits' env summary_of='^bitflip' true
fi
