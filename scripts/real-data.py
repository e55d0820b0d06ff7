#!/usr/bin/env python3
"""Commits public data sets with real histories, version by version, and compares what comes back with what went in.

    real-data.py                 every set
    real-data.py --short         courts, airports and spdx: some 20 seconds
    real-data.py --sets a,b      these

Each set is fetched once, by package name and pinned version, with the ordinary client of its registry, and checked
against the digest recorded below. It is kept in ${HLX_TEST_DATA:-${XDG_CACHE_HOME:-~/.cache}/hlx-test-data}/NAME/VERSION.

For each version: commit; the data checksum against find, sort, b3sum and sha256sum; log; diff against a plain comparison
of the two trees; checkout into a new folder and in place, each compared byte by byte; at the end verify --all. Prints a
table, and exits with 1 where anything differs.

HLX names the binary; otherwise target/release/hlx is used, and built if it is not there. Needs Python 3.10 or later.
"""
import argparse
import collections
import csv
import functools
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SHORT = ["courts", "airports", "spdx"]

# name: (client, package, folder kept, endings kept or None, rows of: version, files, bytes, digest)
SETS = {
    "scancode": ("pip", "scancode-toolkit-mini", "licensedcode/data/", (".RULE", ".LICENSE"), """
        32.0.8 36106 42150828 ec8f71cfeb245ed5
        32.1.0 37184 43219794 4a91edb93886e118
        32.2.1 37225 43425205 f6448a765ca08058
        32.3.2 37722 43909972 3a8913c126e854e7
        32.4.1 39064 46234599 54429b1a3485d6ef
        32.5.0 39102 46518243 48bb38a101d63066"""),
    "courts": ("pip", "courts-db", "courts_db/data/", None, """
        0.9.40 31 803178 390c417858e9dfdc
        0.10.3 31 1387553 60f87890d090cbde
        0.10.9 31 1681696 6739793e8f237d62
        0.10.15 31 1795173 07158ca7d12b1339
        0.10.22 31 1958216 fdc783a2686f3de4
        0.10.27 31 1966225 dedeff135922b068"""),
    "spdx": ("npm", "spdx-license-list", "package/", (".json", ".md"), """
        6.2.0 414 7420975 614720c6c946b511
        6.4.0 453 8327691 f6d395adda9f5eed
        6.6.0 494 9290469 6ffc5fbc94d0e593
        6.8.0 604 9773516 666cdb042dc40b76
        6.10.0 686 10194999 3778a168d396ca98
        6.12.0 733 10461847 e712d3a7eb20bc2b"""),
    "npmnames": ("npm", "all-the-package-names", "package/", (".json", ".md"), """
        2.0.2535 3 112935048 ec9023f7fa029b59
        2.0.2570 3 116336516 ea1c0b7b5a974815
        2.0.2575 3 116827158 d77de1e078e11a95
        2.0.2576 3 116899060 17ab068401d6947c
        2.0.2577 3 116974670 8451174bcca485a4
        2.0.2578 3 117072609 1e0ab6cf290dc0dc"""),
    "mdncompat": ("npm", "@mdn/browser-compat-data", "package/", (".json", ".md"), """
        8.0.0 3 19393205 1f00e6b77ed51a6f
        8.0.14 3 20186383 89d89a6a01df380c
        8.1.4 3 20339720 87a40623cc94df20
        8.1.5 3 20393778 33b2766b327667e2
        8.1.7 3 20566211 72edf938f8921a60
        8.1.9 3 20637462 d7caea12f8000436"""),
    "airports": ("pip", "airportsdata", "airportsdata/", (".csv",), """
        20250909 2 3049752 0efe8944eb2a3ac3
        20260205 2 3050723 edb8430af1136e7b
        20260315 2 3095127 82def419cd401aa5
        20260803 2 3080524 4f02e21dc04e05d6
        20260902 2 3080532 ca465c9b743b0689
        20260905 2 3081426 6226695e50421900"""),
    "biomap": ("pip", "biomappings", "biomappings/", (".tsv", ".json"), """
        0.3.3 6 9431504 74ef49358e489e95
        0.3.7 6 9489236 c88b531d6f5f8efd
        0.4.0 6 11997854 a63a4c751033f85d
        0.5.0 5 12403092 274af99c60549616
        0.5.5 5 12404813 9bb0fa86930ece82
        0.6.0 5 19148691 10efaa2d4f559a19"""),
    "evals": ("pip", "inspect-evals", "inspect_evals/", (".jsonl", ".json", ".csv", ".txt", ".md"), """
        0.5.2 452 32087605 d1c6e386a03f2619
        0.12.0 538 33798749 ab4f48e59d9d47f7
        0.18.0 606 34763052 65b76b5a6da6d0ad
        0.23.0 608 34775482 3167b26bcadf9d3c
        0.25.0 614 34829640 04dab882017bea0c
        0.26.0 614 34835250 0ed1bedb97a71f46"""),
    "vega": ("npm", "vega-datasets", "package/data/", None, """
        2.2.0 71 33679002 3a65004cb73db4ec
        2.7.0 72 35106364 772a8dacf80b6791
        2.8.1 73 35258093 425a4ac42c20b90e
        2.11.0 73 42537829 785107d529c82aae
        3.0.1 73 42614250 64141ea36cb5d604
        3.1.0 73 42614250 64141ea36cb5d604"""),
    # Debian drops old versions from its mirrors: those are skipped.
    "kerneldoc": ("apt", "linux-doc-6.1", "usr/share/doc/linux-doc-6.1/html/_sources/", None, """
        6.1.170-3 3184 24170352 bc5f9f93bb4af74e
        6.1.176-1 3184 24174920 d7f854791098ff23
        6.1.187-1 3184 24174784 9d0c793a8fccdaf9
        6.1.190-1 3184 24178022 6374e5cb116ba514
        6.1.192-1 3183 24157891 be30fbc5b89c9ac1
        6.1.192-2 3183 24157891 be30fbc5b89c9ac1"""),
}


class Unavailable(Exception):
    """A version that its registry does not give."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def need(program, package):
    """Installs a Debian package for a program that is absent."""
    if shutil.which(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"{program} is missing: install it with your system's packages")
    say(f"# installing {package}")
    update_apt()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", package]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL, env=environment)


@functools.lru_cache
def update_apt():
    """Brings apt's lists up to date, once."""
    subprocess.run(["apt-get", "-qq", "update"], check=True, stdout=subprocess.DEVNULL)


# Fetching.

def client(name, package, version):
    """The command that leaves one archive in the current folder."""
    if name == "npm":
        need("npm", "npm")
        return ["npm", "pack", "--loglevel=error", f"{package}@{version}"]
    if name == "apt":
        update_apt()
        return ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", f"{package}={version}"]
    has_pip = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0
    if not has_pip:
        need("pip3", "python3-pip")
    # A wheel for one fixed Python, so that nothing is built.
    return [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
            "--only-binary=:all:", "--python-version", "3.11", "-d", ".", f"{package}=={version}"]


def members(archive):
    """The name and the bytes of each file in a wheel, an npm tarball or a Debian package."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as z:
            yield from ((i.filename, z.read(i)) for i in z.infolist() if not i.is_dir())
        return
    if archive.suffix == ".deb":
        tar = archive.with_suffix(".tar")
        with tar.open("wb") as out:
            subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], stdout=out, check=True)
        archive = tar
    with tarfile.open(archive) as t:
        yield from ((m.name[2:] if m.name.startswith("./") else m.name, t.extractfile(m).read()) for m in t if m.isfile())


def digest(folder):
    """Files, bytes and a digest of names and contents."""
    rows, total = [], 0
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            total += len(data)
            name = path.relative_to(folder).as_posix()
            rows.append(f"{name}\0{len(data)}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return len(rows), total, hashlib.sha256(b"".join(sorted(rows))).hexdigest()[:16]


def cache_folder():
    """Where the sets are kept."""
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HLX_TEST_DATA") or Path(cache_home) / "hlx-test-data")


def fetch(cache, name, version, expected):
    """The folder of a version, fetched unless it is there; it appears whole or not at all."""
    kind, package, root, endings, _ = SETS[name]
    final = cache / name / version
    if final.is_dir() and digest(final) == expected:
        return final
    say(f"# fetching {name} {version}")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache) as tmp:
        command = client(kind, package, version)
        done = subprocess.run(command, cwd=tmp, capture_output=True, text=True, errors="replace")
        archives = [p for p in Path(tmp).iterdir() if p.suffix in (".whl", ".tgz", ".deb")]
        if done.returncode or len(archives) != 1:
            said = (done.stderr + done.stdout).strip().splitlines()[-1:]
            raise Unavailable(f"{name} {version}: {command[0]} exited with {done.returncode}: {' '.join(said)[:300]}")
        out = Path(tmp) / "out"
        for member, data in members(archives[0]):
            rest = member[len(root):]
            if member.startswith(root) and rest and (endings is None or rest.endswith(endings)):
                target = out / rest
                if ".." in target.parts or out not in target.parents:
                    raise Unavailable(f"{name} {version}: unsafe name in the archive: {member}")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        found = digest(out) if out.is_dir() else (0, 0, "")
        if found != expected:
            raise Unavailable(f"{name} {version}: is {found}, and {expected} is recorded")
        shutil.rmtree(final, ignore_errors=True)
        final.parent.mkdir(parents=True, exist_ok=True)
        out.rename(final)
    return final


# Comparing.

def listing(folder):
    """Every path below a folder: bytes of a file, None for a folder, the target of a symlink."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name == ".hlx.json":
            # What `checkout --into` leaves beside the data.
            continue
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


# Files at the top of a dataset that describe it have no samples; the program that counted took each text for one.
DESCRIBES = re.compile(r"(README|LICENSE|DATASET_CARD)(\.md|\.txt|\.rst)?", re.IGNORECASE)


def described(names):
    """Those of the names that describe the data."""
    return {name for name in names if DESCRIBES.fullmatch(name)}


def names_that_differ(a, b):
    """What the two sets of paths say is different: names, at most ten."""
    odd = sorted(name for name in a.keys() | b.keys() if name not in a or name not in b or a[name] != b[name])
    return ", ".join(odd[:10]) + (f" and {len(odd) - 10} more" if len(odd) > 10 else "")


def store_size(helox):
    """Bytes of the store less what is derived: catalog, tables, stat caches."""
    derived = ("catalog", "index")
    files = (p for p in helox.rglob("*") if p.is_file() and p.relative_to(helox).parts[0] not in derived)
    return sum(p.stat().st_size for p in files if p.name != "stat.cache")


def truth():
    """What another program counted, where the checkout stands beside the folder that holds it: samples of versions, and
    those added and removed from one to the next."""
    root = Path(__file__).resolve().parent.parent
    for path in (root / "../shared/data/truth.json", Path(os.environ.get("HLX_TRUTH", "truth.json"))):
        if path.is_file():
            return json.loads(path.read_text())["sources"]
    return {}


csv.field_size_limit(sys.maxsize)


def table_rows(tree, differ, by_names):
    """How often each row stands in the tables among the files that differ: by the names of its columns, or by their places."""
    counted = collections.Counter()
    for path in differ:
        delimiter = {"csv": ",", "tsv": "\t"}.get(path.rsplit(".", 1)[-1].lower())
        if delimiter is None or tree.get(path) is None:
            continue
        text = tree[path].removeprefix(b"\xef\xbb\xbf").decode("latin-1")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
        if not rows:
            continue
        header = rows[0]
        order = sorted(range(len(header)), key=lambda at: (header[at], at))
        names = tuple((header[at], at if header.count(header[at]) > 1 else 0) for at in order)
        for row in rows[1:]:
            named = by_names and len(row) == len(header)
            counted[(names, tuple(row[at] for at in order)) if named else tuple(row)] += 1
    return counted


def by_names_less_by_places(a, b):
    """The rows added and removed from one tree to the next, by the names of the columns and by their places."""
    differ = [path for path in a.keys() | b.keys() if a.get(path) != b.get(path)]
    counts = []
    for by_names in (True, False):
        old, new = (table_rows(tree, differ, by_names) for tree in (a, b))
        counts.append(((new - old).total(), (old - new).total()))
    return counts


# Where that program counts otherwise: it tells 1.0 from 1, which are one number.
EXPLAINED = {("vega", "2.11.0..3.0.1"): (-2907, -2907)}

COMMAND = r"find . -type f ! -path ./.hlx.json -printf '%P\0' | LC_ALL=C sort -z | xargs -0 -r b3sum | sha256sum"


class Run:
    """One set in a repository of its own."""

    def __init__(self, hlx, name, work):
        self.hlx, self.name = hlx, name
        self.repo = work / "repo"
        self.data = self.repo / "data"
        self.problems, self.rows = [], []
        self.truth = truth().get(name)

    def problem(self, text):
        self.problems.append(f"{self.name}: {text}")
        say(f"DIFFERS {self.name}: {text}")

    def call(self, *words):
        """Runs hlx with --json; what it printed and the seconds it took. None for an answer that is none."""
        start = time.monotonic()
        done = subprocess.run([self.hlx, "-C", self.repo, "--json", *words], capture_output=True, stdin=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
            self.problem(f"hlx {' '.join(map(str, words))} exited with {done.returncode}: {said[:500]}")
            return None, seconds
        try:
            return json.loads(done.stdout), seconds
        except ValueError as error:
            self.problem(f"hlx {' '.join(map(str, words))} printed no JSON: {error}")
            return None, seconds

    def commit(self, version, source):
        """Puts a version in place of the one before and commits it; the number that it got."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(source, self.data)
        made, seconds = self.call("commit", "--allow-empty", "-m", version)
        if made is None:
            return None
        expected = subprocess.run(COMMAND, shell=True, cwd=self.data, capture_output=True, text=True, check=True).stdout.split()[0]
        if made["data_checksum"] != expected:
            self.problem(f"{version}: data_checksum is {made['data_checksum']}, and the tools print {expected}")
        files, size, _ = digest(source)
        if (made["file_count"], made["total_size_bytes"]) != (files, size):
            self.problem(f"{version}: {made['file_count']} files of {made['total_size_bytes']} bytes, not {files} of {size}")
        counted = self.truth and self.truth["version"].get(version)
        if counted and made["total_samples"] != (expected := counted["samples"] - len(described(os.listdir(source)))):
            self.problem(f"{version}: {made['total_samples']} samples, not {expected}")
        self.rows.append([version, files, size, seconds, store_size(self.repo / ".helox"), None])
        return made["version"]

    def log(self, numbers):
        log, _ = self.call("log")
        if log is not None:
            found = [(v["version"], v["change_summary"]) for v in log["versions"]]
            expected = [(number, row[0]) for number, row in zip(numbers, self.rows)][::-1]
            if found != expected:
                self.problem(f"log lists {found}, not {expected}")

    def diff(self, numbers, old, new, a, b):
        """The changes from one version to the next against those of the two trees."""
        said, _ = self.call("diff", numbers[old], numbers[new])
        if said is None:
            return
        a, b = ({n: data for n, data in tree.items() if data is not None} for tree in (a, b))
        added = {e["path"] for e in said["added"]} | {e["to"] for e in said["renamed"]}
        removed = {e["path"] for e in said["removed"]} | {e["from"] for e in said["renamed"]}
        modified = {e["path"] for e in said["modified"]}
        expected = (b.keys() - a.keys(), a.keys() - b.keys(), {n for n in a.keys() & b.keys() if a[n] != b[n]})
        for what, found, right in zip(("added", "removed", "modified"), (added, removed, modified), expected):
            if found != right:
                self.problem(f"diff {numbers[old]} {numbers[new]}: {what} differ at {sorted(found ^ right)[:10]}")
        for pair in said["renamed"]:
            if a.get(pair["from"]) != b.get(pair["to"]):
                self.problem(f"diff {numbers[old]} {numbers[new]}: {pair} is no renaming")

    def samples(self, numbers, old, new, a, b):
        """The samples that differ from one version to the next against those that another program found. That program
        counts rows of tables by the places of their columns: what their names make of it is counted here."""
        pair = f"{self.rows[old][0]}..{self.rows[new][0]}"
        counted = self.truth and self.truth["pair"].get(pair)
        if not counted:
            return
        said, _ = self.call("diff", numbers[old], numbers[new], "--samples")
        if said is None:
            return
        off = EXPLAINED.get((self.name, pair), (0, 0))
        names, places = by_names_less_by_places(a, b)
        if names != places:
            say(f"# {self.name} {pair}: rows added and removed are {names} by their names, {places} by their places")
        texts = described(a.keys() | b.keys())
        described_by_one = [sum(side.get(name) not in (None, other.get(name)) for name in texts) for side, other in ((b, a), (a, b))]
        off = [explained + named - placed - text for explained, named, placed, text in zip(off, names, places, described_by_one)]
        expected = tuple(counted["samples_global"][what] + by for what, by in zip(("added", "removed"), off))
        found = (said["samples"]["added"], said["samples"]["removed"])
        if found != expected:
            self.problem(f"diff --samples {pair}: {found} added and removed, not {expected}")

    def checkout(self, number, row, tree, into):
        made, row[5] = self.call("checkout", number, "--into", into)
        if made is not None and (odd := names_that_differ(tree, listing(into))):
            self.problem(f"checkout {number} --into: {odd}")
        shutil.rmtree(into, ignore_errors=True)
        made, _ = self.call("checkout", number)
        if made is not None and (odd := names_that_differ(tree, listing(self.data))):
            self.problem(f"checkout {number}: {odd}")

    def run(self, sources):
        self.repo.mkdir(parents=True)
        self.data.mkdir()
        self.call("init")
        self.call("dataset", "add", self.name, "--type", "real", "--path", "data")
        numbers = [self.commit(version, source) for version, source in sources]
        if None in numbers:
            return
        self.log(numbers)
        before = None
        for n, (_, source) in enumerate(sources):
            tree = listing(source)
            if before is not None:
                self.diff(numbers, n - 1, n, before, tree)
                self.samples(numbers, n - 1, n, before, tree)
            self.checkout(numbers[n], self.rows[n], tree, self.repo.parent / "into")
            before = tree
        verified, _ = self.call("verify", "--all")
        if verified is not None and not verified["is_valid"]:
            self.problem(f"verify --all: {verified['problems'][:5]}")


def binary():
    """The hlx to test."""
    if os.environ.get("HLX"):
        return Path(os.environ["HLX"]).resolve()
    built = Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target")) / "release" / "hlx"
    if not built.exists():
        subprocess.run(["cargo", "build", "--locked", "--release", "--bin", "hlx"], cwd=TOP, check=True)
    return built


def table(runs):
    print(f"{'set':11}{'version':12}{'files':>7}{'MB':>9}{'commit s':>10}{'store MB':>10}{'checkout s':>12}")
    for run in runs:
        for version, files, size, commit, store, checkout in run.rows:
            took = "-" if checkout is None else f"{checkout:.2f}"
            print(f"{run.name:11}{version:12}{files:7}{size / 1e6:9.1f}{commit:10.2f}{store / 1e6:10.2f}{took:>12}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help=", ".join(SHORT))
    parser.add_argument("--sets", help="names, separated by commas")
    options = parser.parse_args()
    names = options.sets.split(",") if options.sets else SHORT if options.short else list(SETS)
    for name in names:
        if name not in SETS:
            parser.error(f"there is no set '{name}'; there are {', '.join(SETS)}")
    need("b3sum", "b3sum")
    hlx, cache = binary(), cache_folder()
    os.environ.setdefault("HLX_AUTHOR", "real-data@example.com")
    runs, problems = [], []
    for name in names:
        sources = []
        for row in SETS[name][4].split("\n")[1:]:
            version, files, size, checksum = row.split()
            try:
                sources.append((version, fetch(cache, name, version, (int(files), int(size), checksum))))
            except Unavailable as error:
                if name == "kerneldoc":
                    say(f"# skipped: {error}")
                else:
                    problems.append(str(error))
                    say(f"FAILED {error}")
        if sources:
            with tempfile.TemporaryDirectory(prefix="hlx-real-data-") as work:
                run = Run(hlx, name, Path(work))
                run.run(sources)
            runs.append(run)
            problems += run.problems
    table(runs)
    versions = sum(len(run.rows) for run in runs)
    print(f"{versions} versions of {len(runs)} sets, {len(problems)} differences")
    sys.exit(bool(problems) or not runs)


if __name__ == "__main__":
    main()
