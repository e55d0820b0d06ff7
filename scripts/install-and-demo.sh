#!/usr/bin/env bash
# Installs hlx and runs a demo on the included sample: two versions of a dataset of leases, the changes between them,
# validation rules, and a training run. The script fails if the restored files differ from the original ones.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/needs.sh
. "$top/scripts/needs.sh"

usage='usage: scripts/install-and-demo.sh [--prefix DIR] [--keep]
  --prefix DIR  install into DIR/bin, and the completions into DIR/share [default: the folder of cargo]
  --keep        keep the demo repository'
prefix=${CARGO_INSTALL_ROOT:-${CARGO_HOME:-$HOME/.cargo}}
keep=
while [ $# -gt 0 ]; do
    case $1 in
        --prefix) prefix=${2:?$usage} && shift ;;
        --keep) keep=yes ;;
        --help) printf '%s\n' "$usage" && exit ;;
        *) printf '%s\n' "$usage" >&2 && exit 2 ;;
    esac
    shift
done
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)

need_compiler
need_rust "$top"
cargo install --locked --path "$top" --root "$prefix"
bin=$prefix/bin
PATH=$bin:$PATH

# Prints a text of hlx into a file below the prefix.
install_text() {
    mkdir -p "$prefix/share/${1%/*}"
    hlx "${@:2}" >"$prefix/share/$1"
}
install_text bash-completion/completions/hlx completions bash
install_text zsh/site-functions/_hlx completions zsh
install_text fish/vendor_completions.d/hlx.fish completions fish
hlx man --list | while read -r page; do
    # hlx-dataset-add is the page of 'hlx dataset add'. The names of commands have no spaces.
    command=${page#hlx}
    install_text "man/man1/$page.1" man ${command//-/ }
done

work=$(mktemp -d)
[ -n "$keep" ] || trap 'rm -rf "$work"' EXIT
export HLX_AUTHOR=${HLX_AUTHOR:-ana@example.com}

# Prints a command as it would be typed, and runs it.
show() {
    local word line=
    for word in "$@"; do
        case $word in *[!a-zA-Z0-9_./~@=-]*) word="'$word'" ;; esac
        line="$line $word"
    done
    printf '\n$%s\n' "$line"
    "$@"
}

# The same for a command that must be rejected by the rules.
refused() {
    local code=0
    show "$@" || code=$?
    [ "$code" = 1 ]
}

# Fails unless a folder contains exactly the files of a version of the sample.
same() {
    diff -r --exclude=.helox --exclude=helox.toml --exclude=helox.lock --exclude=.hlx.json "$top/fixtures/leases/$1" "$2"
    printf '# %s is identical to fixtures/leases/%s\n' "${2##*/}" "$1"
}

mkdir "$work/leases"
cd "$work/leases"
cp -R "$top/fixtures/leases/v1/." .
show hlx init --name leases --type lease_abstraction
printf '\n# Set the key of a sample and the rules that every version must pass.\n'
sed -i.orig '/^path = /a\
key = "id"' helox.toml && rm helox.toml.orig
cat >>helox.toml <<'END'

[[dataset.leases.validation.rule]]
kind = "unique"
key = "id"

[[dataset.leases.validation.rule]]
kind = "pii"
END
show cat helox.toml
show hlx commit -m 'first leases'

printf '\n# Someone edits the data, and adds a phone number by mistake.\n'
rm -r README.md labels.csv test train
cp -R "$top/fixtures/leases/v2/." .
cat >>train/part-02.jsonl <<'END'
{"id":"L99001","jurisdiction":"US-NY","text":"Notices go to the tenant at (212) 555-0142.","labels":["notice"],"spans":[]}
END
show hlx status
refused hlx commit -m 'more leases, some corrected' --tag staging

printf '\n# The record is removed again.\n'
cp "$top/fixtures/leases/v2/train/part-02.jsonl" train/
show hlx commit -m 'more leases, some corrected' --tag staging
show hlx log
show hlx diff --samples HEAD~1 HEAD
show hlx run record leases@staging --model lease-7b --metric f1=0.91

show hlx checkout HEAD~1 --into ../before
same v1 "$work/before"
show hlx checkout leases@staging --into ../after
same v2 "$work/after"
show hlx checkout HEAD~1
same v1 "$work/leases"
show hlx verify --all

printf '\n# Installed hlx in %s, completions and the manual page in %s/share.\n' "$bin" "$prefix"
if [ -n "$keep" ]; then
    printf '# The demo repository is in %s.\n' "$work"
else
    printf '# The demo repository was removed; use --keep to keep it.\n'
fi
