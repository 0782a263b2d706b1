"""All the bot ever posts, behind the port the engine hands to the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.gitlab import Issue, MergeRequest, Note
from bot.domain.report import ReleaseReport
from bot.notes.description import description_text, preview_text
from bot.notes.failure import failure_text, failure_title
from bot.notes.foreign import check_finished, link
from bot.notes.markers import Markers, RefPlace
from bot.notes.note import issue_text, note_text, outcome, reply_text
from bot.ports.texts import FailureText


class ReleaseTexts:
    """Implements `bot.ports.texts.Texts`: the same report gives the same text, to the byte; no clock is read."""

    def __init__(self, *, marker_key: bytes, user_id: int) -> None:
        """`marker_key` signs the markers, `user_id` is who we are on GitLab.

        Raises: ConfigError if the key is shorter than 16 bytes.
        """
        self._markers = Markers(marker_key)
        self._user_id = user_id
        self._last: tuple[ReleaseReport, str] | None = None
        self._described: tuple[tuple[ReleaseReport, str | None], str] | None = None

    def description(self, report: ReleaseReport, existing: str | None) -> str:
        """The description of the GitLab Release: our block, in the midst of whatever people wrote around it.

        Raises: RefusedError if their text leaves no room for the block.
        """
        # A turn asks for it at every step, and with a thousand entries it takes its time: the last one is kept. What is
        # left out of the comparison is not told in it.
        asked = replace(report, gates=(), targets=(), next=None, release_url=None, released_at=None), existing
        last = self._described
        if last is None or last[0] != asked:
            text = description_text(report, existing, self._markers.description(_place(report)))
            last = self._described = asked, text
        return last[1]

    def preview(self, report: ReleaseReport) -> str:
        """What the release notes say of the changes, without markers: for a person at a terminal.

        Raises: RefusedError if that were not safe to post.
        """
        return preview_text(report)

    def note(self, report: ReleaseReport, merge_request: MergeRequest) -> str:
        """The sticky note on one merge request, its marker on the last line."""
        marker = self._markers.note(_place(report), merge_request.iid)
        return f"{self._words(report)}\n\n{marker}"

    def _words(self, report: ReleaseReport) -> str:
        """The words of all notes of a report. A release may have hundreds: they are made and checked once."""
        last = self._last
        if last is None or last[0] is not report:
            last = self._last = report, check_finished(note_text(report), f"notes on {report.ref}")
        return last[1]

    def issue_note(self, report: ReleaseReport, issue: Issue, merge_request: MergeRequest) -> str:
        """The note on an issue that a shipped merge request closed, its marker on the last line."""
        marker = self._markers.issue_note(_place(report), issue.iid)
        return check_finished(f"{issue_text(report, merge_request)}\n\n{marker}", f"note on #{issue.iid}")

    def own(self, notes: Sequence[Note], report: ReleaseReport, place: MergeRequest | Issue) -> tuple[Note, ...]:
        """The notes by our user that carry this note's marker, oldest (lowest id) first; empty if there is none yet."""
        ref = _place(report)
        known = self._markers.is_issue_note if isinstance(place, Issue) else self._markers.is_note
        ours = (note for note in self._by_us(notes) if known(note.body, ref, place.iid))
        return tuple(sorted(ours, key=lambda note: note.id))

    def reply(
        self, report: ReleaseReport, merge_request: MergeRequest, sticky: Note, notes: Sequence[Note]
    ) -> str | None:
        """A short reply with a link to the sticky note; None if nobody need act, or this outcome has its reply."""
        words, place, iid = reply_text(report, sticky.body), _place(report), merge_request.iid
        if words is None:
            return None
        said = outcome(words)
        if any(self._markers.is_reply(note.body, place, iid, said) for note in self._by_us(notes)):
            return None
        there = link("What to do stands in the note above", f"{merge_request.web_url}#note_{sticky.id}")
        marker = self._markers.reply(place, iid, said)
        return check_finished(f"{words} {there}.\n\n{marker}", f"reply on !{iid}")

    def failure_title(self, report: ReleaseReport) -> str:
        """The title of the project's issue about releases that stopped."""
        return failure_title(report)

    def failure(self, report: ReleaseReport, existing: str | None, *, stopped: bool) -> FailureText:
        """Its description, and whether it is to be open."""
        return failure_text(report, existing, self._markers, stopped=stopped)

    def own_issues(self, issues: Sequence[Issue], report: ReleaseReport) -> tuple[Issue, ...]:
        """Issues by our user whose description has the project's marker, oldest (lowest number) first."""
        marker = self._markers.failure_issue(report.project_id)
        ours = (one for one in issues if one.author_id == self._user_id and marker in one.description)
        return tuple(sorted(ours, key=lambda one: one.iid))

    def _by_us(self, notes: Sequence[Note]) -> list[Note]:
        return [note for note in notes if note.author_id == self._user_id and not note.system]


def _place(report: ReleaseReport) -> RefPlace:
    return RefPlace(project_id=report.project_id, kind=report.kind, ref=report.ref)
