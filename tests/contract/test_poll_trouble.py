"""The poll when GitLab refuses, fails, or has another time than we: nothing is lost, nothing is hidden."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.watch.poll import CURSOR, ENROLLED
from bot.watch.scope import Scope
from tests.contract.poll_watch import LONG, MANY, Watch, told, watching
from tests.contract.sandbox_org import Org, organisation


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with organisation() as org:
        yield watching(org, tmp_path)


def fault(org: Org, path: str, **what: object) -> None:
    given = {"kind": "status", "path": path, "times": None} | what
    assert org.control("POST", "faults", json=given).status_code == 201


def test_a_project_that_refuses_is_skipped_and_named(watch: Watch) -> None:
    """A repository that nobody may read does not stop the others, and the poll goes on from there."""
    org = watch.org
    made = [org.world.create_project(f"acme/p{number}", files={"a": "b"}) for number in range(3)]
    watch.poll()
    for project in made:
        watch.tag(project, "v1")
    fault(org, f"/projects/{made[1].id}/repository/tags", status=403, body={"message": "403 Forbidden"})
    before = watch.store.intake.cursor(CURSOR)
    tick = watch.watcher.tick(MANY)
    assert [one[0] for one in told(tick)] == ["acme/p0", "acme/p2"]
    ((name, reason),) = tick.skipped
    assert name == "acme/p1"
    assert "403" in reason
    after = watch.store.intake.cursor(CURSOR)
    assert before is not None
    assert after is not None
    assert after >= before - timedelta(seconds=1), "GitLab tells its time to the second"


def test_a_refused_token_stops_the_tick_and_nothing_seems_looked_at(watch: Watch) -> None:
    """401 is about us, not about the project."""
    watch.poll()
    watch.tag(watch.org.project, "v1")
    watch.later(timedelta(minutes=1))
    fault(watch.org, "/repository/tags", status=401, body={"message": "401 Unauthorized"})
    with pytest.raises(CredentialsError):
        watch.poll()
    watch.org.control("DELETE", "faults")
    watch.later(LONG)
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]


@pytest.mark.slow
def test_one_project_out_of_order_hides_no_other_and_is_tried_again(watch: Watch) -> None:
    """A broken repository answers 500 for ever: the others are compared all the same, and it is asked again later."""
    org = watch.org
    made = [org.world.create_project(f"acme/p{number}", files={"a": "b"}) for number in range(3)]
    watch.poll()
    watch.later(timedelta(minutes=1))
    for project in made:
        watch.tag(project, "v1")
    fault(org, f"/projects/{made[0].id}/repository/tags", status=500)
    for wait in (0, 15, 30):  # seconds, doubling
        watch.pass_time(timedelta(seconds=wait))
        watch.requests()
        watch.poll()
        asked = [path for path in watch.requests() if f"/projects/{made[0].id}/repository/tags" in path]
        assert len(asked) == 1
        assert watch.releases() == {("acme/p1", "v1"), ("acme/p2", "v1")}
        watch.poll()
        assert asked[0] not in watch.requests()
    org.control("DELETE", "faults")
    watch.pass_time(timedelta(minutes=1))
    assert watch.poll() == [("acme/p0", "v1", "created")]


@pytest.mark.parametrize(
    ("path", "what", "most"),
    [
        ("/repository/tags", {"status": 503}, 5),
        ("/repository/tags", {"status": 429, "headers": {"Retry-After": "30"}}, 2),
        ("/repository/tags", {"kind": "reset"}, 5),
        ("/api/v4/projects[?]", {"status": 502}, 1),
    ],
)
def test_a_gitlab_that_is_unwell_is_left_alone(watch: Watch, path: str, what: dict[str, object], most: int) -> None:
    """After a few failures in a row the tick ends; a wait that GitLab asks for ends it at once; nothing is lost."""
    made = [watch.org.world.create_project(f"acme/p{number}", files={"a": "b"}) for number in range(10)]
    watch.poll()
    for project in made:
        watch.tag(project, "v1")
    fault(watch.org, path, **what)
    watch.requests()
    with suppress(TransientError):
        watch.poll()
    assert len(watch.requests()) <= most
    assert watch.releases() == set()
    watch.org.control("DELETE", "faults")
    watch.pass_time(timedelta(minutes=1))
    assert len(watch.poll()) == 10


def test_a_group_that_is_gone_is_refused_by_name(tmp_path: Path) -> None:
    """A first poll that cannot list what it was told to watch says which."""
    with organisation() as org:
        watch = watching(org, tmp_path, scope=Scope(groups=("acme", "nobody")))
        with pytest.raises(RefusedError, match="nobody"):
            watch.poll()
        assert watch.store.intake.cursor(ENROLLED) is None


# time


@pytest.mark.parametrize("days", [400, -400])
def test_gitlabs_clock_counts_not_ours(watch: Watch, days: int) -> None:
    """With 400 days between the clocks the baseline, the cursor and what is new are right; the first question tells."""
    watch.later(timedelta(days=days), heard=False)
    watch.org.project.last_activity_at = watch.org.world.clock.now()
    project = watch.org.world.create_project("acme/timely", files={"a": "b"})
    watch.tag(project, "v1", message="annotated")
    watch.later(timedelta(minutes=1), heard=False)
    assert watch.poll() == []
    cursor = watch.store.intake.cursor(CURSOR)
    assert cursor is not None
    assert abs(cursor - watch.org.world.clock.now()) < timedelta(seconds=30)
    watch.later(LONG)
    watch.poll()
    watch.tag(project, "v2", message="annotated")
    watch.tag(project, "v3")
    assert [one[1] for one in watch.poll()] == ["v2", "v3"]
    watch.later(timedelta(hours=2))
    watch.poll()
    watch.requests()
    assert watch.poll() == []
    assert len(watch.requests()) == 1


@pytest.mark.parametrize("minutes", [1, 10, 59])
@pytest.mark.parametrize("between", [False, True])
def test_a_tag_within_the_hour_of_another_event_is_found(watch: Watch, minutes: int, between: bool) -> None:
    """`last_activity_at` moves at most once an hour: a tag soon after something else leaves it where it was."""
    project = watch.org.project
    watch.poll()
    watch.later(LONG)
    watch.poll()
    watch.org.world.commit(project, "main", "busy", {"busy": "x"}, watch.org.people["maintainer"])
    moved = project.last_activity_at
    watch.later(timedelta(minutes=minutes) / 2)
    if between:
        assert watch.poll() == []
    watch.later(timedelta(minutes=minutes) / 2)
    watch.tag(project, "v1")
    assert project.last_activity_at == moved
    watch.later(timedelta(minutes=1))
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]


def test_a_clock_that_is_set_back_loses_nothing(watch: Watch) -> None:
    """GitLab's clock goes back two days: one poll later everything since then is looked at again."""
    project = watch.org.project
    watch.poll()
    watch.later(timedelta(days=2))
    watch.poll()
    watch.later(timedelta(days=-2), heard=False)
    watch.poll()
    watch.later(LONG)
    watch.tag(project, "v1")
    assert watch.poll() == [("acme/tools/widget", "v1", "created")]


def test_a_restart_goes_on_from_the_stored_cursor(watch: Watch, tmp_path: Path) -> None:
    """What happened while nobody looked is found by the next process, from the same state."""
    watch.poll()
    watch.store.close()
    watch.later(timedelta(days=3), heard=False)
    watch.tag(watch.org.project, "v1")
    watch.later(timedelta(days=1), heard=False)
    again = watching(watch.org, tmp_path)
    assert again.poll() == [("acme/tools/widget", "v1", "created")]
    again.store.close()
