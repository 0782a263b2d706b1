"""What an open merge request will be released as, as far as that is known before it is merged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.report import ReleaseReport


class Outlook(StrEnum):
    """What is known of the version: the head states a new one, or one that is old already, or none in plain words."""

    NEW = "new"
    OLD = "old"
    COMPUTED = "computed"


class Missing(StrEnum):
    """What the notes will be without, unless somebody adds it. The source's reason says where fragments belong."""

    LABEL = "label"
    CONVENTION = "convention"
    TRAILER = "trailer"
    SQUASHED = "squashed"
    ENTRY = "entry"
    FRAGMENT = "fragment"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePreview:
    """What a merge would bring.

    `report` is of the release that would be: its ref is the target branch, its kind says whether that is released by
    tag or commit by commit, its changes are the merge request's alone. `released` is the newest tag, None before the
    first.
    """

    report: ReleaseReport
    outlook: Outlook
    missing: tuple[Missing, ...] = ()
    released: str | None = None
