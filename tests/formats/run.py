#!/usr/bin/env python3
"""Holds the pages of docs/formats against hlx, both ways, and hlx against hostile stores: run.py HLX [golden STORE...]

1. Reads the examples of the pages and the golden stores: every file of every version, all checksums, and encodes what it decoded again.
2. Has hlx commit a folder, and writes the same versions itself: the same ids.
3. Has hlx list, verify, check out and collect what it wrote.
4. Makes the sick repositories of fixtures/ again: the same bytes.
5. Writes hostile stores, correctly hashed: hlx refuses each by name, soon, and writes nothing outside.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from hostile import CASES, FACT_CASES, first_version
from store import *

HLX = os.path.abspath(sys.argv[1])
SECONDS = 20


def hlx(folder, *words, code=0):
    """Runs hlx in a folder and returns what it printed."""
    environment = {**os.environ, "HLX_AUTHOR": "ana@example.com", "NO_COLOR": "1"}
    command = subprocess.run([HLX, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS)
    printed = command.stdout + command.stderr
    assert command.returncode == code, f"hlx {' '.join(words)} exits with {command.returncode}, not {code}:\n{printed}"
    return command.stdout if code == 0 else printed


def tree(folder):
    return {path: (kind, data) for path, kind, data in read_folder(folder) if path != b".helox-version.json"}


def examples():
    """Returns the bytes of the examples of the pages by name."""
    found = {}
    for page in (Path(__file__).parent / "../../docs/formats").glob("*.md"):
        for name, lines in re.findall(r"```hex example: (\S+)\n(.*?)```", page.read_text(), re.S):
            data, last, repeats = b"", b"", False
            for line in lines.splitlines():
                if line == "*":
                    repeats = True
                    continue
                offset, digits = line.split("  ")[:2]
                while repeats and len(data) < int(offset, 16):
                    data += last
                assert len(data) == int(offset, 16), f"{name}: {line}"
                last, repeats = bytes.fromhex(digits), False
                data += last
            found[name] = data
    return found


def check_examples():
    """Decodes every example, and encodes it again; bytes that are cut or continued are refused."""
    codecs = {
        "recipe-node": (decode_recipe_node, lambda v: encode_recipe_node(*v)),
        "recipe": (decode_recipe, lambda v: encode_recipe(*v)),
        "node": (decode_node, lambda v: encode_node(*v)),
        "version": (decode_version, encode_version),
        "fact": (decode_fact, encode_fact),
        "schema": (decode_schema, lambda v: encode_schema(*v)),
        "verdict": (decode_verdict, encode_verdict),
        "block": (decode_block, None),
        "index": (decode_table, encode_table),
    }
    for name, data in examples().items():
        kind = next((kind for kind in codecs if name.startswith(kind)), None)
        if kind is None:
            continue
        decode, encode = codecs[kind]
        value = decode(data)
        assert encode is None or encode(value) == data, name
        for bad in [data[:n] for n in range(len(data))] + [data + b"\0"]:
            try:
                value = decode(bad)
            except Malformed:
                continue
            # The end of an unknown statement is that of the fact; without its extensions a record is another record.
            assert encode(value) == bad and name in ("fact-unknown", "version-extended"), f"{name}: {len(bad)} bytes"


def check_store(root):
    """Reads everything in a store, and encodes it again. Returns its versions."""
    store = Store(root)
    for (dataset, number), (id, version) in store.versions().items():
        entries = store.entries(version["manifest"])
        assert encode_version(version) == store.get(VERSION, id)
        assert data_checksum(entries) == version["data_checksum"], f"{dataset}@{number}"
        built, (_, files, size, samples) = build_manifest(entries, lambda *object: None)
        assert (built, files, size, samples) == tuple(version[k] for k in ("manifest", "files", "bytes", "samples"))
        for _, kind, size, content, *_ in entries:
            if kind != FOLDER:
                check_recipe(store, content, store.content(content, size))
        if version["schema"]:
            data = store.get(SCHEMA, version["schema"])
            assert encode_schema(*decode_schema(data)) == data
        if version["verdict"]:
            assert 0 <= score(decode_verdict(store.get(VERDICT, version["verdict"]))) <= 1_000_000
    for id, fact in store.facts():
        assert encode_fact(fact) == store.get(FACT, id)
    tables = [path.read_bytes() for path in store.root.glob("index/*.table")]
    assert all(encode_table(decode_table(data)) == data for data in tables)
    assert not tables or {row for data in tables for row in decode_table(data)} == store.rows
    return store


def check_recipe(store, id, data):
    """Cuts a file again: the same chunks, the same recipe."""
    cut = Writer("")
    assert cut.content(data) == id
    for (kind, id), made in cut.objects.items():
        assert store.get(kind, id) == made


def repository(folder, datasets="leases"):
    """Makes a repository without a version, and returns a writer of its store."""
    (folder / "data").mkdir(parents=True)
    declared = [f'[dataset.{name}]\ntype = "generic"\npath = "data"\n' for name in datasets.split()]
    (folder / "helox.toml").write_text("\n".join(declared))
    return Writer(folder / ".helox")


def make_data(folder):
    """Makes a folder with everything that a version can hold."""
    noise = random.Random(7)
    files = {"README.md": b"# Leases\n", "plain.txt": b"plain\n", "empty.txt": b"", "back\\slash.txt": b"1", "caf\u00e9/x.bin": b"\0\1"}
    files["labels.csv"] = b"id,label,day,share,ok\n1,rent,2026-11-02,0.5,true\n2,,2026-11-03,-1e3,FALSE\n007,term,,3,x\n"
    files |= {"notes.json": b'[{"a": 1, "c": "x"}, {"a": null}, 3]', "one.json": b'{"a": [1.0, -2e5]}', "none.json": b"[]"}
    files |= {"t.tsv": b"a\tb\n1\t2026-02-30\n+.5\t007\n.\tTrue\n", "sub/README.md": b"a sample", "Readme.TXT": b"none", "a.zip": b"PK"}
    lines = [{"id": n, "text": f"clause {n}", "tags": ["a", n], "rent": {"amount": [None, 900, 1.5][n % 3]}} for n in range(4000)]
    lines += [{f"k{n}": n for n in range(65)}, {"long " + "é" * 300: 1}, {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}]
    files["train/a.jsonl"] = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
    files["train/twice.jsonl"] = b'{"a":1,"a":"2"}\n\n [1,2,"3"] \n'
    files["media/noise.bin"] = noise.randbytes(900_000)
    files["media/zeros.bin"] = bytes(600_000)
    files |= {f"many/{n:04}.txt": str(n).encode() for n in range(600)}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "train/run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "train/run.sh").chmod(0o755)
    (folder / "hollow").mkdir()
    (folder / "link").symlink_to("train/a.jsonl")


def check_same_ids(scratch):
    """hlx and Python write the same two versions."""
    theirs, own = scratch / "theirs", scratch / "own"
    repository(theirs)
    make_data(theirs / "data")
    hlx(theirs, "init")
    hlx(theirs, "commit", "-m", "first", "--tag", "gold")
    ours, store = repository(own), check_store(theirs / ".helox")
    make_data(own / "data")
    common = {"dataset": "leases", "type": "generic", "author": "ana@example.com", "metadata": {}, "extensions": []}
    common |= {"validation": 0, "verdict": None}
    id, record = store.versions()["leases", "1.0.0"]
    first = {"number": "1.0.0", "parents": [], "parent_number": "", "change": 2, "summary": "first", "tags": ["gold"]}
    assert commit(ours, own / "data", common | first | {"created": record["created"]}) == id, "the id of the first version"
    for folder in theirs, own:
        with open(folder / "data/train/a.jsonl", "ab") as file:
            file.write(b'{"id":-1,"new":true}\n')
        (folder / "data/plain.txt").unlink()
    hlx(theirs, "commit", "-m", "second", "--version", "1.1.0", "--meta", "source=crawl")
    store = check_store(theirs / ".helox")
    second_id, record = store.versions()["leases", "1.1.0"]
    second = {"number": "1.1.0", "parents": [id], "parent_number": "1.0.0", "summary": "second", "tags": []}
    second |= {"metadata": {"source": "crawl"}, "change": record["change"], "created": record["created"]}
    assert commit(ours, own / "data", common | second) == second_id, "the id of the second version"
    assert any(block["depth"] for block in store.blocks), "hlx stores the second version as a delta"
    for _, fact in store.facts():
        ours.fact(fact["kind"], fact["content"], fact["time"], author=fact["author"])
    ours.fact(200, id + b"of a later hlx", 1)
    ours.format = b"helox 1\noptional later\n"
    ours.save()
    assert [id for id, _ in store.facts()] == ours.heads[:-1], "the ids of the facts"
    return own


def check_reading(own):
    """hlx reads what Python wrote."""
    store = check_store(own / ".helox")
    for name in "verify --all", "audit --verify", "fsck", "log", "ls -r leases@1.0.0", "status":
        hlx(own, *name.split())
    assert [entry["kind"] for entry in json.loads(hlx(own, "--json", "audit"))["entries"]].count("unknown") == 1
    tagged = json.loads(hlx(own, "--json", "show", "leases@gold"))
    assert bytes.fromhex(tagged["id"]) == store.tags()["leases", "gold"]
    for number in "1.0.0", "1.1.0":
        target = own.parent / f"out-{number}"
        hlx(own, "checkout", f"leases@{number}", "--into", str(target))
        _, version = store.versions()["leases", number]
        entries = {e[0]: (e[1], b"" if e[1] == FOLDER else store.content(e[3], e[2])) for e in store.entries(version["manifest"])}
        assert tree(target) == entries
    extended = Writer(own / ".helox")
    _, version = store.versions()["leases", "1.1.0"]
    extended.version(version | {"number": "1.2.0", "extensions": [("later", b"\0\1")]})
    extended.save()
    hlx(own, "verify", "leases@1.2.0")
    before = Store(own / ".helox").versions()
    hlx(own, "gc", "--grace", "0")
    assert check_store(own / ".helox").versions() == before
    hlx(own, "verify", "--all")


def check_hostile(scratch):
    """hlx refuses each hostile version, fact and format by name. Returns what went wrong."""
    wrong = []
    for n, (name, make, *expected) in enumerate(CASES + FACT_CASES):
        folder = scratch / f"case{n}"
        writer = repository(folder)
        make(writer)
        (folder / "canary").write_text("canary")
        before = outside(folder)
        try:
            if len(expected) == 1:
                printed = hlx(folder, "verify", "leases@1.0.0", code=1)
                printed += hlx(folder, "checkout", "leases@1.0.0", "--into", "target", code=5)
                in_place = hlx(folder, "checkout", "leases@1.0.0", code=5)
                assert expected[-1] in in_place, f"in place: no '{expected[-1]}' in\n{in_place}"
                packs = set(folder.rglob("*.pack"))
                for words in ["ls", "-r", "leases@1.0.0"], ["gc"]:
                    subprocess.run([HLX, *words], cwd=folder, capture_output=True, timeout=SECONDS)
                assert packs <= set(folder.rglob("*.pack")), "gc removed packs of a damaged store"
            else:
                words, code, _ = expected
                printed = hlx(folder, *words.split(), code=code)
            assert expected[-1] in printed and "panicked" not in printed, f"no '{expected[-1]}' in\n{printed}"
            assert outside(folder) == before, f"written: {outside(folder)}"
        except (AssertionError, subprocess.TimeoutExpired) as e:
            wrong.append(f"{name}: {e}")
    return wrong


def check_museum(scratch):
    """The sick repositories are what fixtures/make/sick.py makes of them."""
    fixtures = Path(__file__).parent / "../../fixtures"
    subprocess.run([sys.executable, fixtures / "make/sick.py", scratch / "sick"], check=True)

    def files(folder):
        found = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        return {path: data.split(b"\n")[0] if path.name == "fsck.txt" else data for path, data in found.items()}

    ours, made = files(fixtures / "sick"), files(scratch / "sick")
    differ = [str(path) for path in ours.keys() | made.keys() if ours.get(path) != made.get(path)]
    assert not differ, f"made otherwise by fixtures/make/sick.py: {differ}"


def outside(folder):
    """Returns what lies in the folder of a repository but for the store and the places of the checkouts."""
    places = {".helox", "target", "data"}
    kept = [path for path in sorted(folder.rglob("*")) if not places & set(path.relative_to(folder).parts[:1])]
    return [(path, path.read_bytes() if path.is_file() else None) for path in kept]


def main():
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        check_examples()
        check_museum(scratch)
        for golden in sys.argv[2:]:
            check_store(golden)
        own = check_same_ids(scratch)
        check_reading(own)
        wrong = check_hostile(scratch)
    for case in wrong:
        print(case, file=sys.stderr)
    print(f"{len(sys.argv) - 2} golden stores, the same ids, {len(CASES) + len(FACT_CASES)} hostile stores")
    return bool(wrong)


sys.exit(main())
