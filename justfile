# Every recipe is a script in scripts/, benches/ or .ci/ and can be run without just.

# list the recipes
default:
    @just --list

# install hlx and run a demo on the sample
demo:
    scripts/install-and-demo.sh

# run all tests
test *ARGS:
    scripts/test.sh {{ARGS}}

# run what CI runs
ci:
    .ci/run

# run the benchmarks of docs/performance.md (hours); --short: seconds, --rows W2: some rows
bench *ARGS:
    benches/ratios.py {{ARGS}}

# run the micro-benchmarks: chunk, compress, look up, build and compare manifests
bench-parts *ARGS:
    cargo bench --locked {{ARGS}}

# commit, compare, check out and verify all real datasets
real-data *ARGS:
    scripts/real-data.py {{ARGS}}

# check that the rules find planted faults in real data
gate-data *ARGS:
    scripts/gate-data.py {{ARGS}}

# compare hlx with the second reader and writer of the formats, and with hostile stores
formats *ARGS:
    scripts/formats.sh {{ARGS}}

# run the campaigns of docs/reliability.md (hours), or those that are named; --short: minutes, --seed N
campaigns *ARGS:
    scripts/campaigns.sh {{ARGS}}

# test remotes on servers of S3 that it starts: moto, rclone, Ceph; --short: without Ceph
remotes *ARGS:
    scripts/remotes.sh {{ARGS}}

# fuzz every parser (60 seconds each); needs a nightly compiler
fuzz *ARGS:
    scripts/fuzz.sh {{ARGS}}

# format the sources
fmt:
    cargo fmt

# check format and lints
lint:
    cargo fmt -- --check
    cargo clippy --locked --all-targets -- -D warnings
    cargo deny check licenses bans sources

# check dependencies for known vulnerabilities; downloads a database
advisories:
    cargo deny check advisories

# build the documentation of the library, without dependencies
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
