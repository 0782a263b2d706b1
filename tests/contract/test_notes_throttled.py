"""Two hundred merge requests of one release against GitLab.com's limit for notes: all told, in order, by few requests.

Time passes for the budget and for GitLab together, and only while somebody waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.gitlab.budget import Budget
from bot.adapters.gitlab.notes import GitLabNotes
from bot.domain.gitlab import Note
from bot.domain.notes import DEFAULT_NOTES
from bot.domain.releases import ReleaseState
from bot.notes.texts import ReleaseTexts
from tests.contract.hostile import api
from tests.contract.many_requests import merge_many
from tests.contract.sandbox_org import Org, organisation
from tests.contract.test_budget_throttled import Time
from tests.contract.turn_bench import Bench, planned
from tests.unit.release_facts import SHA, merge_request

SHIPPED = 200
PER_MINUTE = 60  # Source: doc/user/gitlab_com/_index.md


@dataclass
class There:
    """Notes of the project on the embedded GitLab, by whatever id the bench calls it."""

    real: GitLabNotes
    project_id: int

    def notes(self, project_id: int, iid: int) -> tuple[Note, ...]:
        return self.real.notes(self.project_id, iid)

    def create(self, project_id: int, iid: int, body: str) -> Note:
        return self.real.create(self.project_id, iid, body)

    def update(self, project_id: int, iid: int, note_id: int, body: str) -> None:
        self.real.update(self.project_id, iid, note_id, body)

    def delete(self, project_id: int, iid: int, note_id: int) -> None:
        self.real.delete(self.project_id, iid, note_id)


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


@pytest.mark.slow
def test_two_hundred_merge_requests_are_told_within_the_limit_in_order_and_once(org: Org, tmp_path: Path) -> None:
    """Three minutes at the least; hardly one note is refused, and no note is looked at much more than once."""
    me = org.people["maintainer"]
    project = org.new_project("acme/many")
    iids = merge_many(org.world, project, me, SHIPPED)
    steady = Time(org)
    budget = Budget("https://gitlab.com", clock=steady, sleep=steady.sleep)
    notes = There(GitLabNotes(api(org.url, token=org.tokens["maintainer"], budget=budget)), project.id)
    texts = ReleaseTexts(marker_key=b"sixteen bytes or more", user_id=me.id)
    bench = Bench(folder=tmp_path, texts=texts, telling=DEFAULT_NOTES)
    bench.notes = notes  # type: ignore[assignment]  # the bench's own is a fake of the same port
    bench.history.merged[SHA] = tuple(merge_request(iid) for iid in iids)
    steady.wait(timedelta(seconds=60 - org.world.clock.now().timestamp() % 60))
    assert org.control("PUT", "limits", json={"application": {"notes_create": PER_MINUTE}}).status_code == 200
    org.control("DELETE", "requests")
    began, turns = steady(), 0
    release = planned()
    while release.due_at is not None:
        pause = max(release.due_at - bench.clock.now, timedelta())
        bench.clock.wait(pause)
        steady.wait(pause)
        with budget.work():
            release = bench.turn(release)
        turns += 1
        assert release.state is ReleaseState.PUBLISHED, "what is told late changes nothing"
        assert turns < 60
    asked = org.control("GET", "requests").json()
    told = [[note.id for note in project.merge_requests[iid].notes.values()] for iid in iids]
    assert [len(ids) for ids in told] == [1] * SHIPPED
    assert [ids[0] for ids in told] == sorted(ids[0] for ids in told)
    assert len(asked) <= 3 * SHIPPED + 6
    assert [one["status"] for one in asked].count(429) <= 3
    assert (steady() - began) / 60_000 >= SHIPPED / PER_MINUTE - 1
    before = len(asked)
    release = bench.turn(release)
    assert len(org.control("GET", "requests").json()) == before, "all of it is proven"
