"""What proposes pipelines to projects."""

from __future__ import annotations

from functools import cached_property

from bot.adapters.ci.components import shipped_components
from bot.adapters.gitlab.proposals import GitLabProposals
from bot.app.parts import Parts
from bot.onboarding.propose import Proposer


class Proposing(Parts):
    """`ropewalk ci`."""

    @cached_property
    def proposer(self) -> Proposer:
        """What looks at a project and proposes what is missing."""
        ours = GitLabProposals(self.api)
        return Proposer(
            branches=ours,
            proposals=ours,
            contents=self.refs,
            components=shipped_components(),
            parse=self.parse_ci,
            user_id=self.identity.user_id,
        )
