#!/usr/bin/env python3
"""Committers, readers and a collector on one repository at once, with random kills.

    writers.py [--short] [--seed N] [--seeds 5] [--committers 8] [--commits 50] [--readers 4]

Every committer writes a token into two files of its own folder and commits that folder; a tenth of the commits are killed
at a random moment, and tried again. Readers check out the newest version again and again, the collector runs with no grace
time. A failure is

  lost       a commit that was acknowledged is not in the log, or its files are not as they were
  torn       a checkout has two different tokens
  back       a reader sees an older commit of a committer than before
  hang       a command takes longer than two minutes
  refused    a commit does not succeed in 60 attempts; a checkout or a collection fails
  damaged    verify, fsck or audit find something in the end
"""
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

from common import Campaign, HLX, TIMEOUT, environment, hlx, must, options, work_folder

ATTEMPTS = 60
KILLED = 0.1


class Round:
    """The threads of one seed on one repository."""

    def __init__(self, campaign, work, seed, options):
        self.campaign, self.work, self.seed, self.options = campaign, work, seed, options
        self.repository, self.name = work / "r", f"seed {seed}"
        self.acknowledged, self.killed, self.reads, self.collections = {}, 0, 0, 0
        self.mutex, self.stop = threading.Lock(), threading.Event()

    def run(self, *arguments, kill_after=None):
        """Runs hlx; None if it was killed."""
        child = subprocess.Popen(
            [HLX, "-q", *map(str, arguments)], cwd=self.repository, env=environment(self.work), text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = child.communicate(timeout=kill_after or TIMEOUT)
            return child.returncode, output
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            if not kill_after:
                self.fail("hang", arguments)
            return None, ""

    def fail(self, kind, detail):
        with self.mutex:
            self.campaign.fail(kind, self.name, detail)

    def files(self, folder):
        return {path.name: path.read_text() for path in folder.iterdir() if path.name[0] in "ab" and path.is_file()}

    def committer(self, number):
        dice, folder = random.Random(f"{self.seed} {number}"), self.work / f"committer-{number}"
        folder.mkdir()
        # Enough for several chunks, most of which the next commit has too.
        common = "".join(f"{number} {dice.random()}\n" for _ in range(20_000))
        for n in range(self.options.commits):
            token = f"token-{number}-{n:05}"
            for name in "ab":
                (folder / f"{name}{number}").write_text(token)
            (folder / "common.txt").write_text(common + token)
            for _ in range(ATTEMPTS):
                kill_after = dice.uniform(0.005, 0.3) if dice.random() < KILLED else None
                code, output = self.run("commit", "ds", "--from", folder, "-m", token, kill_after=kill_after)
                if code == 0:
                    break
                if code is None:
                    with self.mutex:
                        self.killed += 1
                time.sleep(dice.uniform(0.01, 0.2))
            else:
                self.fail("refused", f"{token}: {output}")
                continue
            with self.mutex:
                self.acknowledged[token] = number
                self.campaign.trials += 1

    def reader(self, number):
        last, target = {}, self.work / f"reader-{number}"
        while not self.stop.is_set():
            shutil.rmtree(target, ignore_errors=True)
            code, output = self.run("checkout", "ds@latest", "--into", target)
            if code != 0:
                self.fail("refused", f"checkout: {output}")
                continue
            found = self.files(target)
            for name, token in found.items():
                if found.get("ab"[name[0] == "a"] + name[1:]) != token:
                    self.fail("torn", found)
                if token < last.get(name, ""):
                    self.fail("back", f"{token} after {last[name]}")
                last[name] = token
            with self.mutex:
                self.reads += 1

    def collector(self):
        while not self.stop.is_set():
            code, output = self.run("gc", "--grace", "0")
            if code != 0:
                self.fail("refused", f"gc: {output}")
            self.collections += 1
            time.sleep(0.1)

    def judge(self):
        """Compares what is there with what was acknowledged."""
        versions = json.loads(must(self.repository, "log", "ds", "--json"))["versions"]
        by_token = {version["change_summary"]: version for version in versions}
        for token, number in self.acknowledged.items():
            version = by_token.get(token)
            if not version:
                self.fail("lost", token)
                continue
            for name in "ab":
                found = hlx(self.repository, "cat", f"ds@{version['version']}", f"{name}{number}")
                if found.output != token:
                    self.fail("lost", f"{token}: {found.output}")
        for command in (["verify", "--all"], ["fsck"], ["audit", "--verify"], ["gc", "--grace", "0"], ["verify", "--all"]):
            result = hlx(self.repository, *command)
            if result.code != 0:
                self.fail("damaged", result.output)
        left = list((self.repository / ".helox" / "tmp").iterdir())
        if left:
            self.fail("damaged", f"left over: {left}")

    def play(self):
        (self.repository / "data").mkdir(parents=True)
        must(self.repository, "init")
        must(self.repository, "dataset", "add", "ds", "--type", "text", "--path", "data")
        (self.repository / "data" / "first").write_text("first")
        must(self.repository, "commit", "ds", "-m", "first")
        committers = [threading.Thread(target=self.committer, args=(n,)) for n in range(self.options.committers)]
        others = [threading.Thread(target=self.reader, args=(n,)) for n in range(self.options.readers)]
        others.append(threading.Thread(target=self.collector))
        began = time.time()
        for thread in committers + others:
            thread.start()
        for thread in committers:
            thread.join()
        self.stop.set()
        for thread in others:
            thread.join()
        before = self.campaign.total()
        self.judge()
        print(f"{self.name}: {len(self.acknowledged)} commits acknowledged, {self.killed} killed, {self.reads} checkouts, "
              f"{self.collections} collections, {self.campaign.total() - before} failures, {time.time() - began:.0f} s", flush=True)


def main():
    chosen = options(
        __doc__, seeds=(5, "how many"), committers=(8, "at once"), commits=(50, "of each"), readers=(4, "at once"))
    if chosen.short:
        chosen.seeds, chosen.committers, chosen.commits, chosen.readers = 1, 4, 8, 2
    campaign, work = Campaign("writers"), work_folder()
    try:
        for seed in range(chosen.seed, chosen.seed + chosen.seeds):
            (work / str(seed)).mkdir()
            Round(campaign, work / str(seed), seed, chosen).play()
            shutil.rmtree(work / str(seed))
    finally:
        shutil.rmtree(work)
    campaign.end("acknowledged commits")


main()
