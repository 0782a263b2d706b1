"""Which of two values of a key is the stricter one: the table by which layers of policy may only ever tighten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TypeAlias

Value: TypeAlias = "str | int | bool | tuple[str, ...] | None"
"""A value of a key that layers may set. None: nothing is asked for."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Two values made one: `value` is never wider than ours. `wider` says that theirs would have been."""

    value: Value
    wider: bool


class Order(Protocol):
    """How the values of one key compare."""

    def join(self, ours: Value, theirs: Value) -> Joined:
        """The stricter of both; with `wider` where theirs allows what ours does not."""

    @property
    def words(self) -> str:
        """The order, in words for people."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Few values, each stricter than the one before."""

    steps: tuple[Value, ...]

    def join(self, ours: Value, theirs: Value) -> Joined:
        """The one that is further up."""
        here, there = self._height(ours), self._height(theirs)
        return Joined(self.steps[max(here, there)], wider=there < here)

    def _height(self, value: Value) -> int:
        return next(at for at, step in enumerate(self.steps) if step == value and type(step) is type(value))

    @property
    def words(self) -> str:
        """From the widest to the strictest."""
        return " < ".join(shown(step) for step in self.steps)


@dataclass(frozen=True, slots=True)
class More:
    """Whole numbers: the greater, the stricter."""

    def join(self, ours: Value, theirs: Value) -> Joined:
        """The greater one."""
        assert isinstance(ours, int)
        assert isinstance(theirs, int)
        return Joined(max(ours, theirs), wider=theirs < ours)

    @property
    def words(self) -> str:
        """In words."""
        return "the greater number"


@dataclass(frozen=True, slots=True)
class Added:
    """A list of what is guarded: what a layer names is added to it, nothing is ever taken away."""

    def join(self, ours: Value, theirs: Value) -> Joined:
        """All of both, ours first."""
        return Joined(tuple(dict.fromkeys((*_several(ours), *_several(theirs)))), wider=False)

    @property
    def words(self) -> str:
        """In words."""
        return "what is named is added"


@dataclass(frozen=True, slots=True)
class Fewer:
    """A list of what is allowed: a layer may leave something out, and the order stays ours.

    With `open` an empty list allows everything; else at least `least` must be left.
    """

    least: int = 0
    open: bool = False

    def join(self, ours: Value, theirs: Value) -> Joined:
        """What both allow, or ours where that would be nothing at all."""
        here, there = _several(ours), _several(theirs)
        if self.open and not here:
            return Joined(there, wider=False)
        both = tuple(one for one in here if one in there)
        least = 1 if self.open else self.least
        wider = any(one not in here for one in there) or len(both) < least
        return Joined(both if len(both) >= least else here, wider=wider)

    @property
    def words(self) -> str:
        """In words."""
        return "some of the same; an empty list means anybody" if self.open else "some of the same"


@dataclass(frozen=True, slots=True)
class Pick:
    """A choice that is left open until somebody makes it; `of` are those that a layer may make (empty: any)."""

    open: Value
    of: tuple[Value, ...] = ()

    def join(self, ours: Value, theirs: Value) -> Joined:
        """Theirs where ours is open, else ours."""
        if theirs == self.open or theirs == ours:
            return Joined(ours, wider=theirs != ours)
        if ours != self.open or (self.of and theirs not in self.of):
            return Joined(ours, wider=True)
        return Joined(theirs, wider=False)

    @property
    def words(self) -> str:
        """In words."""
        to = " or ".join(shown(one) for one in self.of) or "any one"
        return f"{shown(self.open)} may become {to}, and that stays"


# None of a key is what the organisation left open; no layer ever writes it. The source `build` runs a project's own
# code here, so that only the organisation can ask for it.
TABLE: Mapping[str, Order] = MappingProxyType(
    {
        "hygiene.block_at": Ladder(("never", "high", "medium", "low", "info")),
        "hygiene.unknown": Ladder(("warn", "block")),
        "hygiene.variables": Added(),
        "release.source": Pick("auto", ("pipeline", "artifacts")),
        "release.indexes": Fewer(least=1),
        "release.names": Fewer(),
        "release.new_names": Ladder(("allow", "refuse")),
        "release.tag_reachable": Ladder((False, True)),
        "release.hold_on": Added(),
        "release.install_check": Ladder((False, True)),
        "release.approval.from": Ladder((None, "developer", "maintainer", "owner")),
        "release.approval.count": More(),
        "release.approval.users": Fewer(open=True),
        "release.approval.authors": Ladder((None, "commit", "shipped")),
        "release.expect.wheels": Pick(None),
        "release.expect.sdist": Pick(None),
        "release.expect.files": Added(),
        "release.pipeline.start": Ladder((True, False)),
        "release.pipeline.play": Ladder((True, False)),
    }
)


def shown(value: Value) -> str:
    """A value as people write it."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case tuple():
            return f"[{', '.join(value)}]"
        case _:
            return str(value)


def _several(value: Value) -> tuple[str, ...]:
    assert isinstance(value, tuple), "the order of a key fits its values"
    return value
