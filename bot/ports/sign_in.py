"""What signing in with GitLab needs: the provider, and GitLab as the person who signed in sees it.

All raise TransientError (try later), CredentialsError (the person's token opens nothing any more, or they are blocked)
or RefusedError (it will stay so).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.domain.consents import Approver
from bot.domain.secrets import Secret
from bot.domain.sign_in import GitLabUser, Tokens


class Provider(Protocol):
    """OAuth 2 of GitLab, for the dashboard's application: authorization code with PKCE."""

    def address(self, state: str, verifier: Secret) -> str:
        """Where a browser is sent to be asked. The address holds the digest of the verifier, never itself."""

    def tokens(self, code: Secret, verifier: Secret) -> Tokens:
        """What a code is exchanged for; made sure to be for our application and to hold our scope."""

    def renewed(self, tokens: Tokens) -> Tokens:
        """Newer ones; those before open nothing any more. CredentialsError if GitLab renews them no more."""

    def revoke(self, tokens: Tokens) -> None:
        """Let them open nothing any more."""


class PersonsView(Protocol):
    """GitLab with one person's own token."""

    def user(self) -> GitLabUser:
        """Who it is."""

    def visible(self, project_ids: Sequence[int]) -> frozenset[int]:
        """Those of the projects that they see now."""

    def insiders_of(self, project_ids: Sequence[int], user_id: int) -> frozenset[int]:
        """Those of the projects in which that user, themselves, is Reporter at least, now."""

    def role(self, project_id: int, user_id: int) -> int | None:
        """The access level of a user in a project; None for no active member, and for a project that is not seen."""

    def approver(self) -> Approver:
        """Themselves, with all addresses of theirs."""
