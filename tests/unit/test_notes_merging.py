"""What open merge requests are told of the release they will be in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gitlab import Changes, Note
from bot.domain.merge_requests import OpenMergeRequest
from bot.domain.notes import NotesPolicy, NotesSource, NotesStrategy
from bot.domain.previews import MergePreview, Missing, Outlook
from bot.domain.refs import RefKind
from bot.notes.hygiene_markers import HygieneMarkers
from bot.notes.merging import PreviewNotes
from tests.unit.notes_reader import read
from tests.unit.notes_reports import PROJECT_URL, merge_request, published
from tests.unit.test_notes_foreign import FOREIGN
from tests.unit.test_notes_texts import same_as_golden

KEY = b"sixteen bytes or more"
TEXTS = PreviewNotes(marker_key=KEY, user_id=5)
REQUEST = OpenMergeRequest(
    project_id=42,
    project="acme/tools/widget",
    iid=7,
    sha="1" * 40,
    target_branch="main",
    title="Lay the strands evenly",
    web_url=f"{PROJECT_URL}/-/merge_requests/7",
)
HYGIENE = Note(id=70, body=f"x\n\n{HygieneMarkers(KEY).note(42, 7)}", author_id=5, system=False)


def preview(
    outlook: Outlook = Outlook.NEW,
    kind: RefKind = RefKind.TAG,
    *missing: Missing,
    source: NotesSource | None = None,
    released: str | None = "v1.0.0",
    title: str = "Lay the strands evenly",
    labels: tuple[str, ...] = ("feature",),
) -> MergePreview:
    report = published(
        ref="main",
        kind=kind,
        version=None if outlook is Outlook.COMPUTED else "1.1.0",
        source=source,
        changes=Changes(previous_tag=None, merge_requests=(merge_request(7, title, labels=labels),)),
    )
    return MergePreview(report=report, outlook=outlook, missing=missing, released=released)


FILE = NotesSource(strategy=NotesStrategy.FILE, reason="", markdown="### Added\n\n- Strands of hemp")
CASES = {
    "preview": (preview(), ()),
    "preview_old": (preview(Outlook.OLD), ()),
    "preview_computed": (preview(Outlook.COMPUTED, released=None, source=FILE), (HYGIENE,)),
    "preview_branch": (preview(kind=RefKind.BRANCH), ()),
    "preview_branch_old": (preview(Outlook.OLD, RefKind.BRANCH), ()),
    "preview_branch_computed": (preview(Outlook.COMPUTED, RefKind.BRANCH), ()),
    "preview_label": (preview(Outlook.NEW, RefKind.TAG, Missing.LABEL, labels=()), ()),
    "preview_convention": (preview(Outlook.NEW, RefKind.TAG, Missing.CONVENTION), ()),
    "preview_trailer": (preview(Outlook.NEW, RefKind.TAG, Missing.TRAILER), ()),
    "preview_squashed": (preview(Outlook.NEW, RefKind.TAG, Missing.SQUASHED), ()),
    "preview_fragment": (
        preview(Outlook.NEW, RefKind.TAG, Missing.FRAGMENT, source=replace(FILE, markdown=None, reason="changes")),
        (),
    ),
    "preview_entry": (preview(Outlook.NEW, RefKind.TAG, Missing.ENTRY), ()),
}


@pytest.mark.parametrize("name", CASES)
def test_each_preview_reads_as_the_kept_text(name: str) -> None:
    said, notes = CASES[name]
    same_as_golden(name, TEXTS.note(REQUEST, said, notes))


def test_our_note_is_known_by_user_and_mac_and_keeps_its_place_when_the_target_changes() -> None:
    body = TEXTS.note(REQUEST, preview(), ())
    notes = [Note(id=number, body=body, author_id=who, system=False) for number, who in ((9, 5), (4, 5), (2, 6))]
    assert [one.id for one in TEXTS.own(notes, REQUEST)] == [4, 9]
    assert len(TEXTS.own(notes, replace(REQUEST, target_branch="1.x"))) == 2
    assert TEXTS.own(notes, replace(REQUEST, iid=8)) == ()
    assert TEXTS.own([HYGIENE], REQUEST) == ()


def test_a_note_of_somebody_elses_about_hygiene_is_not_linked() -> None:
    said = TEXTS.note(REQUEST, preview(), [replace(HYGIENE, author_id=6)])
    assert said == TEXTS.note(REQUEST, preview(), ())


@given(FOREIGN, FOREIGN, FOREIGN, FOREIGN, st.sampled_from([None, *NotesStrategy][:-1]))
def test_nothing_foreign_is_alive_in_a_preview(
    title: str, label: str, ref: str, tag: str, strategy: NotesStrategy | None
) -> None:
    source = None if strategy is None else NotesSource(strategy=strategy, reason=title, markdown=title)
    said = preview(
        Outlook.NEW, RefKind.BRANCH, Missing.LABEL, source=source, released=tag, title=title, labels=(label,)
    )
    notes = NotesPolicy(file=title)
    said = replace(said, report=replace(said.report, ref=ref, version=tag, notes=notes))
    for one in (said, replace(said, missing=(Missing.ENTRY,), report=replace(said.report, kind=RefKind.TAG))):
        seen = read(TEXTS.note(REQUEST, one, ()))
        assert (seen.commands, seen.mentions, seen.images) == ((), (), 0)
