"""Push events of one project. Source: lib/api/events.rb, lib/api/helpers/events_helpers.rb, push_event_payload.rb."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.domain.refs import Pushed, RefKind

MOST_EVENTS = 2_000
DAY = timedelta(days=1)


class GitLabEvents:
    """See bot.ports.gitlab.Events."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def pushed(self, project_id: int, since: datetime) -> tuple[Pushed, ...]:
        """`after` is a day, and means later than its end."""
        after = (since - DAY).date().isoformat()
        rows = self._api.pages(f"/projects/{project_id}/events", action="pushed", after=after)
        found = (self._api.read(_pushed, row) for row in islice(rows, MOST_EVENTS))
        return tuple(one for one in found if one is not None and one.at >= since)


def _pushed(row: Json) -> Pushed | None:
    data, at = row.get("push_data") or {}, parse_time(row.get("created_at"))
    ref, sha, kind = data.get("ref"), data.get("commit_to"), data.get("ref_type")
    if not ref or not sha or at is None or kind not in ("tag", "branch"):
        return None  # removed, or one of many
    return Pushed(kind=RefKind(kind), ref=str(ref), sha=str(sha), at=at)
