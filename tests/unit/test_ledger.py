"""The chain: whatever is changed, taken out, put in or moved is found, and the first of it is named."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.ledger import NOTHING, Entry, EntryKind, Written, canonical, entry, first_broken

NOON = datetime(2026, 8, 3, 12, 0, tzinfo=UTC)
TEXT = st.text('ab"é\n', max_size=4)
WRITTEN = st.builds(
    Written,
    at=st.integers(0, 10**9).map(lambda number: NOON + timedelta(microseconds=number)),
    kind=st.sampled_from(EntryKind),
    place=TEXT,
    words=TEXT,
    outcome=st.sampled_from(["accepted", "refused"]),
    number=st.integers(0, 9),
)


def chained(told: list[Written]) -> list[Entry]:
    rows: list[Entry] = []
    for number, written in enumerate(told, 1):
        rows.append(entry(number, written, rows[-1].digest if rows else NOTHING))
    return rows


@settings(max_examples=30, deadline=None)
@given(st.lists(WRITTEN, max_size=6))
def test_what_was_appended_is_whole(told: list[Written]) -> None:
    assert first_broken(chained(told)) is None


@settings(max_examples=30, deadline=None)
@given(st.lists(WRITTEN, min_size=1, max_size=6), st.data())
def test_a_changed_text_is_found_where_it_stands(told: list[Written], data: st.DataObject) -> None:
    rows = chained(told)
    at = data.draw(st.integers(0, len(rows) - 1))
    field = data.draw(st.sampled_from(["place", "words", "outcome", "target", "item", "where", "file", "sha256"]))
    other = replace(rows[at].written, **{field: getattr(rows[at].written, field) + "x"})
    rows[at] = replace(rows[at], written=other)
    broken = first_broken(rows)
    assert broken is not None
    assert (broken.sequence, broken.what) == (at + 1, "its text was changed after it was written")


@settings(max_examples=30, deadline=None)
@given(st.lists(WRITTEN, min_size=2, max_size=6), st.data())
def test_who_hashes_a_changed_entry_anew_breaks_the_next_one(told: list[Written], data: st.DataObject) -> None:
    rows = chained(told)
    at = data.draw(st.integers(0, len(rows) - 2))
    rows[at] = entry(at + 1, replace(rows[at].written, words=rows[at].written.words + "x"), rows[at].previous)
    broken = first_broken(rows)
    assert broken is not None
    assert (broken.sequence, broken.what) == (at + 2, "it names another entry than the one before it")


@settings(max_examples=30, deadline=None)
@given(st.lists(WRITTEN, min_size=2, max_size=6), st.data())
def test_a_lost_or_moved_entry_is_named(told: list[Written], data: st.DataObject) -> None:
    rows = chained(told)
    at = data.draw(st.integers(0, len(rows) - 2))
    lost = first_broken(rows[:at] + rows[at + 1 :])
    assert lost is not None
    assert lost.what == f"entry {at + 1} is missing"
    moved = first_broken([*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]])
    assert moved is not None
    assert moved.sequence == at + 2


def test_the_hashed_text_is_what_the_documentation_says() -> None:
    written = Written(at=NOON, kind=EntryKind.RECEIPT, place="7/v1@ab", words="é", outcome="upload", file="a.whl")
    text = canonical(1, written, NOTHING)
    assert text == (
        '{"at":"2026-08-03T12:00:00.000000Z","file":"a.whl","item":"","kind":"receipt","number":0,"outcome":"upload",'
        f'"place":"7/v1@ab","previous":"{NOTHING}","sequence":1,"sha256":"","target":"","where":"","words":"é"}}'
    )
    assert json.loads(text)["words"] == "é"
