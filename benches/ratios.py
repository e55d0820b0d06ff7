#!/usr/bin/env python3
"""Measures what hlx must reach, each work beside what bounds it, and prints the table.

    ratios.py                        every row: some hours, 25 GB of disk (60 with --peers); drops all caches many times
    ratios.py --rows W1,chain        these: W1 samples W2 W3 W4 chain npmnames scancode gate catalog records
    ratios.py --runs 7               the median of so many
    ratios.py --short                a small form for CI: exits with 1 where a ratio of sizes or of CPU is far off
    ratios.py --peers                also commit W1 and W2 with git, DVC, Oxen, restic, rustic and borg, where installed

How: the works of a row and what it is held against run in turn, round by round. Before each: sync, caches dropped (as root),
then source and store read once. `sync` counts where the work writes. Figures are medians with the least and the most
beside them. A ratio is what was measured over the bar: met at 1.00 or less. The size of a store is `du -sb .helox` less
catalog, tables and stat caches, which the last table gives. CPU and peak memory are what wait4 says of the process.

The short form takes CPU in place of time, small workloads, and bounds that only a regression passes. It drops no caches.
Two runs within a few minutes slow the second one's making of many files, on both sides alike (see Bench.discard).

HLX names the binary; otherwise it is built. Data are made once, in ${BENCH_DIR:-/tmp/hlx-bench}/data: by bench/gen.rs of
--shared DIR (default: ../shared beside the project) where that is there, else by our own generator of the same shapes. Public
sets are those of scripts/real-data.py. Needs Linux, Python 3.9 or later, rustc, b3sum, zstd, git and tar.
"""
import argparse
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "benches/ratios"))

from bench import Bench, Failed, mb, need, remove, say, seconds  # noqa: E402
from data import Data  # noqa: E402
from peers import installed  # noqa: E402
from rows import ROWS  # noqa: E402

SHORT = ["W1", "samples", "chain", "W2", "W3", "W4", "gate", "catalog", "records"]


def binary():
    """The hlx to measure: never an old one by accident."""
    if os.environ.get("HLX"):
        return Path(os.environ["HLX"]).resolve()
    subprocess.run(["cargo", "build", "--locked", "--release", "--bin", "hlx"], cwd=TOP, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target")) / "release/hlx"


def table(heads, rows):
    print("| " + " | ".join(heads) + " |")
    print("| " + " | ".join("---" for _ in heads) + " |")
    for row in rows:
        print("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |")
    print(flush=True)


def report(bench):
    peaks = bench.peak()
    kind = "CPU and sizes of the short form" if bench.short else f"medians of {bench.runs} runs"
    table(["work", f"measured ({kind})", "bar", "ratio", "met"],
          [(*row[:4], "yes" if row[4] else "**no**") for row in bench.rows])
    rows = [key for key in bench.took if key not in bench.of_hlx and "`commit`" in key]
    if rows:
        table(["other tool", "seconds", "CPU", "peak"],
              [(key, bench.told(key, "wall"), seconds(bench.median(key, "cpu")),
                f"{max(t.peak for t in bench.took[key]) >> 20} MiB") for key in rows])
    most = sorted(peaks.items(), key=lambda item: -item[1])[:12]
    table(["what hlx did", "peak"], [(key, f"{peak >> 20} MiB") for key, peak in most])
    table(["store", "size", "beside it: catalog, tables, stat caches"],
          [(name, mb(size.truth), mb(size.derived)) for name, size in bench.stores.items()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", help=", ".join(ROWS))
    parser.add_argument("--runs", type=int, help="rounds (default 5; 3 with --short)")
    parser.add_argument("--short", action="store_true", help=", ".join(SHORT) + " at a thirtieth to a hundredth of their size")
    parser.add_argument("--peers", action="store_true", help="other tools too")
    parser.add_argument("--shared", type=Path, default=TOP.parent / "shared", help="where bench/gen.rs and data/ are")
    options = parser.parse_args()
    options.runs = options.runs or (3 if options.short else 5)
    names = options.rows.split(",") if options.rows else SHORT if options.short else list(ROWS)
    for name in names:
        if name not in ROWS:
            parser.error(f"there are no rows '{name}'; there are {', '.join(ROWS)}")
    # rustup puts cargo where a shell that was not started anew does not look.
    os.environ["PATH"] += f":{os.environ.get('CARGO_HOME') or Path.home() / '.cargo'}/bin"
    need("b3sum", "zstd", "git", "tar", "rustc")
    folder = Path(os.environ.get("BENCH_DIR", "/tmp/hlx-bench")) / ("short" if options.short else "")
    data, bench = Data(folder, options.shared.resolve(), options.short), Bench(options, binary(), folder)
    bench.peers = installed() if options.peers else []
    try:
        for name in names:
            say(f"== {name}")
            try:
                ROWS[name](bench, data)
            except (Failed, subprocess.CalledProcessError) as error:
                bench.problems.append(f"{name}: {error}")
                say(f"FAILED {name}: {error}")
    finally:
        remove(bench.work)
    report(bench)
    missed = sum(not row[4] for row in bench.rows)
    print(f"{len(bench.rows)} rows, {missed} missed, {len(bench.problems)} not measured")
    for problem in bench.problems:
        print(f"not measured: {problem}")
    # Seconds belong to the machine: only the short form judges.
    sys.exit(bool(bench.problems) or (options.short and missed > 0))


if __name__ == "__main__":
    main()
