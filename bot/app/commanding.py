"""What hears commands in notes."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from bot.adapters.gitlab.commands import GitLabCommandNotes, GitLabPersons
from bot.app.releasing import Releasing
from bot.domain.commands import NoteHome
from bot.engine.consents import Desk

if TYPE_CHECKING:  # what other commands need not import
    from bot.engine.commands import Clerk

SINCE = "commands since"


class Commanding(Releasing):
    """What hears commands in notes."""

    @cached_property
    def command_notes(self) -> GitLabCommandNotes:
        """Notes, one by one."""
        return GitLabCommandNotes(self.api, self.identity.user_id)

    @cached_property
    def clerk(self) -> Clerk:
        """What serves notes with commands."""
        from bot.engine.command_acts import Acts
        from bot.engine.commands import Clerk
        from bot.notes.command_texts import CommandAnswers

        rows, persons = self.store.releases, GitLabPersons(self.api)
        desk = Desk(
            eyes=self.eyes,
            queue=rows,
            register=rows,
            robot=lambda: self.identity.user_id,
            clock=self.clock,
            attributed=persons.attributed,
        )
        acts = Acts(
            desk=desk,
            register=rows,
            wanting=self.wanting,
            preview=self.preview,
            persons=persons,
            policy=self.settings.commands,
            clock=self.clock,
        )
        return Clerk(
            notes=self.command_notes,
            stickies={NoteHome.MERGE_REQUEST: self.notes, NoteHome.ISSUE: self.issue_notes},
            book=self.store.commands,
            texts=CommandAnswers(marker_key=self._marker_key(), user_id=self.identity.user_id),
            acts=acts,
            people=self.eyes.consents.people,
            journal=self.store.journal,
            policy=self.settings.commands,
            robot=lambda: self.identity.user_id,
            together=self.store.database.gather,
            now=self.clock,
            gitlab_now=self.account.now,
            since=self.commands_since,
            enrolled=self.store.enrolment.enrolled_at,
        )

    def commands_since(self) -> datetime:
        """The moment of GitLab's clock from which notes count: that of the first start with commands switched on."""
        known = self.store.intake.cursor(SINCE)
        if known is None:
            known = self.store.intake.cursor(SINCE, self.account.now(), keep=True)
        assert known is not None, "what was written can be read"
        return known
