"""CI/CD components: jobs with typed inputs, as `templates/` holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Row: TypeAlias = Mapping[str, str | bool]
Value: TypeAlias = str | Sequence[Row]
"""An input's value: a text, or the list of mappings that `rules` and `needs` are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component. `inputs` are its inputs with their defaults (each has one), `body` the jobs as they are written,
    input blocks and comments in place.
    """

    name: str
    inputs: Mapping[str, Value]
    body: str
