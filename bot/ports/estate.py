"""What an audit needs from GitLab: all places of a scope with their facts, in as few requests as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from bot.domain.estate import ProjectFacts, Scope, Wishes
from bot.domain.gitlab import VariableFlags


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


class FlagSwitch(Protocol):
    """Flags of CI/CD variables."""

    def switch_on(self, variable: VariableFlags, project_id: int, flags: Sequence[str]) -> None:
        """Switch `masked` or `protected` on, of the one variable of this key, place and scope; nothing else changes.

        Raises: RefusedError where GitLab will not (a value that cannot be masked), CredentialsError, TransientError.
        """
