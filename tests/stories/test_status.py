"""What a daemon shows of itself, while it runs and after, and how it keeps still when GitLab says so."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.stories.bot import Bot, Daemon
from tests.stories.town import Town
from tests.waiting import until

pytestmark = pytest.mark.slow


def metrics(daemon: Daemon) -> dict[str, float]:
    """Samples without labels by name, others as `name{value,…}`."""
    found = {}
    for family in text_string_to_metric_families(daemon.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(sample.labels[label] for label in sorted(sample.labels))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_a_daemon_shows_what_it_does(bot: Bot, town: Town, group: Group) -> None:
    """Metrics and status tell of the same release; without a daemon, status says so and since when."""
    before = bot.run("status", "--format", "json").json
    assert before["schema"] == "ropewalk.status/1"
    assert (before["daemon"]["alive"], before["budget"]) == (False, None)
    package = town.package(group)
    with bot.serving() as daemon:
        package.tag()
        (release,) = bot.ended(package.project.full_path)
        assert release.state is ReleaseState.PUBLISHED, release.next
        shown = metrics(daemon)
        assert shown["ropewalk_releases{published}"] == 1
        assert shown["ropewalk_releases_due"] == 0
        assert shown["ropewalk_turn_seconds_count"] >= 1
        assert shown["ropewalk_poll_lag_seconds"] < 60
        assert shown["ropewalk_gitlab_requests_total{reads,2xx}"] > 5
        assert shown["ropewalk_gitlab_requests_total{registry,unseen}"] >= 2
        assert 0 < shown["ropewalk_gitlab_budget_left{api}"] <= shown["ropewalk_gitlab_budget_size{api}"]
        beside = bot.run("status", "--format", "json").json
        assert beside["daemon"]["alive"] is True
        assert (beside["releases"]["published"], beside["due"], beside["projects"]) == (1, 0, 1)
        assert {line["name"] for line in beside["budget"]["limits"]} >= {"api", "files", "packages"}
        assert "alive" in bot.run("status").out
    after = bot.run("status", "--format", "json").json
    assert (after["daemon"]["alive"], after["daemon"]["stopped"]) == (False, True)
    assert after["daemon"]["polled_at"] is not None
    assert after["budget"]["requests_last_minute"] > 5


def test_a_daemon_that_is_refused_asks_no_more_until_it_may(bot: Bot, town: Town, group: Group) -> None:
    """GitLab says 429 to everything for ten minutes: sixty polls a minute send one request in all."""
    bot.config["watch"]["poll"] = "1s"
    package = town.package(group)
    with bot.serving() as daemon:
        bot.settled()  # poll and enrolment begin together, and would both be refused
        mark = town.mark()
        town.fault(kind="throttled", path="^/api/v4/", seconds=600, times=None)
        package.tag()
        until(lambda: metrics(daemon)["ropewalk_gitlab_put_off_total{api}"] >= 5)
        shown = metrics(daemon)
        assert shown["ropewalk_gitlab_refused_total{api}"] == 1
        assert shown["ropewalk_gitlab_paused_until_seconds{api}"] > 0
        refused = [
            one for one in town.requests(mark, user=None) if one.status == 429
        ]  # before anybody asked who we are
        assert len(refused) == 1
        assert daemon.get("/readyz").status_code == 200
