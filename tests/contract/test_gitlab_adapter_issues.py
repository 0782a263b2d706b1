"""Issues, notes on them, milestones and changelogs, as the adapters meet them on the embedded GitLab."""

from __future__ import annotations

import pytest

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.history import GitLabHistory
from bot.adapters.gitlab.issues import GitLabIssues
from bot.adapters.gitlab.notes import GitLabNotes
from bot.adapters.gitlab.releases import GitLabReleases
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Issue, ReleaseLink
from tests.contract.hostile import Asked, api, hostile, reply
from tests.contract.sandbox_org import Org
from tests.fake_issues import FakeIssues
from tests.fakes import FakeHistory, FakeReleases


def as_(org: Org, who: str = "maintainer") -> Api:
    return api(org.url, token=org.tokens[who])


@pytest.mark.parametrize("fake", [False, True])
def test_an_issue_is_opened_found_changed_closed_and_opened_again(org: Org, fake: bool) -> None:
    project, me = org.new_project(f"acme/issues-{fake}"), org.people["maintainer"].id
    org.call("POST", f"/projects/{project.id}/issues", "developer", json={"title": "Not ours"})
    issues = FakeIssues(author_id=me) if fake else GitLabIssues(as_(org))
    issues.create(project.id, title="Stopped", description="first", labels=["release", "two words"])
    issues.create(project.id, title="Second", description="", labels=[])
    first, second = issues.by(project.id, me)
    assert (first.title, first.description, first.open, first.author_id) == ("Stopped", "first", True, me)
    assert first.iid < second.iid
    steps = [("second", None, True), ("third", False, False), ("third", None, False), ("fourth", True, True)]
    for text, opened, open_ in steps:
        issues.update(project.id, first.iid, description=text, opened=opened)
        now = issues.by(project.id, me)[0]
        assert (now.description, now.open) == (text, open_)
    assert issues.by(project.id, org.people["guest"].id) == ()
    if not fake:
        assert project.issues[first.iid].labels == ["release", "two words"]


def test_an_answer_without_a_number_is_refused() -> None:
    """GitLab runs commands in a description: what comes back must be the issue."""

    def answer(asked: Asked) -> bytes:
        return reply(202, {"summary": ["ran"]})

    with hostile(answer) as server:
        issues = GitLabIssues(api(server.url))
        with pytest.raises(RefusedError, match="not answered with an issue"):
            issues.create(1, title="x", description="/close", labels=[])
        with pytest.raises(RefusedError, match="not answered with that issue"):
            issues.update(1, 2, description="/close", opened=None)


def test_notes_on_an_issue_are_posted_read_edited_and_removed(org: Org) -> None:
    project = org.new_project("acme/issue-notes")
    iid = org.call("POST", f"/projects/{project.id}/issues", json={"title": "A"}).json()["iid"]
    notes = GitLabNotes(as_(org), "issues")
    made = notes.create(project.id, iid, "one")
    notes.update(project.id, iid, made.id, "two")
    assert [note.body for note in notes.notes(project.id, iid) if not note.system] == ["two"]
    notes.delete(project.id, iid, made.id)
    assert [note for note in notes.notes(project.id, iid) if not note.system] == []


@pytest.mark.parametrize("fake", [False, True])
def test_milestones_are_found_by_their_exact_title_and_attached_as_told(org: Org, fake: bool) -> None:
    project = org.new_project(f"acme/milestones-{fake}")
    org.world.create_tag(project, "v1.1.0", "main", org.people["maintainer"])
    for title in ("v1.1.0", "1.1.0", "v1.1.0-rc", "Spring"):
        assert org.call("POST", f"/projects/{project.id}/milestones", json={"title": title}).status_code == 201
    titles = ("v1.1.0", "1.1.0", "Spring")
    releases = FakeReleases(titles=titles) if fake else GitLabReleases(as_(org))
    assert releases.milestones(project.id, ["v1.1.0", "1.1.0"]) == ("v1.1.0", "1.1.0")
    assert releases.milestones(project.id, ["v1.1", "1.1"]) == ()
    links = [ReleaseLink(name="a", url="https://h.example/a")]
    made = releases.create(project.id, tag="v1.1.0", name="v1.1.0", description="", links=links)
    assert made.milestones == ()
    for wanted in (("Spring", "v1.1.0"), ("v1.1.0",)):
        releases.attach(project.id, "v1.1.0", wanted)
        found = releases.release(project.id, "v1.1.0")
        assert found is not None
        assert sorted(found.milestones) == sorted(wanted)


@pytest.mark.parametrize("fake", [False, True])
def test_a_merge_request_tells_which_issues_it_closes(org: Org, fake: bool) -> None:
    project = org.new_project(f"acme/closes-{fake}")
    developer = org.people["developer"]
    iid = org.call("POST", f"/projects/{project.id}/issues", json={"title": "A"}).json()["iid"]
    org.world.commit(project, "work", "Work", {"a": "b"}, developer)
    request = org.world.create_merge_request(project, developer, "work", "Work", description=f"Closes #{iid}")
    org.world.merge(project, request, org.people["maintainer"])
    known = Issue(iid=iid, title="A", description="", author_id=1, open=False, web_url="", project_id=project.id)
    history = FakeHistory(closed={request.iid: (known,)}) if fake else GitLabHistory(as_(org))
    assert [one.iid for one in history.closed_issues(project.id, request.iid)] == [iid]


def test_a_changelog_is_gitlabs_own_and_a_version_it_cannot_read_is_refused(org: Org) -> None:
    project, maintainer = org.new_project("acme/trailers"), org.people["maintainer"]
    before = org.world.create_tag(project, "v1.0.0", "main", maintainer)
    sha = org.world.commit(project, "main", "Lay hemp\n\nChangelog: added", {"a": "b"}, maintainer)

    def asked(version: str, previous: str | None) -> str:
        # Each with a budget of its own: GitLab allows five a minute, and the bot is careful with them.
        return GitLabHistory(as_(org)).changelog(project.id, version=version, sha=sha, previous=previous)

    made = asked("1.1.0", before)
    assert "### added (1 change)" in made
    assert asked("1.1.0", None) == made
    with pytest.raises(RefusedError):
        asked("1.1rc1", before)
