"""What people say, as dicts: the ports of holds, approvals and people. See tests/contract/test_consents.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.consents import Approval, Author, Hold
from bot.domain.freezes import Freeze
from tests.fakes import Wire


@dataclass(slots=True)
class FakeHolds:
    """See bot.ports.store.Holds."""

    there: dict[tuple[int, str], Hold] = field(default_factory=dict)

    def hold(self, project_id: int, ref: str) -> Hold | None:
        """By project and ref."""
        return self.there.get((project_id, ref))

    def put(self, project_id: int, ref: str, hold: Hold) -> None:
        """Replace it."""
        self.there[project_id, ref] = hold

    def lift(self, project_id: int, ref: str) -> Hold | None:
        """Remove it."""
        return self.there.pop((project_id, ref), None)


@dataclass(slots=True)
class FakeApprovals:
    """See bot.ports.store.Approvals."""

    given: dict[str, dict[int, Approval]] = field(default_factory=dict)

    def approvals(self, key: str) -> tuple[Approval, ...]:
        """Oldest first."""
        return tuple(sorted(self.given.get(key, {}).values(), key=lambda one: (one.at, one.user_id)))

    def approve(self, key: str, approval: Approval) -> bool:
        """The first of a person stays."""
        there = self.given.setdefault(key, {})
        return there.setdefault(approval.user_id, approval) is approval


@dataclass(slots=True)
class FakePeople:
    """See bot.ports.gitlab.People. `made` are the authors of any commit, `roles` levels by user id."""

    made: tuple[Author, ...] = ()
    roles: dict[int, int] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def role(self, user_id: int, place: str, *, group: bool) -> int | None:
        """The level there."""
        del place, group
        with self.wire.call("role"):
            return self.roles.get(user_id)

    def authors(self, project_id: int, *, ref: str, sha: str, tag: bool) -> tuple[Author, ...]:
        """The same for all."""
        del project_id, ref, sha, tag
        with self.wire.call("authors"):
            return self.made


@dataclass(slots=True)
class FakeFreezePeriods:
    """See bot.ports.gitlab.FreezePeriods."""

    there: Sequence[Freeze] = ()
    wire: Wire = field(default_factory=Wire)

    def freezes(self, project_id: int, now: datetime) -> tuple[Freeze, ...]:
        """The same for all."""
        del project_id, now
        with self.wire.call("freezes"):
            return tuple(self.there)
