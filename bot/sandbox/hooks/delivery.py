"""Sending hooks: headers, signature, one attempt, a log of what came back.

Source: app/services/web_hook_service.rb, app/workers/web_hook_worker.rb (HTTP failures are not retried).
"""

import ipaddress
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from itertools import count
from urllib.parse import urlsplit

import httpx
from standardwebhooks.webhooks import Webhook

from bot.sandbox.hooks import health
from bot.sandbox.hooks.payloads import Payload
from bot.sandbox.hooks.tampering import HeldParcel, HookFault, Parcel, Tampering
from bot.sandbox.world.settings import Delivery, Hook

TIMEOUT_SECONDS = 10.0
BODY_LIMIT_BYTES = 25 * 1024 * 1024
INTERNAL_ERROR = "internal error"
"""The status of a delivery that got no answer."""
_WORKERS = 4
_LOGGED_BODY = 8192
_LOGGED_HEADERS = 50
_REDACTED = "[REDACTED]"

EVENT_NAMES = {
    "push": "Push Hook",
    "tag_push": "Tag Push Hook",
    "issue": "Issue Hook",
    "note": "Note Hook",
    "confidential_note": "Confidential Note Hook",
    "merge_request": "Merge Request Hook",
    "pipeline": "Pipeline Hook",
    "build": "Job Hook",
    "release": "Release Hook",
    "emoji": "Emoji Hook",
    "access_token": "Resource Access Token Hook",
}
"""`X-Gitlab-Event` of project and group hooks by `object_kind` (confidential notes: `event_type`); every system hook
says "System Hook"."""

TRIGGERS = {
    "push": "push_events",
    "tag_push": "tag_push_events",
    "issue": "issues_events",
    "note": "note_events",
    "confidential_note": "confidential_note_events",
    "merge_request": "merge_requests_events",
    "pipeline": "pipeline_events",
    "build": "job_events",
    "release": "releases_events",
    "emoji": "emoji_events",
    "access_token": "resource_access_token_events",
    "repository_update": "repository_update_events",
}
"""Which switch of a hook lets a payload through."""


_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)


def _without_emails(body: bytes) -> bytes:
    """A payload as GitLab logs it. Source: app/models/hooks/web_hook_log.rb, `redact_user_emails`."""
    return json.dumps(_redacted(json.loads(body))).encode()


def _redacted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _redacted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    return _REDACTED if isinstance(value, str) and _EMAIL.fullmatch(value) else value


def is_loopback(url: str) -> bool:
    """Whether `url` is http(s) to this machine; the sandbox calls nobody else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


class HookSender:
    """Delivers payloads from worker threads. `drain()` waits for what is under way, `close()` ends it.

    `auto_disable` is GitLab's ops flag of that name. `crowded` counts a call for a top-level namespace and says whether
    it is one too many: such calls are dropped. `faults` tamper with deliveries; `news` tells of held ones.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        instance_url: Callable[[], str],
        next_id: Callable[[str], int],
        crowded: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.auto_disable = False
        self.faults: dict[int, HookFault] = {}
        self.held: dict[int, HeldParcel] = {}
        self.news = threading.Condition()
        self.ids = count(1)
        self._now = now
        self._instance_url = instance_url
        self._next_id = next_id
        self._crowded = crowded
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="hook")
        self._pending: set[Future[None]] = set()

    @cached_property
    def _client(self) -> httpx.Client:
        """Made for the first delivery: to read which authorities it trusts takes longer than all else of a start."""
        return httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)

    def send(self, hook: Hook, payload: Payload, *, namespace: str | None = None) -> None:
        """Queue one delivery. `namespace` is the top-level group of a project or group hook, None for a system hook.

        Dropped without a trace: calls of a disabled hook, and more calls of a namespace than it may make.
        """
        if not self.executable(hook) or (namespace is not None and self._crowded(namespace)):
            return
        parcel = self._parcel(hook, payload, system=namespace is None)
        fault = next((one for one in list(self.faults.values()) if one.strikes(parcel)), None)
        if fault is None:
            self._queue([parcel])
        elif fault.kind is Tampering.DOUBLE:
            self._queue([parcel, parcel])
        elif fault.kind is Tampering.HOLD:
            with self.news:
                held = HeldParcel(id=next(self.ids), parcel=parcel)
                self.held[held.id] = held
                self.news.notify_all()
        elif fault.kind is Tampering.REORDER:
            with self.news:
                fault.waiting.append(parcel)
                full = fault.waiting[::-1] if len(fault.waiting) >= fault.count else []
                if full:
                    fault.waiting.clear()
            self._queue(full)

    def release(self, numbers: Iterable[int]) -> None:
        """Send held deliveries, one after the other in the order of their `numbers`."""
        with self.news:
            parcels = [self.held.pop(number).parcel for number in list(numbers) if number in self.held]
        self._queue(parcels)

    def test(self, hook: Hook, payload: Payload, trigger: str) -> Delivery:
        """Deliver now, disabled or not, and wait for the answer; a success enables the hook again."""
        parcel = self._parcel(hook, payload, system=False)
        return self._post(Parcel(hook=hook, trigger=trigger, event=parcel.event, body=parcel.body, key=parcel.key))

    def resend(self, hook: Hook, past: Delivery) -> Delivery:
        """Deliver again what the log holds, under the same key, and wait for the answer."""
        event = past.request_headers["X-Gitlab-Event"]
        return self._post(Parcel(hook=hook, trigger=past.trigger, event=event, body=past.body, key=past.key))

    def executable(self, hook: Hook) -> bool:
        """Whether the hook is called at all."""
        return self.alert_status(hook) == "executable"

    def alert_status(self, hook: Hook) -> str:
        """GitLab's `alert_status`; system hooks are never disabled."""
        if not self.auto_disable or hook.system:
            return "executable"
        return health.status(hook, self._now())

    def _parcel(self, hook: Hook, payload: Payload, *, system: bool) -> Parcel:
        kind = str(payload.get("object_kind") or payload["event_name"])
        if payload.get("event_type") == "confidential_note":
            kind = "confidential_note"  # the object is a note; header and switch tell it apart
        return Parcel(
            hook=hook,
            trigger=TRIGGERS.get(kind, kind),
            event="System Hook" if system else EVENT_NAMES[kind],
            body=json.dumps(payload).encode(),
            key=str(uuid.uuid4()),
        )

    def _queue(self, parcels: list[Parcel]) -> None:
        """Deliver in this order, from one worker."""
        if not parcels:
            return
        future = self._pool.submit(self._deliver, parcels)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    def _deliver(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            if self.executable(parcel.hook):
                self._post(parcel)

    def _headers(self, parcel: Parcel, now: datetime) -> dict[str, str]:
        """Custom headers, then GitLab's, which win."""
        hook = parcel.hook
        headers = {
            **hook.custom_headers,
            "Content-Type": "application/json",
            "User-Agent": "GitLab/19.3.0-pre",
            "Idempotency-Key": parcel.key,
            "X-Gitlab-Event": parcel.event,
            "X-Gitlab-Webhook-UUID": hook.uuid,
            "X-Gitlab-Instance": self._instance_url(),
            "X-Gitlab-Event-UUID": str(uuid.uuid4()),
            "webhook-id": parcel.key,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if hook.token:
            headers["X-Gitlab-Token"] = hook.token
        if hook.signing_token:
            headers["webhook-signature"] = str(
                Webhook(hook.signing_token).sign(msg_id=parcel.key, timestamp=now, data=parcel.body.decode())
            )
        return headers

    def _post(self, parcel: Parcel) -> Delivery:
        """One attempt, logged; what it says about the receiver is remembered."""
        hook, now = parcel.hook, self._now()
        headers = self._headers(parcel, now)
        secret = {"X-Gitlab-Token", *hook.custom_headers}
        delivery = Delivery(
            id=self._next_id("hook_delivery"),
            trigger=parcel.trigger,
            url=hook.url,
            request_headers={name: _REDACTED if name in secret else value for name, value in headers.items()},
            body=_without_emails(parcel.body),
            key=parcel.key,
            created_at=now,
        )
        hook.deliveries.append(delivery)
        started = time.monotonic()
        try:
            if len(parcel.body) > BODY_LIMIT_BYTES:
                delivery.response_status, delivery.error = INTERNAL_ERROR, "payload is too large"
                return delivery
            answer = self._client.post(hook.url, content=parcel.body, headers=headers)
            delivery.response_headers = dict(list(answer.headers.items())[:_LOGGED_HEADERS])
            delivery.response_body = answer.text[:_LOGGED_BODY]
            delivery.response_status = str(answer.status_code)
        except httpx.HTTPError as error:
            delivery.response_status, delivery.error = INTERNAL_ERROR, f"{type(error).__name__}: {error}"
        finally:
            delivery.execution_duration = time.monotonic() - started
            self._learn(hook, delivery)
        return delivery

    def _learn(self, hook: Hook, delivery: Delivery) -> None:
        """A redirect counts as a success, as in GitLab."""
        if not self.auto_disable or hook.system:
            return
        with self.news:
            if delivery.response_status[:1] in ("2", "3"):
                health.succeeded(hook)
            else:
                health.failed(hook, self._now())

    def drain(self) -> None:
        """Wait until everything queued so far has been answered or has failed; what is held is not waited for."""
        for future in list(self._pending):
            future.result()

    def close(self) -> None:
        """Let what is under way finish; refuse more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if "_client" in self.__dict__:
            self._client.close()
