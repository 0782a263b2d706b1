"""Who looks at the dashboard, what they see of it and may do there; and the door that tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from starlette.requests import Request
from starlette.routing import BaseRoute

from bot.domain.releases import Release


class Act(StrEnum):
    """What a person may do to a release, by the word in its address: `POST /releases/{id}/approve`."""

    APPROVE = "approve"
    HOLD = "hold"
    RETRY = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user of GitLab. `name` is what people call them, `username` how GitLab does."""

    user_id: int
    username: str
    name: str


class Viewer(Protocol):
    """Somebody who looks, for one request."""

    @property
    def person(self) -> Person | None:
        """Who it is; None where nobody signs in."""

    @property
    def csrf(self) -> str:
        """What every form of theirs carries in its field `csrf`; empty where nobody signs in."""

    def visible(self, project_ids: Sequence[int]) -> frozenset[int]:
        """Those of the projects that they may see now. Raises: TransientError if that cannot be found out."""

    def insiders(self, project_ids: Sequence[int]) -> frozenset[int]:
        """Those in which they are Reporter at least: whom a confidential issue is shown. Raises: TransientError."""

    def may(self, project_id: int) -> frozenset[Act]:
        """What they may do to releases of a project; asks GitLab at this moment. Raises: TransientError."""

    def approvers(self, release: Release) -> str:
        """Whom policy asks to approve a release, in words, where that is others than them; empty where it may be them.

        Asks GitLab at this moment. Raises: TransientError.
        """

    def maintains(self, project_id: int) -> bool:
        """Whether they are its Maintainer at least; asks GitLab at this moment. Raises: TransientError.

        GitLab shows a project's CI/CD variables to nobody else.
        """


class Door(Protocol):
    """Who comes in, and by which way."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Sign-in, sign-out and what forms post to."""

    def viewer(self, request: Request) -> Viewer | None:
        """Who asks; None if they must sign in first, at `/sign-in?next=PATH`."""


class Anybody:
    """Whoever reaches the listener where nobody signs in: sees everything, may do nothing."""

    @property
    def person(self) -> Person | None:
        """Nobody known."""
        return None

    @property
    def csrf(self) -> str:
        """Empty: there are no forms."""
        return ""

    def visible(self, project_ids: Sequence[int]) -> frozenset[int]:
        """All."""
        return frozenset(project_ids)

    def insiders(self, project_ids: Sequence[int]) -> frozenset[int]:
        """All."""
        return frozenset(project_ids)

    def may(self, project_id: int) -> frozenset[Act]:
        """Nothing."""
        del project_id
        return frozenset()

    def approvers(self, release: Release) -> str:
        """Not asked: there is nothing to press."""
        del release
        return ""

    def maintains(self, project_id: int) -> bool:
        """As good as: whoever reaches this listener runs the bot."""
        del project_id
        return True


class OpenDoor:
    """The door without sign-in, for a listener that only this machine reaches."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    def viewer(self, request: Request) -> Viewer | None:
        """Anybody."""
        del request
        return Anybody()
