"""What the adapters write to the embedded GitLab: releases, links, notes; each effect once."""

import pytest

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.notes import GitLabNotes
from bot.adapters.gitlab.releases import GitLabReleases
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.gitlab import ReleaseLink
from bot.sandbox.world.places import Project
from tests.contract.hostile import Asked, api, hostile, reply
from tests.contract.sandbox_org import Org

LINKS = (
    ReleaseLink(name="a-1.0.tar.gz", url="https://files.example/a-1.0.tar.gz"),
    ReleaseLink(name="a-1.0-py3-none-any.whl", url="https://files.example/a-1.0-py3-none-any.whl"),
)


def as_(org: Org, who: str = "maintainer") -> Api:
    return api(org.url, token=org.tokens[who])


def tagged(org: Org, path: str, tag: str = "v1/ü+1") -> Project:
    project = org.new_project(path)
    org.world.create_tag(project, tag, "main", org.people["maintainer"])
    return project


def test_a_release_is_made_read_described_and_linked(org: Org) -> None:
    """What was asked for is what is read back, for a tag whose name needs quoting."""
    project, releases = tagged(org, "acme/rel/whole"), GitLabReleases(as_(org))
    tag = "v1/ü+1"
    assert releases.release(project.id, tag) is None
    made = releases.create(project.id, tag=tag, name="One", description="*first*", links=LINKS[:1])
    assert (made.tag, made.name, made.description, made.links) == (tag, "One", "*first*", LINKS[:1])
    assert made.web_url
    releases.describe(project.id, tag, "second")
    releases.link(project.id, tag, LINKS[1])
    read = releases.release(project.id, tag)
    assert read is not None
    assert (read.description, set(read.links)) == ("second", set(LINKS))
    shown = org.call("GET", f"/projects/{project.id}/releases").json()[0]["assets"]["links"]
    assert {one["link_type"] for one in shown} == {"package"}


def test_somebody_quicker_made_the_release(org: Org) -> None:
    """409: theirs is returned as it stands and nothing of it is changed."""
    project, releases = tagged(org, "acme/rel/race"), GitLabReleases(as_(org))
    theirs = releases.create(project.id, tag="v1/ü+1", name="Theirs", description="d", links=())
    ours = releases.create(project.id, tag="v1/ü+1", name="Ours", description="e", links=LINKS)
    assert ours == theirs


def test_a_409_without_a_release_stays_refused() -> None:
    """A conflict that leaves nothing to read is told as GitLab told it."""

    def answer(asked: Asked) -> bytes:
        return reply(409 if asked.method == "POST" else 404, {"message": "Release already exists"})

    with hostile(answer) as server, pytest.raises(RefusedError) as caught:
        GitLabReleases(api(server.url)).create(1, tag="v1", name="n", description="d", links=())
    assert caught.value.status == 409
    assert [one.method for one in server.asked] == ["POST", "GET"]


MOVED = ReleaseLink(name=LINKS[0].name, url="https://x.example/y")


@pytest.mark.parametrize(
    ("link", "there"),
    [(LINKS[0], LINKS[0]), (ReleaseLink(name="other", url=LINKS[0].url), LINKS[0]), (MOVED, MOVED)],
)
def test_a_link_of_that_address_is_left_alone_and_one_of_that_name_led_there(
    org: Org, link: ReleaseLink, there: ReleaseLink
) -> None:
    """GitLab refuses a second link of one name or URL; that is done already or a link to be moved, not an error."""
    path = f"acme/rel/linked-{abs(hash(link)) % 10**8}"
    project, releases = tagged(org, path), GitLabReleases(as_(org))
    releases.create(project.id, tag="v1/ü+1", name="One", description="d", links=LINKS[:1])
    releases.link(project.id, "v1/ü+1", link)
    read = releases.release(project.id, "v1/ü+1")
    assert read is not None
    assert read.links == (there,)


def test_a_link_refused_for_another_reason_is_an_error(org: Org) -> None:
    """An address that GitLab does not take, or a release that is not there."""
    project, releases = tagged(org, "acme/rel/badlink"), GitLabReleases(as_(org))
    releases.create(project.id, tag="v1/ü+1", name="One", description="d", links=LINKS[:1])
    with pytest.raises(RefusedError) as caught:
        releases.link(project.id, "v1/ü+1", ReleaseLink(name="bad", url="gopher://nowhere"))
    assert caught.value.status == 400
    with pytest.raises(RefusedError) as missing:
        releases.link(project.id, "v9", LINKS[1])
    assert missing.value.status == 404


def test_a_protected_tag_without_the_right_is_a_matter_of_credentials(org: Org) -> None:
    """GitLab answers 403 even though the tag exists."""
    project = tagged(org, "acme/rel/protected")
    org.world.protect_tag(project, "v*")
    with pytest.raises(CredentialsError) as caught:
        GitLabReleases(as_(org, "developer")).create(project.id, tag="v1/ü+1", name="n", description="d", links=())
    assert caught.value.status == 403


def a_request(org: Org, path: str) -> tuple[Project, int]:
    project, developer = org.new_project(path), org.people["developer"]
    org.world.commit(project, "topic", "topic", {"topic": "x"}, developer)
    return project, org.world.create_merge_request(project, developer, "topic", "Topic").iid


@pytest.mark.slow
def test_notes_are_written_read_changed_and_removed(org: Org) -> None:
    """All notes, more than a page of them, oldest first, ours told by author; a changed body is the new one."""
    (project, iid), notes = a_request(org, "acme/notes/whole"), GitLabNotes(as_(org))
    made = [notes.create(project.id, iid, f"note {number}") for number in range(103)]
    assert {one.author_id for one in made} == {org.people["maintainer"].id}
    read = [one for one in notes.notes(project.id, iid) if not one.system]
    assert [one.id for one in read] == [one.id for one in made]
    notes.update(project.id, iid, made[0].id, "changed")
    notes.delete(project.id, iid, made[1].id)
    bodies = [one.body for one in notes.notes(project.id, iid) if not one.system]
    assert bodies[:2] == ["changed", "note 2"]
    with pytest.raises(RefusedError) as caught:
        notes.delete(project.id, iid, made[1].id)
    assert caught.value.status == 404


def test_a_note_that_was_only_commands_is_refused(org: Org) -> None:
    """202 without an id means that commands ran instead of a note being written: never taken for a note."""
    (project, iid), notes = a_request(org, "acme/notes/commands"), GitLabNotes(as_(org))
    with pytest.raises(RefusedError, match="not answered with a note"):
        notes.create(project.id, iid, "/label ~x")
    made = notes.create(project.id, iid, "words")
    with pytest.raises(RefusedError):
        notes.update(project.id, iid, made.id, "/label ~x")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", [b"", {}, {"id": None}, {"id": "5"}, [], {"commands_changes": {}, "summary": ["x"]}])
def test_any_answer_without_an_integer_id_is_refused(status: int, body: object) -> None:
    """Whatever the status: no id, no note."""
    data = b"" if status == 204 else body
    with hostile(lambda _: reply(status, data)) as server:
        notes = GitLabNotes(api(server.url))
        with pytest.raises(RefusedError):
            notes.create(1, 1, "x")
        with pytest.raises(RefusedError):
            notes.update(1, 1, 5, "x")


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_lost_reply_writes_once_and_is_told(org: Org, after_effect: bool) -> None:
    """The connection dies before or after the effect: one request, one TransientError."""
    (project, iid), notes = a_request(org, f"acme/notes/lost-{after_effect}".lower()), GitLabNotes(as_(org))
    notes.notes(project.id, iid)  # the connection is kept alive: a dead one invites a library to try again
    fault = {"kind": "reset", "path": "/notes", "method": "POST", "after_effect": after_effect, "times": None}
    number = org.control("POST", "faults", json=fault).json()["id"]
    org.control("DELETE", "requests")
    with pytest.raises(TransientError):
        notes.create(project.id, iid, "once")
    org.control("DELETE", f"faults/{number}")
    assert len(org.control("GET", "requests", params={"method": "POST", "path": "/notes"}).json()) == 1
    written = [one.body for one in notes.notes(project.id, iid) if not one.system]
    assert written == (["once"] if after_effect else [])
