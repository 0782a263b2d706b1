"""What every mapping of the configuration is made from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of the configuration: known keys only, no guessing at types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)
