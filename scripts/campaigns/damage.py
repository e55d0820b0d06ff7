#!/usr/bin/env python3
"""Damages files of every kind in the store, one at a time: each is named, never served, and repaired from a copy.

    damage.py [--short] [--seed N] [--count 1000]

The damage: a flipped bit (in the first, the last and other bytes), a file cut short or lengthened, a page of zeros, a
deleted file, two files of a kind that change places, a folder that is gone. After each:

  unnamed   `hlx fsck` does not exit with 1 and name the file, though it is primary data
  silent    `hlx fsck` is content, and a version cannot be read
  served    a command that succeeds prints or writes anything but the truth
  crash     a panic, a signal, a hang, or more than 2 GiB of address space
  lost      `hlx fsck --repair --from COPY` does not bring everything back

What is derived (index, catalog, gate, stat cache), and the mark of the newest fact, may be damaged unnoticed as long as
every answer is right. Lists may leave out what is damaged if a warning says so. Where a command refuses and names a copy
as the remedy (`format`, `config.toml`, a folder of refs or packs that is gone), the copy is made.

Not counted: the state of a workspace that is deleted, or settings in `config.toml` that are others now, cannot be told from
what was meant; after the
newest entry of the facts, or all of them, were removed, which `fsck` names, lists show the state before; and a run is listed
without the number of a version whose ref is damaged, which `fsck` names too.
"""
import collections
import random
import re
import resource
import shutil
import subprocess
import sys

from common import Campaign, HLX, Result, TIMEOUT, copy, environment, history, hlx, must, options, run, tree, work_folder

REVISIONS = ["ds@1.0.0", "ds@1.1.0", "ds@2.0.0", "ds@2.0.1"]
DERIVED = re.compile(r"^(index|catalog|gate|workspace/ds/stat\.cache|tmp|damaged|refs/newest-fact)(/|$)")
# The remedy that a message names.
REMEDY = re.compile(r"(?:rsync -a|cp) OTHER/\.helox/(\S+)")
# Locks, which are empty and never read.
IGNORED = re.compile(r"(^|/)([a-z]+\.)?lock$")
ADDRESS_SPACE = 2 << 30


def populated(repository, seed):
    """Creates a repository that has files of every kind."""
    history(repository, seed)
    (repository / ".helox" / "config.toml").write_text("[store]\ncompression = 3\n")
    must(repository, "commit", "ds", "-m", "three", "--version", "2.0.0")
    must(repository, "gc", "--grace", "0")
    (repository / "data" / "last.jsonl").write_text('{"id": -1, "text": "last"}\n')
    must(repository, "commit", "ds", "-m", "four", "--version", "2.0.1")
    must(repository, "tag", "add", "ds@2.0.0", "production")
    must(repository, "run", "record", "ds@2.0.0", "--model", "m", "--metric", "loss=0.5")
    must(repository, "hold", "add", "ds@1.0.0", "--why", "audit")
    must(repository, "log")
    (repository / "data" / "part-0.jsonl").write_text('{"id": -2, "text": "edited"}\n')


def limited(repository, *arguments):
    """Runs hlx with a limit of its address space; results and errors apart."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    try:
        done = subprocess.run(
            [HLX, *arguments], cwd=repository, env=environment(repository.parent), timeout=TIMEOUT, text=True,
            errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return Result("timeout", ""), ""
    return Result(done.returncode, done.stdout + done.stderr), done.stdout


class Answers:
    """What the commands say of the repository; the truth, where nothing is damaged."""

    LISTS = [
        ("log", "ds", "--json"), ("tag", "list", "ds", "--json"), ("run", "list", "--json"), ("status", "ds", "--json"),
        ("ls", "ds@1.0.0", "-r", "--json"), ("diff", "ds@1.0.0", "ds@2.0.0", "--samples", "--json"), ("show", "ds@2.0.0", "--json"),
    ]

    def __init__(self, repository):
        self.results, self.answers = [], {}
        for revision in REVISIONS:
            target = repository.parent / "out"
            shutil.rmtree(target, ignore_errors=True)
            result, _ = limited(repository, "-q", "checkout", revision, "--into", target)
            self.keep(revision, result, tree(target) if result.code == 0 else None)
        for arguments in self.LISTS:
            result, printed = limited(repository, *arguments)
            # An answer that leaves something out says so.
            warned = result.code == 0 and "warning: " in result.output
            self.keep(" ".join(arguments), Result(1, result.output) if warned else result, printed)

    def keep(self, name, result, answer):
        self.results.append((name, result))
        self.answers[name] = (result.code, answer)

    def served(self, truth):
        """Returns the commands that succeeded with another answer."""
        return [name for name, (code, answer) in self.answers.items() if code == 0 and answer != truth.answers[name][1]]

    def unread(self):
        return [name for name in REVISIONS if self.answers[name][0] != 0]


def kind(path):
    return re.sub(r"\d+(\.\d+)*", "#", re.sub(r"[0-9a-f]{16,}", "#", path))


def harms(path, content, siblings, dice, count):
    """Returns the ways to damage a file: a name, and the new content of one or two files."""
    size, ways = len(content), [("deleted", {path: None})]
    if size:
        places = {0, size - 1, *(dice.randrange(size) for _ in range(count))}
        for at in sorted(places):
            flipped = bytearray(content)
            flipped[at] ^= 1 << dice.randrange(8)
            ways.append((f"bit flipped at {at}", {path: bytes(flipped)}))
        ways += [("emptied", {path: b""}), ("cut in half", {path: content[:size // 2]}), ("cut by a byte", {path: content[:-1]})]
        page = dice.randrange((size + 4095) // 4096) * 4096
        zeroed = content[:page] + bytes(min(4096, size - page)) + content[page + 4096:]
        ways.append((f"zeros at {page}", {path: zeroed}))
    ways.append(("lengthened", {path: content + b"\0more\xff" * 3}))
    if siblings:
        other, text = dice.choice(sorted(siblings.items()))
        ways += [(f"replaced by {other}", {path: text}), (f"exchanged with {other}", {path: text, other: content})]
    return [(name, files) for name, files in ways if any(files[p] != content for p in files if p == path)]


class Damage:
    """The repository, its copy, and the truth about them."""

    def __init__(self, campaign, work, seed):
        self.campaign, self.work, self.outcomes = campaign, work, collections.defaultdict(collections.Counter)
        self.trial = work / "t"
        (work / "base").mkdir()
        populated(work / "base" / "r", seed)
        copy(work / "base" / "r", work / "base" / "copy")
        copy(work / "base", self.trial)
        # A repair starts from a state that the commands below have seen, as the damaged one does.
        self.truth = Answers(self.trial / "r")
        failed = [(name, result.output) for name, result in self.truth.results if result.code != 0]
        if failed or hlx(self.trial / "r", "fsck").code != 0:
            sys.exit(f"the repository is not intact: {failed}")
        store = work / "base" / "r" / ".helox"
        self.files = {
            str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*"))
            if path.is_file() and not IGNORED.search(str(path.relative_to(store)))
        }
        self.newest_entry = max(path for path in self.files if path.startswith("refs/facts/"))
        self.folders = [str(path.relative_to(store)) for path in sorted(store.rglob("*")) if path.is_dir() and path.name != "tmp"]

    def judge(self, path, name, harm):
        """Damages a copy, and judges what the commands say of it."""
        # Settings of this copy alone, which a new copy lacks.
        was_never_there = path == "config.toml" or path.startswith("workspace") and name in ("deleted", "folder removed")
        campaign, trial = self.campaign, f"{path}: {name}"
        campaign.trials += 1
        copy(self.work / "base" / "r", self.trial / "r")
        repository = self.trial / "r"
        harm(repository / ".helox")
        fsck, _ = limited(repository, "fsck")
        answers = Answers(repository)
        crashed = [name for name, result in [("fsck", fsck), *answers.results] if result.crashed or "allocation" in result.output]
        campaign.check(not crashed, "crash", trial, f"{crashed} {fsck.output}")
        served = answers.served(self.truth)
        if path in (self.newest_entry, "refs/facts") and fsck.code == 1:
            served = [name for name in served if name in REVISIONS]
        if path.startswith("refs/versions/") and fsck.code == 1:
            served = [name for name in served if name != "run list --json"]
        if was_never_there:
            served = [name for name in served if not name.startswith("status")]
        campaign.check(not served, "served", trial, [(name, answers.answers[name]) for name in served])
        campaign.check(fsck.code != 0 or not answers.unread(), "silent", trial, answers.unread())
        is_primary = not DERIVED.match(path) and not was_never_there
        if fsck.code == 0 and is_primary:
            campaign.fail("unnamed", trial, fsck.output)
        elif fsck.code != 0:
            campaign.check(self.is_named(path, fsck.output), "unnamed", trial, fsck.output)
        self.repair(repository, path, trial)
        self.outcomes[kind(path)]["named" if fsck.code else "no effect"] += 1

    def is_named(self, path, output):
        """Returns true if the path is in the output: as itself, by its id, or, of a ref, as a version; a folder by its files."""
        if path not in self.files and any(self.is_named(file, output) for file in self.files if file.startswith(path + "/")):
            return True
        parts = path.split("/")
        name = parts[-1].rsplit(".", 1)[0]
        names = {path, name[:12] if len(name) > 20 else path}
        if path.startswith("refs/versions/"):
            names |= {f"ds@{parts[-1]}", f"ds {parts[-1]}"}
        if path.startswith("refs/facts/"):
            names |= {f"entry {int(parts[-1])}", self.files[path].decode()[:12]}
        return any(name in output for name in names)

    def repair(self, repository, path, trial):
        repaired, _ = limited(repository, "fsck", "--repair", "--from", "../copy")
        remedy = REMEDY.search(repaired.output)
        is_refused = path in ("format", "config.toml") and path in repaired.output
        if repaired.code != 0 and (is_refused or remedy and remedy.group(1).rstrip("/") == path):
            run(["cp", "-a", self.trial / "copy" / ".helox" / path, repository / ".helox" / path], repository)
            repaired, _ = limited(repository, "fsck", "--repair", "--from", "../copy")
        self.campaign.check(not repaired.crashed, "crash", trial, repaired.output)
        again = hlx(repository, "fsck")
        self.campaign.check(again.code == 0, "lost", trial, f"{repaired.output}\n{again.output}")
        answers = Answers(repository)
        wrong = [name for name, answer in answers.answers.items() if answer != self.truth.answers[name]]
        # The state of a workspace is no part of a version: a checkout writes it again.
        if wrong == ["status ds --json"] and path.startswith("workspace"):
            wrong = []
        self.campaign.check(not wrong, "lost", trial, f"{wrong} {repaired.output}")


def writer(files):
    """Returns what writes these files into a store; None removes one."""
    def harm(store):
        for path, content in files.items():
            if content is None:
                (store / path).unlink()
            else:
                (store / path).write_bytes(content)
    return harm


def main():
    chosen = options(__doc__, count=(1000, "damages"))
    count = 40 if chosen.short else chosen.count
    campaign, work, dice = Campaign("damage"), work_folder(), random.Random(chosen.seed)
    try:
        damage = Damage(campaign, work, chosen.seed)
        kinds = collections.defaultdict(list)
        for path in damage.files:
            kinds[kind(path)].append(path)
        plan = [(folder, "folder removed", lambda store, f=folder: shutil.rmtree(store / f)) for folder in damage.folders]
        for paths in kinds.values():
            for path in paths:
                siblings = {p: damage.files[p] for p in paths if p != path and damage.files[p] != damage.files[path]}
                flips = max(4, count // len(damage.files) - 8)
                ways = harms(path, damage.files[path], siblings, dice, flips)
                plan += [(path, name, writer(files)) for name, files in ways]
        if len(plan) > count:
            plan = dice.sample(plan, count)
        print(f"{len(damage.files)} files of {len(kinds)} kinds, {len(plan)} damages", flush=True)
        for path, name, harm in plan:
            damage.judge(path, name, harm)
        for name, outcome in sorted(damage.outcomes.items()):
            print(f"  {name}: " + ", ".join(f"{count} {what}" for what, count in sorted(outcome.items())))
    finally:
        shutil.rmtree(work)
    campaign.end("damages")


main()
