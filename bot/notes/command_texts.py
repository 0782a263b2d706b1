"""What commands in notes are answered: a sentence for each, and the sticky note that holds the last ones.

Everything somebody wrote, the command itself included, stands in code.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence

from bot.domain.commands import WORD, CommandNote, Outcome, Spoken, Subject, Unknown, Verb
from bot.domain.commands import NotePlace as Place
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Note
from bot.notes.foreign import check_finished, inline, link
from bot.notes.markers import MAC_LENGTH, Markers
from bot.notes.tables import when

TOPIC = "commands"
ANSWERS_SHOWN = 10
ASKED_LIMIT = 120  # characters
LINES_SHOWN = 20
_SIGNS = {Outcome.DONE: "✅", Outcome.REFUSED: "⛔", Outcome.UNKNOWN: "❓"}
EMOJI = {Outcome.DONE: "white_check_mark", Outcome.REFUSED: "no_entry", Outcome.UNKNOWN: "question"}
"""What GitLab calls them."""
_USES = {
    Verb.PLAN: ("plan [REF]", "what a run of the release would do now"),
    Verb.RETRY: ("retry [REF]", "run a stopped release again: only what is missing is done"),
    Verb.RESUME: ("resume [REF]", "the same"),
    Verb.APPROVE: ("approve [REF] [COMMIT]", "say yes to a release that waits for it"),
    Verb.HOLD: ("hold [REF] 2d REASON", "publish nothing of it for so long"),
    Verb.EXPLAIN: ("explain RW101", "what a rule of the audit finds, and what to do"),
    Verb.HELP: ("help", "this list"),
}
_NOTE = re.compile(rf"^<!-- ropewalk: note v1 {TOPIC} (?P<mac>[0-9a-f]{{32}}) -->[ \r]*$", re.MULTILINE)


class CommandAnswers:
    """Implements `bot.ports.commands.CommandTexts`; no clock is read."""

    def __init__(self, *, marker_key: bytes, user_id: int) -> None:
        """`user_id` is who we are on GitLab. Raises: ConfigError if the key is shorter than 16 bytes."""
        self._markers = Markers(marker_key)
        self._key = marker_key
        self._user_id = user_id

    def sticky(self, place: Place, subject: Subject, answered: Sequence[CommandNote]) -> str:
        """The answers as a list, and beneath it all of what the newest note was told."""
        shown = [row for row in answered if any(answer.words for answer in row.answers)][:ANSWERS_SHOWN]
        lines = [line for row in shown for line in reversed(_lines(subject, row))]
        details = [answer.details for row in shown[:1] for answer in row.answers if answer.details]
        parts = [f"What was asked here with `{WORD}`, newest first.", "\n".join(lines), *details]
        text = "\n\n".join(part for part in parts if part)
        return check_finished(f"{text}\n\n{self._marker(place)}", f"answers on {place.home.value} {place.iid}")

    def own(self, notes: Sequence[Note], place: Place) -> tuple[Note, ...]:
        """By our user, with our marker for this place, oldest first."""
        wanted = self._mac(place)
        ours = (
            note
            for note in notes
            if note.author_id == self._user_id
            and not note.system
            and any(hmac.compare_digest(found["mac"], wanted) for found in _NOTE.finditer(note.body))
        )
        return tuple(sorted(ours, key=lambda note: note.id))

    def is_failure_issue(self, place: Place, subject: Subject) -> bool:
        """By our user, with the project's marker."""
        marker = self._markers.failure_issue(place.project_id)
        return subject.author_id == self._user_id and marker in subject.description

    def _marker(self, place: Place) -> str:
        return f"<!-- ropewalk: note v1 {TOPIC} {self._mac(place)} -->"

    def _mac(self, place: Place) -> str:
        message = json.dumps(["ropewalk", TOPIC, 1, place.project_id, place.home.value, place.iid])
        return hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()[:MAC_LENGTH]


def asked(command: Spoken | Unknown) -> str:
    """The command as it is shown, foreign words and all, in code."""
    words = (command.verb.value, *command.words) if isinstance(command, Spoken) else (command.word,)
    return inline(" ".join([WORD, *words]).strip(), ASKED_LIMIT)


def usage(verb: Verb) -> str:
    """How a command is written, in code."""
    return inline(f"{WORD} {_USES[verb][0]}")


def help_text() -> str:
    """All commands."""
    return "\n".join(f"- {usage(verb)}: {told}" for verb, (_, told) in _USES.items())


def unknown_text(command: Unknown) -> str:
    """What is said of a command that is none."""
    if not command.word:
        return f"no command stands there; {usage(Verb.HELP)} lists them"
    meant = f"did you mean {usage(command.near)}? " if command.near else ""
    return f"there is no such command; {meant}{usage(Verb.HELP)} lists them"


def ours_or_code(text: str) -> str:
    """Our own words as they are, where they are safe; in code where they would be more to GitLab than words."""
    line = " ".join(text.split())
    try:
        return check_finished(line, "an answer")
    except RefusedError:
        return inline(line, 2_000)


def listed(sentences: Sequence[str]) -> str:
    """A list of sentences that may hold foreign words, each in code."""
    more = len(sentences) - LINES_SHOWN
    lines = [f"- {inline(sentence)}" for sentence in sentences[:LINES_SHOWN]]
    return "\n".join([*lines, f"- … and {more} more"] if more > 0 else lines)


def _lines(subject: Subject, row: CommandNote) -> list[str]:
    moment = "" if row.written_at is None else f", {when(row.written_at)}"
    there = link("note", f"{subject.web_url}#note_{row.heard.note_id}") if subject.web_url else "note"
    return [
        f"- {_SIGNS[answer.outcome]} {answer.asked} by {inline(row.username, ASKED_LIMIT)}{moment} ({there}): "
        f"{answer.words}{'' if answer.words.endswith('?') else '.'}"
        for answer in row.answers
        if answer.words
    ]
