"""One note of ours at a place, kept as it should read: what all who keep such a note do with it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bot.domain.gitlab import Note, handed_back
from bot.ports.gitlab import Notes


class Kept(StrEnum):
    """What it took."""

    POSTED = "told"
    EDITED = "told anew"
    SAME = "told already"


def keep_note(notes: Notes, project_id: int, iid: int, ours: Sequence[Note], body: str) -> Kept:
    """Post, edit or leave the note; `ours` are those that stand there, the oldest first, of which one stays.

    Raises: TransientError, RefusedError.
    """
    for surplus in reversed(ours[1:]):
        notes.delete(project_id, iid, surplus.id)
    if not ours:
        notes.create(project_id, iid, body)
        return Kept.POSTED
    if handed_back(ours[0].body) == handed_back(body):
        return Kept.SAME
    notes.update(project_id, iid, ours[0].id, body)
    return Kept.EDITED
