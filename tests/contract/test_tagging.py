"""Tags that the bot makes on the embedded GitLab: the right version, at the right commit, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.adapters.gitlab.history import GitLabHistory
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.proposals import GitLabProposals
from bot.adapters.gitlab.pushes import GitLabPushes
from bot.adapters.gitlab.refs import GitLabRefs
from bot.adapters.gitlab.tagging import GitLabTagging
from bot.domain.errors import RefusedError, TransientError
from bot.domain.policy import HygienePolicy, Policy, ReleaseRule
from bot.domain.refs import Project
from bot.domain.secrets import Secret
from bot.domain.versioning import PreRelease, VersioningPolicy
from bot.release.requests import ReleaseRequests
from bot.release.tagging import NextTag, Tagger
from bot.sandbox.world.places import Project as Place
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("calm")]
RULE = ReleaseRule(projects=("acme/**",), tags=("v*",), indexes=("registry",), versioning=VersioningPolicy())


def place(org: Org, path: str, *messages: str) -> Place:
    """A project whose main has those commits, and protected tags."""
    made = org.new_project(path)
    org.world.protect_tag(made, "v*")
    for message in messages:
        commit(org, made, message)
    return made


def commit(org: Org, where: Place, message: str, branch: str = "main") -> str:
    return org.world.commit(where, branch, message, {"a": message}, org.people["maintainer"])


def tagger(org: Org, rule: ReleaseRule = RULE, who: str = "maintainer") -> Tagger:
    connection = api(org.url, token=org.tokens[who])
    return Tagger(
        refs=GitLabRefs(connection),
        history=GitLabHistory(connection),
        tagging=GitLabTagging(connection),
        policy=Policy(releases=(rule,), indexes=(), hygiene=HygienePolicy()),
        where=connection.where,
        requests=requests(org, who),
    )


def requests(org: Org, who: str = "maintainer") -> ReleaseRequests:
    connection = api(org.url, token=org.tokens[who])
    ours = GitLabProposals(connection)
    contents = GitLabRefs(connection)
    pushes = GitLabPushes(connection, Secret(org.tokens[who]))
    return ReleaseRequests(
        branches=ours, proposals=ours, pushes=pushes, contents=contents, key=b"k" * 32, user_id=org.people[who].id
    )


def known(org: Org, where: Place) -> Project:
    found = GitLabProjects(api(org.url, token=org.tokens["maintainer"])).project(where.id)
    assert found is not None
    return found


def tag(org: Org, where: Place, *, pre: PreRelease | None = None, rule: ReleaseRule = RULE) -> NextTag:
    return tagger(org, rule).tag(known(org, where), pre=pre)


def tags(where: Place) -> dict[str, str]:
    return {ref.name: ref.commit for ref in where.git.tags()}


def test_versions_follow_the_commits_and_each_commit_is_tagged_once(org: Org) -> None:
    where = place(org, "acme/tagging/flow", "feat: begin")
    assert tag(org, where).name == "v0.1.0"
    first = where.git.resolve("main")
    again = tag(org, where)
    assert (again.name, again.made, again.sha) == ("v0.1.0", True, first)
    commit(org, where, "docs: say more")
    nothing = tag(org, where)
    assert (nothing.name, nothing.made) == (None, False)
    assert "nothing since v0.1.0" in nothing.reason
    commit(org, where, "fix: mend")
    assert tag(org, where, pre=PreRelease.CANDIDATE).name == "v0.1.1rc1"
    commit(org, where, "feat: more")
    assert tag(org, where, pre=PreRelease.CANDIDATE).name == "v0.2.0rc1"
    commit(org, where, "fix: mend that")
    assert tag(org, where, pre=PreRelease.CANDIDATE).name == "v0.2.0rc2"
    commit(org, where, "chore: done")
    assert tag(org, where).name == "v0.2.0"
    assert sorted(tags(where)) == ["v0.1.0", "v0.1.1rc1", "v0.2.0", "v0.2.0rc1", "v0.2.0rc2"]
    assert len(set(tags(where).values())) == 5


def test_looking_writes_nothing(org: Org) -> None:
    where = place(org, "acme/tagging/look", "feat: begin")
    seen = tagger(org).look(known(org, where))
    assert (seen.name, seen.made, tags(where)) == ("v0.1.0", False, {})


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "reset"}])
def test_a_lost_reply_leaves_one_tag(org: Org, fault: dict[str, object]) -> None:
    where = place(org, f"acme/tagging/lost{fault['kind']}", "feat: begin")
    sent = fault | {"method": "POST", "path": "/repository/tags", "after_effect": True}
    assert org.control("POST", "faults", json=sent).status_code == 201
    assert tag(org, where).made
    assert tag(org, where).name == "v0.1.0"
    assert tags(where) == {"v0.1.0": where.git.resolve("main")}


def test_what_did_not_happen_is_tried_by_the_next_run(org: Org) -> None:
    where = place(org, "acme/tagging/down", "feat: begin")
    sent = {"kind": "status", "status": 502, "method": "POST", "path": "/repository/tags"}
    assert org.control("POST", "faults", json=sent).status_code == 201
    with pytest.raises(TransientError):
        tag(org, where)
    assert tags(where) == {}
    assert tag(org, where).name == "v0.1.0"


class Meddler:
    """Somebody who is quicker: makes the tag, at that commit or another, before ours is asked for."""

    def __init__(self, tagging: GitLabTagging, sha: str | None) -> None:
        self._tagging = tagging
        self._sha = sha

    def create(self, project_id: int, *, name: str, sha: str, message: str) -> None:
        self._tagging.create(project_id, name=name, sha=self._sha or sha, message="mine")
        self._tagging.create(project_id, name=name, sha=sha, message=message)


def test_a_tag_that_somebody_else_makes_meanwhile_is_taken_or_refused_by_its_commit(org: Org) -> None:
    where = place(org, "acme/tagging/same", "feat: begin")
    ours = tagger(org)
    assert isinstance(ours.tagging, GitLabTagging)
    assert replace(ours, tagging=Meddler(ours.tagging, None)).tag(known(org, where)).made
    other = place(org, "acme/tagging/other", "feat: begin")
    old = other.git.resolve("main")
    commit(org, other, "feat: more")
    with pytest.raises(RefusedError, match="stands at"):
        replace(ours, tagging=Meddler(ours.tagging, old)).tag(known(org, other))
    assert tags(other) == {"v0.1.0": old}


def test_an_unprotected_branch_is_never_tagged(org: Org) -> None:
    where = place(org, "acme/tagging/open", "feat: begin")
    person = org.people["maintainer"]
    org.world.commit(where, "wild", "feat: wild", {"b": "b"}, person, start_branch="main")
    rule = replace(RULE, versioning=VersioningPolicy(branch="wild"))
    with pytest.raises(RefusedError, match="not protected"):
        tag(org, where, rule=rule)
    where.protected_branches.clear()
    with pytest.raises(RefusedError, match="not protected"):
        tag(org, where)
    with pytest.raises(RefusedError, match="has no branch nowhere"):
        tag(org, where, rule=replace(RULE, versioning=VersioningPolicy(branch="nowhere")))
    assert tags(where) == {}


def test_a_role_that_may_not_tag_is_refused_with_gitlabs_words(org: Org) -> None:
    where = place(org, "acme/tagging/role", "feat: begin")
    with pytest.raises(RefusedError, match="not allowed to create this tag"):
        tagger(org, who="developer").tag(known(org, where))
    assert tags(where) == {}


def test_without_a_word_of_policy_nothing_is_tagged(org: Org) -> None:
    where = place(org, "acme/tagging/off", "feat: begin")
    with pytest.raises(RefusedError, match="policy does not let the bot tag"):
        tag(org, where, rule=replace(RULE, versioning=None))


def test_a_version_that_stands_at_another_commit_is_not_taken_again(org: Org) -> None:
    where = place(org, "acme/tagging/taken", "feat: begin")
    side = org.world.commit(where, "side", "feat: side", {"b": "b"}, org.people["maintainer"], start_branch="main")
    org.world.create_tag(where, "v0.1.0", side, org.people["maintainer"], "by hand")
    commit(org, where, "fix: mend")
    done = tag(org, where)
    assert (done.name, tags(where)["v0.1.0"]) == ("v0.1.1", side)


def test_an_unprotected_tag_is_made_and_said_to_release_nothing(org: Org) -> None:
    where = org.new_project("acme/tagging/bare")
    commit(org, where, "feat: begin")
    assert "not protected, so nothing is released" in tag(org, where).reason
