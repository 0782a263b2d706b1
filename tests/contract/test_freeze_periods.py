"""GitLab's own deploy freezes: when they hold, as the adapter reads them, and what a release makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.adapters.gitlab.freeze_periods import GitLabFreezePeriods, windows
from bot.domain.errors import RefusedError
from bot.domain.freezes import Freeze, Span, frozen
from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Project
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org
from tests.contract.turn_bench import Bench, planned
from tests.unit.release_facts import NOON

WEEKEND = ("0 23 * * 5", "0 7 * * 1")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "zone", "now", "until"),
    [
        (WEEKEND, "UTC", "2026-11-28T12:00", "2026-11-30T07:00"),
        (WEEKEND, "UTC", "2026-11-27T22:59", None),
        (WEEKEND, "UTC", "2026-11-27T23:00", "2026-11-30T07:00"),
        (WEEKEND, "UTC", "2026-11-30T07:00", None),
        (WEEKEND, "Pacific/Auckland", "2026-11-27T10:30", "2026-11-29T18:00"),
        # Over the change of clocks: Sunday 29 March, 2:00 in Berlin, is 3:00.
        (WEEKEND, "Europe/Berlin", "2026-03-28T12:00", "2026-03-30T05:00"),
        (WEEKEND, "Europe/Berlin", "2026-10-24T12:00", "2026-10-26T06:00"),
        # Year after year, over its end.
        (("0 0 20 12 *", "0 0 4 1 *"), "UTC", "2026-12-31T23:00", "2027-01-04T00:00"),
        (("0 0 20 12 *", "0 0 4 1 *"), "UTC", "2027-01-05T00:00", None),
        # A start comes again before the end: GitLab does not call that a freeze.
        (("0 0 * * *", "0 7 * * 1"), "UTC", "2026-11-26T12:00", None),
    ],
)
def test_a_freeze_holds_from_one_line_to_the_other(
    lines: tuple[str, str], zone: str, now: str, until: str | None
) -> None:
    local, moment = ZoneInfo(zone), utc(now)
    periods = tuple(Freeze(name="f", window=span, zone=local) for span in windows(*lines, local, moment))
    holding = frozen(periods, moment)
    assert (holding and holding.until) == (until and utc(until))


def test_the_next_freeze_is_known_before_it_holds() -> None:
    """A release that begins a minute before it must not go on into it."""
    (span,) = windows(*WEEKEND, ZoneInfo("UTC"), utc("2026-11-27T22:59"))
    assert span == Span(start=utc("2026-11-27T23:00"), end=utc("2026-11-30T07:00"))


def _froze(org: Org, project: Project, **fields: str) -> int:
    answer = org.call("POST", f"/projects/{project.id}/freeze_periods", json=fields)
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    assert isinstance(number, int)
    return number


def test_freezes_are_read_with_their_zone_and_whom_to_ask(org: Org) -> None:
    project = org.new_project("acme/frozen")
    freezes = GitLabFreezePeriods(api(org.url, token=org.tokens["maintainer"]))
    assert freezes.freezes(project.id, utc("2026-11-28T12:00")) == ()
    number = _froze(org, project, freeze_start=WEEKEND[0], freeze_end=WEEKEND[1], cron_timezone="Europe/Berlin")
    found = freezes.freezes(project.id, utc("2026-11-28T12:00"))
    assert [one.window for one in found] == [
        Span(start=utc("2026-11-27T22:00"), end=utc("2026-11-30T06:00")),
        Span(start=utc("2026-12-04T22:00"), end=utc("2026-12-07T06:00")),
    ]
    assert {(one.name, one.zone.key) for one in found if isinstance(one.zone, ZoneInfo)} == {
        (f"deploy freeze {number}", "Europe/Berlin")
    }
    assert org.call("DELETE", f"/projects/{project.id}/freeze_periods/{number}").status_code == 204
    assert freezes.freezes(project.id, utc("2026-11-28T12:00")) == ()


def test_a_freeze_that_cannot_be_read_is_named(org: Org) -> None:
    """Rails knows zones by names of its own, and no 30 February ever comes."""
    project = org.new_project("acme/odd")
    freezes = GitLabFreezePeriods(api(org.url, token=org.tokens["maintainer"]))
    number = _froze(org, project, freeze_start=WEEKEND[0], freeze_end=WEEKEND[1])
    period = project.freeze_periods[number]
    odd = ("cron_timezone", "Eastern Time (US & Canada)"), ("freeze_end", "0 0 30 2 *"), ("freeze_end", "* * * * * *")
    for field, value in odd:
        period.cron_timezone = "UTC"
        setattr(period, field, value)
        with pytest.raises(RefusedError, match=f"deploy freeze {number} .* cannot be read"):
            freezes.freezes(project.id, NOON)


FREEZE = Freeze(
    name="deploy freeze 3", window=Span(start=NOON, end=NOON + timedelta(hours=1)), zone=UTC, owner="a maintainer",
    place="in GitLab",
)  # fmt: skip


def test_a_release_waits_for_gitlabs_freeze_where_policy_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.freezes.there = (FREEZE,)
    bench.wants = lambda wanted: replace(wanted, rule=replace(wanted.rule, deploy_freezes=True))
    release = bench.turn(planned())
    assert (release.state, bench.public_writes) == (ReleaseState.WAITING, [])
    assert (
        release.next == "frozen until Mon 2026-08-03 13:00 UTC by `deploy freeze 3`; a maintainer may lift it in GitLab"
    )
    bench.freezes.there = ()  # lifted
    assert bench.to_the_end(release).state is ReleaseState.PUBLISHED


def test_a_freeze_that_begins_while_the_facts_are_read_stops_the_first_upload(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    window = Span(start=NOON + timedelta(seconds=1), end=NOON + timedelta(hours=1))
    bench.freezes.there = (replace(FREEZE, window=window),)
    bench.wants = lambda wanted: replace(wanted, rule=replace(wanted.rule, deploy_freezes=True))

    def late(call: str) -> None:
        if call == "freezes":
            bench.clock.wait(timedelta(seconds=2))

    bench.wire.coming = late
    release = bench.turn(planned())
    assert (release.state, bench.public_writes) == (ReleaseState.WAITING, [])


def test_freezes_that_cannot_be_read_block(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.wants = lambda wanted: replace(wanted, rule=replace(wanted.rule, deploy_freezes=True))

    def refuse(call: str) -> None:
        if call == "freezes":
            raise RefusedError(what="403 for the freezes", where="gitlab", status=403)

    bench.wire.coming = refuse
    release = bench.turn(planned())
    assert (release.state, bench.public_writes) == (ReleaseState.BLOCKED, [])
    assert "cannot tell whether GitLab has a deploy freeze" in (release.next or "")


def test_without_a_word_in_policy_gitlab_is_not_asked(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.freezes.there = (FREEZE,)
    assert bench.to_the_end().state is ReleaseState.PUBLISHED
    assert "freezes" not in bench.wire.calls
