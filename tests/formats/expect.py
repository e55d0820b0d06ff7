"""Prints what a store holds, as JSON: expect.py STORE"""

import json
import sys

from store import *

store, versions = Store(sys.argv[1]), {}
for (dataset, number), (id, version) in store.versions().items():
    entries = store.entries(version["manifest"])
    for _, kind, size, content, *_ in entries:
        store.content(content, size)
    hexes = {name: version[name].hex() for name in ("manifest", "data_checksum")}
    versions[f"{dataset}@{number}"] = {"id": id.hex(), **hexes, "entries": len(entries)}
tags = {f"{dataset}@{tag}": id.hex() for (dataset, tag), id in store.tags().items()}
print(json.dumps({"versions": versions, "facts": len(store.facts()), "tags": tags}, indent=2))
