#!/usr/bin/env python3
"""Plants known faults in public data sets, and compares what the rules find with what was planted.

    gate-data.py                 every set that is cheap
    gate-data.py --short         8,000 records of airports and courts each: under 20 seconds
    gate-data.py --sets a,b      these

The sets come as real-data.py fetches and keeps them. Of each, records are made: one JSON document a line, in files of two
splits. Records that have a fault of their own by these rules, as Python sees it, are left out first. Then, in a
repository of its own, with rules of every kind:

  clean data passes; faults of every kind are found at their lines, and nothing else is; counts and score are those that
  Python comes to; the commit is refused, and nothing of it is visible; without the rules it is SKIPPED; mended data
  passes; faults among records that did not change are found as well, and just so when .helox/gate is gone; a version
  that lost a third of its records has drifted; what was found before is told once of files whose mode alone changed.

Prints one line a check, and exits with 1 where anything differs.

HLX names the binary; otherwise target/release/hlx is used, and built if it is not there. Needs Python 3.9 or later.
"""
import argparse
import csv
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SPEC = importlib.util.spec_from_file_location("real_data", HERE / "real-data.py")
real = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(real)

SHORT = ["airports", "courts"]
# The most records of a set with --short.
FEW = 8_000
# The longest text that the rules let pass, in characters.
MAX_TEXT = 20_000


# Records of each set: (text, label, number, the record itself).

def airports(folder):
    with (folder / "airports.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield f"{row['name']}, {row['city']}, {row['subd']} ({row['icao']})", row["country"], row["elevation"], row


def courts(folder):
    for row in json.loads((folder / "courts.json").read_text()):
        yield f"{row['name']}: {', '.join(row.get('examples') or [])}", row.get("type"), len(row.get("regex") or []), row


def spdx(folder):
    for name, row in json.loads((folder / "spdx-full.json").read_text()).items():
        yield row["licenseText"], "osi" if row["osiApproved"] else "other", len(name), row


def evals(folder):
    for line in (folder / "writingbench" / "benchmark_all.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row["query"], row.get("domain1"), row.get("index"), row


def scancode(folder):
    for path in sorted(folder.rglob("*.RULE")):
        text = path.read_bytes().decode(errors="replace")
        yield text, text[text.find("license_expression:"):].split("\n")[0][20:60], len(text), {"file": path.name}


READERS = {"airports": airports, "courts": courts, "spdx": spdx, "evals": evals, "scancode": scancode}

ODD = re.compile("[\0-\b\v\f\x0e-\x1f\x7f-\x9f\ufffd\ufeff\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
# Far more than any pattern for personal data finds.
PERSONAL = re.compile(r"@|\d(?:[-. ()/]?\d){6}|\bM-\d")


def texts(value):
    """All strings of a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in texts(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in texts(part))


def clean(name, rows):
    """The records that no rule finds anything in. Letters and digits tell two texts apart."""
    seen, records = set(), []
    for text, label, number, row in rows:
        letters = re.sub("[^a-z0-9]", "", text.lower())
        whole = "".join(texts(row))
        odd = ODD.search(text + whole)
        if odd or len(letters) < 8 or letters in seen or len(text) > MAX_TEXT or PERSONAL.search(text):
            continue
        seen.add(letters)
        try:
            number = float(number)
        except (TypeError, ValueError):
            number = 0
        records.append({
            "id": f"{name}-{len(records):06}", "text": text, "label": str(label or "none"), "number": number,
            "flag": len(records) % 3 == 0, "note": "as it came", "source": row,
        })
    return records


# The rules, in their order: name, kind, severity, weight, and the rest of the table.

def rules(labels):
    quoted = json.dumps(labels, ensure_ascii=False)
    return [
        ("parse", "parse", "error", 1, ""),
        ("shape", "schema", "error", 2, 'file = "schemas/record.json"'),
        ("required", "required", "error", 1, 'fields = ["/id", "text", "/label"]'),
        ("types", "types", "error", 1, 'fields = { "/flag" = "boolean", "/text" = ["string", "null"] }'),
        ("labels", "values", "error", 1.5, f'field = "/label"\nvalues = {quoted}'),
        ("numbers", "range", "warning", 1, 'field = "/number"\nmin = -1000000\nmax = 1000000'),
        ("length", "length", "warning", 0.25, f'field = "/text"\nmax = {MAX_TEXT}'),
        ("unique", "unique", "error", 1, ""),
        ("repeated", "duplicates", "warning", 1, 'fields = "/text"\nfiles = "train"'),
        ("encoding", "encoding", "error", 1, ""),
        ("empty", "empty", "error", 1, 'fields = "/note"'),
        ("personal", "pii", "error", 5, 'fields = ["/text", "/note"]\npatterns = { matter = "\\\\bM-[0-9]{6}\\\\b" }\n'
                                        'find = ["email", "phone", "ssn", "credit_card"]'),
        ("drift", "drift", "error", 1, 'samples = 0.25\nfield = "/text"\nmean_length = 0.9'),
        ("leakage", "leakage", "error", 3, 'train = "train"\ntest = "test"\nfields = "/text"'),
        ("program", "command", "info", 1, 'files = "train/**"\nrun = ["python3", "checks/marked.py"]\ntimeout = 120'),
    ]


MARKED = """import json, sys
for line in sys.stdin:
    seen = json.loads(line)
    if isinstance(seen["record"], dict) and seen["record"].get("marked"):
        print(json.dumps({"path": seen["path"], "line": seen["line"], "message": "is marked"}))
"""

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"id": {"type": "string"}, "source": {"type": "object"}},
    "required": ["id"],
}


def dumped(record):
    return json.dumps(record, ensure_ascii=False)


class Data:
    """Files of lines, and which of their records have which fault: a line is a list of the text and the rules."""

    def __init__(self, records, dice):
        self.dice = dice
        # A name that sorts behind the others for the test split, and files of several sizes.
        cut = max(20, len(records) // 10)
        self.files = {"test/held-out.jsonl": [[dumped(r), set()] for r in records[:cut]]}
        rest = records[cut:]
        sizes = [len(rest) * part // 10 for part in (0, 5, 8, 9, 10)]
        for n, (start, end) in enumerate(zip(sizes, sizes[1:])):
            self.files[f"train/part-{n}.jsonl"] = [[dumped(r), set()] for r in rest[start:end]]
        self.spare = 0

    def copy(self):
        other = Data([], self.dice)
        other.files = {path: [[text, set(found)] for text, found in lines] for path, lines in self.files.items()}
        other.spare = self.spare
        return other

    def pick(self, split="train"):
        """A record without faults, away from the ends of its file."""
        while True:
            path = self.dice.choice([path for path, lines in self.files.items() if path.startswith(split) and len(lines) > 9])
            line = self.files[path][self.dice.randrange(2, len(self.files[path]) - 2)]
            if not line[1] and line[0].startswith("{") and "\0" not in line[0] and not line[0].startswith('{"kept"'):
                return path, line

    def fresh(self, record):
        """The record with an id and a text that no other one has."""
        self.spare += 1
        return {**record, "id": f"fresh-{self.spare:04}", "text": f"{record['text'][:200]} fresh{self.spare:04}"}

    def insert(self, count):
        """New records without faults."""
        for _ in range(count):
            path, line = self.pick()
            new = self.fresh(json.loads(line[0]))
            self.files[path].insert(self.dice.randrange(1, len(self.files[path])), [dumped(new), set()])

    def change(self, rule, **fields):
        _, line = self.pick()
        record = {**json.loads(line[0]), **fields}
        line[0], line[1] = dumped({k: v for k, v in record.items() if v is not ...}), {rule}

    def warnings(self, count):
        """What lowers the score and lets the version pass."""
        for _ in range(count):
            self.spare += 1
            self.change("length", text=f"long {self.spare:04} " * (MAX_TEXT // 9))
            self.spare += 1
            self.change("numbers", number=10**9)

    def repeat(self, rule, field, count):
        """Records whose field is that of another one that stands before them."""
        for _ in range(count):
            (path, one), (other_path, other) = self.pick(), self.pick()
            while one is other:
                other_path, other = self.pick()
            places = [(path, self.place(path, one)), (other_path, self.place(other_path, other))]
            first, second = (one, other) if places[0] < places[1] else (other, one)
            record = {**json.loads(second[0]), field: json.loads(first[0])[field]}
            second[0], second[1] = dumped(record), {rule}
            # The first one is no longer free: a fault of its own would undo the repetition.
            first[0] = '{"kept":1,' + first[0][1:]

    def place(self, path, line):
        return next(n for n, other in enumerate(self.files[path]) if other is line)

    def leak(self, count):
        """Train records with the words of the test split, written otherwise."""
        held = self.dice.sample([line for line in self.files["test/held-out.jsonl"] if not line[1]], count)
        for line in held:
            words = json.loads(line[0])["text"].upper().replace(" ", "  ") + "!"
            # Capitals that do not come back, such as those of ß, would be other letters.
            if words.lower().replace("  ", " ")[:-1] != json.loads(line[0])["text"].lower():
                words = json.loads(line[0])["text"].replace(" ", "  ") + "!"
            self.change("leakage", text=words)

    def plant(self, count):
        """So many faults of each kind that a record alone can have, and of those that it has beside others."""
        for _ in range(count):
            path, line = self.pick()
            line[0], line[1] = line[0][: len(line[0]) // 2], {"parse"}
            self.change("shape", source="no object")
            self.change("required", label=self.dice.choice([None, ...]))
            self.change("types", flag=self.dice.choice(["yes", 1]))
            self.change("labels", label="no such label")
            self.change("encoding", note=self.dice.choice(["a bell \a", "lost \ufffd", "\ufdd0"]))
            self.change("empty", note=self.dice.choice([" ", None, []]))
            self.change("personal", note=self.dice.choice(
                ["jane.doe@example.com", "matter M-123456", "4111 1111 1111 1111", "(212) 555-0187", "219-09-9998"]))
            self.change("program", marked=True)
        path, line = self.pick()
        line[0], line[1] = line[0].replace('"note": "as it came"', '"note": "as it \x01"'), {"parse", "encoding"}
        self.repeat("unique", "id", count)
        self.repeat("repeated", "text", count)

    def hollow(self):
        self.files["train/hollow.jsonl"] = []

    def write(self, folder):
        for path, lines in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(text + "\n" for text, _ in lines).encode()
            if not target.exists() or target.read_bytes() != text:
                target.write_bytes(text)
        for path in folder.rglob("*.jsonl"):
            if path.relative_to(folder).as_posix() not in self.files:
                path.unlink()

    def findings(self):
        """(path, line, rule) of all that was planted."""
        found = [(path, n, rule) for path, lines in self.files.items() for n, line in enumerate(lines, 1) for rule in line[1]]
        found += [(path, 1, "empty") for path, lines in self.files.items() if not lines]
        return sorted(found)

    def samples(self):
        return sum(map(len, self.files.values()))

    def counts(self, has_parent):
        """What each rule looks at, counted from the files."""
        lines = [(path, text) for path, lines in self.files.items() for text, _ in lines]
        train = keys = broken = broken_train = 0
        for path, text in lines:
            train += path.startswith("train")
            try:
                keys += json.loads(text).get("id") is not None
            except ValueError:
                broken += 1
                broken_train += path.startswith("train")
        hollow = sum(not found for found in self.files.values())
        # What is no JSON has no fields to look at: it is unreadable for the rules that ask for one.
        readable = len(lines) - broken
        own = {"parse": len(lines), "encoding": len(lines), "unique": keys, "repeated": train - broken_train, "program": train,
               "drift": int(has_parent), "empty": readable + hollow}
        return {name: own.get(name, readable) for name, *_ in rules([])}


def expected_score(checked, failed):
    """The score by docs/formats/verdict.md."""
    total = weights = 0
    for name, _, severity, weight, _ in rules([]):
        if severity != "info" and checked[name]:
            share = (checked[name] - failed[name]) * 1_000_000 // checked[name]
            total, weights = total + share * round(weight * 1000), weights + round(weight * 1000)
    return total // weights / 1_000_000


class Checks:
    """One set in a repository of its own."""

    def __init__(self, hlx, name, work):
        self.hlx, self.name, self.repo = hlx, name, work / "repo"
        self.passed, self.problems = 0, []

    def check(self, what, problem):
        """One line: the check, and what is wrong if anything is."""
        if problem:
            self.problems.append(f"{self.name}: {what}: {problem}")
            print(f"DIFFERS {self.name:9} {what}: {problem}", flush=True)
        else:
            self.passed += 1
            print(f"ok      {self.name:9} {what}", flush=True)

    def call(self, *words, repo=None):
        """The exit code and the document that hlx prints."""
        command = [self.hlx, "-C", repo or self.repo, "--json", *words]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
            return done.returncode, {"said": said[:500]}

    def declare(self, labels):
        (self.repo / "schemas").mkdir()
        (self.repo / "schemas/record.json").write_text(json.dumps(SCHEMA))
        (self.repo / "checks").mkdir()
        (self.repo / "checks/marked.py").write_text(MARKED)
        text = f'[dataset.{self.name}]\npath = "data"\nkey = "/id"\n\n[dataset.{self.name}.validation]\nmin_score = 0.5\n'
        for name, kind, severity, weight, rest in rules(labels):
            text += f'\n[[dataset.{self.name}.validation.rule]]\nkind = "{kind}"\nname = "{name}"\n'
            text += f'severity = "{severity}"\nweight = {weight}\n{rest}\n'
        (self.repo / "helox.toml").write_text(text)

    def judged(self, what, said, data, has_parent, report=None, drift=0):
        """Findings, counts, score and status against what was planted."""
        if not isinstance(said, dict) or "rules" not in said:
            self.check(what, f"no judgement: {json.dumps(said)[:400]}")
            return
        planted = data.findings() + [("", 0, "drift")] * drift
        found = [(f["path"], f["line"], f["rule"]) for f in said["findings"]]
        problem = ""
        if len(planted) <= 100 and sorted(found) != sorted(planted):
            problem = f"findings differ: {difference(found, planted)}"
        elif not set(found) <= set(planted) or len(found) != min(100, len(planted)):
            problem = f"findings that nobody planted: {sorted(set(found) - set(planted))[:5]}"
        elif said["findings_count"] != len(planted):
            problem = f"{said['findings_count']} findings counted, not {len(planted)}"
        self.check(f"{what}: {len(planted)} findings", problem)
        if report:
            lines = [json.loads(line) for line in Path(report).read_text().splitlines()]
            found = [(f["path"], f["line"], f["rule"]) for f in lines]
            wrong = sorted(found) != sorted(planted)
            self.check(f"{what}: all of them in the file", wrong and f"findings differ: {difference(found, planted)}")
        checked = data.counts(has_parent)
        failed = {name: sum(rule == name for _, _, rule in planted) for name in checked}
        counted = {r["name"]: (r["checked"], r["failed"]) for r in said["rules"]}
        odd = {n: (counted.get(n), (checked[n], failed[n])) for n in checked if counted.get(n) != (checked[n], failed[n])}
        self.check(f"{what}: checked and failed of {len(checked)} rules", odd and f"found and expected: {odd}")
        score = expected_score(checked, failed)
        self.check(f"{what}: score {score}", said["score"] != score and f"is {said['score']}")
        errors = {name for name, _, severity, *_ in rules([]) if severity == "error"}
        status = "FAILED" if any(rule in errors for *_, rule in planted) else "PASSED"
        self.check(f"{what}: {status}", said["status"] != status and f"is {said['status']}")

    def visible(self):
        """What a user sees of the repository's history, and the names of its refs."""
        refs = sorted(str(p.relative_to(self.repo)) for p in (self.repo / ".helox/refs").rglob("*") if p.is_file())
        return self.call("log")[1], self.call("audit")[1], refs

    def refused(self, what, data):
        """The workspace and a commit of it, of which nothing must become visible."""
        data.write(self.repo / "data")
        report = self.repo.parent / "findings.jsonl"
        code, said = self.call("validate", "WORK", "--report", report)
        self.check(f"{what}: validate exits with 1", code != 1 and f"exits with {code}: {said}")
        self.judged(f"{what}, WORK", said, data, True, report)
        before = self.visible()
        code, said = self.call("commit", "-m", what, "--dry-run")
        self.judged(f"{what}, dry run", said.get("validation"), data, True)
        code, said = self.call("commit", "-m", what)
        refused = code == 1 and said.get("outcome") == "refused"
        self.check(f"{what}: commit is refused with 1", not refused and f"exits with {code}: {json.dumps(said)[:300]}")
        self.judged(f"{what}, commit", said.get("validation"), data, True, said.get("report_file"))
        self.check(f"{what}: nothing is visible", self.visible() != before and "log, audit or refs differ")

    def skipped(self, what, data):
        """Without the rules, in a copy; then what the rules say of the version, with and without what was kept."""
        copy = self.repo.parent / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.repo, copy, symlinks=True)
        code, said = self.call("commit", "-m", what, "--no-validate", repo=copy)
        made = code == 0 and said.get("validation_status") == "SKIPPED" and said.get("validation") is None
        self.check(f"{what}: --no-validate records SKIPPED", not made and f"exits with {code}: {json.dumps(said)[:300]}")
        if not made:
            return
        answers = []
        for title in ("as changes", "anew"):
            code, answer = self.call("validate", said["version"], "--record", "--report", copy / "all.jsonl", repo=copy)
            self.check(f"{what}, {title}: validate REV exits with 1", code != 1 and f"exits with {code}: {answer}")
            self.judged(f"{what}, REV {title}", answer, data, True, copy / "all.jsonl")
            answers.append(((copy / "all.jsonl").read_text(), answer.get("rules")))
            shutil.rmtree(copy / ".helox/gate", ignore_errors=True)
        self.check(f"{what}: the same both times", answers[0] != answers[1] and "findings or rules differ")
        code, shown = self.call("show", said["version"], repo=copy)
        status = shown.get("validation_status")
        self.check(f"{what}: the version is FAILED now", status != "FAILED" and f"is {status}")
        code, verified = self.call("verify", "--all", repo=copy)
        self.check(f"{what}: verify --all", (code or not verified.get("is_valid")) and f"exits with {code}: {verified}")
        code, verified = self.call("audit", "--verify", repo=copy)
        self.check(f"{what}: audit --verify", (code or not verified.get("is_valid")) and f"exits with {code}: {verified}")

    def committed(self, what, data, has_parent):
        data.write(self.repo / "data")
        code, said = self.call("commit", "-m", what)
        made = code == 0 and said.get("outcome") == "created" and said.get("validation_status") == "PASSED"
        self.check(f"{what}: commit passes", not made and f"exits with {code}: {json.dumps(said)[:600]}")
        self.judged(f"{what}, commit", said.get("validation"), data, has_parent)
        samples = said.get("total_samples")
        self.check(f"{what}: {data.samples()} samples", samples != data.samples() and f"is {samples}")

    def run(self, records):
        self.repo.mkdir(parents=True)
        self.call("init")
        self.declare(sorted({record["label"] for record in records}))
        first = Data(records, random.Random(f"gate {self.name}"))
        self.committed("clean", first, False)

        faulty = first.copy()
        faulty.plant(3)
        faulty.warnings(2)
        faulty.leak(10)
        faulty.hollow()
        self.refused("faults", faulty)
        self.skipped("faults", faulty)

        # Mended but for what may pass, so that the next version begins with findings whose lines move.
        mended = first.copy()
        mended.warnings(3)
        mended.repeat("repeated", "text", 2)
        mended.insert(5)
        self.committed("mended", mended, True)

        more = mended.copy()
        more.insert(7)
        more.plant(1)
        more.leak(3)
        self.refused("more faults", more)
        self.skipped("more faults", more)

        lost = mended.copy()
        for path, lines in lost.files.items():
            lost.files[path] = [line for n, line in enumerate(lines) if line[1] or "kept" in line[0][:8] or n % 3]
        lost.write(self.repo / "data")
        code, said = self.call("commit", "-m", "a third is lost")
        self.check("a third is lost: commit is refused with 1", code != 1 and f"exits with {code}")
        self.judged("a third is lost", said.get("validation"), lost, True, drift=1)

        # All that was found before lies in files of which only the mode changed.
        more = mended.copy()
        spare = [json.loads(mended.pick()[1][0]) for _ in range(4)]
        more.files["train/later.jsonl"] = [[dumped(more.fresh(record)), set()] for record in spare]
        for path in (self.repo / "data/train").iterdir():
            path.chmod(0o755)
        self.committed("mended again", more, True)


def difference(found, planted):
    """What is missing and what is too many, some of it."""
    missing, odd = sorted(set(planted) - set(found)), sorted(set(found) - set(planted))
    twice = len(found) - len(set(found))
    return f"not found {missing[:5]}, not planted {odd[:5]}, told twice {twice}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help=", ".join(SHORT))
    parser.add_argument("--sets", help="names, separated by commas")
    options = parser.parse_args()
    names = options.sets.split(",") if options.sets else SHORT if options.short else list(READERS)
    for name in names:
        if name not in READERS:
            parser.error(f"there is no set '{name}'; there are {', '.join(READERS)}")
    hlx = real.binary()
    os.environ.setdefault("HLX_AUTHOR", "gate-data@example.com")
    passed, problems, begun = 0, [], time.monotonic()
    for name in names:
        version, files, size, checksum = real.SETS[name][4].strip().split("\n")[-1].split()
        try:
            source = real.fetch(real.cache_folder(), name, version, (int(files), int(size), checksum))
        except real.Unavailable as error:
            problems.append(str(error))
            print(f"DIFFERS {error}")
            continue
        with tempfile.TemporaryDirectory(prefix="hlx-gate-data-") as work:
            checks = Checks(hlx, name, Path(work))
            checks.run(clean(name, READERS[name](source))[: FEW if options.short else None])
        passed += checks.passed
        problems += checks.problems
    print(f"{passed} checks of {len(names)} sets passed, {len(problems)} differ, {time.monotonic() - begun:.0f} s")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
