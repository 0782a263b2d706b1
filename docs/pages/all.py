"""Which pages and pictures follow from the code, and from what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.pages import command_line, configuration, decisions, house, loop

ROOT = Path(__file__).parents[2]

PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/command-line.md": command_line.page,
    "docs/reference/configuration.md": configuration.page,
    "docs/decision-tables.md": decisions.page,
    "docs/house.svg": house.drawn,
    "docs/loop.svg": loop.drawn,
}
