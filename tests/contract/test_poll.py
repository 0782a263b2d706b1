"""The poll against the embedded GitLab: every tag that appears, moves or goes is found, once, and cheaply."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.watch.poll import ALL, Watcher
from bot.watch.scope import Scope
from tests.contract.poll_watch import LONG, MANY, Watch, watching
from tests.contract.sandbox_org import LEVELS, git, organisation, receiving


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with organisation() as org:
        yield watching(org, tmp_path)


# the first poll


def test_since_now_takes_what_is_there_as_known(watch: Watch) -> None:
    """Tags of before the first start are the baseline; those after it are news, also after a restart."""
    project = watch.org.project
    watch.tag(project, "v1", message="annotated")
    watch.tag(project, "v2")
    watch.later(timedelta(minutes=10))
    assert watch.poll() == []
    assert watch.store.intake.known(project.id).tags == dict.fromkeys(("v1", "v2"), project.git.resolve("main"))
    watch.tag(project, "v3")
    assert watch.poll() == [("acme/tools/widget", "v3", "created")]
    assert watch.releases() == {("acme/tools/widget", "v3")}


def test_what_is_pushed_within_the_second_of_the_first_start_is_found(watch: Watch) -> None:
    """A tagger's date has whole seconds: a tag made right after the first start may seem older than it."""
    project = watch.org.project
    watch.later(timedelta(minutes=10))
    watch.watcher.poll()  # fixes the moment; nothing was looked at yet
    watch.tag(project, "v1", message="annotated")
    watch.tag(project, "v2")
    assert [one[1] for one in watch.poll()] == ["v1", "v2"]


def test_a_start_fixes_the_moment_without_another_question(watch: Watch) -> None:
    """From the very first start on tags count, whenever the first poll comes; later starts do not move the moment."""
    project = watch.org.project
    watch.tag(project, "v1", message="annotated")
    watch.later(timedelta(minutes=10))
    watch.requests()
    watch.watcher.begin()
    assert watch.requests() == []
    watch.tag(project, "v2", message="annotated")
    watch.later(timedelta(minutes=10))
    watch.watcher.begin()
    assert [one[1] for one in watch.poll()] == ["v2"]


def test_since_all_takes_everything_as_new(watch: Watch) -> None:
    """Every tag there is; a release for those a rule covers."""
    watch.tag(watch.org.project, "v1")
    watch.tag(watch.org.project, "nightly", message="annotated")
    watch.watcher = replace(watch.watcher, configured=ALL)
    assert [one[1] for one in watch.poll()] == ["nightly", "v1"]
    assert watch.releases() == {("acme/tools/widget", "v1")}
    assert watch.poll() == []


def test_since_a_time_takes_what_is_surely_younger(watch: Watch) -> None:
    """An annotated tag has a time of its own; a lightweight one is younger if its commit is or an event says so."""
    project = watch.org.project
    watch.tag(project, "v1-annotated-before", message="x")
    watch.tag(project, "v1-light-before")
    watch.later(LONG)
    watch.watcher = replace(watch.watcher, configured=watch.org.world.clock.now())
    watch.later(timedelta(minutes=5))
    watch.tag(project, "v2-light-on-old")
    watch.tag(project, "v3-annotated-on-old", message="x")
    watch.org.world.commit(project, "main", "new", {"new": "x"}, watch.org.people["maintainer"])
    watch.tag(project, "v4-light-on-new")
    assert [one[1] for one in watch.poll()] == ["v2-light-on-old", "v3-annotated-on-old", "v4-light-on-new"]


# what happens to tags


def test_tags_of_every_kind_are_found_once(watch: Watch) -> None:
    """Annotated, lightweight, lightweight on an old commit (not first in any order)."""
    project = watch.org.project
    old = project.git.resolve("main")
    assert old is not None
    for number in range(3):
        watch.org.world.commit(project, "main", "more", {"more": str(number)}, watch.org.people["maintainer"])
        watch.tag(project, f"v0.{number}")
    watch.later(timedelta(minutes=1))
    watch.poll()
    watch.tag(project, "v1", message="annotated")
    watch.tag(project, "v2")
    watch.tag(project, "v3", old)
    wanted = [("acme/tools/widget", name, "created") for name in ("v1", "v2", "v3")]
    assert watch.poll() == wanted
    assert watch.poll() == []
    shas = {one.id.ref: one.id.sha for one in watch.store.releases.releases()}
    assert shas == {"v1": project.git.resolve("main"), "v2": project.git.resolve("main"), "v3": old}


def test_a_moved_a_deleted_and_a_recreated_tag(watch: Watch) -> None:
    """Each is told as what it is; annotating anew at the same commit is no change."""
    project, maintainer = watch.org.project, watch.org.people["maintainer"]
    first = watch.tag(project, "v1")
    watch.tag(project, "v2")
    watch.poll()
    second = watch.org.world.commit(project, "main", "two", {"two": "x"}, maintainer)
    watch.untag(project, "v1")
    watch.tag(project, "v1", second)
    watch.untag(project, "v2")
    name = "acme/tools/widget"
    assert watch.poll() == [(name, "v1", "moved"), (name, "v2", "deleted")]
    assert watch.poll() == []
    watch.tag(project, "v2", first)
    assert watch.poll() == [(name, "v2", "created")]
    watch.untag(project, "v2")
    watch.tag(project, "v2", first, message="annotated now")
    assert watch.poll() == []
    assert watch.releases() == {(name, "v1"), (name, "v2")}


def test_five_tags_in_one_push_send_no_hook_and_are_all_found(watch: Watch) -> None:
    """GitLab tells nobody about a push of more than three tags, save in one event without names."""
    org, project = watch.org, watch.org.project
    watch.poll()
    with receiving() as receiver:
        hook = {"url": receiver.url, "tag_push_events": True, "push_events": False}
        assert org.call("POST", f"/projects/{project.id}/hooks", json=hook).status_code == 201
        folder = org.clone(project, "many")
        names = [f"v1.{number}" for number in range(5)]
        for name in names:
            git(folder, "tag", name)
        git(folder, "push", "-q", "origin", "--tags")
        org.control("POST", "hooks/drain")
        assert receiver.received == []
    events = org.call("GET", f"/projects/{project.id}/events", params={"action": "pushed"}).json()
    assert events[0]["push_data"]["ref_count"] == 5
    assert events[0]["push_data"]["ref"] is None
    assert [one[1] for one in watch.poll()] == names
    assert len(watch.releases()) == 5


# which projects


def test_a_project_created_later_is_found_with_its_tags(watch: Watch) -> None:
    """A new project has no baseline: what is younger than the first start is new in it."""
    watch.poll()
    watch.later(timedelta(days=30))
    watch.poll()
    project = watch.org.world.create_project("acme/new/born", files={"a": "b"})
    watch.tag(project, "v1")
    watch.tag(project, "v2", message="annotated")
    assert watch.poll() == [("acme/new/born", "v1", "created"), ("acme/new/born", "v2", "created")]
    assert watch.poll() == []


@pytest.mark.slow
def test_only_projects_in_scope_are_asked_for_their_tags(tmp_path: Path) -> None:
    """Another group, an excluded path and an archived project cost nothing and give nothing, at any poll."""
    with organisation() as org:
        scope = Scope(groups=("acme",), projects=("other/one",), topics=("wheels",), exclude=("acme/old/**",))
        watch = watching(org, tmp_path, since=ALL, scope=scope)
        paths = ("acme/in", "acme/old/x", "acme/archived", "other/one", "other/two", "topic/yes", "acmes/no")
        made = {path: org.world.create_project(path, files={"a": "b"}) for path in paths}
        for project in made.values():
            org.world.add_member(project, org.people["owner"], LEVELS["owner"])
            watch.tag(project, "v1")
        made["acme/archived"].archived = True
        made["topic/yes"].topics.append("wheels")
        inside = {"acme/in", "other/one", "topic/yes"}
        ids = {str(made[path].id) for path in inside} | {str(org.project.id)}
        for wanted in (inside, set()):
            watch.requests()
            assert {one[0] for one in watch.poll()} == wanted
            asked = {path.split("/")[4] for path in watch.requests() if "/repository/tags" in path}
            assert asked == ids
        for project in made.values():
            watch.tag(project, "v2")
        assert {one[0] for one in watch.poll()} == inside


@pytest.mark.slow
def test_an_idle_poll_costs_next_to_nothing(watch: Watch) -> None:
    """With forty projects and nothing new for an hour a poll is at most three requests, time after time."""
    for number in range(40):
        watch.org.world.create_project(f"acme/many/p{number:03}", files={"a": "b"}, tags=("v1",))
    watch.poll()
    watch.later(LONG)
    watch.poll()
    for _ in range(2):
        watch.later(timedelta(minutes=1))
        watch.requests()
        assert watch.poll() == []
        assert len(watch.requests()) <= 3


# projects come, go and change


def test_a_daemon_that_was_down_for_two_days_catches_up(watch: Watch, tmp_path: Path) -> None:
    """Every tag of 48 hours in many projects, a project made and one removed meanwhile; what was known stays known."""
    org = watch.org
    made = [org.world.create_project(f"acme/p{number}", files={"a": "b"}, tags=("v0",)) for number in range(5)]
    watch.poll()
    watch.store.close()
    for hours in range(48):
        watch.later(timedelta(hours=1), heard=False)
        watch.tag(made[hours % 5], f"v1.{hours}")
    born = org.world.create_project("acme/born", files={"a": "b"})
    watch.tag(born, "v1")
    org.world.remove_project(made[4])
    again = watching(org, tmp_path)
    found = again.poll()
    wanted = [(f"acme/p{hours % 5}", f"v1.{hours}", "created") for hours in range(48) if hours % 5 != 4]
    assert found == sorted([*wanted, ("acme/born", "v1", "created")])
    assert again.poll() == []
    again.store.close()


def test_a_project_that_is_renamed_or_moved_keeps_what_is_known_of_it(watch: Watch) -> None:
    """Its id stays: no tag of it is new under the new name, and later ones are told under it."""
    project = watch.org.project
    watch.tag(project, "v1")
    watch.later(timedelta(minutes=1))
    watch.poll()
    watch.org.world.move_project(project, "acme/elsewhere/cordage")
    watch.later(LONG)
    assert watch.poll() == []
    watch.tag(project, "v2")
    assert watch.poll() == [("acme/elsewhere/cordage", "v2", "created")]


def test_a_project_that_moves_into_scope_is_found_though_nothing_happened_in_it(watch: Watch) -> None:
    """A transfer is no activity: listing all that is in scope, once an hour, finds it. Older tags are not news."""
    project = watch.org.world.create_project("foreign/rope", files={"a": "b"}, tags=("v1",))
    watch.org.world.add_member(project, watch.org.people["owner"], LEVELS["owner"])
    watch.later(LONG)
    watch.poll()
    watch.org.world.move_project(project, "acme/rope")
    watch.later(timedelta(minutes=61))
    assert watch.poll() == []
    assert watch.store.enrolment.watched(project.id)
    watch.tag(project, "v2")
    assert watch.poll() == [("acme/rope", "v2", "created")]


@pytest.mark.parametrize("how", ["deleted", "archived", "moved away", "membership lost"])
def test_a_project_that_leaves_is_watched_no_longer_and_caught_up_with_when_it_is_back(watch: Watch, how: str) -> None:
    """It leaves when the scope is listed anew, and is named; back again, what happened meanwhile is found."""
    world = watch.org.world
    project = world.create_project("other/rope", files={"a": "b"})
    owner = watch.org.people["owner"]
    world.add_member(project, owner, LEVELS["owner"])
    watch.watcher = watching_too(watch.watcher, "other/rope")
    watch.poll()
    watch.later(timedelta(minutes=61))
    if how == "deleted":
        world.remove_project(project)
    elif how == "archived":
        project.archived = True
    elif how == "moved away":
        world.move_project(project, "third/rope")
    else:
        del project.members[owner.id]
    assert watch.watcher.tick(MANY).left == ("other/rope",)
    assert not watch.store.enrolment.watched(project.id)
    if how == "deleted":
        return
    watch.tag(project, "v1")
    watch.later(timedelta(minutes=61))
    project.archived = False
    world.move_project(project, "other/rope")
    world.add_member(project, owner, LEVELS["owner"])
    assert watch.poll() == [("other/rope", "v1", "created")]


def watching_too(watcher: Watcher, path: str) -> Watcher:
    """The watcher with one project more in its scope."""
    scope = replace(watcher.scope, projects=(path,))
    return replace(watcher, scope=scope, enroller=replace(watcher.enroller, scope=scope))
