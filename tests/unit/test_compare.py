"""What happened to a project's tags, and which of it starts releases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policy import HygienePolicy, Policy, ReleaseRule, Source
from bot.domain.refs import Branch, ChangeSource, KnownRefs, RefAction, RefChange, RefKind, Tag
from bot.domain.releases import ReleaseId, ReleaseState
from bot.watch.compare import compare, compare_branches, new_release, releases_of
from tests.unit.release_facts import NOON, OTHER_SHA, PROJECT, SHA, tag

BEFORE, AFTER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
NAMES = st.sampled_from(["v1", "v2", "v3", "main-1"])
SHAS = st.sampled_from([SHA, OTHER_SHA])


def change(ref: str, sha: str, action: RefAction, source: ChangeSource = ChangeSource.POLL) -> RefChange:
    return RefChange(
        project_id=42, project="acme/tools/widget", kind=RefKind.TAG, ref=ref, sha=sha, action=action, source=source
    )


@pytest.mark.parametrize(
    ("known", "tags", "found"),
    [
        ({}, [], ()),
        ({}, [tag("v1")], (("v1", SHA, RefAction.CREATED),)),
        ({"v1": SHA}, [tag("v1")], ()),
        ({"v1": OTHER_SHA}, [tag("v1")], (("v1", SHA, RefAction.MOVED),)),
        ({"v1": SHA}, [], (("v1", SHA, RefAction.DELETED),)),
        (
            {"v1": SHA, "v2": SHA},
            [tag("v2", sha=OTHER_SHA), tag("v3")],
            (("v2", OTHER_SHA, RefAction.MOVED), ("v3", SHA, RefAction.CREATED), ("v1", SHA, RefAction.DELETED)),
        ),
    ],
)
def test_with_a_baseline_every_difference_is_a_change(
    known: dict[str, str], tags: list[Tag], found: tuple[tuple[str, str, RefAction], ...]
) -> None:
    # Times play no part once there is a baseline: an old tag pushed late is still new.
    assert compare(PROJECT, known, tags, since=AFTER) == tuple(change(*each) for each in found)


@pytest.mark.parametrize(
    ("created", "committed", "since", "new"),
    [
        (None, None, None, True),
        (AFTER, BEFORE, NOON, True),
        (BEFORE, BEFORE, NOON, False),
        (NOON, BEFORE, NOON, False),
        (None, AFTER, NOON, True),
        (None, BEFORE, NOON, False),
        (None, None, NOON, False),
        (BEFORE, AFTER, NOON, False),
    ],
)
def test_without_a_baseline_only_a_tag_that_is_surely_younger_than_since_is_new(
    created: datetime | None, committed: datetime | None, since: datetime | None, new: bool
) -> None:
    seen = replace(tag("v1"), created_at=created, committed_at=committed)
    assert compare(PROJECT, None, [seen], since=since) == ((change("v1", SHA, RefAction.CREATED),) if new else ())


@given(st.dictionaries(NAMES, SHAS), st.dictionaries(NAMES, SHAS))
def test_applying_the_changes_to_the_baseline_gives_what_is_there(known: dict[str, str], there: dict[str, str]) -> None:
    result = dict(known)
    changes = compare(PROJECT, known, [tag(name, sha=sha) for name, sha in there.items()], since=None)
    for each in changes:
        if each.action is RefAction.DELETED:
            assert result.pop(each.ref) == each.sha
        else:
            assert (each.ref in result) is (each.action is RefAction.MOVED)
            result[each.ref] = each.sha
    assert result == there
    assert len({each.ref for each in changes}) == len(changes)


@given(st.dictionaries(NAMES, SHAS))
def test_what_did_not_change_is_no_change(there: dict[str, str]) -> None:
    assert compare(PROJECT, there, [tag(name, sha=sha) for name, sha in there.items()], since=None) == ()


def branch(name: str = "main", sha: str = SHA, committed: datetime | None = BEFORE) -> Branch:
    return Branch(name=name, sha=sha, protected=True, committed_at=committed)


@pytest.mark.parametrize(
    ("known", "branches", "since", "proven", "found"),
    [
        # The first sight of a branch: what it is at is old, unless its commit or an event says otherwise.
        (KnownRefs(), [branch()], NOON, False, []),
        (KnownRefs(tags={}), [branch()], NOON, False, []),
        (KnownRefs(tags={}), [branch(committed=None)], NOON, False, []),
        (KnownRefs(), [branch(committed=AFTER)], NOON, False, [("main", SHA, RefAction.CREATED)]),
        (KnownRefs(), [branch()], NOON, True, [("main", SHA, RefAction.CREATED)]),
        (KnownRefs(), [branch()], None, False, [("main", SHA, RefAction.CREATED)]),
        # A branch of a pattern that was looked at before is new when it appears, however old its commit.
        (
            KnownRefs(tags={}, patterns=frozenset({"release/*"})),
            [branch("release/1"), branch("main")],
            NOON,
            False,
            [("release/1", SHA, RefAction.CREATED)],
        ),
        (KnownRefs(branches={"main": SHA}), [branch()], NOON, False, []),
        (KnownRefs(branches={"main": OTHER_SHA}), [branch()], NOON, False, [("main", SHA, RefAction.MOVED)]),
        (KnownRefs(branches={"main": SHA}), [], NOON, False, [("main", SHA, RefAction.DELETED)]),
    ],
)
def test_a_branch_is_news_when_it_moved_or_is_surely_new(
    known: KnownRefs,
    branches: list[Branch],
    since: datetime | None,
    proven: bool,
    found: list[tuple[str, str, RefAction]],
) -> None:
    events = frozenset({(RefKind.BRANCH, "main", SHA)}) if proven else frozenset()
    changes = compare_branches(PROJECT, known, branches, since=since, proven=events)
    assert [(each.ref, each.sha, each.action) for each in changes] == found
    assert {each.kind for each in changes} <= {RefKind.BRANCH}


POLICY = Policy(
    releases=(
        ReleaseRule(projects=("acme/tools/*",), tags=("v*",)),
        ReleaseRule(projects=("acme/**",), tags=("*",), source=Source.ARTIFACTS),
    ),
    indexes=(),
    hygiene=HygienePolicy(),
)


def test_created_and_moved_tags_that_a_rule_covers_start_releases_and_deleted_ones_do_not() -> None:
    changes = [
        change("v1", SHA, RefAction.CREATED),
        change("v2", SHA, RefAction.MOVED),
        change("v3", SHA, RefAction.DELETED),
    ]
    started = releases_of(changes, POLICY, NOON)
    assert [release.key for release in started] == [f"42/v1@{SHA}", f"42/v2@{SHA}"]
    assert {release.state for release in started} == {ReleaseState.PLANNED}
    assert {release.due_at for release in started} == {NOON}
    assert {release.asked_at for release in started} == {NOON}


@pytest.mark.parametrize(
    ("project", "ref", "reason"),
    [
        ("acme/tools/widget", "v1", "auto: decided once its pipeline was looked at"),
        ("acme/tools/widget", "nightly", "policy asks for artifacts"),
        ("acme/widget", "v1", "policy asks for artifacts"),
        ("other/widget", "v1", None),
    ],
)
def test_the_first_rule_that_matches_says_why_the_source_is_what_it_is(
    project: str, ref: str, reason: str | None
) -> None:
    named = ReleaseId(project_id=42, kind=RefKind.TAG, ref=ref, sha=SHA)
    release = new_release(named, project, POLICY, NOON)
    assert (release.source_reason if release else None) == reason
