"""What the adapters read from the embedded GitLab: what a tag ships, who we are, what time it is there."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.gitlab.account import GitLabAccount
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.history import MOST_SINGLE_LOOKUPS, GitLabHistory
from bot.adapters.gitlab.refs import GitLabRefs
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.gitlab import Role
from bot.sandbox.world.places import Project
from tests.contract.hostile import Asked, api, hostile, reply
from tests.contract.sandbox_org import Org, git


def as_(org: Org, who: str = "maintainer") -> Api:
    return api(org.url, token=org.tokens[who])


def requests(org: Org, path: str = "") -> list[str]:
    found = [one["path"] for one in org.control("GET", "requests", params={"path": path}).json()]
    org.control("DELETE", "requests")
    return found


# history


def merged(org: Org, project: Project, name: str, *, squash: bool = False, commits: int = 1) -> int:
    """Merge a branch of that name; the merge request's iid."""
    developer, maintainer = org.people["developer"], org.people["maintainer"]
    for number in range(commits):
        org.world.commit(project, name, f"{name} {number}", {f"{name}-{number}": "x"}, developer)
    request = org.world.create_merge_request(project, developer, name, f"Bring {name}", labels=["one"])
    org.world.merge(project, request, maintainer, squash=squash)
    return request.iid


def fast_forwarded(org: Org, project: Project, name: str) -> int:
    """Merge by moving main to the branch's head, as GitLab's fast-forward method does."""
    developer = org.people["developer"]
    for number in range(2):
        org.world.commit(project, name, f"{name} {number}", {f"{name}-{number}": "x"}, developer)
    request = org.world.create_merge_request(project, developer, name, f"Bring {name}")
    folder = org.clone(project, f"ff-{name}")
    git(folder, "push", "-q", "origin", f"origin/{name}:refs/heads/main")
    assert project.merge_requests[request.iid].state == "merged"
    return request.iid


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0, MOST_SINGLE_LOOKUPS + 4])
def test_what_a_tag_ships_is_found_for_every_way_to_merge(org: Org, noise: int) -> None:
    """Merge commit, squash and fast-forward between two tags, by either way of looking; nothing of before or open."""
    project, maintainer = org.new_project(f"acme/history/ways{noise}"), org.people["maintainer"]
    before = merged(org, project, "old")
    org.world.create_tag(project, "v1", "main", maintainer)
    wanted = [merged(org, project, "plain", commits=3), merged(org, project, "squashed", squash=True, commits=2)]
    for number in range(noise):
        org.world.commit(project, "main", f"direct {number}", {"direct": str(number)}, maintainer)
    wanted.append(fast_forwarded(org, project, f"forward{noise}"))
    org.world.create_tag(project, "v2", "main", maintainer)
    org.world.commit(project, "open", "open", {"open": "x"}, org.people["developer"])
    org.world.create_merge_request(project, org.people["developer"], "open", "Still open")
    after = merged(org, project, "late")
    refs, history = GitLabRefs(as_(org)), GitLabHistory(as_(org))
    first, second = refs.tag(project.id, "v1"), refs.tag(project.id, "v2")
    assert first is not None
    assert second is not None
    requests(org)
    changes = history.changes(project.id, tag=second, previous=[first])
    asked = requests(org)
    assert [one.iid for one in changes.merge_requests] == wanted
    assert (changes.previous_tag, changes.complete) == ("v1", True)
    assert (len(asked) == 2) is bool(noise)
    shipped = changes.merge_requests[0]
    assert (shipped.title, shipped.author, shipped.labels) == ("Bring plain", "developer", ("one",))
    assert shipped.merged_at is not None
    initial = history.changes(project.id, tag=second, previous=[])
    assert [one.iid for one in initial.merge_requests] == [before, *wanted]
    assert initial.previous_tag is None
    assert after not in {one.iid for one in initial.merge_requests}
    same = history.changes(project.id, tag=second, previous=[second])
    assert same.merge_requests == ()


def test_a_commit_tells_its_own_merge_request_only(org: Org) -> None:
    project = org.world.create_project("acme/of-commit", files={"a": "b"})
    org.world.add_member(project, org.people["maintainer"], 40)
    org.world.add_member(project, org.people["developer"], 30)
    merged(org, project, "first")
    iid = merged(org, project, "second")
    head = project.git.resolve("main")
    assert head is not None
    history = GitLabHistory(as_(org))
    found = history.of_commit(project.id, head)
    assert [one.iid for one in found.merge_requests] == [iid]
    with pytest.raises(RefusedError):
        history.of_commit(project.id, "0" * 40)


def test_tags_that_cannot_be_compared_are_refused(org: Org) -> None:
    """A previous tag whose commit is gone from the repository is a sentence that names both."""
    project = org.new_project("acme/history/gone")
    org.world.create_tag(project, "v1", "main", org.people["maintainer"])
    tag = GitLabRefs(as_(org)).tag(project.id, "v1")
    assert tag is not None
    gone = type(tag)(name="v0", sha="0" * 39 + "1", target="0" * 40, protected=True)
    with pytest.raises(RefusedError, match="v0 and v1 cannot be compared"):
        GitLabHistory(as_(org)).changes(project.id, tag=tag, previous=[gone])


def test_three_merges_are_found_in_one_list(org: Org) -> None:
    """What merge commits can tell costs one request for all; a direct commit among them costs one of its own."""
    project, maintainer = org.new_project("acme/history/three"), org.people["maintainer"]
    org.world.create_tag(project, "v1", "main", maintainer)
    wanted = [merged(org, project, name) for name in ("one", "two", "three")]
    history, refs = GitLabHistory(as_(org)), GitLabRefs(as_(org))
    first = refs.tag(project.id, "v1")
    assert first is not None
    for name, cost in (("v2", 2), ("v3", 3)):
        org.world.create_tag(project, name, "main", maintainer)
        here = refs.tag(project.id, name)
        assert here is not None
        requests(org)
        assert [one.iid for one in history.changes(project.id, tag=here, previous=[first]).merge_requests] == wanted
        assert len(requests(org)) == cost
        org.world.commit(project, "main", "direct", {"direct": "x"}, maintainer)


# account


def test_who_we_are(org: Org) -> None:
    """User, scopes, version; an admin is known as one; a bad token is a refusal with what to do."""
    identity = GitLabAccount(as_(org)).identity()
    assert (identity.user_id, identity.username) == (org.people["maintainer"].id, "maintainer")
    assert identity.scopes == ("api",)
    assert not identity.admin
    assert identity.version[0].isdigit()
    assert GitLabAccount(as_(org, "admin")).identity().admin
    with pytest.raises(CredentialsError) as caught:
        GitLabAccount(api(org.url, token="glpat-wrong-wrong-wrong")).identity()
    assert caught.value.status == 401
    assert "glpat" not in str(caught.value)


def test_what_we_may_do_is_our_highest_membership(org: Org) -> None:
    """Direct or inherited, by full path; None where we are no member or there is no such place."""
    account, level = (
        GitLabAccount(as_(org)),
        {name: org.people[name].id for name in ("maintainer", "owner", "outsider")},
    )
    assert account.role(level["maintainer"], "acme/tools/widget", group=False) == Role.MAINTAINER
    assert account.role(level["owner"], "acme/tools/widget", group=False) == 50
    assert account.role(level["owner"], "acme/tools", group=True) == 50
    assert account.role(level["outsider"], "acme/tools/widget", group=False) is None
    assert account.role(level["maintainer"], "acme/nowhere", group=True) is None


def test_a_token_without_a_record_has_unknown_scopes() -> None:
    """GitLab answers 400 for tokens that have none (a job's, OAuth): scopes are then None, not empty."""

    def answer(asked: Asked) -> bytes:
        if asked.target.endswith("/self"):
            return reply(400, {"message": "400 Bad request"})
        return reply(200, {"id": 5, "username": "x", "version": "19.3.0"})

    with hostile(answer) as server:
        assert GitLabAccount(api(server.url)).identity().scopes is None


def test_an_address_that_is_no_gitlab_says_so() -> None:
    """A site without /user: the remedy names gitlab.url."""
    with hostile(lambda _: reply(404, "<html>nothing here</html>")) as server, pytest.raises(RefusedError) as caught:
        GitLabAccount(api(server.url)).identity()
    assert "gitlab.url" in caught.value.remedy


def test_the_clock_is_gitlabs(org: Org) -> None:
    """400 days ahead or behind, we tell GitLab's time."""
    for days in (400, -400, 0):
        org.control("PUT", "clock", json={"offset_seconds": days * 86_400})
        account = GitLabAccount(as_(org))
        assert abs(account.now() - datetime.now(UTC) - timedelta(days=days)) < timedelta(seconds=5)
