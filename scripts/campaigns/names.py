#!/usr/bin/env python3
"""Names and files that are legal and odd: a commit ends, names what it cannot store, and brings back the rest.

    names.py [--short] [--seed N]

Hostile paths, which only a crafted manifest has, are tried by scripts/formats.sh.
"""
import os
import random
import shutil
import socket
import stat

from common import Campaign, hlx, must, options, tree, work_folder

# Legal names. What a file system does not take is left out.
NAMES = [
    b"new\nline", b"tab\tx", b"escape\x1b[2Jx", b"return\rx", b"delete\x7f", b"-rf", b"--help", b"$(id)", b"`id`", b" leading",
    b"trailing ", b"trailing.", b"*", b"?", b'"quoted"', b"'", b"%2e%2e", b"#comment", b"~", b"!x", b"@{u}", b"a b", b"back\\slash",
    b"..\\..\\x", b"C:\\x", b"con", b"NUL", b"aux.csv", b"COM1", b"stream:x:$DATA", b"Case/a", b"case/a", "STRASSE".encode(),
    "straße".encode(), "K".encode(), "\u212a".encode(), "\u00e9".encode(), "e\u0301".encode(), "\u202egpj.exe".encode(),
    "zero\u200bwidth".encode(), b"n" * 255, b"/".join([b"d" * 200] * 12), b"/".join([b"deep"] * 300), b".hidden", b"...", b"..a",
    b"\xf0\x9f\x93\x9a", b".gitignore", b".gitmodules", b"nested/.gitattributes",
]
# Names that are no text, which hlx refuses by name.
NO_TEXT = [b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80", b"\xc0\xae\xc0\xae", b"ok/\x80"]


def write(folder, name, content):
    """Writes a file of any name; false where the file system does not take it."""
    here = os.open(folder, os.O_RDONLY)
    try:
        *folders, last = name.split(b"/")
        for part in folders:
            try:
                os.mkdir(part, dir_fd=here)
            except FileExistsError:
                pass
            deeper = os.open(part, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        file = os.open(last, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=here)
        os.write(file, content)
        os.close(file)
        return True
    except OSError:
        return False
    finally:
        os.close(here)


def repository(work, name):
    path = work / name
    (path / "data").mkdir(parents=True)
    must(path, "init")
    must(path, "dataset", "add", "ds", "--type", "text", "--path", "data")
    return path


def odd_names(campaign, work, dice):
    """Every legal name comes back with its bytes."""
    path = repository(work, "names")
    letters = [chr(n) for n in range(32, 0x2ff) if chr(n) not in "/\x7f"] + ["\U0001f4da", "\u4e2d", "\u0627", "\u0301"]
    names = NAMES + ["".join(dice.choices(letters, k=dice.randrange(1, 60))).encode() for _ in range(200)]
    made = sum(write(path / "data", name, b"content of " + name[:40]) for name in names if name not in (b".", b".."))
    campaign.trials += made
    committed = hlx(path, "commit", "ds", "-m", "one", "--version", "1.0.0")
    campaign.check(committed.code == 0, "commit", f"{made} names", committed.output)
    target = work / "out"
    must(path, "checkout", "ds@1.0.0", "--into", target)
    expected, found = tree(path / "data"), tree(target)
    differ = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
    campaign.check(not differ, "not as it was", "names", differ[:5])
    for command in (["ls", "ds@1.0.0", "-r"], ["status", "ds", "--exit-code"], ["diff", "--json"], ["fsck"]):
        result = hlx(path, *command)
        campaign.check(result.code == 0, "failed", command, result.output)
    print(f"{made} names")


def names_that_are_no_text(campaign, work):
    """Each is refused by name, and nothing is committed."""
    for number, name in enumerate(NO_TEXT):
        path = repository(work, f"no-text-{number}")
        if not write(path / "data", name, b"x"):
            continue
        write(path / "data", b"good", b"good")
        campaign.trials += 1
        result = hlx(path, "commit", "ds", "-m", "one")
        campaign.check(result.code not in (0, 101, None) and "UTF-8" in result.output, "not refused", name, result.output)
        campaign.check(hlx(path, "show", "ds@latest").code == 3, "a part was committed", name)


def odd_files(campaign, work, hole):
    """What is no file is refused by name; holes, links in circles, modes and times come back."""
    for name, make in {
        "fifo": lambda file: os.mkfifo(file),
        "socket": lambda file: socket.socket(socket.AF_UNIX).bind(str(file)),
        "device": lambda file: os.mknod(file, stat.S_IFCHR | 0o666, os.makedev(1, 5)),
    }.items():
        path = repository(work, f"odd-{name}")
        try:
            make(path / "data" / name)
        except OSError:
            continue
        campaign.trials += 1
        result = hlx(path, "commit", "ds", "-m", "one")
        campaign.check(result.code != 0 and name in result.output and not result.crashed, "not refused", name, result.output)
    path = repository(work, "odd")
    data = path / "data"
    for link, target in {"circle-1": "circle-2", "circle-2": "circle-1", "self": ".", "up": "../..", "outside": "/etc/passwd",
                         "dangling": "missing"}.items():
        (data / link).symlink_to(target)
    (data / "hard-1").write_text("hard")
    os.link(data / "hard-1", data / "hard-2")
    (data / "empty").touch()
    with (data / "hole").open("wb") as file:
        file.truncate(hole)
        file.seek(hole - 3)
        file.write(b"end")
    (data / "setuid").write_text("#!/bin/sh\n")
    os.chmod(data / "setuid", 0o6755)
    for name, time in {"epoch": 0, "before": -10**9, "2038": 2**31, "far": 2**33}.items():
        (data / name).write_text(name)
        os.utime(data / name, (time, time))
    campaign.trials += 1
    committed = hlx(path, "commit", "ds", "-m", "odd", "--version", "1.0.0")
    campaign.check(committed.code == 0, "commit", "odd files", committed.output)
    target = work / "odd-out"
    must(path, "checkout", "ds@1.0.0", "--into", target)
    campaign.check(tree(target) == tree(data), "not as it was", "odd files", tree(target).keys() ^ tree(data).keys())
    campaign.check(os.stat(target / "setuid").st_mode & 0o6000 == 0, "setuid came back", "setuid")
    campaign.check(hlx(path, "status", "ds", "--exit-code").code == 0, "not clean", "odd files")


def main():
    chosen = options(__doc__)
    campaign, work = Campaign("names"), work_folder()
    try:
        odd_names(campaign, work, random.Random(chosen.seed))
        names_that_are_no_text(campaign, work)
        odd_files(campaign, work, (32 << 20) if chosen.short else (5 << 30))
    finally:
        shutil.rmtree(work)
    campaign.end("names and files")


main()
