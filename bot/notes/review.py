"""The note on a merge request that changes CI files: what it would do to hygiene."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.findings import Finding, HygieneChange
from bot.domain.gitlab import Note
from bot.domain.merge_requests import OpenMergeRequest
from bot.notes.foreign import check_finished, inline
from bot.notes.hygiene_markers import HygieneMarkers
from bot.notes.rolling import PLACE_LIMIT, REASON_LIMIT, findings_table, remedies
from bot.notes.tables import count_words

FINDINGS_SHOWN = 40
FILES_SHOWN = 10


class ReviewNotes:
    """Implements `bot.ports.merge_requests.ReviewTexts`; no clock is read."""

    def __init__(self, *, marker_key: bytes, user_id: int) -> None:
        """`user_id` is who we are on GitLab. Raises: ConfigError if the key is shorter than 16 bytes."""
        self._markers = HygieneMarkers(marker_key)
        self._user_id = user_id

    def note(self, request: OpenMergeRequest, change: HygieneChange) -> str:
        """What is new first, for that is what somebody can still mend here."""
        parts = [
            [_headline(change)],
            *_listed("New with this change", change.added),
            remedies(change.added),
            *_listed("Gone with this change", change.removed),
            *_unreadable(change),
            [] if change.nothing else ["`ropewalk audit explain RULE` tells what a rule looks at, and why."],
        ]
        text = "\n\n".join("\n".join(lines) for lines in parts if lines)
        marker = self._markers.note(request.project_id, request.iid)
        return check_finished(f"{text}\n\n{marker}", f"note on !{request.iid}")

    def own(self, notes: Sequence[Note], request: OpenMergeRequest) -> tuple[Note, ...]:
        """By our user, with our marker for this merge request, oldest first."""
        ours = (
            note
            for note in notes
            if note.author_id == self._user_id
            and not note.system
            and self._markers.is_note(note.body, request.project_id, request.iid)
        )
        return tuple(sorted(ours, key=lambda note: note.id))


def _headline(change: HygieneChange) -> str:
    if change.nothing:
        return "🧹 As it stands now, this merge request changes nothing about the hygiene of the CI files."
    new, gone = count_words(len(change.added), "new finding"), f"{len(change.removed):,} gone"
    sign = "⚠️" if change.added or change.unreadable else "🧹"
    return f"{sign} This merge request changes CI files. What that does to their hygiene: {new}, {gone}."


def _listed(title: str, findings: Sequence[Finding]) -> list[list[str]]:
    if not findings:
        return []
    more = len(findings) - FINDINGS_SHOWN
    rows = findings_table(findings[:FINDINGS_SHOWN], projects=False)
    return [[f"**{title}**"], rows, [f"… and {count_words(more, 'more finding')}."] if more > 0 else []]


def _unreadable(change: HygieneChange) -> list[list[str]]:
    lines = [
        f"- {inline(path, PLACE_LIMIT)}: {inline(reason, REASON_LIMIT)}"
        for path, reason in change.unreadable[:FILES_SHOWN]
    ]
    return [["**Cannot be judged any more**"], lines] if lines else []
