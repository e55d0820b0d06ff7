# Everything here is a script in scripts/, benches/ or .ci/, and runs without just as well.

# the recipes
default:
    @just --list

# install hlx and show it on the shipped sample
demo:
    scripts/install-and-demo.sh

# all tests
test *ARGS:
    scripts/test.sh {{ARGS}}

# what CI runs
ci:
    .ci/run

# the table of what hlx must reach, beside what bounds it: hours; --short: seconds, --rows W2: some of it
bench *ARGS:
    benches/ratios.py {{ARGS}}

# the hot parts one by one: cut, compress, look up, build and compare manifests
bench-parts *ARGS:
    cargo bench --locked {{ARGS}}

# every real data set: commit, compare, check out, verify
real-data *ARGS:
    scripts/real-data.py {{ARGS}}

# real data with planted faults: what the rules find is what was planted
gate-data *ARGS:
    scripts/gate-data.py {{ARGS}}

# kills, power cuts, full disks, flipped bits
faults *ARGS:
    scripts/faults.sh {{ARGS}}

# format the sources
fmt:
    cargo fmt

# what must be clean before a commit
lint:
    cargo fmt -- --check
    cargo clippy --locked --all-targets -- -D warnings
    if command -v cargo-deny >/dev/null; then cargo deny check licenses bans sources; fi

# known faults of the dependencies; fetches a database
advisories:
    cargo deny check advisories

# the library's documentation, without dependencies
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
