"""What a note's hook hints at: that there is a note to be read, and no word of what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.commands import Heard, NoteHome, NotePlace
from bot.watch.hook import Ignored, NoteHint, read_hook
from tests.unit.test_hook_payloads import PROJECT, Json


def note(**changes: Json) -> dict[str, Json]:
    """A comment on a merge request. Source: lib/gitlab/data_builder/note.rb."""
    attributes: dict[str, Json] = {
        "id": 7,
        "note": "/ropewalk plan",
        "noteable_type": "MergeRequest",
        "action": "create",
        "system": False,
    }
    whole: dict[str, Json] = {
        "object_kind": "note",
        "event_type": "note",
        "project": PROJECT,
        "project_id": 42,
        "user": {"id": 5, "username": "ada"},
        "merge_request": {"iid": 3, "id": 99},
    }
    named = {name: value for name, value in changes.items() if name in (*attributes, "internal")}
    return {
        **whole,
        "object_attributes": {**attributes, **named},
        **{n: v for n, v in changes.items() if n not in named},
    }


def heard(home: NoteHome = NoteHome.MERGE_REQUEST) -> Heard:
    return Heard(note_id=7, place=NotePlace(project_id=42, home=home, iid=3))


def test_a_note_is_known_by_its_numbers() -> None:
    hint = read_hook(note())
    assert isinstance(hint, NoteHint)
    assert (hint.heard, hint.project.full_path) == (heard(), "acme/tools/widget")
    on_issue = read_hook(note(noteable_type="Issue", issue={"iid": 3}))
    assert isinstance(on_issue, NoteHint)
    assert on_issue.heard == heard(NoteHome.ISSUE)


def test_before_16_11_no_action_is_told() -> None:
    body = note()
    attributes = body["object_attributes"]
    assert isinstance(attributes, dict)
    del attributes["action"]
    assert isinstance(read_hook(body), NoteHint)


@pytest.mark.parametrize(
    "changes",
    [
        {"note": "thanks"},
        {"note": None},
        {"system": True},
        {"internal": True},
        {"event_type": "confidential_note"},
        {"action": "update"},
        {"noteable_type": "Commit"},
        {"noteable_type": ["MergeRequest"]},
        {"id": "7"},
        {"id": True},
        {"id": -1},
        {"id": 2**63},
        {"merge_request": None},
        {"merge_request": {"iid": "3"}},
        {"project": None},
        {"object_attributes": []},
    ],
)
def test_others_are_ignored(changes: dict[str, Json]) -> None:
    assert isinstance(read_hook(note(**changes)), Ignored)


@given(
    st.dictionaries(
        st.sampled_from(["id", "note", "system", "action", "noteable_type", "internal"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers(), max_size=2),
    )
)
def test_no_shape_is_an_error(changes: dict[str, Json]) -> None:
    assert isinstance(read_hook(note(**changes)), (NoteHint, Ignored))
