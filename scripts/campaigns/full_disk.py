#!/usr/bin/env python3
"""Commits on disks that are really full.

    full_disk.py [--short] [--seed N] [--kinds ext4,xfs,btrfs,tmpfs]

A file system in a file is filled until so many KiB are left, from none to enough. Then a commit either makes its version or
fails with a message, and leaves the earlier versions; with the disk as full as before, `verify --all`, `gc`, `log`, `status`
and a checkout to another disk work. Once there is room again, the same commit succeeds.

Needs root and loop devices, and the mkfs of each kind.
"""
import os
import random
import shutil
import subprocess
import sys

from common import Campaign, history, hlx, must, options, tree, version, work_folder

FREE = [0, 4, 16, 64, 200, 500, 1000, 2000, 4000]
# The smallest size that each mkfs takes, in MiB.
SIZES = {"ext4": 64, "xfs": 320, "btrfs": 140, "tmpfs": 64}


def command(*arguments):
    subprocess.run([str(part) for part in arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Disk:
    """A file system in a file, mounted."""

    def __init__(self, work, kind):
        self.mount, self.kind, image = work / "m", kind, work / "image"
        self.mount.mkdir(exist_ok=True)
        if kind == "tmpfs":
            command("mount", "-t", "tmpfs", "-o", f"size={SIZES[kind]}m", "none", self.mount)
            return
        with image.open("wb") as file:
            file.truncate(SIZES[kind] << 20)
        command(f"mkfs.{kind}", *(["-q", "-m", "0"] if kind == "ext4" else ["-q"]), image)
        command("mount", "-o", "loop", image, self.mount)

    def free(self):
        state = os.statvfs(self.mount)
        return state.f_bavail * state.f_frsize

    def fill(self, left):
        """Writes a file until only this many bytes are free, or nothing more is taken."""
        with (self.mount / "filler").open("wb", buffering=0) as file:
            while self.free() > left:
                size = min(max(4096, self.free() - left), 1 << 20)
                try:
                    file.write(random.randbytes(size))
                except OSError:
                    if size <= 4096:
                        break
                    try:
                        file.write(random.randbytes(4096))
                    except OSError:
                        break
            try:
                os.fsync(file.fileno())
            except OSError:
                pass

    def empty(self):
        (self.mount / "filler").unlink()
        command("sync", "-f", self.mount)

    def close(self):
        command("umount", self.mount)


def judge(campaign, work, kind, kib, seed):
    disk, trial = Disk(work, kind), f"{kind}, {kib} KiB free"
    try:
        repository = disk.mount / "r"
        history(repository, seed, 2_000_000)
        before = {number: version_elsewhere(work, repository, number) for number in ("1.0.0", "1.1.0")}
        disk.fill(kib << 10)
        campaign.trials += 1
        committed = hlx(repository, "commit", "ds", "-m", "three", "--version", "2.0.0")
        campaign.check(not committed.crashed, "crash", trial, committed.output)
        campaign.check(committed.code in (0, 6), "exit code", trial, f"{committed.code} {committed.output}")
        if committed.code == 0:
            campaign.check(hlx(repository, "show", "ds@2.0.0").code == 0, "success without the version", trial)
        for arguments in (["verify", "--all"], ["log"], ["status"], ["gc", "--grace", "0"], ["verify", "--all"], ["fsck"]):
            result = hlx(repository, *arguments)
            campaign.check(result.code == 0, f"{arguments[0]} on the full disk", trial, result.output)
        for number, files in before.items():
            campaign.check(version_elsewhere(work, repository, number) == files, "an earlier version changed", trial, number)
        disk.empty()
        again = hlx(repository, "commit", "ds", "-m", "three", "--version", "2.0.0")
        campaign.check(again.code == 0, "refused again", trial, again.output)
        campaign.check(version(repository, "ds@2.0.0") == tree(repository / "data"), "no version after the retry", trial)
        campaign.check(hlx(repository, "fsck").code == 0, "damaged", trial)
        return committed.code
    finally:
        disk.close()


def version_elsewhere(work, repository, number):
    """Returns the tree of a version through a checkout to another disk."""
    target = work / "out"
    shutil.rmtree(target, ignore_errors=True)
    must(repository, "checkout", f"ds@{number}", "--into", target)
    return tree(target)


def main():
    chosen = options(__doc__, kinds=("ext4,xfs,btrfs,tmpfs", "the kinds of file systems"))
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        print("full_disk: not root, or no loop devices: left out")
        sys.exit(0)
    kinds = ["ext4"] if chosen.short else chosen.kinds.split(",")
    campaign, work = Campaign("full_disk"), work_folder()
    random.seed(chosen.seed)
    try:
        for kind in kinds:
            if kind != "tmpfs" and not shutil.which(f"mkfs.{kind}"):
                print(f"no mkfs.{kind}: left out")
                continue
            codes = [judge(campaign, work, kind, kib, chosen.seed) for kib in (FREE[1::3] if chosen.short else FREE)]
            print(f"{kind}: {len(codes)} disks, the commit failed on {sum(code != 0 for code in codes)}", flush=True)
    finally:
        shutil.rmtree(work)
    campaign.end("full disks")


main()
