"""The shipped examples and the JSON Schema of the configuration."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

from bot.settings.shape import Document

ExampleName = Literal["ropewalk.yaml", "policy.yaml", "waivers.yaml"]


def example(name: ExampleName) -> str:
    """The text of a shipped example. A wheel carries them beside this file, a checkout in its `config/` folder."""
    shipped = files("bot.settings") / "examples" / name
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "config" / name).read_text(encoding="utf-8")


def schema() -> dict[str, object]:
    """The configuration as a JSON Schema (2020-12), for editors. It knows shapes, not what depends on other keys."""
    document: dict[str, object] = Document.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "Ropewalk configuration"}
