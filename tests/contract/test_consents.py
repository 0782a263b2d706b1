"""The promises of bot.ports.store about what people say, and what GitLab tells of people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.gitlab.people import GitLabPeople, approver
from bot.adapters.gitlab.refs import GitLabRefs
from bot.domain.consents import Approval, Author, Hold
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.releases import ReleaseState
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.store import Approvals, Holds, Queue, Register
from bot.sandbox.world.people import Level, User
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org
from tests.contract.states import BOTH, file_store, store_on
from tests.contract.turn_bench import planned
from tests.fake_consents import FakeApprovals, FakeHolds
from tests.fake_store import FakeReleaseRows
from tests.unit.release_facts import NOON, SHA

HOUR = timedelta(hours=1)
KEY = planned().key


@dataclass(frozen=True, slots=True)
class State:
    """What people said, by its ports."""

    holds: Holds
    approvals: Approvals
    register: Register
    queue: Queue


@pytest.fixture(params=["fake", *BOTH])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "fake":
        rows = FakeReleaseRows()
        yield State(holds=FakeHolds(), approvals=FakeApprovals(), register=rows, queue=rows)
        return
    store = store_on(request.param, request, tmp_path)
    yield State(holds=store.holds, approvals=store.approvals, register=store.releases, queue=store.releases)
    store.close()


def test_a_hold_is_of_one_ref_of_one_project_until_it_is_lifted(state: State) -> None:
    first = Hold(by="ada", since=NOON, reason="wait")
    assert state.holds.hold(42, "v1") is None
    state.holds.put(42, "v1", first)
    assert state.holds.hold(42, "v1") == first
    assert [state.holds.hold(42, "v2"), state.holds.hold(7, "v1")] == [None, None]
    second = Hold(by="bob", since=NOON + HOUR, until=NOON + 2 * HOUR)
    state.holds.put(42, "v1", second)
    assert state.holds.lift(42, "v1") == second
    assert [state.holds.hold(42, "v1"), state.holds.lift(42, "v1")] == [None, None]


def test_a_person_approves_a_release_once(state: State) -> None:
    ada = Approval(user_id=5, username="ada", level=40, at=NOON + HOUR, sha=SHA)
    bob = Approval(user_id=6, username="bob", level=50, at=NOON, sha=SHA)
    assert state.approvals.approve(KEY, ada)
    assert state.approvals.approve(KEY, bob)
    assert not state.approvals.approve(KEY, replace(ada, level=30, at=NOON + 2 * HOUR))
    assert state.approvals.approvals(KEY) == (bob, ada)
    assert state.approvals.approvals("another") == ()


def test_a_release_that_is_stopped_for_a_while_keeps_what_the_gates_say_and_when_it_comes_back(state: State) -> None:
    state.register.add(planned())
    gate = GateResult(
        name="hold", verdict=Verdict.FAIL, reason="held", consequence=Consequence.WAIT, look_again=timedelta(minutes=5)
    )
    stopped = replace(planned(), state=ReleaseState.WAITING, next="held", gates=(gate,), due_at=NOON + HOUR)
    assert state.register.stop(stopped, NOON)
    found = state.queue.release(KEY)
    assert found is not None
    assert (found.state, found.gates, found.due_at) == (ReleaseState.WAITING, (gate,), NOON + HOUR)
    assert not state.queue.finish(replace(planned(), state=ReleaseState.PUBLISHED), wake_seen=0)


def test_names_are_given_to_a_project_and_forgotten(tmp_path: Path) -> None:
    store = file_store(tmp_path / "ropewalk.db")
    assert store.kept.own("acme-widget", 42) == 42
    assert store.kept.own("acme-widget", 7) == 42, "who came first"
    store.names.give("acme-widget", 7)
    store.names.give("acme-core", 42)
    assert store.names.all() == (("acme-core", 42), ("acme-widget", 7))
    assert store.kept.own("acme-widget", 42) == 7
    assert [store.names.forget("acme-core"), store.names.forget("acme-core")] == [True, False]
    assert store.kept.owner("acme-core") is None
    store.close()


# What GitLab tells.


def people(org: Org, who: str = "maintainer") -> GitLabPeople:
    return GitLabPeople(api(org.url, token=org.tokens[who]))


@pytest.mark.parametrize("ci", [True, False], ids=["by its pipeline", "by the events"])
def test_who_made_a_tag_and_its_commit_is_told(org: Org, ci: bool) -> None:
    """The pusher of the tag, author and committer of the commit, and who wrote the merge request that brought it."""
    maintainer, developer = org.people["maintainer"], org.people["developer"]
    files = {".gitlab-ci.yml": "build: {script: [echo built]}\n"} if ci else {"a": "b"}
    project = org.new_project(f"acme/authors-{ci}", files)
    org.world.commit(project, "side", "On the side", {"side": "x"}, developer)
    request = org.world.create_merge_request(project, developer, "side", "On the side")
    org.world.merge(project, request, maintainer)
    sha = org.world.create_tag(project, "v1", "main", org.people["owner"])
    org.world.create_tag(project, "v2", "main", maintainer)
    found = people(org).authors(project.id, ref="v1", sha=sha, tag=True)
    short, merger = sha[:8], maintainer.email
    assert set(found) == {
        Author(what=f"is author of commit {short}", email=merger),
        Author(what=f"is committer of commit {short}", email=merger),
        Author(what="wrote !1", user_id=developer.id),
        Author(what="pushed tag v1", user_id=org.people["owner"].id),
    }


def test_who_made_a_commit_that_is_gone_cannot_be_told(org: Org) -> None:
    with pytest.raises(RefusedError, match="there is no commit ffffffff any more"):
        people(org).authors(org.project.id, ref="v1", sha="f" * 40, tag=True)


def test_an_address_that_hides_its_owner_still_says_who_it_is(org: Org) -> None:
    project = org.new_project("acme/hidden", {"a": "b"})
    author = replace_email(org, "4711-ada@users.noreply.gitlab.example.com")
    sha = org.world.commit(project, "main", "two", {"two": "x"}, author)
    found = people(org).authors(project.id, ref="main", sha=sha, tag=False)
    assert {one.user_id for one in found if "author of commit" in one.what} == {4711}


def replace_email(org: Org, email: str) -> User:
    user = org.world.create_user("hidden")
    user.email = email
    return user


def test_a_blocked_member_has_no_role(org: Org) -> None:
    project, user = org.new_project("acme/roles"), org.world.create_user("leaver")
    asking = people(org)
    assert asking.role(user.id, project.full_path, group=False) is None
    org.world.add_member(project, user, Level.MAINTAINER)
    assert asking.role(user.id, project.full_path, group=False) == 40
    user.state = "blocked"
    assert asking.role(user.id, project.full_path, group=False) is None


@pytest.mark.parametrize(("scopes", "emails"), [(["read_user"], 2), (["api"], 2)])
def test_whoever_comes_with_a_token_is_known_with_all_their_addresses(org: Org, scopes: list[str], emails: int) -> None:
    user = org.world.create_user(f"approver-{scopes[0]}")
    user.more_emails.append("Second@users.invalid")
    token = org.world.create_token(user, scopes, "approving")
    found = approver(api(org.url, token=token))
    assert (found.user_id, found.username, found.level, found.robot) == (user.id, user.username, None, False)
    assert found.emails == {user.email, "second@users.invalid"}
    assert len(found.emails) == emails


def test_the_user_of_a_project_token_is_a_robot(org: Org) -> None:
    token = org.world.create_access_token(org.project, ["api"], "robot")
    assert approver(api(org.url, token=token)).robot


def test_a_token_that_shows_nobody_is_refused(org: Org) -> None:
    token = org.world.create_token(org.people["maintainer"], ["read_registry"], "narrow")
    with pytest.raises(CredentialsError, match="403 for GET /user"):
        approver(api(org.url, token=token))


def test_branches_that_contain_a_commit_are_named(org: Org) -> None:
    project, maintainer = org.new_project("acme/containing", {"a": "b"}), org.people["maintainer"]
    first = project.git.resolve("main")
    assert first is not None
    side = org.world.commit(project, "side/way", "two", {"two": "x"}, maintainer)
    refs = GitLabRefs(api(org.url, token=org.tokens["maintainer"]))
    assert set(refs.containing(project.id, first)) == {"main", "side/way"}
    assert refs.containing(project.id, side) == ("side/way",)
