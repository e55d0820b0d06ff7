"""The rows, by the data that they work on. Each function measures its works in turn, round by round, then makes its rows."""
import json
import os
import shutil
import subprocess

import data as sets
from bench import Failed, Repository, remove, seconds, tar_size
from peers import beside_peers

CP = "cp -r, sync"
# CPU seconds of a question to the catalog.
CATALOG = 0.050
# Bytes that a comparison of any number of records may hold.
RECORDS_MEMORY = 512 << 20
LEVEL_6 = "\n[store]\ncompression = 6\n"


def rules(*tables):
    """Rules of the dataset, whose findings only lower the score."""
    head = "[[dataset.d.validation.rule]]\nseverity = 'warning'\n"
    return "key = '/id'\n\n[dataset.d.validation]\n\n" + "\n".join(head + table for table in tables)


GATE = rules("kind = 'parse'\n", "kind = 'required'\nfields = ['/id', '/text']\n", "kind = 'unique'\n", "kind = 'duplicates'\n",
             "kind = 'encoding'\n", "kind = 'length'\nfield = '/text'\nmin = 10\nmax = 1000000\n")
LEAKAGE = rules("kind = 'leakage'\ntrain = '*.jsonl'\ntest = 'test'\n")


class Tree:
    """A workload of two versions in a repository."""

    def __init__(self, bench, data, name, counted=False, gate=""):
        self.bench, self.name, self.counted, self.gate = bench, name, counted, gate
        self.source, self.stats = data.workload(name)
        self.v1 = self.source / "v1"
        if counted:
            self.name = f"{name} through the gate," if gate else f"{name} with samples counted,"
        self.repo = Repository(bench, name + "-counted" * counted + "-gate" * bool(gate))
        self.repo.copy(self.v1)
        self.manifest = None

    def removed(self):
        path = self.source / "v2.deleted"
        return path.read_text().splitlines() if path.exists() else []

    def commit_v1(self):
        self.repo.init(self.gate, counted=self.counted)
        self.bench.warm(self.repo.data)
        made = self.repo.commit(f"`commit` of {self.name} v1")
        if self.manifest not in (None, made["manifest"]):
            raise Failed(f"{self.name}: going back to v1 left another tree")
        self.manifest = made["manifest"]
        self.number = made["version"]
        self.size_v1 = self.repo.size(f"{self.name} v1")

    def commit_v2(self):
        subprocess.run(["cp", "-r", f"{self.source}/v2/.", self.repo.data], check=True)
        for name in self.removed():
            (self.repo.data / name).unlink()
        self.bench.settle()
        self.bench.warm(self.repo.data, self.repo.store)
        self.repo.commit(f"`commit` of {self.name} v2")
        self.size_v2 = self.repo.size(f"{self.name} v2")

    def checkouts(self):
        """v1 into a new folder, beside cp of the same tree; then v2 to v1 in place."""
        out, new, into = self.bench.work / "out", f"{self.name}: {CP}", f"`checkout --into` of {self.name} v1"
        self.bench.warm(self.v1)
        self.bench.run(new, ["cp", "-r", self.v1, out], self.bench.work, sync=True)
        self.bench.discard(out, self.stats["v1_files"])
        self.bench.warm(self.repo.store)
        self.repo.checkout(into, self.number, out)
        self.bench.discard(out, self.stats["v1_files"])
        self.bench.warm(self.repo.data, self.repo.store)
        made = self.repo.checkout(f"{self.name} v2 to v1 in place", self.number)
        self.touched = made["written"], made["removed"], made["unchanged"]

    def checkout_rows(self, factor):
        b, name = self.bench, self.name
        into, switch = f"`checkout --into` of {name} v1", f"{name} v2 to v1 in place"
        b.faster(into, into, factor, f"{name}: {CP}")
        b.faster(switch, switch, 1, into, short=1.6)
        files = [p.relative_to(self.source / "v2") for p in (self.source / "v2").rglob("*") if p.is_file()]
        added = sum(not (self.v1 / f).exists() for f in files)
        differ = len(files) - added + len(self.removed())
        due = differ, added, self.stats["v1_files"] - differ
        said = "{} written, {} removed, {} unchanged"
        b.row(f"{switch}: files", said.format(*self.touched), said.format(*due), self.touched == due)


def w1(b, data):
    """2 GiB of JSONL."""
    tree, one = Tree(b, data, "W1"), Repository(b, "one-file")
    one.data.mkdir()
    with (one.data / "all.jsonl").open("wb") as out:
        subprocess.run(["cat", *sorted(tree.v1.iterdir())], stdout=out, check=True)
    alone, v1, v2 = "one file instead of eight", "`commit` of W1 v1", "`commit` of W1 v2"
    reference = "zstd -1 -T1, then b3sum --num-threads 1"
    tree.repo.init(LEVEL_6)
    tree.repo.commit("`commit` of W1 v1, level 6")
    level_6 = tree.repo.size("W1 v1, level 6")
    for _ in range(b.runs):
        tree.commit_v1()
        b.warm(tree.v1)
        b.shell(reference, "zstd -1 -T1 -q -c -- * > /dev/null && b3sum --num-threads 1 -- * > /dev/null", tree.v1)
        one.init()
        b.warm(one.data)
        one.commit(alone)
        beside_peers(b, tree, v1)
        tree.commit_v2()
        tree.checkouts()
    zstd_1, zstd_3 = (tar_size(tree.v1, level) for level in (1, 3))

    b.faster(v1, v1, 0.60, reference, short=1.9)
    b.fastest_peer(v1, 1)
    b.smaller("store after W1 v1", tree.size_v1, 1.03 * zstd_1, "1.03 × zstd -1 of a tar")
    b.smaller("store after W1 v1, `compression = 6`", level_6, 1.03 * zstd_3, "1.03 × zstd -3 of a tar")
    b.faster(v2, v2, 0.65, v1, short=1.4)
    new = tree.stats["new_bytes"] * zstd_3 / tree.stats["v1_bytes"]
    b.smaller("growth by W1 v2", tree.size_v2 - tree.size_v1, 1.15 * new, "1.15 × new bytes under zstd -3")
    b.faster(alone, alone, 1.15, v1, short=1.5)
    tree.checkout_rows(1.5)
    b.quick("W1's store", tree.repo)


def samples(b, data):
    """W1 with samples counted, beside the same without; the sample diff, beside reading both versions with zstd."""
    off, on = Tree(b, data, "W1"), Tree(b, data, "W1", counted=True)
    both = [b.work / "v1.zst", b.work / "v2.zst"]
    reference, diff = "zstd -dc of v1, then of v2", "`diff --samples` of W1 v1 and v2"
    for _ in range(b.runs):
        for tree in (off, on):
            tree.commit_v1()
            subprocess.run(f"cat {tree.repo.data}/* | zstd -1 -q -f -o {both[0]}", shell=True, check=True)
            tree.commit_v2()
            subprocess.run(f"cat {tree.repo.data}/* | zstd -1 -q -f -o {both[1]}", shell=True, check=True)
        b.warm(on.repo.store)
        b.shell(reference, f"zstd -dcq {both[0]} > /dev/null && zstd -dcq {both[1]} > /dev/null", b.work)
        on.repo.hlx(diff, "diff", "--samples", "HEAD~1", "HEAD")
        for tree in (off, on):
            tree.repo.checkout("back to v1", tree.number)
    for version, factor in (("v1", 1.25), ("v2", 1.35)):
        counted = f"`commit` of {on.name} {version}"
        b.faster(counted, counted, factor, f"`commit` of W1 {version}", short=2)
    b.faster(diff, diff, 0.8, reference, short=2)


def chain(b, data):
    """Fifty versions of one file of JSONL after its first, each with one record of a hundred edited."""
    source = min((data.workload("W1")[0] / "v1").iterdir())
    repo, edited = Repository(b, "chain"), b.work / "edited"
    repo.data.mkdir()
    file = repo.data / "records.jsonl"
    shutil.copyfile(source, file)
    repo.init()
    first = repo.commit("`commit` of the chain's first")["version"]
    growth, size = [], repo.size("chain, first")
    for n in range(1, 51):
        data.edit(file, edited, n)
        b.settle()
        newest = repo.commit("`commit` in the chain")["version"]
        before, size = size, repo.size("chain, last")
        packed = int(subprocess.check_output(f"zstd -3 -q -c {edited} | wc -c", shell=True))
        growth.append((size - before, 1.5 * packed))
    out = b.work / "out"
    first_out, newest_out = "`checkout --into` of the chain's first", "`checkout --into` of the chain's newest"
    for _ in range(b.runs):
        for key, number in ((first_out, first), (newest_out, newest)):
            b.warm(repo.store)
            repo.checkout(key, number, out)
            remove(out)

    worst = max(range(50), key=lambda n: growth[n][0] / growth[n][1]) + 1
    for n, most in [(1, ""), (10, ""), (30, ""), (50, ""), (worst, ", the most")]:
        b.smaller(f"growth by edited version {n} of 50{most}", *growth[n - 1], "1.5 × its edited records under zstd -3")
    b.faster(newest_out, newest_out, 2, first_out, short=4)
    b.quick("the chain's store", repo)


def history(b, data, name):
    """All versions of a public set in one store; their folders and the size."""
    repo, versions = Repository(b, name), data.versions(name)
    repo.init()
    for version in versions:
        remove(repo.data)
        repo.copy(version)
        b.settle()
        repo.commit(f"`commit` in {name}")
    return versions, repo.size(name)


def npmnames(b, data):
    """One JSON array of 4.5 million names, 117 MB."""
    _, size = history(b, data, "npmnames")
    b.smaller("`npmnames`, six versions", size, 36e6, "fixed")


def scancode(b, data):
    """39,000 licence texts."""
    versions, size = history(b, data, "scancode")
    packed = files = 0
    for old, new in zip([None, *versions], versions):
        names = list(sets.changed(old, new))
        packed += tar_size(new, 3, names)
        files += len(names)
    text = f"1.15 × {packed / 1e6:.2f} MB under zstd -3 + 100 × {files} files"
    b.smaller("`scancode`, six versions", size, 1.15 * packed + 100 * files, text)


def w2(b, data):
    """100,000 text files."""
    tree = Tree(b, data, "W2")
    repo, v1 = tree.repo, "`commit` of W2 v1"
    git = ["git", "--git-dir", b.work / "git", "--work-tree", repo.data]
    for words in (["init", "-q"], ["add", "-A"], ["-c", "gc.auto=0", "commit", "-q", "-m", "v1"]):
        subprocess.run([*git, *words], cwd=repo.data, env=b.environment, check=True)
    status, git_status, one = "`status`, nothing changed, W2", "git status", "`commit` after one file of W2"
    names = sorted(p.relative_to(tree.v1) for p in next(f for f in sorted(tree.v1.iterdir()) if f.is_dir()).iterdir())[:3]
    for n in range(b.runs):
        tree.commit_v1()
        b.warm(tree.v1)
        b.shell("tar | zstd -1 -T2", "tar c . | zstd -1 -T2 -q -c > /dev/null", tree.v1)
        b.settle()
        # What the last round moved is read once more here, so that neither side reads files when it is measured.
        subprocess.run([*git, "status", "--porcelain"], cwd=repo.data, env=b.environment, check=True, stdout=subprocess.DEVNULL)
        b.warm(repo.data, repo.store, b.work / "git")
        for _ in range(3):
            repo.hlx(status, "status")
            b.run(git_status, [*git, "status", "--porcelain"], repo.data)
        beside_peers(b, tree, v1)
        tree.commit_v2()
        tree.checkouts()
        b.warm(repo.data, repo.store)
        for k, name in enumerate(names):
            with (repo.data / name).open("a") as file:
                file.write(f"edited {n} {k}\n")
            b.settle()
            os.sync()
            repo.commit(one)
        for name in names:
            shutil.copyfile(tree.v1 / name, repo.data / name)

    b.faster(v1, v1, 1.5, "tar | zstd -1 -T2", short=3)
    b.fastest_peer(v1, 0.3)
    b.smaller("store after W2 v1", tree.size_v1, 1.1 * tar_size(tree.v1, 1), "1.1 × zstd -1 of the tar")
    b.faster(status, status, 1.0, git_status, short=3)
    b.faster(one, one, 1.3, status, plus=0.050, short=2)
    tree.checkout_rows(0.8)
    b.quick("W2's store", repo)


def w3(b, data):
    """1.5 GiB that do not compress."""
    tree, v1, v2 = Tree(b, data, "W3"), "`commit` of W3 v1", "`commit` of W3 v2"
    for _ in range(b.runs):
        tree.commit_v1()
        tree.commit_v2()
        tree.checkouts()
    b.faster(v1, v1, 1.1, f"W3: {CP}")
    b.faster(v2, v2, 0.1, v1, short=0.7)
    tree.checkout_rows(1.2)


def w4(b, data):
    """A million files."""
    many, few = Repository(b, "W4"), Repository(b, "few")
    for repo, name in ((many, "W4"), (few, "W2")):
        # Nothing here writes into a file in place, so that second names do.
        repo.copy(data.workload(name)[0] / "v1", links=True)
        repo.init()
        b.settle()
        b.warm(repo.data)
        repo.commit(f"`commit` of {name} v1 beside `status`")
    files = [data.workload(name)[1]["v1_files"] for name in ("W4", "W2")]
    million, thousands = "`status`, nothing changed, W4", "`status`, nothing changed, W2 beside W4"
    b.settle()
    b.warm(many.data, many.store, few.data, few.store)
    for _ in range(b.runs):
        few.hlx(thousands, "status")
        many.hlx(million, "status")
    changed = sorted(many.data.iterdir())[::max(len(os.listdir(many.data)) // 10, 1)][:10]
    for folder in changed:
        file = min(folder.iterdir())
        new = b.work / "new"
        new.write_bytes(file.read_bytes() + b"edited\n")
        new.replace(file)
    b.settle()
    many.commit("`commit` of W4 after ten files")
    many.size("W4")
    b.warm(many.store)
    for _ in range(b.runs):
        many.hlx("`--version`", "--version")
        many.hlx("`diff` of W4, ten changes", "diff", "HEAD~1", "HEAD")

    b.faster(million, million, 1.2 * files[0] / files[1], thousands, short=2 * files[0] / files[1])
    bar = b.median("`--version`", "cpu") + 0.020
    b.leaner("`diff` of W4, ten changes", "`diff` of W4, ten changes", bar, "`--version` + 20 ms")
    b.quick("W4's store", many)


def gate(b, data):
    """W1 through the default gate, beside the same without it; leakage, with a hundredth of the records as the test split."""
    off, on = Tree(b, data, "W1", counted=True), Tree(b, data, "W1", counted=True, gate=GATE)
    for _ in range(b.runs):
        for tree in (off, on):
            tree.commit_v1()
            tree.commit_v2()
            for file in tree.v1.iterdir():
                shutil.copyfile(file, tree.repo.data / file.name)
    plain, gated = ([b.median(f"`commit` of {tree.name} {v}", "cpu") for v in ("v1", "v2")] for tree in (off, on))
    first, second = f"`commit` of {on.name} v1", "what the gate adds to v2"
    b.faster(first, first, 2.5, f"`commit` of {off.name} v1", short=3)
    added = [with_gate - without for with_gate, without in zip(gated, plain)]
    bar = (0.8 if b.short else 0.4) * added[0]
    b.row(second, f"{seconds(added[1])} CPU", f"0.4 × {seconds(added[0])} CPU (what it adds to v1)", max(added[1], 0) / bar)

    repo = Repository(b, "leakage")
    repo.copy(off.v1)
    (repo.data / "test").mkdir()
    files = sorted(repo.data.glob("*.jsonl"))
    leaked = []
    with (repo.data / "test" / "split.jsonl").open("wb") as test:
        for path in files:
            with (off.v1 / path.name).open("rb") as lines, path.open("wb") as train:
                for n, line in enumerate(lines):
                    (train if n % 100 else test).write(line)
                    leaked = leaked if n % 100 else [*leaked[-9:], line]
    with files[len(files) // 2].open("ab") as train:
        train.writelines(leaked)
    repo.init(counted=True)
    repo.commit("`commit` of W1 with splits")
    config = (repo.repo / "helox.toml").read_text()
    whole, leakage, found = "`validate` of W1, the default gate", "`validate` of W1, leakage", set()
    for _ in range(b.runs):
        for key, declared in ((whole, GATE), (leakage, LEAKAGE)):
            (repo.repo / "helox.toml").write_text(config + declared)
            remove(repo.store / "gate")
            b.warm(repo.store)
            found.add((key, json.loads(repo.hlx(key, "validate", "HEAD").out)["findings_count"]))
    b.faster(leakage, leakage, 1.5, whole, short=1.6)
    leaks = sorted(count for key, count in found if key == leakage)
    b.row("ten records of the test split in train", f"{leaks} found", "10", leaks == [10])


def catalog(b, data):
    """Many versions, a hundredth of them tagged: of one dataset, and of a hundred. They are records without data."""
    for datasets in (1, 100):
        repo, versions = Repository(b, f"history-{datasets}"), 10_000 if b.short else 100_000
        remove(repo.repo)
        subprocess.run(["cp", "-a", data.history(versions, datasets, versions // 100), repo.repo], check=True)
        name = f"{versions:,} versions of {datasets} dataset{'s' * (datasets > 1)}"
        repo.hlx(f"`reindex`, {name}", "reindex")
        tagged = ["--type", "lease_abstraction", "--tag", "production", "--since", "2026-01-06"]
        queries = {"log -n 20": ["log", "-n", "20"], "log --type T --tag production --since DATE": ["log", *tagged],
                   "dataset list": ["dataset", "list"]}
        answers = {}
        for query, words in queries.items():
            key = f"`{query}`, {name}"
            b.of_hlx.add(key)
            # The first to come after the catalog was built finds more to tidy up.
            for _ in range(b.runs + 1):
                answers[query] = b.run(key, [b.hlx_binary, *words], repo.repo).out
            b.took[key].pop(0)
            b.leaner(key, key, CATALOG, "fixed")
        # Nothing can be written where a folder is expected.
        remove(repo.store / "catalog")
        (repo.store / "catalog").touch()
        for query, words in queries.items():
            key = f"`{query}` without the catalog, {name}"
            same = b.run(key, [b.hlx_binary, *words], repo.repo).out == answers[query]
            b.row(key, "the same" if same else "differs", "the same answer", same)


def records(b, data):
    """Short records with a key, of which a hundredth is edited, or all: what a comparison holds, and what it costs."""
    for kind in data.record_kinds():
        repo = Repository(b, f"records-{kind}")
        repo.data.mkdir()
        file, first = repo.data / f"records.{kind}", f"`commit` of the records, {kind}"
        for percent in (1, 100):
            edited = f"{percent}% edited, {kind}"
            second = f"`commit` of the records, {edited}"
            for _ in range(b.runs if percent == 1 else 1):
                shutil.copyfile(data.records(kind, 0), file)
                repo.init("key = '/id'\n", counted=True)
                b.settle()
                repo.commit(first)
                shutil.copyfile(data.records(kind, percent), file)
                b.settle()
                repo.commit(second)
            diff, patch = f"`diff --samples`, {edited}", f"`diff --samples --patch --limit 5`, {edited}"
            repo.hlx(diff, "diff", "--samples", "HEAD~1", "HEAD")
            repo.hlx(patch, "diff", "--samples", "--patch", "--limit", "5", "HEAD~1", "HEAD")
            for key in (first, second, diff, patch):
                b.held(key, RECORDS_MEMORY)
            if percent == 1:
                # The first commit takes the number of rows of Parquet from the footer; the second decodes what may differ.
                times = 2 if kind == "parquet" else 1
                b.leaner(second, second, times * b.median(first, "cpu"), f"{times} × {first}")


ROWS = {"W1": w1, "samples": samples, "chain": chain, "npmnames": npmnames, "scancode": scancode, "W2": w2, "W3": w3, "W4": w4,
        "gate": gate, "catalog": catalog, "records": records}
