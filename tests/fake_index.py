"""Fakes of what the loop asks about files beyond sending them: see tests/fakes.py for the others."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.domain.anatomy import Anatomy
from bot.domain.distributions import Distribution, DistributionKind, IndexFile, parse_filename
from bot.domain.errors import RopewalkError
from bot.domain.releases import AttemptOutcome
from bot.ports.index import IndexPlace, Sent


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


@dataclass(slots=True)
class FakeInstaller:
    """See bot.ports.index.Installer. `answers` come first, then everything installs."""

    answers: list[Sent] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def install(self, place: IndexPlace, file: IndexFile, name: str, version: str) -> Sent:
        """As told."""
        self.asked.append(f"{name} {version} from {place.spec.name}: {file.filename}")
        return self.answers.pop(0) if self.answers else Sent(outcome=AttemptOutcome.ACCEPTED, again=False)
