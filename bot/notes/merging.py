"""The note on an open merge request: what it merges as, what the release notes will say of it, and what they lack."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.gitlab import Changes, Note
from bot.domain.merge_requests import OpenMergeRequest
from bot.domain.previews import MergePreview, Missing, Outlook
from bot.domain.refs import RefKind
from bot.domain.report import ReleaseReport
from bot.notes.changes import fitting, joined, write
from bot.notes.foreign import check_finished, inline, link
from bot.notes.hygiene_markers import HygieneMarkers
from bot.notes.markers import Markers, RefPlace
from bot.notes.tables import count_words, version_words

PREVIEW_TOPIC = "preview"
ENTRY_BYTES = 20_000
LABELS_SHOWN = 12
_NO_ENTRY = frozenset(Missing) - {Missing.LABEL}


class PreviewNotes:
    """Same arguments, same text; no clock is read."""

    def __init__(self, *, marker_key: bytes, user_id: int) -> None:
        """`user_id` is who we are on GitLab. Raises: ConfigError if the key is shorter than 16 bytes."""
        self._markers = Markers(marker_key)
        self._hygiene = HygieneMarkers(marker_key)
        self._user_id = user_id

    def note(self, request: OpenMergeRequest, preview: MergePreview, notes: Sequence[Note]) -> str:
        """The note, marker included. `notes` are those there are: that about hygiene is linked, not repeated."""
        parts = [
            _headline(preview),
            *_entry(preview),
            *_lacking(preview),
            *self._see_hygiene(request, notes),
            self._markers.note(_place(request), request.iid, PREVIEW_TOPIC),
        ]
        return check_finished("\n\n".join(parts), f"preview on !{request.iid}")

    def own(self, notes: Sequence[Note], request: OpenMergeRequest) -> tuple[Note, ...]:
        """By our user, with our marker for this merge request, oldest first."""
        place = _place(request)
        ours = (
            note for note in self._ours(notes) if self._markers.is_note(note.body, place, request.iid, PREVIEW_TOPIC)
        )
        return tuple(sorted(ours, key=lambda note: note.id))

    def _ours(self, notes: Sequence[Note]) -> list[Note]:
        return [note for note in notes if note.author_id == self._user_id and not note.system]

    def _see_hygiene(self, request: OpenMergeRequest, notes: Sequence[Note]) -> list[str]:
        for note in self._ours(notes):
            if self._hygiene.is_note(note.body, request.project_id, request.iid):
                there = link("a note of its own", f"{request.web_url}#note_{note.id}")
                return [f"What it does to the hygiene of the CI files stands in {there}."]
        return []


def _place(request: OpenMergeRequest) -> RefPlace:
    """A merge request has one target at a time, and keeps its note when it gets another."""
    return RefPlace(project_id=request.project_id, kind=RefKind.BRANCH, ref="")


def _headline(preview: MergePreview) -> str:
    report = preview.report
    version, ref = version_words(report), inline(report.ref)
    if report.kind is RefKind.BRANCH:
        match preview.outlook:
            case Outlook.NEW:
                return f"🚀 Merges as {version}: what is merged into {ref} is released from there."
            case Outlook.OLD:
                return (
                    f"⏸️ Merges without a new version: the metadata says {version}, as {ref} does already, and a "
                    "version is published once."
                )
            case Outlook.COMPUTED:
                return (
                    f"🚀 Merges as a release from {ref}. Its version is not known before it is built: the metadata "
                    "does not state it in plain words."
                )
    after = f" after {inline(preview.released)}" if preview.released else ""
    match preview.outlook:
        case Outlook.NEW:
            return f"🏷️ Merges as {version}: the metadata says so, and the next tag{after} releases it."
        case Outlook.OLD:
            return (
                f"🏷️ Merges for the next tag{after}. Its version is not known yet: the metadata still says {version}, "
                "which is released."
            )
        case Outlook.COMPUTED:
            return (
                f"🏷️ Merges for the next tag{after}. That decides the version: the metadata does not state it in plain "
                "words."
            )


def _entry(preview: MergePreview) -> list[str]:
    """The entry as it will read. Where there will be none, what is missing says why."""
    report = preview.report
    pieces = write(report, report.changes or Changes(previous_tag=None, merge_requests=())).pieces()
    if not pieces or set(preview.missing) & _NO_ENTRY:
        return []
    shown = fitting(pieces, ENTRY_BYTES)
    more = [f"… and {count_words(len(pieces) - len(shown), 'more entry')}."] if len(shown) < len(pieces) else []
    return ["**In the release notes**", *joined(shown), *more]


def _lacking(preview: MergePreview) -> list[str]:
    report = preview.report
    lines = [f"- {_lacks(one, report)}" for one in preview.missing]
    return ["**Missing**", "\n".join(lines)] if lines else []


def _lacks(missing: Missing, report: ReleaseReport) -> str:
    match missing:
        case Missing.LABEL:
            groups = (group for group in report.notes.groups if not group.breaking)
            labels = [label for group in groups for label in group.labels[:1]]
            some = ", ".join(inline(label, 100) for label in labels[:LABELS_SHOWN])
            return f"A label by which it finds its heading in the release notes, such as {some}."
        case Missing.CONVENTION:
            form = "A commit of the form `type: subject` (Conventional Commits)"
            return f"{form}: without one the release notes pass it over."
        case Missing.TRAILER:
            return "A commit with a `Changelog:` trailer: without one the changelog passes it over."
        case Missing.SQUASHED:
            return (
                "A `Changelog:` trailer in the message of the squashed commit: its commits have one, and lose it when "
                "they are squashed."
            )
        case Missing.FRAGMENT:
            where = inline(report.source.reason, 300) if report.source else ""
            return f"A news fragment in {where}: without one the changelog passes it over."
        case Missing.ENTRY:
            return f"An entry in {inline(report.notes.file, 300)} under what is not released."
