"""The clock of the embedded GitLab, which tests and stories can move."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


class WorldClock:
    """Real time plus an offset. Everything the sandbox dates, the `Date` header included, reads this clock."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """The sandbox's present, UTC."""
        return datetime.now(UTC) + self.offset

    def http_date(self) -> str:
        """The present as an HTTP `Date` value (whole seconds)."""
        return format_datetime(self.now(), usegmt=True)


def stamp(moment: datetime) -> str:
    """`moment` as GitLab's REST API prints database times: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def stamp_or_none(moment: datetime | None) -> str | None:
    """`stamp`, or None for a moment that has not come."""
    return None if moment is None else stamp(moment)
