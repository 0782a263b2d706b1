"""Events of the sandbox: the limits and the days that make them a poor thing to watch by."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.sandbox.world.places import ACTIVITY_INTERVAL
from tests.contract.sandbox_org import Org, organisation


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


def titles(org: Org, path: str, who: str = "maintainer") -> list[str]:
    answer = org.call("GET", path, who)
    assert answer.status_code == 200, answer.text
    return [one["push_data"]["commit_title"] for one in answer.json() if one["push_data"]]


def push(org: Org, name: str, who: str = "maintainer") -> None:
    org.world.commit(org.project, "main", name, {"file": name}, org.people[who])


def test_scope_all_takes_the_twenty_newest_and_filters_only_those(org: Org) -> None:
    """GitLab: app/models/event_collection.rb, app/finders/events_finder.rb."""
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"])
    for number in range(25):
        push(org, f"Commit {number}")
    newest = [f"Commit {number}" for number in range(24, 4, -1)]
    assert titles(org, "/events?scope=all&per_page=100") == newest
    assert titles(org, "/events?scope=all&per_page=15&page=2") == newest[15:]
    assert titles(org, "/events?scope=all&sort=asc&per_page=100") == newest[::-1]
    first = org.call("GET", "/events?scope=all&action=created").json()
    assert first == [], "older events of that kind are beyond the twenty"


def test_scope_all_covers_member_projects_only_even_for_an_admin(org: Org) -> None:
    push(org, "Seen by members")
    assert titles(org, "/events?scope=all", "owner") == ["Seen by members"]
    assert titles(org, "/events?scope=all", "admin") == []
    assert titles(org, "/projects/1/events", "admin") == ["Seen by members"]


def test_after_means_later_than_the_end_of_that_day_and_before_earlier_than_its_start(org: Org) -> None:
    """GitLab: lib/api/helpers/events_helpers.rb. To include today, ask with yesterday."""
    push(org, "Today")
    today = org.world.clock.now().date()
    org.world.clock.offset = timedelta(days=1)
    push(org, "Tomorrow")
    path = "/projects/1/events"
    assert titles(org, f"{path}?after={today}") == ["Tomorrow"]
    assert titles(org, f"{path}?after={today - timedelta(days=1)}") == ["Tomorrow", "Today"]
    assert titles(org, f"{path}?before={today}") == []
    assert titles(org, f"{path}?before={today + timedelta(days=1)}") == ["Today"]
    assert org.call("GET", f"{path}?after=soon").json() == {"error": "after is invalid"}


def test_rows_one_may_not_see_leave_a_short_page_that_is_not_the_last(org: Org) -> None:
    """GitLab: lib/api/helpers/events_helpers.rb takes them out after paging."""
    secret = org.new_project("acme/secret")
    user = org.people["developer"]
    for number in range(3):
        push(org, f"Open {number}", "developer")
    for number in range(2):
        org.world.commit(secret, "main", f"Secret {number}", {"n": str(number)}, user)
    del secret.members[user.id]
    first = org.call("GET", "/events?per_page=3", "developer")
    assert [one["push_data"]["commit_title"] for one in first.json()] == ["Open 2"]
    assert (first.headers["X-Next-Page"], first.headers["X-Total"]) == ("2", "5")
    assert titles(org, "/events?per_page=3&page=2", "developer") == ["Open 1", "Open 0"]
    assert titles(org, f"/users/{user.id}/events", "maintainer")[:1] == ["Secret 1"]
    assert titles(org, "/users/developer/events", "outsider") == []


def test_activity_moves_when_the_last_move_is_an_hour_old_not_before(org: Org) -> None:
    """GitLab: app/models/event.rb, RESET_PROJECT_ACTIVITY_INTERVAL. A note or a tag counts as much as a push."""
    born = org.project.last_activity_at
    org.world.clock.offset = ACTIVITY_INTERVAL - timedelta(minutes=1)
    push(org, "Too soon")
    assert org.project.last_activity_at == born
    org.world.clock.offset = ACTIVITY_INTERVAL + timedelta(minutes=1)
    org.world.create_tag(org.project, "v1", "main", org.people["maintainer"])
    moved = org.project.last_activity_at
    assert moved - born >= ACTIVITY_INTERVAL
    org.world.clock.offset += timedelta(minutes=10)
    push(org, "Ten minutes after the tag")
    assert org.project.last_activity_at == moved
    asked = (moved - timedelta(hours=1)).isoformat().replace("+", "%2B")
    rows = org.call("GET", f"/projects?last_activity_after={asked}&simple=true").json()
    assert [one["path_with_namespace"] for one in rows] == ["acme/tools/widget"]
