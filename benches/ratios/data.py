"""The data: generated workloads, and public sets with real histories."""
import filecmp
import importlib.util
import json
import os
import subprocess
import sys
from multiprocessing import Process
from pathlib import Path

from bench import Failed, remove, say

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
# Of the short form: a few seconds of work.
SCALES = {"W1": 0.02, "W2": 0.02, "W3": 0.02, "W4": 0.01}

# Short records, and how many of them in the short form: a thirtieth.
RECORDS = 30_000_000


def value(n, percent):
    """A number that looks random, another one where the record is edited."""
    hashed = n * 2654435761 & 0xffffffff
    return hashed ^ 0x5bd1e995 if (hashed >> 7) % 100 < percent else hashed


def write_records(kind, path, count, percent):
    """A file of so many records. In Parquet, each batch is a row group."""
    writer, batch = None, 1 << 20 if kind == "parquet" else 1 << 16
    line = '{"id":%d,"v":"%08x","n":%d}\n' if kind == "jsonl" else "%d,%08x-feedbeefcafe,%d\n"
    with path.open("wb") as out:
        out.write(b"id,v,n\n" * (kind == "csv"))
        for start in range(0, count, batch):
            ids = range(start, min(start + batch, count))
            values = [value(n, percent) for n in ids]
            if kind == "parquet":
                import pyarrow
                from pyarrow import parquet
                table = pyarrow.table({"id": ids, "v": [f"{v:08x}" for v in values], "n": [v % 1000 for v in values]})
                writer = writer or parquet.ParquetWriter(out, table.schema)
                writer.write_table(table)
            else:
                out.write("".join(line % (n, v, v % 1000) for n, v in zip(ids, values)).encode())
        if writer:
            writer.close()


class Data:
    """Workloads below a folder, made once and used again."""

    def __init__(self, folder, shared, short):
        self.folder = folder / "data"
        self.shared, self.short = shared, short
        self.built = {}

    def build(self, source, name, *flags):
        """The program of a generator, compiled unless it is newer than its source."""
        program = self.folder.parent / name
        if source not in self.built:
            if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
                say(f"compiling {source}")
                program.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["rustc", "-O", *flags, source, "-o", program], check=True)
            self.built[source] = program
        return program

    def own(self):
        return self.build(HERE / "workloads.rs", "workloads", "--edition=2024")

    def workload(self, name):
        """The folder of W1 to W4, and its figures."""
        folder = self.folder / name
        if not (folder / "stats.json").exists():
            gen = self.shared / "bench/gen.rs"
            program = self.build(gen, "gen") if gen.exists() and not self.short else self.own()
            scale = SCALES[name] if self.short else 1
            say(f"making {folder}")
            remove(folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            subprocess.run([program, self.folder, name, str(scale)], check=True)
        return folder, json.loads((folder / "stats.json").read_text())

    def record_kinds(self):
        """The formats of the short records: Parquet where pyarrow is installed."""
        return ["jsonl", "csv", *(["parquet"] if importlib.util.find_spec("pyarrow") else [])]

    def records(self, kind, percent):
        """A file of some forty bytes a record with a key, of which so many in a hundred are edited."""
        path = self.folder / f"records-{percent}.{kind}"
        if not path.exists():
            say(f"making {path}")
            self.folder.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(".new")
            # In a process of its own: a child of this one counts the memory that this one has had as its own.
            made = Process(target=write_records, args=(kind, new, RECORDS // (30 if self.short else 1), percent))
            made.start()
            made.join()
            if made.exitcode:
                raise Failed(f"{path} could not be made")
            new.rename(path)
        return path

    def history(self, versions, datasets, tagged):
        """A repository of so many versions, made by an example of the project, which knows the formats."""
        folder = self.folder / f"history-{versions}-{datasets}-{tagged}"
        if not folder.exists():
            say(f"making {folder}")
            remove(f"{folder}.new")
            self.folder.mkdir(parents=True, exist_ok=True)
            words = ["cargo", "run", "-q", "--locked", "--release", "--example", "history"]
            subprocess.run([*words, f"{folder}.new", *map(str, (versions, datasets, tagged))], cwd=TOP, check=True)
            Path(f"{folder}.new").rename(folder)
        return folder

    def edit(self, path, edited, seed):
        """Edits one record of a hundred in a file of JSONL; `edited` gets these records alone."""
        new = path.with_name("next")
        subprocess.run([self.own(), "edit", path, new, edited, str(seed)], check=True)
        new.replace(path)

    def versions(self, name):
        """The folders of a public set's versions, oldest first: those beside the project, or fetched as `real-data.py` does."""
        rows = [row.split() for row in real_data().SETS[name][4].split("\n")[1:]]
        beside = [self.shared / "data" / name / row[0] for row in rows]
        if all(folder.is_dir() for folder in beside):
            return beside
        # In a process of its own, so that what it holds counts as nobody's peak memory.
        done = subprocess.run([sys.executable, __file__, name], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise Failed(f"{name} is not to be had")
        return [Path(line) for line in done.stdout.splitlines()]


def real_data():
    """scripts/real-data.py as a module: names, pinned versions and digests stand there once."""
    spec = importlib.util.spec_from_file_location("real_data", TOP / "scripts/real-data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed(old, new):
    """The files of a folder that are new or differ from those of an older one; of the first version, all."""
    for path in sorted(p for p in new.rglob("*") if p.is_file()):
        name = path.relative_to(new)
        before = old and old / name
        if not before or not before.is_file() or not filecmp.cmp(before, path, shallow=False):
            yield name.as_posix()


if __name__ == "__main__":
    script, (wanted,) = real_data(), sys.argv[1:]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hlx-test-data"
    cache = Path(os.environ.get("HLX_TEST_DATA") or cache)
    try:
        for number, files, size, digest in (row.split() for row in script.SETS[wanted][4].split("\n")[1:]):
            print(script.fetch(cache, wanted, number, (int(files), int(size), digest)))
    except script.Unavailable as error:
        sys.exit(f"# {error}")
