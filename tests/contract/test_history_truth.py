"""Random histories with the known truth: what a tag ships, by every way to merge, on main and on older branches."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from packaging.version import Version

from bot.adapters.gitlab.history import GitLabHistory
from bot.adapters.gitlab.refs import GitLabRefs
from bot.domain.refs import Tag
from bot.release.changing import lower_tags
from bot.sandbox.world.places import Project
from tests.contract.hostile import api
from tests.contract.many_requests import merge_many
from tests.contract.sandbox_org import Org
from tests.unit.release_facts import wanted

WAYS = ("merge", "squash", "ff", "ff_squash", "rebase_merge", "nested", "direct")


@dataclass
class Past:
    """A project whose history grows at random; `made` is by merge request the commit that its merge left."""

    org: Org
    project: Project
    dice: random.Random
    made: dict[int, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    number: int = 0

    def step(self, branch: str) -> None:
        """Something happens on a branch."""
        way = self.dice.choice(WAYS)
        self.number += 1
        name = f"change-{self.number}"
        if way == "direct":
            self._commit(branch, name, None)
            return
        for part in range(self.dice.randint(1, 3)):
            self._commit(name, f"{name}.{part}", branch if part == 0 else None)
        if way == "nested":
            self._commit(f"{name}-inner", f"{name}-inner", name)
            self._merge(f"{name}-inner", name, "merge", squash=self.dice.random() < 0.3)
        method = {"ff": "ff", "ff_squash": "ff", "rebase_merge": "rebase_merge"}.get(way, "merge")
        self._merge(name, branch, method, squash=way in ("squash", "ff_squash"))

    def tag(self, name: str, branch: str) -> None:
        """A version on a branch."""
        self.tags[name] = self.org.world.create_tag(self.project, name, branch, self.org.people["maintainer"])

    def truth(self, name: str) -> tuple[str | None, set[int]]:
        """The release before and the merge requests since, from git alone."""
        git, sha = self.project.git, self.tags[name]
        lower = sorted((Version(other), other) for other in self.tags if Version(other) < Version(name))
        lower = [pair for pair in lower if Version(name).is_prerelease or not pair[0].is_prerelease]
        reachable = [other for _, other in lower if git.is_ancestor(self.tags[other], sha)]
        candidates: list[str | None] = [None, *(other for _, other in lower)]
        previous = reachable[-1] if reachable else candidates[-1]
        before = set(git.log(self.tags[previous])) if previous else set()
        old = {commit.id for commit in before}
        return previous, {iid for iid, made in self.made.items() if git.is_ancestor(made, sha) and made not in old}

    def _commit(self, branch: str, name: str, start: str | None) -> None:
        developer = self.org.people["developer"]
        self.org.world.commit(
            self.project, branch, f"Change {name}", {f"{name}.txt": "x"}, developer, start_branch=start
        )

    def _merge(self, source: str, target: str, method: str, *, squash: bool) -> None:
        world, developer = self.org.world, self.org.people["developer"]
        self.project.settings.merge_method = method
        request = world.create_merge_request(self.project, developer, source, source, target_branch=target)
        self.made[request.iid] = world.merge(self.project, request, self.org.people["maintainer"], squash=squash)


def grown(org: Org, seed: int) -> Past:
    """Two minor versions on main, the first of which lives on beside it, with candidates before each."""
    past = Past(org, org.new_project(f"acme/past{seed}"), random.Random(seed))
    past.step("main")
    past.tag("v1.0.0", "main")
    maintainer, project = org.people["maintainer"], past.project
    head = project.git.resolve("main")
    assert head is not None
    org.world.commit(project, "1.x", "Begin 1.x", {"line.txt": "1"}, maintainer, start_branch="main")
    plan = ["main", "main", "1.x", "v1.1.0rc1", "main", "1.x", "v1.0.1", "main", "v1.1.0", "1.x", "v1.0.2", "1.x",
            "main", "v1.2.0rc1", "1.x", "v1.0.3", *["main"] * past.dice.randint(1, 14), "v1.2.0"]  # fmt: skip
    for word in plan:
        if word in ("main", "1.x"):
            past.step(word)
        else:
            past.tag(word, "1.x" if word.startswith("v1.0") else "main")
    return past


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3])
def test_every_tag_of_a_random_history_ships_what_git_says(org: Org, seed: int) -> None:
    past = grown(org, seed)
    client = api(org.url, token=org.tokens["maintainer"])
    refs, history = GitLabRefs(client), GitLabHistory(client)
    tags = refs.tags(past.project.id)
    shipped: list[int] = []
    for name in past.tags:
        here = next(tag for tag in tags if tag.name == name)
        previous = lower_tags(wanted(ref=name), here, tags)
        found = history.changes(past.project.id, tag=here, previous=previous)
        assert (found.previous_tag, {one.iid for one in found.merge_requests}) == past.truth(name), (seed, name)
        known = {commit.sha for commit in found.commits}
        shipped += [one.iid for one in found.merge_requests]
        brought = {past.made[iid] for iid in (c.merge_request for c in found.commits) if iid is not None}
        assert brought <= known
    assert len(set(shipped)) > 10


def test_a_release_on_an_older_branch_does_not_begin_at_a_newer_one_beside_it(org: Org) -> None:
    """v1.1.0 on main looks past v1.0.1, which lives on a branch of its own, to v1.0.0."""
    past = Past(org, org.new_project("acme/beside"), random.Random(0))
    past.tag("v1.0.0", "main")
    past._commit("1.0", "fix", "main")
    past.tag("v1.0.1", "1.0")
    past._commit("main", "feature", None)
    past.tag("v1.1.0", "main")
    history = GitLabHistory(api(org.url, token=org.tokens["maintainer"]))
    tags = [Tag(name=name, sha=sha, target=sha, protected=True) for name, sha in past.tags.items()]
    found = history.changes(past.project.id, tag=tags[2], previous=[tags[1], tags[0]])
    assert found.previous_tag == "v1.0.0"
    assert [commit.message.strip() for commit in found.commits] == ["Change feature"]
    apart = history.changes(past.project.id, tag=tags[2], previous=[tags[1]])
    assert apart.previous_tag == "v1.0.1", "releases that never meet begin where the two parted"


@pytest.mark.slow
def test_a_thousand_merge_requests_between_two_tags_cost_thirty_requests(org: Org) -> None:
    """However many were merged before: what was last touched before all of these commits is not even listed."""
    project, developer, maintainer = org.new_project("acme/many"), org.people["developer"], org.people["maintainer"]
    org.control("PUT", "clock", json={"offset_seconds": -30 * 86_400})
    merge_many(org.world, project, developer, 2_500)
    org.world.create_tag(project, "v1", "main", maintainer)
    org.control("PUT", "clock", json={"offset_seconds": 0})
    wanted_ones = merge_many(org.world, project, developer, 1_000)
    org.world.create_tag(project, "v2", "main", maintainer)
    client = api(org.url, token=org.tokens["maintainer"])
    refs, history = GitLabRefs(client), GitLabHistory(client)
    org.control("DELETE", "requests")
    tags = {tag.name: tag for tag in refs.tags(project.id)}
    found = history.changes(project.id, tag=tags["v2"], previous=[tags["v1"]])
    asked = org.control("GET", "requests").json()
    assert [one.iid for one in found.merge_requests] == wanted_ones
    assert (found.complete, len(found.commits)) == (True, 3_000)
    assert {commit.merge_request for commit in found.commits} == set(wanted_ones)
    assert len(asked) <= 30
