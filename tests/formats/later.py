"""Makes a repository in a folder with all that later versions of hlx may add to the format: later.py DIR"""

import sys
from pathlib import Path

from store import *

root = Path(sys.argv[1])
(root / "data").mkdir()
(root / "data/a.jsonl").write_bytes(b'{"id":1}\n{"id":2}\n')
(root / "data/noise.txt").write_bytes(b"".join(b"%d %s\n" % (n, hash_of(b"%d" % n)[:3].hex().encode()) for n in range(3000)))
(root / "helox.toml").write_text('[dataset.leases]\ntype = "generic"\npath = "data"\n')
writer = Writer(root / ".helox")
writer.format = b"helox 1\noptional later.1 sealed\n"
version = {"dataset": "leases", "type": "generic", "number": "1.0.0", "parents": [], "parent_number": "", "change": 2}
version |= {"summary": "of a later hlx", "metadata": {"share": 0.5, "big": 1e21, "\u00e9": None}, "tags": [], "validation": 3}
version |= {"verdict": None, "author": "python", "created": 1_795_339_800_000}
id = commit(writer, root / "data", version | {"extensions": [("later.1", b"\0\1\2"), ("sealed", b"")]})
writer.fact(1, id + put("gold"), 1_795_339_900_000)
writer.fact(200, id + b"a statement of a later hlx", 1_795_339_900_001)
writer.fact(5, id + put("a note after it"), 1_795_339_900_002)
writer.save()
