"""What an audit needs from GitLab: all places of a scope with their facts, in as few requests as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bot.domain.estate import ProjectFacts, Scope, Wishes


class Estate(Protocol):
    """The organisation as an auditor sees it."""

    def sweep(self, scope: Scope, wishes: Wishes) -> Iterator[ProjectFacts]:
        """Every place of the scope once: the instance, the groups whose variables its projects inherit, the projects.

        They come as they are read, so that whoever judges and forgets them needs little memory. What the token may not
        see is `Unread`. Raises: RefusedError with status 404 for a scope that is not there, CredentialsError,
        TransientError if GitLab does not answer; what came before stays good.
        """

    def expected(self) -> int | None:
        """How many projects the sweep under way will give, at most; None while nobody knows."""

    def requests(self) -> int:
        """Calls to GitLab so far."""
