"""Sending hooks: headers, signature, one attempt, a log of what came back.

Source: app/services/web_hook_service.rb, app/workers/web_hook_worker.rb (HTTP failures are not retried).
"""

import ipaddress
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from urllib.parse import urlsplit

import httpx
from standardwebhooks.webhooks import Webhook

from bot.sandbox.hooks.payloads import Payload
from bot.sandbox.world.settings import Delivery, Hook

TIMEOUT_SECONDS = 10.0
BODY_LIMIT_BYTES = 25 * 1024 * 1024
_WORKERS = 4
_LOGGED_BODY = 4096

EVENT_NAMES = {
    "push": "Push Hook",
    "tag_push": "Tag Push Hook",
    "merge_request": "Merge Request Hook",
    "pipeline": "Pipeline Hook",
    "build": "Job Hook",
    "release": "Release Hook",
}
"""`X-Gitlab-Event` of project hooks by `object_kind`; every system hook says "System Hook"."""

TRIGGERS = {
    "push": "push_events",
    "tag_push": "tag_push_events",
    "merge_request": "merge_requests_events",
    "pipeline": "pipeline_events",
    "build": "job_events",
    "release": "releases_events",
    "repository_update": "repository_update_events",
}
"""Which switch of a hook lets a payload through."""


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
    """Delivers payloads from worker threads. `drain()` waits for what is under way, `close()` ends it."""

    def __init__(
        self, now: Callable[[], datetime], instance_url: Callable[[], str], next_id: Callable[[str], int]
    ) -> None:
        self._now = now
        self._instance_url = instance_url
        self._next_id = next_id
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="hook")
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)
        self._pending: set[Future[None]] = set()

    def send(self, hook: Hook, payload: Payload, *, system: bool = False) -> Delivery:
        """Queue one delivery; the returned record is filled in when the receiver has answered."""
        kind = str(payload.get("object_kind") or payload["event_name"])
        delivery = self._prepare(
            hook,
            trigger=TRIGGERS[kind],
            event="System Hook" if system else EVENT_NAMES[kind],
            body=json.dumps(payload).encode(),
            key=str(uuid.uuid4()),
        )
        if len(delivery.body) > BODY_LIMIT_BYTES:
            delivery.response_status, delivery.response_body = "internal error", "payload too large"
            return delivery
        future = self._pool.submit(self._post, delivery)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        return delivery

    def resend(self, hook: Hook, past: Delivery) -> Delivery:
        """Deliver again, with the same body and key, and wait for the answer."""
        event = past.request_headers["X-Gitlab-Event"]
        delivery = self._prepare(hook, trigger=past.trigger, event=event, body=past.body, key=past.key)
        self._post(delivery)
        return delivery

    def _prepare(self, hook: Hook, *, trigger: str, event: str, body: bytes, key: str) -> Delivery:
        now = self._now()
        delivery = Delivery(
            id=self._next_id("hook_delivery"),
            trigger=trigger,
            url=hook.url,
            request_headers=self._headers(hook, event, body, key, now),
            body=body,
            key=key,
            created_at=now,
        )
        hook.deliveries.append(delivery)
        return delivery

    def _headers(self, hook: Hook, event: str, body: bytes, key: str, now: datetime) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitLab/19.3.0-pre",
            "Idempotency-Key": key,
            "X-Gitlab-Event": event,
            "X-Gitlab-Webhook-UUID": hook.uuid,
            "X-Gitlab-Instance": self._instance_url(),
            "X-Gitlab-Event-UUID": str(uuid.uuid4()),
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if hook.token:
            headers["X-Gitlab-Token"] = hook.token
        if hook.signing_token:
            headers["webhook-signature"] = str(
                Webhook(hook.signing_token).sign(msg_id=key, timestamp=now, data=body.decode())
            )
        return headers

    def _post(self, delivery: Delivery) -> None:
        started = time.monotonic()
        try:
            answer = self._client.post(delivery.url, content=delivery.body, headers=delivery.request_headers)
            delivery.response_body = answer.text[:_LOGGED_BODY]
            delivery.response_status = str(answer.status_code)
        except httpx.HTTPError as error:
            delivery.response_body = f"{type(error).__name__}: {error}"
            delivery.response_status = "internal error"
        finally:
            delivery.execution_duration = time.monotonic() - started

    def drain(self) -> None:
        """Wait until everything queued so far has been answered or has failed."""
        for future in list(self._pending):
            future.result()

    def close(self) -> None:
        """Let what is under way finish; refuse more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()
