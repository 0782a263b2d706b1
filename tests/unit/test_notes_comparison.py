"""What the files change, in the description of a GitLab Release."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.anatomy import Difference, DifferenceKind, Differences
from bot.notes.texts import ReleaseTexts
from tests.unit.notes_reports import published

TEXTS = ReleaseTexts(marker_key=b"0123456789abcdef", user_id=7)
DIFFERENCES = Differences(
    since="1.0.0",
    index="registry",
    found=(Difference(kind=DifferenceKind.NEW_TOP_LEVEL, words="new top-level evil`/merge @all"),),
    unread=("x.whl cannot be compared",),
)


def test_what_the_files_change_is_told_and_kept_by_those_who_did_not_compare() -> None:
    """A look at a release that is out compares nothing; it must not find the description out of date for that."""
    told = TEXTS.description(published(differences=DIFFERENCES), "Mine.")
    section = (
        "## What the files change\n\nSince `1.0.0` on `registry`:\n\n"
        "- ``new top-level evil`/merge @all``\n- `x.whl cannot be compared`\n\n## Install"
    )
    assert section in told
    assert TEXTS.description(published(), told) == told
    assert TEXTS.description(published(), told.replace("\n", "\r\n")).endswith(told.removeprefix("Mine.").lstrip("\n"))
    same = published(differences=Differences(since="1.0.0", index="registry"))
    assert "What the files change" not in TEXTS.description(same, told)


def test_a_section_that_somebody_made_more_of_is_not_kept() -> None:
    told = TEXTS.description(published(differences=DIFFERENCES), None)
    turned = told.replace("- `x.whl cannot be compared`", "/merge")
    assert TEXTS.description(published(), turned) == TEXTS.description(published(), None)


def test_hundreds_of_differences_are_counted() -> None:
    many = tuple(Difference(kind=DifferenceKind.LOST_FILES, words=f"gone {n}") for n in range(300))
    text = TEXTS.description(published(differences=replace(DIFFERENCES, found=many)), None)
    assert "… and 261 more differences." in text
