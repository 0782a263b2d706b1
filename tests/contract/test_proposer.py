"""What the bot proposes to a project on the embedded GitLab: each effect once, and nothing that is somebody else's."""

from __future__ import annotations

import pytest

from bot.adapters.ci.components import shipped_components
from bot.adapters.ci.reading import read_ci
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.proposals import GitLabProposals
from bot.adapters.gitlab.refs import GitLabRefs
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.proposals import NewCommit, Words
from bot.onboarding.decide import BRANCH, CI_FILE, OWN_FILE, Destination, Wish
from bot.onboarding.propose import Outcome, Proposer
from bot.onboarding.stamp import MARKER
from bot.sandbox.world.places import Project
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("calm")]

WORDS = Words(title="Add jobs", description=f"Jobs.\n\n{MARKER}\n", subject="Add jobs")
REGISTRY, BOTH = Wish(to=Destination.REGISTRY), Wish(to=Destination.BOTH)
TESTS = "tests:\n  script: [id]\n"


def propose(
    org: Org, where: Project, wish: Wish = REGISTRY, *, who: str = "maintainer", dry_run: bool = False
) -> Outcome:
    """As the command does it."""
    connection = api(org.url, token=org.tokens[who])
    project = GitLabProjects(connection).project(where.id)
    assert project is not None
    ours = GitLabProposals(connection)
    proposer = Proposer(
        branches=ours,
        proposals=ours,
        contents=GitLabRefs(connection),
        components=shipped_components(),
        parse=lambda text: read_ci(text, merged=False),
        user_id=org.people[who].id,
    )
    return proposer.propose(project, wish, WORDS, dry_run=dry_run)


def made(where: Project) -> tuple[int, int]:
    """Commits on our branch beyond main, and merge requests."""
    return len(where.git.log(f"main..{BRANCH}")), len(where.merge_requests)


def text_of(where: Project, path: str, ref: str = BRANCH) -> str:
    sha = where.git.resolve(ref)
    found = None if sha is None else where.git.blob(sha, path)
    assert found is not None
    return found[1].decode()


def test_twice_is_once_and_a_new_wish_is_one_more_commit(org: Org) -> None:
    where = org.new_project("acme/ci/twice", {CI_FILE: TESTS})
    assert propose(org, where).state == "opened"
    assert (propose(org, where).state, made(where)) == ("open", (1, 1))
    assert text_of(where, CI_FILE) == f"{TESTS}\ninclude:\n  - local: /{OWN_FILE}\n"
    assert propose(org, where, BOTH).state == "updated"
    assert (propose(org, where, BOTH).state, made(where)) == ("open", (2, 1))
    assert "publish-pypi:" in text_of(where, OWN_FILE)
    (request,) = where.merge_requests.values()
    org.world.merge(where, request, org.people["maintainer"])
    assert (propose(org, where, BOTH).state, len(where.merge_requests)) == ("there", 1)


def test_a_plan_reads_only_and_says_what_would_be_done(org: Org) -> None:
    where = org.new_project("acme/ci/planned")
    outcome = propose(org, where, who="reporter", dry_run=True)
    assert (outcome.state, outcome.reason) == ("planned", f"commit {CI_FILE} on {BRANCH} and open a merge request")
    assert where.git.branch(BRANCH) is None


@pytest.mark.parametrize("path", ["/repository/commits$", "/merge_requests$"])
@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "status", "status": 502}, {"kind": "truncated"}])
def test_a_lost_answer_makes_no_second_branch_and_no_second_merge_request(
    org: Org, path: str, fault: dict[str, object]
) -> None:
    where = org.new_project(f"acme/ci/lost-{len(org.world.projects)}")
    sent = {**fault, "method": "POST", "path": f"/projects/{where.id}{path}", "after_effect": True, "times": 1}
    assert org.control("POST", "faults", json=sent).status_code < 300
    assert (propose(org, where).state, made(where)) == ("opened", (1, 1))


@pytest.mark.parametrize("path", ["/repository/commits$", "/merge_requests$"])
def test_what_was_not_done_is_done_the_next_time(org: Org, path: str) -> None:
    where = org.new_project(f"acme/ci/undone-{len(org.world.projects)}")
    sent = {"kind": "status", "status": 502, "method": "POST", "path": f"/projects/{where.id}{path}", "times": 1}
    assert org.control("POST", "faults", json=sent).status_code < 300
    with pytest.raises(TransientError):
        propose(org, where)
    assert (propose(org, where).state, made(where)) == ("opened", (1, 1))


def test_a_branch_that_people_changed_is_theirs(org: Org) -> None:
    where, ada = org.new_project("acme/ci/changed"), org.people["developer"]
    assert propose(org, where).state == "opened"
    org.world.commit(where, BRANCH, "Mend", {CI_FILE: "x: {script: [id]}\n"}, ada)
    outcome = propose(org, where, BOTH)
    assert (outcome.state, outcome.done, made(where)) == ("changed", False, (2, 1))


def test_somebody_who_pushes_between_look_and_commit_wins(org: Org) -> None:
    where, ada = org.new_project("acme/ci/race"), org.people["developer"]
    ours = GitLabProposals(api(org.url, token=org.tokens["maintainer"]))
    assert propose(org, where).state == "opened"
    head = ours.head(where.id, BRANCH)
    assert head is not None
    org.world.commit(where, BRANCH, "Mend", {CI_FILE: "x: {script: [id]}\n"}, ada)
    late = NewCommit(
        branch=BRANCH, parent=head.sha, new=False, message="m", files={CI_FILE: "late"}, known=frozenset({CI_FILE})
    )
    with pytest.raises(RefusedError, match="has changed since you started editing it"):
        ours.commit(where.id, late)
    fresh = NewCommit(branch=BRANCH, parent=head.sha, new=True, message="m", files={"other": "late"})
    with pytest.raises(RefusedError, match="Branch already exists"):
        ours.commit(where.id, fresh)
    assert text_of(where, CI_FILE) == "x: {script: [id]}\n"


def test_a_merge_request_that_people_closed_stays_closed(org: Org) -> None:
    where = org.new_project("acme/ci/closed")
    assert propose(org, where).state == "opened"
    (iid,) = where.merge_requests
    org.call("PUT", f"/projects/{where.id}/merge_requests/{iid}", json={"state_event": "close"})
    assert (propose(org, where).state, made(where)) == ("declined", (1, 1))


def test_a_merge_request_of_somebody_else_from_that_branch_is_left_alone(org: Org) -> None:
    where, ada = org.new_project("acme/ci/taken"), org.people["developer"]
    org.world.commit(where, BRANCH, "Mine", {"x": "y"}, ada)
    org.world.create_merge_request(where, ada, BRANCH, "Mine")
    assert (propose(org, where).state, made(where)) == ("taken", (1, 1))


def test_a_project_that_keeps_its_file_elsewhere_or_has_no_commit(org: Org) -> None:
    where = org.new_project("acme/ci/elsewhere")
    org.call("PUT", f"/projects/{where.id}", json={"ci_config_path": "ci/main.yml"})
    assert propose(org, where).state == "by_hand"
    empty = org.world.create_project("acme/ci/empty", files=None)
    org.world.add_member(empty, org.people["maintainer"], 40)
    with pytest.raises(RefusedError, match="has no commits yet"):
        propose(org, empty)


def test_who_may_not_push_is_told_so(org: Org) -> None:
    where = org.new_project("acme/ci/reporter")
    with pytest.raises(CredentialsError):
        propose(org, where, who="reporter")
