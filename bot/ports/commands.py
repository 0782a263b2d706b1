"""What commands in notes need: a book of the notes that hold some, the notes themselves, and the words of the answers.

Errors are those of `bot.ports.gitlab`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.commands import CommandNote, Heard, NotePlace, Recent, Subject, WrittenNote
from bot.domain.consents import Approver, Author
from bot.domain.gitlab import Note


class CommandIntake(Protocol):
    """Notes in. One that is on record stays as it is, so that it is acted upon once, however often it is told of."""

    def hear(self, notes: Sequence[Heard], now: datetime) -> int:
        """Record notes to be looked at; returns how many were new. What is older than half a year is forgotten.

        Of a project that has hundreds waiting no more are taken.
        """

    def due(self, now: datetime, limit: int) -> tuple[CommandNote, ...]:
        """Notes whose time has come, the one heard first before the others."""

    def unfinished(self, since: datetime, limit: int) -> tuple[int, ...]:
        """Projects with a release that is not published and changed since a moment, in the order of their numbers."""


class CommandBook(Protocol):
    """What came of notes."""

    def keep(self, note: CommandNote, before: CommandNote) -> bool:
        """Write how a note stands; False, and nothing written, if it does not stand as `before` any more."""

    def answered(self, place: NotePlace, limit: int) -> tuple[CommandNote, ...]:
        """Notes of a place that were given answers, the last heard first."""

    def recent(self, project_id: int, moment: datetime) -> Recent:
        """Who wrote the notes of a project that were heard since a moment and acted upon."""


class CommandNotes(Protocol):
    """Notes on merge requests and issues, one by one."""

    def note(self, place: NotePlace, note_id: int) -> WrittenNote | None:
        """The note as it is now; None if it is gone, or not there."""

    def subject(self, place: NotePlace) -> Subject | None:
        """What notes of a place stand on; None if it is gone."""

    def award(self, place: NotePlace, note_id: int, name: str) -> None:
        """Give the note an emoji of ours, once."""

    def written(self, project_id: int, since: datetime) -> tuple[Heard, ...]:
        """Notes of a project with our word in them, written since a moment and not changed since, oldest first."""


class Persons(Protocol):
    """People by their number, as far as GitLab shows them to us."""

    def person(self, user_id: int) -> Approver | None:
        """Somebody with the e-mail addresses that we may see; None if there is no such user."""

    def attributed(self, path: str, sha: str, authors: tuple[Author, ...]) -> tuple[Author, ...]:
        """The authors of a project's commit; those known by address alone with the user behind it, if known."""


class CommandTexts(Protocol):
    """The sticky note with the answers. Same arguments, same text."""

    def sticky(self, place: NotePlace, subject: Subject, answered: Sequence[CommandNote]) -> str:
        """The note, marker included; `answered` the last heard first."""

    def own(self, notes: Sequence[Note], place: NotePlace) -> tuple[Note, ...]:
        """Which of the notes are this note: by our user, with our marker; oldest first."""

    def is_failure_issue(self, place: NotePlace, subject: Subject) -> bool:
        """Whether an issue is the project's issue about releases that stopped, and ours."""
