"""New commits that the daemon tags or proposes by itself: each once, and only with a green pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.refs import GitLabRefs
from bot.domain.errors import TransientError
from bot.domain.refs import Project
from bot.domain.versioning import Auto, NewHead, VersioningPolicy
from bot.notes.release_request import RequestWords
from bot.release.heads import FORGOTTEN, MENDED, Minded, Minder, Outcome
from bot.release.proposing import ReleaseProposer
from bot.release.tagging import Tagger
from bot.sandbox.world.places import Project as Place
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org
from tests.contract.test_tagging import RULE, Meddler, tagger, tags

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("calm")]

TAGGED = replace(RULE, versioning=VersioningPolicy(auto=Auto.TAG))
PROPOSED = replace(RULE, versioning=VersioningPolicy(auto=Auto.PROPOSE, merge_request=True))
GREEN, RED = "test: {script: ['true']}\n", "test: {script: ['false']}\n"
Obstacles = Callable[[Project, str], tuple[str, ...]]


def free(project: Project, tag: str) -> tuple[str, ...]:
    """Nothing stands in the way."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One project and the bot that minds it."""

    org: Org
    place: Place
    minder: Minder

    def land(self, message: str, files: dict[str, str] | None = None) -> str:
        return self.org.world.commit(
            self.place, "main", message, {message: "", **(files or {})}, self.org.people["developer"]
        )

    def head(self, seen: timedelta = timedelta()) -> NewHead:
        sha = self.place.git.resolve("main")
        assert sha is not None
        at = datetime.now(UTC) - seen
        return NewHead(
            project_id=self.place.id, project=self.place.full_path, branch="main", sha=sha, seen_at=at, due_at=at
        )

    def settled(self, seen: timedelta = timedelta()) -> Minded:
        """What comes of it in the end; before that it waits, and tags nothing."""
        before, found = tags(self.place), []

        def over() -> bool:
            found.append(self.minder.mind(self.head(seen)))
            waits = found[-1].outcome is Outcome.WAITS
            assert not waits or tags(self.place) == before
            return not waits

        assert self.org.gitlab.wait_until(over, 60)
        return found[-1]


def home(org: Org, tmp_path: Path, *, rule: object = TAGGED, ci: str = GREEN, obstacles: Obstacles = free) -> Home:
    number = len(org.world.projects)
    place = org.new_project(f"acme/heads/p{number}")
    org.world.protect_tag(place, "v*")
    if ci:
        org.world.commit(place, "main", "chore: test", {".gitlab-ci.yml": ci}, org.people["developer"])
    connection = api(org.url, token=org.tokens["maintainer"])
    made: Tagger = tagger(org, rule)  # type: ignore[arg-type]  # a rule
    minder = Minder(
        tagger=made,
        proposer=ReleaseProposer(tagger=made, texts=RequestWords(), clock=lambda: datetime.now(UTC)),
        projects=GitLabProjects(connection),
        pipelines=GitLabPipelines(connection, tmp_path),
        contents=GitLabRefs(connection),
        obstacles=obstacles,
        clock=lambda: datetime.now(UTC),
    )
    return Home(org=org, place=place, minder=minder)


def test_a_commit_is_tagged_once_its_pipeline_is_green_and_never_again(org: Org, tmp_path: Path) -> None:
    ours = home(org, tmp_path)
    sha = ours.land("feat: begin")
    done = ours.settled()
    assert (done.outcome, done.head.due_at, tags(ours.place)) == (Outcome.TAGGED, None, {"v0.1.0": sha})
    again = ours.settled()
    assert (again.outcome, again.head.told.startswith("v0.1.0: its newest commit has that tag")) == (
        Outcome.NOTHING,
        True,
    )
    ours.land("docs: say more")
    assert ours.settled().outcome is Outcome.NOTHING
    assert tags(ours.place) == {"v0.1.0": sha}


def test_what_stops_it_is_told_and_looked_at_again_for_a_while(org: Org, tmp_path: Path) -> None:
    stopped = {
        "failed": home(org, tmp_path, ci=RED),
        "hygiene": home(org, tmp_path, obstacles=lambda project, tag: (f"hygiene stops {tag}",)),
        "pyproject.toml says 0.0.9": home(org, tmp_path),
    }
    for words, ours in stopped.items():
        ours.land(
            "feat: begin",
            {"pyproject.toml": '[project]\nname = "w"\nversion = "0.0.9"\n'} if "0.0.9" in words else None,
        )
    for words, ours in stopped.items():
        done = ours.settled()
        assert (done.outcome, words in done.head.told, tags(ours.place)) == (Outcome.REFUSED, True, {}), done
        assert done.head.due_at is not None and done.head.due_at - datetime.now(UTC) <= MENDED
        assert ours.settled(FORGOTTEN).head.due_at is None


def test_without_a_pipeline_it_waits_and_then_says_so(org: Org, tmp_path: Path) -> None:
    ours = home(org, tmp_path, ci="")
    ours.land("feat: begin")
    assert ours.minder.mind(ours.head()).outcome is Outcome.WAITS
    done = ours.minder.mind(ours.head(timedelta(minutes=11)))
    assert (done.outcome, "there is no pipeline" in done.head.told, tags(ours.place)) == (Outcome.REFUSED, True, {})


@pytest.mark.parametrize("auto", [Auto.NONE])
def test_nothing_is_done_that_policy_does_not_ask_for(org: Org, tmp_path: Path, auto: Auto) -> None:
    ours = home(org, tmp_path, ci="", rule=replace(RULE, versioning=VersioningPolicy(auto=auto)))
    ours.land("feat: begin")
    done = ours.minder.mind(ours.head(timedelta(minutes=11)))
    assert (done.outcome, done.head.due_at, tags(ours.place)) == (Outcome.NOTHING, None, {})


def test_a_lost_reply_and_a_branch_that_moves_leave_it_to_the_next_look(org: Org, tmp_path: Path) -> None:
    ours = home(org, tmp_path)
    first = ours.land("feat: begin")
    org.control(
        "POST", "faults", json={"kind": "reset", "method": "POST", "path": "/repository/tags", "after_effect": True}
    )
    assert ours.settled().outcome is Outcome.TAGGED
    ours.land("feat: more")

    def moves(project: Project, tag: str) -> tuple[str, ...]:
        ours.land("feat: even more")
        return ()

    with pytest.raises(TransientError, match="moved while it was looked at"):
        replace(ours, minder=replace(ours.minder, obstacles=moves)).settled()
    assert tags(ours.place) == {"v0.1.0": first}


def test_somebody_who_is_quicker_at_another_commit_is_told(org: Org, tmp_path: Path) -> None:
    ours = home(org, tmp_path)
    old = ours.land("chore: old")
    ours.land("feat: begin")
    made = ours.minder.tagger
    meddled = replace(ours.minder, tagger=replace(made, tagging=Meddler(made.tagging, old)))  # type: ignore[arg-type]  # GitLab's
    done = replace(ours, minder=meddled).settled()
    assert (done.outcome, "stands at" in done.head.told, tags(ours.place)) == (Outcome.REFUSED, True, {"v0.1.0": old})


def test_a_release_is_proposed_and_what_a_person_merges_is_tagged(org: Org, tmp_path: Path) -> None:
    ours = home(org, tmp_path, rule=PROPOSED)
    ours.land("feat: begin", {"pyproject.toml": '[project]\nname = "w"\nversion = "0.0.9"\n'})
    assert ours.settled().outcome is Outcome.PROPOSED
    assert ours.settled().outcome is Outcome.NOTHING, "the same again changes nothing"
    (request,) = ours.place.merge_requests.values()
    merged = org.world.merge(ours.place, request, org.people["owner"])
    done = ours.settled()
    assert (done.outcome, tags(ours.place)) == (Outcome.TAGGED, {"v0.1.0": merged}), done
    ours.land("fix: mend")
    assert (ours.settled().outcome, len(ours.place.merge_requests)) == (Outcome.PROPOSED, 2)
