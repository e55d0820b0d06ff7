"""Objects of a Helox store, byte by byte, written from docs/formats/ alone. Every decoder refuses what its page says."""

import hashlib
import json
import math
import struct
from decimal import Decimal

from blake3 import blake3

CHUNK, RECIPE, RECIPE_NODE, NODE, VERSION, FACT, SCHEMA, VERDICT = range(1, 9)
FILE, EXECUTABLE, SYMLINK, FOLDER = range(4)
NOTHING = blake3(b"").digest()
MIB = 1 << 20


class Malformed(Exception):
    """Bytes that do not have the form that a page demands."""


def need(condition, message):
    if not condition:
        raise Malformed(message)


def hash_of(data):
    return blake3(data).digest()


# README.md: conventions.


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        need(n <= len(self.data) - self.at, "unexpected end")
        self.at += n
        return self.data[self.at - n : self.at]

    def fixed(self, n):
        return int.from_bytes(self.take(n), "little")

    def u8(self):
        return self.fixed(1)

    def varint(self, most=2**64 - 1):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                need(byte or not shift, "a varint is not in its shortest form")
                need(value <= most, "a number is too large")
                return value
            shift += 7

    def count(self, most, least_size=1):
        n = self.varint(most)
        need(n * least_size <= len(self.data) - self.at, "a count exceeds what follows")
        return n

    def bytes(self, most=4 * MIB):
        return self.take(self.varint(most))

    def text(self, most=4 * MIB):
        try:
            return self.bytes(most).decode("utf-8")
        except UnicodeDecodeError as e:
            raise Malformed("a text is not UTF-8") from e

    def optional(self):
        n = self.varint()
        return n - 1 if n else None

    def time(self):
        return int.from_bytes(self.take(8), "little", signed=True)

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        need(self.at == len(self.data), "bytes after the last field")


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def put(data):
    data = data.encode() if isinstance(data, str) else data
    return varint(len(data)) + data


def optional(n):
    return varint(0 if n is None else n + 1)


def time(millis):
    return millis.to_bytes(8, "little", signed=True)


def ascending(items, message):
    need(all(a < b for a, b in zip(items, items[1:])), message)


def cut_levels(items, ends, node):
    """Cuts items into nodes, these into nodes of the next level, and so on; `ends` says after which item of a level a node
    ends, `node` adds one and returns its item. Returns the last level and its items, of which no node was added."""
    levels = [[]]

    def push(level, item):
        if level == len(levels):
            levels.append([])
        levels[level].append(item)
        if ends(level, levels[level]):
            close(level)

    def close(level):
        items, levels[level] = levels[level], []
        push(level + 1, node(level, items))

    for item in items:
        push(0, item)
    level = 0
    while level + 1 < len(levels):
        if levels[level]:
            close(level)
        level += 1
    return level, levels[level]


# chunk.md

GEAR = [int.from_bytes(hashlib.md5(bytes([b]) * 64).digest()[:8], "big") for b in range(256)]
SMALL, LARGE = 0x0000D90703537000, 0x0000D90F03530000


def first_chunk(d):
    """Returns the length of the first chunk of the bytes that remain of a file."""
    n = min(len(d), 262144)
    if n <= 16384:
        return n
    h = 0
    for i in range(16384, n & ~1):
        h = (2 * h + GEAR[d[i]]) & 0xFFFFFFFFFFFFFFFF
        if not h & (SMALL if i < 65536 else LARGE):
            return i
    return n


def chunks(data):
    at = 0
    while at < len(data):
        n = first_chunk(data[at : at + 262144])
        yield data[at : at + n]
        at += n


# recipe.md


def encode_recipe_node(level, items):
    return bytes([level]) + varint(len(items)) + b"".join(id + varint(n) for id, n in items)


def encode_recipe(content, level, items, form=0):
    return content + bytes([form]) + encode_recipe_node(level, items)


def decode_recipe_node(data):
    r = Reader(data)
    level = r.u8()
    need(level <= 8, "too many levels")
    count = r.count(4096, 33)
    need(count, "no items")
    items = [(r.take(32), r.varint()) for _ in range(count)]
    r.end()
    need(all(n for _, n in items), "an empty item")
    need(all(n >= 16384 for _, n in items[:-1]), "a short item before the last")
    need(sum(n for _, n in items) < 2**64, "the length exceeds 64 bits")
    return level, items


def decode_recipe(data):
    r = Reader(data)
    content, form = r.take(32), r.u8()
    need(form == 0, f"the recipe has the unknown form {form}")
    return content, *decode_recipe_node(r.rest())


def build_recipe(content, items, add):
    """Cuts the nodes of a recipe; `add` takes each object with its kind and id."""

    def node(level, items):
        data = encode_recipe_node(level, items)
        add(RECIPE_NODE, hash_of(data), data)
        return hash_of(data), sum(n for _, n in items)

    def ends(level, items):
        return len(items) >= 4096 or len(items) >= 2 and int.from_bytes(items[-1][0][:2], "little") % 1024 == 0

    add(RECIPE, content, encode_recipe(content, *cut_levels(items, ends, node)))


# manifest.md


def check_path(path):
    need(len(path) <= 4095, "a path is longer than 4,095 bytes")
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Malformed("a path is not UTF-8") from e
    need(text.lower() != ".helox-version.json" or not text.isascii(), "the path of the stamp")
    for name in text.split("/"):
        need(1 <= len(name.encode()) <= 255 and name not in (".", "..") and "\0" not in name, "a component is not allowed")
        ignored = "\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u206a\u206b\u206c\u206d\u206e\u206f\ufeff"
        plain = "".join(c for c in name.split(":")[0] if c not in ignored).lower().rstrip(". ")
        number = plain.removeprefix("helox~").removeprefix("git~")
        short = number != plain and number.isdecimal() and number.isascii()
        need(plain not in (".helox", ".git") and not short, "a component can be taken for '.helox' or '.git'")


def shared(before, path):
    n = 0
    while n < min(len(before), len(path)) and before[n] == path[n]:
        n += 1
    return n


def put_path(before, path):
    n = shared(before, path)
    return varint(n) + put(path[n:])


def take_path(r, before):
    n = r.varint(len(before))
    path = before[:n] + r.bytes()
    need(n == shared(before, path), "a path shares more than it says")
    need(path > before, "the paths are out of order")
    check_path(path)
    return path


def encode_node(level, items):
    """Entries are (path, kind, size, content, samples, reader, pointer), children (path, id, entries, files, bytes, samples)."""
    out, before = bytes([level]) + varint(len(items)), b""
    for path, *fields in items:
        out, before = out + put_path(before, path), path
        if level:
            id, entries, files, size, samples = fields
            out += id + varint(entries) + varint(files) + varint(size) + optional(samples)
            continue
        kind, size, content, samples, reader, pointer = fields
        out += bytes([kind])
        if kind == FOLDER:
            continue
        out += varint(size) + content
        if kind != SYMLINK:
            out += optional(samples)
            if samples is not None:
                out += varint(reader) + (put(pointer) if reader >> 55 & 1 else b"")
    return out


def take_entry(r, before):
    path, kind = take_path(r, before), r.u8()
    need(kind <= 3, "an entry of an unknown kind")
    if kind == FOLDER:
        return (path, kind, 0, NOTHING, None, None, None)
    size, content = r.varint(4095 if kind == SYMLINK else 2**44), r.take(32)
    need((size == 0) == (content == NOTHING) and (size or kind != SYMLINK), "a size does not match its content")
    samples = r.optional() if kind != SYMLINK else None
    reader = r.varint() if samples is not None else None
    pointer = r.text(255) if reader is not None and reader >> 55 & 1 else None
    return (path, kind, size, content, samples, reader, pointer)


def decode_node(data):
    r = Reader(data)
    level = r.u8()
    need(level <= 40, "too many levels")
    count = r.count(1024, 3)
    need(count or level == 0, "an inner node without items")
    items, before = [], b""
    for _ in range(count):
        if level:
            items.append((take_path(r, before), r.take(32), r.varint(), r.varint(), r.varint(), r.optional()))
        else:
            items.append(take_entry(r, before))
        before = items[-1][0]
    r.end()
    return level, items


def totals(level, items):
    """Returns entries, files, bytes and samples of a node; samples are none unless all are counted."""
    if level:
        rows = [item[2:] for item in items]
    else:
        rows = [(1, 1, i[2], i[4]) if i[1] in (FILE, EXECUTABLE) else (1, 0, 0, 0) for i in items]
    samples = None if any(row[3] is None for row in rows) else sum(row[3] for row in rows)
    return (*(sum(row[n] for row in rows) for n in range(3)), samples)


def build_manifest(entries, add):
    """Cuts the nodes of a tree of entries in order, and returns the id of the root and its totals."""

    def node(level, items):
        data = encode_node(level, items)
        add(NODE, hash_of(data), data)
        return items[-1][0] if items else b"", hash_of(data), *totals(level, items)

    def ends(level, items):
        if len(items) >= 1024 or sum(len(item[0]) for item in items) >= 262144:
            return True
        x, turn = int.from_bytes(hash_of(items[-1][0])[:8], "little"), 7 * level % 64
        return len(items) >= 2 and (x >> turn | x << 64 - turn) & 127 == 0

    level, root = cut_levels(entries, ends, node)
    _, id, *sums = root[0] if level and len(root) == 1 else node(level, root)
    return id, tuple(sums)


# version.md


def data_checksum(entries):
    sha = hashlib.sha256()
    for path, kind, _, content, *_ in entries:
        if kind in (FILE, EXECUTABLE):
            name = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
            sha.update((b"\\" if name != path else b"") + content.hex().encode() + b"  " + name + b"\n")
    return sha.digest()


def es_number(x):
    """Writes a number as ECMAScript does."""
    if isinstance(x, int) or x == int(x) and abs(x) < 1e21:
        return str(int(x))
    if 1e-7 < abs(x) < 1e21:
        return format(Decimal(repr(x)), "f")
    mantissa, power = f"{Decimal(repr(x)):e}".split("e")
    return f"{mantissa}e{int(power):+d}"


def canonical_json(value):
    """Writes JSON in the form of RFC 8785."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical_json(k) + ":" + canonical_json(v) for k, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return es_number(value)
    return json.dumps(value, ensure_ascii=False)


def encode_version(v):
    out = b"\x01" + put(v["dataset"]) + put(v["type"]) + put(v["number"])
    out += varint(len(v["parents"])) + b"".join(v["parents"]) + put(v["parent_number"]) + v["manifest"]
    out += varint(v["files"]) + varint(v["bytes"]) + optional(v["samples"])
    out += (b"\1" + v["schema"] if v["schema"] else b"\0") + v["data_checksum"] + bytes([v["change"]])
    out += put(v["summary"]) + put(canonical_json(v["metadata"]))
    out += varint(len(v["tags"])) + b"".join(map(put, v["tags"]))
    out += bytes([v["validation"]]) + (v["verdict"] or b"") + put(v["author"]) + time(v["created"])
    if v["extensions"]:
        out += varint(len(v["extensions"])) + b"".join(put(name) + put(value) for name, value in v["extensions"])
    return out


def decode_version(data):
    r, v = Reader(data), {}
    need(r.u8() == 1, "unknown format of a version record")
    v["dataset"], v["type"], v["number"] = r.text(64), r.text(64), r.text(255)
    v["parents"] = [r.take(32) for _ in range(r.count(16, 32))]
    v["parent_number"], v["manifest"] = r.text(255), r.take(32)
    need(bool(v["parents"]) == bool(v["parent_number"]), "the parent's number does not match the parents")
    v["files"], v["bytes"], v["samples"] = r.varint(), r.varint(), r.optional()
    flag = r.u8()
    need(flag <= 1, "the flag of the schema")
    v["schema"] = r.take(32) if flag else None
    v["data_checksum"], v["change"] = r.take(32), r.u8()
    need(v["change"] <= 2, "unknown change type")
    v["summary"], raw = r.text(MIB), r.bytes(MIB)
    v["metadata"] = json.loads(raw)
    need(isinstance(v["metadata"], dict) and canonical_json(v["metadata"]).encode() == raw, "the metadata is not canonical")
    v["tags"], v["validation"] = [r.text(64) for _ in range(r.count(256))], r.u8()
    need(v["validation"] <= 3, "unknown validation")
    v["verdict"] = r.take(32) if v["validation"] in (1, 2) else None
    v["author"], v["created"], v["extensions"] = r.text(4096), r.time(), []
    if r.at < len(data):
        count = r.count(64)
        need(count, "an empty extension area")
        v["extensions"] = [(r.text(64), r.bytes(MIB)) for _ in range(count)]
        ascending([name.encode() for name, _ in v["extensions"]], "the extensions are out of order")
        need(v["extensions"][0][0] and sum(len(value) for _, value in v["extensions"]) <= MIB, "the extensions")
    r.end()
    return v


# schema.md


def encode_schema(depth, root):
    """A field is (counts by type, children by name)."""

    def field(counts, children):
        kept = sorted((name.encode(), child) for name, child in children.items() if is_counted(child))
        out = varint(sum(1 << kind for kind in counts)) + b"".join(varint(counts[kind]) for kind in sorted(counts))
        return out + varint(len(kept)) + b"".join(put(name) + field(*child) for name, child in kept)

    return varint(depth) + field(*root)


def is_counted(field):
    return bool(field[0]) or any(map(is_counted, field[1].values()))


def decode_schema(data):
    r = Reader(data)
    depth, size = r.varint(32), [0, 0]

    def field(level):
        bits, size[0] = r.varint(1023), size[0] + 1
        counts = {kind: r.varint(2**63 - 1) for kind in range(10) if bits >> kind & 1}
        need(all(counts.values()), "a count of 0")
        count, children, names = r.count(2**32, 3), {}, []
        need(level < depth or not count, "a field deeper than the depth")
        need(level == 0 or counts or count, "a field that counts nothing")
        for _ in range(count):
            name = r.text(256)
            names.append(name.encode())
            children[name] = field(level + 1)
        ascending(names, "the fields are out of order")
        size[1] += sum(map(len, names))
        return counts, children

    root = field(0)
    r.end()
    need(size[0] <= 16384 and size[1] <= 2 * MIB, "too many fields")
    return depth, root


# fact.md


def encode_fact(f):
    out = b"\x01" + varint(len(f["parents"])) + b"".join(f["parents"]) + time(f["time"]) + put(f["author"])
    return out + bytes([f["kind"]]) + f["content"]


def decode_fact(data):
    r = Reader(data)
    need(r.u8() == 1, "unknown format of a fact")
    f = {"parents": [r.take(32) for _ in range(r.count(64, 32))], "time": r.time(), "author": r.text(4096), "kind": r.u8()}
    ascending(f["parents"], "the parents are out of order")
    f["content"] = r.data[r.at :]
    if f["kind"] == 0:
        r.end()
        return f
    f["version"] = r.take(32)
    if f["kind"] in (1, 2):
        f["tag"] = r.text(64)
    elif f["kind"] == 3:
        f["verdict"] = r.take(32)
    elif f["kind"] == 4:
        f["run"] = decode_run(r)
    elif f["kind"] == 5:
        f["note"] = r.text(65536)
        need(f["note"], "an empty note")
    elif f["kind"] == 6:
        f["withdrawn"], f["reason"] = r.take(32), r.text(65536)
        need(f["reason"], "an empty reason")
    elif f["kind"] == 7:
        f["reason"] = r.text(65536)
        need(f["reason"], "an empty reason")
    elif f["kind"] == 8:
        f["released"], f["reason"] = r.take(32), r.text(65536)
        need(f["reason"], "an empty reason")
    else:
        need(len(r.rest()) <= 2 * MIB, "an unknown statement that is too long")
    r.end()
    return f


def decode_run(r):
    run = {"model": r.text(256), "times": []}
    for _ in range(2):
        flag = r.u8()
        need(flag <= 1, "the flag of a time")
        run["times"].append(r.time() if flag else None)
    run["params"] = [(r.text(256), r.text(4096)) for _ in range(r.count(1000))]
    run["metrics"] = [(r.text(256), r.take(8)) for _ in range(r.count(1000))]
    run["artifacts"] = [(r.text(4096), r.varint(), r.take(32)) for _ in range(r.count(1000))]
    need(all(math.isfinite(struct.unpack("<d", bits)[0]) for _, bits in run["metrics"]), "a metric is not finite")
    for rows in run["params"], run["metrics"], run["artifacts"]:
        names = [row[0].encode() for row in rows]
        ascending(names, "names are out of order")
        need(all(names), "an empty name")
    need(run["model"], "an empty model")
    return run


# verdict.md


def encode_verdict(v):
    def findings(rows):
        return varint(len(rows)) + b"".join(put(row[0]) + b"".join(map(varint, row[1:4])) + put(row[4]) for row in rows)

    out = b"\2" + v["rules"] + varint(v["minimum"]) + bytes([v["unread"]]) + varint(len(v["results"]))
    for rule in v["results"]:
        out += put(rule["name"]) + put(rule["kind"]) + bytes([rule["severity"]]) + varint(rule["weight"])
        out += varint(rule["checked"]) + varint(rule["failed"]) + varint(rule["unreadable"])
        out += varint(len(rule["measures"])) + b"".join(put(name) + varint(n) for name, n in rule["measures"])
    return out + varint(v["total"]) + findings(v["findings"]) + findings(v["unreadable"])


def decode_verdict(data):
    r = Reader(data)
    need(r.u8() == 2, "unknown format of a verdict")
    v = {"rules": r.take(32), "minimum": r.varint(1_000_000), "unread": r.u8(), "results": []}
    need(v["unread"] <= 2, "unknown meaning of unreadable records")
    for _ in range(r.count(256)):
        rule = {"name": r.text(64), "kind": r.text(64), "severity": r.u8(), "weight": r.varint()}
        rule |= {"checked": r.varint(), "failed": r.varint(), "unreadable": r.varint()}
        rule["measures"] = [(r.text(256), r.varint()) for _ in range(r.count(1100))]
        need(rule["severity"] <= 2 and rule["failed"] <= rule["checked"], "a rule")
        v["results"].append(rule)

    def findings():
        rows = [(r.text(4095), r.varint(), r.varint(), r.varint(), r.text(1024)) for _ in range(r.count(100))]
        need(all(row[3] < len(v["results"]) for row in rows), "the index of a rule")
        return rows

    v["total"] = r.varint()
    v["findings"], v["unreadable"] = findings(), findings()
    r.end()
    return v


def score(verdict):
    rules = [rule for rule in verdict["results"] if rule["severity"] and rule["checked"]]
    weight = sum(rule["weight"] for rule in rules)
    shares = [(rule["checked"] - rule["failed"]) * 1_000_000 // rule["checked"] * rule["weight"] for rule in rules]
    return sum(shares) // weight if weight else 1_000_000
