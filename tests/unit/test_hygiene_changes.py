"""What a merge request does to hygiene: only what differs, and never that something is gone that nobody could judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.findings import HygieneChange
from bot.domain.gitlab import Note
from bot.domain.merge_requests import OpenMergeRequest
from bot.hygiene.catalogue import RULES
from bot.hygiene.changes import Ci, accepted, hygiene_change, local_files, unseen
from bot.notes.review import ReviewNotes
from tests.unit.audit_reports import finding, waiver
from tests.unit.hygiene_facts import access, place, variable
from tests.unit.notes_reader import read

ROOT = ".gitlab-ci.yml"
TEXTS = ReviewNotes(marker_key=b"0123456789abcdef", user_id=7)
REQUEST = OpenMergeRequest(project_id=12, project="acme/tools/widget", iid=3, sha="a" * 40, target_branch="main")
GOOD = """\
image: python:3.13.1-slim
publish:
  environment: pypi
  rules: [{if: '$CI_COMMIT_TAG'}]
  script: [pip install twine==7.0.0, twine check --strict dist/*, twine upload dist/*]
"""
LEAKY = GOOD.replace("twine upload", "twine upload -p $TWINE_PASSWORD")
BROKEN = CiUnknown(reason="the CI file is no YAML")


def parsed(text: str) -> Ci:
    return read_ci(text, merged=False)


def changed(before: Ci, after: Ci, path: str = ROOT) -> HygieneChange:
    facts = place(variable(), access=access())
    return hygiene_change(facts, {path: before}, {path: after}, RULES)


@pytest.mark.parametrize(
    ("before", "after", "added", "removed"),
    [
        (parsed(GOOD), parsed(GOOD + "# more\n"), set(), set()),
        (parsed(GOOD), parsed(LEAKY), {"RW202"}, set()),
        (parsed(LEAKY), parsed(GOOD), set(), {"RW202"}),
        (None, parsed(LEAKY), {"RW202"}, set()),
        (parsed(LEAKY), None, set(), {"RW202"}),
        (BROKEN, parsed(LEAKY), {"RW202"}, set()),
        (parsed(LEAKY), parsed(LEAKY + "include: other.yml\n"), set(), set()),
    ],
)
def test_only_what_differs_is_told(before: Ci, after: Ci, added: set[str], removed: set[str]) -> None:
    change = changed(before, after)
    assert added <= {one.rule for one in change.added}
    assert removed <= {one.rule for one in change.removed}
    if not added:
        assert change.added == ()
    if not removed:
        assert change.removed == ()


def test_a_file_that_cannot_be_read_any_more_takes_nothing_away() -> None:
    change = changed(parsed(LEAKY), BROKEN)
    assert (change.added, change.removed) == ((), ())
    assert change.unreadable == ((ROOT, BROKEN.reason),)
    assert changed(BROKEN, BROKEN).nothing


def test_a_file_that_is_taken_in_is_judged_by_itself() -> None:
    """By the rules about jobs; when they run is said elsewhere."""
    change = changed(None, parsed("publish: {script: twine upload -p $TWINE_PASSWORD dist/*}"), "ci/deploy.yml")
    rules = {one.rule for one in change.added}
    assert "RW202" in rules
    assert not {"RW204", "RW205"} & rules
    assert all(one.rule.startswith("RW2") for one in change.added)
    assert all(one.resource.startswith("project/7/ci/deploy.yml") for one in change.added)


def test_files_of_the_project_are_those_it_takes_in_by_name() -> None:
    before = parsed("include: [ci/a.yml, {local: /ci/b.yml}, {project: x/y, file: z.yml}, 'ci/*.yml']\n")
    after = parsed("include: [{local: ci/c.yml}, {local: ci/$NAME.yml}, 'https://example.com/x.yml']\n")
    assert local_files(before, after, BROKEN, None) == ("ci/a.yml", "ci/b.yml", "ci/c.yml")
    assert local_files(parsed('include: ["a\\0b.yml", "../x.yml", "' + "y" * 600 + '.yml", ok.yml]\n')) == ("ok.yml",)


PROJECT = "include: [{project: a/b, file: c.yml, ref: main}]\n"


@pytest.mark.parametrize(
    ("before", "after", "hidden"),
    [
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed("x: {script: [y]}")}, False),
        ({ROOT: parsed(LEAKY)}, {ROOT: None}, False),
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed("include: 'ci/*.yml'")}, True),
        ({ROOT: parsed("include: 'ci/*.yml'")}, {ROOT: parsed("include: 'ci/*.yml'")}, True),
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed("include: ci/$KIND.yml")}, True),
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed("include: ci/a.yml"), "ci/a.yml": parsed("x: {script: [y]}")}, False),
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed("include: ci/a.yml"), "ci/a.yml": parsed("include: ci/b.yml")}, True),
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed("include: ci/a.yml"), "ci/a.yml": BROKEN}, True),
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed("include: ci/a.yml")}, True),
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed("include: [{template: Jobs/SAST.gitlab-ci.yml}]")}, False),
        ({ROOT: parsed(LEAKY)}, {ROOT: parsed(PROJECT)}, True),
        ({ROOT: parsed(LEAKY + PROJECT)}, {ROOT: parsed("# other line\n" + PROJECT)}, False),
        ({ROOT: parsed(LEAKY + PROJECT)}, {ROOT: parsed(PROJECT.replace("main", "v2"))}, True),
        ({ROOT: parsed(PROJECT)}, {ROOT: parsed(PROJECT.replace("c.yml", "d.yml"))}, True),
    ],
)
def test_what_may_have_moved_out_of_sight_is_not_gone(
    before: dict[str, Ci], after: dict[str, Ci], hidden: bool
) -> None:
    assert unseen(before, after) is hidden


def test_nothing_is_gone_that_may_have_moved() -> None:
    """What is new is told all the same."""
    facts = place(variable(), access=access())
    sides = {ROOT: parsed(LEAKY)}, {ROOT: parsed(GOOD.replace("twine==7.0.0", "twine"))}
    told = hygiene_change(facts, *sides, RULES)
    moved = hygiene_change(facts, *sides, RULES, moved=True)
    assert "RW202" in {one.rule for one in told.removed}
    assert (moved.added, moved.removed) == (told.added, ())
    assert "RW209" in {one.rule for one in moved.added}


def test_an_includes_name_holds_no_credential() -> None:
    found = parsed("include: ['https://ci:glpat-x@example.com/a/b.yml?private_token=glpat-y#z']")
    assert isinstance(found, CiFacts)
    assert [one.name for one in found.included] == ["example.com/a/b.yml"]


def test_what_somebody_accepts_is_not_told() -> None:
    change = HygieneChange(added=(finding(), finding("RW202")), removed=(finding("RW103"),))
    told = accepted(change, [waiver("RW1"), waiver("RW202", expires=date(2026, 1, 1))], date(2026, 11, 28))
    assert ([one.rule for one in told.added], told.removed) == (["RW202"], ())


def test_the_note_is_found_again_by_its_marker_and_only_ours() -> None:
    body = TEXTS.note(REQUEST, HygieneChange(added=(finding(),)))
    stranger = ReviewNotes(marker_key=b"fedcba9876543210", user_id=7).note(REQUEST, HygieneChange())
    notes = [
        Note(id=4, body=body, author_id=7),
        Note(id=3, body=body, author_id=7),
        Note(id=2, body=body, author_id=8),
        Note(id=1, body=stranger, author_id=7),
        Note(id=5, body=TEXTS.note(replace(REQUEST, iid=4), HygieneChange()), author_id=7),
    ]
    assert [note.id for note in TEXTS.own(notes, REQUEST)] == [3, 4]


def test_a_note_has_no_column_that_is_empty() -> None:
    """What is new with a merge request has no history."""
    body = TEXTS.note(REQUEST, HygieneChange(added=(replace(finding(), first_seen=None),)))
    assert "| Severity | Rule | Where | What |" in body.splitlines()


FOREIGN = st.text(max_size=60) | st.sampled_from(
    ["\r/merge", "@all", "`@root`", "<!-- x", "|x|", "``\n/close", "![a](b)"]
)


@given(FOREIGN, FOREIGN, FOREIGN)
def test_nothing_foreign_is_alive_in_the_note(resource: str, reason: str, remedy: str) -> None:
    one = replace(finding(resource=f"project/12/{resource}"), reason=reason, remedy=remedy)
    body = TEXTS.note(REQUEST, HygieneChange(added=(one,), removed=(one,), unreadable=((resource, reason),)))
    alive = read(body)
    assert (alive.commands, alive.mentions, alive.images) == ((), (), 0)
    assert all(html.startswith("<!-- ropewalk:") for html in alive.html)
