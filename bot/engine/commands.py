"""Notes with commands, from hearing of them to the answer: each is acted upon once, and answered until that is done.

What a command does, its answer and its line in the ledger are one transaction; a stop before it leaves nothing, one
after it only the answer to be given. Giving it twice gives it once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.commands import (
    Answer,
    CommandNote,
    CommandPolicy,
    NoteHome,
    NotePlace,
    Outcome,
    Recent,
    Spoken,
    Stage,
    Subject,
    Unknown,
    Verb,
    WrittenNote,
)
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.ledger import Written
from bot.engine.command_acts import Acts, Asked, Effect, refused
from bot.engine.consents import spoken
from bot.log import get
from bot.notes.command_texts import EMOJI, asked, unknown_text
from bot.notes.commands import read_commands
from bot.notes.foreign import inline
from bot.ports.commands import CommandBook, CommandNotes, CommandTexts
from bot.ports.gitlab import Notes, People
from bot.ports.stickies import keep_note
from bot.ports.store import Journal
from bot.release.approving import role_word

OLDEST = timedelta(hours=24)  # what was written longer ago is not what somebody wants now
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=5), timedelta(minutes=10)
GIVE_UP = timedelta(days=2)  # after the note was heard
_TOO_MANY = "there were too many of late"
HISTORY = 30  # notes of a place that are read back for its sticky note

log = get("commands")


class StaleError(Exception):
    """Somebody else worked on the note meanwhile: nothing of ours counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """All that serving notes takes.

    `stickies` are notes by what they stand on, `robot` the user id of the bot, `together` makes all that is written
    within it one transaction. `now` is our clock, `gitlab_now` GitLab's; `since` is the moment of GitLab's clock from
    which notes count, `enrolled` the moment of ours at which a project was.
    """

    notes: CommandNotes
    stickies: Mapping[NoteHome, Notes]
    book: CommandBook
    texts: CommandTexts
    acts: Acts
    people: People
    journal: Journal
    policy: CommandPolicy
    robot: Callable[[], int]
    together: Callable[[], AbstractContextManager[None]]
    now: Callable[[], datetime]
    gitlab_now: Callable[[], datetime]
    since: Callable[[], datetime]
    enrolled: Callable[[int], datetime | None]

    def serve(self, row: CommandNote) -> CommandNote:
        """Take one note as far as it goes now; returns how it stands. What passes by itself puts it off.

        Raises: CredentialsError for a 401; StaleError.
        """
        try:
            if row.stage is Stage.HEARD:
                row = self._act(row)
            if row.stage is Stage.ACTED:
                row = self._answer(row)
            return row
        except TransientError as error:
            return self._put_off(self._stands(row), error)
        except CredentialsError as error:
            if error.status == 401:  # the token, not the note
                raise
            return self._close(self._stands(row), Stage.IGNORED, str(error))
        except RefusedError as error:
            return self._close(self._stands(row), Stage.IGNORED, str(error))

    def faulty(self, row: CommandNote, why: str) -> CommandNote:
        """Try a note again that a fault of ours was in the way of; not for ever."""
        return self._put_off(self._stands(row), TransientError(what=why, where="ropewalk"))

    def _stands(self, row: CommandNote) -> CommandNote:
        """The row as it is on record by now: commands before the one that failed may have been acted upon."""
        there = (one for one in self.book.answered(row.heard.place, HISTORY) if one.heard == row.heard)
        return next(there, row)

    def _act(self, row: CommandNote) -> CommandNote:
        """Do what it says, command by command; each is written down with what it did."""
        place = row.heard.place
        note = self.notes.note(place, row.heard.note_id)
        if note is None:
            return self._stop(row, "it is gone")
        commands = read_commands(note.body)
        why = self._left(row, note) if commands else "it holds no command"
        if why is not None:
            return self._stop(row, why)
        subject = self.notes.subject(place)
        if subject is None or subject.confidential:
            return self._stop(row, "what it stands on is gone, or confidential")
        if self._flooded(note, place, subject):
            return self._stop(row, _TOO_MANY)
        if place.home is NoteHome.ISSUE and not self.texts.is_failure_issue(place, subject):
            return self._stop(row, "the issue is not ours")
        signed = replace(row, author_id=note.author_id, username=note.username, written_at=note.created_at)
        row = self._kept(signed, row)
        for command in commands[len(row.answers) :]:
            effect = self._weighed(command, note, subject, row)
            row = self._done(row, command, effect)
        return self._kept(replace(row, stage=Stage.ACTED), row)

    def _stop(self, row: CommandNote, why: str) -> CommandNote:
        """Leave a note, and what is left of it; what was done before a stop is answered all the same."""
        if row.answers:
            return self._kept(replace(row, stage=Stage.ACTED, why=why), row)
        return self._close(row, Stage.IGNORED, why)

    def _left(self, row: CommandNote, note: WrittenNote) -> str | None:
        """Why a note is passed over without a word; None if it is to be acted upon."""
        place, now = row.heard.place, self.gitlab_now()
        enrolled = self.enrolled(place.project_id)
        if note.system or note.internal:
            return "it is GitLab's own, or confidential"
        if note.author_id == self.robot():
            return "it is our own"
        if note.created_at < self.since() or now - note.created_at > OLDEST:
            return "it was written too long ago"
        if enrolled is None or self.now() - enrolled < now - note.created_at:
            return "the project was not watched yet when it was written"
        recent = self._recent(place)
        if len(recent.told) >= self.policy.per_project or recent.of(note.author_id) >= self.policy.per_person:
            return _TOO_MANY
        return None

    def _recent(self, place: NotePlace) -> Recent:
        return self.book.recent(place.project_id, self.now() - self.policy.window)

    def _flooded(self, note: WrittenNote, place: NotePlace, subject: Subject) -> bool:
        """Whether strangers wrote too many of late, and this is one more of theirs: what anybody may write in a public
        project must not make its people unheard.
        """
        if len(self._recent(place).signed) < self.policy.per_project:
            return False
        return self.people.role(note.author_id, subject.path, group=False) is None

    def _weighed(self, command: Spoken | Unknown, note: WrittenNote, subject: Subject, row: CommandNote) -> Effect:
        """What is to be done, the author's role asked for at this moment. Our records are not touched."""
        level = self.people.role(note.author_id, subject.path, group=False)
        verb = command.verb if isinstance(command, Spoken) else Verb.HELP
        least = self.policy.roles[verb]
        answer: Answer | None = None
        if level is None or level < least:
            # Whoever is none of the project's people gets a sign and no words: anybody may write in public ones.
            told = f"this takes a {least.word}, and {inline(note.username)} is {role_word(level)}" if level else ""
            answer = refused(command if isinstance(command, Spoken) else Spoken(verb), told)
        elif note.changed:
            told = "the note was changed before it was read: please write a new one"
            answer = Answer(outcome=Outcome.REFUSED, asked=asked(command), words=told)
        elif isinstance(command, Unknown):
            answer = Answer(outcome=Outcome.UNKNOWN, asked=asked(command), words=unknown_text(command))
        if answer is not None:
            said = answer
            return lambda: said
        assert isinstance(command, Spoken), "what is unknown was answered"
        age = self.gitlab_now() - note.created_at
        return self.acts.weigh(Asked(command=command, note=note, place=row.heard.place, age=age))

    def _done(self, row: CommandNote, command: Spoken | Unknown, effect: Effect) -> CommandNote:
        """The effect, the answer and the ledger's entry: all of them, or none."""
        with self.together():
            answer = effect()
            new = replace(row, answers=(*row.answers, answer), tries=0)
            if not self.book.keep(new, row):
                raise StaleError
            self.journal.commanded(self._written(new, command, answer))
        log.info(
            "command.done",
            project=row.heard.place.project_id,
            note=row.heard.note_id,
            user=row.username,
            command=answer.asked,
            outcome=answer.outcome.value,
        )
        return new

    def _written(self, row: CommandNote, command: Spoken | Unknown, answer: Answer) -> Written:
        place = row.heard.place
        on = f"{'!' if place.home is NoteHome.MERGE_REQUEST else '#'}{place.iid}"
        return spoken(
            self.now(),
            command.verb.value if isinstance(command, Spoken) else "",
            answer.key or f"{place.project_id}/",
            f"{answer.asked} by {row.username} (user {row.author_id}) in a note on {on}: {answer.words}",
            answer.outcome,
            item=f"note {row.heard.note_id}",
        )

    def _answer(self, row: CommandNote) -> CommandNote:
        """An emoji for each outcome, then the sticky note."""
        place = row.heard.place
        for outcome in dict.fromkeys(answer.outcome for answer in row.answers):
            self.notes.award(place, row.heard.note_id, EMOJI[outcome])
        if any(answer.words for answer in row.answers):
            self._tell(row)
        return self._close(row, Stage.ANSWERED, "")

    def _tell(self, row: CommandNote) -> None:
        """Keep the sticky note."""
        place = row.heard.place
        subject = self.notes.subject(place)
        if subject is None:
            return
        stickies = self.stickies[place.home]
        body = self.texts.sticky(place, subject, self.book.answered(place, HISTORY))
        ours = self.texts.own(stickies.notes(place.project_id, place.iid), place)
        keep_note(stickies, place.project_id, place.iid, ours, body)

    def _close(self, row: CommandNote, stage: Stage, why: str) -> CommandNote:
        if why:
            log.info("command.left", note=row.heard.note_id, project=row.heard.place.project_id, reason=why)
        return self._kept(replace(row, stage=stage, why=why, due_at=None), row)

    def _put_off(self, row: CommandNote, error: TransientError) -> CommandNote:
        now = self.now()
        if now - row.heard_at > GIVE_UP:
            return self._close(row, Stage.IGNORED, str(error))
        delay = max(min(FIRST_RETRY * 2 ** min(row.tries, 10), LONGEST_RETRY), error.retry_after or timedelta())
        log.warning("command.put_off", note=row.heard.note_id, reason=str(error), seconds=delay.seconds)
        return self._kept(replace(row, tries=row.tries + 1, due_at=now + delay), row)

    def _kept(self, new: CommandNote, row: CommandNote) -> CommandNote:
        if not self.book.keep(new, row):
            raise StaleError
        return new
