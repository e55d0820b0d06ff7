"""What every row needs: timed commands, cold and warm caches, sizes, and the table."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict, namedtuple
from pathlib import Path

Took = namedtuple("Took", "wall cpu peak out")  # seconds, seconds, bytes, what it printed
Size = namedtuple("Size", "truth derived")      # bytes of the store; bytes of catalog, tables and stat caches

MEMORY = 256 << 20
QUICK = 0.030


class Failed(Exception):
    """A command that did not do its work."""


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def mb(size):
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def seconds(s):
    return f"{s:.2f} s" if s >= 1 else f"{s * 1e3:.0f} ms" if s >= 0.1 else f"{s * 1e3:.1f} ms"


def remove(*paths):
    """Removes what is there. rm is far quicker than Python where there are many files."""
    subprocess.run(["rm", "-rf", *paths], check=True)


class Bench:
    """One run of the benchmark: what was measured, by name of the work, and the rows made of it."""

    def __init__(self, options, hlx, folder):
        self.hlx_binary, self.runs, self.short = hlx, options.runs, options.short
        self.work = folder / "work"
        self.took, self.of_hlx, self.bounded, self.stores = defaultdict(list), set(), set(), {}
        self.rows, self.problems, self.peers = [], [], []
        home, self.old = self.work / "home", self.work / "old"
        remove(self.work)
        home.mkdir(parents=True)
        self.old.mkdir()
        # Neither the user's settings nor the machine's change what is measured.
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC", "HLX_AUTHOR": "bench@example.com",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@example.com",
            "GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@example.com",
        }

    # Measuring.

    def run(self, key, words, cwd, sync=False, env=None):
        """Runs a program; with `sync`, its wall time ends when all that was written is on the disk."""
        log = self.work / "stdout"
        with log.open("wb") as out, (self.work / "stderr").open("wb") as err:
            start = time.perf_counter()
            child = subprocess.Popen([str(w) for w in words], cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                     env={**self.environment, **(env or {})})
            # Of the child and its own children. The peak is never less than this script's own, some 20 MiB.
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if sync:
                os.sync()
            wall = time.perf_counter() - start
        if child.returncode:
            said = (log.read_text(errors="replace")[-500:] + (self.work / "stderr").read_text(errors="replace")[-500:]).strip()
            raise Failed(f"{key}: {' '.join(map(str, words))[:200]} exited with {child.returncode}: {said}")
        with log.open(errors="replace") as out:
            took = Took(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10, out.read(1 << 20))
        self.took[key].append(took)
        say(f"{key}: {took.wall:.3f} s, {took.cpu:.3f} of CPU, {took.peak >> 20} MiB")
        return took

    def shell(self, key, line, cwd, sync=False):
        return self.run(key, ["bash", "-c", "set -o pipefail; " + line], cwd, sync)

    def settle(self):
        """Lets a second pass: a file that changed in the second of the stat cache would have to be read again."""
        time.sleep(0 if self.short else 1.1)

    def warm(self, *folders):
        """The state before a measured run: all is written, caches are dropped, then these folders are read once."""
        if not self.short:
            os.sync()
            if os.geteuid() == 0:
                try:
                    Path("/proc/sys/vm/drop_caches").write_text("3")
                except OSError:
                    say("caches cannot be dropped here")
        for folder in folders:
            subprocess.run("find . -type f -print0 | xargs -0 -r cat > /dev/null", shell=True, check=True, cwd=folder)

    def median(self, key, what=None):
        """The median of seconds: wall, or CPU in the short form, which other work on the machine disturbs less."""
        what = what or ("cpu" if self.short else "wall")
        if key not in self.took:
            raise Failed(f"{key} was not measured")
        return statistics.median(getattr(t, what) for t in self.took[key])

    def discard(self, folder, files):
        """Takes away what a run made. Many files are only put aside until all is measured: ext4 searches past each inode
        that was freed within the last minutes, which makes the next run that creates files several times slower."""
        if files < 1_000:
            remove(folder)
        else:
            folder.rename(self.old / str(len(os.listdir(self.old))))

    # Rows.

    def row(self, work, measured, bar, ratio):
        """`ratio` is measured over bar, or whether two things that have no ratio are the same."""
        same = isinstance(ratio, bool)
        self.rows.append((work, measured, bar, "" if same else f"{ratio:.2f}", ratio if same else ratio <= 1))

    def told(self, key, what=None):
        """A median with the least and the most beside it."""
        what = what or ("cpu" if self.short else "wall")
        every = [getattr(t, what) for t in self.took[key]]
        return f"{seconds(statistics.median(every))} ({seconds(min(every))} to {seconds(max(every))})"

    def faster(self, work, key, factor, reference, plus=0.0, short=None):
        """Seconds of `key`: at most factor × reference + plus. The short form takes CPU and the factor `short`."""
        if self.short and short is None:
            return
        factor = short if self.short else factor
        base = self.median(reference)
        bar = factor * base + plus
        text = f"{factor:.3g} × {seconds(base)}" + (f" + {seconds(plus)}" if plus else "") + f" = {seconds(bar)}"
        self.row(work, self.told(key), f"{text} ({reference})", self.median(key) / bar)

    def fastest_peer(self, key, factor):
        """hlx beside the fastest other tool, where other tools were run."""
        others = [k for k in self.took if k.endswith(f": {key}")]
        if others and not self.short:
            self.faster(f"{key} beside other tools", key, factor, min(others, key=self.median))

    def leaner(self, work, key, bar, text):
        """CPU seconds of `key`: at most `bar`. The short form allows twice as much."""
        bar *= 2 if self.short else 1
        self.row(work, self.told(key, "cpu") + " CPU", f"{seconds(bar)} CPU ({text})", self.median(key, "cpu") / bar)

    def held(self, key, bar):
        """Peak memory of `key`, which has a bar of its own: at most `bar`. The short form allows three quarters of it."""
        self.bounded.add(key)
        bar = bar * 3 // 4 if self.short else bar
        peak = max(t.peak for t in self.took[key])
        self.row(f"{key}: peak memory", f"{peak >> 20} MiB", f"{bar >> 20} MiB", peak / bar)

    def smaller(self, work, size, bar, text):
        """Bytes: at most `bar`. The short form allows a quarter more, and what folders and headers of a small store cost."""
        bar = bar * 1.25 + 32_000 if self.short else bar
        self.row(work, mb(size), f"{mb(bar)} ({text})", size / bar)

    def quick(self, name, repo):
        """The three looks at a store that must not depend on its size."""
        folder = next((f.name for f in sorted(repo.data.iterdir()) if f.is_dir()), None)
        commands = {"log -n 20": ["log", "-n", "20"], "show": ["show"], "ls": ["ls", "HEAD", *([folder] if folder else [])]}
        for _ in range(self.runs):
            for command, words in commands.items():
                repo.hlx(f"`{command}`, {name}", *words)
        for command in commands:
            self.leaner(f"`{command}`, {name}", f"`{command}`, {name}", QUICK, "at any size")

    def peak(self):
        """One row over all that hlx did, except for works with a bar of their own."""
        peaks = {key: max(t.peak for t in took) for key, took in self.took.items() if key in self.of_hlx}
        if peaks.keys() - self.bounded:
            key = max(peaks.keys() - self.bounded, key=peaks.get)
            self.row("peak memory", f"{peaks[key] / (1 << 20):.0f} MiB ({key})", "256 MiB", peaks[key] / MEMORY)
        return peaks


class Repository:
    """A repository of one dataset, `d`, in the folder `data`."""

    def __init__(self, bench, name):
        self.bench, self.name = bench, name
        self.repo = bench.work / name
        self.data, self.store = self.repo / "data", self.repo / ".helox"
        remove(self.repo)
        self.repo.mkdir()

    def copy(self, tree, *, links=False):
        """Fills the dataset with a copy of `tree`; with `links`, with the same files under second names."""
        say(f"{self.name}: copies {tree}")
        subprocess.run(["cp", "-al" if links else "-a", tree, self.data], check=True)

    def hlx(self, key, *words, sync=False):
        self.bench.of_hlx.add(key)
        return self.bench.run(key, [self.bench.hlx_binary, "--json", *words], self.repo, sync)

    def init(self, settings="", counted=False):
        """An empty store; the files of the dataset stay. Samples are not counted unless a row is about that."""
        remove(self.store, self.repo / "helox.toml", self.repo / "helox.lock")
        for words in (["init"], ["dataset", "add", "d", "--type", "generic", "--path", "data"]):
            subprocess.run([self.bench.hlx_binary, "-q", *words], cwd=self.repo, env=self.bench.environment, check=True,
                           capture_output=True)
        with (self.repo / "helox.toml").open("a") as config:
            config.write(("" if counted else "samples = false\n") + settings)

    def commit(self, key):
        """Commits, and what hlx reports of the version."""
        return json.loads(self.hlx(key, "commit", "-m", key, sync=True).out)

    def checkout(self, key, version, into=None):
        words = ["--into", into] if into else []
        return json.loads(self.hlx(key, "checkout", version, *words, sync=True).out)

    def size(self, note=None):
        """The size of the store as the design defines it."""
        def du(path):
            return int(subprocess.check_output(["du", "-sb", path]).split()[0]) if path.exists() else 0
        derived = [self.store / "catalog", self.store / "index", self.store / "gate", *self.store.glob("workspace/*/stat.cache")]
        beside = sum(map(du, derived))
        size = Size(du(self.store) - beside, beside)
        if note:
            self.bench.stores[note] = size
        return size.truth


def tar_size(folder, level, names=None):
    """Bytes of a tar of a folder, or of the files that are named, after zstd. The same whoever owns the files."""
    tar = ["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-c", "-C", folder]
    if names is None:
        listed, words = b"", ["."]
    else:
        listed, words = b"".join(os.fsencode(n) + b"\0" for n in sorted(names)), ["--null", "-T", "-"]
    archive = subprocess.Popen([*tar, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    packed = subprocess.Popen(["zstd", f"-{level}", "-T1", "-q", "-c"], stdin=archive.stdout, stdout=subprocess.PIPE)
    count = subprocess.Popen(["wc", "-c"], stdin=packed.stdout, stdout=subprocess.PIPE)
    archive.stdout.close()
    packed.stdout.close()
    archive.stdin.write(listed)
    archive.stdin.close()
    size = int(count.communicate()[0])
    if archive.wait() or packed.wait():
        raise Failed(f"tar of {folder} failed")
    return size


def need(*programs):
    absent = [p for p in programs if not shutil.which(p)]
    if absent:
        sys.exit(f"missing: {', '.join(absent)}: install with your system's packages")
