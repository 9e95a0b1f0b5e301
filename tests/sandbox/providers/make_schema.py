"""The schema of a Terraform provider, read from the bindings @cdktf/provider-… of npm: python make_schema.py BINDINGS TERRAFORM OUTPUT.

The TypeScript of each binding is in its source map; three things are read from it: the table of a class's or structure's arguments
(``synthesizeHclAttributes``, ``…ToHclTerraform``), the comment ``// name - computed: …, optional: …, required: …`` of each argument, and
the getters of what the provider computes. OUTPUT holds the resources and data sources that the code below TERRAFORM uses.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Block = dict[str, list[dict[str, Any]]]
PRIMITIVE = {"string": '"string"', "number": '"number"', "boolean": '"bool"', "any": '"dynamic"'}
GETTER = {
    "String": '"string"', "Number": '"number"', "Boolean": '"bool"', "List": '["list","string"]', "NumberList": '["list","number"]',
    "StringMap": '["map","string"]', "NumberMap": '["map","number"]', "BooleanMap": '["map","bool"]', "AnyMap": '["map","dynamic"]',
}
ARGUMENT = re.compile(r'^\s+(\w+): \{\n\s+value: .*\n\s+isBlock: (true|false),\n\s+type: "(\w+)",\n\s+storageClassType: "(\w+)",', re.M)
FLAGS = re.compile(r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n((?:.*\n){1,4})")
CLASS = re.compile(r"^export class (\w+) extends cdktf\.(\w+) \{\n(.*?)^\}", re.M | re.S)
STRUCTURE = re.compile(
    r"^export function \w+ToHclTerraform\(struct\?: (?:cdktf\.IResolvable \| )?(\w+?)(?:OutputReference)?(?: \|[^)]*)?\): any \{\n(.*?)^\}", re.M | re.S
)
ROOTS = ("TerraformResource", "TerraformDataSource", "TerraformProvider")


def source(binding: Path) -> str:
    found = re.search(r"sourceMappingURL=data:application/json;base64,(\S+)", binding.read_text())
    return str(json.loads(base64.b64decode(found[1]))["sourcesContent"][0]) if found else ""


def arguments(text: str) -> dict[str, tuple[bool, str, str]]:
    return {name: (is_block == "true", kind, storage) for name, is_block, kind, storage in ARGUMENT.findall(text)}


class Binding:
    """One file of the bindings."""

    def __init__(self, text: str) -> None:
        self.classes = {name: (kind, body) for name, kind, body in CLASS.findall(text)}
        self.structures = {name: arguments(body) for name, body in STRUCTURE.findall(text)}

    def roots(self) -> Iterator[tuple[str, str, Block]]:
        for kind, text in self.classes.values():
            found = re.search(r'tfResourceType = "(\w+)"', text)
            if found and kind in ROOTS:
                end = text.rindex("synthesizeHclAttributes")
                yield kind, found[1], self.described(arguments(text[end:]), text[:end])

    def block(self, name: str) -> Block:
        reference = self.classes.get(f"{name}OutputReference") or self.classes.get(name)
        return self.described(self.structures.get(name, {}), reference[1] if reference else "")

    def object_type(self, name: str) -> str:
        fields = ",".join(f'"{a["name"]}":{a["type"]}' for a in self.block(name)["attributes"])
        return f'["object",{{{fields}}}]'

    def described(self, known: dict[str, tuple[bool, str, str]], text: str) -> Block:
        attributes, blocks = [], []
        flags = {n: (c == "true", o == "true", r == "true", after) for n, c, o, r, after in FLAGS.findall(text)}
        for name, (is_block, kind, storage) in known.items():
            computed, optional, required, _ = flags.get(name, (False, True, False, ""))
            simple = _simple_type(kind, storage)
            structure = re.sub(r"(OutputReference|List|Map)$", "", storage)
            if is_block and simple is None:
                mode = "SINGLE" if kind == "struct" else kind.upper()
                one = mode != "SINGLE" and re.search(rf'= new \w+OutputReference\(this, "{name}"\)', text)  # max_items 1 is bound so
                blocks.append(
                    {"name": name, "mode": mode if mode in ("LIST", "SET", "SINGLE") else "LIST", "max": int(bool(one)), "min": int(required),
                     "block": self.block(structure)}
                )  # fmt: skip
                continue
            if simple is None:
                simple = self.object_type(structure) if kind == "struct" else f'["{kind}",{self.object_type(structure)}]'
            attributes.append({"name": name, "type": simple, "computed": computed, "optional": optional, "required": required})
        for name, (computed, optional, required, after) in flags.items():
            if name not in known:
                attributes.append({"name": name, "type": self.computed_type(after), "computed": computed, "optional": optional, "required": required})
        return {"attributes": attributes, "blocks": blocks}

    def computed_type(self, getter: str) -> str:
        if found := re.search(r"= new cdktf\.(String|Number|Boolean)Map\(this,", getter):
            return f'["map",{PRIMITIVE[found[1].lower()]}]'
        if found := re.search(r"= new cdktf\.(\w+?)MapList\(this,", getter):
            return f'["list",["map",{PRIMITIVE[found[1].lower()]}]]'
        if re.search(r"Fn\.tolist\(this\.getListAttribute", getter):
            return '["set","string"]'
        if found := re.search(r"this\.get(\w+?)Attribute\(", getter):
            return GETTER.get(found[1], '"dynamic"')
        if found := re.search(r'= new (\w+?)(?:List|Map|OutputReference)\(this, "\w+"(?:, (true|false))?', getter):
            return f'["{"set" if found[2] == "true" else "list"}",{self.object_type(found[1])}]'
        return '"string"'


def _simple_type(kind: str, storage: str) -> str | None:
    for suffix in ("ListMap", "MapList", "List", "Map"):
        if storage.removesuffix(suffix) in PRIMITIVE and storage != storage.removesuffix(suffix):
            storage = storage.removesuffix(suffix)
    if storage not in PRIMITIVE:
        return None
    return PRIMITIVE[storage] if kind == "simple" else f'["{kind}",{PRIMITIVE[storage]}]'


def main() -> None:
    bindings, terraform, output = map(Path, sys.argv[1:])
    code = "\n".join(path.read_text() for path in terraform.rglob("*.tf"))
    used = {"TerraformResource": set(re.findall(r'^resource "(\w+)"', code, re.M)), "TerraformDataSource": set(re.findall(r'^data "(\w+)"', code, re.M))}
    schema: dict[str, dict[str, Block]] = {root: {} for root in ROOTS}
    for file in sorted(bindings.glob("lib/*/index.js")):
        for kind, name, described in Binding(source(file)).roots():
            if kind == "TerraformProvider" or name in used[kind]:
                schema[kind][name] = described
    output.write_bytes(gzip.compress(json.dumps(schema, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main()
