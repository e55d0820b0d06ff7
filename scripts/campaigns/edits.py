#!/usr/bin/env python3
"""Edits that keep the size of a file, right after a commit: status and the next commit see every one.

    edits.py [--short] [--seed N] [--rounds 200] [--folder DIR]

In each round, one edit of each way: written in place; in place with the old time; another file with the old time moved over
it; through a mapping with the old time. DIR
says on which file system; the folder for temporary files where it is left out.
"""
import mmap
import os
import random
import shutil
import tempfile
from pathlib import Path

from common import Campaign, hlx, must, options


def in_place(path, content):
    with open(path, "r+b") as file:
        file.write(content)


def with_old_time(path, content):
    before = os.stat(path)
    in_place(path, content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def moved_over(path, content):
    before, beside = os.stat(path), path.with_name(".beside")
    beside.write_bytes(content)
    os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
    beside.rename(path)


def mapped(path, content):
    before = os.stat(path)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[:] = content
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


WAYS = {"in place": in_place, "with the old time": with_old_time, "moved over": moved_over, "mapped": mapped}


def main():
    chosen = options(__doc__, rounds=(200, "rounds"), folder=("", "a folder on the file system to test"))
    rounds = 5 if chosen.short else chosen.rounds
    campaign, dice = Campaign("edits"), random.Random(chosen.seed)
    work = Path(tempfile.mkdtemp(prefix="campaign-", dir=chosen.folder or None))
    try:
        repository, path = work / "r", work / "r" / "data" / "file.txt"
        path.parent.mkdir(parents=True)
        must(repository, "init")
        must(repository, "dataset", "add", "ds", "--type", "text", "--path", "data")
        for n in range(40):
            path.with_name(f"other-{n}.txt").write_text(str(n))
        path.write_bytes(b"%08d\n" % 0 * 50)
        must(repository, "commit", "ds", "-m", "first")
        for number in range(rounds):
            for way, edit in WAYS.items():
                content, trial = b"%08d\n" % dice.randrange(10**8) * 50, f"round {number}, {way}"
                edit(path, content)
                campaign.trials += 1
                # Every second round asks before it commits: a status must not have the commit miss the edit either.
                if number % 2:
                    campaign.check(hlx(repository, "status", "ds", "--exit-code").code == 1, "missed by status", trial)
                hlx(repository, "commit", "ds", "-m", trial)
                found = hlx(repository, "cat", "ds@latest", "file.txt").output
                campaign.check(found == content.decode(), "missed by commit", trial)
    finally:
        shutil.rmtree(work)
    campaign.end("edits")


main()
