"""Release merge requests on the embedded GitLab: one, kept up to date, and tagged once when a person merged it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.errors import RefusedError, TransientError
from bot.domain.proposals import Move
from bot.domain.refs import Project
from bot.domain.versioning import PreRelease, VersioningPolicy
from bot.notes.release_request import RequestWords
from bot.release.proposing import ReleaseProposer, Request
from bot.release.requests import BRANCH, NEXT
from bot.release.tagging import NextTag
from bot.sandbox.world.places import Project as Place
from tests.contract.sandbox_org import Org
from tests.contract.test_tagging import RULE, known, tagger, tags

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("calm")]

ASKED = replace(RULE, versioning=VersioningPolicy(merge_request=True))
LOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Ropes\n\n## [0.0.9] - 2026-01-01\n\n- first\n"
PYPROJECT = '[build-system]\nrequires = []\n\n[project]\nname = "w"\nversion = "0.0.9"  # here\n'
FILES = {"CHANGELOG.md": LOG, "pyproject.toml": PYPROJECT}
DAY = datetime(2026, 8, 3, 12, tzinfo=UTC)


def place(org: Org, name: str) -> Place:
    made = org.new_project(f"acme/requests/{name}")
    org.world.protect_tag(made, "v*")
    land(org, made, "feat: begin", FILES)
    return made


def land(org: Org, where: Place, message: str, files: dict[str, str], branch: str = "main") -> str:
    return org.world.commit(where, branch, message, dict(files), org.people["developer"])


def propose(org: Org, where: Place, *, dry_run: bool = False, day: datetime = DAY) -> Request:
    proposer = ReleaseProposer(tagger=tagger(org, ASKED), texts=RequestWords(), clock=lambda: day)
    return proposer.propose(known(org, where), dry_run=dry_run)


def tag(org: Org, where: Place, pre: PreRelease | None = None) -> NextTag:
    return tagger(org, ASKED).tag(known(org, where), pre=pre)


def made(where: Place) -> tuple[int, int]:
    """Commits on our branch beyond main, and merge requests."""
    return len(where.git.log(f"main..{BRANCH}")), len(where.merge_requests)


def text_of(where: Place, path: str, ref: str = BRANCH) -> str:
    sha = where.git.resolve(ref)
    found = None if sha is None else where.git.blob(sha, path)
    assert found is not None
    return found[1].decode()


def merge(org: Org, where: Place, who: str = "owner", *, squash: bool = False) -> str:
    (request,) = (one for one in where.merge_requests.values() if one.state == "opened")
    return org.world.merge(where, request, org.people[who], squash=squash)


def test_a_proposal_is_made_once_and_carries_version_and_notes(org: Org) -> None:
    where = place(org, "first")
    planned = propose(org, where, dry_run=True)
    assert (planned.state, planned.tag, where.git.branch(BRANCH)) == ("planned", "v0.1.0", None)
    assert (propose(org, where).state, made(where)) == ("opened", (1, 1))
    head = where.git.resolve(BRANCH)
    again = propose(org, where, day=DAY.replace(day=9))
    assert (again.state, made(where), where.git.resolve(BRANCH)) == ("open", (1, 1), head)
    assert text_of(where, "pyproject.toml") == PYPROJECT.replace("0.0.9", "0.1.0")
    assert text_of(where, "CHANGELOG.md") == LOG.replace(
        "## [Unreleased]\n", "## [Unreleased]\n\n## [0.1.0] - 2026-08-03\n"
    )
    (request,) = where.merge_requests.values()
    assert request.title == "Release v0.1.0"
    assert "### Added\n\n- Ropes" in request.description


def test_what_lands_meanwhile_updates_it_in_place_and_what_changes_nothing_does_not(org: Org) -> None:
    where = place(org, "updated")
    propose(org, where)
    head = where.git.resolve(BRANCH)
    land(org, where, "docs: say more", {"README.md": "more"})
    assert (propose(org, where).state, where.git.resolve(BRANCH)) == ("open", head)
    main = land(org, where, "feat: more", {"CHANGELOG.md": LOG.replace("- Ropes", "- Ropes\n- Twine")})
    assert (propose(org, where).state, made(where)) == ("updated", (1, 1))
    assert len(where.git.log(f"{main}..{BRANCH}")) == 1
    assert where.git.merge_base(main, BRANCH) == main
    (request,) = where.merge_requests.values()
    assert "- Ropes\n- Twine" in request.description
    assert propose(org, where).state == "open"


def test_nothing_is_tagged_while_it_is_open_and_its_merge_is_tagged_once(org: Org) -> None:
    where = place(org, "merged")
    assert "no release merge request was merged yet" in tag(org, where).reason
    propose(org, where)
    waits = tag(org, where)
    assert (waits.name, tags(where)) == (None, {})
    assert "its merge is the approval" in waits.reason
    merged = merge(org, where)
    land(org, where, "feat: after", {"after": "x"})
    assert propose(org, where).state == "merged"
    done = tag(org, where)
    assert (done.name, done.sha, done.made) == ("v0.1.0", merged, True)
    assert (tag(org, where).made, tags(where)) == (True, {"v0.1.0": merged})
    following = propose(org, where)
    assert (following.state, following.tag, len(where.merge_requests)) == ("opened", "v0.2.0", 2)
    assert (tag(org, where).name, tags(where)) == ("v0.1.0", {"v0.1.0": merged})


def test_a_squashed_merge_is_tagged_where_it_is_in_the_branch(org: Org) -> None:
    where = place(org, "squashed")
    propose(org, where)
    merged = merge(org, where, squash=True)
    assert tag(org, where).sha == merged


def test_a_project_that_merges_by_fast_forward_finds_it_on_the_newest_commit(org: Org) -> None:
    where = place(org, "linear")
    org.call("PUT", f"/projects/{where.id}", json={"merge_method": "ff"})
    propose(org, where)
    main = land(org, where, "docs: say more", {"README.md": "more"})
    assert (propose(org, where).state, made(where)) == ("updated", (1, 1))
    assert where.git.merge_base(main, BRANCH) == main
    assert propose(org, where).state == "open"
    assert tag(org, where).name is None
    assert merge(org, where) == tag(org, where).sha == where.git.resolve("main")


@pytest.mark.parametrize("path", ["/repository/commits$", "/merge_requests$", "/merge_requests/1$"])
@pytest.mark.parametrize("lost", [True, False])
def test_a_lost_reply_is_looked_up_and_what_did_not_happen_is_done_by_the_next_run(
    org: Org, path: str, lost: bool
) -> None:
    where = place(org, f"lost{len(org.world.projects)}")
    method = "POST"
    if path.endswith("/1$"):
        method = "PUT"
        propose(org, where)
        land(org, where, "feat: more", {"CHANGELOG.md": LOG.replace("Ropes", "Twine")})
    fault = {"kind": "status", "status": 502, "method": method, "path": f"/projects/{where.id}{path}", "times": 1}
    assert org.control("POST", "faults", json=fault | {"after_effect": lost}).status_code < 300
    if lost:
        assert propose(org, where).state in ("opened", "updated")
    else:
        with pytest.raises(TransientError):
            propose(org, where)
        assert propose(org, where).state in ("opened", "updated")
    assert (propose(org, where).state, made(where)) == ("open", (1, 1))


def test_what_somebody_else_pushed_is_neither_reset_nor_tagged(org: Org) -> None:
    where = place(org, "foreign")
    propose(org, where)
    theirs = land(org, where, "mine", {"x": "y"}, BRANCH)
    outcome = propose(org, where)
    assert (outcome.state, outcome.done, where.git.resolve(BRANCH)) == ("changed", False, theirs)
    merged = merge(org, where)
    with pytest.raises(RefusedError, match="not the bot's"):
        tag(org, where)
    org.world.create_tag(where, "v0.1.0", merged, org.people["maintainer"], "by hand")
    assert tag(org, where).made


def test_a_push_after_the_look_is_not_overwritten(org: Org) -> None:
    where = place(org, "race")
    org.world.create_tag(where, "v0.1.0", "main", org.people["maintainer"], "by hand")
    land(org, where, "fix: mend", {"x": "1"})
    assert propose(org, where).tag == "v0.1.1"
    land(org, where, "feat: more", {"x": "2"})

    def meanwhile() -> datetime:
        land(org, where, "mine", {"x": "y"}, BRANCH)
        return DAY

    racing = ReleaseProposer(tagger=tagger(org, ASKED), texts=RequestWords(), clock=meanwhile)
    with pytest.raises(TransientError, match="moved while it was looked at"):
        racing.propose(known(org, where), dry_run=False)
    assert text_of(where, "x") == "y"
    assert propose(org, where).state == "changed"


class Meanwhile:
    """Pushes, and somebody who pushes right before."""

    def __init__(self, org: Org, where: Place, *, taken: bool = True) -> None:
        self.org, self.where, self.answer = org, where, taken
        self.inner = tagger(org, ASKED).requests.pushes

    def taken(self, project: Project) -> bool:
        return self.answer and self.inner.taken(project)

    def push(self, project: Project, moves: Sequence[Move]) -> None:
        land(self.org, self.where, "mine", {"x": "y"}, BRANCH)
        self.inner.push(project, moves)


def with_pushes(org: Org, pushes: Meanwhile) -> ReleaseProposer:
    usual = tagger(org, ASKED)
    racing = replace(usual, requests=replace(usual.requests, pushes=pushes))
    return ReleaseProposer(tagger=racing, texts=RequestWords(), clock=lambda: DAY)


def test_a_push_in_the_very_moment_of_the_reset_is_not_lost(org: Org) -> None:
    where = place(org, "moment")
    propose(org, where)
    land(org, where, "feat: more", {"CHANGELOG.md": LOG.replace("Ropes", "Twine")})
    with pytest.raises(TransientError, match="moved while it was looked at"):
        with_pushes(org, Meanwhile(org, where)).propose(known(org, where), dry_run=False)
    assert text_of(where, "x") == "y"
    assert where.git.branch(NEXT) is None
    assert propose(org, where).state == "changed"


def test_where_no_push_is_taken_the_branch_is_reset_by_the_api(org: Org) -> None:
    where = place(org, "api")
    propose(org, where)
    main = land(org, where, "feat: more", {"CHANGELOG.md": LOG.replace("Ropes", "Twine")})
    closed = with_pushes(org, Meanwhile(org, where, taken=False))
    assert closed.propose(known(org, where), dry_run=False).state == "updated"
    assert (made(where), where.git.merge_base(main, BRANCH), where.git.branch(NEXT)) == ((1, 1), main, None)


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_push_whose_reply_is_lost_is_looked_up(org: Org, after_effect: bool) -> None:
    where = place(org, f"push{after_effect}")
    propose(org, where)
    land(org, where, "feat: more", {"CHANGELOG.md": LOG.replace("Ropes", "Twine")})
    fault = {"kind": "reset", "method": "POST", "path": "git-receive-pack$", "times": 1, "after_effect": after_effect}
    assert org.control("POST", "faults", json=fault).status_code < 300
    if after_effect:
        assert propose(org, where).state == "updated"
    else:
        with pytest.raises(TransientError):
            propose(org, where)
        assert propose(org, where).state == "updated"
    assert (propose(org, where).state, made(where), where.git.branch(NEXT)) == ("open", (1, 1), None)


@pytest.mark.parametrize("files", [{"pyproject.toml": PYPROJECT.replace("0.0.9", "9.0.0")}, {"other": "x"}])
def test_a_commit_under_the_bots_message_is_not_the_bots(org: Org, files: dict[str, str]) -> None:
    where = place(org, f"copied{len(org.world.projects)}")
    propose(org, where)
    (ours,) = where.git.log(f"main..{BRANCH}")
    land(org, where, ours.message, files, BRANCH)
    assert propose(org, where).state == "changed"
    (request,) = where.merge_requests
    org.call("PUT", f"/projects/{where.id}/merge_requests/{request}", json={"state_event": "close"})
    assert propose(org, where).state == "changed"
    org.call("DELETE", f"/projects/{where.id}/repository/branches/{BRANCH.replace('/', '%2F')}")
    assert (propose(org, where).state, len(where.merge_requests)) == ("opened", 2)


def test_the_bots_own_merge_approves_nothing(org: Org) -> None:
    where = place(org, "own")
    propose(org, where)
    merge(org, where, "maintainer")  # whose token the bot has here
    with pytest.raises(RefusedError, match="not merged by a person"):
        tag(org, where)
    assert tags(where) == {}


def test_a_closed_one_is_not_proposed_again_until_the_version_is_another(org: Org) -> None:
    where = place(org, "closed")
    propose(org, where)
    org.call("PUT", f"/projects/{where.id}/merge_requests/1", json={"state_event": "close"})
    assert (propose(org, where).state, made(where)) == ("declined", (1, 1))
    org.world.create_tag(where, "v0.1.0", "main", org.people["maintainer"], "by hand")
    land(org, where, "fix: mend", {"x": "y"})
    assert (propose(org, where).tag, made(where)) == ("v0.1.1", (1, 2))


def test_where_policy_does_not_ask_there_is_no_proposal_and_no_pre_release_without_one(org: Org) -> None:
    where = place(org, "off")
    off = ReleaseProposer(tagger=tagger(org), texts=RequestWords(), clock=lambda: DAY)
    with pytest.raises(RefusedError, match="does not let the bot propose"):
        off.propose(known(org, where), dry_run=False)
    with pytest.raises(RefusedError, match="Tag the pre-release by hand"):
        tag(org, where, PreRelease.CANDIDATE)
