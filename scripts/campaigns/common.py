"""Shared by the campaigns: the binary, the repository that they harm, trees of files, and the summary of a campaign."""
import argparse
import hashlib
import os
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
HLX = os.environ.get("HLX") or str(TOP / "target" / "release" / "hlx")
# The folder of the black-box tools, compiled: fi, recfs, recdisk, godown.
TOOLS = Path(os.environ.get("FAULT_TOOLS", TOP.parent / "shared" / "faults"))
# Exit codes of a process that crashed: a panic, an abort, a segmentation fault, a bus error, killed for its memory.
CRASHES = {101, 134, 135, 137, 139, -6, -7, -9, -11}
# A command that takes longer hangs.
TIMEOUT = 120
# The file that a checkout into a folder adds.
STAMP = ".helox-version.json"

RULES = """key = "id"

[[dataset.ds.validation.rule]]
kind = "parse"

[[dataset.ds.validation.rule]]
kind = "unique"
"""


def options(doc, **more):
    """Returns the parsed command line: --short, --seed, and what a campaign has besides them."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a sample of the trials, for CI")
    parser.add_argument("--seed", type=int, default=1)
    for name, (default, text) in more.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default, help=text)
    return parser.parse_args()


def work_folder():
    """Returns a new folder, in memory where there is some: a trial copies the whole repository."""
    memory = Path("/dev/shm")
    parent = os.environ.get("CAMPAIGN_WORK") or (memory if os.access(memory, os.W_OK) else None)
    return Path(tempfile.mkdtemp(prefix="campaign-", dir=parent))


def environment(home):
    """Returns the environment of every command: no configuration and no author of the user."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HLX_")}
    return {**clean, "HOME": str(home), "HLX_AUTHOR": "campaign@example.com"}


class Result:
    """What a command did."""

    def __init__(self, code, output):
        self.code, self.output = code, output

    @property
    def crashed(self):
        return self.code in CRASHES or self.code == "timeout" or "panicked" in self.output


def run(command, folder, timeout=TIMEOUT):
    """Runs a command in a folder to its end."""
    try:
        done = subprocess.run(
            [str(part) for part in command], cwd=folder, env=environment(Path(folder).parent), timeout=timeout, text=True,
            errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return Result("timeout", "")
    return Result(done.returncode, done.stdout)


def hlx(repository, *arguments):
    """Runs hlx in a repository."""
    return run([HLX, "-q", *arguments], repository)


def must(repository, *arguments):
    """Runs hlx, which must succeed: a step that prepares a trial."""
    result = hlx(repository, *arguments)
    if result.code != 0:
        sys.exit(f"hlx {' '.join(map(str, arguments))}: exit code {result.code}\n{result.output}")
    return result.output


def tree(folder):
    """Returns the paths of a folder, each with its kind, mode and content."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            state = os.lstat(path)
            key = os.path.relpath(path, folder)
            if stat.S_ISLNK(state.st_mode):
                found[key] = ("link", os.readlink(path))
            elif stat.S_ISREG(state.st_mode):
                with open(path, "rb") as file:
                    found[key] = ("file", state.st_mode & 0o111, hashlib.blake2b(file.read()).digest())
            # Folders are there for their files; one that is empty is no part of a version.
    found.pop(STAMP, None)
    return found


def version(repository, revision):
    """Returns the tree of a version, through a checkout into a new folder, or the text of the error."""
    target = Path(repository).parent / "version"
    shutil.rmtree(target, ignore_errors=True)
    result = hlx(repository, "checkout", revision, "--into", target)
    found = tree(target) if result.code == 0 else f"exit code {result.code}: {result.output.strip()[-300:]}"
    shutil.rmtree(target, ignore_errors=True)
    return found


def records(dice, count, first=0):
    """Returns lines of JSON."""
    words = ["lease", "tenant", "rent", "term", "clause", "renewal", "deposit", "notice"]
    return "".join(f'{{"id": {first + n}, "text": "{" ".join(dice.choices(words, k=12))}"}}\n' for n in range(count))


def write(path, content):
    """Writes a file of the workspace, whose folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def history(repository, seed=1, blob=600_000):
    """Creates a repository with two versions, a tag, and edits on top: every kind of object, ref and fact."""
    dice = random.Random(seed)
    data = repository / "data"
    data.mkdir(parents=True)
    for n in range(5):
        write(data / f"part-{n}.jsonl", records(dice, 800, n * 10_000))
    write(data / "blob.bin", dice.randbytes(blob))
    for n in range(12):
        write(data / "small" / f"{n}.txt", f"{n} {dice.random()}\n")
    (data / "small" / "link").symlink_to("../part-0.jsonl")
    os.chmod(data / "small" / "3.txt", 0o755)
    must(repository, "init")
    must(repository, "dataset", "add", "ds", "--type", "text", "--path", "data")
    with (repository / "helox.toml").open("a") as config:
        config.write(RULES)
    must(repository, "commit", "ds", "-m", "one", "--version", "1.0.0")
    write(data / "part-4.jsonl", records(dice, 900, 50_000))
    (data / "small" / "7.txt").unlink()
    must(repository, "commit", "ds", "-m", "two", "--version", "1.1.0", "--tag", "stable")
    must(repository, "note", "add", "ds@1.0.0", "first delivery")
    edit(repository, dice)


def edit(repository, dice):
    """Edits the workspace: new, longer, changed and removed files."""
    data = repository / "data"
    write(data / "part-5.jsonl", records(dice, 700, 60_000))
    with (data / "part-1.jsonl").open("a") as file:
        file.write(records(dice, 50, 70_000))
    (data / "part-2.jsonl").unlink()
    blob = bytearray((data / "blob.bin").read_bytes())
    blob[len(blob) // 2] ^= 1
    write(data / "blob.bin", bytes(blob) + dice.randbytes(100_000))


def copy(source, target):
    """Replaces a folder by a copy of another, with all times."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)


class Campaign:
    """The trials of a campaign, its failures by their kind, and its last line."""

    def __init__(self, name):
        self.name, self.trials, self.failures, self.began = name, 0, {}, time.time()

    def fail(self, kind, trial, detail=""):
        """Records a failure; the first of a kind are printed."""
        known = self.failures.setdefault(kind, [])
        known.append(trial)
        if len(known) <= 5:
            print(f"  {kind}: {trial}: {str(detail).strip()[-400:]}", flush=True)

    def check(self, holds, kind, trial, detail=""):
        """Records a failure unless something holds."""
        if not holds:
            self.fail(kind, trial, detail)
        return holds

    def total(self):
        return sum(len(trials) for trials in self.failures.values())

    def end(self, noun="trials", more=""):
        """Prints the last line and ends the process: with 1 where anything failed."""
        kinds = "".join(f"; {kind}: {len(trials)}" for kind, trials in self.failures.items())
        print(f"{self.name}: {self.trials:,} {noun}, {self.total()} failures{kinds}{more}, {time.time() - self.began:.0f} s")
        sys.exit(bool(self.failures))
