"""A Terraform provider that serves a schema and nothing else: enough for `validate`, and for `terraform test` with mock_provider.

For machines that cannot reach a registry of providers. $STUB_SCHEMA is a file that make_schema.py wrote. Needs the package `tf` from PyPI.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import tf.provider
from tf import runner
from tf.gen import tfplugin_pb2 as pb

SCHEMA: dict[str, dict[str, Any]] = json.loads(Path(os.environ["STUB_SCHEMA"]).read_text())
NESTING = pb.Schema.NestedBlock.NestingMode


def block(described: dict[str, Any]) -> pb.Schema.Block:
    attributes = []
    for each in described["attributes"]:
        settable = each["optional"] or each["required"]
        attributes.append(
            pb.Schema.Attribute(
                name=each["name"], type=each["type"].encode(), required=each["required"], optional=each["optional"] and not each["required"],
                computed=each["computed"] or not settable,
            )
        )
    nested = [
        pb.Schema.NestedBlock(type_name=each["name"], nesting=NESTING.Value(each["mode"]), min_items=each["min"], max_items=each["max"], block=block(each["block"]))
        for each in described["blocks"]
    ]
    return pb.Schema.Block(attributes=attributes, block_types=nested)


def schemas(kind: str) -> dict[str, pb.Schema]:
    return {name: pb.Schema(version=0, block=block(described)) for name, described in SCHEMA[kind].items()}


class Stub(tf.provider.ProviderServicer):
    def __init__(self, app: Any) -> None:
        pass

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        provider = next(iter(schemas("TerraformProvider").values()), pb.Schema(version=0, block=pb.Schema.Block()))
        return pb.GetProviderSchema.Response(
            provider=provider, resource_schemas=schemas("TerraformResource"), data_source_schemas=schemas("TerraformDataSource")
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()


class App:
    """run_provider asks it nothing else."""

    def full_name(self) -> str:
        return "stub"


tf.provider.ProviderServicer = Stub
runner.run_provider(App())
