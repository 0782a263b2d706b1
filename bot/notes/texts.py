"""All the bot ever posts, behind the port the engine hands to the loop."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.gitlab import MergeRequest, Note
from bot.domain.report import ReleaseReport
from bot.notes.description import description_text
from bot.notes.foreign import check_finished
from bot.notes.markers import Markers, RefPlace
from bot.notes.note import note_text


class ReleaseTexts:
    """Implements `bot.ports.texts.Texts`: the same report gives the same text, to the byte; no clock is read."""

    def __init__(self, *, marker_key: bytes, user_id: int) -> None:
        """`marker_key` signs the markers, `user_id` is who we are on GitLab.

        Raises: ConfigError if the key is shorter than 16 bytes.
        """
        self._markers = Markers(marker_key)
        self._user_id = user_id

    def description(self, report: ReleaseReport, existing: str | None) -> str:
        """The description of the GitLab Release: our block, in the midst of whatever people wrote around it.

        Raises: RefusedError if their text leaves no room for the block.
        """
        return description_text(report, existing, self._markers.description(_place(report)))

    def note(self, report: ReleaseReport, merge_request: MergeRequest) -> str:
        """The sticky note on one merge request, its marker on the last line."""
        marker = self._markers.note(_place(report), merge_request.iid)
        return check_finished(f"{note_text(report)}\n\n{marker}", f"note on !{merge_request.iid}")

    def own(self, notes: Sequence[Note], report: ReleaseReport, merge_request: MergeRequest) -> tuple[Note, ...]:
        """The notes by our user that carry this note's marker, oldest (lowest id) first; empty if there is none yet."""
        place = _place(report)
        ours = (
            note
            for note in notes
            if note.author_id == self._user_id
            and not note.system
            and self._markers.is_note(note.body, place, merge_request.iid)
        )
        return tuple(sorted(ours, key=lambda note: note.id))


def _place(report: ReleaseReport) -> RefPlace:
    return RefPlace(project_id=report.project_id, kind=report.kind, ref=report.ref)
