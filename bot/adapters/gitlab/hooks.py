"""Webhooks of groups and projects, and what became of their deliveries.

Source: lib/api/project_hooks.rb, ee/lib/api/group_hooks.rb, lib/api/hooks/*.rb, lib/api/entities/web_hook_log.rb.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from bot.adapters.gitlab.answers import parse_time
from bot.adapters.gitlab.client import Api, Json
from bot.domain.errors import RefusedError
from bot.domain.hooks import Delivery, DeliveryLog, Hook, HookPlace, HookStatus, HookWish, PlaceKind

PER_PAGE = 20  # GitLab lists no more deliveries on one page
MOST_ROWS = 200  # each carries its payload: a busy group's log is not read to its end
TAKEN = "successful"
# A redirect is no failure to GitLab, which does not follow it: nobody took the delivery.
NOT_TAKEN = "client_failure,server_failure,301,302,303,307,308"
# What the refusal of a test or redelivery is told with: disabled, refused by the receiver, or forgotten by now.
REFUSALS = (404, 422)
OVERSIZE = {"oversize": True}


class GitLabHooks:
    """See bot.ports.gitlab.Hooks and HookLog."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def hooks(self, place: HookPlace) -> tuple[Hook, ...]:
        """All hooks of a place, oldest first."""
        rows = (self._api.read(_hook, row) for row in self._api.pages(_path(place)))
        return tuple(sorted(rows, key=lambda hook: hook.id))

    def create(self, place: HookPlace, wish: HookWish) -> Hook:
        """Make the hook."""
        row = self._api.send("post", _path(place), {"url": wish.url, "name": "Ropewalk", **_body(wish)})
        return self._api.read(_hook, row)

    def correct(self, place: HookPlace, hook_id: int, wish: HookWish) -> Hook:
        """Set events and secret. The address stays out of it: GitLab drops secrets when it changes."""
        return self._api.read(_hook, self._api.send("put", f"{_path(place)}/{hook_id}", _body(wish)))

    def remove(self, place: HookPlace, hook_id: int) -> None:
        """Delete a hook; one that is gone is gone."""
        try:
            self._api.send("delete", f"{_path(place)}/{hook_id}", {})
        except RefusedError as error:
            if error.status != 404:
                raise

    def deliveries(self, place: HookPlace, hook_id: int, *, taken: bool, since: datetime) -> DeliveryLog | None:
        """Those since a moment, newest first; None where GitLab keeps no such list (before 17.3)."""
        path = f"{_path(place)}/{hook_id}/events"
        found: list[Delivery] = []
        try:
            for row in self._api.pages(path, per_page=PER_PAGE, status=TAKEN if taken else NOT_TAKEN):
                delivery = self._api.read(_delivery, row)
                if delivery.at < since:
                    break
                if len(found) == MOST_ROWS:
                    return DeliveryLog(rows=tuple(found), complete=False)
                found.append(delivery)
        except RefusedError as error:
            if error.status != 404:
                raise
            return None
        return DeliveryLog(rows=tuple(found))

    def resend(self, place: HookPlace, hook_id: int, delivery_id: int) -> str:
        """GitLab answers 201 whatever the receiver said; only the status within tells."""
        path = f"{_path(place)}/{hook_id}/events/{delivery_id}/resend"
        try:
            status = self._api.read(_status, self._api.send("post", path, {}))
        except RefusedError as error:
            if error.status not in REFUSALS:
                raise
            return error.what
        return "" if 200 <= status < 300 else f"it was answered with {status}"

    def test(self, place: HookPlace, hook_id: int) -> str:
        """A made-up push; 422 when it was not taken, or when there is no commit to make one up from."""
        try:
            self._api.send("post", f"{_path(place)}/{hook_id}/test/push_events", {})
        except RefusedError as error:
            if error.status not in REFUSALS:
                raise
            return error.what
        return ""


def _path(place: HookPlace) -> str:
    kind = "groups" if place.kind is PlaceKind.GROUP else "projects"
    return f"/{kind}/{quote(place.key, safe='')}/hooks"


def _body(wish: HookWish) -> dict[str, Json]:
    return {
        "push_events": True,
        "tag_push_events": True,
        "pipeline_events": True,
        "merge_requests_events": True,
        **({"note_events": True} if wish.notes else {}),
        "enable_ssl_verification": True,
        "signing_token" if wish.signed else "token": wish.secret.reveal(),
    }


def _hook(row: Json) -> Hook:
    said = str(row.get("alert_status") or HookStatus.EXECUTABLE)
    return Hook(
        id=int(row["id"]),
        url=str(row["url"]),
        push=bool(row.get("push_events")),
        tag_push=bool(row.get("tag_push_events")),
        pipeline=bool(row.get("pipeline_events")),
        merge_requests=bool(row.get("merge_requests_events")),
        notes=bool(row.get("note_events")),
        verifies_tls=bool(row.get("enable_ssl_verification", True)),
        status=HookStatus(said) if said in set(HookStatus) else HookStatus.OTHER,
        disabled_until=parse_time(row.get("disabled_until")),
        signed=_told(row.get("signing_token_present")),
        token=_told(row.get("token_present")),
    )


def _told(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


def _delivery(row: Json) -> Delivery:
    number, at = int(row["id"]), parse_time(row["created_at"])
    if at is None:
        raise ValueError("a delivery without a time")
    headers, data = row.get("request_headers") or {}, row.get("request_data") or {}
    attributes = data.get("object_attributes") or {}
    key = headers.get("webhook-id") or headers.get("Idempotency-Key")
    pipeline = row.get("trigger") == "pipeline_hooks" and attributes.get("status")
    user = data.get("user_id")
    return Delivery(
        id=number,
        # Before 17.4 a redelivery had nothing in common with the first delivery: then each stands for itself.
        key=str(key) if key else f"delivery {number}",
        trigger=str(row.get("trigger") or ""),
        url=str(row["url"]),
        status=str(row.get("response_status") or ""),
        at=at,
        user_id=user if isinstance(user, int) else None,
        pipeline_status=str(pipeline) if pipeline else None,
        whole=data != OVERSIZE,
    )


def _status(row: Json) -> int:
    return int(row["response_status"])
