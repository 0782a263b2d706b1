"""What lets people in who sign in with GitLab, and does what they press."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bot.app.releasing import Releasing
from bot.domain.sign_in import Tokens
from bot.engine.consents import Desk

if TYPE_CHECKING:  # commands start sooner without what only the dashboard needs
    from bot.engine.pressing import Presses
    from bot.ports.sign_in import PersonsView, Provider

CALLBACK = "/sign-in/callback"


class SigningIn(Releasing):
    """What lets people in who sign in with GitLab, and does what they press."""

    @cached_property
    def provider(self) -> Provider | None:
        """GitLab as what signs people in; None where nobody signs in."""
        sign_in, dashboard = self.settings.sign_in, self.settings.dashboard
        if sign_in is None or dashboard is None or dashboard.public_url is None:
            return None
        from bot.adapters.gitlab.oauth import GitLabOauth

        gitlab = self.settings.gitlab
        return GitLabOauth(
            url=gitlab.url,
            client_id=sign_in.client_id,
            client_secret=sign_in.client_secret,
            redirect_uri=f"{dashboard.public_url}{CALLBACK}",
            ca_file=None if gitlab.ca_file is None else str(gitlab.ca_file),
            proxy=gitlab.proxy,
        )

    def persons_view(self, tokens: Tokens) -> PersonsView:
        """GitLab for somebody's token; it is counted, limited and redacted apart from the bot's own."""
        from bot.adapters.gitlab.budget import Budget
        from bot.adapters.gitlab.client import Api
        from bot.adapters.gitlab.personal import BOUNDS, GitLabPersonsView
        from bot.adapters.meter import Meter
        from bot.domain.secrets import Redactor

        gitlab = self.settings.gitlab
        return GitLabPersonsView(
            Api(
                url=gitlab.url,
                token=tokens.access,
                redactor=Redactor((tokens.access,)),
                meter=Meter(),
                budget=Budget(gitlab.url),
                ca_file=None if gitlab.ca_file is None else str(gitlab.ca_file),
                proxy=gitlab.proxy,
                limits=BOUNDS,
            )
        )

    @cached_property
    def presses(self) -> Presses:
        """What does what is pressed on the dashboard."""
        from bot.engine.pressing import Presses

        rows = self.store.releases
        desk = Desk(eyes=self.eyes, queue=rows, register=rows, robot=lambda: self.identity.user_id, clock=self.clock)
        return Presses(
            desk=desk,
            wanting=self.wanting,
            policy=self.settings.commands,
            journal=self.store.journal,
            together=self.store.database.gather,
            clock=self.clock,
        )
