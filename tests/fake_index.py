"""Fakes of what the loop asks about files beyond sending them: see tests/fakes.py for the others."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.domain.anatomy import Anatomy
from bot.domain.distributions import Distribution, DistributionKind, IndexFile, parse_filename
from bot.domain.errors import RopewalkError
from bot.ports.index import IndexPlace


@dataclass(slots=True)
class FakeAnatomist:
    """See bot.ports.index.Anatomist. `known` says what files of a name hold (others are empty), or raises."""

    known: dict[str, Anatomy | RopewalkError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def kept(self, distribution: Distribution) -> Anatomy:
        """By file name."""
        return self._of(distribution.filename)

    def published(self, place: IndexPlace, file: IndexFile) -> Anatomy:
        """By file name."""
        return self._of(file.filename)

    def _of(self, filename: str) -> Anatomy:
        self.asked.append(filename)
        said = parse_filename(filename)
        kind = said.kind if said else DistributionKind.WHEEL
        answer = self.known.get(filename) or Anatomy(filename=filename, kind=kind, size=1, files=())
        if isinstance(answer, RopewalkError):
            raise answer
        return answer
