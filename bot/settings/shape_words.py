"""Shapes that the configuration and its layers share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.settings.section import Section
from bot.settings.values import PathPattern, Text

Held = Literal[
    "new_top_level",
    "lost_files",
    "size_jump",
    "new_binary",
    "dependencies",
    "requires_python",
    "entry_points",
    "license",
    "fewer_distributions",
]


class FreezeSection(Section):
    """One entry of `freeze`: a time in which nothing new is published."""

    name: Annotated[Text, Field(description="How the reason calls it.")]
    from_: Annotated[Text, Field(alias="from", description="2026-12-20, 2026-12-20T18:00, or weekly: Fri 16:00.")]
    to: Annotated[Text, Field(description="As `from`; a day is frozen to its end.")]
    timezone: Annotated[Text, Field(description="For example Europe/Berlin.")] = "UTC"
    projects: Annotated[list[PathPattern], Field(description="Full paths; `**` crosses `/`.")] = ["**"]
    owner: Annotated[Text | None, Field(description="Who may lift it; said in the reason.")] = None
