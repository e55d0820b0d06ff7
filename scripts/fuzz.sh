#!/usr/bin/env bash
# Fuzzes every parser: fuzz.sh [SECONDS [TARGET...]]; 60 seconds a target where nothing is given. Needs a nightly compiler.
# An input that fails is kept in fuzz/artifacts/.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(object pack index config repository records columns archives)
rustup toolchain list | grep -q nightly || rustup toolchain install nightly --profile minimal
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

# The seeds: those of fuzz/seeds, the examples of the format pages, and the files of the sample.
seeds() {
    local corpus=fuzz/corpus/$1
    mkdir -p "$corpus"
    [ ! -d "fuzz/seeds/$1" ] || cp "fuzz/seeds/$1"/* "$corpus"
    python3 - "$1" "$corpus" <<'PYTHON'
import pathlib, re, sys
target, corpus = sys.argv[1], pathlib.Path(sys.argv[2])

def example(text):
    out, last, fill = bytearray(), b"", False
    for line in text.splitlines():
        if line.strip() == "*":
            fill = True
            continue
        parts = line.split("  ")
        at, last_line = int(parts[0], 16), bytes.fromhex(parts[1]) if len(parts) > 1 else b""
        while fill and len(out) < at:
            out += last
        fill, last = False, last_line
        out += last_line
    return bytes(out)

kinds = {"node": 0, "recipe": 1, "version": 2, "fact": 3, "verdict": 4, "schema": 5}
endings = ["jsonl", "json", "csv", "tsv", "txt", "md"]
if target in ("object", "pack", "index"):
    for page in pathlib.Path("docs/formats").glob("*.md"):
        for name, text in re.findall(r"```hex example: (\S+)\n(.*?)```", page.read_text(), re.S):
            kind = kinds.get(name.split("-")[0])
            if target == "object" and kind is not None:
                (corpus / name).write_bytes(bytes([kind]) + example(text))
            elif target == "pack" and name.split("-")[0] in ("block", "pack"):
                (corpus / name).write_bytes(bytes([name == "pack"]) + example(text))
            elif target == "index" and name == "index":
                (corpus / name).write_bytes(example(text))
elif target == "config":
    for n, text in enumerate(re.findall(r"```toml\n(.*?)```", pathlib.Path("docs/configuration.md").read_text(), re.S)):
        (corpus / f"example-{n}").write_text(text)
elif target == "records":
    for file in pathlib.Path("fixtures").rglob("*"):
        ending = file.suffix.lstrip(".")
        if file.is_file() and ending in endings:
            (corpus / file.name).write_bytes(bytes([endings.index(ending)]) + file.read_bytes()[:4096])
PYTHON
}

for target in "${targets[@]}"; do
    seeds "$target"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1
done
