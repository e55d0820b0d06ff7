"""Hostile stores: every object and pack has the hash that it should have, and one thing is not as the pages demand."""

from store import *

DATA = b"1"


def entry(path, kind=FILE, data=DATA, size=None, content=None):
    path = path if isinstance(path, bytes) else path.encode()
    return (path, kind, len(data) if size is None else size, content or hash_of(data), None, None, None)


def first_version(writer, root, entries=(), **fields):
    """Adds version 1.0.0 with this manifest; the statistics are those of the entries."""
    _, files, size, samples = totals(0, list(entries))
    version = {"dataset": "leases", "type": "generic", "number": "1.0.0", "parents": [], "parent_number": "", "manifest": root}
    version |= {"files": files, "bytes": size, "samples": samples, "schema": None, "data_checksum": data_checksum(entries)}
    version |= {"change": 2, "summary": "s", "metadata": {}, "tags": [], "validation": 0, "verdict": None, "author": "eve"}
    return writer.version(version | {"created": 0, "extensions": []} | fields)


def leaf(*entries):
    """A version whose manifest is one leaf of these entries, whatever they are."""

    def make(writer):
        writer.content(DATA)
        writer.content(b"../canary")
        first_version(writer, writer.hashed(NODE, encode_node(0, entries)), entries)
        writer.save()

    return make


def node(data):
    """A version whose manifest is these bytes."""

    def make(writer):
        first_version(writer, writer.hashed(NODE, data))
        writer.save()

    return make


def tree(levels):
    """A version whose manifest is a tree, made from the leaf up by functions of the child's id, level and totals."""

    def make(writer):
        entries = [entry("a")]
        writer.content(DATA)
        data = encode_node(0, entries)
        id, sums = writer.hashed(NODE, data), totals(0, entries)
        for number, level in enumerate(levels, 1):
            data = level(number, id, sums)
            id, sums = writer.hashed(NODE, data), totals(*decode_node(data))
        first_version(writer, id, entries)
        writer.save()

    return make


def many_leaves(width):
    """A version whose manifest has 40 levels of nodes that list the same node again and again."""

    def make(writer):
        id = writer.hashed(NODE, encode_node(0, []))
        for level in range(1, 41):
            id = writer.hashed(NODE, encode_node(level, [(b"%04d" % n, id, 0, 0, 0, 0) for n in range(width)]))
        first_version(writer, id)
        writer.save()

    return make


def record(change):
    """A version whose record is changed before it is stored."""

    def make(writer):
        writer.content(DATA)
        entries = [entry("a")]
        id = first_version(writer, writer.hashed(NODE, encode_node(0, entries)), entries)
        data = change(writer.objects.pop((VERSION, id)))
        writer.refs["versions/leases/1.0.0"] = writer.hashed(VERSION, data)
        writer.save()

    return make


def ref(change):
    def make(writer):
        leaf(entry("a"))(writer)
        path = writer.root / "refs/versions/leases/1.0.0"
        path.write_bytes(change(path.read_bytes()))

    return make


def recipe(make_recipe, size=300_000):
    """A version with a file of zeros, whose recipe `make_recipe` adds."""

    def make(writer):
        zeros = bytes(300_000)
        content = hash_of(zeros)
        chunk = writer.hashed(CHUNK, zeros[:100_000])
        make_recipe(writer, content, [(chunk, 100_000)] * 3)
        entries = [entry("zeros", size=size, content=content)]
        first_version(writer, writer.hashed(NODE, encode_node(0, entries)), entries)
        writer.save()

    return make


def listed(change):
    return recipe(lambda writer, content, items: writer.add(RECIPE, content, change(content, items)))


def nested_recipe(level, length=300_000):
    def make(writer, content, items):
        node = writer.hashed(RECIPE_NODE, encode_recipe_node(0, items))
        writer.add(RECIPE, content, encode_recipe(content, level, [(node, length)]))

    return recipe(make, length)


def other_bytes(writer, content, items):
    ones = writer.hashed(CHUNK, b"1" * 100_000)
    writer.add(RECIPE, content, encode_recipe(content, 0, [items[0], (ones, 100_000), items[2]]))


def endless_recipe(writer, content, items):
    size = 100_000
    id = items[0][0]
    for level in range(3):
        data = encode_recipe_node(level, [(id, size)] * 4096)
        id, size = writer.hashed(RECIPE_NODE, data), size * 4096
    writer.add(RECIPE, content, encode_recipe(content, 3, [(id, size)]))


def many_tiny_chunks(writer, content, items):
    """A recipe of 16 TiB, of nodes that list one chunk of 2 bytes again and again."""
    id, size = writer.hashed(CHUNK, b"ab"), 2
    for level in range(3):
        data = encode_recipe_node(level, [(id, size)] * 4096)
        id, size = writer.hashed(RECIPE_NODE, data), size * 4096
    writer.add(RECIPE, content, encode_recipe(content, 3, [(id, size)] * 128))


def packed(make_pack):
    """A version of two files whose chunks lie in a pack of its own."""

    def make(writer):
        one, two = b"one\n", b"and two\n"
        entries = [entry("one", data=one), entry("two", data=two)]
        first_version(writer, writer.hashed(NODE, encode_node(0, entries)), entries)
        writer.save()
        keys = [(hash_of(one), len(one)), (hash_of(two), len(two))]
        make_pack(writer, one, two, keys)

    return make


def heads(kind=CHUNK, depth=0, lengths=None, objects=None):
    """A block whose head says other things than the table of contents, which is right."""

    def make_pack(writer, one, two, keys):
        raw = objects or [one, two]
        block = encode_block(kind, raw, STORED, depth, lengths=lengths)
        writer.pack("data", [(block, CHUNK, 0, keys)])

    return packed(make_pack)


def listed_depth(writer, one, two, keys):
    writer.pack("data", [(encode_block(CHUNK, [one, two], STORED), CHUNK, 3, keys)])


def delta_on_itself(writer, one, two, keys):
    raw = one + two
    base = zstandard.ZstdCompressionDict(raw, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    frame = zstandard.ZstdCompressor(dict_data=base).compress(raw)
    runs = [(2, [(CHUNK, keys[0][0]), (CHUNK, keys[1][0])], len(frame))]
    block = encode_block(CHUNK, [one, two], DELTA, 1, runs, frame)
    writer.pack("data", [(block, CHUNK, 1, keys)])


def bomb(writer, one, two, keys):
    frame = zstandard.ZstdCompressor().compress(bytes(256 * MIB))
    writer.pack("data", [(encode_block(CHUNK, [one, two], ZSTD, payload=frame), CHUNK, 0, keys)])


def beyond_the_pack(writer, one, two, keys):
    block = encode_block(CHUNK, [one, two], STORED)
    writer.pack("data", [(block, CHUNK, 0, keys)], [(range(2**31), CHUNK, 0, keys)])


RESERVED = "can be confused with '.helox' or '.git'"
PATHS = [(path, "empty component") for path in ("/tmp/canary", "a//b", "a/", "/")]
PATHS += [(path, "a component '.' or '..'") for path in ("..", ".", "../canary/x", "a/../../canary/x", "a/.", "./a")]
PATHS += [(path, RESERVED) for path in (".helox", ".helox/format", ".HELOX/x", "sub/.Helox/x", ".helox./x", ".helox /x")]
PATHS += [(path, RESERVED) for path in (".he\u200clox/x", "HELOX~1/x", ".helox::$INDEX_ALLOCATION/x", ".git/hooks/x")]
PATHS += [(path, RESERVED) for path in (".GIT/x", "git~1/x", ".gi\u200dt/x", "\ufeff.git/x", ".git:x", "a/.git ")]
PATHS += [("nul\0", "NUL byte"), (b"\xff\xfe", "not UTF-8"), (b"\xed\xa0\x80", "not UTF-8"), (".helox-version.json", "reserved")]
PATHS += [("n" * 256, "longer than 255 bytes"), ("/".join(["d" * 200] * 30), "longer than 4,095 bytes")]

CASES = [(f"path {path!r:.60}", leaf(entry(path)), message) for path, message in PATHS]
CASES += [
    ("the empty path", node(b"\0\1" + b"\0\0" + b"\3"), "out of order"),
    ("the same path twice", leaf(entry("a"), entry("a")), "out of order"),
    ("paths out of order", leaf(entry("b"), entry("a")), "out of order"),
    ("a path below a file", leaf(entry("f"), entry("f/x")), "which is not a folder"),
    ("a path below a symlink", leaf(entry("s", SYMLINK, b"../canary"), entry("s.txt"), entry("s/x")), "which is not a folder"),
    ("a path below an empty folder", leaf(entry("d", FOLDER), entry("d/x")), "which is not a folder"),
    ("an unknown kind of entry", leaf(entry("a", 4)), "unknown kind of entry"),
    ("a file of more than 16 TiB", leaf(entry("a", size=2**44 + 1)), "longer than 16 TiB"),
    ("a symlink without a target", leaf(entry("a", SYMLINK, b"")), "1 to 4,095 bytes"),
    ("a symlink with a long target", leaf(entry("a", SYMLINK, b"x" * 4096)), "1 to 4,095 bytes"),
    ("no bytes of a file with bytes", leaf(entry("a", size=0)), "does not match its content id"),
    ("bytes of an empty file", leaf(entry("a", size=1, content=NOTHING)), "does not match its content id"),
    ("a file of another size", leaf(entry("a", size=2)), "has 1 byte, not 2 bytes as in its reference"),
    ("a byte after a node", node(encode_node(0, [entry("a")]) + b"\0"), "unexpected data after the end"),
    ("a long varint", node(b"\0\x81\0" + encode_node(0, [entry("a")])[2:]), "not minimally encoded"),
    ("a count of items beyond the bytes", node(b"\0" + varint(2**60)), "a count is larger"),
    ("too many items", node(encode_node(0, [entry("%04d" % n) for n in range(1025)])), "too many"),
    ("an inner node without items", node(b"\1\0"), "no items"),
    ("a level above 40", node(b"\x29\1"), "too many levels"),
    ("a path that shares less", node(b"\0\2" + b"\0\2aa\3" + b"\0\2ab\3"), "does not share all"),
    ("1024^40 empty leaves", many_leaves(1024), "its last path is not"),
    ("another last path", tree([lambda n, id, sums: encode_node(n, [(b"b", id, *sums)])]), "its last path is not"),
    ("other totals", tree([lambda n, id, sums: encode_node(n, [(b"a", id, 2, *sums[1:])])]), "its totals are not"),
    ("the wrong level", tree([lambda n, id, sums: encode_node(2, [(b"a", id, *sums)])]), "at the wrong level"),
    ("a byte after a record", record(lambda data: data + b"\0"), "extension area is empty"),
    ("an unknown format of a record", record(lambda data: b"\2" + data[1:]), "unknown record format"),
    ("metadata that are not canonical", record(lambda data: data.replace(b"\2{}", b"\3{ }")), "not canonical JSON"),
    ("a cut record", record(lambda data: data[:-1]), "unexpected end of data"),
    ("extensions out of order", record(lambda data: data + b"\2\1b\0\1a\0"), "extensions are out of order"),
    ("a record of another number", record(lambda data: data.replace(b"\x051.0.0", b"\x051.0.1")), "1.0.1"),
    ("a ref in capitals", ref(bytes.upper), "leases/1.0.0"),
    ("a ref without its newline", ref(bytes.strip), "leases/1.0.0"),
    ("a ref to nothing", ref(lambda data: b"0" * 64 + b"\n"), "is missing"),
    ("an unknown form of a recipe", listed(lambda id, items: encode_recipe(id, 0, items, 1)), "unknown form"),
    ("a recipe of other chunks", listed(lambda id, items: encode_recipe(id, 0, items[:2])), "does not match a file of"),
    ("the recipe of another file", listed(lambda id, items: encode_recipe(hash_of(id), 0, items)), "does not match its hash"),
    ("a recipe of other bytes", recipe(other_bytes), "does not match its hash"),
    ("a byte after a recipe", listed(lambda id, items: encode_recipe(id, 0, items) + b"\0"), "unexpected data"),
    ("an empty item", listed(lambda id, items: encode_recipe(id, 0, items + [(items[0][0], 0)])), "is empty"),
    ("a recipe of too many levels", listed(lambda id, items: encode_recipe(id, 9, items)), "too many levels"),
    ("a recipe node at the wrong level", nested_recipe(2), "does not match the position"),
    ("a recipe node of another length", nested_recipe(1, 400_000), "does not match the position"),
    ("a file of 64 TiB", recipe(endless_recipe, 100_000 * 4096**3), "longer than 16 TiB"),
    ("16 TiB of chunks of 2 bytes", recipe(many_tiny_chunks, 2**44), "other than the last has fewer than 16,384 bytes"),
    ("a block of another kind", heads(kind=NODE), "does not match the table of contents"),
    ("a block of other lengths", heads(lengths=[5, 7]), "does not match the table of contents"),
    ("a block of one object", heads(lengths=[12]), "does not match the table of contents"),
    ("a block of another depth", heads(depth=1), "do not match"),
    ("another depth in the table of contents", packed(listed_depth), "does not match the table of contents"),
    ("a delta on itself", packed(delta_on_itself), "missing from the store"),
    ("a frame of 256 MiB in a block of 12 bytes", packed(bomb), "decompression failed"),
    ("a block that is longer than its pack", packed(beyond_the_pack), "missing from the store"),
]


def of_format(data):
    def make(writer):
        writer.format = data
        leaf(entry("a"))(writer)

    return make


def chain(change):
    """A version with two facts about it, which `change` alters."""

    def make(writer):
        entries = [entry("a")]
        writer.content(DATA)
        version = first_version(writer, writer.hashed(NODE, encode_node(0, entries)), entries)
        writer.fact(1, version + put("one"))
        writer.fact(5, version + put("a note"), 1)
        change(writer, version)
        writer.save()

    return make


def swap(writer, version):
    writer.heads.reverse()


def forget(writer, version):
    del writer.objects[FACT, writer.heads[0]]


def disorder(writer, version):
    writer.fact(0, b"", 2, parents=sorted(writer.heads, reverse=True))


# Facts and the file `format`: what is run, its exit code, and what it says.
FACT_CASES = [
    ("a required feature", of_format(b"helox 1\nrequired sealed\n"), "log", 5, "requires the unknown feature 'sealed'"),
    ("another format", of_format(b"helox 2\n"), "log", 5, "unknown repository format 2"),
    ("a damaged format", of_format(b"helox 1"), "log", 5, "is damaged"),
    ("swapped heads", chain(swap), "audit --verify", 1, "entry-order"),
    ("a missing parent", chain(forget), "audit --verify", 1, "fact-missing"),
    ("parents out of order", chain(disorder), "audit --verify", 1, "out of order"),
    ("a byte after a fact", chain(lambda w, v: w.fact(1, v + put("two") + b"\0")), "audit --verify", 1, "unexpected data"),
    ("an empty note", chain(lambda w, v: w.fact(5, v + put(""))), "audit --verify", 1, "the note is empty"),
    ("a hold without a reason", chain(lambda w, v: w.fact(7, v + put(""))), "audit --verify", 1, "the reason is empty"),
    ("a fact without a version", chain(lambda w, v: w.fact(9, v[:31])), "audit --verify", 1, "unexpected end"),
]
