"""Reads the components that the project ships: a wheel carries them in `bot/onboarding`, a checkout in `templates/`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from bot.domain.components import Component, Value


@cache
def shipped_components() -> dict[str, Component]:
    """All of them, by name."""
    shipped: Traversable = files("bot.onboarding") / "templates"
    folder = shipped if shipped.is_dir() else Path(__file__).parents[3] / "templates"
    found = {one.name: (one / "template.yml").read_text(encoding="utf-8") for one in folder.iterdir() if one.is_dir()}
    return {name: read_component(name, text) for name, text in sorted(found.items())}


def read_component(name: str, text: str) -> Component:
    """The component that a file holds: a header with `spec`, a line of three dashes, the jobs."""
    header, _, body = text.partition("\n---\n")
    inputs: dict[str, Value] = {key: node["default"] for key, node in yaml.safe_load(header)["spec"]["inputs"].items()}
    return Component(name=name, inputs=inputs, body=body)
