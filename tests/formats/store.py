"""Reads and writes whole Helox stores, from docs/formats/ alone."""

import os
import re
from datetime import date
from pathlib import Path

import zstandard
from codec import *

STORED, ZSTD, DELTA = range(3)


class Store:
    """A store for reading: all packs are read, every object is checked against its key."""

    def __init__(self, root):
        self.root, self.blocks, self.places = Path(root), [], {}
        check_format((self.root / "format").read_bytes())
        paths = sorted(self.root.glob("packs/*/*.pack"))
        self.rows = {row for path in paths for row in self.read_pack(path)}

    def read_pack(self, path):
        """Adds the objects of a pack. Returns the rows that an index table has of it."""
        data, rows = path.read_bytes(), []
        need(hash_of(data).hex() == path.stem, f"{path} does not match its name")
        need(len(data) >= 52 and data[:8] == b"HLXPACK1" and data[-8:] == b"HLXPEND1", f"{path} is not a pack")
        end = len(data) - 44
        start, at = end - int.from_bytes(data[end : end + 4], "little"), 8
        need(start >= 8 and hash_of(data[start:end]) == data[-40:-8], f"the table of contents of {path}")
        r = Reader(data[start:end])
        for _ in range(r.count(2**32, 4)):
            kind, depth, length = r.u8(), r.u8(), r.varint(2**32)
            objects = [(r.take(32), r.varint(4 * MIB)) for _ in range(r.count(65536, 33))]
            need(1 <= kind <= 8 and depth <= 8 and length >= 36 and objects, f"a block of {path}")
            block = decode_block(data[at : at + length])
            need((block["kind"], block["depth"], block["lengths"]) == (kind, depth, [n for _, n in objects]), "a head differs")
            raw = 0
            for index, (id, n) in enumerate(objects):
                self.places.setdefault((kind, id), []).append((depth, len(self.blocks), index))
                rows.append((id, kind, depth, bytes.fromhex(path.stem), at, length, raw, n))
                raw += n
            self.blocks.append(block)
            at += length
        need(at == start, f"the blocks of {path} do not end where the table of contents begins")
        r.end()
        return rows

    def get(self, kind, id, below=9):
        """Returns an object, read from a block of less depth than `below`."""
        place = min((p for p in self.places.get((kind, id), []) if p[0] < below), default=None)
        need(place, f"object {kind} {id.hex()} is missing")
        data = self.raw(self.blocks[place[1]])[place[2]]
        need((data[:32] if kind == RECIPE else hash_of(data)) == id, f"object {kind} {id.hex()} does not match its key")
        return data

    def raw(self, block):
        """Returns the objects of a block."""
        if "objects" not in block:
            total, payload = sum(block["lengths"]), block["payload"]
            if block["codec"] == STORED:
                raw = payload
            elif block["codec"] == ZSTD:
                raw = decompress(payload, total)
            else:
                raw, first, at = b"", 0, 0
                for count, bases, length in block["runs"]:
                    base = b"".join(self.get(kind, id, block["depth"]) for kind, id in bases)
                    need(len(base) <= 8 * MIB, "a base that is too long")
                    size = sum(block["lengths"][first : first + count])
                    raw += decompress(payload[at : at + length], size, base)
                    first, at = first + count, at + length
            need(len(raw) == total, "the payload does not come to its raw length")
            ends = [sum(block["lengths"][:n]) for n in range(len(block["lengths"]) + 1)]
            block["objects"] = [raw[a:b] for a, b in zip(ends, ends[1:])]
        return block["objects"]

    def content(self, id, size):
        if size == 0:
            return b""
        if size <= 16384 or size <= 262144 and (CHUNK, id) in self.places:
            data = self.get(CHUNK, id)
        else:
            named, level, items = decode_recipe(self.get(RECIPE, id))
            need(named == id and sum(n for _, n in items) == size, "a recipe of another file")
            data = b"".join(self.pieces(level, items))
        need(len(data) == size and hash_of(data) == id, f"content {id.hex()} is damaged")
        return data

    def pieces(self, level, items):
        for id, size in items:
            if level == 0:
                data = self.get(CHUNK, id)
                need(len(data) == size, "the length of a chunk")
                yield data
            else:
                below, nested = decode_recipe_node(self.get(RECIPE_NODE, id))
                need(below == level - 1 and sum(n for _, n in nested) == size, "a recipe node in the wrong place")
                yield from self.pieces(below, nested)

    def entries(self, root):
        seen = [b""]

        def walk(id, parent, expected):
            level, items = decode_node(self.get(NODE, id))
            if expected:
                last, _, *sums = expected
                need(level == parent - 1 and items and items[-1][0] == last, "a child in the wrong place")
                need(totals(level, items) == tuple(sums), "the totals of a child")
            for item in items:
                if level:
                    yield from walk(item[1], level, item)
                else:
                    need(item[0] > seen[0], "paths out of order")
                    seen[0] = item[0]
                    yield item

        entries = list(walk(root, None, None))
        paths = {entry[0] for entry in entries}
        for path in paths:
            above = path.split(b"/")[:-1]
            need(not any(b"/".join(above[: n + 1]) in paths for n in range(len(above))), "a path below an entry")
        return entries

    def versions(self):
        """Returns the records by dataset and number, with their ids."""
        found = {}
        for path in sorted(self.root.glob("refs/versions/*/*")):
            id = read_ref(path)
            v = decode_version(self.get(VERSION, id))
            need((v["dataset"], v["number"]) == (path.parent.name, path.name), f"{path} points to another version")
            found[path.parent.name, path.name] = id, v
        return found

    def facts(self):
        """Returns the facts in the order in which they are folded, with their ids."""
        names = sorted(path.name for path in self.root.glob("refs/facts/*") if re.fullmatch(r"\d{10}", path.name))
        need(names == [f"{n:010}" for n in range(1, len(names) + 1)], "the entries of refs/facts have a gap")
        heads = [read_ref(self.root / "refs/facts" / name) for name in names]
        known, ancestors, pending = {}, {}, heads[-1:]
        while pending:
            id = pending.pop()
            if id not in known:
                known[id] = decode_fact(self.get(FACT, id))
                pending += known[id]["parents"]
        order, ready = [], set(known)
        while ready:
            id = min(id for id in ready if not any(parent in ready for parent in known[id]["parents"]))
            ready.remove(id)
            order.append((id, known[id]))
            ancestors[id] = {id}.union(*(ancestors[parent] for parent in known[id]["parents"]))
        need(all(a in ancestors[b] for a, b in zip(heads, heads[1:])), "a head is no descendant of the one before")
        return order

    def tags(self):
        """Returns the version of each tag of each dataset, as the facts fold."""
        records, tags = {id: v for id, v in self.versions().values()}, {}
        for _, fact in self.facts():
            if fact["kind"] == 1 and fact["version"] in records:
                tags[records[fact["version"]]["dataset"], fact["tag"]] = fact["version"]
            elif fact["kind"] == 2 and fact["version"] in records:
                key = records[fact["version"]]["dataset"], fact["tag"]
                if tags.get(key) == fact["version"]:
                    del tags[key]
        return tags


def check_format(data):
    lines = data.decode("ascii").split("\n")
    need(lines.pop() == "" and lines.pop(0) == "helox 1", "unknown format of the store")
    for word in "required", "optional":
        if lines and lines[0].startswith(word + " "):
            names = lines.pop(0).split(" ")[1:]
            need(all(re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", name) for name in names), "the name of a feature")
            ascending(names, "the features are out of order")
            need(word == "optional", f"the store requires {names}")
    need(not lines, "unknown lines in format")


def read_ref(path):
    data = path.read_bytes()
    need(re.fullmatch(rb"[0-9a-f]{64}\n", data), f"{path} is not a ref")
    return bytes.fromhex(data[:64].decode())


def decompress(frame, size, base=b""):
    dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if base else None
    raw = zstandard.ZstdDecompressor(dict_data=dictionary).decompress(frame, max_output_size=size or 1)
    need(len(raw) == size, "a frame of another length")
    return raw


def decode_block(data):
    need(len(data) >= 36 and data[:4] == b"HXBK" and data[7] == 0, "not a block")
    need(hash_of(data[:20] + data[36:])[:16] == data[20:36], "the check of a block")
    kind, codec, depth = data[4:7]
    raw, lists, payload = (int.from_bytes(data[at : at + 4], "little") for at in (8, 12, 16))
    need(len(data) == 36 + lists + payload and codec <= 2 and 1 <= kind <= 8 and depth <= 8, "a head")
    r = Reader(data[36 : 36 + lists])
    lengths = [r.varint(4 * MIB) for _ in range(r.count(65536))]
    runs = []
    for _ in range(r.count(65536, 36)):
        count = r.varint()
        runs.append((count, [(r.u8(), r.take(32)) for _ in range(r.count(65536, 33))], r.varint()))
    r.end()
    need(lengths and sum(lengths) == raw <= 4 * MIB and payload <= 4 * MIB, "the lengths of a block")
    need((codec == DELTA) == bool(runs) == bool(depth), "runs, codec and depth do not match")
    if runs:
        need(sum(run[0] for run in runs) == len(lengths) and sum(run[2] for run in runs) == payload, "the runs of a block")
        need(all(count and bases for count, bases, _ in runs), "a run without objects or bases")
    return {"kind": kind, "depth": depth, "codec": codec, "lengths": lengths, "runs": runs, "payload": data[36 + lists :]}


def encode_block(kind, objects, codec=ZSTD, depth=0, runs=(), payload=None, lengths=None):
    raw = b"".join(objects)
    if payload is None:
        frame = zstandard.ZstdCompressor(level=3).compress(raw)
        codec, payload = (ZSTD, frame) if codec == ZSTD and len(frame) < len(raw) else (STORED, raw)
    lengths = [len(data) for data in objects] if lengths is None else lengths
    lists = varint(len(lengths)) + b"".join(map(varint, lengths)) + varint(len(runs))
    for count, bases, length in runs:
        keys = b"".join(bytes([base]) + id for base, id in bases)
        lists += varint(count) + varint(len(bases)) + keys + varint(length)
    head = b"HXBK" + bytes([kind, codec, depth, 0])
    head += b"".join(n.to_bytes(4, "little") for n in (sum(lengths), len(lists), len(payload)))
    return head + hash_of(head + lists + payload)[:16] + lists + payload


# index.md


def decode_table(data):
    """Returns the rows of an index table: (id, kind, depth, pack, offset, length, raw offset, raw length)."""
    need(len(data) >= 2152 and data[:8] == b"HLXTABL1" and data[-8:] == b"HLXTEND1", "not a table")
    need(not any(data[8:16]) and not any(data[-44:-40]), "bytes that are not zero")
    count, packs = int.from_bytes(data[-56:-48], "little"), int.from_bytes(data[-48:-44], "little")
    end = 16 + 56 * count
    need(len(data) == end + 32 + 2048 + 32 * packs + 56, "the counts do not give the length")
    need(hash_of(data[16:end]) == data[end : end + 32], "the hash of the rows")
    need(hash_of(data[end + 32 : -40]) == data[-40:-8], "the check of a table")
    names = [data[at : at + 32] for at in range(end + 2080, len(data) - 56, 32)]
    rows = []
    for at in range(16, end, 56):
        pack, *places = (int.from_bytes(data[n : n + 4], "little") for n in range(at + 36, at + 56, 4))
        need(1 <= data[at + 32] <= 8 and not any(data[at + 34 : at + 36]) and pack < packs, "a row")
        rows.append((data[at : at + 32], data[at + 32], data[at + 33], names[pack], *places))
    need(all(a[:3] <= b[:3] and a != b for a, b in zip(rows, rows[1:])), "rows out of order")
    return rows


def encode_table(rows):
    """Writes an index table of rows as `decode_table` returns them."""
    rows, names = sorted(dict.fromkeys(rows), key=lambda row: row[:3]), []
    body = b""
    for id, kind, depth, pack, *places in rows:
        if pack not in names:
            names.append(pack)
        body += id + bytes([kind, depth, 0, 0]) + b"".join(n.to_bytes(4, "little") for n in (names.index(pack), *places))
    fan_out = b"".join(sum(row[0][0] <= n for row in rows).to_bytes(8, "little") for n in range(256))
    end = fan_out + b"".join(names) + len(rows).to_bytes(8, "little") + len(names).to_bytes(4, "little") + bytes(4)
    return b"HLXTABL1" + bytes(8) + body + hash_of(body) + end + hash_of(end) + b"HLXTEND1"


class Writer:
    """A store that is being written. Objects are kept until `save`."""

    def __init__(self, root):
        self.root, self.objects, self.refs, self.heads = Path(root), {}, {}, []
        self.format, self.packs = b"helox 1\n", []

    def add(self, kind, id, data):
        self.objects[kind, id] = data

    def hashed(self, kind, data):
        self.add(kind, hash_of(data), data)
        return hash_of(data)

    def content(self, data):
        """Adds the chunks and the recipe of a file, and returns its content id."""
        items = [(self.hashed(CHUNK, chunk), len(chunk)) for chunk in chunks(data)]
        if len(items) > 1:
            build_recipe(hash_of(data), items, self.add)
        return hash_of(data)

    def version(self, version):
        """Adds a record and its ref."""
        id = self.hashed(VERSION, encode_version(version))
        self.refs[f"versions/{version['dataset']}/{version['number']}"] = id
        return id

    def fact(self, kind, content, when=0, parents=None, author="python"):
        """Adds a fact after the newest, and an entry for it."""
        parents = self.heads[-1:] if parents is None else parents
        fact = {"parents": parents, "time": when, "author": author, "kind": kind, "content": content}
        self.heads.append(self.hashed(FACT, encode_fact(fact)))
        return self.heads[-1]

    def pack(self, folder, blocks, listed=None):
        """Writes a pack of (block, kind, depth, [(id, length)]), of which `listed` says other things if given."""
        contents = varint(len(blocks))
        for block, kind, depth, objects in listed or blocks:
            contents += bytes([kind, depth]) + varint(len(block)) + varint(len(objects))
            contents += b"".join(id + varint(n) for id, n in objects)
        data = b"HLXPACK1" + b"".join(block[0] for block in blocks) + contents
        data += len(contents).to_bytes(4, "little") + hash_of(contents) + b"HLXPEND1"
        (self.root / "packs" / folder / f"{hash_of(data).hex()}.pack").write_bytes(data)

    def save(self):
        for folder in "tmp packs/data packs/structure index refs/versions refs/facts workspace".split():
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for folder in "data", "structure":
            blocks = []
            for kind in sorted({kind for kind, _ in self.objects if (kind == CHUNK) == (folder == "data")}):
                rest = [(id, data) for (k, id), data in self.objects.items() if k == kind]
                while rest:
                    size, part = 0, []
                    while rest and size + len(rest[0][1]) <= MIB or not part:
                        part.append(rest.pop(0))
                        size += len(part[-1][1])
                    block = encode_block(kind, [data for _, data in part])
                    blocks.append((block, kind, 0, [(id, len(data)) for id, data in part]))
            if blocks:
                self.pack(folder, blocks)
        refs = self.refs | {f"facts/{n:010}": id for n, id in enumerate(self.heads, 1)}
        for name, id in refs.items():
            path = self.root / "refs" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(id.hex().encode() + b"\n")
        (self.root / "format").write_bytes(self.format)


# Commits of a folder: manifest.md says what is counted, schema.md how.


def read_folder(folder):
    """Returns (path, kind, bytes) of all that is part of a dataset, in order."""
    found = []
    for path in Path(folder).rglob("*"):
        name = os.fsencode(path.relative_to(folder))
        if path.is_symlink():
            found.append((name, SYMLINK, os.fsencode(os.readlink(path))))
        elif path.is_file():
            found.append((name, EXECUTABLE if path.stat().st_mode & 0o100 else FILE, path.read_bytes()))
        elif path.is_dir() and not any(path.iterdir()):
            found.append((name, FOLDER, b""))
    return sorted(found)


def commit(writer, folder, version):
    """Adds a version of a folder; `version` has the fields that do not follow from the files."""
    entries, root = [], ({}, {})
    for path, kind, data in read_folder(folder):
        content = writer.content(data)
        samples = reader = None
        if kind in (FILE, EXECUTABLE):
            samples, reader = count_samples(path.decode(), data, root)
        entries.append((path, kind, len(data), content, samples, reader, None))
    manifest, (_, files, size, samples) = build_manifest(entries, writer.add)
    schema = writer.hashed(SCHEMA, encode_schema(5, root)) if version.pop("counted", True) else None
    fields = {"manifest": manifest, "files": files, "bytes": size, "samples": samples, "schema": schema}
    return writer.version(fields | {"data_checksum": data_checksum(entries)} | version)


def count_samples(path, data, root):
    """Returns the number of samples of a file and the code of their reader, and counts the fields in `root`."""
    name = path.rsplit("/")[-1].lower()
    stem = re.sub(r"\.(md|txt|rst)$", "", name)
    if name == ".hlxignore" or "/" not in path and stem in ("readme", "license", "dataset_card"):
        return 0, 10 | 1 << 16
    ending = name.rsplit(".", 1)[-1] if name.rfind(".") > 0 else ""
    if ending == "jsonl":
        records = [line for line in data.split(b"\n") if line.strip(b" \t\r\v\f")]
        for record in records:
            observe(json.loads(record, object_pairs_hook=lambda pairs: Pairs(pairs)), root, 0)
        return len(records), 1 | 1 << 16
    if ending == "json":
        value = json.loads(data, object_pairs_hook=lambda pairs: Pairs(pairs))
        records = value if type(value) is list else [value]
        for record in records:
            observe(record, root, 0)
        return len(records), 2 | 1 << 16
    if ending in ("csv", "tsv"):
        comma = b"," if ending == "csv" else b"\t"
        names, *rows = [line.split(comma) for line in data.removesuffix(b"\n").split(b"\n")]
        for row in rows:
            count(root, 6)
            for column, field in zip(names, row):
                count(root[1].setdefault(column.decode(), ({}, {})), cell_type(field.decode()))
        return len(rows), (3 if ending == "csv" else 4) | 2 << 16
    return 1, (9 | 1 << 59 if ending == "zip" else 6) | 1 << 16


class Pairs(list):
    """The members of a JSON object in their order."""


def count(field, kind):
    field[0][kind] = field[0].get(kind, 0) + 1


def observe(value, field, level):
    types = {type(None): 0, bool: 1, int: 2, float: 3, str: 4, list: 5, Pairs: 6}
    count(field, types[type(value)])
    if level == 5 or type(value) not in (list, Pairs):
        return
    if type(value) is list:
        members = [("*", element) for element in value]
    else:
        members = [("*", v) for _, v in value] if len(value) > 64 else dict(value).items()
    for name, member in members:
        observe(member, field[1].setdefault(field_name(name), ({}, {})), level + 1)


def field_name(name):
    data = name.encode()
    if len(data) <= 256:
        return name
    return data[:200].decode("utf-8", "ignore") + "…" + hash_of(data).hex()[:16]


def cell_type(text):
    if not text:
        return 0
    if text.lower() in ("true", "false"):
        return 1
    if re.fullmatch(r"[+-]?(0|[1-9][0-9]*)", text):
        return 2
    if re.fullmatch(r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?", text) and re.search(r"\d", text.lower().split("e")[0]):
        return 3
    try:
        return 7 if re.fullmatch(r"\d{4}-\d\d-\d\d", text) and date.fromisoformat(text) else 4
    except ValueError:
        return 4
