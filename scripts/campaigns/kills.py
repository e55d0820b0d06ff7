#!/usr/bin/env python3
"""Kills and errors at every system call of a command that changes something, and kills at random moments.

    kills.py [--short] [--seed N] [--commands commit,gc] [--actions kill,EIO] [--random 300]

For every command, every fault and every call that it can hit, in a copy of a repository: the command runs with the fault.
Then all versions verify and the earlier ones are as before; if it reported success, its result is there; the same command
again succeeds, with its result; and after `gc --grace 0` nothing is left of either. EINTR and short writes must not be
noticed at all. Errors come once, and from a call on for ever (the names that end in +).

The faults are injected by the tool fi (FAULT_TOOLS).
"""
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from common import Campaign, HLX, TOOLS, copy, environment, history, hlx, must, options, run, tree, version, work_folder

ACTIONS = ["kill", "torn", "ENOSPC", "ENOSPC+", "EIO", "EIO+", "EDQUOT", "EDQUOT+", "EINTR", "short", "short+"]
# Faults that a program must not notice.
HARMLESS = {"EINTR", "short", "short+"}
# Calls that write, which alone can be torn or short.
WRITES_ONLY = {"torn", "short", "short+"}
KILLED_AT_RANDOM = ["commit", "checkout", "gc", "tag"]


class Command:
    """A command, the repository it runs in, and its result."""

    def __init__(self, arguments, prepare=None, done=None, is_damaged=False):
        self.arguments, self.prepare, self.done, self.is_damaged = arguments, prepare, done, is_damaged


def interrupted_commit(repository):
    """Has a commit killed just before its ref: its packs are garbage."""
    kept = tree(repository / "data")
    fault = [TOOLS / "fi", "-p", repository, "-s", "link", "-n", "1", "-a", "kill", "--"]
    copy(repository / "data", repository.parent / "kept")
    edit_again(repository)
    run([*fault, HLX, "-q", "commit", "ds", "-m", "interrupted", "--version", "1.2.0"], repository)
    copy(repository.parent / "kept", repository / "data")
    assert tree(repository / "data") == kept


def third_version(repository):
    """Commits the edits, so that a checkout has files to add, to replace and to remove."""
    must(repository, "commit", "ds", "-m", "three", "--version", "2.0.0")


def edit_again(repository):
    (repository / "data" / "blob.bin").write_bytes(random.Random(9).randbytes(300_000))


def damaged_pack(repository):
    """Damages the largest pack of data; a copy of the repository is next to it."""
    copy(repository, repository.parent / "other")
    pack = max((repository / ".helox" / "packs" / "data").iterdir(), key=lambda file: file.stat().st_size)
    content = bytearray(pack.read_bytes())
    for at in (len(content) // 3, len(content) // 2):
        content[at] ^= 0x10
    pack.write_bytes(content)


def committed(repository):
    if hlx(repository, "status", "ds", "--exit-code").code != 0:
        return "the workspace differs from the new version"
    return same(version(repository, "ds@production"), tree(repository / "data"))


def checked_out(repository):
    # Names are tried out in .helox, which is no part of a dataset; what could not be removed goes with the next trial.
    found = {path: file for path, file in tree(repository / "data").items() if not path.startswith(".helox/")}
    return same(found, version(repository, "ds@1.0.0"))


def checked_out_beside(repository):
    return same(tree(repository.parent / "out"), version(repository, "ds@1.0.0"))


def same(one, other):
    return None if one == other else "the files differ"


def printed(*arguments, text):
    return lambda repository: None if text in hlx(repository, *arguments).output else f"{text} is not listed"


def intact(repository):
    result = hlx(repository, "fsck")
    return None if result.code == 0 else result.output


COMMANDS = {
    "commit": Command(["commit", "ds", "-m", "three", "--version", "2.0.0", "--tag", "production"], done=committed),
    "checkout": Command(["checkout", "ds@1.0.0"], prepare=third_version, done=checked_out),
    "checkout-into": Command(["checkout", "ds@1.0.0", "--into", "../out"], done=checked_out_beside),
    "gc": Command(["gc", "--grace", "0"], prepare=interrupted_commit),
    "tag": Command(["tag", "add", "ds@1.0.0", "gold"], done=printed("tag", "list", "ds", text="gold")),
    "hold": Command(["hold", "add", "ds@1.0.0", "--why", "audit"], done=printed("hold", "list", text="audit")),
    "repair": Command(["fsck", "--repair", "--from", "../other"], prepare=damaged_pack, done=intact, is_damaged=True),
}


def left_over(work, repository, clean):
    """Returns what is left of an interrupted command after a collection: temporary files, folders beside, bytes of packs."""
    store = repository / ".helox"
    files = [path for path in (store / "tmp").iterdir()]
    beside = [path for path in work.iterdir() if path.name not in {"base", "t", "r", "out", "other", "kept"}]
    hidden = [path for path in repository.iterdir() if path.name not in {".helox", "data", "helox.toml", "helox.lock"}]
    hidden += [path for path in (repository / "data").rglob("*") if path.name.startswith(".")]
    size = packs(repository)
    if size > clean * 1.02 + 4096:
        files.append(f"{size - clean} bytes of packs more than after an undisturbed run")
    return [str(item) for item in files + beside + hidden]


def packs(repository):
    return sum(path.stat().st_size for path in (repository / ".helox" / "packs").rglob("*.pack"))


class Trials:
    """The trials of one command."""

    def __init__(self, campaign, name, work, seed, blob):
        self.campaign, self.name, self.command, self.work = campaign, name, COMMANDS[name], work
        self.base, self.trial = work / "base", work / "t"
        shutil.rmtree(work, ignore_errors=True)
        self.base.mkdir(parents=True)
        history(self.base / "r", seed, blob)
        self.versions = {number: version(self.base / "r", f"ds@{number}") for number in ("1.0.0", "1.1.0")}
        if self.command.prepare:
            self.command.prepare(self.base / "r")
        # What an undisturbed run leaves, and the time that it takes.
        must(self.fresh(), *self.command.arguments)
        repository, began = self.fresh(), time.time()
        must(repository, *self.command.arguments)
        self.duration = time.time() - began
        assert not (self.command.done and self.command.done(repository)), "the undisturbed run has no result"
        must(repository, "gc", "--grace", "0")
        self.clean = packs(repository)

    def fresh(self):
        copy(self.base, self.trial)
        return self.trial / "r"

    def fault(self, action, at):
        """Runs the command with a fault at a call, or only counts the calls for 0."""
        count = ["-c", "-1"] if action.endswith("+") else []
        calls = ["-s", "write"] if action in WRITES_ONLY else []
        fi = [TOOLS / "fi", "-p", f"{self.trial}/", *calls, *count, "-n", at, "-a", action.rstrip("+"), "--"]
        return run([*fi, HLX, "-q", *self.command.arguments], self.trial / "r")

    def calls(self, action):
        self.fresh()
        return int(re.search(r"matched=(\d+)", self.fault(action, 0).output).group(1))

    def kill(self, moment):
        """Runs the command and kills it after this many seconds."""
        child = subprocess.Popen(
            [HLX, "-q", *self.command.arguments], cwd=self.trial / "r", env=environment(self.trial), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return child.wait(moment)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            return None

    def unchanged(self, when, trial):
        repository, campaign = self.trial / "r", self.campaign
        verified = hlx(repository, "verify", "--all")
        campaign.check(verified.code == 0, f"verify {when}", trial, verified.output)
        for number, before in self.versions.items():
            now = version(repository, f"ds@{number}")
            campaign.check(now == before, f"an earlier version changed {when}", trial, now if isinstance(now, str) else number)

    def judge(self, trial, code, is_harmless):
        """Judges a repository in which the command ended with this exit code, None if it was killed."""
        repository, campaign, command = self.trial / "r", self.campaign, self.command
        campaign.trials += 1
        if is_harmless:
            campaign.check(code == 0, "noticed", trial, f"exit code {code}")
        if not command.is_damaged:
            self.unchanged("after the fault", trial)
        if code == 0 and command.done:
            missing = command.done(repository)
            campaign.check(not missing, "success without the result", trial, missing)
        again = hlx(repository, *command.arguments)
        # A folder that the first run completed is refused by the second.
        completed = self.name == "checkout-into" and again.code == 4 and not command.done(repository)
        campaign.check(again.code == 0 or completed, "refused again", trial, again.output)
        missing = command.done and command.done(repository)
        campaign.check(not missing, "no result after the retry", trial, missing)
        self.unchanged("after the retry", trial)
        collected = hlx(repository, "gc", "--grace", "0")
        campaign.check(collected.code == 0, "gc", trial, collected.output)
        left = left_over(self.trial, repository, self.clean)
        campaign.check(not left, "left over", trial, ", ".join(left))


def main():
    more = {
        "commands": (",".join(COMMANDS), "which commands"),
        "actions": (",".join(ACTIONS), "which faults"),
        "random": (300, "kills at random moments of each of " + ", ".join(KILLED_AT_RANDOM)),
    }
    chosen = options(__doc__, **more)
    dice, every = random.Random(chosen.seed), 20 if chosen.short else 1
    kills = 5 if chosen.short else chosen.random
    campaign, work = Campaign("kills"), work_folder()
    try:
        for name in chosen.commands.split(","):
            trials = Trials(campaign, name, work / name, chosen.seed, 600_000)
            for action in chosen.actions.split(",") if chosen.actions else []:
                before, count = campaign.total(), trials.calls(action)
                points = range(1 + dice.randrange(every), count + 1, every)
                for at in points:
                    trials.fresh()
                    result = trials.fault(action, at)
                    call = re.search(r"fi: \S+ at (#\d+ \S+ \S+)", result.output)
                    trial = f"{name} {action} {call.group(1) if call else at}"
                    campaign.check(not result.crashed or result.code == 137, "crash", trial, result.output)
                    trials.judge(trial, None if result.code == 137 else result.code, action in HARMLESS)
                print(f"{name}, {action}: {len(points)} of {count} calls, {campaign.total() - before} failures", flush=True)
            shutil.rmtree(work / name)
            if name in KILLED_AT_RANDOM and kills:
                trials, before = Trials(campaign, name, work / name, chosen.seed, 4_000_000), campaign.total()
                killed = 0
                for _ in range(kills):
                    trials.fresh()
                    moment = dice.uniform(0, trials.duration)
                    code = trials.kill(moment)
                    killed += code is None
                    trials.judge(f"{name} killed after {moment * 1000:.1f} ms", code, False)
                print(f"{name}: {kills} random moments, {killed} killed, {campaign.total() - before} failures", flush=True)
                shutil.rmtree(work / name)
    finally:
        shutil.rmtree(work)
    campaign.end()


main()
