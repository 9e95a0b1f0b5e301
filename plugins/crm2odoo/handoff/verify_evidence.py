"""Checks an evidence bundle: the sha256 of every file, and the chain of writes to Odoo. Needs Python 3 and nothing else.

python3 verify.py [folder]        exit code 0: everything is as it was made; 1: something was changed
"""

import hashlib
import json
import os
import sys


def verify(folder: str) -> list[str]:
    """A list of sentences, one for each thing that is not as it was made."""
    problems = []
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    for name, wanted in sorted(manifest["files"].items()):
        path = os.path.join(folder, *name.split("/"))
        if not os.path.exists(path):
            problems.append(f"{name} is missing")
            continue
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        if digest.hexdigest() != wanted:
            problems.append(f"{name} was changed: its sha256 is {digest.hexdigest()}, the manifest says {wanted}")
    known = set(manifest["files"]) | {"manifest.json"}
    for place, _, names in os.walk(folder):
        for name in names:
            relative = os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
            if relative not in known:
                problems.append(f"{relative} was added")
    problems += verify_chain(os.path.join(folder, "ledger", "writes.jsonl"))
    return problems


def verify_chain(path: str) -> list[str]:
    """Follows the chain: each write names the hash of the one before."""
    if not os.path.exists(path):
        return []
    previous = "0" * 64
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            entry = json.loads(line)
            body = json.dumps(entry["write"], sort_keys=True, ensure_ascii=False)
            if entry["write"]["previous"] != previous:
                return [f"ledger/writes.jsonl: write {number} does not follow the one before: a line was removed, added or moved"]
            previous = hashlib.sha256(body.encode()).hexdigest()
            if entry["sha256"] != previous:
                return [f"ledger/writes.jsonl: write {number} was changed"]
    return []


if __name__ == "__main__":
    found = verify(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
    for problem in found:
        print("✕", problem)
    print("Everything is as it was made." if not found else f"{len(found)} problems.")
    sys.exit(1 if found else 0)
