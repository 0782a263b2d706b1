"""What an audit reads and says."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bot.adapters.ci.service import parse_ci
from bot.app.parts import Parts

if TYPE_CHECKING:  # commands about releases start sooner without the audit
    from bot.adapters.gitlab.estate.sweep import GitLabEstate
    from bot.notes.review import ReviewNotes
    from bot.notes.rolling import RollingTexts


class Auditing(Parts):
    """What an audit reads and says."""

    def estate(self) -> GitLabEstate:
        """What an audit reads; counts requests from nought."""
        from bot.adapters.gitlab.estate.sweep import GitLabEstate

        return GitLabEstate(self.api, self.meter.count, parse_ci, named=self.settings.policy.hygiene.variables)

    @cached_property
    def issue_texts(self) -> RollingTexts:
        """What rolling issues say, signed with the marker key."""
        from bot.notes.rolling import RollingTexts

        return RollingTexts(marker_key=self._marker_key())

    @cached_property
    def review_texts(self) -> ReviewNotes:
        """What is said on merge requests that change CI files, signed with the marker key."""
        from bot.notes.review import ReviewNotes

        return ReviewNotes(marker_key=self._marker_key(), user_id=self.identity.user_id)
