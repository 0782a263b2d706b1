"""Looks find new commits on the branch that is tagged by itself, and keep them with the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.store.store import Store
from bot.adapters.store.views.projects import StoredProjectViews
from bot.domain.versioning import Auto, NewHead, VersioningPolicy
from tests.contract.comparisons import comparison
from tests.contract.poll_watch import LONG, POLICY, Watch, watching
from tests.contract.sandbox_org import organisation
from tests.contract.states import BOTH, store_on
from tests.unit.release_facts import NOON, OTHER_SHA, PROJECT, SHA

HEAD = NewHead(project_id=PROJECT.id, project=PROJECT.full_path, branch="main", sha=SHA, seen_at=NOON, due_at=NOON)
TAGGED = replace(POLICY, releases=(replace(POLICY.releases[0], versioning=VersioningPolicy(auto=Auto.TAG)),))


def test_a_commit_that_was_there_is_left_and_a_new_one_is_due_once(tmp_path: Path) -> None:
    with organisation() as org:
        watch = watching(org, tmp_path)
        looker = replace(watch.watcher.looker, policy=TAGGED)
        ours = Watch(org=org, store=watch.store, watcher=replace(watch.watcher, looker=looker), ours=watch.ours)
        assert ours.poll() == []
        assert ours.store.heads.due(ours.ours(), 9) == ()
        sha = org.world.commit(org.project, "main", "feat: more", {"more": ""}, org.people["maintainer"])
        org.world.commit(org.project, "side", "feat: side", {"side": ""}, org.people["maintainer"], start_branch="main")
        ours.ours.offset = LONG
        org.control("PUT", "clock", json={"offset_seconds": LONG.total_seconds()})
        assert ours.poll() == [("acme/tools/widget", "main", "moved")]
        (head,) = ours.store.heads.due(ours.ours(), 9)
        assert (head.sha, head.branch, head.project) == (sha, "main", "acme/tools/widget")
        assert ours.releases() == set(), "a branch that is tagged is not released by that"
        assert ours.store.heads.settle(replace(head, due_at=None, told="v1.0.0"))
        assert ours.store.heads.due(ours.ours(), 9) == ()


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = store_on(request.param, request, tmp_path)
    yield opened
    opened.close()


def test_what_came_of_a_look_never_settles_a_newer_commit(store: Store) -> None:
    assert store.intake.compared(replace(comparison({}), head=HEAD)) is not None
    newer = replace(HEAD, sha=OTHER_SHA, seen_at=NOON + timedelta(minutes=1), due_at=NOON + timedelta(minutes=1))
    assert store.intake.compared(replace(comparison({}, basis={}), head=newer)) is not None
    assert not store.heads.settle(replace(HEAD, due_at=None))
    assert store.heads.due(NOON, 9) == ()
    assert store.heads.due(NOON + timedelta(hours=1), 9) == (newer,)
    waits = replace(newer, due_at=NOON + timedelta(hours=2), tries=3, told="waits")
    assert store.heads.settle(waits)
    assert store.heads.due(NOON + timedelta(hours=1), 9) == ()
    assert store.heads.due(NOON + timedelta(hours=2), 9) == (waits,)


def test_what_is_not_tagged_yet_is_told_until_it_is_settled(store: Store) -> None:
    assert store.intake.compared(replace(comparison({}), head=HEAD)) is not None
    assert store.heads.pending() == (), "nobody has looked at it yet"
    refused = replace(HEAD, due_at=NOON + timedelta(hours=1), told="TWINE_PASSWORD is not masked")
    store.heads.settle(refused)
    assert store.heads.pending() == (refused,)
    views = StoredProjectViews(store.database)
    assert (views.head(PROJECT.id), views.head(PROJECT.id + 1)) == (refused, None)
    store.heads.settle(replace(refused, due_at=None, told="v1.1.0"))
    assert store.heads.pending() == ()
