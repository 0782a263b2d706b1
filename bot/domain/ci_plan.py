"""What the pipeline of one ref would run, as its CI file has it: the little that a release needs to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# `name 1/3` of `parallel: 3`, and `name: [one, two]` of a matrix. Source: gitlabhq, lib/gitlab/ci/config/normalizer.
_PARALLEL = re.compile(r"(.+?)(?: \d+/\d+|: \[.*\])")


class Start(StrEnum):
    """How a job begins in a pipeline of the ref."""

    ITSELF = "by itself"
    BY_HAND = "by hand"
    NEVER = "never"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """One job of the file. `uploads_with` is the tool it uploads distributions with, empty if it uploads none; `keeps`
    says that it leaves distributions as artifacts; `uses` names the variables it reads.
    """

    name: str
    start: Start
    uploads_with: str = ""
    keeps: bool = False
    uses: frozenset[str] = frozenset()

    def made(self, name: str) -> bool:
        """Whether a pipeline's job of that name is this one, or one of several made from it."""
        parallel = _PARALLEL.fullmatch(name)
        return self.name in (name, parallel and parallel[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPipeline:
    """All jobs of the file. `whole` is False where an include that cannot be read may hide some."""

    jobs: tuple[PlannedJob, ...]
    whole: bool = True
