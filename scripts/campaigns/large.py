#!/usr/bin/env python3
"""A data set of 100 GiB that is stored nowhere, committed and checked out in bounded memory.

    large.py [--short] [--gib 100]

The data set is made up as it is read, and the checkout is compared with it as it is written, by a FUSE file system
(made_up.c). Both commands run under a limit of the address space of 1 GiB and 512 MiB for the maps of the index tables; what
they use beyond those maps, sampled ten times a second, must stay below 1 GiB. Memory is flat: the highest resident set of
anonymous memory in the last quarter is at most 1.25 of the highest in the second.

Needs root or fusermount3, a C compiler and libfuse3.
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import Campaign, HLX, environment, must, options

LIMIT = 1 << 30
MAPS = 512 << 20


class Memory:
    """The memory of a process over time."""

    def __init__(self):
        self.samples = []

    def sample(self, pid):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            return
        sizes = dict(re.findall(r"(VmSize|RssAnon):\s+(\d+) kB", status))
        if len(sizes) == 2:
            tables = sum(int(end, 16) - int(start, 16) for start, end in re.findall(r"(?m)^(\w+)-(\w+) .*\.table$", maps))
            self.samples.append((int(sizes["VmSize"]) * 1024 - tables, int(sizes["RssAnon"]) * 1024, tables))

    def highest(self, column, first=0.0, last=1.0):
        part = self.samples[int(len(self.samples) * first):max(1, int(len(self.samples) * last))]
        return max((sample[column] for sample in part), default=0)


def run(campaign, name, repository, *arguments):
    """Runs hlx under the limit, and judges what it used."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT + MAPS, LIMIT + MAPS))
    began, memory = time.time(), Memory()
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            [HLX, "-q", *map(str, arguments)], cwd=repository, env=environment(repository.parent), stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, preexec_fn=limit)
        while child.poll() is None:
            memory.sample(child.pid)
            time.sleep(0.1)
        output.seek(0)
        text = output.read().decode(errors="replace")
    took, mib = time.time() - began, 1 << 20
    early, late = memory.highest(1, 0.25, 0.5), memory.highest(1, 0.75)
    print(f"{name}: {took:.0f} s, address space beyond tables {memory.highest(0) // mib} MiB, tables {memory.highest(2) // mib} MiB, "
          f"anonymous memory {early // mib} MiB in the second quarter, {late // mib} MiB in the last", flush=True)
    campaign.trials += 1
    campaign.check(child.returncode == 0, "failed", name, text)
    campaign.check(memory.highest(0) <= LIMIT, "address space", name, memory.highest(0))
    campaign.check(late <= early * 1.25 + 32 * mib, "memory grows", name, f"{early} to {late}")


def main():
    chosen = options(__doc__, gib=(100, "the size of the data set"))
    gib = 1 if chosen.short else chosen.gib
    if not os.access("/dev/fuse", os.W_OK) or not shutil.which("cc") or subprocess.run(["pkg-config", "--exists", "fuse3"]).returncode:
        print("large: no FUSE, C compiler or libfuse3: left out")
        sys.exit(0)
    work, campaign = Path(tempfile.mkdtemp(prefix="campaign-")), Campaign("large")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["cc", "-O2", "-o", work / "made_up", Path(__file__).with_name("made_up.c"), *flags], check=True)
    mount = work / "m"
    mount.mkdir()
    system = subprocess.Popen([work / "made_up", mount, str(gib), "1024"], stderr=subprocess.DEVNULL)
    try:
        while not os.path.ismount(mount):
            time.sleep(0.1)
        repository = work / "r"
        (repository / "data").mkdir(parents=True)
        must(repository, "init")
        must(repository, "dataset", "add", "ds", "--type", "text", "--path", "data")
        run(campaign, f"commit of {gib} GiB", repository, "commit", "ds", "--from", mount / "data", "-m", "one", "--version", "1.0.0")
        stored = sum(path.stat().st_size for path in (repository / ".helox").rglob("*") if path.is_file())
        print(f"stored: {stored >> 20} MiB", flush=True)
        run(campaign, f"checkout of {gib} GiB", repository, "checkout", "ds@1.0.0", "--into", mount / "out" / "copy")
        compared, different = map(int, (mount / "report").read_text().split())
        campaign.check(compared == gib << 30 and different == 0, "the copy differs", "checkout", f"{compared} compared, {different} differ")
        print(f"compared: {compared:,} bytes, {different} differ", flush=True)
        run(campaign, "fsck", repository, "fsck")
    finally:
        subprocess.run(["fusermount3", "-u", mount], stderr=subprocess.DEVNULL)
        system.wait()
        shutil.rmtree(work)
    campaign.end("commands")


main()
