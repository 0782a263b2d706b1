"""A project's deploy freezes: two cron lines each, from the one until the other.

Source: lib/api/freeze_periods.rb, app/models/ci/freeze_period.rb. GitLab itself stops nothing in a freeze; it sets
`CI_DEPLOY_FREEZE` in jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter

from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.freezes import Freeze, Span

FIELDS = 5  # of a cron line
MOST_YEARS = 8  # between two matches: 29 February, over a year that is no leap year
OWNER = "whoever maintains the project"
PLACE = "in GitLab, under Settings > CI/CD > Deploy freezes"


class GitLabFreezePeriods:
    """See bot.ports.gitlab.FreezePeriods."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def freezes(self, project_id: int, now: datetime) -> tuple[Freeze, ...]:
        """Each period at most twice: as it holds now, and as it comes next."""
        rows = self._api.pages(f"/projects/{project_id}/freeze_periods")
        return tuple(freeze for row in rows for freeze in self._freezes(row, now))

    def _freezes(self, row: Json, now: datetime) -> Iterator[Freeze]:
        number, start, end, zone_name = self._api.read(_parts, row)
        try:
            zone = ZoneInfo(zone_name)
            spans = tuple(windows(start, end, zone, now))
        except (
            CroniterError,
            ZoneInfoNotFoundError,
            ValueError,
            OSError,
        ) as error:  # a zone may be a folder of the tz database
            raise RefusedError(
                what=f"deploy freeze {number} ({start} to {end}, {zone_name}) cannot be read: {error}",
                where=self._api.where,
                remedy=f"Correct it {PLACE}",
            ) from None
        for span in spans:
            yield Freeze(name=f"deploy freeze {number}", window=span, zone=zone, owner=OWNER, place=PLACE)


def windows(start: str, end: str, zone: ZoneInfo, now: datetime) -> Iterator[Span]:
    """What holds at `now`, and what comes next. Raises: CroniterError, ValueError.

    Frozen is it, as GitLab says, from a moment of `start` to the next one of `end`, unless another start comes before.
    """
    began, ended = (_moment(line, zone, now, back=True) for line in (start, end))
    begins, ends = (_moment(line, zone, now, back=False) for line in (start, end))
    if ended < began and ends < begins:
        yield Span(start=began, end=ends)
    then = _moment(end, zone, begins, back=False)
    if then < _moment(start, zone, begins, back=False):
        yield Span(start=begins, end=then)


def _moment(line: str, zone: ZoneInfo, now: datetime, *, back: bool) -> datetime:
    """The last moment of a cron line until `now`, `now` included, or the next one after it (UTC)."""
    if len(line.split()) != FIELDS:
        raise ValueError(f"`{line}` has not {FIELDS} fields")
    local = now.astimezone(zone)
    if back and croniter.match(line, local):
        return local.replace(second=0, microsecond=0).astimezone(UTC)
    steps = croniter(line, local, ret_type=datetime, max_years_between_matches=MOST_YEARS)
    found = steps.get_prev() if back else steps.get_next()
    assert isinstance(found, datetime), "as asked for"
    return found.astimezone(UTC)


def _parts(row: Json) -> tuple[int, str, str, str]:
    return int(row["id"]), str(row["freeze_start"]), str(row["freeze_end"]), str(row["cron_timezone"])
