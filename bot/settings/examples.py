"""The shipped examples and the JSON Schema of the configuration."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bot.settings.section import Section
from bot.settings.shape import Document
from bot.settings.values import spell_duration, spell_size

ExampleName = Literal["ropewalk.yaml", "policy.yaml", "waivers.yaml"]


class _AsWritten(GenerateJsonSchema):
    """Defaults as one would write them: `10m`, `2GiB`."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made, default = super().default_schema(schema), schema.get("default")
        if isinstance(default, timedelta):
            made["default"] = spell_duration(default)
        elif isinstance(default, int) and made.get("type") == "string":
            made["default"] = spell_size(default)
        return made


def example(name: ExampleName) -> str:
    """The text of a shipped example. A wheel carries them beside this file, a checkout in its `config/` folder."""
    shipped = files("bot.settings") / "examples" / name
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "config" / name).read_text(encoding="utf-8")


def schema_of(shape: type[Section]) -> dict[str, Any]:
    """A shape as a JSON Schema (2020-12)."""
    return shape.model_json_schema(schema_generator=_AsWritten)


def schema() -> dict[str, object]:
    """The configuration as a JSON Schema, for editors. It knows shapes, not what depends on other keys."""
    document = schema_of(Document)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "Ropewalk configuration"}
